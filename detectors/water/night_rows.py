"""The rows of a district: summed up by hours and nights; kernel of ``night_flow``."""

from __future__ import annotations

import numpy as np
from numba import njit, types

from detectors.kernels import F64, I64, Floats, Integers

#: Hours a day.
BLOCKS = 24
_VALUE_MAX = 1e100
#: Half of an hour's rows must be there.
_BLOCK_MIN = 0.5
#: Places in the clock: last whole row (ns); number of the hour that is filling; end of the night that is
#: filling (ns, 0 = none); end of the last good one; nights learned; recent nights so far; end of the night since when
#: the score is beyond hold.
_LAST, _BLOCK, ENDS, ENDED, LEARNED, RECENT, BEGAN = range(7)
PLACES = 7
_F64_2D = types.Array(types.float64, 2, "C")
_VALUES = types.Array(types.float64, 2, "C", readonly=True)
_TIMES = types.Array(types.int64, 1, "C", readonly=True)


@njit(nogil=True, error_model="numpy")
def _close_hour(wanted: float, hours: float, number: int, block: Floats, cells: Floats, products: Floats) -> None:
    """Let the hour that is complete teach; ``hours``: length of a row."""
    if block[0] >= wanted:
        n = len(block) - 1
        for i in range(n):
            block[1 + i] /= block[0] if i == 0 else block[0] * hours
        cells[number % len(cells), 0] += 1.0
        for i in range(n):
            cells[number % len(cells), 1 + i] += block[1 + i]
            for j in range(n):
                products[i, j] += block[1 + i] * block[1 + j]
    block[:] = 0.0


@njit(nogil=True, error_model="numpy")
def _add(flow: float, value: Floats, levels: Integers, last: Floats, sums: Floats) -> None:
    """One more row: how often, inflow, rises."""
    sums[0] += 1.0
    sums[1] += flow
    for k in range(len(levels)):
        sums[2 + k] += value[levels[k]] - last[k]


@njit(nogil=True, error_model="numpy")
def _inflow(value: Floats, signs: Floats, levels: Integers) -> tuple[float, bool, bool]:
    """Sum of the flows, whether all that is needed is there, and whether a flow is."""
    flow, whole, heard = 0.0, True, False
    for i in range(len(signs)):
        if signs[i] != 0.0:
            usable = abs(value[i]) <= _VALUE_MAX
            whole &= usable
            heard |= usable
            flow += signs[i] * value[i] if usable else 0.0
    for level in levels:
        whole &= abs(value[level]) <= _VALUE_MAX
    return flow, whole, heard


@njit(
    types.int64(
        _TIMES, _VALUES, types.int64, F64, I64, I64, F64, F64, _F64_2D, _F64_2D, F64, I64, F64, _F64_2D,
    ),
    cache=True,
    nogil=True,
    error_model="numpy",
)  # fmt: skip
def collect(
    time_ns: Integers, value: Floats, begin: int, signs: Floats, levels: Integers, sizes: Integers, last: Floats,
    block: Floats, cells: Floats, products: Floats, night: Floats, clock: Integers, said: Floats, found: Floats,
) -> int:  # fmt: skip
    """Take instants in until a night is over or all are in; gives the number of the next one.

    ``sizes``, ns: grid, day, begin and length of the night, and how far local time is ahead.
    """
    every, cycle = sizes[0], sizes[1]
    for row in range(begin, len(time_ns)):
        now = time_ns[row]
        if clock[ENDS] != 0 and now > clock[ENDS]:
            return row
        flow, whole, heard = _inflow(value[row], signs, levels)
        phase = (now + sizes[4]) % cycle
        number = (now + sizes[4] - every) // (cycle // len(cells))  # a row stands for the time before it
        if number != clock[_BLOCK]:
            _close_hour(_BLOCK_MIN * cycle / len(cells) / every, every / 3.6e12, clock[_BLOCK], block, cells, products)
            clock[_BLOCK] = number
        if whole:
            if now - clock[_LAST] <= every + every // 2:
                _add(flow, value[row], levels, last, block)
                if sizes[2] < phase <= sizes[2] + sizes[3]:
                    clock[ENDS] = now - phase + sizes[2] + sizes[3]
                    _add(flow, value[row], levels, last, night)
            last[:] = value[row][levels]
            clock[_LAST] = now
        fresh = heard and now - clock[ENDED] <= cycle + cycle // 2
        found[row, :] = said if fresh else np.nan * said
    return len(time_ns)
