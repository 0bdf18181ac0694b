"""Windows over a sensor's readings as a person would work them out: from the whole history, each time anew."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass
from typing import NamedTuple

MEETS = {
    ">": lambda x, limit: x > limit,
    ">=": lambda x, limit: x >= limit,
    "<": lambda x, limit: x < limit,
    "<=": lambda x, limit: x <= limit,
    "==": lambda x, limit: x == limit,
    "!=": lambda x, limit: x != limit,
}


class Reading(NamedTuple):
    """A fresh one. ``value`` NaN = not usable."""

    time_ns: int
    value: float
    uncertain: bool = False


class Says(NamedTuple):
    low: float
    high: float
    doubtful: bool = False


UNKNOWN = Says(math.nan, math.nan)


@dataclass(frozen=True)
class NaiveWindow:
    function: str
    span_ns: int
    operator: str
    limit: float
    pause_ns: int

    def at_end(self, history: list[Reading]) -> Says:
        """What is known at the last reading of a history."""
        if math.isnan(history[-1].value):
            return UNKNOWN
        usable = [one for one in history if not math.isnan(one.value)]
        return self._held(usable) if self.function == "held" else self._over(usable)

    def _meets(self, one: Reading) -> bool:
        return MEETS[self.operator](one.value, self.limit)

    def _held(self, usable: list[Reading]) -> Says:
        now, doubtful = usable[-1].time_ns, usable[-1].uncertain
        if not self._meets(usable[-1]):
            return Says(0.0, math.inf if doubtful else 0.0, doubtful)
        since, surely = now, False
        for earlier, later in zip(reversed(usable[:-1]), reversed(usable), strict=False):
            if later.time_ns - earlier.time_ns > self.pause_ns:
                break
            if not self._meets(earlier):
                surely = not earlier.uncertain
                break
            since = earlier.time_ns
        held_s = (now - since) / 1e9
        return Says(held_s, held_s if surely else math.inf, doubtful)

    def _over(self, usable: list[Reading]) -> Says:
        now = usable[-1].time_ns
        begin = now - self.span_ns
        inside = [one for one in usable if one.time_ns > begin]
        before = [one for one in usable if one.time_ns <= begin]
        chain = before[-1:] + inside
        gaps = [later.time_ns - earlier.time_ns for earlier, later in itertools.pairwise(chain)]
        whole = bool(before) and all(gap <= self.pause_ns for gap in gaps)
        doubtful = any(one.uncertain for one in inside)
        if self.function == "change":
            return self._change(inside[-1], before[-1] if before else None)
        low, high = self._bounds(inside, whole=whole)
        accounted = sum(
            min(later.time_ns - max(earlier.time_ns, begin), self.pause_ns)
            for earlier, later in itertools.pairwise(chain)
        )
        if self.function in {"mean", "share", "rate"} and 2 * accounted < self.span_ns:
            low = high = math.nan
        return Says(low, high, doubtful)

    def _bounds(self, inside: list[Reading], *, whole: bool) -> tuple[float, float]:
        values = [one.value for one in inside]
        met = sum(self._meets(one) for one in inside)
        match self.function:
            case "count":
                return met, met if whole else math.inf
            case "max":
                return max(values), max(values) if whole else math.inf
            case "min":
                return min(values) if whole else -math.inf, min(values)
            case "mean":
                return (sum(values) / len(values),) * 2
            case "share":
                return (met / len(values),) * 2
        return (slope(inside),) * 2

    def _change(self, now: Reading, then: Reading | None) -> Says:
        if then is None or now.time_ns - self.span_ns - then.time_ns > self.pause_ns:
            return UNKNOWN
        return Says(now.value - then.value, now.value - then.value, now.uncertain or then.uncertain)


def slope(readings: list[Reading]) -> float:
    """Of the least-squares line, a minute."""
    minutes = [(one.time_ns - readings[-1].time_ns) / 60e9 for one in readings]
    t_mean = sum(minutes) / len(minutes)
    x_mean = sum(one.value for one in readings) / len(readings)
    spread = sum((t - t_mean) ** 2 for t in minutes)
    if spread == 0:
        return math.nan
    return sum((t - t_mean) * (one.value - x_mean) for t, one in zip(minutes, readings, strict=True)) / spread
