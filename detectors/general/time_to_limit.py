"""How long until a limit is reached, if the value goes on rising as it does."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from numba import njit, types

from detectors.declaration import KIND_UNIT, check, declare
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

_VALUE_MAX = 1e100
#: Parts of the window that a slope is taken over, and the one that is filling.
_PARTS = 7
_RING = 8
_PARTS_MIN = 4

TIME_TO_LIMIT_FIELDS = np.dtype(
    [
        ("newest", "i8"),  # the part that is filling
        ("slope", "f8"),  # the careful one, unit of the kind a second, as of the opening of the newest part; NaN = none
        ("rows", "i8", _RING),  # of each part; 0 = not used yet
        ("opened_ns", "i8", _RING),
        ("offset_s", "f8", _RING),  # mean time of its rows since it opened
        ("mean", "f8", _RING),  # of its rows, unit of the kind
    ]
)


class Ring(Protocol):
    """One sensor's record of ``TIME_TO_LIMIT_FIELDS``."""

    newest: int
    slope: float
    rows: Integers
    opened_ns: Integers
    offset_s: Floats
    mean: Floats


@dataclass(slots=True)
class TimeToLimitState:
    """The means of the window's parts, and the slope through them.

    Attributes:
        sensors: records [m] of ``TIME_TO_LIMIT_FIELDS``.

    """

    sensors: Records


@dataclass(frozen=True, slots=True, kw_only=True)
class TimeToLimit:
    """Minutes until the value reaches ``limit``, if it goes on as in the last ``window_s``; at most ``horizon_s``.

    The window has seven parts. When the next one opens, the slope between every two of them is taken, and of these 21
    not the middle one (Theil and Sen) but the careful one, which the true slope exceeds with the confidence asked for
    (Sen 1968, by the rank of Kendall's statistic): 1.28 sigma is 90 %. So noise gives no alarm, and one wild reading
    spoils one part of seven::

        score = (limit - level now) / careful slope        0 beyond the limit, horizon_s where nothing rises

    It abstains until four parts reach back half the window, at the start and after a gap.

    Use it: gas that gathers in a well, a basement, a room; a tank that fills; anything in which the time that is left
    says more than the level. Pair it with a level in the rule, so that nothing counts down to a limit from zero.

    Fails: on what rises in jumps, which a straight line does not foresee; where ventilation wins in the end (the rise
    bends, and the time is too short until it has); with fewer than a reading a part.

    Raises:
        ParameterError: a parameter is out of range.

    Source: Theil, Proc. KNAW 53 (1950) 386; Sen, J. Am. Stat. Assoc. 63 (1968) 1379.
    """

    limit: float = field(metadata=declare(unit=KIND_UNIT, doc="what may not be reached"))
    window_s: float = field(
        default=1800.0, metadata=declare(unit="s", doc="span of time that the slope is taken over", low=1, high=604800)
    )
    horizon_s: float = field(
        default=86400.0, metadata=declare(unit="s", doc="no longer time is told", low=60, high=31536000)
    )
    careful_sigma: float = field(
        default=1.28,
        metadata=declare(unit="sigma", doc="confidence of the slope, one side; 0 = the middle", low=0, high=3),
    )

    state_version = 1
    state_outlasts_settings = False

    def __post_init__(self) -> None:
        check("time_to_limit", self)

    def score_unit(self, unit: str) -> str:  # noqa: ARG002
        return "min"

    def init(self, sensors: SensorGroup) -> TimeToLimitState:
        made = np.zeros(len(sensors), TIME_TO_LIMIT_FIELDS)
        made["slope"] = np.nan
        return TimeToLimitState(made)

    def update(self, state: TimeToLimitState, batch: Batch) -> Scores:
        """Score rows: float64 [n], minutes.

        Raises:
            IndexError: a row names no slot of the state.

        """
        scores = np.empty(len(batch))
        window_ns = nanoseconds(self.window_s)
        limits = float(self.limit), float(self.horizon_s), float(self.careful_sigma)
        _update(*columns(batch), scores, state.sensors, window_ns, *limits)
        return scores

    def advance(self, state: TimeToLimitState, tick: Tick) -> Scores | None:  # noqa: ARG002
        return None

    def explain(self, state: TimeToLimitState, slot: int, score: float) -> Explanation:  # noqa: ARG002
        """The newest part of the window against the oldest, which would have stayed without a slope, and the limit.

        ``confidence`` is that of the slope: by its rank the true one is at least as steep.
        """
        own = state.sensors[slot]
        newest = int(own["newest"])
        latest_ns = int(own["opened_ns"][newest])
        inside = [
            at
            for at in range(_RING)
            if own["rows"][at] > 0 and latest_ns - own["opened_ns"][at] <= nanoseconds(self.window_s)
        ]
        first = min(inside, key=lambda at: int(own["opened_ns"][at]), default=newest)
        return Explanation(
            observed=float(own["mean"][newest]) if inside else None,
            expected=float(own["mean"][first]) if inside else None,
            high=self.limit,
            since_ns=int(own["opened_ns"][first]) if inside else None,
            confidence=0.5 * math.erfc(-self.careful_sigma / math.sqrt(2.0)),
        )


@njit(nogil=True, error_model="numpy")
def _careful_slope(own: Ring, now_ns: int, window_ns: int, careful_sigma: float) -> float:
    """Of the slopes between complete parts the one of the careful rank, a second; NaN where they are too few."""
    at, mean = np.empty(_RING), np.empty(_RING)
    count, reach_ns = 0, 0
    for part in range(_RING):
        if part != own.newest and own.rows[part] > 0 and now_ns - own.opened_ns[part] <= window_ns:
            at[count] = (own.opened_ns[part] - now_ns) * 1e-9 + own.offset_s[part]
            mean[count] = own.mean[part]
            reach_ns = max(reach_ns, now_ns - own.opened_ns[part])
            count += 1
    if count < _PARTS_MIN or 2 * reach_ns < window_ns:
        return np.nan
    pairs = count * (count - 1) // 2
    slopes = np.empty(pairs)
    pair = 0
    for first in range(count):
        for second in range(first + 1, count):
            slopes[pair] = (mean[second] - mean[first]) / (at[second] - at[first])
            pair += 1
    slopes.sort()
    spread = math.sqrt(count * (count - 1) * (2 * count + 5) / 18.0)
    rank = math.floor(0.5 * (pairs - careful_sigma * spread))
    return float(slopes[max(0, min(rank, pairs - 1))])


@njit(nogil=True, error_model="numpy")
def _take(own: Ring, now_ns: int, now: float, window_ns: int, careful_sigma: float) -> None:
    """Count a row into the part that is filling, or open the next one and take the slope anew."""
    part = own.newest
    if own.rows[part] > 0 and (now_ns - own.opened_ns[part]) * _PARTS >= window_ns:
        part = (part + 1) % _RING
        own.newest = part
        own.rows[part] = 0
    if own.rows[part] == 0:
        own.opened_ns[part] = now_ns
        own.offset_s[part] = 0.0
        own.mean[part] = 0.0
        own.slope = _careful_slope(own, now_ns, window_ns, careful_sigma)
    own.rows[part] += 1
    share = 1.0 / own.rows[part]
    own.offset_s[part] += ((now_ns - own.opened_ns[part]) * 1e-9 - own.offset_s[part]) * share
    own.mean[part] += (now - own.mean[part]) * share


@njit(
    types.void(SENSOR, TIME, VALUE, F64, records(TIME_TO_LIMIT_FIELDS), types.int64, *(types.float64,) * 3),
    cache=True,
    nogil=True,
    error_model="numpy",
)
def _update(
    sensor: Slots,
    time_ns: Integers,
    value: Floats,
    scores: Floats,
    state: Records,
    window_ns: int,
    limit: float,
    horizon_s: float,
    careful_sigma: float,
) -> None:
    rows = len(sensor)
    for row in range(rows):
        if row + AHEAD < rows:
            prefetch(state, sensor[row + AHEAD])
        slot = sensor[row]
        scores[row] = np.nan
        if slot < 0 or slot >= len(state):
            raise IndexError("a row names no slot of the detector's state")
        if not abs(value[row]) <= _VALUE_MAX:
            continue
        own = state[slot]
        _take(own, time_ns[row], value[row], window_ns, careful_sigma)
        if np.isnan(own.slope):
            continue
        part = own.newest
        since_s = (time_ns[row] - own.opened_ns[part]) * 1e-9 - own.offset_s[part]
        room = limit - (own.mean[part] + max(0.0, own.slope) * since_s)
        left_s = horizon_s
        if room <= 0.0:
            left_s = 0.0
        elif own.slope > 0.0:
            left_s = min(horizon_s, room / own.slope)
        scores[row] = left_s / 60.0
