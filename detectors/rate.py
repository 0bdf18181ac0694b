"""How fast a value rises or falls: fires and bursts show in the slope before they show in the level."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numba import njit, types

from detectors.declaration import check, declare
from detectors.kernels import (
    F64,
    F64_2D,
    I64,
    I64_2D,
    SENSOR,
    TIME,
    VALUE,
    Floats,
    Integers,
    Slots,
    columns,
    nanoseconds,
)
from model.batch import Batch
from model.detector import SensorGroup
from model.inputs import Tick
from model.scores import Scores

#: Parts of the window. The newest one is still filling, so the window spans the other seven.
_PARTS = 8
_VALUE_MAX = 1e100


@dataclass(slots=True)
class RateState:
    """A ring of the means of the window's parts, for each sensor.

    Attributes:
        newest: int64 [m], place of the part that is filling.
        rows: int64 [m, 8], rows in each part; 0 = unused.
        opened_ns: int64 [m, 8], event time of the part's first row.
        offset_s: float64 [m, 8], mean time of its rows after that, s.
        mean: float64 [m, 8], mean of its values, unit of the kind.

    """

    newest: Integers
    rows: Integers
    opened_ns: Integers
    offset_s: Floats
    mean: Floats


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """Slope of the least-squares line through the last ``window_s`` of event time, per minute, signed.

    The window has seven parts and one that is filling. A part keeps the number of its rows and the means of their times
    and values, and opens with the first row that comes ``window_s / 7`` or more after the opening of the one before.
    The score is the slope of the line through these means, each weighted by its rows::

        slope = sum n (t - t_mean) (v - v_mean) / sum n (t - t_mean)^2 * 60

    so all rows count, at any rate of reporting, in a fixed memory of 264 bytes a sensor. It abstains until the parts
    reach back half the window: at the start, and after a gap longer than the window.

    Use it: rate-of-rise of heat (a fire detector of class R answers to 10 degC/min within 4 min 20 s, EN 54-5), of gas,
    of a falling tank. Choose the window as long as the time in which an answer is still of use: the standard error
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

    def __post_init__(self) -> None:
        check("rate", self)

    def score_unit(self, unit: str) -> str:
        return f"{unit}/min"

    def init(self, sensors: SensorGroup) -> RateState:
        shape = (len(sensors), _PARTS)
        return RateState(
            newest=np.zeros(len(sensors), np.int64),
            rows=np.zeros(shape, np.int64),
            opened_ns=np.zeros(shape, np.int64),
            offset_s=np.zeros(shape),
            mean=np.zeros(shape),
        )

    def update(self, state: RateState, batch: Batch) -> Scores:
        """Score rows: float64 [n], unit of the kind a minute.

        Raises:
            IndexError: a row names no slot of the state.

        """
        scores = np.empty(len(batch))
        _update(
            *columns(batch),
            scores,
            state.newest,
            state.rows,
            state.opened_ns,
            state.offset_s,
            state.mean,
            nanoseconds(self.window_s),
        )
        return scores

    def advance(self, state: RateState, tick: Tick) -> Scores | None:  # noqa: ARG002
        return None


@njit(nogil=True, error_model="numpy")
def _slope(now_ns: int, window_ns: int, rows: Integers, opened_ns: Integers, offset_s: Floats, mean: Floats) -> float:
    """Slope a minute through the parts inside the window; NaN where they reach back less than half of it."""
    total, ago_mean, value_mean = 0.0, 0.0, 0.0
    reach_ns = 0
    for part in range(_PARTS):
        if rows[part] > 0 and now_ns - opened_ns[part] <= window_ns:
            at_s = (opened_ns[part] - now_ns) * 1e-9 + offset_s[part]
            total += rows[part]
            ago_mean += (at_s - ago_mean) * (rows[part] / total)
            value_mean += (mean[part] - value_mean) * (rows[part] / total)
            reach_ns = max(reach_ns, now_ns - opened_ns[part])
    if 2 * reach_ns < window_ns:
        return np.nan
    spread, together = 0.0, 0.0
    for part in range(_PARTS):
        if rows[part] > 0 and now_ns - opened_ns[part] <= window_ns:
            apart_s = (opened_ns[part] - now_ns) * 1e-9 + offset_s[part] - ago_mean
            spread += rows[part] * apart_s * apart_s
            together += rows[part] * apart_s * (mean[part] - value_mean)
    return together / spread * 60.0


@njit(
    types.void(SENSOR, TIME, VALUE, F64, I64, I64_2D, I64_2D, F64_2D, F64_2D, types.int64),
    cache=True,
    nogil=True,
    error_model="numpy",
)
def _update(
    sensor: Slots,
    time_ns: Integers,
    value: Floats,
    scores: Floats,
    newest: Integers,
    rows: Integers,
    opened_ns: Integers,
    offset_s: Floats,
    mean: Floats,
    window_ns: int,
) -> None:
    for row in range(len(sensor)):
        slot = sensor[row]
        if slot < 0 or slot >= len(newest):
            raise IndexError("a row names no slot of the detector's state")
        if not abs(value[row]) <= _VALUE_MAX:
            scores[row] = np.nan
            continue
        now_ns = time_ns[row]
        part = newest[slot]
        if rows[slot, part] > 0 and (now_ns - opened_ns[slot, part]) * (_PARTS - 1) >= window_ns:
            part = (part + 1) % _PARTS
            newest[slot] = part
            rows[slot, part] = 0
        if rows[slot, part] == 0:
            opened_ns[slot, part] = now_ns
            offset_s[slot, part] = 0.0
            mean[slot, part] = 0.0
        rows[slot, part] += 1
        share = 1.0 / rows[slot, part]
        offset_s[slot, part] += ((now_ns - opened_ns[slot, part]) * 1e-9 - offset_s[slot, part]) * share
        mean[slot, part] += (value[row] - mean[slot, part]) * share
        scores[row] = _slope(now_ns, window_ns, rows[slot], opened_ns[slot], offset_s[slot], mean[slot])
