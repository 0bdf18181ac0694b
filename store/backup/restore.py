"""Puts a backup back: into a folder that was not there, whole or not at all, every byte as it was taken."""

from __future__ import annotations

import struct
from pathlib import Path, PurePosixPath

from model.errors import StoreError
from store.backup.files import Progress, copy, has_room, sha256, whole_folder
from store.backup.manifest import DATA, KeptFile, Manifest, read
from store.database import SCHEMA_VERSION
from store.disk import LOCAL_DISK
from store.journal.reader import segments
from store.journal.scan import SegmentFile, read_header

#: Where SQLite keeps ``user_version`` in a file; read so that nothing is opened that might be changed by it.
_SCHEMA_AT, _SCHEMA = 60, struct.Struct(">I")


def check(folder: Path, *, progress: Progress = lambda _: None) -> Manifest:
    """See that every file is what was taken, and that this version can read it. Changes nothing.

    Raises:
        StoreError: it is not a backup, of a newer version, or a file is missing or changed.
        JournalError: the journal is of a newer format.

    """
    manifest = read(folder)
    wrong = []
    for kept in manifest.files:
        wrong += _wrong(folder / kept.path, kept)
        progress(kept.bytes)
    if wrong:
        more = f" and {len(wrong) - 3} more" if len(wrong) > 3 else ""
        raise StoreError(f"{folder}: is not as it was taken: {'; '.join(wrong[:3])}{more}; use another backup")
    _refuse_newer(folder / DATA)
    return manifest


def restore(folder: Path, into: Path, *, progress: Progress = lambda _: None) -> Manifest:
    """Put the data of a backup into a new folder.

    Args:
        folder: the backup.
        into: what will be ``data_dir``; new or empty.
        progress: told the bytes that are done; each counts twice, checked and copied.

    Raises:
        StoreError: as ``check``; or the folder is not empty, or the disk refuses. Nothing is left there then.
        JournalError: the journal is of a newer format.

    """
    manifest = check(folder, progress=progress)
    has_room(into, sum(kept.bytes for kept in manifest.data))
    with whole_folder(into) as partial:
        for kept in manifest.data:
            place = partial / PurePosixPath(kept.path).relative_to(DATA)
            copy(folder / kept.path, place, progress)
            place.chmod(0o640)
            if wrong := _wrong(place, kept):
                raise StoreError(f"{into}: the disk does not give back what was written: {wrong[0]}")
    return manifest


def _wrong(path: Path, kept: KeptFile) -> list[str]:
    try:
        size = path.stat().st_size
        if size != kept.bytes:
            return [f"{kept.path} has {size} bytes instead of {kept.bytes}"]
        return [] if sha256(path) == kept.sha256 else [f"{kept.path} has another checksum"]
    except OSError as error:
        return [f"{kept.path} cannot be read ({error.strerror})"]


def _refuse_newer(data: Path) -> None:
    for path in sorted(data.glob("*.db")):
        with path.open("rb") as file:
            head = file.read(_SCHEMA_AT + _SCHEMA.size)
        if len(head) == _SCHEMA_AT + _SCHEMA.size and _SCHEMA.unpack_from(head, _SCHEMA_AT)[0] > SCHEMA_VERSION:
            raise StoreError(f"{path}: its schema is newer than {SCHEMA_VERSION}; use the Fengsui that wrote it")
    for path in segments(data / "journal"):
        with SegmentFile(LOCAL_DISK, path) as file:
            read_header(file)
