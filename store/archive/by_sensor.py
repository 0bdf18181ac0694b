"""The archive sensor by sensor: each reading once, in time order, with little memory, however the files are cut.

A file stands by sensor, files of a day stand by time: gone through once, they give each sensor's readings in order,
except where something came late. Sensors of which that is so are read again, some at a time, sorted in memory.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from model.errors import StoreError, UnitError
from model.plan import Plan
from model.unit import factor_and_offset
from store.archive.layout import FileName, Role
from store.archive.parquet import OpenFile, WrongFile, opened
from store.archive.reader import ArchiveReader
from store.archive.rows import Rows, Series, together
from store.disk import LOCAL_DISK, Disk

#: Rows that are sorted in memory at a time; about 200 bytes each.
SORTED_ROWS_MAX = 1_000_000
_TRIES = 5


@dataclass(frozen=True, slots=True)
class SensorRows:
    """Readings of some sensors; a sensor's stand together, and their times rise strictly, also from part to part.

    Of readings of one sensor and one time the first that was journaled counts.

    Attributes:
        sensor: int32 [n], index into the plan's sensors.
        time_ns: int64 [n], the time they are filed under.
        value: float64 [n], unit of the sensor's kind; NaN = no usable value.
        quality: uint8 [n].
        anew: int32 [k], sensors of which earlier parts do not count: all of theirs comes from here on.

    """

    sensor: NDArray[np.int32]
    time_ns: NDArray[np.int64]
    value: NDArray[np.float64]
    quality: NDArray[np.uint8]
    anew: NDArray[np.int32]

    def __len__(self) -> int:
        return len(self.sensor)


class SensorReader(ArchiveReader):
    """Reads what a plan's sensors said, one after the other."""

    def __init__(
        self,
        folder: Path,
        journal: Path | None = None,
        *,
        disk: Disk = LOCAL_DISK,
        sorted_rows_max: int = SORTED_ROWS_MAX,
    ) -> None:
        super().__init__(folder, journal, disk=disk)
        self._sorted_rows_max = sorted_rows_max
        self._recent: tuple[int, list[tuple[list[Series], Rows]]] | None = None

    def by_sensor(self, plan: Plan, from_ns: int, to_ns: int) -> Iterator[SensorRows]:
        """All that is filed under a time from the first on and before the second.

        Readings of other tags, or in units that do not fit, are left out and counted.

        Raises:
            StoreError: the archive changes faster than it can be read.

        """
        everybody = np.arange(len(plan.sensors), dtype=np.int32)
        for _ in range(_TRIES):
            ledger = _Ledger(plan)
            yield _part(_nothing(), everybody)
            try:
                yield from self._in_order(ledger, from_ns, to_ns)
            except FileNotFoundError:
                continue  # merged meanwhile, or gone by retention
            self.problems.unknown = ledger.unknown
            break
        else:
            raise StoreError(f"{self._folder}: changes faster than it can be read; try again")
        for sensors in ledger.disordered_in_parts(self._sorted_rows_max):
            yield _part(self._sorted(ledger, sensors, from_ns, to_ns), sensors)

    def _in_order(self, ledger: _Ledger, from_ns: int, to_ns: int) -> Iterator[SensorRows]:
        files, next_offset = self._again(lambda: self._files(from_ns, to_ns))
        nobody = np.empty(0, np.int32)
        for file in sorted(files, key=_reading_order):
            try:
                with opened(file.path, self._disk) as one:
                    fit = ledger.fit(one.series)
                    for rows in one.groups():
                        yield _part(ledger.enter(fit.of(rows.between(from_ns, to_ns))), nobody)
            except WrongFile as error:
                self.problems.files[file.key] = str(error)
        for series, rows in self._behind(next_offset, from_ns, to_ns):
            yield _part(ledger.enter(ledger.fit(series).of(rows).by_series()), nobody)

    def _sorted(self, ledger: _Ledger, sensors: NDArray[np.int32], from_ns: int, to_ns: int) -> Rows:
        """All rows of these sensors."""
        wanted = np.zeros(len(ledger.tags), np.bool_)
        wanted[sensors] = True

        def read() -> list[Rows]:
            files, next_offset = self._files(from_ns, to_ns)
            parts: list[Rows] = []
            for file in files:
                try:
                    with opened(file.path, self._disk) as one:
                        parts += _rows_of(one, ledger.fit(one.series), wanted, from_ns, to_ns)
                except WrongFile as error:
                    self.problems.files[file.key] = str(error)
            for series, rows in self._behind(next_offset, from_ns, to_ns):
                fitted = ledger.fit(series).of(rows)
                parts.append(fitted.take((fitted.series >= 0) & wanted[fitted.series]))
            return parts

        return _sorted_once(together(self._again(read)))

    def _behind(self, next_offset: int, from_ns: int, to_ns: int) -> list[tuple[list[Series], Rows]]:
        """What only the journal holds; read once for one state of the archive."""
        if self._recent is None or self._recent[0] != next_offset:
            self._recent = next_offset, self._newest(next_offset, from_ns, to_ns, None)
        return self._recent[1]


class _Ledger:
    """What has been read of each sensor of a plan."""

    def __init__(self, plan: Plan) -> None:
        units = {kind.id: kind.unit for kind in plan.kinds}
        self.tags = [one.tag for one in plan.sensors]
        self.unknown = 0
        self._sensors = {one.tag: (at, units[one.kind]) for at, one in enumerate(plan.sensors)}
        self._last_ns = np.zeros(len(self.tags), np.int64)
        self._has_last = np.zeros(len(self.tags), np.bool_)
        self._rows = np.zeros(len(self.tags), np.int64)
        self._disordered = np.zeros(len(self.tags), np.bool_)

    def fit(self, series: Sequence[Series]) -> _Fit:
        sensor = np.full(len(series), -1, np.int32)
        factor, offset = np.ones(len(series)), np.zeros(len(series))
        for at, one in enumerate(series):
            place, unit = self._sensors.get(one.tag, (-1, one.unit))
            try:
                factor[at], offset[at] = factor_and_offset(one.unit, unit)
            except UnitError:
                place = -1
            sensor[at] = place
        return _Fit(sensor, factor, offset)

    def enter(self, rows: Rows) -> Rows:
        """Take the next rows, sorted by sensor, time and offset; give those that stand in order."""
        known = rows.series >= 0
        self.unknown += len(rows) - int(np.count_nonzero(known))
        rows = rows.take(known)
        self._rows += np.bincount(rows.series, minlength=len(self._rows))
        sensor, at_ns = rows.series, rows.at_ns
        first = np.flatnonzero(np.diff(sensor, prepend=-1))
        before_ns = np.roll(at_ns, 1)
        before_ns[first] = self._last_ns[sensor[first]]
        # Equal times within a file stand by offset; across files, or units of one sensor, nobody knows.
        is_repeat = at_ns == before_ns
        is_repeat[first] = False
        wrong = at_ns < before_ns
        wrong[first] = self._has_last[sensor[first]] & (at_ns[first] <= before_ns[first])
        wrong |= is_repeat & (rows.offset <= np.roll(rows.offset, 1))
        self._disordered[sensor[wrong]] = True
        last = np.append(first[1:], len(sensor)) - 1 if len(sensor) else first
        self._last_ns[sensor[last]] = at_ns[last]
        self._has_last[sensor[last]] = True
        return rows.take(~is_repeat & ~self._disordered[sensor])

    def disordered_in_parts(self, rows_max: int) -> Iterator[NDArray[np.int32]]:
        """Sensors that must be read again, by their tags, as many at a time as have so many rows together."""
        sensors = sorted(np.flatnonzero(self._disordered).tolist(), key=lambda one: self.tags[one])
        part: list[int] = []
        rows = 0
        for one in sensors:
            if part and rows + self._rows[one] > rows_max:
                yield np.array(part, np.int32)
                part, rows = [], 0
            part.append(one)
            rows += int(self._rows[one])
        if part:
            yield np.array(part, np.int32)


@dataclass(frozen=True, slots=True)
class _Fit:
    """Which sensor each series of a file is, and how its values turn into the unit of the kind.

    Attributes:
        sensor: int32 [m]; -1 = none of the plan.
        factor: float64 [m].
        offset: float64 [m].

    """

    sensor: NDArray[np.int32]
    factor: NDArray[np.float64]
    offset: NDArray[np.float64]

    def of(self, rows: Rows) -> Rows:
        """Rows whose ``series`` are sensors."""
        fitted = rows.renumbered(self.sensor)
        factor, offset = self.factor[rows.series], self.offset[rows.series]
        if (factor == 1).all() and (offset == 0).all():
            return fitted
        with np.errstate(over="ignore", invalid="ignore"):  # what a device sends may be any number
            return fitted.with_value(rows.value * factor + offset)


def _reading_order(file: FileName) -> tuple[int, bool, bool, int, int]:
    """By time; what came late last, so that it meets all that it may be late for."""
    is_late = file.role is Role.LATE
    return file.day, is_late, file.role is not Role.DAY, file.from_ns, file.next_offset


def _rows_of(file: OpenFile, fit: _Fit, wanted: NDArray[np.bool_], from_ns: int, to_ns: int) -> Iterator[Rows]:
    """Rows of the wanted sensors; series that stand side by side are read together."""
    places = np.flatnonzero((fit.sensor >= 0) & wanted[fit.sensor])
    for run in np.split(places, np.flatnonzero(np.diff(places) > 1) + 1):
        if len(run):
            yield fit.of(file.read(*file.range_of(int(run[0]), int(run[-1]) + 1)).between(from_ns, to_ns))


def _sorted_once(rows: Rows) -> Rows:
    """By sensor, time and offset; of one sensor and time only the first."""
    rows = rows.by_series()
    is_repeat = np.zeros(len(rows), np.bool_)
    is_repeat[1:] = (np.diff(rows.series) == 0) & (np.diff(rows.at_ns) == 0)
    return rows.take(~is_repeat)


def _nothing() -> Rows:
    return together([])


def _part(rows: Rows, anew: NDArray[np.int32]) -> SensorRows:
    return SensorRows(rows.series, rows.at_ns, rows.value, rows.quality, anew)
