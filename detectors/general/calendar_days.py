"""Days of a calendar as they stand in a setting: dates and ranges of dates, by commas."""

from __future__ import annotations

import re
from datetime import date
from functools import lru_cache

import numpy as np

from detectors.declaration import ParameterError
from detectors.kernels import Integers

_EPOCH = date(1970, 1, 1)
_RANGE_DAYS_MAX = 366
_BETWEEN = re.compile(r"[,，、;；\s]+")


@lru_cache(maxsize=64)
def days_of(detector: str, parameter: str, text: str) -> Integers:
    """Read days: int64 [n], since 1970, rising, each once; read-only.

    A date is ``2026-01-01``, a range ``2026-02-15/2026-02-23`` (ISO 8601), both ends in it.

    Raises:
        ParameterError: a piece is no date, ends before it begins, or is longer than a year.

    """
    found: set[int] = set()
    for piece in filter(None, _BETWEEN.split(text)):
        first, slash, last = piece.partition("/")
        begin = _day(detector, parameter, piece, first)
        end = _day(detector, parameter, piece, last) if slash else begin
        if not begin <= end < begin + _RANGE_DAYS_MAX:
            requirement = f"must hold ranges that end after they begin, within {_RANGE_DAYS_MAX} days"
            raise ParameterError(detector, parameter, requirement, piece)
        found.update(range(begin, end + 1))
    days = np.array(sorted(found), np.int64)
    days.flags.writeable = False
    return days


def shown(day: int) -> str:
    return date.fromordinal(_EPOCH.toordinal() + day).isoformat()


def _day(detector: str, parameter: str, piece: str, text: str) -> int:
    try:
        if re.fullmatch(r"\d{4}-\d\d-\d\d", text, re.ASCII):
            return date.fromisoformat(text).toordinal() - _EPOCH.toordinal()
    except ValueError:
        pass
    requirement = "must be dates such as 2026-01-01 and ranges such as 2026-02-15/2026-02-23, with commas between"
    raise ParameterError(detector, parameter, requirement, piece)
