"""The last readings of every sensor: the evidence that an alarm's why-card shows."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numba import njit
from numpy.typing import NDArray

from model.alarm import Evidence
from model.batch import NO_TIME, Batch

SHOWN = 8


@dataclass(slots=True)
class RecentState:
    """Rings over all ``m`` sensors.

    Attributes:
        time_ns: int64 [m, SHOWN], ``NO_TIME`` = empty.
        value: float64 [m, SHOWN].
        at: int64 [m], next place.

    """

    time_ns: NDArray[np.int64]
    value: NDArray[np.float64]
    at: NDArray[np.int64]

    @classmethod
    def fresh(cls, sensors: int) -> RecentState:
        return cls(
            np.full((sensors, SHOWN), NO_TIME, np.int64),
            np.full((sensors, SHOWN), np.nan),
            np.zeros(sensors, np.int64),
        )


def remember(state: RecentState, batch: Batch) -> None:
    _remember(state.time_ns, state.value, state.at, batch.sensor, batch.time_ns, batch.value)


def readings(
    state: RecentState, sensor: int, batch: Batch | None = None, fresh: NDArray[np.bool_] | None = None, row: int = -1
) -> tuple[Evidence, ...]:
    """The last readings of ``sensor``, oldest first, up to and with ``row`` of ``batch`` (not remembered yet).

    Of the rows before ``row`` only the fresh ones count, as in what is remembered: otherwise the evidence would depend
    on which rows happen to share a batch.
    """
    at = int(state.at[sensor])
    order = np.r_[at:SHOWN, 0:at]
    time_ns, value = state.time_ns[sensor][order], state.value[sensor][order]
    if batch is not None and fresh is not None:
        before = np.flatnonzero((batch.sensor[:row] == sensor) & fresh[:row])
        own = np.append(before, row)
        time_ns = np.concatenate([time_ns, batch.time_ns[own]])
        value = np.concatenate([value, batch.value[own]])
    pairs = [(int(t), float(v)) for t, v in zip(time_ns, value, strict=True) if t != NO_TIME]
    return tuple(Evidence(t, None if np.isnan(v) else v) for t, v in pairs[-SHOWN:])


@njit(cache=True)
def _remember(
    time_ns: NDArray[np.int64],
    value: NDArray[np.float64],
    at: NDArray[np.int64],
    sensor: NDArray[np.int32],
    new_time_ns: NDArray[np.int64],
    new_value: NDArray[np.float64],
) -> None:
    for i in range(len(sensor)):
        s = sensor[i]
        time_ns[s, at[s]] = new_time_ns[i]
        value[s, at[s]] = new_value[i]
        at[s] = (at[s] + 1) % SHOWN
