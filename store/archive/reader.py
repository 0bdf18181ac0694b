"""Reads the archive, and what is only in the journal yet: one sensor as arrays, all of them in time order.

A reader may run beside the archiver. It takes the position first and believes files only up to there, the journal only
from there on, so that nothing is read twice; if the archive has moved on meanwhile it begins again.
"""

from __future__ import annotations

import fnmatch
import functools
import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from model.batch import Batch
from model.errors import StoreError, UnitError
from model.plan import Plan
from model.unit import factor_and_offset
from store.archive.archiver import replaced
from store.archive.follow import Follower
from store.archive.layout import DAY_NS, FileName, all_files, days, files_of, load_position
from store.archive.parquet import OpenFile, WrongFile, opened
from store.archive.rows import Rows, Series, together
from store.disk import LOCAL_DISK, Disk

#: Rows that are sorted at a time when all sensors are read.
WINDOW_ROWS = 4_000_000
BATCH_ROWS = 10_000
_TRIES = 20
T = TypeVar("T")


class _MovedOn(Exception):
    """The archive was written while it was read."""


@dataclass(frozen=True, slots=True)
class Readings:
    """Of one tag, by time.

    Attributes:
        time_ns: int64 [n], the time they are filed under.
        received_ns: int64 [n].
        value: float64 [n], in ``units[unit]``; NaN = no usable value.
        quality: uint8 [n].
        offset: int64 [n], in the journal.
        unit: int32 [n], index into ``units``: a sensor's unit may have been changed.
        units: in order of their names.

    """

    time_ns: NDArray[np.int64]
    received_ns: NDArray[np.int64]
    value: NDArray[np.float64]
    quality: NDArray[np.uint8]
    offset: NDArray[np.int64]
    unit: NDArray[np.int32]
    units: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.time_ns)

    def values_in(self, unit: str) -> NDArray[np.float64]:
        """All values in one unit; float64 [n].

        Raises:
            UnitError: some cannot be turned into it.

        """
        scale = [factor_and_offset(one, unit) for one in self.units]
        factor, offset = (np.array([one[at] for one in scale])[self.unit] for at in (0, 1))
        with np.errstate(over="ignore", invalid="ignore"):  # what a device sends may be any number
            return self.value * factor + offset if len(self) else self.value


@dataclass(slots=True)
class Problems:
    """What could not be read; counted by the reader as it goes on.

    Attributes:
        files: what is wrong with a file, by its name in the archive.
        missing: inputs of the journal that cannot be had.
        unknown: readings of tags that the wanted plan does not have, or in units that do not fit.

    """

    files: dict[str, str] = field(default_factory=dict)
    missing: int = 0
    unknown: int = 0


class ArchiveReader:
    """Reads a folder of archive files.

    Attributes:
        problems: met so far. They never stop a reading of what is sound.

    """

    def __init__(self, folder: Path, journal: Path | None = None, *, disk: Disk = LOCAL_DISK) -> None:
        """Take what is read.

        Args:
            folder: of the archive.
            journal: whose newest readings are not archived yet; None: archive files alone.
            disk: that both are on.

        """
        self._folder, self._journal, self._disk = folder, journal, disk
        self.problems = Problems()

    def readings(self, tag: str, from_ns: int, to_ns: int) -> Readings:
        """Everything of one tag that is filed under a time from the first on and before the second.

        Raises:
            StoreError: the archive changes faster than it can be read.

        """

        def of_tag(file: OpenFile) -> Iterator[tuple[list[Series], Rows]]:
            return file.of_tag(tag)

        return _readings(self._again(lambda: self._collected(from_ns, to_ns, of_tag, tag=tag)))

    def batches(
        self, plan: Plan, from_ns: int, to_ns: int, *, rows_max: int = BATCH_ROWS, window_rows: int = WINDOW_ROWS
    ) -> Iterator[Batch]:
        """All readings in time order, as the journal held them, for ``step`` under a plan.

        A day that is merged is gone through once for each window, so a large ``window_rows`` reads faster and takes
        more memory: about 150 bytes a row.

        Args:
            plan: whose sensors the batches count in; readings of other tags are left out and counted, values in
                another unit are converted.
            from_ns: earliest time.
            to_ns: time to end before.
            rows_max: of a batch.
            window_rows: sorted at a time.

        """
        wanted = _Wanted(plan)
        for parts in self._parts(from_ns, to_ns, window_rows, ()):
            rows = []
            for series, part in parts:
                fitted, unknown = wanted.fit(series, part)
                self.problems.unknown += unknown
                rows.append(fitted)
            sorted_rows = together(rows).by_time()
            for at in range(0, len(sorted_rows), rows_max):
                yield _batch(sorted_rows.take(slice(at, at + rows_max)))

    def in_time(
        self, from_ns: int, to_ns: int, *, tags: tuple[str, ...] = (), window_rows: int = WINDOW_ROWS
    ) -> Iterator[tuple[list[Series], Rows]]:
        """All readings in time order, with the series that they count in, some at a time.

        Args:
            from_ns: earliest time.
            to_ns: time to end before.
            tags: patterns (``*`` and ``?``) of which a tag must fit one; none = all.
            window_rows: see ``batches``.

        """
        for parts in self._parts(from_ns, to_ns, window_rows, tags):
            names = sorted({one for series, _ in parts for one in series})
            place = {one: at for at, one in enumerate(names)}
            rows = [part.renumbered(np.array([place[one] for one in series], np.int32)) for series, part in parts]
            yield names, together(rows).by_time()

    def _parts(
        self, from_ns: int, to_ns: int, window_rows: int, tags: tuple[str, ...]
    ) -> Iterator[list[tuple[list[Series], Rows]]]:
        """What each window holds, file by file."""
        newest = self._newest_span(from_ns, to_ns)
        spans = self._spans(from_ns, to_ns) + newest
        for begin, end in _windows(spans, from_ns, to_ns, window_rows):
            is_new = any(first < end and last > begin for first, last, _ in newest)
            read = functools.partial(self._collected, begin, end, _whole, with_newest=is_new)
            parts = [_fitting(series, rows, tags) for series, rows in self._again(read)]
            yield [(series, rows) for series, rows in parts if len(rows)]

    def tags(self) -> list[str]:
        """Every tag that has a reading in a file; sorted."""
        found: set[str] = set()
        for file in self._again(lambda: self._files()[0]):
            opened_file = self._index(file)
            found |= set() if opened_file is None else {one.tag for one in opened_file}
        return sorted(found)

    def _index(self, file: FileName) -> list[Series] | None:
        try:
            with opened(file.path, self._disk) as one:
                return one.series
        except WrongFile as error:
            self.problems.files[file.key] = str(error)
        except FileNotFoundError:
            pass
        return None

    def _collected(
        self,
        from_ns: int,
        to_ns: int,
        take: Callable[[OpenFile], Iterator[tuple[list[Series], Rows]]],
        *,
        tag: str | None = None,
        with_newest: bool = True,
    ) -> list[tuple[list[Series], Rows]]:
        files, next_offset = self._files(from_ns, to_ns)
        parts = []
        for file in files:
            try:
                with opened(file.path, self._disk) as one:
                    parts += [(series, rows.between(from_ns, to_ns)) for series, rows in take(one)]
            except WrongFile as error:
                self.problems.files[file.key] = str(error)
        if with_newest:
            parts += self._newest(next_offset, from_ns, to_ns, tag)
        return parts

    def _newest(self, next_offset: int, from_ns: int, to_ns: int, tag: str | None) -> list[tuple[list[Series], Rows]]:
        """What the journal holds behind the archive."""
        if self._journal is None:
            return []
        follower = Follower(self._journal, next_offset, disk=self._disk)
        parts, wanted, missing = [], np.empty(0, np.bool_), 0
        for step in follower.read():
            missing += step.missing
            if step.rows is None:
                continue
            rows = step.rows.between(from_ns, to_ns)
            if tag is not None:
                if len(wanted) < len(follower.names):
                    wanted = np.array([one.tag == tag for one in follower.names], np.bool_)
                rows = rows.take(wanted[rows.series])
            if len(rows):
                parts.append(rows)
        self.problems.missing = max(self.problems.missing, missing)
        return [(follower.names, together(parts))] if parts else []

    def _files(self, from_ns: int | None = None, to_ns: int | None = None) -> tuple[list[FileName], int]:
        """Give the files that count and may hold something of the time, and the journal's offset behind them all."""
        position = load_position(self._folder, self._disk)
        found: list[FileName] = []
        for day in days(self._folder, self._disk):
            if (to_ns is None or day * DAY_NS < to_ns) and (from_ns is None or (day + 1) * DAY_NS > from_ns):
                files = files_of(self._folder, day, self._disk)
                held = replaced(files, self._disk)
                found += [file for file in files if file.path.name not in held]
        if load_position(self._folder, self._disk) != position:
            raise _MovedOn
        if position is not None:
            next_offset = position.next_offset
        else:  # a copy of some days, say
            next_offset = max((file.next_offset for file in all_files(self._folder, self._disk)), default=0)
        counting = [
            file
            for file in found
            if file.next_offset <= next_offset
            and (to_ns is None or file.from_ns < to_ns)
            and (from_ns is None or file.to_ns > from_ns)
        ]
        return counting, next_offset

    def _again(self, read: Callable[[], T]) -> T:
        """Read until nothing was moved away meanwhile."""
        for _ in range(_TRIES):
            try:
                return read()
            except (FileNotFoundError, _MovedOn):
                continue
        raise StoreError(f"{self._folder}: changes faster than it can be read; try again")

    def _spans(self, from_ns: int, to_ns: int) -> list[tuple[int, int, int]]:
        """Time from, time to, and rows of each file."""
        spans: list[tuple[int, int, int]] = []
        for file in self._again(lambda: self._files(from_ns, to_ns)[0]):
            try:
                with opened(file.path, self._disk) as one:
                    spans.append((one.index.first_ns, one.index.last_ns + 1, one.index.rows))
            except (WrongFile, FileNotFoundError):
                continue  # met again, and said, when it is read
        return spans

    def _newest_span(self, from_ns: int, to_ns: int) -> list[tuple[int, int, int]]:
        """The same of what is only in the journal yet."""
        next_offset = self._again(lambda: self._files(from_ns, to_ns)[1])
        parts = self._newest(next_offset, from_ns, to_ns, None)
        return [(int(rows.at_ns.min()), int(rows.at_ns.max()) + 1, len(rows)) for _, rows in parts]


class _Wanted:
    """Where the sensors of a plan stand, and in which unit their values must be."""

    def __init__(self, plan: Plan) -> None:
        units = {kind.id: kind.unit for kind in plan.kinds}
        self._sensors = {one.tag: (at, units[one.kind]) for at, one in enumerate(plan.sensors)}
        self._last: tuple[Sequence[Series], NDArray[np.int32], NDArray[np.float64], NDArray[np.float64]] | None = None

    def fit(self, series: Sequence[Series], rows: Rows) -> tuple[Rows, int]:
        """Rows that count in the plan's sensors, and how many do not fit it."""
        if self._last is None or self._last[0] is not series:  # all row groups of a file count in one list
            self._last = series, *self._places(series)
        _, sensor, factor, offset = self._last
        fits = sensor[rows.series] >= 0
        kept = rows if fits.all() else rows.take(fits)
        value = kept.value
        if (factor != 1).any() or (offset != 0).any():
            with np.errstate(over="ignore", invalid="ignore"):  # what a device sends may be any number
                value = value * factor[kept.series] + offset[kept.series]
        renamed = kept.renumbered(sensor)
        return renamed.with_value(value), len(rows) - len(kept)

    def _places(self, series: Sequence[Series]) -> tuple[NDArray[np.int32], NDArray[np.float64], NDArray[np.float64]]:
        """Of each series: its sensor, -1 = none that it fits, and factor and offset of its unit."""
        sensor = np.full(len(series), -1, np.int32)
        factor, offset = np.ones(len(series)), np.zeros(len(series))
        for at, one in enumerate(series):
            place, unit = self._sensors.get(one.tag, (-1, one.unit))
            if one.unit != unit:
                try:
                    factor[at], offset[at] = factor_and_offset(one.unit, unit)
                except UnitError:
                    place = -1
            sensor[at] = place
        return sensor, factor, offset


def _windows(
    spans: Sequence[tuple[int, int, int]], from_ns: int, to_ns: int, window_rows: int
) -> Iterator[tuple[int, int]]:
    """Windows that hold about ``window_rows`` each, if every file is evenly filled.

    Args:
        spans: time from, time to, rows, of everything that is read.
        from_ns: earliest time.
        to_ns: time to end before.
        window_rows: of a window.

    """
    spans = [one for one in spans if one[2]]
    edges = sorted({min(max(edge, from_ns), to_ns) for one in spans for edge in one[:2]})
    rows, begin = 0.0, edges[0] if edges else to_ns
    for low, high in itertools.pairwise(edges):
        rate = sum(count / (last - first) for first, last, count in spans if first < high and last > low)
        at = low
        while rows + rate * (high - at) > window_rows:
            at = min(high, max(at + 1, at + int((window_rows - rows) / rate)))
            yield begin, at
            begin, rows = at, 0.0
        rows += rate * (high - at)
    if edges and begin < edges[-1]:
        yield begin, edges[-1]


def _fitting(series: list[Series], rows: Rows, tags: tuple[str, ...]) -> tuple[list[Series], Rows]:
    if not tags:
        return series, rows
    fits = np.array([any(fnmatch.fnmatchcase(one.tag, pattern) for pattern in tags) for one in series], np.bool_)
    return series, rows.take(fits[rows.series])


def _whole(file: OpenFile) -> Iterator[tuple[list[Series], Rows]]:
    series = file.series
    for rows in file.groups():
        yield series, rows


def _readings(parts: list[tuple[list[Series], Rows]]) -> Readings:
    units = sorted({series[number].unit for series, rows in parts for number in np.unique(rows.series).tolist()})
    place = {unit: at for at, unit in enumerate(units)}
    renamed = [
        rows.renumbered(np.array([place.get(one.unit, -1) for one in series], np.int32)) for series, rows in parts
    ]
    rows = together(renamed).by_time()
    return Readings(rows.at_ns, rows.received_ns, rows.value, rows.quality, rows.offset, rows.series, tuple(units))


def _batch(rows: Rows) -> Batch:
    return Batch(rows.series, rows.time_ns, rows.received_ns, rows.value, rows.quality)
