"""Kernels of ``others``: the last readings of other sensors, and what conditions ask of them."""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numba import njit, types
from numpy.typing import NDArray

from detectors.kernels import AHEAD, I64, SENSOR, TIME, VALUE, Floats, Integers, Records, Slots, prefetch, records

NEVER = np.iinfo(np.int64).min

FUNCTIONS = ("single", "min", "max", "mean", "count", "share")
_SINGLE, _MIN, _MAX, _MEAN, _COUNT, _SHARE = range(6)
OPERATORS = (">", ">=", "<", "<=", "==", "!=")

#: The last reading of a sensor that is asked: event time, value (NaN = not usable), whether it is uncertain, and
#: whether no tick has seen it yet.
LATEST_FIELDS = np.dtype([("time_ns", "i8"), ("value", "f8"), ("doubtful", "i8"), ("news", "i8")])
#: How far before and after an instant its reading may be, and the gateway without which it says nothing, -1 = none.
REACH_FIELDS = np.dtype([("before_ns", "i8"), ("after_ns", "i8"), ("carrier", "i8")])
#: One comparison that is counted over a window: of readings of which program.
TEST_FIELDS = np.dtype([("program", "i8"), ("operator", "i8"), ("limit", "f8")])
#: One operand: what is asked (place in ``FUNCTIONS``), how far back (0 = now), by which comparison, its place among the
#: tests.
OPERAND_FIELDS = np.dtype([("function", "i8"), ("span_ns", "i8"), ("operator", "i8"), ("limit", "f8"), ("test", "i8")])


class Latest(Protocol):
    """One record of ``LATEST_FIELDS``."""

    time_ns: int
    value: float
    doubtful: int
    news: int


class Reach(Protocol):
    """One record of ``REACH_FIELDS``."""

    before_ns: int
    after_ns: int
    carrier: int


class Operand(Protocol):
    """One record of ``OPERAND_FIELDS``."""

    function: int
    span_ns: int
    operator: int
    limit: float
    test: int


@njit(cache=True, nogil=True)
def _meets(operator: int, limit: float, x: float) -> bool:
    if operator == 0:
        return x > limit
    if operator == 1:
        return x >= limit
    if operator == 2:
        return x < limit
    if operator == 3:
        return x <= limit
    return x == limit if operator == 4 else x != limit


@njit(cache=True, nogil=True)
def _says(one: Latest, reach: Reach, silent: NDArray[np.int8], now_ns: int) -> float:
    """What a sensor says about an instant; NaN = nothing."""
    if one.time_ns == NEVER or (reach.carrier >= 0 and silent[reach.carrier] == 1):
        return np.nan
    apart_ns = now_ns - one.time_ns
    return one.value if -reach.after_ns <= apart_ns <= reach.before_ns else np.nan


@njit(cache=True, nogil=True)
def _take(
    latest: Records, met_ns: Integers, tests: Records, place: int, program: int, now_ns: int, x: float, uncertain: int
) -> None:
    """Remember a reading."""
    own = latest[place]
    own.time_ns, own.value, own.doubtful, own.news = now_ns, x, uncertain, 1
    for c in range(len(tests)):
        if tests[c].program == program and _meets(tests[c].operator, tests[c].limit, x):
            met_ns[place, c] = now_ns


@njit(cache=True, nogil=True)
def _met(operand: Operand, x: float, met_ns: int, since_ns: int, now_ns: int) -> int:
    """1 = a sensor meets the comparison, now or within the window; 0 = it does not; -1 = not known.

    ``since_ns``: earlier readings of it were not compared; ``NEVER`` = all were.
    """
    if operand.span_ns == 0:
        return -1 if np.isnan(x) else 1 if _meets(operand.operator, operand.limit, x) else 0
    if met_ns != NEVER and -operand.span_ns <= now_ns - met_ns < operand.span_ns:
        return 1
    if since_ns != NEVER and now_ns - since_ns < operand.span_ns:
        return -1
    return -1 if np.isnan(x) else 0


@njit(cache=True, nogil=True)
def _tallied(function: int, met: int, known: int, asked: int) -> tuple[float, float]:
    """(low, high) of a count or a share."""
    if asked == 0:
        return np.nan, np.nan
    if function == _COUNT:
        return float(met), float(met + asked - known)
    share = met / known if 2 * known >= asked and known > 0 else np.nan
    return share, share


@njit(cache=True, nogil=True)
def _of_values(function: int, total: float, least: float, most: float, known: int, asked: int) -> tuple[float, float]:
    """(low, high) of values of which some are not known."""
    if known == 0:
        return np.nan, np.nan
    if function == _MAX:
        return most, most if known == asked else np.inf
    if function == _MIN:
        return least if known == asked else -np.inf, least
    if function == _MEAN:
        mean = total / known if 2 * known >= asked else np.nan
        return mean, mean
    return (least, most) if known == asked else (np.nan, np.nan)


@njit(cache=True, nogil=True)
def _asked(
    operand: Operand,
    begin: int,
    end: int,
    now_ns: int,
    members: Slots,
    silent: NDArray[np.int8],
    reach: Records,
    latest: Records,
    met_ns: Integers,
    since_ns: Integers,
) -> tuple[float, float, int]:
    """(low, high, doubtful) of one operand at one instant."""
    known, met, doubt = 0, 0, 0
    total, least, most = 0.0, np.inf, -np.inf
    tallies = operand.function >= _COUNT
    for at in range(begin, end):
        place = members[at]
        one = latest[place]
        x = _says(one, reach[place], silent, now_ns)
        if tallies:
            newest, since = NEVER, NEVER
            if operand.test >= 0:
                newest, since = met_ns[place, operand.test], since_ns[place, operand.test]
            meets = _met(operand, x, newest, since, now_ns)
            if meets < 0:
                continue
            met += meets
        elif np.isnan(x):
            continue
        else:
            total, least, most = total + x, min(least, x), max(most, x)
        known += 1
        doubt |= one.doubtful
    if tallies:
        low, high = _tallied(operand.function, met, known, end - begin)
    else:
        low, high = _of_values(operand.function, total, least, most, known, end - begin)
    return low, high, doubt


_GRID = types.Array(types.float64, 2, "C")
_MARKS = types.Array(types.boolean, 2, "C")
_TIMES = types.Array(types.int64, 2, "C")
_I32 = types.Array(types.int32, 1, "C")
_TESTS, _OPERANDS, _LATEST = records(TEST_FIELDS), records(OPERAND_FIELDS), records(LATEST_FIELDS)
_SILENT = types.Array(types.int8, 1, "C")
_TABLES = (records(REACH_FIELDS), _OPERANDS, I64, I64, _I32, _I32, _I32)


@njit(
    types.void(
        SENSOR, TIME, VALUE, types.Array(types.boolean, 1, "C"), types.Array(types.boolean, 1, "C"),
        types.Array(types.int16, 1, "C"), _I32, _I32, _I32, _SILENT, _LATEST, _TIMES, _TIMES, _TESTS,
        *_TABLES, _GRID, _GRID, _MARKS,
    ),
    cache=True,
    nogil=True,
)  # fmt: skip
def at_rows(
    sensor: Slots,
    time_ns: Integers,
    value: Floats,
    uncertain: NDArray[np.bool_],
    fresh: NDArray[np.bool_],
    program_of: NDArray[np.int16],
    slot_of: Slots,
    place_of: Slots,
    gateway_of: Slots,
    silent: NDArray[np.int8],
    latest: Records,
    met_ns: Integers,
    since_ns: Integers,
    tests: Records,
    reach: Records,
    operands: Records,
    first_operand: Integers,
    first_group: Integers,
    group_of: Slots,
    first_member: Slots,
    members: Slots,
    low: Floats,
    high: Floats,
    doubtful: NDArray[np.bool_],
) -> None:
    """Rows one after the other: each is remembered, then its own operands are asked."""
    rows = len(sensor)
    for i in range(rows):
        if i + AHEAD < rows:
            ahead = sensor[i + AHEAD]
            begin = first_group[program_of[ahead]] + slot_of[ahead] * (
                first_operand[program_of[ahead] + 1] - first_operand[program_of[ahead]]
            )
            if begin < len(group_of):
                prefetch(group_of, begin)
            if place_of[ahead] >= 0:
                prefetch(latest, place_of[ahead])
        if not fresh[i]:
            continue
        s = sensor[i]
        program = program_of[s]
        if gateway_of[s] >= 0:
            silent[gateway_of[s]] = 0
        if place_of[s] >= 0:
            _take(latest, met_ns, tests, place_of[s], program, time_ns[i], value[i], 1 if uncertain[i] else 0)
        begin = first_operand[program]
        asked = first_operand[program + 1] - begin
        for k in range(asked):
            group = group_of[first_group[program] + slot_of[s] * asked + k]
            low[k, i], high[k, i], doubt = _asked(
                operands[begin + k], first_member[group], first_member[group + 1], time_ns[i], members, silent,
                reach, latest, met_ns, since_ns,
            )  # fmt: skip
            doubtful[k, i] = doubt == 1


@njit(cache=True, nogil=True)
def _newest_news(group_begin: int, group_end: int, members: Slots, latest: Records) -> int:
    """Event time of the newest reading that no tick has seen; ``NEVER`` = there is none."""
    newest = NEVER
    for at in range(group_begin, group_end):
        one = latest[members[at]]
        if one.news == 1:
            newest = max(newest, one.time_ns)
    return newest


@njit(
    types.void(
        types.int64, I64, types.int64, _SILENT, _LATEST, _TIMES, _TIMES, *_TABLES, I64, _GRID, _GRID,
        _MARKS,
    ),
    cache=True,
    nogil=True,
)  # fmt: skip
def at_slots(
    program: int,
    own_ns: Integers,
    now_ns: int,
    silent: NDArray[np.int8],
    latest: Records,
    met_ns: Integers,
    since_ns: Integers,
    reach: Records,
    operands: Records,
    first_operand: Integers,
    first_group: Integers,
    group_of: Slots,
    first_member: Slots,
    members: Slots,
    times: Integers,
    low: Floats,
    high: Floats,
    doubtful: NDArray[np.bool_],
) -> None:
    """Slots of one program, at ``now_ns``; where that is ``NEVER``, those with news of others, at the time of that."""
    begin = first_operand[program]
    asked = first_operand[program + 1] - begin
    for slot in range(len(own_ns)):
        own = first_group[program] + slot * asked
        times[slot] = now_ns
        if now_ns == NEVER:
            for k in range(asked):
                group = group_of[own + k]
                newest = _newest_news(first_member[group], first_member[group + 1], members, latest)
                times[slot] = max(times[slot], newest)
            if times[slot] == NEVER:
                continue
            times[slot] = max(times[slot], own_ns[slot])
        for k in range(asked):
            group = group_of[own + k]
            low[k, slot], high[k, slot], doubt = _asked(
                operands[begin + k], first_member[group], first_member[group + 1], times[slot], members, silent,
                reach, latest, met_ns, since_ns,
            )  # fmt: skip
            doubtful[k, slot] = doubt == 1
