"""Snapshots of the step's state: arrays and one JSON text, in a file that is either whole or not there.

Written beside and renamed; the newest that verifies is used, older ones are kept as a reserve.
"""

from __future__ import annotations

import hashlib
import io
import os
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

KEPT = 3
_NAME = re.compile(r"(\d{20})\.([0-9a-f]{16})\.npz")


@dataclass(frozen=True, slots=True)
class Snapshot:
    """State after all inputs below ``offset``."""

    offset: int
    meta: bytes  # JSON
    arrays: dict[str, NDArray[np.generic]]


def save(folder: Path, snapshot: Snapshot) -> Path:
    """Write, sync, rename; then drop what is too old, and what stood at the same offset before."""
    folder.mkdir(parents=True, exist_ok=True)
    for partial in folder.glob("*.part"):  # of a save that failed
        partial.unlink()
    buffer = io.BytesIO()
    np.savez(buffer, allow_pickle=False, **{"/meta": np.frombuffer(snapshot.meta, np.uint8)}, **snapshot.arrays)
    data = buffer.getvalue()
    path = folder / f"{snapshot.offset:020d}.{_checksum(data)}.npz"
    partial = path.with_suffix(".part")
    with partial.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    partial.rename(path)
    _sync_folder(folder)
    for replaced in folder.glob(f"{snapshot.offset:020d}.*.npz"):
        if replaced != path:
            replaced.unlink()
    for old in _files(folder)[:-KEPT]:
        old.unlink()
    return path


def load_newest(folder: Path) -> tuple[Snapshot | None, list[Path]]:
    """The newest snapshot that verifies, and the files that do not."""
    damaged = []
    for path in reversed(_files(folder)):
        found = _NAME.fullmatch(path.name)
        data = path.read_bytes()
        if found is None or _checksum(data) != found[2]:
            damaged.append(path)
            continue
        with np.load(io.BytesIO(data), allow_pickle=False) as archive:
            arrays = {name: archive[name] for name in archive.files}
        meta = arrays.pop("/meta").tobytes()
        return Snapshot(int(found[1]), meta, arrays), damaged
    return None, damaged


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.glob("*.npz") if _NAME.fullmatch(path.name))


def _checksum(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()[:16]


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
