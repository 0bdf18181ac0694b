"""The rows of a water network: learned in the warm-up, averaged to blocks, and tested; kernels of ``network_heads``."""

from __future__ import annotations

import numpy as np
from numba import njit, types

from detectors.kernels import F64, I64, Floats, Integers

HARMONICS = 4
_DAY_NS = 86_400_000_000_000
_VALUE_MAX = 1e100
#: A flow that changes by more than this share of the largest one from row to row is a pump that was switched.
_SWITCHED = 0.2
#: A logger that misses more rows of the warm-up than this share is not used.
MISSING_MAX = 0.1
#: Least variance, so that nothing is divided by zero.
_TINY = 1e-9

#: Blocks of a group over which the memory of what the heads lack is learned.
_GROUP = 12
#: Less variance than this share of the mean square is rounding.
_STILL = 1e-9

#: Places in the clock: rows in a series; number of the block that is filling; rows learned; blocks learned; whether
#: learning is over; blocks put into fast and usual; block since when the score is beyond hold, 0 = it is not; last ns;
#: first block.
_SERIES, _BLOCK, ROWS, LEARNED, _READY, _FAST, _USUAL, _HELD, _LAST, _FIRST = range(10)
PLACES = 10
_F64_2D = types.Array(types.float64, 2, "C")
_VALUES = types.Array(types.float64, 2, "C", readonly=True)
_TIMES = types.Array(types.int64, 1, "C", readonly=True)


@njit(nogil=True, error_model="numpy")
def _features(now_ns: int, newest: Floats, flows: int, into: Floats) -> None:
    """Levels, flows, slopes and mean flows over a block, signed squares, harmonics of the day."""
    rows, columns = newest.shape
    for i in range(columns):
        into[i] = newest[0, i]
        if i < flows:
            total = 0.0
            for k in range(rows - 1):
                total += newest[k, i]
            into[columns + i] = total / (rows - 1)
            into[2 * columns + i] = newest[0, i] * abs(newest[0, i])
        else:
            slope = newest[0, i] - newest[rows - 1, i]
            into[columns + i] = slope
            into[2 * columns + i] = slope * abs(slope)
    phase = 2.0 * np.pi * (now_ns % _DAY_NS) / _DAY_NS
    for k in range(HARMONICS):
        into[3 * columns + 2 * k] = np.sin((k + 1) * phase)
        into[3 * columns + 2 * k + 1] = np.cos((k + 1) * phase)


@njit(nogil=True, error_model="numpy")
def _factor(matrix: Floats, n: int) -> bool:
    """Cholesky in place, lower triangle; False where the matrix is not positive."""
    for j in range(n):
        for i in range(j, n):
            total = matrix[i, j]
            for k in range(j):
                total -= matrix[i, k] * matrix[j, k]
            if i == j:
                if not total > 0.0:
                    return False
                matrix[j, j] = np.sqrt(total)
            else:
                matrix[i, j] = total / matrix[j, j]
    return True


@njit(nogil=True, error_model="numpy")
def _solve(factor: Floats, n: int, right: Floats) -> None:
    """Solve with the factor, in place."""
    for i in range(n):
        for k in range(i):
            right[i] -= factor[i, k] * right[k]
        right[i] /= factor[i, i]
    for i in range(n - 1, -1, -1):
        for k in range(i + 1, n):
            right[i] -= factor[k, i] * right[k]
        right[i] /= factor[i, i]


@njit(nogil=True, error_model="numpy")
def _learn(ridge: float, moments: Floats, mean: Floats, scale: Floats, gram: Floats, coefficients: Floats) -> None:
    """Ridge regression of all heads on the scaled features, from the sums; row 0 of ``moments`` is the constant."""
    p, n = len(mean), moments[0, 0]
    for i in range(p):
        mean[i] = moments[0, 1 + i] / n
        variance = moments[1 + i, 1 + i] / n - mean[i] * mean[i]
        moves = variance > _STILL * (1.0 + moments[1 + i, 1 + i] / n)
        scale[i] = np.sqrt(variance) if moves else np.inf  # what stands still explains nothing
    for i in range(p):
        for j in range(p):
            gram[i, j] = (moments[1 + i, 1 + j] - n * mean[i] * mean[j]) / (scale[i] * scale[j])
        gram[i, i] += ridge
    positive = _factor(gram, p)
    for h in range(coefficients.shape[1]):
        middle = moments[0, 1 + p + h] / n
        right = np.zeros(p)
        if positive:
            for i in range(p):
                right[i] = (moments[1 + i, 1 + p + h] - n * mean[i] * middle) / scale[i]
            _solve(gram, p, right)
        coefficients[:p, h] = right
        coefficients[p, h] = middle


@njit(nogil=True, error_model="numpy")
def _lacks(row: Floats, h: int, mean: Floats, scale: Floats, coefficients: Floats) -> float:
    """Head of one logger, less what the features explain; both stand in ``row``."""
    p = len(mean)
    expected = coefficients[p, h]
    for i in range(p):
        expected += coefficients[i, h] * (row[i] - mean[i]) / scale[i]
    lacks: float = row[p + h] - expected
    return lacks


@njit(nogil=True, error_model="numpy")
def _memory(lacks: Floats, middle: Floats, covariance: Floats) -> float:
    """How much more the mean of a group of blocks varies than if they did not remember; the mean of all loggers."""
    groups, total, count = len(lacks) // _GROUP, 0.0, 0
    for h in range(lacks.shape[1]):
        squares = 0.0
        for g in range(groups):
            d = 0.0
            for b in range(g * _GROUP, (g + 1) * _GROUP):
                d += (lacks[b, h] - middle[h]) / _GROUP
            squares += d * d
        if groups > 0 and covariance[h, h] > _TINY:
            total += squares / groups * _GROUP / covariance[h, h]
            count += 1
    return max(1.0, total / count) if count > 0 else 1.0


@njit(nogil=True, error_model="numpy")
def _spread(
    learning: Floats, mean: Floats, scale: Floats, coefficients: Floats, covariance: Floats, memory: Floats,
    fast: Floats, usual: Floats,
) -> None:  # fmt: skip
    """Covariance of the blocks of the warm-up; the newest are the first fast ones, those before the usual ones."""
    blocks, heads = len(learning), covariance.shape[0]
    lacks = np.empty((blocks, heads))
    middle = np.zeros(heads)
    for b in range(blocks):
        for h in range(heads):
            lacks[b, h] = _lacks(learning[b], h, mean, scale, coefficients)
            middle[h] += lacks[b, h] / blocks
    for i in range(heads):
        for j in range(heads):
            total = 0.0
            for b in range(blocks):
                total += (lacks[b, i] - middle[i]) * (lacks[b, j] - middle[j])
            covariance[i, j] = total / max(blocks - 1, 1)
    memory[0] = _memory(lacks, middle, covariance)
    p = len(mean)
    for k in range(min(len(fast), blocks)):
        fast[len(fast) - 1 - k, :p] = learning[blocks - 1 - k, :p]
        fast[len(fast) - 1 - k, p:] = lacks[blocks - 1 - k]
    for k in range(min(len(usual), blocks - len(fast))):
        usual[len(usual) - 1 - k, :p] = learning[blocks - len(fast) - 1 - k, :p]
        usual[len(usual) - 1 - k, p:] = lacks[blocks - len(fast) - 1 - k]


@njit(nogil=True, error_model="numpy")
def _mean_of(blocks: Floats, h: int) -> float:
    total, count = 0.0, 0
    for b in range(len(blocks)):
        if not np.isnan(blocks[b, h]):
            total += blocks[b, h]
            count += 1
    return total / count if 2 * count >= len(blocks) else np.nan


@njit(nogil=True, error_model="numpy")
def _unsure(scale: Floats, gram: Floats, fast: Floats, usual: Floats) -> float:
    """How unsure the regression is of the difference between fast and usual blocks, in variances of a row."""
    p = len(scale)
    apart, solved = np.empty(p), np.empty(p)
    for i in range(p):
        apart[i] = (_mean_of(fast, i) - _mean_of(usual, i)) / scale[i]
        solved[i] = apart[i]
    _solve(gram, p, solved)
    total = 0.0
    for i in range(p):
        total += apart[i] * solved[i]
    return max(total, 0.0)


@njit(nogil=True, error_model="numpy")
def _test(
    shrink: float, rows: int, memory: Floats, covariance: Floats, used: Integers, scale: Floats, gram: Floats,
    fast: Floats, usual: Floats, said: Floats,
) -> None:  # fmt: skip
    """Fill ``said`` with the score, and drop, number and share of the logger that lacks most; ``rows``: of a block."""
    heads, p = covariance.shape[0], len(scale)
    apart, which, k, wanted = np.empty(heads), np.empty(heads, np.int64), 0, 0
    for h in range(heads):
        wanted += used[h]
        d = _mean_of(fast, p + h) - _mean_of(usual, p + h)
        if used[h] == 1 and not np.isnan(d):
            apart[k], which[k] = d, h
            k += 1
    said[:4] = np.nan
    if k == 0 or 2 * k < wanted:
        return
    matrix, right = np.empty((k, k)), apart[:k].copy()
    expected = memory[0] * (1.0 / len(fast) + 1.0 / len(usual) + rows * _unsure(scale, gram, fast, usual))
    most, evidence = -np.inf, np.empty(k)
    for i in range(k):
        for j in range(k):
            matrix[i, j] = (1.0 - shrink) * covariance[which[i], which[j]]
        matrix[i, i] = covariance[which[i], which[i]] + _TINY
        lacks = -apart[i] / np.sqrt(matrix[i, i] * expected)
        evidence[i] = 0.5 * max(lacks, 0.0) ** 2
        if lacks > most:
            most, said[1], said[2] = lacks, -apart[i], float(which[i])
    said[3] = 1.0 / np.exp(evidence - evidence.max()).sum()
    if _factor(matrix, k):
        _solve(matrix, k, right)
        total = 0.0
        for i in range(k):
            total += right[i] * apart[i]
        root = (max(total, 0.0) / k / expected) ** (1.0 / 3.0)
        few = 2.0 / (9.0 * memory[1]) if memory[1] > 0.0 else 0.0
        said[0] = ((1.0 - few) * root - 1.0 + 2.0 / (9.0 * k)) / np.sqrt(2.0 / (9.0 * k) + few * root * root)


@njit(nogil=True, error_model="numpy")
def _close(
    times: Integers, levers: Floats, missing: Integers, sums: Floats, counts: Integers, learning: Floats,
    moments: Floats, mean: Floats, scale: Floats, gram: Floats, coefficients: Floats, covariance: Floats,
    memory: Floats, fast: Floats, usual: Floats, clock: Integers, said: Floats,
) -> None:  # fmt: skip
    """End the block that is filling."""
    heads, p = covariance.shape[0], len(mean)
    if clock[_READY] == 0:
        if counts[0] > 0:
            clock[_FIRST] = clock[_FIRST] or clock[_BLOCK]
            learning[clock[LEARNED]] = sums / counts[0]
            clock[LEARNED] += 1
        over = clock[LEARNED] > 0 and clock[_BLOCK] - clock[_FIRST] + 1 >= len(learning)
        if clock[LEARNED] == len(learning) or (over and 2 * clock[LEARNED] >= len(learning)):
            _learn(levers[0], moments, mean, scale, gram, coefficients)
            _spread(learning[: clock[LEARNED]], mean, scale, coefficients, covariance, memory, fast, usual)
            clock[_READY] = 1
    else:
        place = clock[_FAST] % len(fast)
        held_ns = (clock[_BLOCK] - clock[_HELD]) * times[1] if clock[_HELD] else 0
        if clock[_HELD] == 0 or held_ns > times[2]:
            usual[clock[_USUAL] % len(usual)] = fast[place]
            clock[_USUAL] += 1
        for h in range(heads):
            fast[place, p + h] = sums[p + h] / counts[1 + h] if counts[1 + h] > 0 else np.nan
        for i in range(p):
            fast[place, i] = sums[i] / counts[0] if counts[0] > 0 else np.nan
        clock[_FAST] += 1
        used = np.zeros(heads, np.int64)
        for h in range(heads):
            used[h] = 1 if missing[h] <= MISSING_MAX * clock[ROWS] else 0
        _test(levers[1], times[3], memory, covariance, used, scale, gram, fast, usual, said)
        if said[0] > levers[2]:
            clock[_HELD] = clock[_HELD] or clock[_BLOCK]
        elif said[0] <= levers[2]:
            clock[_HELD] = 0
        said[4] = (clock[_BLOCK] - clock[_HELD]) * times[1] * 1e-9 if clock[_HELD] else 0.0
    sums[:], counts[:] = 0.0, 0


@njit(nogil=True, error_model="numpy")
def _add(row: Floats, p: int, moments: Floats, sums: Floats) -> None:
    """One more row for the regression: products of the constant and the features with all."""
    moments[0, 0] += 1.0
    for j in range(len(row)):
        moments[0, 1 + j] += row[j]
        sums[j] += row[j]
    for i in range(p):
        for j in range(len(row)):
            moments[1 + i, 1 + j] += row[i] * row[j]


@njit(nogil=True, error_model="numpy")
def _usable(values: Floats) -> int:
    count = 0
    for value in values:
        count += 1 if abs(value) <= _VALUE_MAX else 0
    return count


@njit(nogil=True, error_model="numpy")
def _take(
    head: Floats, row: Floats, origin: Floats, moments: Floats, last: Floats, missing: Integers, sums: Floats,
    counts: Integers, mean: Floats, scale: Floats, coefficients: Floats, clock: Integers,
) -> None:  # fmt: skip
    """Add a row of features to the block; in the warm-up learn from it."""
    p = len(mean)
    for h in range(len(head)):
        usable = abs(head[h]) <= _VALUE_MAX
        if usable:
            last[h] = head[h]
        row[p + h] = last[h] if not np.isnan(last[h]) else 0.0
        missing[h] += 1 if clock[_READY] == 0 and not usable else 0
        counts[1 + h] += 1 if usable else 0
    if clock[ROWS] == 0:
        origin[:] = row
    for i in range(len(row)):
        row[i] -= origin[i]
    counts[0] += 1
    if clock[_READY] == 0:
        clock[ROWS] += 1
        _add(row, p, moments, sums)
    else:
        for i in range(p):
            sums[i] += row[i]
        for h in range(len(head)):
            if abs(head[h]) <= _VALUE_MAX:
                sums[p + h] += _lacks(row, h, mean, scale, coefficients)


@njit(
    types.int64(
        _TIMES, _VALUES, _VALUES, types.int64, types.int64, I64, F64, _F64_2D, F64, _F64_2D, F64, I64, F64, F64, I64,
        _F64_2D, F64, F64, _F64_2D, _F64_2D, _F64_2D, F64, _F64_2D, _F64_2D, I64, F64, _F64_2D,
    ),
    cache=True,
    nogil=True,
    error_model="numpy",
)  # fmt: skip
def watch(
    time_ns: Integers, drive: Floats, head: Floats, begin: int, flows: int, times: Integers, levers: Floats,
    newest: Floats, origin: Floats, moments: Floats, last: Floats, missing: Integers, largest: Floats, sums: Floats,
    counts: Integers, learning: Floats, mean: Floats, scale: Floats, gram: Floats, coefficients: Floats,
    covariance: Floats, memory: Floats, fast: Floats, usual: Floats, clock: Integers, said: Floats, found: Floats,
) -> int:  # fmt: skip
    """Take instants in until the warm-up is over or all are in; gives the number of the next one.

    ``drive``: flows, levels. ``times``: grid, block, hold, ns, and rows of a block. ``levers``: ridge, shrink, hold.
    """
    row = np.empty(len(origin))
    for at in range(begin, len(time_ns)):
        block = time_ns[at] // times[1]
        if block != clock[_BLOCK]:
            ready = clock[_READY]
            if clock[_BLOCK] != 0:
                _close(times, levers, missing, sums, counts, learning, moments, mean, scale, gram, coefficients, covariance, memory, fast, usual, clock, said)  # fmt: skip # noqa: E501
            learned, clock[_BLOCK] = ready != clock[_READY], block
            if learned:
                return at
        whole = _usable(drive[at]) == drive.shape[1]
        heard = _usable(drive[at]) + _usable(head[at]) > 0
        if not whole or time_ns[at] - clock[_LAST] > times[0] + times[0] // 2:
            clock[_SERIES] = 0
        clock[_LAST] = time_ns[at]
        if whole:
            switched = False
            for i in range(flows):
                largest[i] = max(largest[i], abs(drive[at, i]))
                switched |= abs(drive[at, i] - newest[0, i]) > _SWITCHED * largest[i]
            for k in range(len(newest) - 1, 0, -1):
                newest[k] = newest[k - 1]
            newest[0] = drive[at]
            clock[_SERIES] += 1
            if clock[_SERIES] >= len(newest) and not switched:
                _features(time_ns[at], newest, flows, row)
                _take(head[at], row, origin, moments, last, missing, sums, counts, mean, scale, coefficients, clock)
        found[at, :] = said if heard else np.full(len(said), np.nan)
    return len(time_ns)
