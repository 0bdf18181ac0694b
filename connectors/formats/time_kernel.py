"""The compiled reader of times in words, as most devices write them, for every format that has them.

What is written in another way is left to ``connectors.formats.columns``, with which this reader agrees in all that it
takes.
"""

from __future__ import annotations

import numpy as np
from numba import njit, types
from numpy.typing import NDArray

from model.batch import NO_TIME

Bytes = NDArray[np.uint8]

_NO_TIME = int(NO_TIME)
_LEFT = -1
_COLON, _MINUS, _PLUS, _DOT, _ZERO, _NINE, _BLANK, _T, _Z = 58, 45, 43, 46, 48, 57, 32, 84, 90
_DAYS_BEFORE = np.array([0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334])
_DAYS_IN = np.array([31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31])
_SHANGHAI_S = 8 * 3600

_BYTES = types.Array(types.uint8, 1, "C", readonly=True)
_PLACES = types.Array(types.int64, 1, "C", readonly=True)


def times(data: Bytes, at: NDArray[np.int64], end: NDArray[np.int64]) -> NDArray[np.int64]:
    """Read ``yyyy-MM-ddTHH:mm:ss[.fff[fff]][Z|+hh:mm]``, or a blank for T; no zone is Asia/Shanghai.

    Args:
        data: uint8, where the texts stand.
        at: int64 [n], where each begins.
        end: int64 [n], where it ends.

    Returns:
        int64 [n], ns since 1970 UTC; ``NO_TIME`` where a text is written otherwise or means no moment.

    """
    time_ns = np.empty(len(at), np.int64)
    _times(data, np.ascontiguousarray(at), np.ascontiguousarray(end), time_ns)
    return time_ns


@njit(nogil=True, error_model="numpy")
def _digits(data: Bytes, at: int, count: int) -> int:
    found = 0
    for k in range(count):
        if data[at + k] < _ZERO or data[at + k] > _NINE:
            return _LEFT
        found = found * 10 + (data[at + k] - _ZERO)
    return found


@njit(nogil=True, error_model="numpy")
def _day(year: int, month: int, day: int) -> int:
    """Days since 1970-01-01."""
    if year < 1971 or year > 2200 or month < 1 or month > 12 or day < 1:
        return _LEFT
    leap = (year % 4 == 0 and year % 100 != 0) or year % 400 == 0
    if day > _DAYS_IN[month - 1] + (1 if leap and month == 2 else 0):
        return _LEFT
    years = year - 1
    days = years * 365 + years // 4 - years // 100 + years // 400 - 719162
    return int(days + _DAYS_BEFORE[month - 1] + (1 if leap and month > 2 else 0) + day - 1)


@njit(nogil=True, error_model="numpy")
def _time_of_text(data: Bytes, at: int, end: int) -> int:
    if end - at < 19 or data[at + 4] != _MINUS or data[at + 7] != _MINUS or data[at + 13] != _COLON:
        return _NO_TIME
    if (data[at + 10] != _T and data[at + 10] != _BLANK) or data[at + 16] != _COLON:
        return _NO_TIME
    day = _day(_digits(data, at, 4), _digits(data, at + 5, 2), _digits(data, at + 8, 2))
    hour, minute, second = _digits(data, at + 11, 2), _digits(data, at + 14, 2), _digits(data, at + 17, 2)
    if day < 0 or hour < 0 or hour > 23 or minute < 0 or minute > 59 or second < 0 or second > 59:
        return _NO_TIME
    at, us, ahead_s = at + 19, 0, _SHANGHAI_S
    if at < end and data[at] == _DOT:
        places = 6 if end - at >= 7 and _digits(data, at + 1, 6) >= 0 else 3
        us = _digits(data, at + 1, places) * (1 if places == 6 else 1000) if end - at > places else _LEFT
        if us < 0:
            return _NO_TIME
        at += 1 + places
    if at < end and data[at] == _Z:
        at, ahead_s = at + 1, 0
    elif end - at == 6 and (data[at] == _PLUS or data[at] == _MINUS) and data[at + 3] == _COLON:
        hours, minutes = _digits(data, at + 1, 2), _digits(data, at + 4, 2)
        if hours < 0 or hours > 23 or minutes < 0 or minutes > 59:
            return _NO_TIME
        ahead_s = (hours * 3600 + minutes * 60) * (-1 if data[at] == _MINUS else 1)
        at += 6
    if at != end:
        return _NO_TIME
    return (day * 86400 + hour * 3600 + minute * 60 + second - ahead_s) * 10**9 + us * 1000


@njit(
    types.void(_BYTES, _PLACES, _PLACES, types.Array(types.int64, 1, "C")),
    cache=True,
    nogil=True,
    error_model="numpy",
)
def _times(data: Bytes, at: NDArray[np.int64], end: NDArray[np.int64], time_ns: NDArray[np.int64]) -> None:
    for row in range(len(at)):
        time_ns[row] = _time_of_text(data, at[row], end[row])
