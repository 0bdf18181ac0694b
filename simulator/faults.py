"""Sensors that fail: wrappers around the rows of one sensor, whatever its plant."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from simulator.noise import uniform
from simulator.plant import Floats


@dataclass(slots=True)
class Rows:
    """Readings of the district, sorted by scenario time, then by sensor.

    Attributes:
        sensor: int64 [n], index into the district's sensors.
        t_ms: int64 [n], scenario time at which the reading is taken, ms.
        time_ns: int64 [n], what the device says the time is, ns since 1970 UTC.
        value: float64 [n], unit of the sensor's kind; NaN = the device sends no number.

    """

    sensor: NDArray[np.int64]
    t_ms: NDArray[np.int64]
    time_ns: NDArray[np.int64]
    value: Floats

    def __len__(self) -> int:
        return len(self.sensor)

    def take(self, rows: NDArray[np.intp] | NDArray[np.bool_]) -> Rows:
        return Rows(self.sensor[rows], self.t_ms[rows], self.time_ns[rows], self.value[rows])


class Fault(Protocol):
    """Changes rows of its own sensors and leaves all others alone."""

    def apply(self, rows: Rows) -> Rows: ...


@dataclass(frozen=True, slots=True)
class Span:
    """Which sensor (index within the district) fails, and when."""

    sensor: int
    start_s: float
    until_s: float

    def of(self, rows: Rows) -> NDArray[np.bool_]:
        in_time = (rows.t_ms >= self.start_s * 1e3) & (rows.t_ms < self.until_s * 1e3)
        mine: NDArray[np.bool_] = (rows.sensor == self.sensor) & in_time
        return mine


@dataclass(frozen=True, slots=True)
class Stuck:
    """Repeats one value for ever; ``value`` is what it last measured."""

    span: Span
    value: float

    def apply(self, rows: Rows) -> Rows:
        rows.value[self.span.of(rows)] = self.value
        return rows


@dataclass(frozen=True, slots=True)
class Silent:
    """Sends nothing."""

    span: Span

    def apply(self, rows: Rows) -> Rows:
        return rows.take(~self.span.of(rows))


@dataclass(frozen=True, slots=True)
class GatewayDown:
    """Nothing comes from any of its sensors."""

    sensors: tuple[int, ...]  # index within the district
    start_s: float
    until_s: float

    def apply(self, rows: Rows) -> Rows:
        down = (rows.t_ms >= self.start_s * 1e3) & (rows.t_ms < self.until_s * 1e3)
        return rows.take(~(down & np.isin(rows.sensor, self.sensors)))


@dataclass(frozen=True, slots=True)
class Spikes:
    """Now and then a wild value, or none at all: a loose contact."""

    span: Span
    size: float  # unit of the kind
    share: float  # of the readings
    missing_share: float
    stream: int  # of the draws

    def apply(self, rows: Rows) -> Rows:
        mine = self.span.of(rows)
        draw = uniform(np.full(len(rows), self.stream), rows.t_ms)
        rows.value[mine & (draw < self.share)] += self.size
        rows.value[mine & (draw >= self.share) & (draw < self.share + self.missing_share)] = np.nan
        return rows


@dataclass(frozen=True, slots=True)
class WrongClock:
    """The device's clock is off by a fixed time."""

    span: Span
    offset_s: float

    def apply(self, rows: Rows) -> Rows:
        rows.time_ns[self.span.of(rows)] += round(self.offset_s * 1e9)
        return rows
