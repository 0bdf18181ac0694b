"""How long the archive is kept: whole days go, the oldest first."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from store.archive.layout import DAY_NS, day_name, days
from store.archive.merge import size_of
from store.disk import LOCAL_DISK, Disk


@dataclass(frozen=True, slots=True)
class ArchiveLimits:
    """What is kept; None = no limit of that sort.

    Attributes:
        ns: days that ended longer ago go.
        bytes: and the oldest, while the archive is larger; the newest day that holds something stays.

    """

    ns: int | None = None
    bytes: int | None = None


@dataclass(frozen=True, slots=True)
class Removed:
    """A day that went."""

    day: str
    files: int
    bytes: int


def trim(folder: Path, limits: ArchiveLimits, *, now_ns: int, disk: Disk = LOCAL_DISK) -> list[Removed]:
    """Remove the days that are no longer kept.

    Raises:
        OSError: the disk refused.

    """
    kept = {day: bytes_of(folder, day, disk) for day in days(folder, disk)}
    removed = []
    for day in sorted(kept):
        is_old = limits.ns is not None and now_ns - (day + 1) * DAY_NS > limits.ns
        is_over = limits.bytes is not None and sum(kept.values()) > limits.bytes and len(kept) > 1
        if not (is_old or is_over):
            break
        removed.append(_remove(folder, day, disk))
        del kept[day]
    return removed


@dataclass(frozen=True, slots=True)
class Size:
    """Of an archive."""

    files: int
    bytes: int


def size(folder: Path, disk: Disk = LOCAL_DISK) -> Size:
    """Count what there is."""
    there = days(folder, disk)
    files = sum(len(disk.names(folder / day_name(day))) for day in there)
    return Size(files, sum(bytes_of(folder, day, disk) for day in there))


def bytes_of(folder: Path, day: int, disk: Disk) -> int:
    path = folder / day_name(day)
    return sum(size_of(path / name, disk) for name in disk.names(path))


def _remove(folder: Path, day: int, disk: Disk) -> Removed:
    path = folder / day_name(day)
    names, gone = disk.names(path), bytes_of(folder, day, disk)
    for name in names:
        disk.unlink(path / name)
    disk.sync_folder(path)
    disk.remove_folder(path)
    return Removed(day_name(day), len(names), gone)
