"""Six bytes and a moment: second, minute, hour, day, month, year since 2000, in the device's zone."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Literal, TypeAlias
from zoneinfo import ZoneInfo

TimeFormat: TypeAlias = Literal["binary", "bcd"]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_CENTURY = 2000


@lru_cache(maxsize=64)
def reader(zone: str, written: TimeFormat) -> Callable[[bytes], int | None]:
    """A function from six bytes to ns since 1970 UTC; None where they are no date.

    It remembers the last moments, and is one and the same for all who ask.
    """
    place = ZoneInfo(zone)

    @lru_cache(maxsize=4096)
    def read(label: bytes) -> int | None:
        numbers = label if written == "binary" else bytes(_from_bcd(byte) for byte in label)
        try:
            second, minute, hour, day, month, year = numbers
            moment = datetime(_CENTURY + year, month, day, hour, minute, second, tzinfo=place)
        except ValueError:
            return None
        return (moment - _EPOCH) // timedelta(microseconds=1) * 1000

    return read


def label(time_ns: int, zone: str, written: TimeFormat) -> bytes:
    """Six bytes of a moment of this century, ns since 1970 UTC."""
    moment = datetime.fromtimestamp(time_ns // 10**9, ZoneInfo(zone))
    year = moment.year - _CENTURY
    numbers = moment.second, moment.minute, moment.hour, moment.day, moment.month, year
    return bytes(numbers if written == "binary" else map(_to_bcd, numbers))


def _from_bcd(byte: int) -> int:
    high, low = divmod(byte, 16)
    return 10 * high + low if high < 10 and low < 10 else 0xFF


def _to_bcd(number: int) -> int:
    high, low = divmod(number, 10)
    return 16 * high + low
