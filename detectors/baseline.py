"""The learned normal of a sensor and the two control charts that stand on it.

Both kernels live in this file because they share what is learned, and Numba's cache notices a change
only in the file of the function that it compiled.

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

**What cannot be seen.** A ramp of less than ``hold_sigma * sigma / mean_s`` is followed, as a daily cycle is meant
to be. What is abnormal all through the warm-up becomes the normal. Limits on the value itself stay on guard there.

Sources: Welford, Technometrics 4 (1962) 419; West, Comm. ACM 22 (1979) 532; Hawkins, Technometrics 29 (1987) 463.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit, types

from detectors.kernels import F64, GAP_PERIODS, I64, SENSOR, TIME, VALUE, Floats, Integers, Slots, tuple_type
from model.detector import SensorGroup

UNSET_NS = np.iinfo(np.int64).min
_VALUE_MAX = 1e100
_ROWS_MIN = 8

HIGH, LOW, BOTH = 1, 2, 3


class Normal(NamedTuple):
    """What is learned: arrays [m] out of a detector's state, which says what each one holds."""

    mean: Floats
    variance: Floats
    rows: Integers
    learned_ns: Integers
    held_ns: Integers
    gap_ns: Integers
    last: Floats
    step: Floats


class Learning(NamedTuple):
    """How it is learned: parameters of a detector."""

    warmup_ns: int
    hold_ns: int
    hold_sigma: float
    mean_s: float
    sigma_s: float
    sigma_floor: float


_NORMAL = tuple_type(Normal, F64, F64, I64, I64, I64, I64, F64, F64)
_LEARNING = tuple_type(Learning, types.int64, types.int64, *(types.float64,) * 4)


def gaps(sensors: SensorGroup) -> Integers:
    """Give the longest time a row of each sensor can stand for: int64 [m], ns."""
    return np.rint(GAP_PERIODS * 1e9 * sensors.period_s).astype(np.int64)


@njit(nogil=True, error_model="numpy")
def _weight(dt_ns: int, tau_s: float) -> float:
    """Share of the new in an average with time constant ``tau_s``; backward Euler, exact in IEEE arithmetic."""
    dt_s = dt_ns / 1e9
    return dt_s / (tau_s + dt_s) if dt_ns > 0 else 0.0


@njit(nogil=True, error_model="numpy")
def _see(normal: Normal, slot: int, now: float) -> None:
    """Keep the smallest step between two rows."""
    moved = abs(now - normal.last[slot])
    if 0.0 < moved < normal.step[slot]:
        normal.step[slot] = moved
    normal.last[slot] = now


@njit(nogil=True, error_model="numpy")
def _is_ready(normal: Normal, slot: int, learning: Learning) -> bool:
    return bool(normal.learned_ns[slot] >= learning.warmup_ns and normal.rows[slot] >= _ROWS_MIN)


@njit(nogil=True, error_model="numpy")
def _deviation(normal: Normal, slot: int, statistic: float, sigma_floor: float) -> float:
    """Distance from the learned mean, sigma; needs two rows."""
    rows = normal.rows[slot]
    sigma = max(np.sqrt(normal.variance[slot] * ((rows + 1.0) / (rows - 1.0))), sigma_floor)
    if normal.step[slot] < np.inf:
        sigma = max(sigma, 0.5 * normal.step[slot])
    return (statistic - normal.mean[slot]) / sigma if sigma > 0.0 else 0.0


@njit(nogil=True, error_model="numpy")
def _learn(normal: Normal, slot: int, statistic: float, score: float, dt_ns: int, learning: Learning) -> bool:
    """Take a row into the normal, unless its score is beyond what teaches; True where learning begins (anew)."""
    if abs(score) > learning.hold_sigma:
        normal.held_ns[slot] += dt_ns
        if normal.held_ns[slot] <= learning.hold_ns:
            return False
        normal.rows[slot] = 0
    normal.held_ns[slot] = 0
    if normal.rows[slot] == 0:
        normal.rows[slot] = 1
        normal.learned_ns[slot] = 0
        normal.mean[slot] = statistic
        normal.variance[slot] = 0.0
        return True
    normal.rows[slot] += 1
    normal.learned_ns[slot] += dt_ns
    share = 1.0 / normal.rows[slot]
    apart = statistic - normal.mean[slot]
    normal.mean[slot] += max(share, _weight(dt_ns, learning.mean_s)) * apart
    together = apart * (statistic - normal.mean[slot])
    normal.variance[slot] += max(share, _weight(dt_ns, learning.sigma_s)) * (together - normal.variance[slot])
    return False


@njit(
    types.void(SENSOR, TIME, VALUE, F64, I64, F64, _NORMAL, types.float64, _LEARNING),
    cache=True,
    nogil=True,
    error_model="numpy",
)
def ewma_rows(
    sensor: Slots,
    time_ns: Integers,
    value: Floats,
    scores: Floats,
    last_ns: Integers,
    level: Floats,
    normal: Normal,
    smooth_s: float,
    learning: Learning,
) -> None:
    """Score rows with the chart of ``Ewma``."""
    for row in range(len(sensor)):
        slot, now = sensor[row], value[row]
        scores[row] = np.nan
        if slot < 0 or slot >= len(level):
            raise IndexError("a row names no slot of the detector's state")
        if not abs(now) <= _VALUE_MAX:
            continue
        dt_ns = 0
        if last_ns[slot] == UNSET_NS:
            normal.last[slot] = now
        else:
            dt_ns = max(0, min(time_ns[row] - last_ns[slot], normal.gap_ns[slot]))
            _see(normal, slot, now)
        level[slot] += max(1.0 / (normal.rows[slot] + 1.0), _weight(dt_ns, smooth_s)) * (now - level[slot])
        last_ns[slot] = time_ns[row]
        score = np.nan
        if _is_ready(normal, slot, learning):
            score = _deviation(normal, slot, level[slot], learning.sigma_floor)
        if not _learn(normal, slot, level[slot], score, dt_ns, learning):
            scores[row] = score


class Sums(NamedTuple):
    """The sums of ``Cusum``: arrays [m] out of its state."""

    closed_ns: Integers
    total: Floats
    pending: Integers
    above: Floats
    below: Floats


class Page(NamedTuple):
    """The parameters of ``Cusum`` that are not about learning."""

    side: int
    every_ns: int
    drift_sigma: float
    clip_sigma: float
    cap_sigma: float
    head_start_sigma: float


_SUMS = tuple_type(Sums, I64, F64, I64, F64, F64)
_PAGE = tuple_type(Page, types.int64, types.int64, *(types.float64,) * 4)


@njit(nogil=True, error_model="numpy")
def _add(sums: Sums, slot: int, apart: float, page: Page) -> None:
    """Page's two recursions with a ceiling."""
    sums.above[slot] = max(0.0, min(sums.above[slot] + apart - page.drift_sigma, page.cap_sigma))
    sums.below[slot] = max(0.0, min(sums.below[slot] - apart - page.drift_sigma, page.cap_sigma))


@njit(nogil=True, error_model="numpy")
def _worse(sums: Sums, slot: int, side: int) -> float:
    if side == HIGH:
        return float(sums.above[slot])
    return float(sums.below[slot] if side == LOW else max(sums.above[slot], sums.below[slot]))


@njit(
    types.void(SENSOR, TIME, VALUE, F64, _SUMS, _NORMAL, _PAGE, _LEARNING),
    cache=True,
    nogil=True,
    error_model="numpy",
)
def cusum_rows(
    sensor: Slots,
    time_ns: Integers,
    value: Floats,
    scores: Floats,
    sums: Sums,
    normal: Normal,
    page: Page,
    learning: Learning,
) -> None:
    """Score rows with the chart of ``Cusum``."""
    for row in range(len(sensor)):
        slot, now = sensor[row], value[row]
        scores[row] = np.nan
        if slot < 0 or slot >= len(sums.above):
            raise IndexError("a row names no slot of the detector's state")
        if not abs(now) <= _VALUE_MAX:
            continue
        sums.total[slot] += now
        sums.pending[slot] += 1
        dt_ns = 0
        if sums.closed_ns[slot] == UNSET_NS:
            normal.last[slot] = now
        else:
            _see(normal, slot, now)
            since_ns = time_ns[row] - sums.closed_ns[slot]
            if since_ns < page.every_ns:
                if _is_ready(normal, slot, learning):
                    scores[row] = _worse(sums, slot, page.side)
                continue
            dt_ns = max(0, min(since_ns, max(normal.gap_ns[slot], page.every_ns)))
        statistic = sums.total[slot] / sums.pending[slot]
        sums.total[slot] = 0.0
        sums.pending[slot] = 0
        sums.closed_ns[slot] = time_ns[row]
        score = np.nan
        if _is_ready(normal, slot, learning):
            apart = _deviation(normal, slot, statistic, learning.sigma_floor)
            _add(sums, slot, max(-page.clip_sigma, min(apart, page.clip_sigma)), page)
            score = _worse(sums, slot, page.side)
        if _learn(normal, slot, statistic, score, dt_ns, learning):
            sums.above[slot] = sums.below[slot] = page.head_start_sigma
        else:
            scores[row] = score
