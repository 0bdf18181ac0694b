"""Takes a backup beside a running pipeline and delivery, without stopping or slowing either.

The order makes it consistent: what depends on another is copied before it. Delivery's tries first, then the states,
then the events and their outbox, then the journal. So no state is ahead of the events, no event ahead of the journal,
and what the delivery had sent is at worst sent again with the same id.
"""

from __future__ import annotations

import hashlib
import sqlite3
import time
from collections.abc import Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from model.errors import StoreError
from store import snapshots
from store.backup.files import Progress, copy, has_room, sha256, sync, whole_folder
from store.backup.manifest import CONFIG, DATA, FORMAT, KeptFile, Manifest, versions, write
from store.database import SCHEMA_VERSION
from store.disk import LOCAL_DISK
from store.journal import segment
from store.journal.reader import segments
from store.journal.scan import Scan, SegmentFile, read_header


@dataclass(frozen=True, slots=True)
class Places:
    """Where a running Fengsui keeps what."""

    data_dir: Path
    journal: Path
    snapshots: Path
    pipeline_db: Path
    delivery_db: Path
    beside: tuple[Path, ...] = ()  # further folders under data_dir whose files are never changed


@dataclass(frozen=True, slots=True)
class ConfigFile:
    """A file of the configuration, and its name in the backup."""

    origin: Path
    name: str


def take(
    target: Path,
    places: Places,
    config: Sequence[ConfigFile],
    *,
    left_out: Sequence[str] = (),
    progress: Progress = lambda _: None,
) -> Manifest:
    """Take a backup.

    Args:
        target: a new or empty folder outside ``data_dir``.
        places: what is backed up.
        config: files of the configuration.
        left_out: what is not taken, to be named.
        progress: told the bytes that are copied.

    Raises:
        StoreError: there is nothing to back up, the target is not empty, a file is damaged, or the disk refuses.

    """
    if target.absolute().is_relative_to(places.data_dir.absolute()):
        raise StoreError(f"{target}: must be outside {places.data_dir}, best on another disk")
    if not places.pipeline_db.exists():
        raise StoreError(f"{places.pipeline_db}: not there yet; has `fengsui run` been started with this data_dir?")
    has_room(target, size(places))
    with whole_folder(target) as folder:
        data = folder / DATA
        data.mkdir()
        for database in (places.delivery_db,):
            if database.exists():
                _copy_database(database, data / database.name, progress)
        _copy_all(snapshots.files(places.snapshots), data / "snapshots", progress)
        _copy_database(places.pipeline_db, data / places.pipeline_db.name, progress)
        journal_next = _copy_journal(places.journal, data / "journal", progress)
        for beside in places.beside:
            _copy_beside(beside, data / beside.name, progress)
        for file in config:
            copy(file.origin, folder / CONFIG / file.name, progress)
        origins = {f"{CONFIG}/{file.name}": str(file.origin) for file in config}
        manifest = _manifest(folder, data / places.pipeline_db.name, journal_next, origins, left_out)
        write(folder, manifest)
        sync(folder / "manifest.json")
    return manifest


def size(places: Places) -> int:
    """About how many bytes a backup takes."""
    paths: Iterable[Path] = [
        places.pipeline_db,
        places.delivery_db,
        *segments(places.journal),
        *snapshots.files(places.snapshots),
        *(path for beside in places.beside for path in beside.rglob("*")),
    ]
    return sum(path.stat().st_size for path in paths if path.is_file())


def _copy_database(origin: Path, target: Path, progress: Progress) -> None:
    """By SQLite's own means: one state of the database, whatever is written meanwhile."""
    try:
        with (
            closing(sqlite3.connect(f"file:{origin}?mode=ro", uri=True, timeout=30)) as source,
            closing(sqlite3.connect(target)) as copied,
        ):
            source.backup(copied)
            copied.execute("PRAGMA journal_mode = DELETE")  # one file, complete in itself
            found = copied.execute("PRAGMA quick_check").fetchone()[0]
    except sqlite3.Error as error:
        raise StoreError(f"{origin}: could not be copied: {error}") from error
    if found != "ok":
        raise StoreError(f"{origin}: is damaged: {found}; restore the last good backup")
    target.chmod(0o640)
    sync(target)
    progress(target.stat().st_size)


def _copy_all(paths: Iterable[Path], target: Path, progress: Progress) -> None:
    target.mkdir()
    for path in paths:
        try:
            copy(path, target / path.name, progress)
        except FileNotFoundError:  # replaced by a newer one meanwhile
            (target / path.name).unlink(missing_ok=True)


def _copy_beside(origin: Path, target: Path, progress: Progress) -> None:
    for path in sorted(path for path in origin.rglob("*") if path.is_file() and not path.name.startswith(".")):
        place = target / path.relative_to(origin)
        try:
            copy(path, place, progress)
        except FileNotFoundError:  # merged into a larger one meanwhile
            place.unlink(missing_ok=True)


def _copy_journal(origin: Path, target: Path, progress: Progress) -> int:
    """All segments, the newest first: retention removes at the other end. Returns the offset behind the last input."""
    target.mkdir()
    paths = segments(origin)
    if not paths:
        raise StoreError(f"{origin}: holds no journal")
    newest = target / paths[-1].name
    copy(paths[-1], newest, progress)
    journal_next = _cut(newest)
    for path in reversed(paths[:-1]):
        try:
            copy(path, target / path.name, progress)
        except FileNotFoundError:
            (target / path.name).unlink(missing_ok=True)
            break
    return journal_next


def _cut(path: Path) -> int:
    """Cut off what stands behind the last whole record: room taken beforehand, and a commit that was being written."""
    with SegmentFile(LOCAL_DISK, path) as file:
        scan = Scan(file, read_header(file))
        for _ in scan:
            continue
        end, journal_next = scan.position, scan.expected
    with path.open("rb+") as out:
        out.truncate(end)
    sync(path)
    return journal_next


def _manifest(
    folder: Path, pipeline_db: Path, journal_next: int, origins: dict[str, str], left_out: Sequence[str]
) -> Manifest:
    held = segments(folder / DATA / "journal")
    with SegmentFile(LOCAL_DISK, held[-1]) as file:
        header = read_header(file)
    with closing(sqlite3.connect(f"file:{pipeline_db}?mode=ro", uri=True)) as database:
        stored_to = (database.execute("SELECT offset FROM position").fetchone() or (0,))[0]
        events, history = history_of(database)
    if stored_to > journal_next:
        raise StoreError(
            f"{folder}: the journal ends at {journal_next}, before the events at {stored_to}; take it anew"
        )
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    names = {path: path.relative_to(folder).as_posix() for path in paths}
    return Manifest(
        format=FORMAT,
        **versions(),
        schema=SCHEMA_VERSION,
        journal_format=header.format if header else segment.FORMAT_VERSION,
        taken_ns=time.time_ns(),
        journal_first=segment.first_offset_of(held[0]),
        journal_next=journal_next,
        stored_to=stored_to,
        snapshots=[snapshots.offset_of(path) for path in snapshots.files(folder / DATA / "snapshots")],
        events=events,
        history_sha256=history,
        files=[KeptFile(names[p], p.stat().st_size, sha256(p), origins.get(names[p], "")) for p in paths],
        left_out=list(left_out),
    )


def history_of(database: sqlite3.Connection, first: int = 0, end: int = 2**63 - 1) -> tuple[int, str]:
    """How many events the inputs from ``first`` to before ``end`` made, and their checksum, one a line as stored."""
    digest, count = hashlib.sha256(), 0
    query = "SELECT body FROM events WHERE offset >= ? AND offset < ? ORDER BY seq"
    for (body,) in database.execute(query, (first, end)):
        digest.update(body + b"\n")
        count += 1
    return count, digest.hexdigest()
