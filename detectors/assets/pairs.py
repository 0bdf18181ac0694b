"""Compiled part of ``neighbours``: what two sensors of like kind differ by, pair by pair, and what that says of each.

It lives in one file because Numba's cache notices a change only in the file of the function that it compiled.

**A pair** has a smoothed difference, ``level``. Its mean and spread are those of the warm-up and follow slowly from
then on: not as 1/n, or a drift in the first weeks would be half learned. Once eight rows are in, an instant moves the
level as if it were at most ``clip_sigma`` off, so that a plume of an hour counts for little however high it goes.

**A sensor** is as far off as more than half of those it can be compared with say. So one that drifts does not make the
others look wrong, and what most sensors see in common shows nowhere.
"""

from __future__ import annotations

from typing import NamedTuple, Protocol

import numpy as np
from numba import njit, types

from detectors.kernels import I64, TIME, Floats, Integers, Records, records, tuple_type

_UNSET_NS = np.iinfo(np.int64).min
_VALUE_MAX = 1e100
_GAP_INSTANTS = 3
_ROWS_MIN = 8
_DAY_NS = 86400e9
_TIE = 1.0 + 1e-9  # a sensor must be further off by more than rounding

#: Columns of what ``compare`` writes.
SCORE, MOST, APART, DRIFT, CONTRIBUTOR, OBSERVED, EXPECTED, HELD_S = range(8)
WIDTH = 8

PAIR_FIELDS = np.dtype(
    [
        ("last_ns", "i8"),  # the last instant at which both were there
        ("instants", "i8"),  # in the level
        ("settled_ns", "i8"),  # time in the level, and since learning began
        ("rows", "i8"),  # learned
        ("held_ns", "i8"),  # how long without a normal instant
        ("level", "f8"),  # smoothed difference, unit of the kind
        ("slower", "f8"),  # the level smoothed once more
        ("mean", "f8"),  # of the level, learned
        ("variance", "f8"),  # of the level, learned
        ("kept", "f8"),  # the last score; NaN = there was none, inf = was held to be stale and is not yet known anew
    ]
)


class Pair(Protocol):
    """A record of ``PAIR_FIELDS``."""

    last_ns: int
    instants: int
    settled_ns: int
    rows: int
    held_ns: int
    level: float
    slower: float
    mean: float
    variance: float
    kept: float


class Comparing(NamedTuple):
    """Parameters, times in ns."""

    every_ns: int
    warmup_ns: int
    hold_ns: int
    smooth_ns: float
    follow_ns: float
    floor: float
    clip_sigma: float
    hold_sigma: float


_COMPARING = tuple_type(Comparing, *(types.int64,) * 3, *(types.float64,) * 5)
_MATRIX = types.Array(types.float64, 2, "C")


@njit(nogil=True, error_model="numpy")
def _sigma(own: Pair, floor: float) -> float:
    """Spread of a new level around a mean that was itself estimated; needs two rows."""
    spread: float = np.sqrt(own.variance * ((own.rows + 1.0) / (own.rows - 1.0)))
    return max(spread, floor)


@njit(nogil=True, error_model="numpy")
def _is_known(own: Pair, comparing: Comparing) -> bool:
    return own.rows >= _ROWS_MIN and own.settled_ns >= comparing.warmup_ns


@njit(nogil=True, error_model="numpy")
def _smooth(own: Pair, apart: float, dt_ns: int, comparing: Comparing) -> None:
    """Take one difference into the level."""
    if own.instants == 0:
        own.level = apart
        own.slower = apart
    step = apart - own.level
    if own.rows >= _ROWS_MIN:
        most = comparing.clip_sigma * _sigma(own, comparing.floor)
        step = max(-most, min(most, step))
    own.instants += 1
    own.settled_ns += dt_ns
    share = max(1.0 / own.instants, dt_ns / (comparing.smooth_ns + dt_ns))
    own.level += share * step
    own.slower += share * (own.level - own.slower)


@njit(nogil=True, error_model="numpy")
def _learn(own: Pair, dt_ns: int, comparing: Comparing) -> None:
    """Mean and variance of the level, once it has settled."""
    if own.settled_ns <= comparing.smooth_ns:
        return
    own.rows += 1
    share = dt_ns / (comparing.follow_ns + dt_ns) if _is_known(own, comparing) else 1.0 / own.rows
    apart = own.level - own.mean
    own.mean += share * apart
    own.variance += share * (apart * (own.level - own.mean) - own.variance)


@njit(nogil=True, error_model="numpy")
def _follow(own: Pair, apart: float, now_ns: int, comparing: Comparing) -> float:
    """Take one difference of a pair; how far it is off, sigma; NaN = not known yet."""
    dt_ns = comparing.every_ns
    if own.last_ns != _UNSET_NS:
        dt_ns = min(now_ns - own.last_ns, _GAP_INSTANTS * comparing.every_ns)
    own.last_ns = now_ns
    _smooth(own, apart, dt_ns, comparing)
    if not _is_known(own, comparing):
        _learn(own, dt_ns, comparing)
        return np.nan
    score: float = (own.level - own.mean) / _sigma(own, comparing.floor)
    own.kept = score
    if abs(score) <= comparing.hold_sigma:
        own.held_ns = 0
        _learn(own, dt_ns, comparing)
        return score
    own.held_ns += dt_ns
    if own.held_ns > comparing.hold_ns:
        own.instants = 0
        own.settled_ns = 0
        own.rows = 0
        own.held_ns = 0
        own.mean = 0.0
        own.variance = 0.0
        own.kept = np.inf
        return np.nan
    return score


@njit(nogil=True, error_model="numpy")
def _agreed(said: Floats) -> tuple[float, float]:
    """How far above the others more than half of them say, and how far below; NaN = nobody says anything."""
    witnesses = np.sort(said[~np.isnan(said)])
    count = len(witnesses)
    if count == 0:
        return np.nan, np.nan
    rank = count // 2 + 1
    return witnesses[count - rank], -witnesses[rank - 1]


@njit(nogil=True, error_model="numpy")
def _could_be(kept: Floats) -> float:
    """How far off a sensor may be of which nothing is known now: as far as it was last."""
    for one in kept:
        if abs(one) == np.inf:
            return np.inf
    above, below = _agreed(kept)
    return max(above, below) if not np.isnan(above) else 0.0


@njit(nogil=True, error_model="numpy")
def _name(out: Floats, worst: int, row: Floats, said: Floats, pair: Integers, pairs: Records, smooth_ns: float) -> None:
    """Write what is known of the sensor that is furthest off, by the neighbour whose word counts."""
    above, below = _agreed(said)
    counts = above if above >= below else -below
    for other in range(len(said)):
        if said[other] == counts:
            own = pairs[pair[other]]
            sign = 1.0 if worst < other else -1.0
            out[APART] = sign * (own.level - own.mean)
            out[DRIFT] = sign * (own.level - own.slower) * (_DAY_NS / smooth_ns)
            break
    if np.count_nonzero(~np.isnan(said)) > 1:
        out[CONTRIBUTOR] = worst + 1.0
        out[OBSERVED] = row[worst]
        out[EXPECTED] = row[worst] - out[APART]


@njit(nogil=True, error_model="numpy")
def _say(out: Floats, row: Floats, said: Floats, pair: Integers, pairs: Records, smooth_ns: float) -> None:
    """Write what an instant comes to."""
    out[:] = np.nan
    score, most, worst, held_ns = np.nan, 0.0, -1, 0
    kept = np.empty(len(row))
    for i in range(len(row)):
        above, below = _agreed(said[i])
        if not np.isnan(above):
            off = max(above, below, 0.0)
            if worst < 0 or off > _TIE * score:
                score, worst = off, i
            continue
        for j in range(len(row)):
            kept[j] = np.nan
            if pair[i, j] >= 0:
                kept[j] = pairs[pair[i, j]].kept if i < j else -pairs[pair[i, j]].kept
        most = max(most, _could_be(kept))
    if worst < 0:
        return
    for one in pairs:
        held_ns = max(held_ns, one.held_ns)
    out[SCORE], out[MOST], out[HELD_S] = score, max(score, most), 1e-9 * held_ns
    if score > 0.0:
        _name(out, worst, row, said[worst], pair[worst], pairs, smooth_ns)


@njit(
    types.void(
        TIME,
        types.Array(types.float64, 2, "C", readonly=True),
        I64,
        records(PAIR_FIELDS),
        _COMPARING,
        _MATRIX,
    ),
    cache=True,
    nogil=True,
    error_model="numpy",
)
def compare(
    time_ns: Integers, value: Floats, group: Integers, pairs: Records, comparing: Comparing, out: Floats
) -> None:
    """Score instants of one asset with ``Neighbours``.

    Args:
        time_ns: int64 [n].
        value: float64 [n, inputs].
        group: int64 [inputs], the same number for sensors of the same kind.
        pairs: records of ``PAIR_FIELDS``, of the inputs i < j of the same kind, row by row.
        comparing: parameters.
        out: float64 [n, WIDTH], written.

    """
    inputs = len(group)
    pair = np.full((inputs, inputs), -1, np.int64)
    count = 0
    for i in range(inputs):
        for j in range(i + 1, inputs):
            if group[i] == group[j]:
                pair[i, j] = count
                pair[j, i] = count
                count += 1
    said = np.full((inputs, inputs), np.nan)
    for at in range(len(time_ns)):
        row = value[at]
        for i in range(inputs):
            for j in range(i + 1, inputs):
                if pair[i, j] >= 0:
                    said[i, j] = np.nan
                    if abs(row[i]) <= _VALUE_MAX and abs(row[j]) <= _VALUE_MAX:
                        said[i, j] = _follow(pairs[pair[i, j]], row[i] - row[j], time_ns[at], comparing)
                    said[j, i] = -said[i, j]
        _say(out[at], row, said, pair, pairs, comparing.smooth_ns)
