"""What the calendar says at a time: hour, day of the week, and whether it is a day of work."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from detectors.general.calendar_days import days_of
from model.plan import Plan
from rules.operands import HOUR, WEEKDAY, WORKDAY

#: How far Shanghai is ahead of UTC; it knows no summer time.
ZONE_NS = 8 * 3600 * 10**9
_HOUR_NS = 3600 * 10**9
_DAY_NS = 24 * _HOUR_NS
_SATURDAY = 6
_FIRST_WEEKDAY = 3  # 1970-01-01 was a Thursday


@dataclass(frozen=True, slots=True)
class Calendar:
    """Days since 1970, local, that are not what their day of the week makes them.

    Attributes:
        holidays: int64 [h], on which nobody works though it is a weekday.
        workdays: int64 [w], on which work is made up at the weekend.

    """

    holidays: NDArray[np.int64]
    workdays: NDArray[np.int64]

    @classmethod
    def of(cls, plan: Plan) -> Calendar:
        """That of the plan's ``seasonal`` detectors together; a day that one of them calls a day of work is one."""
        return cls(_days(plan, "holidays"), _days(plan, "workdays"))

    def columns(self, names: Collection[str], time_ns: NDArray[np.int64]) -> dict[str, NDArray[np.float64]]:
        """What the named ones are at times, float64 [n]: hours since midnight; 1 = Monday to 7; 1 = a day of work."""
        if not names:
            return {}
        local = time_ns + ZONE_NS
        day = local // _DAY_NS
        weekday = (day + _FIRST_WEEKDAY) % 7 + 1
        found: dict[str, NDArray[np.float64]] = {}
        for name in names:
            if name == HOUR:
                found[name] = (local % _DAY_NS) / _HOUR_NS
            elif name == WEEKDAY:
                found[name] = weekday.astype(np.float64)
            elif name == WORKDAY:
                rests = (weekday >= _SATURDAY) | np.isin(day, self.holidays)
                found[name] = (~rests | np.isin(day, self.workdays)).astype(np.float64)
        return found


def _days(plan: Plan, name: str) -> NDArray[np.int64]:
    given = [str(spec.parameters.get(name, "")) for spec in plan.detectors if spec.detector == "seasonal"]
    return np.unique(np.concatenate([np.empty(0, np.int64), *(days_of("seasonal", name, text) for text in given)]))
