"""The last readings of every sensor: the evidence that an alarm's why-card shows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numba import njit, types
from numpy.typing import NDArray

from detectors.kernels import (
    AHEAD,
    SENSOR,
    TIME,
    VALUE,
    Floats,
    Integers,
    Records,
    Slots,
    columns,
    prefetch,
    records,
)
from model.alarm import Evidence
from model.batch import NO_TIME, Batch

SHOWN = 8


#: One sensor's ring: the next place, event times (``NO_TIME`` = empty) and values, NaN = not usable.
RING_FIELDS = np.dtype([("at", "i8"), ("time_ns", "i8", SHOWN), ("value", "f8", SHOWN)])


class Ring(Protocol):
    """One record of ``RING_FIELDS``."""

    at: int
    time_ns: NDArray[np.int64]
    value: NDArray[np.float64]


@dataclass(slots=True)
class RecentState:
    """Of all ``m`` sensors.

    Attributes:
        rings: records [m] of ``RING_FIELDS``.

    """

    rings: NDArray[np.void]

    @classmethod
    def fresh(cls, sensors: int) -> RecentState:
        rings = np.zeros(sensors, RING_FIELDS)
        rings["time_ns"], rings["value"] = NO_TIME, np.nan
        return cls(rings)


def remember(state: RecentState, batch: Batch) -> None:
    """Take rows in, in their order."""
    _remember(state.rings, *columns(batch))


def last_values(state: RecentState) -> NDArray[np.float64]:
    """The newest value of each sensor, float64 [m], NaN = none or not usable."""
    rings = state.rings
    newest: NDArray[np.float64] = rings["value"][np.arange(len(rings)), rings["at"] - 1]
    return newest


def readings(
    state: RecentState, sensor: int, batch: Batch | None = None, fresh: NDArray[np.bool_] | None = None, row: int = -1
) -> tuple[Evidence, ...]:
    """The last readings of ``sensor``, oldest first, up to and with ``row`` of ``batch`` (not remembered yet).

    Of the rows before ``row`` only the fresh ones count, as in what is remembered: otherwise the evidence would depend
    on which rows happen to share a batch.
    """
    ring = state.rings[sensor]
    at = int(ring["at"])
    order = np.r_[at:SHOWN, 0:at]
    time_ns, value = ring["time_ns"][order], ring["value"][order]
    if batch is not None and fresh is not None:
        before = np.flatnonzero((batch.sensor[:row] == sensor) & fresh[:row])
        own = np.append(before, row)
        time_ns = np.concatenate([time_ns, batch.time_ns[own]])
        value = np.concatenate([value, batch.value[own]])
    pairs = [(int(t), float(v)) for t, v in zip(time_ns, value, strict=True) if t != NO_TIME]
    return tuple(Evidence(t, None if np.isnan(v) else v) for t, v in pairs[-SHOWN:])


@njit(types.void(records(RING_FIELDS), SENSOR, TIME, VALUE), cache=True, nogil=True)
def _remember(rings: Records, sensor: Slots, time_ns: Integers, value: Floats) -> None:
    rows = len(sensor)
    for row in range(rows):
        if row + AHEAD < rows:
            prefetch(rings, sensor[row + AHEAD])
        own = rings[sensor[row]]
        own.time_ns[own.at] = time_ns[row]
        own.value[own.at] = value[row]
        own.at = (own.at + 1) % SHOWN
