"""Where a mean may have changed: past blocks in buckets that double in size, and the kernel of ``Change`` on them.

**Buckets.** Blocks stand in buckets of 1, 2, 4 … 128, three or four of each size; when a fifth comes, the two oldest of
the size become one of the next. Each boundary is a possible onset. What leaves the largest becomes the normal: a
mean of so many blocks, forgotten with ``normal_s``.

**Spread.** When two buckets of a size become one, they are old enough to be known as normal, and teach the spread that
buckets of this size have around all that lies before them.

**A change that lasts.** When an onset is found beyond ``hold_sigma``, all before it becomes the normal, and the buckets
hold what came since; nothing teaches now. They are compared with the normal as it stood. They are also tested for a
change among themselves: where there is one, all before it goes. So a value that comes back is told as soon as one that
goes away, and a score ends when the change does.

Source: Datar et al., SIAM J. Comput. 31 (2002) 1794 for the buckets.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numba import njit, types

from detectors.general.change_state import BOTH, CHANGE_FIELDS, EACH, HIGH, LEVELS, UNSET_NS, Buckets, Settings
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
    prefetch,
    records,
    tuple_type,
)

_VALUE_MAX = 1e100
_TOP = 1 << (LEVELS - 1)
_SURER = 1.0  # sigma; so much surer must it be that a change is over than that there is one
_ANEW = -1  # in place of the time held: the normal was given up, and the new one does not score yet
_KNOWN = 8  # buckets of a size that teach its spread before windows of that size are judged; blocks before an onset
_SETTINGS = tuple_type(
    Settings, types.int64, types.int64, types.float64, types.int64, *(types.float64,) * 3, types.int64
)


@njit(nogil=True, error_model="numpy")
def _believe(own: Buckets, sigma_floor: float) -> None:
    """Take the spread of each size that is known; its variance falls with the size as that of white noise at most.

    Where that limit counts, the spread rests on the buckets of the smaller size, of which there are more.
    """
    floor = max(sigma_floor, 0.5 * own.step if own.step < np.inf else 0.0)
    least = floor * floor
    for level in range(LEVELS):
        known = own.seen[level] >= _KNOWN and (level == 0 or own.usable[level - 1] > 0.0)
        own.usable[level] = max(own.variance[level], least) if known else 0.0
        rests_below = level > 0 and own.variance[level] < least
        own.taught[level] = own.taught[level - 1] if rests_below else own.seen[level]
        least = 0.5 * own.usable[level]


@njit(nogil=True, error_model="numpy")
def _level(own: Buckets, blocks: float, level: int) -> int:
    """Give the largest size up to so many blocks whose spread is known, beginning with one."""
    while level < LEVELS - 1 and blocks >= 2 << level and own.usable[level + 1] > 0.0:
        level += 1
    return level


@njit(nogil=True, error_model="numpy")
def _variance(own: Buckets, blocks: float, level: int) -> tuple[float, float]:
    """Give the variance of a mean of so many blocks as a fraction, for divisions are dear; the level is theirs.

    Between two sizes its inverse is taken along a line, which white noise follows. Beyond the largest that is known
    the variance is that of twice its size at most, and then falls as white noise.
    """
    here, size = float(own.usable[level]), float(1 << level)
    if level == LEVELS - 1 or own.usable[level + 1] == 0.0:
        return here * min(blocks, 2.0 * size), blocks
    larger = float(own.usable[level + 1])
    return here * larger * size, (2.0 * size - blocks) * larger + (blocks - size) * here


@njit(nogil=True, error_model="numpy")
def _taught(own: Buckets, level: int) -> float:
    """Give how many buckets taught the variance of blocks on this level."""
    return float(own.taught[level + 1 if level < LEVELS - 1 and own.usable[level + 1] > 0.0 else level])


@njit(nogil=True, error_model="numpy")
def _reach(own: Buckets) -> float:
    """Blocks of the longest window that is judged."""
    if own.usable[LEVELS - 1] > 0.0:
        return np.inf
    level = 0
    while level < LEVELS and own.usable[level] > 0.0:
        level += 1
    return float(1 << level) - 1.0


@njit(nogil=True, error_model="numpy")
def _size(own: Buckets, level: int, place: int) -> float:
    """Blocks in a bucket."""
    return own.oldest if level == LEVELS - 1 and place == 0 else float(1 << level)


@njit(nogil=True, error_model="numpy")
def _larger(own: Buckets, level: int) -> tuple[float, float]:
    """Blocks before the oldest bucket of this size, and their mean."""
    bucket, filled, reference = own.bucket, own.filled, own.last
    blocks, total = own.old, own.old * (own.mean - reference)
    for larger in range(LEVELS - 1, level, -1):
        for place in range(filled[larger]):
            size = _size(own, larger, place)
            blocks += size
            total += size * (bucket[larger * EACH + place] - reference)
    return blocks, reference + total / blocks if blocks > 0.0 else reference


@njit(nogil=True, error_model="numpy")
def _teach(own: Buckets, level: int, count: int, normal_ns: float) -> None:
    """Let the oldest buckets of a size teach its spread: their distance from the mean before them."""
    blocks, mean = _larger(own, level)
    if blocks < _KNOWN:
        return
    for place in range(count):
        size = _size(own, level, place)
        span_ns = size * own.block_ns
        share = max(1.0 / (own.seen[level] + 1.0), span_ns / (normal_ns + span_ns))
        own.seen[level] = 1.0 / share
        apart = own.bucket[level * EACH + place] - mean
        own.variance[level] += share * (apart * apart * blocks / (blocks + size) - own.variance[level])


@njit(nogil=True, error_model="numpy")
def _absorb(own: Buckets, now: float, blocks: float, normal_ns: float) -> None:
    """Take blocks into the normal."""
    span_ns = blocks * own.block_ns
    share = max(blocks / (own.old + blocks), span_ns / (normal_ns + span_ns))
    own.old = blocks / share
    own.mean += share * (now - own.mean)


@njit(nogil=True, error_model="numpy")
def _move(own: Buckets, place: int, source: int) -> None:
    own.bucket[place] = own.bucket[source]
    own.unclipped[place] = own.unclipped[source]
    own.begin_ns[place] = own.begin_ns[source]


@njit(nogil=True, error_model="numpy")
def _leave_largest(own: Buckets, normal_ns: float) -> None:
    """Make room among the largest buckets: into the normal, or, in a change that lasts, two into one."""
    first = (LEVELS - 1) * EACH
    if own.since_ns == UNSET_NS:
        _teach(own, LEVELS - 1, 1, normal_ns)
        _absorb(own, own.bucket[first], own.oldest, normal_ns)
        own.oldest = float(_TOP)
        _move(own, first, first + 1)
    else:
        own.oldest += _TOP
        own.bucket[first] += _TOP / own.oldest * (own.bucket[first + 1] - own.bucket[first])
        own.unclipped[first] += _TOP / own.oldest * (own.unclipped[first + 1] - own.unclipped[first])
    for place in range(first + 1, first + EACH - 1):
        _move(own, place, place + 1)


@njit(nogil=True, error_model="numpy")
def _put(own: Buckets, now: float, unclipped: float, begin_ns: int, normal_ns: float) -> None:
    """Take a block in; where a size is full, its two oldest become one of the next."""
    for level in range(LEVELS):
        first = level * EACH
        at = first + own.filled[level]
        is_full = own.filled[level] == EACH
        merged, merged_unclipped, merged_ns = 0.0, 0.0, 0
        if is_full and level == LEVELS - 1:
            _leave_largest(own, normal_ns)
            at = first + EACH - 1
        elif is_full:
            if own.since_ns == UNSET_NS:
                _teach(own, level, 2, normal_ns)
            merged, merged_ns = 0.5 * (own.bucket[first] + own.bucket[first + 1]), own.begin_ns[first]
            merged_unclipped = 0.5 * (own.unclipped[first] + own.unclipped[first + 1])
            for place in range(first, first + EACH - 2):
                _move(own, place, place + 2)
            at = first + EACH - 2
        own.bucket[at], own.unclipped[at], own.begin_ns[at] = now, unclipped, begin_ns
        own.filled[level] = at - first + 1
        if not is_full or level == LEVELS - 1:
            return
        now, unclipped, begin_ns = merged, merged_unclipped, merged_ns


@njit(nogil=True, error_model="numpy")
def _cut(own: Buckets, since_ns: int, absorbed: int, normal_ns: float) -> None:
    """Take all buckets out that begin before; into the normal (1), or away (0)."""
    for level in range(LEVELS - 1, -1, -1):
        first = level * EACH
        gone = 0
        while gone < own.filled[level] and own.begin_ns[first + gone] < since_ns:
            if absorbed == 1:
                _absorb(own, own.bucket[first + gone], _size(own, level, gone), normal_ns)
            gone += 1
        for place in range(first + gone, first + own.filled[level]):
            _move(own, place - gone, place)
        own.filled[level] -= gone
        if level == LEVELS - 1 and gone > 0:
            own.oldest = float(_TOP)
        if own.filled[level] > 0:
            return


class Onset(NamedTuple):
    """What was found: how sure it is, either way, in sigma; and the likeliest onset."""

    above: float
    below: float
    since_ns: int
    before: float
    after: float


@njit(nogil=True, error_model="numpy")
def _sure(apart: float, variance: float, taught: float) -> float:
    """Turn Student's t to deviations of the normal law (Wallace)."""
    sure: float = (8.0 * taught + 1.0) / (8.0 * taught + 3.0)
    return sure * math.sqrt(taught * math.log1p(apart * apart / variance / taught))


@njit(nogil=True, error_model="numpy")
def _likeliest(own: Buckets, past: float, past_mean: float, least: float, fixed: int) -> Onset:
    """Try every boundary between buckets as an onset, the newest first.

    Args:
        past: blocks before the oldest bucket, which have ``past_mean``.
        least: blocks that must lie before an onset.
        fixed: 1 = the mean before is that of the past alone, 0 = also of the buckets before the onset.

    """
    bucket, filled = own.bucket, own.filled
    reference = bucket[filled[0] - 1]
    blocks, total = past, past * (past_mean - reference)
    for level in range(LEVELS * (1 - fixed)):
        for place in range(filled[level]):
            size = _size(own, level, place)
            blocks += size
            total += size * (bucket[level * EACH + place] - reference)
    above, below, since_ns, before, after = 0.0, 0.0, UNSET_NS, own.mean, own.mean
    reach, k, summed, fits = _reach(own), 0.0, 0.0, 0
    for level in range(LEVELS):
        for place in range(filled[level] - 1, -1, -1):
            size = _size(own, level, place)
            more = size * (bucket[level * EACH + place] - reference)
            k += size
            summed += more
            blocks -= size * (1 - fixed)
            total -= more * (1 - fixed)
            if k > reach or blocks < least:
                return Onset(above, below, since_ns, before, after)
            fits = _level(own, k, fits)
            over, under = _variance(own, k, fits)
            product = k * blocks
            apart = summed * blocks - total * k
            best = (above if apart > 0.0 else below) * product
            if apart * apart * under <= best * best * over:  # it is less sure still than it is far
                continue
            apart /= product
            past_over, past_under = _variance(own, blocks, _level(own, blocks, fits))
            sure = _sure(apart, over / under + past_over / past_under, _taught(own, fits))
            if sure > max(above, below):
                since_ns = own.begin_ns[level * EACH + place]
                before, after = reference + total / blocks, reference + summed / k
            above = max(above, sure if apart > 0.0 else 0.0)
            below = max(below, sure if apart < 0.0 else 0.0)
    return Onset(above, below, since_ns, before, after)


@njit(nogil=True, error_model="numpy")
def _forget(own: Buckets) -> None:
    """Begin to learn anew."""
    own.old = 0.0
    own.mean = 0.0
    own.oldest = float(_TOP)
    own.learned_ns = 0
    own.held_ns = _ANEW
    own.centre = np.nan
    own.since_ns = UNSET_NS
    for level in range(LEVELS):
        own.filled[level] = 0
        own.variance[level] = 0.0
        own.seen[level] = 0.0
        own.usable[level] = 0.0


@njit(nogil=True, error_model="numpy")
def _find(own: Buckets, settings: Settings) -> Onset:
    """Test what the buckets hold; where a change that lasts is followed by another, drop what lies between."""
    if own.since_ns == UNSET_NS:
        return _likeliest(own, own.old, own.mean, float(_KNOWN), 0)
    inner = _likeliest(own, 0.0, 0.0, 1.0, 0)
    if max(inner.above, inner.below) > settings.hold_sigma + _SURER:
        _cut(own, inner.since_ns, 0, settings.normal_ns)
    return _likeliest(own, own.old, own.mean, float(_KNOWN), 1)


@njit(nogil=True, error_model="numpy")
def _judge(own: Buckets, dt_ns: int, settings: Settings) -> None:
    """Score what is known now, and keep an onset that was found."""
    own.score, own.onset_ns = np.nan, UNSET_NS
    if own.learned_ns < settings.warmup_ns or own.seen[0] < _KNOWN:
        own.centre = np.nan
        return
    _believe(own, settings.sigma_floor)
    found = _find(own, settings) if own.step < np.inf else Onset(0.0, 0.0, UNSET_NS, own.last, own.last)
    own.onset_ns, own.before, own.after = found.since_ns, found.before, found.after
    own.score = found.above if settings.side == HIGH else found.below
    if settings.side == BOTH:
        own.score = max(found.above, found.below)
    if max(found.above, found.below) > settings.hold_sigma:
        if own.since_ns == UNSET_NS:
            _cut(own, found.since_ns, 1, settings.normal_ns)
            own.since_ns = found.since_ns
        own.held_ns = max(own.held_ns, 0) + dt_ns
        own.centre = own.mean
        if own.held_ns > settings.hold_ns:
            _forget(own)
            own.score = np.nan
    else:
        own.held_ns = 0
        own.since_ns = UNSET_NS
        own.centre = _larger(own, -1)[1]


@njit(
    types.void(SENSOR, TIME, VALUE, F64, records(CHANGE_FIELDS), _SETTINGS),
    cache=True,
    nogil=True,
    error_model="numpy",
)
def change_rows(
    sensor: Slots, time_ns: Integers, value: Floats, scores: Floats, state: Records, settings: Settings
) -> None:
    """Score rows with ``Change``."""
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
        moved = abs(now - own.last)
        if own.last_ns != UNSET_NS and 0.0 < moved < own.step:
            own.step = moved
        own.last = now
        if own.pending == 0:
            own.open_ns = time_ns[row]
        own.total += now
        own.pending += 1
        dt_ns = 0
        if own.last_ns != UNSET_NS:
            since_ns = time_ns[row] - own.last_ns
            if since_ns < settings.every_ns:
                scores[row] = own.score
                continue
            dt_ns = max(0, min(since_ns, max(own.gap_ns, settings.every_ns)))
        block = unclipped = own.total / own.pending
        own.total = 0.0
        own.pending = 0
        own.last_ns = time_ns[row]
        own.learned_ns += dt_ns
        if own.usable[0] > 0.0 and not math.isnan(own.centre):
            most = settings.clip_sigma * math.sqrt(own.usable[0])
            block = max(own.centre - most, min(block, own.centre + most))
        _put(own, block, unclipped, own.open_ns, settings.normal_ns)
        _judge(own, dt_ns, settings)
        scores[row] = own.score
