"""Warmed states of changed detectors, beside the snapshots: named by what they hold, because the journal names them so.

A change of plan in the journal says with which state its changed detectors began. A replay needs the same one, so a
file is kept as long as the journal still holds its change.
"""

from __future__ import annotations

import hashlib
import io
import re
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from store.disk import LOCAL_DISK, Disk, write_whole

_NAME = re.compile(r"(\d{20})\.([0-9a-f]{64})\.npz")
#: Before its change is in the journal a file counts as one of the end.
_PENDING = 10**20 - 1


def save(folder: Path, arrays: Mapping[str, NDArray[np.generic]], *, disk: Disk = LOCAL_DISK) -> str:
    """Write and sync a state; returns its SHA-256.

    Raises:
        OSError: the disk refused.

    """
    buffer = io.BytesIO()
    # Given by name, arrays could be taken for parameters of savez itself.
    np.savez(buffer, allow_pickle=False, **arrays)
    data = buffer.getvalue()
    sha256 = hashlib.sha256(data).hexdigest()
    if not disk.names(folder):
        disk.make_folder(folder)
    partial = folder / f"{sha256}.part"
    file = disk.create(partial)
    try:
        write_whole(disk, file, data, 0)
        disk.sync(file)
    finally:
        disk.close(file)
    disk.rename(partial, folder / _name(_PENDING, sha256))
    disk.sync_folder(folder)
    return sha256


def load(folder: Path, sha256: str, *, disk: Disk = LOCAL_DISK) -> dict[str, NDArray[np.generic]] | None:
    """The state with this checksum; None: it is not there, or is not what it was."""
    for path in _files(folder, disk):
        if path.name.endswith(f".{sha256}.npz"):
            data = path.read_bytes()
            if hashlib.sha256(data).hexdigest() != sha256:
                return None
            with np.load(io.BytesIO(data), allow_pickle=False) as kept:
                return {name: kept[name] for name in kept.files}
    return None


def settle(folder: Path, sha256: str, offset: int, *, disk: Disk = LOCAL_DISK) -> None:
    """Note that the change that names a state stands in the journal before an offset."""
    for path in _files(folder, disk):
        if path.name == _name(_PENDING, sha256):
            disk.rename(path, folder / _name(offset, sha256))
            disk.sync_folder(folder)


def settle_all(folder: Path, offset: int, *, disk: Disk = LOCAL_DISK) -> None:
    """At a start: what an end of the process left unsettled belongs before this offset, or to no change at all."""
    for path in _files(folder, disk):
        if int(path.name[:20]) == _PENDING:
            settle(folder, path.name[21:85], offset, disk=disk)


def trim(folder: Path, oldest: int, *, disk: Disk = LOCAL_DISK) -> list[Path]:
    """Remove what no journal that begins at an offset needs; returns what is gone."""
    gone = [path for path in _files(folder, disk) if int(path.name[:20]) < oldest]
    for path in gone:
        disk.unlink(path)
    return gone


def _files(folder: Path, disk: Disk) -> list[Path]:
    return [folder / name for name in disk.names(folder) if _NAME.fullmatch(name)]


def _name(offset: int, sha256: str) -> str:
    return f"{offset:020d}.{sha256}.npz"
