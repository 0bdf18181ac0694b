"""Snapshots of the step's state: arrays and one JSON text, in a file that is either whole or not there.

Written beside and renamed; the newest that verifies is used, older ones are kept as a reserve.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from model.errors import StoreFull
from store.disk import FULL, LOCAL_DISK, Disk, write_whole

KEPT = 3
_NAME = re.compile(r"(\d{20})\.([0-9a-f]{16})\.npz")


@dataclass(frozen=True, slots=True)
class Snapshot:
    """State after all inputs below ``offset``."""

    offset: int
    meta: bytes  # JSON
    arrays: dict[str, NDArray[np.generic]]


def save(folder: Path, snapshot: Snapshot, *, disk: Disk = LOCAL_DISK) -> Path:
    """Write, sync, rename; then drop what is too old, and what stood at the same offset before.

    Raises:
        StoreFull: the disk is full. What was saved before is still there.
        OSError: the disk refused otherwise.

    """
    buffer = io.BytesIO()
    np.savez(buffer, allow_pickle=False, **{"/meta": np.frombuffer(snapshot.meta, np.uint8)}, **snapshot.arrays)
    data = buffer.getvalue()
    path = folder / f"{snapshot.offset:020d}.{_checksum(data)}.npz"
    if not disk.names(folder):
        disk.make_folder(folder)
    try:
        _put(disk, path, data)
    except OSError as error:
        if error.errno in FULL:
            with contextlib.suppress(OSError):
                _drop_partial(disk, folder)
            raise StoreFull(f"{folder}: no room for a snapshot: {error}") from error
        raise
    return path


def load_newest(folder: Path, *, disk: Disk = LOCAL_DISK) -> tuple[Snapshot | None, list[Path]]:
    """The newest snapshot that verifies, and the files that do not."""
    damaged: list[Path] = []
    for path in reversed(files(folder, disk=disk)):
        kept = load(path, disk=disk)
        if kept is not None:
            return kept, damaged
        damaged.append(path)
    return None, damaged


def load(path: Path, *, disk: Disk = LOCAL_DISK) -> Snapshot | None:
    """One of them; None if it does not verify."""
    data = _verified(disk, path)
    if data is None:
        return None
    with np.load(io.BytesIO(data), allow_pickle=False) as archive:
        arrays = {name: archive[name] for name in archive.files}
    meta = arrays.pop("/meta").tobytes()
    return Snapshot(offset_of(path), meta, arrays)


def files(folder: Path, *, disk: Disk = LOCAL_DISK) -> list[Path]:
    """All that are kept, oldest first."""
    return [folder / name for name in disk.names(folder) if _NAME.fullmatch(name)]


def offset_of(path: Path) -> int:
    return int(path.name[:20])


def oldest_usable(folder: Path, *, disk: Disk = LOCAL_DISK) -> int | None:
    """Offset of the oldest snapshot that verifies: the journal behind it is needed. None = there is none."""
    return next((offset_of(path) for path in files(folder, disk=disk) if _verified(disk, path) is not None), None)


def newest_offset(folder: Path, *, disk: Disk = LOCAL_DISK) -> int:
    """Offset up to which the newest snapshot says that the journal was durable; 0 = there is none."""
    return max((offset_of(path) for path in files(folder, disk=disk)), default=0)


def _put(disk: Disk, path: Path, data: bytes) -> None:
    folder, partial = path.parent, path.with_suffix(".part")
    _drop_partial(disk, folder)
    file = disk.create(partial)
    try:
        write_whole(disk, file, data, 0)
        disk.sync(file)
    finally:
        disk.close(file)
    disk.rename(partial, path)
    disk.sync_folder(folder)
    for replaced in files(folder, disk=disk):
        if replaced != path and offset_of(replaced) == offset_of(path):
            disk.unlink(replaced)
    for old in files(folder, disk=disk)[:-KEPT]:
        disk.unlink(old)


def _drop_partial(disk: Disk, folder: Path) -> None:
    """Remove what a save that failed has left."""
    for name in disk.names(folder):
        if name.endswith(".part"):
            disk.unlink(folder / name)


def _verified(disk: Disk, path: Path) -> bytes | None:
    """The file's bytes, if they are those that were saved."""
    found = _NAME.fullmatch(path.name)
    try:
        file = disk.open_to_read(path)
        try:
            data = disk.read(file, disk.size(file), 0)
        finally:
            disk.close(file)
    except OSError:  # gone since, or the disk cannot read it: no use either way
        return None
    return data if found is not None and _checksum(data) == found[2] else None


def _checksum(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()[:16]
