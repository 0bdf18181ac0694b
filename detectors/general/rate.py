"""How fast a value rises or falls: fires and bursts show in the slope before they show in the level."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from numba import njit, types

from detectors.declaration import check, declare
from detectors.kernels import (
    AHEAD,
    F64,
    SENSOR,
    TIME,
    VALUE,
    Floats,
    Integers,
    Records,
    Slots,
    columns,
    nanoseconds,
    prefetch,
    records,
)
from model.batch import Batch
from model.detector import SensorGroup
from model.explanation import Explanation
from model.inputs import Tick
from model.scores import Scores

#: Parts of the window. The newest one is still filling, so the window spans the other seven.
_PARTS = 8
_VALUE_MAX = 1e100


RATE_FIELDS = np.dtype(
    [
        ("newest", "i8"),  # place of the part that is filling
        ("rows", "i8", _PARTS),  # rows in each part; 0 = unused
        ("opened_ns", "i8", _PARTS),  # event time of the part's first row
        ("offset_s", "f8", _PARTS),  # mean time of its rows after that
        ("mean", "f8", _PARTS),  # mean of its values, unit of the kind
    ]
)


class Ring(Protocol):
    """One sensor's record of ``RATE_FIELDS``."""

    newest: int
    rows: Integers
    opened_ns: Integers
    offset_s: Floats
    mean: Floats


@dataclass(slots=True)
class RateState:
    """A ring of the means of the window's parts, for each sensor.

    Attributes:
        sensors: records [m] of ``RATE_FIELDS``, which gives the meaning and unit of each field.

    """

    sensors: Records


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """Slope of the least-squares line through the last ``window_s`` of event time, per minute, signed.

    The window has seven parts and one that is filling. A part keeps the number of its rows and the means of their times
    and values, and opens with the first row that comes ``window_s / 7`` or more after the opening of the one before.
    The score is the slope of the line through these means, each weighted by its rows::

        slope = sum n (t - t_mean) (v - v_mean) / sum n (t - t_mean)^2 * 60

    so all rows count, at any rate of reporting, in a fixed memory of 264 bytes a sensor. It abstains until the parts
    reach back half the window: at the start, and after a gap longer than the window.

    Use it: rate-of-rise of heat (a heat detector of class A1 answers to 10 degC/min within 4 min 20 s, EN 54-5), of
    gas, of a falling tank. Choose the window as long as the time in which an answer is still of use: the standard error
    falls with window^1.5 where rows come at a constant rate, ``sigma * sqrt(12 / rows) / window_s * 60``.

    Fails: on a single wild reading, which tilts the line for a whole window (give the rule an on-delay); at corners,
    which it rounds off by half a window; and where the sensor reports less often than twice a window: it then abstains
    for ever, which shows as warming up.

    Source: Gauss's least squares; EN 54-5 and GB 4716 for heat detectors with rate-of-rise.
    """

    window_s: float = field(
        default=60.0, metadata=declare(unit="s", doc="span of time that the slope is taken over", low=0.01, high=604800)
    )

    state_version = 1
    state_outlasts_settings = False

    def __post_init__(self) -> None:
        check("rate", self)

    def score_unit(self, unit: str) -> str:
        return f"{unit}/min"

    def init(self, sensors: SensorGroup) -> RateState:
        return RateState(np.zeros(len(sensors), RATE_FIELDS))

    def update(self, state: RateState, batch: Batch) -> Scores:
        """Score rows: float64 [n], unit of the kind a minute.

        Raises:
            IndexError: a row names no slot of the state.

        """
        scores = np.empty(len(batch))
        _update(*columns(batch), scores, state.sensors, nanoseconds(self.window_s))
        return scores

    def advance(self, state: RateState, tick: Tick) -> Scores | None:  # noqa: ARG002
        return None

    def explain(self, state: RateState, slot: int, score: float) -> Explanation:  # noqa: ARG002
        """The newest part of the window against the oldest, which would have stayed without a slope."""
        own = state.sensors[slot]
        newest = int(own["newest"])
        latest_ns = int(own["opened_ns"][newest])
        inside = [
            at
            for at in range(_PARTS)
            if own["rows"][at] > 0 and latest_ns - own["opened_ns"][at] <= nanoseconds(self.window_s)
        ]
        if not inside:
            return Explanation()
        first = min(inside, key=lambda at: int(own["opened_ns"][at]))
        return Explanation(
            observed=float(own["mean"][newest]),
            expected=float(own["mean"][first]),
            since_ns=int(own["opened_ns"][first]),
        )


@njit(nogil=True, error_model="numpy")
def _take(own: Ring, now_ns: int, now: float, window_ns: int) -> None:
    """Count a row into the part that is filling, or open the next one."""
    part = own.newest
    if own.rows[part] > 0 and (now_ns - own.opened_ns[part]) * (_PARTS - 1) >= window_ns:
        part = (part + 1) % _PARTS
        own.newest = part
        own.rows[part] = 0
    if own.rows[part] == 0:
        own.opened_ns[part] = now_ns
        own.offset_s[part] = 0.0
        own.mean[part] = 0.0
    own.rows[part] += 1
    share = 1.0 / own.rows[part]
    own.offset_s[part] += ((now_ns - own.opened_ns[part]) * 1e-9 - own.offset_s[part]) * share
    own.mean[part] += (now - own.mean[part]) * share


@njit(nogil=True, error_model="numpy")
def _slope(own: Ring, now_ns: int, window_ns: int) -> float:
    """Slope a minute through the parts inside the window; NaN where they reach back less than half of it."""
    total, at_mean, value_mean, reach_ns = 0.0, 0.0, 0.0, 0
    for part in range(_PARTS):
        if own.rows[part] > 0 and now_ns - own.opened_ns[part] <= window_ns:
            n = float(own.rows[part])
            total += n
            at_mean += n * ((own.opened_ns[part] - now_ns) * 1e-9 + own.offset_s[part])
            value_mean += n * (own.mean[part] - own.mean[own.newest])
            reach_ns = max(reach_ns, now_ns - own.opened_ns[part])
    if 2 * reach_ns < window_ns:
        return np.nan
    at_mean /= total
    value_mean = own.mean[own.newest] + value_mean / total
    spread, together = 0.0, 0.0
    for part in range(_PARTS):
        if own.rows[part] > 0 and now_ns - own.opened_ns[part] <= window_ns:
            apart_s = (own.opened_ns[part] - now_ns) * 1e-9 + own.offset_s[part] - at_mean
            spread += own.rows[part] * apart_s * apart_s
            together += own.rows[part] * apart_s * (own.mean[part] - value_mean)
    return together / spread * 60.0


@njit(
    types.void(SENSOR, TIME, VALUE, F64, records(RATE_FIELDS), types.int64),
    cache=True,
    nogil=True,
    error_model="numpy",
)
def _update(sensor: Slots, time_ns: Integers, value: Floats, scores: Floats, state: Records, window_ns: int) -> None:
    rows = len(sensor)
    for row in range(rows):
        if row + AHEAD < rows:
            prefetch(state, sensor[row + AHEAD])
        slot = sensor[row]
        scores[row] = np.nan
        if slot < 0 or slot >= len(state):
            raise IndexError("a row names no slot of the detector's state")
        if abs(value[row]) <= _VALUE_MAX:
            own = state[slot]
            _take(own, time_ns[row], value[row], window_ns)
            scores[row] = _slope(own, time_ns[row], window_ns)
