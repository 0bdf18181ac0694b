"""Merges the files of a day into one, and removes them only when that one is durable.

The merged file names those it was made of: until they are gone, a reader leaves them out, and the next start removes
them. What comes for a merged day later is collected in a file beside it, until it is worth writing the day again.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from store.archive import parquet, writing
from store.archive.archiver import drop_replaced, replaced
from store.archive.layout import FileName, Role, day_name, days, files_of, merged_name
from store.archive.parquet import OpenFile, WrongFile
from store.archive.rows import Rows, Series, together
from store.disk import LOCAL_DISK, Disk

#: Rows that are sorted at a time.
CHUNK_ROWS = 1_000_000
#: A row group of a day: few enough that the file's directory stays small, small enough to read for one sensor.
DAY_GROUP_ROWS = 400_000
#: A day is written again when what came late is at least this part of it.
LATE_SHARE = 16


@dataclass(frozen=True, slots=True)
class Merged:
    """What was done for a day.

    Attributes:
        day: since 1970-01-01, UTC.
        file: that was made; None: there was nothing to do.
        replaced: how many files went into it.
        rows: readings in it.
        damaged: files that do not read and were left as they are.

    """

    day: int
    file: str | None = None
    replaced: int = 0
    rows: int = 0
    damaged: tuple[str, ...] = ()


def days_to_merge(folder: Path, before_day: int, *, disk: Disk = LOCAL_DISK) -> list[int]:
    """Days before ``before_day`` that stand in more than one file, oldest first."""
    return [day for day in days(folder, disk) if day < before_day and len(files_of(folder, day, disk)) > 1]


def merge(
    folder: Path,
    day: int,
    *,
    disk: Disk = LOCAL_DISK,
    chunk_rows: int = CHUNK_ROWS,
    progress: Callable[[], None] = lambda: None,
) -> Merged:
    """Make one file of a day's files; to be called by the archive's one writer.

    Args:
        folder: of the archive.
        day: since 1970-01-01, UTC.
        disk: that it is on.
        chunk_rows: sorted at a time.
        progress: told between two chunks; what it raises ends the merge, and nothing has changed.

    Raises:
        StoreError: the disk is full; nothing has changed.
        OSError: the disk refused otherwise.

    """
    drop_replaced(folder, day, disk)
    damaged: list[str] = []
    while True:
        chosen, is_late = _chosen(files_of(folder, day, disk), damaged, disk)
        if not chosen:
            return Merged(day, damaged=tuple(damaged))
        try:
            name, rows = _write(folder, day, chosen, disk, progress, is_late=is_late, chunk_rows=chunk_rows)
        except WrongFile as error:
            damaged.append(error.path.name)
            continue
        drop_replaced(folder, day, disk)
        return Merged(day, name, len(chosen), rows, tuple(damaged))


def _chosen(files: Sequence[FileName], damaged: Sequence[str], disk: Disk) -> tuple[list[FileName], bool]:
    """Choose what to merge now, and whether only what came late."""
    held = replaced(files, disk)
    files = [file for file in files if file.path.name not in held]
    sound = [file for file in files if file.path.name not in damaged]
    whole = [file for file in files if file.role is Role.DAY]
    rest = [file for file in sound if file.role is not Role.DAY]
    if not whole:
        return (sound if len(sound) > 1 else []), False
    if not rest:
        return [], False
    if all(file in sound for file in whole) and _rows(rest, disk) * LATE_SHARE >= _rows(whole, disk):
        return [*whole, *rest], False
    return (rest if len(rest) > 1 else []), True


def _rows(files: Sequence[FileName], disk: Disk) -> int:
    """Readings in all of them; those that do not read are met when they are merged."""
    rows = 0
    for file in files:
        with contextlib.suppress(WrongFile), parquet.opened(file.path, disk) as one:
            rows += one.index.rows
    return rows


def size_of(path: Path, disk: Disk) -> int:
    """Size of a file in bytes; 0 if it is gone."""
    try:
        file = disk.open_to_read(path)
    except FileNotFoundError:
        return 0
    try:
        return disk.size(file)
    finally:
        disk.close(file)


def _write(
    folder: Path,
    day: int,
    chosen: Sequence[FileName],
    disk: Disk,
    progress: Callable[[], None],
    *,
    is_late: bool,
    chunk_rows: int,
) -> tuple[str, int]:
    next_offset = max(file.next_offset for file in chosen)
    there = {file.path.name for file in files_of(folder, day, disk)}
    path = folder / day_name(day) / merged_name(next_offset, there, is_late=is_late)
    with contextlib.ExitStack() as stack:
        inputs = [stack.enter_context(parquet.opened(file.path, disk)) for file in chosen]
        names = sorted({series for one in inputs for series in one.series})
        index = writing.write(
            path,
            names,
            _chunks(inputs, names, chunk_rows, progress),
            next_offset=next_offset,
            wall_ns=max(one.index.wall_ns for one in inputs),
            disk=disk,
            replaces=[file.path.name for file in chosen],
            group_rows=DAY_GROUP_ROWS,
        )
    return f"{path.parent.name}/{path.name}", index.rows


def _chunks(
    inputs: Sequence[OpenFile], names: Sequence[Series], chunk_rows: int, progress: Callable[[], None]
) -> Iterator[Rows]:
    """Rows of all files in their common order, some whole series at a time."""
    number = {series: at for at, series in enumerate(names)}
    places = [np.array([number[series] for series in one.series], np.int64) for one in inputs]
    rows = np.zeros(len(names), np.int64)
    for one, place in zip(inputs, places, strict=True):
        rows[place] += one.rows_of_each
    for first, following in _spans(rows, chunk_rows):
        parts = []
        for one, place in zip(inputs, places, strict=True):
            begin, end = np.searchsorted(place, (first, following)).tolist()
            part = one.read(*one.range_of(begin, end))
            parts.append(part.renumbered(place.astype(np.int32)))
        progress()
        yield together(parts).by_series()


def _spans(rows: np.ndarray[tuple[int], np.dtype[np.int64]], chunk_rows: int) -> Iterator[tuple[int, int]]:
    """Spans of series with about so many rows, at least one series each."""
    begin = total = 0
    for at, count in enumerate(rows.tolist()):
        if total and total + count > chunk_rows:
            yield begin, at
            begin, total = at, 0
        total += count
    if begin < len(rows):
        yield begin, len(rows)
