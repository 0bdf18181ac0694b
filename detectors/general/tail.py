"""How rare a value is: the learned tails of a sensor, and the two detectors that stand on them.

Both kernels live in this file because they share what is learned, and Numba's cache notices a change only in the file
of the function that it compiled.

**What is learned.** Of a statistic y (``rarity``: the smoothed value; ``seasonal``: its deviation from what is usual at
this hour) each side has a place where its tail begins, beyond which a part ``tail`` of the rows lies, and the mean
excess of these rows. The tail is taken to fall off exponentially beyond, so that::

    score = -log10 P(as far out as y) = -log10 tail + (y - begin) / excess / ln 10

The beginning moves by stochastic approximation, with the step that the exponential law itself gives (its density there
is tail / excess), the excess by averaging::

    w = max(1 / n, dt / (forget + dt))
    begin  += w excess (1 - tail) / tail   where y is beyond,  -= w excess   elsewhere
    excess += max(1 / k, min(w / tail, 1 / 2)) (y - begin - excess)   where y is beyond; k = such rows so far

The first 32 rows are kept and sorted to begin with. The excess counts as at least half the smallest step that the
sensor was ever seen to take, and as at least a twentieth of what lies between both tails, for a value with two levels
and nothing between them. A sensor that was never seen to move has a score of 0.

**What is left out.** A row with a score beyond ``hold`` does not teach, so that a fault is not learned away. After
``hold_s`` of nothing but such rows the learned normal is stale, and they teach until the score is back below ``hold``.

Sources: Robbins and Monro, Ann. Math. Statist. 22 (1951) 400 for quantiles; Siffer et al., Anomaly detection in streams
with extreme value theory, KDD 2017 for tails.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numba import njit, types

from detectors.general.tail_records import Season, Tails
from detectors.kernels import (
    AHEAD,
    F64,
    GAP_PERIODS,
    SENSOR,
    TIME,
    VALUE,
    Floats,
    Integers,
    Records,
    Slots,
    prefetch,
    records,
    tuple_type,
)
from model.detector import Columns, SensorGroup

_UNSET_NS = np.iinfo(np.int64).min
_VALUE_MAX = 1e100
_FIRST = 32
_LN10 = 2.302585092994046
_SPAN_MIN = 0.05  # a tail's mean excess is at least this part of what lies between both tails (uniform law: 0.06)
#: A score is this at most.
CAP = 20.0

HIGH, LOW, BOTH = 1, 2, 3

HOURS = 24
_BINS = 2 * HOURS  # of days of work, and of rest
_DAYS_MIN = 2  # of a kind, before an hour is judged
_SEASON_FLOOR = 0.05  # smallest mean excess of a tail that is believed, in spreads
_PRIOR_DAYS = 3.0  # so much the hours' common spread weighs beside an hour's own

_TAIL_FIELDS = [
    ("gap_ns", "i8"),  # longest time a row can stand for
    ("last_ns", "i8"),  # event time of the last row
    ("last", "f8"),  # value of the last row, unit of the kind
    ("step", "f8"),  # smallest change ever seen between two rows, unit of the kind; inf = none yet
    ("smoothed", "i8"),  # rows in the smoothed statistic
    ("level", "f8"),  # smoothed statistic
    ("rows", "i8"),  # heard
    ("heard_ns", "i8"),
    ("held_ns", "i8", 2),  # how long rows have been left out of the tail above, and below
    ("first", "f8", _FIRST),  # the first rows
    ("begin", "f8", 2),  # of the tail above, and of that below with its sign turned
    ("excess", "f8", 2),
    ("beyond", "i8", 2),  # rows in the tail
    ("rare_ns", "i8", 2),  # event time since which the level is in the tail; the smallest int64 = it is not
]
#: Fields that older snapshots lack.
TAIL_ADDED = ("rare_ns",)
RARITY_FIELDS = np.dtype(_TAIL_FIELDS)
SEASON_FIELDS = np.dtype(
    [
        ("day", "i8"),  # of the hour that is open
        ("hour", "i8"),  # bin that is open; -1 = none
        ("total", "f8"),  # of its rows
        ("count", "i8"),
        ("spread", "f8"),  # variance of an hour from day to day, over all hours that are known
        ("mean", "f8", _BINS),  # of each bin, unit of the kind
        ("variance", "f8", _BINS),  # of its hourly means, its square
        ("days", "i8", _BINS),
        *_TAIL_FIELDS,
    ]
)


class Learning(NamedTuple):
    """How tails are learned: parameters of a detector, times in ns."""

    side: int
    tail: float
    smooth_ns: float
    warmup_ns: int
    forget_ns: float
    hold: float
    hold_ns: int


_LEARNING = tuple_type(Learning, types.int64, *(types.float64,) * 2, types.int64, *(types.float64,) * 2, types.int64)


class Calendar(NamedTuple):
    """What is usual when."""

    zone_ns: int
    cycle_ns: int  # a day
    days: float  # that are remembered


_CALENDAR = tuple_type(Calendar, types.int64, types.int64, types.float64)


def fresh(fields: np.dtype[np.void], sensors: SensorGroup) -> Records:
    """Give records of sensors that were never heard."""
    made = np.zeros(len(sensors), fields)
    made["gap_ns"] = np.rint(GAP_PERIODS * 1e9 * sensors.period_s)
    made["last_ns"] = _UNSET_NS
    made["rare_ns"] = _UNSET_NS
    made["step"] = np.inf
    if "hour" in (fields.names or ()):
        made["hour"] = -1
    return made


def how_learned(sensors: Records, learning: Learning) -> Columns:
    """How far the tails are that are looked at, as ``model.standing.LEARNED`` names it."""
    held_ns = sensors["held_ns"][:, [side for side in (0, 1) if learning.side != LOW - side]].max(axis=1)
    found = {
        "warming": (sensors["rows"] <= _FIRST) | (sensors["heard_ns"] < learning.warmup_ns),
        "held_s": held_ns / 1e9,
        "stale": held_ns > learning.hold_ns,
    }
    return {name: np.where(sensors["last_ns"] == _UNSET_NS, np.nan, column) for name, column in found.items()}


def tail_of(own: np.void, side: int) -> int | None:
    """Which tail the level is in, 0 above or 1 below, of those that are looked at; None = in neither."""
    looked_at = [at for at in (0, 1) if side != LOW - at and own["rare_ns"][at] != _UNSET_NS]
    return looked_at[0] if looked_at else None


def spread_of(own: np.void) -> float:
    """Spread of the open hour from day to day, as the kernel takes it, unit of the kind; NaN where it is not known."""
    days, hour = own["days"][own["hour"]], own["hour"]
    if hour < 0 or days < _DAYS_MIN:
        return math.nan
    spread = math.sqrt((days * own["variance"][hour] + _PRIOR_DAYS * own["spread"]) / (days + _PRIOR_DAYS))
    return max(spread, 0.5 * float(own["step"]) if math.isfinite(own["step"]) else 0.0)


@njit(nogil=True, error_model="numpy")
def _since_ns(own: Tails, now_ns: int, now: float) -> int:
    """Time that the row stands for; keeps the smallest step between two rows."""
    dt_ns = 0
    if own.last_ns != _UNSET_NS:
        dt_ns = max(0, min(now_ns - own.last_ns, own.gap_ns))
        moved = abs(now - own.last)
        if 0.0 < moved < own.step:
            own.step = moved
    own.last_ns = now_ns
    own.last = now
    return dt_ns


@njit(nogil=True, error_model="numpy")
def _smooth(own: Tails, now: float, dt_ns: int, smooth_ns: float) -> None:
    own.smoothed += 1
    share = dt_ns / (smooth_ns + dt_ns) if dt_ns > 0 else 0.0
    if smooth_ns == 0.0:
        share = 1.0
    own.level += max(1.0 / own.smoothed, share) * (now - own.level)


@njit(nogil=True, error_model="numpy")
def _begin_tails(own: Tails, tail: float) -> None:
    """Quantile and mean excess of the first rows; at least what their middle half of the tail's law would give."""
    order = np.sort(own.first)
    place = min(max(math.ceil((1.0 - tail) * _FIRST) - 1, _FIRST // 2 + 1), _FIRST - 2)
    width = math.log(0.5 / tail)
    for side in range(2):
        if side == 1:
            order = -order[::-1]
        own.begin[side] = order[place]
        excess = 0.0
        for at in range(place + 1, _FIRST):
            excess += order[at] - order[place]
        excess /= _FIRST - 1 - place
        own.excess[side] = max(excess, 0.5 * (order[place] - order[_FIRST // 2]) / width)
        own.beyond[side] = _FIRST - 1 - place


@njit(nogil=True, error_model="numpy")
def _rarity(own: Tails, side: int, floor: float, tail: float) -> float:
    """The score of the level on one side: 0 where it is not in the tail."""
    apart = (own.level if side == 0 else -own.level) - own.begin[side]
    if own.step == np.inf or not apart > 0.0:
        return 0.0
    excess = max(own.excess[side], floor, _SPAN_MIN * (own.begin[0] + own.begin[1]))
    score: float = min(-math.log10(tail) + apart / excess / _LN10, CAP)
    return score


@njit(nogil=True, error_model="numpy")
def _teach(own: Tails, side: int, dt_ns: int, floor: float, learning: Learning) -> None:
    """Move one tail."""
    tail = learning.tail
    share = max(1.0 / own.rows, dt_ns / (learning.forget_ns + dt_ns) if dt_ns > 0 else 0.0)
    apart = (own.level if side == 0 else -own.level) - own.begin[side]
    move = share * max(own.excess[side], floor, _SPAN_MIN * (own.begin[0] + own.begin[1]))
    if apart > 0.0:
        own.beyond[side] += 1
        own.excess[side] += max(1.0 / own.beyond[side], min(share / tail, 0.5)) * (apart - own.excess[side])
        own.begin[side] += move * (1.0 - tail) / tail
    else:
        own.begin[side] -= move


@njit(nogil=True, error_model="numpy")
def _judge(own: Tails, dt_ns: int, floor: float, learning: Learning) -> float:
    """Score the level and learn it, each side by itself; NaN while warming up."""
    own.rows += 1
    own.heard_ns += dt_ns
    if own.rows <= _FIRST:
        own.first[own.rows - 1] = own.level
        if own.rows == _FIRST:
            _begin_tails(own, learning.tail)
        return np.nan
    ready = own.heard_ns >= learning.warmup_ns
    score = 0.0
    for side in range(2):
        rare = _rarity(own, side, floor, learning.tail) if ready else 0.0
        since_ns = own.last_ns if own.rare_ns[side] == _UNSET_NS else own.rare_ns[side]
        own.rare_ns[side] = since_ns if rare > 0.0 else _UNSET_NS
        own.held_ns[side] = own.held_ns[side] + dt_ns if rare > learning.hold else 0
        if own.held_ns[side] == 0 or own.held_ns[side] > learning.hold_ns:
            _teach(own, side, dt_ns, floor, learning)
        if learning.side != LOW - side:  # 0 is above, which LOW does not look at; 1 is below, which HIGH does not
            score = max(score, rare)
    return score if ready else np.nan


@njit(
    types.void(SENSOR, TIME, VALUE, F64, records(RARITY_FIELDS), _LEARNING),
    cache=True,
    nogil=True,
    error_model="numpy",
)
def rarity_rows(
    sensor: Slots, time_ns: Integers, value: Floats, scores: Floats, state: Records, learning: Learning
) -> None:
    """Score rows with ``Rarity``."""
    rows = len(sensor)
    for row in range(rows):
        if row + AHEAD < rows:
            prefetch(state, sensor[row + AHEAD])
        slot, now = sensor[row], value[row]
        scores[row] = np.nan
        if slot < 0 or slot >= len(state):
            raise IndexError("a row names no slot of the detector's state")
        if not abs(now) <= _VALUE_MAX:
            continue
        own = state[slot]
        dt_ns = _since_ns(own, time_ns[row], now)
        _smooth(own, now, dt_ns, learning.smooth_ns)
        floor = 0.5 * own.step if own.step < np.inf else 0.0
        scores[row] = _judge(own, dt_ns, floor, learning)


@njit(nogil=True, error_model="numpy")
def _close(own: Season, calendar: Calendar) -> None:
    """Take the hour that is over into its bin."""
    at = own.hour
    if at >= 0 and own.count > 0:
        now = own.total / own.count
        own.days[at] += 1
        share = max(1.0 / own.days[at], 1.0 / calendar.days)
        apart = now - own.mean[at]
        own.mean[at] += share * apart
        if own.days[at] > 1:
            together = apart * (now - own.mean[at])
            own.variance[at] += max(1.0 / (own.days[at] - 1), 1.0 / calendar.days) * (together - own.variance[at])
        total, known = 0.0, 0
        for each in range(_BINS):
            if own.days[each] >= _DAYS_MIN:
                total += own.variance[each]
                known += 1
        own.spread = total / known if known else 0.0
    own.total = 0.0
    own.count = 0


@njit(nogil=True, error_model="numpy")
def _names(days: Integers, day: int) -> bool:
    """Whether a day is among days in rising order."""
    at = np.searchsorted(days, day)
    return bool(at < len(days) and days[at] == day)


@njit(nogil=True, error_model="numpy")
def _enter(own: Season, now_ns: int, calendar: Calendar, holidays: Integers, workdays: Integers) -> int:
    """Open the hour of a row; its bin."""
    local_ns = now_ns + calendar.zone_ns
    day = local_ns // calendar.cycle_ns
    hour = (local_ns - day * calendar.cycle_ns) * HOURS // calendar.cycle_ns
    weekend = (day + 3) % 7 >= 5  # 1970 began on a Thursday
    if (weekend and not _names(workdays, day)) or _names(holidays, day):
        hour += HOURS
    if hour != own.hour or day != own.day:
        _close(own, calendar)
        own.hour = hour
        own.day = day
    return hour


@njit(
    types.void(SENSOR, TIME, VALUE, F64, records(SEASON_FIELDS), _LEARNING, _CALENDAR, TIME, TIME),
    cache=True,
    nogil=True,
    error_model="numpy",
)
def seasonal_rows(
    sensor: Slots,
    time_ns: Integers,
    value: Floats,
    scores: Floats,
    state: Records,
    learning: Learning,
    calendar: Calendar,
    holidays: Integers,
    workdays: Integers,
) -> None:
    """Score rows with ``Seasonal``; days are counted from 1970 on, in rising order."""
    rows = len(sensor)
    for row in range(rows):
        if row + AHEAD < rows:
            prefetch(state, sensor[row + AHEAD])
        slot, now = sensor[row], value[row]
        scores[row] = np.nan
        if slot < 0 or slot >= len(state):
            raise IndexError("a row names no slot of the detector's state")
        if not abs(now) <= _VALUE_MAX:
            continue
        own = state[slot]
        dt_ns = _since_ns(own, time_ns[row], now)
        hour = _enter(own, time_ns[row], calendar, holidays, workdays)
        days = own.days[hour]
        if days >= _DAYS_MIN:
            spread = math.sqrt((days * own.variance[hour] + _PRIOR_DAYS * own.spread) / (days + _PRIOR_DAYS))
            if own.step < np.inf:
                spread = max(spread, 0.5 * own.step)
            if spread > 0.0:
                _smooth(own, (now - own.mean[hour]) / spread, dt_ns, learning.smooth_ns)
                scores[row] = _judge(own, dt_ns, _SEASON_FLOOR, learning)
        held_ns = max(own.held_ns[0], own.held_ns[1])
        if held_ns == 0 or held_ns > learning.hold_ns:
            own.total += now
            own.count += 1
