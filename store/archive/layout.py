"""Where things stand in the archive: a folder for each UTC day, files whose names say what to expect, and the position.

The position is the journal offset up to which all readings are in files. It is what a cut commits with: a file whose
name holds a later offset belongs to a cut that was not finished, and does not count.
"""

from __future__ import annotations

import itertools
import re
import zlib
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import Enum
from pathlib import Path

import msgspec

from model.errors import StoreError
from store.disk import FULL, LOCAL_DISK, Disk, write_whole

SECOND_NS = 10**9
MINUTE_NS = 60 * SECOND_NS
DAY_NS = 86_400 * SECOND_NS
FORMAT = 1
PARTIAL = ".new"
POSITION = "position.json"

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_DAY = re.compile(r"\d{4}-\d\d-\d\d")
_FILE = re.compile(r"(?:(\d\d)(\d\d)-(\d\d)(\d\d)|(?:day|late)\d*)\.(\d{20})(\.late)?\.parquet")


class Role(Enum):
    """What a file is for."""

    PART = "part"  # of about ten minutes, as it came
    LATE = "late"  # what came long after its time
    DAY = "day"  # a whole day, merged


@dataclass(frozen=True, slots=True)
class FileName:
    """What the name of a file says.

    Attributes:
        path: of the file.
        day: since 1970-01-01, UTC.
        role: what it is for.
        next_offset: of the journal, behind everything that it may hold.
        from_ns: no reading of it is earlier.
        to_ns: and none is at this time or later.

    """

    path: Path
    day: int
    role: Role
    next_offset: int
    from_ns: int
    to_ns: int

    @property
    def is_merged(self) -> bool:
        """Whether it was made of other files."""
        return self.path.name.startswith(("day", "late"))

    @property
    def key(self) -> str:
        """Its name within the archive."""
        return f"{self.path.parent.name}/{self.path.name}"


class Position(msgspec.Struct, frozen=True):
    """How far the journal is in the archive.

    Attributes:
        next_offset: the first input that is not.
        wall_ns: wall time there, by the journal's ticks; 0 = not known.
        check: CRC-32 of the other two.

    """

    next_offset: int
    wall_ns: int
    check: int = 0

    def checked(self) -> Position:
        return Position(self.next_offset, self.wall_ns, zlib.crc32(f"{self.next_offset} {self.wall_ns}".encode()))


def day_name(day: int) -> str:
    return f"{_EPOCH + timedelta(days=day):%Y-%m-%d}"


def part_name(first_ns: int, last_ns: int, next_offset: int, *, is_late: bool) -> str:
    """Name of a file that holds readings from one minute of a day to another."""
    minutes = "-".join(f"{at % DAY_NS // (60 * MINUTE_NS):02}{at // MINUTE_NS % 60:02}" for at in (first_ns, last_ns))
    return f"{minutes}.{next_offset:020d}{'.late' if is_late else ''}.parquet"


def merged_name(next_offset: int, there: Collection[str], *, is_late: bool) -> str:
    """Name of a file that others are merged into; none of those that are there has it."""
    stem = "late" if is_late else "day"
    names = (f"{stem}{at or ''}.{next_offset:020d}.parquet" for at in itertools.count())
    return next(name for name in names if name not in there)


def days(folder: Path, disk: Disk) -> list[int]:
    """Return the days that have a folder, oldest first."""
    return [_day_of(name) for name in disk.names(folder) if _DAY.fullmatch(name)]


def files_of(folder: Path, day: int, disk: Disk) -> list[FileName]:
    """Return what stands in the folder of a day, whether it counts or not."""
    path = folder / day_name(day)
    return [found for name in disk.names(path) if (found := parse(path / name)) is not None]


def all_files(folder: Path, disk: Disk) -> Iterator[FileName]:
    for day in days(folder, disk):
        yield from files_of(folder, day, disk)


def parse(path: Path) -> FileName | None:
    """Read a name; None: it is not one of ours."""
    found = _FILE.fullmatch(path.name)
    if found is None:
        return None
    day = _day_of(path.parent.name)
    begin, end = day * DAY_NS, (day + 1) * DAY_NS
    role = Role.DAY if path.name.startswith("day") else Role.LATE
    if found[1] is not None:
        role = Role.LATE if found[6] else Role.PART
        end = begin + (int(found[3]) * 60 + int(found[4]) + 1) * MINUTE_NS
        begin += (int(found[1]) * 60 + int(found[2])) * MINUTE_NS
    return FileName(path, day, role, int(found[5]), begin, end)


def load_position(folder: Path, disk: Disk) -> Position | None:
    """Return where the archive stands; None: there is no such file, or it does not read.

    Raises:
        OSError: the disk cannot read it.

    """
    try:
        file = disk.open_to_read(folder / POSITION)
    except FileNotFoundError:
        return None
    try:
        found = msgspec.json.decode(disk.read(file, disk.size(file), 0), type=Position)
    except msgspec.MsgspecError:
        return None
    finally:
        disk.close(file)
    return found if found.checked() == found else None


def archived_to(folder: Path, disk: Disk = LOCAL_DISK) -> int:
    """Offset up to which the journal is not needed for the archive any more; 0: nothing is archived, or nobody knows.

    Raises:
        StoreError: the position cannot be read.

    """
    try:
        position = load_position(folder, disk)
    except OSError as error:
        raise StoreError(f"{folder / POSITION}: cannot be read: {error}") from error
    return position.next_offset if position else 0


def save_position(folder: Path, position: Position, disk: Disk) -> None:
    """Commit: what the archive holds up to there counts from now on.

    Raises:
        StoreError: the disk is full.
        OSError: the disk refused otherwise.

    """
    with durable(folder / POSITION, disk) as file:
        write_whole(disk, file, msgspec.json.encode(position.checked()), 0)


@contextmanager
def durable(path: Path, disk: Disk) -> Iterator[int]:
    """A new file to write, with its handle on the disk; under its name, whole and durable, when this returns.

    Raises:
        StoreError: the disk is full.
        OSError: the disk refused otherwise.

    """
    partial = path.with_name(path.name + PARTIAL)
    try:
        file = disk.create(partial)
        try:
            yield file
            disk.sync(file)
        finally:
            disk.close(file)
        disk.rename(partial, path)
        disk.sync_folder(path.parent)
    except OSError as error:
        if error.errno in FULL:
            raise StoreError(f"{path}: no room for a file of the archive: {error}") from error
        raise


def _day_of(name: str) -> int:
    return (datetime.strptime(name, "%Y-%m-%d").replace(tzinfo=UTC) - _EPOCH).days
