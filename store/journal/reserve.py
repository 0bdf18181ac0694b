"""Room on the disk that the journal holds back, so that a full disk still takes what the system has to say about it."""

from __future__ import annotations

from pathlib import Path

from store.disk import FULL, Disk, write_whole

_NAME = "reserve"
_PIECE_BYTES = 1024 * 1024


class Reserve:
    """One file of a fixed size beside the segments; what it holds is nothing but room."""

    def __init__(self, disk: Disk, folder: Path, size: int) -> None:
        self._disk, self._path, self._size = disk, folder / _NAME, size
        self.held = False

    def release(self) -> None:
        """Give the room to whoever writes next."""
        if self._path.name in self._disk.names(self._path.parent):
            self._disk.unlink(self._path)
        self.held = False

    def restore(self) -> bool:
        """Take the room back; False: there is not enough of it yet.

        Raises:
            OSError: the disk refuses for another reason.

        """
        if self.held or not self._size:
            return True
        try:
            if self._size_now() != self._size:
                self._take()
        except OSError as error:
            if error.errno not in FULL:
                raise
            self.release()
            return False
        self.held = True
        return True

    def _size_now(self) -> int:
        if self._path.name not in self._disk.names(self._path.parent):
            return 0
        file = self._disk.open_to_read(self._path)
        try:
            return self._disk.size(file)
        finally:
            self._disk.close(file)

    def _take(self) -> None:
        file = self._disk.create(self._path)
        try:
            if not self._disk.allocate(file, self._size):
                for at in range(0, self._size, _PIECE_BYTES):
                    write_whole(self._disk, file, bytes(min(_PIECE_BYTES, self._size - at)), at)
        finally:
            self._disk.close(file)
