"""What the archive holds, day by day, and whether all of it reads."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from store.archive.archiver import replaced
from store.archive.layout import DAY_NS, FileName, Role, day_name, days, files_of
from store.archive.merge import size_of
from store.archive.parquet import WrongFile, opened
from store.archive.rows import Rows
from store.disk import LOCAL_DISK, Disk


@dataclass(frozen=True, slots=True)
class DaySurvey:
    """One day.

    Attributes:
        day: as its folder is named.
        files: how many count.
        bytes: of them.
        readings: in those that read.
        series: tags, each once for every kind and unit it had.
        first_ns: earliest time; 0 = there is none.
        last_ns: latest.
        is_merged: whether the day is in one file.
        damaged: what is wrong, by the file's name.

    """

    day: str
    files: int
    bytes: int
    readings: int
    series: int
    first_ns: int
    last_ns: int
    is_merged: bool
    damaged: dict[str, str]


def survey(
    folder: Path, *, whole: bool = False, progress: Callable[[int], None] = lambda _: None, disk: Disk = LOCAL_DISK
) -> list[DaySurvey]:
    """Look at every day, oldest first.

    Args:
        folder: of the archive.
        whole: read every row and check it, not the indexes alone.
        progress: told how many bytes are done.
        disk: that it is on.

    """
    done, found = 0, []
    for day in days(folder, disk):
        files = files_of(folder, day, disk)
        held = replaced(files, disk)
        one = _day(day, [file for file in files if file.path.name not in held], disk, whole=whole)
        done += one.bytes
        progress(done)
        found.append(one)
    return found


def archive_bytes(folder: Path, disk: Disk = LOCAL_DISK) -> int:
    return sum(size_of(file.path, disk) for day in days(folder, disk) for file in files_of(folder, day, disk))


def _day(day: int, files: list[FileName], disk: Disk, *, whole: bool) -> DaySurvey:
    readings, series, firsts, lasts, damaged = 0, set(), [], [], {}
    for file in files:
        try:
            with opened(file.path, disk) as one:
                readings += one.index.rows
                series |= set(one.series)
                if one.index.rows:
                    firsts.append(one.index.first_ns)
                    lasts.append(one.index.last_ns)
                if whole:
                    one.check_pages()
                wrong = next(_wrong(file, one.groups()), None) if whole else None
                if wrong is not None:
                    damaged[file.path.name] = f"{file.path}: {wrong}"
        except WrongFile as error:
            damaged[file.path.name] = str(error)
        except FileNotFoundError:  # merged or removed meanwhile
            continue
    is_merged = len(files) == 1 and files[0].role is Role.DAY
    size = sum(size_of(file.path, disk) for file in files)
    return DaySurvey(
        day_name(day),
        len(files),
        size,
        readings,
        len(series),
        min(firsts, default=0),
        max(lasts, default=0),
        is_merged,
        damaged,
    )


def _wrong(file: FileName, groups: Iterator[Rows]) -> Iterator[str]:
    """What the rows themselves show to be wrong."""
    last: tuple[int, int, int] | None = None
    for rows in groups:
        keys = np.stack([rows.series.astype(np.int64), rows.at_ns, rows.offset])
        first = tuple(keys[:, 0].tolist())
        steps = np.diff(keys, axis=1)
        leading = np.where(steps[0] != 0, steps[0], np.where(steps[1] != 0, steps[1], steps[2]))
        if (leading <= 0).any() or (last is not None and first <= last):
            yield "its rows are not in order, or stand twice"
        if (rows.at_ns < file.day * DAY_NS).any() or (rows.at_ns // DAY_NS != file.day).any():
            yield "holds readings of another day"
        if (rows.offset >= file.next_offset).any():
            yield "holds readings from behind its offset"
        last = (int(keys[0, -1]), int(keys[1, -1]), int(keys[2, -1]))
