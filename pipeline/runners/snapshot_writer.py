"""Saves snapshots on a thread of its own: to write and sync one takes longer than alarms may wait.

What is saved is a copy, taken between two rounds when the store was up to date with it; when it reaches the disk does
not matter, because everything behind it is stepped again.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from pathlib import Path

from model.errors import StoreFull
from store import snapshots
from store.disk import Disk
from store.snapshots import Snapshot


class SnapshotWriter:
    """One snapshot at a time; from one thread.

    Attributes:
        turns: snapshots begun; while it is busy it stands when they no longer rise.

    """

    def __init__(
        self, folder: Path, disk: Disk, *, on_full: Callable[[str], None], saving: Executor | None = None
    ) -> None:
        """Take the folder.

        Args:
            folder: of the snapshots.
            disk: that it is on.
            on_full: told of a full disk; the next snapshot is another try.
            saving: carries it out; None = a thread of its own.

        """
        self._folder, self._disk, self._on_full = folder, disk, on_full
        self._executor = saving or ThreadPoolExecutor(max_workers=1, thread_name_prefix="snapshot-writer")
        self._is_own = saving is None
        self._saving: Future[None] | None = None
        self.turns = 0

    @property
    def is_busy(self) -> bool:
        """Whether the one before is not saved yet; thread-safe."""
        saving = self._saving
        return saving is not None and not saving.done()

    def put(self, taken: Snapshot) -> None:
        """Save a snapshot when there is time, after the one before.

        Raises:
            OSError: the disk refused the one before.

        """
        self.wait()
        self.turns += 1
        self._saving = self._executor.submit(self._save, taken)

    def wait(self) -> None:
        """Wait until what was put is saved.

        Raises:
            OSError: the disk refused it.

        """
        saving, self._saving = self._saving, None
        if saving is not None:
            saving.result()

    def check(self) -> None:
        """See that the disk took the one before, where that is known.

        Raises:
            OSError: it did not.

        """
        if not self.is_busy:
            self.wait()

    def close(self) -> None:
        """End; what was put is saved."""
        self.wait()
        if self._is_own:
            self._executor.shutdown()

    def _save(self, taken: Snapshot) -> None:
        try:
            snapshots.save(self._folder, taken, disk=self._disk)
        except StoreFull as error:
            self._on_full(str(error))
