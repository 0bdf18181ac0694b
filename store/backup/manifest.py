"""What a backup holds: every file with its checksum, the positions that fit each other, the versions that read it."""

from __future__ import annotations

import platform
import sqlite3
from importlib.metadata import version
from pathlib import Path, PurePosixPath

import msgspec

from model.errors import StoreError
from store.database import SCHEMA_VERSION
from store.journal.segment import FORMAT_VERSION as JOURNAL_FORMAT

FORMAT = 1
NAME = "manifest.json"
#: In a backup: what belongs into ``data_dir``, and the files of the configuration.
DATA, CONFIG = "data", "config"


class KeptFile(msgspec.Struct, frozen=True):
    """One file of a backup."""

    path: str  # in the backup
    bytes: int
    sha256: str
    origin: str = ""  # where a file of the configuration stood


class Manifest(msgspec.Struct, frozen=True):
    """See the module. The journal reaches at least as far as all else, so that a start finds what it needs.

    Attributes:
        format: of the backup.
        fengsui: version of the program that took it.
        python, sqlite: what it ran on.
        schema: of the databases.
        journal_format: of the newest segment.
        taken_ns: wall clock, ns since 1970 UTC.
        journal_first, journal_next: offsets between which inputs are held.
        stored_to: events of inputs below it are in the database.
        snapshots: offsets of the states held.
        events: alarm events in the database.
        history_sha256: of these, as stored, one a line.
        files: all but this one.
        left_out: what the configuration names and a backup does not take: secrets, recordings.

    """

    format: int
    fengsui: str
    python: str
    sqlite: str
    schema: int
    journal_format: int
    taken_ns: int
    journal_first: int
    journal_next: int
    stored_to: int
    snapshots: list[int]
    events: int
    history_sha256: str
    files: list[KeptFile]
    left_out: list[str]

    @property
    def bytes(self) -> int:
        return sum(file.bytes for file in self.files)

    @property
    def data(self) -> list[KeptFile]:
        """Those that belong into ``data_dir``."""
        return [file for file in self.files if PurePosixPath(file.path).parts[0] == DATA]


class _Format(msgspec.Struct):
    """Read first: the rest means what this number says."""

    format: int


def versions() -> dict[str, str]:
    return {"fengsui": version("fengsui"), "python": platform.python_version(), "sqlite": sqlite3.sqlite_version}


def write(folder: Path, manifest: Manifest) -> None:
    text = msgspec.json.format(msgspec.json.encode(manifest, order="deterministic"), indent=1)
    (folder / NAME).write_bytes(text + b"\n")


def read(folder: Path) -> Manifest:
    """Read and check what can be checked without the files.

    Raises:
        StoreError: it is none, or of a newer version.

    """
    path = folder / NAME
    try:
        text = path.read_bytes()
        found = msgspec.json.decode(text, type=_Format).format
        if found > FORMAT:
            raise StoreError(f"{path}: format {found} is newer than {FORMAT}; restore it with the Fengsui that took it")
        manifest = msgspec.json.decode(text, type=Manifest)
    except OSError as error:
        raise StoreError(f"{path}: cannot be read ({error}); a backup folder holds one") from error
    except msgspec.MsgspecError as error:
        raise StoreError(f"{path}: is no manifest of a backup ({error})") from error
    if manifest.schema > SCHEMA_VERSION or manifest.journal_format > JOURNAL_FORMAT:
        raise StoreError(
            f"{path}: schema {manifest.schema} and journal format {manifest.journal_format} are newer than "
            f"{SCHEMA_VERSION} and {JOURNAL_FORMAT}; restore it with Fengsui {manifest.fengsui}"
        )
    for file in manifest.files:
        place = PurePosixPath(file.path)
        if place.is_absolute() or ".." in place.parts or place.parts[:1] not in ((DATA,), (CONFIG,)):
            raise StoreError(f"{path}: names a file outside the backup: {file.path!r}")
    return manifest
