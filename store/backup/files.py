"""Files copied so that they are on the disk, with their checksums; folders that are whole or not there."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from model.errors import StoreError
from store.disk import LOCAL_DISK

#: Told how many bytes more are done.
Progress = Callable[[int], None]

_CHUNK_BYTES = 1 << 20
_MODE_FOLDER = 0o750


@contextmanager
def whole_folder(target: Path) -> Iterator[Path]:
    """A new folder to fill; it takes the name of ``target`` when all in it is durable, or nothing is left of it.

    Raises:
        StoreError: there is something at ``target`` already, or the disk refuses.

    """
    if target.is_symlink() or (target.exists() and (not target.is_dir() or any(target.iterdir()))):
        raise StoreError(f"{target}: must be a new or an empty folder; nothing is ever overwritten")
    partial = target.parent / f".{target.name}.partial-{os.getpid()}"
    try:
        LOCAL_DISK.make_folder(target.parent)
        partial.mkdir(mode=_MODE_FOLDER)
        try:
            yield partial
            for folder in [partial, *(path for path in partial.rglob("*") if path.is_dir())]:
                LOCAL_DISK.sync_folder(folder)
            partial.rename(target)
            LOCAL_DISK.sync_folder(target.parent)
        finally:
            shutil.rmtree(partial, ignore_errors=True)
    except OSError as error:
        raise StoreError(f"{target}: could not be written: {error}") from error


def copy(origin: Path, target: Path, progress: Progress, *, bytes_max: int | None = None) -> None:
    """Copy a file; returns when it is on the disk. ``bytes_max``: of its beginning.

    Raises:
        OSError: of the disk.

    """
    target.parent.mkdir(mode=_MODE_FOLDER, parents=True, exist_ok=True)
    left = bytes_max
    with origin.open("rb") as source, target.open("xb") as out:
        while chunk := source.read(_CHUNK_BYTES if left is None else min(_CHUNK_BYTES, left)):
            out.write(chunk)
            left = None if left is None else left - len(chunk)
            progress(len(chunk))
        out.flush()
        os.fsync(out.fileno())


def sync(path: Path) -> None:
    with path.open("rb") as file:
        os.fsync(file.fileno())


def sha256(path: Path) -> str:
    """Of a file as it is on the disk.

    Raises:
        OSError: it cannot be read.

    """
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def has_room(folder: Path, needed_bytes: int) -> None:
    """See that a disk has room, before anything is written.

    Raises:
        StoreError: it has not.

    """
    place = next(one for one in [folder, *folder.absolute().parents] if one.exists())
    free = shutil.disk_usage(place).free
    if needed_bytes > free:
        raise StoreError(f"{folder}: needs {needed_bytes} bytes, and the disk has {free}; make room or choose another")
