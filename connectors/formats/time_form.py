"""How a subscription says that its times are written, for formats whose payloads are somebody else's."""

from __future__ import annotations

import re
import zoneinfo
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Annotated

import numpy as np
from numpy.typing import NDArray
from pydantic import AfterValidator, Field

from connectors.formats.columns import RawTime, scaled_column, time_column
from connectors.formats.contract import Fault, Faults
from connectors.settings import SettingsModel, ZoneName
from model.batch import NO_TIME

#: Unit of a number -> nanoseconds.
_UNITS_NS = {"s": 10**9, "ms": 10**6, "us": 10**3, "ns": 1}
_WORDS = ("auto", *_UNITS_NS, "iso")
_TEXT_LENGTH_MAX = 100
_TIME_MAX = np.iinfo(np.int64).max
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_NUMBER = re.compile(r"\s*[+-]?\d{1,30}(\.\d{0,30})?\s*", re.ASCII)


def _form(text: str) -> str:
    if text in _WORDS:
        return text
    requirement = f"must be one of {', '.join(_WORDS)}, or a pattern such as %d.%m.%Y %H:%M:%S"
    if "%" not in text:
        raise ValueError(requirement)
    try:
        datetime.strptime(datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC).strftime(text), text)  # noqa: DTZ007
    except ValueError as error:
        raise ValueError(f"{requirement}: {error}") from None
    return text


class TimeForm(SettingsModel):
    """How times are written."""

    form: Annotated[str, AfterValidator(_form)] = Field(
        default="auto",
        description="`auto`: as in JSON readings; `s`, `ms`, `us`, `ns` since 1970; `iso`; or a pattern of strptime.",
    )
    zone: ZoneName = Field(default="Asia/Shanghai", description="Zone of times that name none.")

    def column(self, raw: Sequence[object], faults: Faults) -> NDArray[np.int64]:
        """Device times.

        Args:
            raw: numbers, text, None; anything else is a fault.
            faults: rows that cannot be used are added.

        Returns:
            int64 [n], ns since 1970 UTC; ``NO_TIME`` where the row gives none.

        """
        usable: list[RawTime] = []
        for row, one in enumerate(raw):
            if isinstance(one, float | int | str) and not isinstance(one, bool):
                usable.append(one)
                continue
            usable.append(None)
            if one is not None:
                faults.setdefault(row, self._fault(one))
        if self.form == "auto" and self.zone == "Asia/Shanghai":
            return time_column(usable, faults)
        time_ns = np.full(len(usable), NO_TIME, np.int64)
        for row, one in enumerate(usable):
            if one is None:
                continue
            found = self._moment(one)
            if found is None:
                faults.setdefault(row, self._fault(one))
            else:
                time_ns[row] = found
        return time_ns

    def _moment(self, one: float | str) -> int | None:
        """Nanoseconds since 1970, or None where it is written otherwise."""
        if self.form in _UNITS_NS:
            if isinstance(one, str):
                if not _NUMBER.fullmatch(one):
                    return None
                one = float(one) if "." in one else int(one)
            return _scaled(one, _UNITS_NS[self.form])
        if self.form == "auto" and (not isinstance(one, str) or _NUMBER.fullmatch(one)):
            return int(time_column([one], {})[0])
        if not isinstance(one, str) or len(one) > _TEXT_LENGTH_MAX:
            return None
        return _parsed(one.strip(), "" if self.form in {"auto", "iso"} else self.form, self.zone)

    def _fault(self, one: object) -> Fault:
        return Fault("bad_time", f"time must be written as {self.form!r} (time form), got {str(one)[:60]!r}")


def _scaled(number: float, unit_ns: int) -> int:
    if isinstance(number, int):
        return max(-_TIME_MAX, min(_TIME_MAX, number * unit_ns))
    return int(scaled_column(np.array([min(max(number, -1e300), 1e300)]), unit_ns / 1000)[0])


@lru_cache(maxsize=8192)
def _parsed(text: str, pattern: str, zone: str) -> int | None:
    if not pattern and len(text) <= len("yyyy-MM-dd"):  # a day is not a time
        return None
    try:
        moment = datetime.strptime(text, pattern) if pattern else datetime.fromisoformat(text)  # noqa: DTZ007
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=zoneinfo.ZoneInfo(zone))
        return (moment - _EPOCH) // timedelta(microseconds=1) * 1000
    except (ValueError, OverflowError):
        return None
