"""What other sensors say, worked out from all that was ever read: one operand at one instant."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

from tests.naive.windows import MEETS, Says

UNKNOWN = Says(math.nan, math.nan)


class Heard(NamedTuple):
    """A fresh reading, in the order of the journal. ``value`` NaN = not usable."""

    sensor: int
    time_ns: int
    value: float
    uncertain: bool = False


@dataclass(frozen=True)
class NaiveOthers:
    """One operand: ``members`` are the sensors that are meant; those in ``lasting`` report changes only."""

    function: str
    operator: str
    limit: float
    span_ns: int
    members: tuple[int, ...]
    lasting: frozenset[int]
    reach_ns: int

    def at(self, history: list[Heard], now_ns: int, cut_off: frozenset[int]) -> Says:
        """What is known at an instant.

        Args:
            history: all that was read so far.
            now_ns: the instant.
            cut_off: sensors whose gateway is silent.

        """
        last = {one.sensor: one for one in history}
        says = {m: self._says(last.get(m), now_ns, cut_off) for m in self.members}
        if self.function in {"count", "share"}:
            return self._tally(history, last, says, now_ns)
        known = {m: x for m, x in says.items() if x is not None}
        if not known:
            return UNKNOWN
        doubtful = any(last[m].uncertain for m in known)
        values, whole = list(known.values()), len(known) == len(self.members)
        match self.function:
            case "max":
                return Says(max(values), max(values) if whole else math.inf, doubtful)
            case "min":
                return Says(min(values) if whole else -math.inf, min(values), doubtful)
            case "mean":
                mean = sum(values) / len(values) if 2 * len(values) >= len(self.members) else math.nan
                return Says(mean, mean, doubtful)
        return Says(min(values), max(values), doubtful) if whole else Says(math.nan, math.nan, doubtful)

    def _says(self, one: Heard | None, now_ns: int, cut_off: frozenset[int]) -> float | None:
        if one is None or math.isnan(one.value) or (one.sensor in cut_off and one.sensor in self.lasting):
            return None
        apart_ns = now_ns - one.time_ns
        stands = -apart_ns <= self.reach_ns and (apart_ns <= self.reach_ns or one.sensor in self.lasting)
        return one.value if stands else None

    def _meets(self, x: float) -> bool:
        return MEETS[self.operator](x, self.limit)

    def _tally(self, history: list[Heard], last: dict[int, Heard], says: dict[int, float | None], now_ns: int) -> Says:
        if not self.members:
            return UNKNOWN
        verdicts: dict[int, bool] = {}
        for member, x in says.items():
            met = [
                one.time_ns
                for one in history
                if one.sensor == member and not math.isnan(one.value) and self._meets(one.value)
            ]
            if self.span_ns and met and -self.span_ns <= now_ns - met[-1] < self.span_ns:
                verdicts[member] = True
            elif x is not None:
                verdicts[member] = not self.span_ns and self._meets(x)
        met_count, asked = sum(verdicts.values()), len(self.members)
        doubtful = any(last[m].uncertain or math.isnan(last[m].value) for m in verdicts)
        if self.function == "count":
            return Says(met_count, met_count + asked - len(verdicts), doubtful)
        share = met_count / len(verdicts) if verdicts and 2 * len(verdicts) >= asked else math.nan
        return Says(share, share, doubtful)


def known(comparison: tuple[str, float], says: Says) -> bool | None:
    """Whether something between two bounds meets a comparison; None = it may or may not."""
    operator, limit = comparison
    at_ends = {MEETS[operator](says.low, limit), MEETS[operator](says.high, limit)}
    if math.isnan(says.low) or math.isnan(says.high):
        return None
    if operator in {"==", "!="} and says.low < says.high:
        inside = says.low <= limit <= says.high
        return None if inside else operator == "!="
    return at_ends.pop() if len(at_ends) == 1 else None


def all_of(parts: list[bool | None]) -> bool | None:
    return False if False in parts else None if None in parts else True


def any_of(parts: list[bool | None]) -> bool | None:
    return True if True in parts else None if None in parts else False
