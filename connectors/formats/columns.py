"""Turns what a payload gave for value, time and quality into columns, as one rule for every format.

Each function takes a whole column and names the rows it cannot use, so that a bad row never takes its neighbours along.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta, timezone
from functools import lru_cache
from typing import TypeAlias

import numpy as np
from msgspec import UnsetType
from numpy.typing import NDArray

from connectors.formats.contract import FAULTS_TOLD_MAX, Fault, Faults
from model.batch import BAD, GOOD, NO_TIME, UNCERTAIN

RawValue: TypeAlias = float | int | str | bool | UnsetType | None
RawTime: TypeAlias = float | int | str | None
RawQuality: TypeAlias = int | str | None

#: Larger values are no measurement, and their squares would not be finite.
VALUE_MAX = 1e300

#: Times without a zone are Chinese standard time, without the summer times of 1986 to 1991.
SHANGHAI = timezone(timedelta(hours=8))

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_NUMBER = re.compile(r"\s*[+-]?(\d{1,400}(\.\d{0,400})?|\.\d{1,400})([eE][+-]?\d{1,4})?\s*", re.ASCII)
_TIME_MAX = np.iinfo(np.int64).max
_SCALES = ((10**11, 10**9), (10**14, 10**6), (10**17, 10**3), (_TIME_MAX, 1))  # below this, ns in one


def value_column(raw: Sequence[RawValue], faults: Faults) -> NDArray[np.float64]:
    """Values, NaN where there is none that counts as a measurement.

    Args:
        raw: numbers, numbers as text, true and false (1 and 0), None.
        faults: rows that cannot be used are added, and are NaN.

    Returns:
        float64 [n], finite and at most ``VALUE_MAX`` in size, or NaN.

    """
    value: NDArray[np.float64] | None = None
    if set(map(type, raw)) <= {float, int, bool}:
        try:
            value = np.array(raw, np.float64)
        except OverflowError:
            value = None
    if value is None:
        value = np.array([_value(one, row, faults) for row, one in enumerate(raw)], np.float64)
    value[~(np.abs(value) <= VALUE_MAX)] = np.nan
    return value


def time_column(raw: Sequence[RawTime], faults: Faults) -> NDArray[np.int64]:
    """Device times; what cannot be as a date is kept, for admission judges it against the clock.

    Args:
        raw: seconds since 1970, or ms from 1e11, us from 1e14, ns from 1e17; text of ISO 8601, where no zone means
            Asia/Shanghai; None.
        faults: rows that cannot be used are added.

    Returns:
        int64 [n], ns since 1970 UTC; ``NO_TIME`` where the row gives none.

    """
    kinds = set(map(type, raw))
    if kinds == {int}:
        return _from_integers([one for one in raw if isinstance(one, int)])
    if kinds == {float}:
        return _from_floats([one for one in raw if isinstance(one, float)])
    time_ns = np.full(len(raw), NO_TIME, np.int64)
    for row, one in enumerate(raw):
        if isinstance(one, str):
            parsed = _time_of_text(one)
            if parsed is None:
                told = len(faults) < FAULTS_TOLD_MAX
                faults.setdefault(row, Fault("bad_time", _BAD_TIME.format(one[:60])) if told else _BAD_TIMES)
            else:
                time_ns[row] = parsed
        elif one is not None:
            time_ns[row] = _from_number(one)
    return time_ns


def judge(value: NDArray[np.float64], quality: NDArray[np.uint8]) -> None:
    """Mark what is no measurement, in place: NaN, and bad.

    Args:
        value: float64 [n].
        quality: uint8 [n].

    """
    none = ~(np.abs(value) <= VALUE_MAX)
    if none.any():
        value[none] = np.nan
        quality[none] = BAD


def time_unit_ns(given: float) -> int:
    """Nanoseconds of the unit that a number of this size counts in."""
    size = abs(given)
    return next((scale for limit, scale in _SCALES if size < limit), 1)


def quality_column(raw: Sequence[RawQuality], faults: Faults) -> NDArray[np.uint8]:
    """Qualities: a word, an OPC quality byte, or nothing, which means good.

    Returns:
        uint8 [n].

    """
    codes = {one: _quality(one) for one in set(raw)}
    if None in codes.values():
        for row, one in enumerate(raw):
            if codes[one] is None:
                faults.setdefault(row, Fault("bad_quality", _BAD_QUALITY.format(str(one)[:60])))
    return np.array([codes[one] or GOOD for one in raw], np.uint8)


_BAD_VALUE = Fault("bad_value", "value must be a number, got another text")
_NO_VALUE = Fault("no_value", "a reading needs the key 'value', got none")
_BAD_TIME = "time must be epoch s, ms, us or ns, ISO 8601 or 'yyyy-MM-dd HH:mm:ss', got {!r}"
_BAD_TIMES = Fault("bad_time", _BAD_TIME.format("another text"))
_BAD_QUALITY = "quality must be good, uncertain, bad or an OPC quality from 0 to 255, got {!r}"


def _value(one: RawValue, row: int, faults: Faults) -> float:
    if one is None:
        return np.nan
    if isinstance(one, UnsetType):
        faults.setdefault(row, _NO_VALUE)
        return np.nan
    if isinstance(one, str) and not _NUMBER.fullmatch(one):
        if row not in faults:
            told = len(faults) < FAULTS_TOLD_MAX
            faults[row] = Fault("bad_value", f"value must be a number, got {one[:60]!r}") if told else _BAD_VALUE
        return np.nan
    try:
        return float(one)
    except OverflowError:  # an integer that no float can hold
        return np.inf


def _from_number(one: float) -> int:
    column = _from_integers([one]) if isinstance(one, int) else _from_floats([one])
    return int(column[0])


def _from_integers(raw: list[int]) -> NDArray[np.int64]:
    try:
        given = np.array(raw, np.int64)
    except OverflowError:
        given = np.array([max(-_TIME_MAX, min(_TIME_MAX, one)) for one in raw], np.int64)
    np.maximum(given, -_TIME_MAX, out=given)
    size = np.abs(given)
    time_ns = given.copy()
    below = 0
    for limit, scale in _SCALES[:-1]:
        rows = (size >= below) & (size < limit)
        below = limit
        if rows.any():
            fits = size <= _TIME_MAX // scale
            time_ns[rows] = np.where(fits, given * scale, np.sign(given) * _TIME_MAX)[rows]
    return time_ns


def _from_floats(raw: list[float]) -> NDArray[np.int64]:
    """Fractions count to the microsecond: a float of today's seconds holds no more."""
    given = np.array(raw, np.float64)
    size = np.abs(given)
    return scaled_column(given, np.select([size < 1e11, size < 1e14, size < 1e17], [1e6, 1e3, 1.0], 1e-3))


def scaled_column(given: NDArray[np.float64], unit_us: NDArray[np.float64] | float) -> NDArray[np.int64]:
    """Times in a unit of so many microseconds, as ns: int64 [n]; held at the largest where they are larger."""
    whole = np.floor(given)
    us = whole * unit_us + np.rint((given - whole) * unit_us)
    exact = np.abs(us) <= _TIME_MAX // 1000
    time_ns = np.where(exact, us, 0.0).astype(np.int64) * 1000
    return np.where(exact, time_ns, np.sign(given).astype(np.int64) * _TIME_MAX)


@lru_cache(maxsize=8192)
def _time_of_text(text: str) -> int | None:
    if _NUMBER.fullmatch(text):
        return _from_number(int(text) if text.strip().isdecimal() else min(max(float(text), -VALUE_MAX), VALUE_MAX))
    if len(text.strip()) <= len("yyyy-MM-dd"):  # a day is not a time
        return None
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=SHANGHAI)
    ns = (moment - _EPOCH) // timedelta(microseconds=1) * 1000
    return max(-_TIME_MAX, min(_TIME_MAX, ns))


def _quality(one: RawQuality) -> int | None:
    if one is None:
        return GOOD
    if isinstance(one, str):
        return {"good": GOOD, "uncertain": UNCERTAIN, "bad": BAD}.get(one.strip().lower())
    if not 0 <= one <= 255:
        return None
    return GOOD if one >= 192 else UNCERTAIN if 64 <= one < 128 else BAD
