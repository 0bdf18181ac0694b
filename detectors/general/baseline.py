"""The learned normal of a sensor and the two control charts that stand on it.

Both kernels live in this file because they share what is learned, and Numba's cache notices a change
only in the file of the function that it compiled. A sensor's state is one record, so that a row touches two
cache lines and not one for each column.

**What is learned.** A statistic s of the sensor (for ``ewma`` the smoothed value, for ``cusum`` the value or the
mean of a block) has a mean and a variance, which follow it with weights that begin as 1/n and end as exponential
forgetting, so that nothing depends on how often a sensor reports::

    w = max(1 / n, dt / (tau + dt))        d = s - mean
    mean += w_mean * d                     variance += w_sigma * (d * (s - mean) - variance)

``dt`` is the time since the last row, at most ``GAP_PERIODS`` scan periods: a gap is no evidence. With 1/n this is
Welford's mean and variance, afterwards the discounted ones of West. The chart starts itself (Hawkins 1987): it
scores once ``warmup_s`` of rows and at least eight of them are in, and goes on learning. Until then it abstains.

**One sigma** is ``sqrt(variance * (n + 1) / (n - 1))``, the spread that a new row has around a mean that was itself
estimated from n rows; never below ``sigma_floor``, nor below half the smallest step the sensor was ever seen to
take, which is the largest error of its rounding. A sensor that was never seen to move deviates by 0.

**What is left out.** A row which the chart itself calls abnormal (score beyond ``hold_sigma``) does not teach, so a
leak is not learned away. After ``hold_s`` of nothing but abnormal rows the learned normal is held to be stale: it
is dropped and learned anew, and the chart abstains meanwhile. One normal row ends the count.

**Since when.** For ``ewma`` the row with which the level last crossed its mean (Nishina 1992). For ``cusum`` the end of
the last block at which the sum was 0 (Page 1954), and from there on the mean of the blocks is kept.

**What cannot be seen.** A ramp of less than ``hold_sigma * sigma / mean_s`` is followed, as a daily cycle is meant
to be. What is abnormal all through the warm-up becomes the normal. Limits on the value itself stay on guard there.

Sources: Welford, Technometrics 4 (1962) 419; West, Comm. ACM 22 (1979) 532; Hawkins, The Statistician 36 (1987) 299;
Nishina, Qual. Reliab. Eng. Int. 8 (1992) 537.
"""

from __future__ import annotations

import math
from typing import NamedTuple, Protocol

import numpy as np
from numba import njit, types

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
_ROWS_MIN = 8
_ANEW = -1  # in place of the time held: the normal was given up, and the new one does not score yet

HIGH, LOW, BOTH = 1, 2, 3

_NORMAL_FIELDS = [
    ("gap_ns", "i8"),  # longest time a row can stand for
    ("last_ns", "i8"),  # event time of the last row (cusum: of the row that closed the last block)
    ("last", "f8"),  # value of the last row, unit of the kind
    ("step", "f8"),  # smallest change ever seen between two rows, unit of the kind; inf = none yet
    ("rows", "i8"),  # rows (cusum: blocks) learned
    ("learned_ns", "i8"),  # time learned
    ("held_ns", "i8"),  # how long rows have been left out; _ANEW
    ("mean", "f8"),  # learned, unit of the kind
    ("variance", "f8"),  # learned, its square
]
#: Fields that older snapshots lack.
EWMA_ADDED = ("crossed_ns",)
#: The same: of each sum when it was last 0, and how many blocks it has taken in since, with the sum of what these were
#: apart from the mean, sigma.
CUSUM_ADDED = ("above_ns", "above_blocks", "above_sum", "below_ns", "below_blocks", "below_sum")
EWMA_FIELDS = np.dtype(
    [
        *_NORMAL_FIELDS,
        ("level", "f8"),  # smoothed value
        ("crossed_ns", "i8"),  # event time of the row with which the level came to its side of the mean
    ]
)
CUSUM_FIELDS = np.dtype(
    [
        *_NORMAL_FIELDS,
        ("total", "f8"),  # of the open block
        ("pending", "i8"),  # rows in it
        ("above", "f8"),  # the two sums, sigma
        ("below", "f8"),
        *((name, "f8" if name.endswith("sum") else "i8") for name in CUSUM_ADDED),
    ]
)


class Normal(Protocol):
    """The part of a sensor's record that is learned; ``_NORMAL_FIELDS`` says what each field holds."""

    gap_ns: int
    last_ns: int
    last: float
    step: float
    rows: int
    learned_ns: int
    held_ns: int
    mean: float
    variance: float


class Learning(NamedTuple):
    """How it is learned: parameters of a detector, times in ns."""

    warmup_ns: int
    hold_ns: int
    hold_sigma: float
    mean_ns: float
    sigma_ns: float
    sigma_floor: float


_LEARNING = tuple_type(Learning, types.int64, types.int64, *(types.float64,) * 4)


def fresh(fields: np.dtype[np.void], sensors: SensorGroup) -> Records:
    """Give records of sensors that were never heard."""
    made = np.zeros(len(sensors), fields)
    made["gap_ns"] = np.rint(GAP_PERIODS * 1e9 * sensors.period_s)
    made["last_ns"] = _UNSET_NS
    made["step"] = np.inf
    for name in (*EWMA_ADDED, *CUSUM_ADDED):
        if name.endswith("_ns") and name in (fields.names or ()):
            made[name] = _UNSET_NS
    return made


def how_learned(sensors: Records, learning: Learning) -> Columns:
    """How far each normal is, as ``model.standing.LEARNED`` names it."""
    ready = (sensors["learned_ns"] >= learning.warmup_ns) & (sensors["rows"] >= _ROWS_MIN)
    found = {
        "warming": ~ready,
        "held_s": np.maximum(sensors["held_ns"], 0) / 1e9,
        "stale": ~ready & (sensors["held_ns"] == _ANEW),
    }
    return {name: np.where(sensors["last_ns"] == _UNSET_NS, np.nan, column) for name, column in found.items()}


def known_ns(time_ns: int) -> int | None:
    return None if time_ns == _UNSET_NS else int(time_ns)


def sigma_of(own: np.void, sigma_floor: float) -> float:
    """One sigma of a sensor's record, as the kernels take it; NaN before the second row."""
    rows = int(own["rows"])
    if rows < 2:
        return math.nan
    spread = math.sqrt(own["variance"] * ((rows + 1.0) / (rows - 1.0)))
    step = float(own["step"])
    return max(spread, sigma_floor, 0.5 * step if math.isfinite(step) else 0.0)


@njit(nogil=True, error_model="numpy")
def _weight(dt_ns: int, tau_ns: float) -> float:
    """Share of the new in an average with this time constant; backward Euler, exact in IEEE arithmetic."""
    return dt_ns / (tau_ns + dt_ns) if dt_ns > 0 else 0.0


@njit(nogil=True, error_model="numpy")
def _see(own: Normal, now: float) -> None:
    """Keep the smallest step between two rows."""
    moved = abs(now - own.last)
    if own.last_ns != _UNSET_NS and 0.0 < moved < own.step:
        own.step = moved
    own.last = now


@njit(nogil=True, error_model="numpy")
def _is_ready(own: Normal, learning: Learning) -> bool:
    return own.learned_ns >= learning.warmup_ns and own.rows >= _ROWS_MIN


@njit(nogil=True, error_model="numpy")
def _deviation(own: Normal, statistic: float, sigma_floor: float) -> float:
    """Distance from the learned mean, sigma; needs two rows."""
    sigma = max(np.sqrt(own.variance * ((own.rows + 1.0) / (own.rows - 1.0))), sigma_floor)
    if own.step < np.inf:
        sigma = max(sigma, 0.5 * own.step)
    return (statistic - own.mean) / sigma if sigma > 0.0 else 0.0


@njit(nogil=True, error_model="numpy")
def _learn(own: Normal, statistic: float, score: float, dt_ns: int, learning: Learning) -> bool:
    """Take a row into the normal, unless its score is beyond what teaches; True where learning begins (anew)."""
    if abs(score) > learning.hold_sigma:
        own.held_ns = max(own.held_ns, 0) + dt_ns
        if own.held_ns <= learning.hold_ns:
            return False
        own.rows = 0
        own.held_ns = _ANEW
    elif not np.isnan(score):
        own.held_ns = 0
    if own.rows == 0:
        own.rows = 1
        own.learned_ns = 0
        own.mean = statistic
        own.variance = 0.0
        return True
    own.rows += 1
    own.learned_ns += dt_ns
    share = 1.0 / own.rows
    apart = statistic - own.mean
    own.mean += max(share, _weight(dt_ns, learning.mean_ns)) * apart
    together = apart * (statistic - own.mean)
    own.variance += max(share, _weight(dt_ns, learning.sigma_ns)) * (together - own.variance)
    return False


@njit(
    types.void(SENSOR, TIME, VALUE, F64, records(EWMA_FIELDS), types.float64, _LEARNING),
    cache=True,
    nogil=True,
    error_model="numpy",
)
def ewma_rows(
    sensor: Slots,
    time_ns: Integers,
    value: Floats,
    scores: Floats,
    state: Records,
    smooth_ns: float,
    learning: Learning,
) -> None:
    """Score rows with the chart of ``Ewma``."""
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
        _see(own, now)
        dt_ns = 0
        if own.last_ns != _UNSET_NS:
            dt_ns = max(0, min(time_ns[row] - own.last_ns, own.gap_ns))
        own.last_ns = time_ns[row]
        was_above = own.level > own.mean
        own.level += max(1.0 / (own.rows + 1.0), _weight(dt_ns, smooth_ns)) * (now - own.level)
        score = np.nan
        if _is_ready(own, learning):
            score = _deviation(own, own.level, learning.sigma_floor)
        if not _learn(own, own.level, score, dt_ns, learning):
            scores[row] = score
        stays = (own.level > own.mean) == was_above
        own.crossed_ns = own.crossed_ns if stays else time_ns[row]


class Sums(Protocol):
    """The part of a sensor's record that is Page's; ``CUSUM_FIELDS`` says what each field holds."""

    total: float
    pending: int
    above: float
    below: float
    above_ns: int
    above_blocks: int
    above_sum: float
    below_ns: int
    below_blocks: int
    below_sum: float


class Page(NamedTuple):
    """The parameters of ``Cusum`` that are not about learning."""

    side: int
    every_ns: int
    drift_sigma: float
    clip_sigma: float
    cap_sigma: float
    head_start_sigma: float


_PAGE = tuple_type(Page, types.int64, types.int64, *(types.float64,) * 4)


@njit(nogil=True, error_model="numpy")
def _trace(own: Sums, above: float, below: float, before_ns: int, deviation: float) -> None:
    """Keep since when each sum has grown, and by what; ``above`` and ``below`` are the sums before this block.

    Without a branch, for which way noise goes cannot be foretold.
    """
    high, low = above > 0.0, below > 0.0
    own.above_ns = own.above_ns if high else before_ns
    own.above_blocks = own.above_blocks * high + 1
    own.above_sum = (own.above_sum if high else 0.0) + deviation
    own.below_ns = own.below_ns if low else before_ns
    own.below_blocks = own.below_blocks * low + 1
    own.below_sum = (own.below_sum if low else 0.0) + deviation


@njit(nogil=True, error_model="numpy")
def _begin(own: Sums, now_ns: int, head_start_sigma: float) -> None:
    own.above, own.below = head_start_sigma, head_start_sigma
    own.above_ns, own.below_ns = now_ns, now_ns
    own.above_blocks, own.below_blocks = 0, 0
    own.above_sum, own.below_sum = 0.0, 0.0


@njit(nogil=True, error_model="numpy")
def _add(own: Sums, deviation: float, page: Page) -> None:
    """Page's two recursions with a ceiling, and a ceiling on what one block adds."""
    apart = max(-page.clip_sigma, min(deviation, page.clip_sigma))
    own.above = max(0.0, min(own.above + apart - page.drift_sigma, page.cap_sigma))
    own.below = max(0.0, min(own.below - apart - page.drift_sigma, page.cap_sigma))


@njit(nogil=True, error_model="numpy")
def _worse(own: Sums, side: int) -> float:
    if side == HIGH:
        return own.above
    return own.below if side == LOW else max(own.above, own.below)


@njit(
    types.void(SENSOR, TIME, VALUE, F64, records(CUSUM_FIELDS), _PAGE, _LEARNING),
    cache=True,
    nogil=True,
    error_model="numpy",
)
def cusum_rows(
    sensor: Slots,
    time_ns: Integers,
    value: Floats,
    scores: Floats,
    state: Records,
    page: Page,
    learning: Learning,
) -> None:
    """Score rows with the chart of ``Cusum``."""
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
        _see(own, now)
        own.total += now
        own.pending += 1
        dt_ns = 0
        if own.last_ns != _UNSET_NS:
            since_ns = time_ns[row] - own.last_ns
            if since_ns < page.every_ns:
                if _is_ready(own, learning):
                    scores[row] = _worse(own, page.side)
                continue
            dt_ns = max(0, min(since_ns, max(own.gap_ns, page.every_ns)))
        statistic = own.total / own.pending
        own.total = 0.0
        own.pending = 0
        before_ns = own.last_ns
        own.last_ns = time_ns[row]
        score = np.nan
        if _is_ready(own, learning):
            above, below = own.above, own.below
            deviation = _deviation(own, statistic, learning.sigma_floor)
            _add(own, deviation, page)
            _trace(own, above, below, before_ns, deviation)
            score = _worse(own, page.side)
        if _learn(own, statistic, score, dt_ns, learning):
            _begin(own, time_ns[row], page.head_start_sigma)
        else:
            scores[row] = score
