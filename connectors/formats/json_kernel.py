"""The compiled reader of plain JSON readings: most of what sensors send, at a tenth of a microsecond each.

It takes a message only where nothing about it is in doubt: objects (or an array of them) with plain numbers, with
strings without escapes, each key once. Everything else, good or bad, it leaves to ``connectors.formats.json_careful``,
whose word counts: what this reader takes, it reads as that one would, bit for bit
(``tests/connectors/formats/test_json_kernel.py``).

A number is exact: up to 2^53 times or divided by up to 10^22, both of which a float holds, so that one rounding by the
processor is the right one (Clinger, PLDI 1990). Other numbers are left.

One file, because Numba's cache notices a change only in the file of the function that it compiled. Times in words are
found here and read by ``connectors.formats.time_kernel``.
"""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numba import from_dtype, njit, types
from numpy.typing import NDArray

from connectors.formats.time_kernel import times
from model.batch import NO_TIME

Bytes = NDArray[np.uint8]
Rows = NDArray[np.void]

#: ``element`` of a reading that is not in an array.
WHOLE = -1
#: A reading: ``delivery``, ``element`` say which message and where in its array; ``tag``, ``unit``, ``time`` are places
#: of its own tag, its unit and a time in words in the data, -1 = none; ``value`` is NaN and ``time_ns`` the smallest
#: integer where there is none.
FIELDS = np.dtype(
    [
        ("delivery", "i4"),
        ("element", "i4"),
        ("tag_at", "i8"),
        ("tag_end", "i8"),
        ("unit_at", "i8"),
        ("unit_end", "i8"),
        ("time_at", "i8"),
        ("time_end", "i8"),
        ("value", "f8"),
        ("time_ns", "i8"),
        ("quality", "i8"),
    ]
)
#: No reading is shorter.
_SHORTEST = len('{"value":1}')

_NO_TIME = int(NO_TIME)
_TIME_MAX = np.iinfo(np.int64).max
_GOOD, _UNCERTAIN, _BAD = 0, 1, 2
_POWERS = 10.0 ** np.arange(23)

_LEFT = -1  # instead of a place: not for us
_QUOTE, _BACKSLASH, _OPEN, _CLOSE, _OPEN_LIST, _CLOSE_LIST = 34, 92, 123, 125, 91, 93
_COMMA, _COLON, _MINUS, _PLUS, _DOT, _ZERO, _NINE, _BLANK, _N = 44, 58, 45, 43, 46, 48, 57, 32, 110
_VALUE, _TIME, _TAG, _UNIT, _QUALITY, _OTHER = range(6)

_BYTES = types.Array(types.uint8, 1, "C", readonly=True)
_PLACES = types.Array(types.int64, 1, "C", readonly=True)
_FLAGS = types.Array(types.boolean, 1, "C")
_ROWS = types.Array(from_dtype(FIELDS), 1, "C")


class Row(Protocol):
    """One record of ``FIELDS``."""

    delivery: int
    element: int
    tag_at: int
    tag_end: int
    unit_at: int
    unit_end: int
    time_at: int
    time_end: int
    value: float
    time_ns: int
    quality: int


def read(
    data: Bytes, payload_at: NDArray[np.int64], payload_end: NDArray[np.int64], wanted: NDArray[np.bool_]
) -> tuple[Rows, NDArray[np.bool_]]:
    """Read what can be read.

    Args:
        data: uint8, where the payloads stand.
        payload_at: int64 [n].
        payload_end: int64 [n].
        wanted: bool [n], which messages.

    Returns:
        records of ``FIELDS`` in order, and which of the wanted messages are left to others: bool [n].

    """
    left = np.zeros(len(payload_at), np.bool_)
    rows = np.empty(int((payload_end - payload_at)[wanted].sum()) // _SHORTEST + 1, FIELDS)
    rows = rows[: _read(data, payload_at, payload_end, wanted, rows, left)]
    written = np.flatnonzero(rows["time_at"] >= 0)
    if not len(written):
        return rows, left
    time_ns = times(data, rows["time_at"][written], rows["time_end"][written])
    rows["time_ns"][written] = time_ns
    left[rows["delivery"][written[time_ns == NO_TIME]]] = True
    return rows[~left[rows["delivery"]]], left


@njit(nogil=True, error_model="numpy")
def _over_blanks(data: Bytes, at: int, end: int) -> int:
    while at < end and (data[at] == _BLANK or data[at] == 10 or data[at] == 13 or data[at] == 9):
        at += 1
    return at


@njit(nogil=True, error_model="numpy")
def _string_end(data: Bytes, at: int, end: int, largest: int) -> int:
    """Place of the quote that ends the string whose text begins at ``at``."""
    while at < end:
        byte = data[at]
        if byte == _QUOTE:
            return at
        if byte == _BACKSLASH or byte < _BLANK or byte > largest:
            return _LEFT
        at += 1
    return _LEFT


@njit(nogil=True, error_model="numpy")
def _same(data: Bytes, at: int, end: int, word: bytes) -> bool:
    if end - at != len(word):
        return False
    for k in range(len(word)):
        if data[at + k] != word[k]:
            return False
    return True


@njit(nogil=True, error_model="numpy")
def _key(data: Bytes, at: int, end: int) -> int:
    if _same(data, at, end, b"value"):
        return _VALUE
    if _same(data, at, end, b"time"):
        return _TIME
    if _same(data, at, end, b"tag"):
        return _TAG
    if _same(data, at, end, b"unit"):
        return _UNIT
    return _QUALITY if _same(data, at, end, b"quality") else _OTHER


@njit(nogil=True, error_model="numpy")
def _is_digit(data: Bytes, at: int, end: int) -> bool:
    return at < end and _ZERO <= data[at] <= _NINE


@njit(nogil=True, error_model="numpy")
def _number(data: Bytes, at: int, end: int) -> tuple[int, int, int, bool]:
    """Place behind a number, its digits with their sign, the power of ten, and whether it is written as a float."""
    negative = data[at] == _MINUS
    at += negative
    begin, mantissa, point, power = at, 0, -1, 0
    while at < end and (_ZERO <= data[at] <= _NINE or (data[at] == _DOT and point < 0)):
        if data[at] == _DOT:
            point = at
        else:
            mantissa = mantissa * 10 + (data[at] - _ZERO)
        at += 1
        if at - begin > 19:
            return _LEFT, 0, 0, False
    whole = (at if point < 0 else point) - begin
    if whole == 0 or (whole > 1 and data[begin] == _ZERO) or point == at - 1:
        return _LEFT, 0, 0, False
    if whole == 19 and data[begin] > _ZERO + 8:  # may not fit into 64 bits
        return _LEFT, 0, 0, False
    real = point >= 0
    if real:
        power = point + 1 - at
    if at < end and (data[at] == 101 or data[at] == 69):  # e, E
        real = True
        at, exponent = _exponent(data, at + 1, end)
        power += exponent
    if negative and mantissa == 0 and real:  # minus zero
        return _LEFT, 0, 0, False
    return at, (-mantissa if negative else mantissa), power, real


@njit(nogil=True, error_model="numpy")
def _exponent(data: Bytes, at: int, end: int) -> tuple[int, int]:
    negative = at < end and data[at] == _MINUS
    if at < end and (data[at] == _MINUS or data[at] == _PLUS):
        at += 1
    begin, exponent = at, 0
    while _is_digit(data, at, end) and at - begin < 4:
        exponent = exponent * 10 + (data[at] - _ZERO)
        at += 1
    if at == begin or at - begin > 3:
        return _LEFT, 0
    return at, (-exponent if negative else exponent)


@njit(nogil=True, error_model="numpy")
def _float_of(mantissa: int, power: int) -> tuple[bool, float]:
    """The nearest float, where one rounding gives it."""
    if power == 0:
        return True, float(mantissa)
    if abs(mantissa) > 1 << 53 or power < -22 or power > 22:
        return False, 0.0
    return True, (float(mantissa) / _POWERS[-power] if power < 0 else float(mantissa) * _POWERS[power])


@njit(nogil=True, error_model="numpy")
def _time_of_integer(given: int) -> int:
    """Seconds, ms from 1e11, us from 1e14, ns from 1e17, as in ``connectors.formats.columns``."""
    size = abs(given)
    scale = 10**9 if size < 10**11 else 10**6 if size < 10**14 else 10**3 if size < 10**17 else 1
    if size > _TIME_MAX // scale:
        return _TIME_MAX if given > 0 else -_TIME_MAX
    return given * scale


@njit(nogil=True, error_model="numpy")
def _time_of_float(given: float) -> int:
    size = abs(given)
    unit_us = 1e6 if size < 1e11 else 1e3 if size < 1e14 else 1.0 if size < 1e17 else 1e-3
    whole = np.floor(given)
    us = whole * unit_us + np.rint((given - whole) * unit_us)
    if abs(us) <= _TIME_MAX // 1000:
        return int(us) * 1000
    return _TIME_MAX if given > 0 else -_TIME_MAX


@njit(nogil=True, error_model="numpy")
def _over_word(data: Bytes, at: int, end: int) -> int:
    """Over null, true or false."""
    if end - at >= 4 and (_same(data, at, at + 4, b"null") or _same(data, at, at + 4, b"true")):
        return at + 4
    return at + 5 if end - at >= 5 and _same(data, at, at + 5, b"false") else _LEFT


@njit(nogil=True, error_model="numpy")
def _value(data: Bytes, at: int, end: int, own: Row) -> int:
    if data[at] == _MINUS or _is_digit(data, at, end):
        after, mantissa, power, _ = _number(data, at, end)
        exact, value = _float_of(mantissa, power)
        own.value = value
        return after if exact else _LEFT
    own.value = np.nan if data[at] == _N else 1.0 if data[at] == 116 else 0.0  # null, true, false
    return _over_word(data, at, end)


@njit(nogil=True, error_model="numpy")
def _time(data: Bytes, at: int, end: int, own: Row) -> int:
    if data[at] == _QUOTE:
        close = _string_end(data, at + 1, end, 126)
        own.time_at, own.time_end = at + 1, close
        return close + 1 if close != _LEFT else _LEFT
    if data[at] != _MINUS and not _is_digit(data, at, end):
        return _over_word(data, at, end) if data[at] == _N else _LEFT
    after, mantissa, power, real = _number(data, at, end)
    if not real:
        own.time_ns = _time_of_integer(mantissa)
        return after
    exact, seconds = _float_of(mantissa, power)
    own.time_ns = _time_of_float(seconds)
    return after if exact else _LEFT


@njit(nogil=True, error_model="numpy")
def _quality(data: Bytes, at: int, end: int, own: Row) -> int:
    """A word or an OPC quality byte, as in ``connectors.formats.columns``."""
    if data[at] == _QUOTE:
        close = _string_end(data, at + 1, end, 126)
        good, uncertain = _same(data, at + 1, close, b"good"), _same(data, at + 1, close, b"uncertain")
        if close == _LEFT or not (good or uncertain or _same(data, at + 1, close, b"bad")):
            return _LEFT
        own.quality = _GOOD if good else _UNCERTAIN if uncertain else _BAD
        return close + 1
    if not _is_digit(data, at, end):
        return _over_word(data, at, end) if data[at] == _N else _LEFT
    after, code, _, real = _number(data, at, end)
    own.quality = _GOOD if code >= 192 else _UNCERTAIN if 64 <= code < 128 else _BAD
    return after if code <= 255 and not real else _LEFT


@njit(nogil=True, error_model="numpy")
def _text(data: Bytes, at: int, end: int) -> tuple[int, int]:
    """Place behind a string or null, and where its text ends (-1 for null). Whether it is UTF-8, others see."""
    if data[at] == _N:
        return _over_word(data, at, end), _LEFT
    close = _string_end(data, at + 1, end, 255) if data[at] == _QUOTE else _LEFT
    return (close + 1 if close != _LEFT else _LEFT), close


@njit(nogil=True, error_model="numpy")
def _member(data: Bytes, at: int, end: int, key: int, own: Row) -> int:
    if key == _VALUE:
        return _value(data, at, end, own)
    if key == _TIME:
        return _time(data, at, end, own)
    if key == _QUALITY:
        return _quality(data, at, end, own)
    if key == _TAG:
        after, own.tag_end = _text(data, at, end)
        own.tag_at = at + 1 if own.tag_end != _LEFT else _LEFT
        return after
    if key == _UNIT:
        after, own.unit_end = _text(data, at, end)
        own.unit_at = at + 1 if own.unit_end != _LEFT else _LEFT
        return after
    if data[at] == _QUOTE:  # a key that means nothing to us
        close = _string_end(data, at + 1, end, 126)
        return close + 1 if close != _LEFT else _LEFT
    if data[at] == _MINUS or _is_digit(data, at, end):
        return _number(data, at, end)[0]
    return _over_word(data, at, end)


@njit(nogil=True, error_model="numpy")
def _reading(data: Bytes, at: int, end: int, own: Row) -> int:
    """One object; the place behind it."""
    if at >= end or data[at] != _OPEN:
        return _LEFT
    own.tag_at, own.tag_end, own.unit_at, own.unit_end, own.time_at = -1, -1, -1, -1, -1
    own.value, own.time_ns, own.quality = np.nan, _NO_TIME, _GOOD
    seen = 0
    while True:
        at = _over_blanks(data, at + 1, end)
        close = _string_end(data, at + 1, end, 126) if at < end and data[at] == _QUOTE else _LEFT
        if close == _LEFT:
            return _LEFT
        key = _key(data, at + 1, close)
        if key != _OTHER and seen & (1 << key):
            return _LEFT
        seen |= 1 << key
        at = _over_blanks(data, close + 1, end)
        if at >= end or data[at] != _COLON:
            return _LEFT
        at = _over_blanks(data, at + 1, end)
        at = _member(data, at, end, key, own) if at < end else _LEFT
        if at == _LEFT:
            return _LEFT
        at = _over_blanks(data, at, end)
        if at < end and data[at] == _CLOSE:
            break
        if at >= end or data[at] != _COMMA:
            return _LEFT
    if np.isnan(own.value):
        own.quality = _BAD
    return at + 1 if seen & (1 << _VALUE) else _LEFT


@njit(nogil=True, error_model="numpy")
def _message(data: Bytes, at: int, end: int, delivery: int, row: int, rows: Rows) -> int:
    """One payload into rows from ``row`` on; the next free row."""
    at = _over_blanks(data, at, end)
    listed = at < end and data[at] == _OPEN_LIST
    element = 0 if listed else WHOLE
    while True:
        if listed:
            at = _over_blanks(data, at + 1, end)
        own = rows[row]
        at = _reading(data, at, end, own)
        if at == _LEFT:
            return _LEFT
        own.delivery, own.element = delivery, element
        row, element = row + 1, element + 1
        at = _over_blanks(data, at, end)
        if not listed:
            return row if at == end else _LEFT
        if at < end and data[at] == _CLOSE_LIST:
            return row if _over_blanks(data, at + 1, end) == end else _LEFT
        if at >= end or data[at] != _COMMA:
            return _LEFT


@njit(
    types.int64(_BYTES, _PLACES, _PLACES, _FLAGS, _ROWS, _FLAGS),
    cache=True,
    nogil=True,
    error_model="numpy",
)
def _read(
    data: Bytes,
    payload_at: NDArray[np.int64],
    payload_end: NDArray[np.int64],
    wanted: NDArray[np.bool_],
    rows: Rows,
    left: NDArray[np.bool_],
) -> int:
    row = 0
    for delivery in range(len(payload_at)):
        if wanted[delivery]:
            after = _message(data, payload_at[delivery], payload_end[delivery], delivery, row, rows)
            left[delivery] = after == _LEFT
            row = row if after == _LEFT else after
    return row
