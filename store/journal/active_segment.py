"""The segment that is written: room taken beforehand, commits appended to its end."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from model.errors import JournalError
from store.disk import FULL, Disk, write_whole
from store.journal import segment
from store.journal.segment import FileHeader, Record


class ActiveSegment:
    """One open file. After an ``OSError`` of a write nothing of that write counts; ``end`` has not moved.

    Attributes:
        path: of the file.
        file: its handle.
        end: position behind the last record.
        is_empty: no input was ever written to it.

    """

    def __init__(self, disk: Disk, path: Path, file: int, *, end: int, allocated: int, is_empty: bool) -> None:
        self._disk = disk
        self.path, self.file, self.end, self.is_empty = path, file, end, is_empty
        self._allocated = allocated  # room up to this position; 0 = the file grows with each write

    @classmethod
    def make(
        cls, disk: Disk, folder: Path, header: FileHeader, plan: Record | None, *, needed: int, wanted: int
    ) -> ActiveSegment:
        """Make a new file with its header, and the plan in force told again; both are durable, and so is its name.

        Args:
            disk: to make it on.
            folder: of the journal.
            header: what it says of itself; names the file, too.
            plan: told again behind the header.
            needed: bytes that will be written next.
            wanted: bytes to take room for; less where the disk is nearly full.

        Raises:
            OSError: there is no room, or the disk refused. Nothing is left of the file.
            JournalError: a sync failed.

        """
        path = folder / segment.file_name(header.first_offset)
        head = segment.pack_header(header) + (segment.pack(plan) if plan else b"")
        file = disk.create(path)
        made = cls(disk, path, file, end=0, allocated=0, is_empty=True)
        try:
            made.make_room(len(head) + needed, wanted)
            made._write(head)
        except OSError:
            disk.close(file)
            disk.unlink(path)
            raise
        made.sync()
        must_sync(folder, lambda: disk.sync_folder(folder))
        return made

    def make_room(self, size: int, wanted: int) -> None:
        """Have room for ``size`` bytes behind the end: in a file of ``wanted`` bytes, or less on a disk nearly full.

        Raises:
            OSError: there is not even room for ``size`` bytes.

        """
        needed = self.end + size
        if needed <= self._allocated:
            return
        wanted = max(wanted, needed)
        while True:
            try:
                self._allocated = wanted if self._disk.allocate(self.file, wanted) else 0
            except OSError as error:
                self._disk.truncate(self.file, self.end)  # what it took before it gave up
                self._allocated = 0
                if error.errno not in FULL or wanted == needed:
                    raise
                wanted = max(needed, (needed + wanted) // 2 if wanted - needed > 4096 else needed)
            else:
                return

    def append(self, data: bytes) -> None:
        """Write a commit behind the end.

        Raises:
            OSError: the disk refused; the file ends where it ended before.

        """
        self._write(data)
        self.is_empty = False

    def _write(self, data: bytes) -> None:
        try:
            write_whole(self._disk, self.file, data, self.end)
        except OSError:
            self._disk.truncate(self.file, self.end)
            self._allocated = 0
            raise
        self.end += len(data)

    def sync(self) -> None:
        """Return when what was appended is durable.

        Raises:
            JournalError: it is not, and it must not be tried again.

        """
        must_sync(self.path, lambda: self._disk.sync(self.file))

    def close(self, *, at_end: bool = True) -> None:
        """Close the file; ``at_end``: give back the room behind the last record."""
        try:
            if at_end:
                self._disk.truncate(self.file, self.end)
        finally:
            self._disk.close(self.file)


def must_sync(path: Path, sync: Callable[[], None]) -> None:
    """Sync, and take a failure for what it is: the end, because the kernel may have dropped what it could not write.

    Raises:
        JournalError: it failed. It must not be tried again.

    """
    try:
        sync()
    except OSError as error:
        raise JournalError(f"{path}: cannot write the journal: {error}") from error
