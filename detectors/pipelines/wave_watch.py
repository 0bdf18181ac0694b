"""Listening at the stations of a line for the step of a pressure wave; ``pressure_wave`` judges what is heard."""

from __future__ import annotations

import numpy as np
from numba import njit, types

from detectors.kernels import F64, I64, Floats, Integers

_VALUE_MAX = 1e100
_F64_2D = types.Array(types.float64, 2, "C")
#: No noise is believed to be smaller, so that nothing is divided by zero.
SIGMA_MIN = 1e-9

#: Phases of a line: it listens; a wave is running; what bounces to and fro is let pass.
LISTENING, RUNNING, RESTING = 0, 1, 2
#: Places in the clock of a line; all are numbers of samples, but the phase.
NOW, PHASE, SINCE, LOUD, LOOK, SAID = range(6)
#: Place of the column that grows while a find is held.
_BEGAN = 5

#: What counts at most when the noise is learned.
_TEACHES_SIGMA = 3.0
#: A wave bounces between the ends; so many times is waited for.
_BOUNCES = 10


@njit(nogil=True, error_model="numpy")
def _step(samples: Floats, now: int, front: int, before: int) -> float:
    """Mean of the newest samples less the mean of those well before them."""
    kept = len(samples)
    new, old = 0.0, 0.0
    for k in range(front):
        new += samples[(now - k) % kept]
    for k in range(2 * front, 2 * front + before):
        old += samples[(now - k) % kept]
    return new / front - old / before


@njit(nogil=True, error_model="numpy")
def _heard(
    i: int, loud: float, step: float, sigma: float, levels: Floats, front: int, variance: Floats, arrived: Integers,
    peak: Floats, clock: Integers,
) -> None:  # fmt: skip
    """Take note of how loud one station is now."""
    if clock[PHASE] == LISTENING:
        counted = min(abs(step), _TEACHES_SIGMA * sigma)
        variance[i] += levels[2] * (counted * counted - variance[i])
    if abs(loud) >= levels[0]:
        clock[LOUD] = clock[NOW]
        if clock[PHASE] == LISTENING:
            clock[PHASE], clock[SINCE] = RUNNING, clock[NOW]
            arrived[:] = -1
            peak[:] = 0.0
        if clock[PHASE] == RUNNING and arrived[i] < 0:
            arrived[i], peak[i] = clock[NOW], loud
            clock[LOOK] = clock[NOW] + 2 * front
    if clock[PHASE] == RUNNING and arrived[i] >= 0 and clock[NOW] - arrived[i] < 2 * front:
        peak[i] = loud if abs(loud) > abs(peak[i]) else peak[i]


@njit(
    types.int64(
        types.Array(types.int64, 1, "C", readonly=True), types.Array(types.float64, 2, "C", readonly=True), types.int64,
        I64, F64, _F64_2D, I64, F64, I64, I64, F64, I64, F64, I64, _F64_2D,
    ),
    cache=True,
    nogil=True,
    error_model="numpy",
)  # fmt: skip
def listen(
    time_ns: Integers, value: Floats, begin: int, sizes: Integers, levels: Floats, ring: Floats, good: Integers,
    variance: Floats, learned: Integers, arrived: Integers, peak: Floats, clock: Integers, said: Floats,
    last_ns: Integers, found: Floats,
) -> int:  # fmt: skip
    """Take instants in until a running wave is to be looked at, or all are in; gives the number of the next one.

    ``sizes``: samples of front, before, warm-up and rest, and the gap in ns that breaks a series. ``levels``:
    front_sigma, sigma_floor, weight of a sample for sigma, every_s.
    """
    stations, kept = ring.shape
    front, before, warmup, rest, gap_ns = sizes[0], sizes[1], sizes[2], sizes[3], sizes[4]
    for row in range(begin, len(time_ns)):
        now = clock[NOW]
        if last_ns[0] != 0 and time_ns[row] - last_ns[0] > gap_ns:
            good[:] = 0
            clock[PHASE] = LISTENING
        last_ns[0] = time_ns[row]
        able = False
        for i in range(stations):
            usable = abs(value[row, i]) <= _VALUE_MAX
            good[i] = good[i] + 1 if usable else 0
            ring[i, now % kept] = value[row, i] if usable else 0.0
            if good[i] >= 2 * front + before:
                step = _step(ring[i], now, front, before)
                if learned[i] < warmup:
                    learned[i] += 1
                    variance[i] += (step * step - variance[i]) / learned[i]
                else:
                    able = True
                    sigma = max(np.sqrt(variance[i]), levels[1], SIGMA_MIN)
                    _heard(i, step / sigma, step, sigma, levels, front, variance, arrived, peak, clock)
        if clock[PHASE] == RESTING and (now - clock[LOUD] >= rest or now - clock[SINCE] >= _BOUNCES * rest):
            clock[PHASE] = LISTENING
        clock[NOW] = now + 1
        found[row, :] = np.nan
        if able:
            found[row, 0], found[row, 1] = 0.0, 0.0
            if now < clock[SAID]:
                found[row, :] = said
                said[_BEGAN] += levels[3]
        if clock[PHASE] == RUNNING and clock[NOW] >= clock[LOOK]:
            return row + 1
    return len(time_ns)
