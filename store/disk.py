"""The few calls that the journal and the snapshots make of a disk, so that a simulated one can take its place.

Everything that must survive a power cut goes through ``Disk``. The real one is ``LocalDisk``; tests bring one that
drops, tears and reorders what was not synced, and refuses the call they name.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import fcntl
import os
import shutil
from pathlib import Path
from typing import Protocol

#: The disk, or the share of it that this user may have, is full.
FULL = frozenset({errno.ENOSPC, errno.EDQUOT})

_CANNOT_ALLOCATE = frozenset({errno.EOPNOTSUPP, errno.ENOSYS, errno.EINVAL})


class Disk(Protocol):
    """Files by handle (an integer), names by path. Every call may raise ``OSError``."""

    def make_folder(self, folder: Path) -> None:
        """Make a folder and those above it; their names are durable afterwards."""

    def lock(self, path: Path) -> int:
        """Hold ``path`` for this process alone until the handle is closed; ``BlockingIOError`` if another has it."""

    def create(self, path: Path) -> int:
        """Open a new file, or one made empty; its name is durable only after ``sync_folder``."""

    def open(self, path: Path) -> int:
        """Open for reading and writing."""

    def open_to_read(self, path: Path) -> int: ...

    def close(self, file: int) -> None: ...

    def read(self, file: int, length: int, position: int) -> bytes:
        """Up to ``length`` bytes; fewer only where the file ends."""

    def write(self, file: int, data: bytes | memoryview, position: int) -> int:
        """Write some of ``data``, at least a byte; returns how much."""

    def allocate(self, file: int, size: int) -> bool:
        """Make the file ``size`` bytes long with room behind every one, zeros where nothing was written.

        False: this file system cannot, and nothing has changed.
        """

    def truncate(self, file: int, size: int) -> None: ...

    def sync(self, file: int) -> None:
        """Return when content and size are durable. After an error nothing is known of what was written before."""

    def sync_folder(self, folder: Path) -> None:
        """Return when all names in the folder are durable: those made, renamed and removed."""

    def rename(self, old: Path, new: Path) -> None: ...

    def unlink(self, path: Path) -> None: ...

    def remove_folder(self, folder: Path) -> None:
        """Remove a folder in which nothing is left."""

    def names(self, folder: Path) -> list[str]:
        """Names of the files and folders in it, in order; none if there is no such folder."""

    def size(self, file: int) -> int: ...

    def free_bytes(self, folder: Path) -> int:
        """Room on the disk that a folder is on."""


class LocalDisk:
    """The file system of this machine."""

    def make_folder(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        device = folder.stat().st_dev
        for above in folder.absolute().parents:  # all of them: who made one may have ended before it was durable
            if above.stat().st_dev != device:
                return
            with contextlib.suppress(PermissionError):
                self.sync_folder(above)

    def lock(self, path: Path) -> int:
        file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o640)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(file)
            raise
        return file

    def create(self, path: Path) -> int:
        return os.open(path, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o640)

    def open(self, path: Path) -> int:
        return os.open(path, os.O_RDWR | os.O_CLOEXEC)

    def open_to_read(self, path: Path) -> int:
        return os.open(path, os.O_RDONLY | os.O_CLOEXEC)

    def close(self, file: int) -> None:
        os.close(file)

    def read(self, file: int, length: int, position: int) -> bytes:
        return os.pread(file, length, position)

    def write(self, file: int, data: bytes | memoryview, position: int) -> int:
        return os.pwrite(file, data, position)

    def allocate(self, file: int, size: int) -> bool:
        # Not os.posix_fallocate: where the file system cannot, the C library writes a byte into every block instead.
        while _fallocate(file, 0, 0, size) != 0:
            error = ctypes.get_errno()
            if error in _CANNOT_ALLOCATE:
                return False
            if error != errno.EINTR:
                raise OSError(error, os.strerror(error))
        return True

    def truncate(self, file: int, size: int) -> None:
        os.ftruncate(file, size)

    def sync(self, file: int) -> None:
        os.fdatasync(file)

    def sync_folder(self, folder: Path) -> None:
        handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)

    def rename(self, old: Path, new: Path) -> None:
        old.rename(new)

    def unlink(self, path: Path) -> None:
        path.unlink()

    def remove_folder(self, folder: Path) -> None:
        folder.rmdir()

    def names(self, folder: Path) -> list[str]:
        return sorted(entry.name for entry in folder.iterdir()) if folder.is_dir() else []

    def size(self, file: int) -> int:
        return os.fstat(file).st_size

    def free_bytes(self, folder: Path) -> int:
        return shutil.disk_usage(folder).free


LOCAL_DISK = LocalDisk()


def write_whole(disk: Disk, file: int, data: bytes, position: int) -> None:
    """Write all of ``data``, in as many calls as the disk takes for it.

    Raises:
        OSError: of the disk; also when it takes nothing and says no reason.

    """
    view = memoryview(data)
    while view:
        written = disk.write(file, view, position)
        if written <= 0:
            raise OSError(errno.EIO, "the disk took nothing of what was to be written")
        view, position = view[written:], position + written


def _load_fallocate() -> ctypes._NamedFuncPointer:
    library = ctypes.CDLL(None, use_errno=True)
    function = library.fallocate64 if hasattr(library, "fallocate64") else library.fallocate
    function.argtypes = (ctypes.c_int, ctypes.c_int, ctypes.c_int64, ctypes.c_int64)
    function.restype = ctypes.c_int
    return function


_fallocate = _load_fallocate()
