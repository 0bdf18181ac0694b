"""What alarms were, as people said, rule by rule: how many of them were real, and how sure that is."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np

from model.alarm import Alarm, Grade, Verdict
from store.verdict_table import StoredVerdict

#: Of a normal distribution, 95 % lie within so many standard deviations.
_SURE = 1.959963984540054
#: From this grade on somebody owes a verdict.
OWED_FROM = Grade.ORANGE

Told = tuple[Alarm, StoredVerdict | None]


@dataclass(frozen=True, slots=True)
class Share:
    """How many of so many, and the 95 % interval in which the true share lies (Wilson). NaN where there are none."""

    hits: int
    of: int

    @property
    def value(self) -> float:
        return self.hits / self.of if self.of else math.nan

    @property
    def low(self) -> float:
        return self._end(-1.0)

    @property
    def high(self) -> float:
        return self._end(1.0)

    def _end(self, side: float) -> float:
        if not self.of:
            return math.nan
        n, share, z = self.of, self.value, _SURE
        middle = share + z * z / (2 * n)
        spread = z * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
        end = (middle + side * spread) / (1 + z * z / n)
        return min(share, max(0.0, end)) if side < 0 else max(share, min(1.0, end))


@dataclass(frozen=True, slots=True)
class Tally:
    """The alarms of one rule, or of one rule at one site.

    Attributes:
        rule: id.
        site: id; empty = all of them.
        alarms: how many.
        verdicts: how many of each; those without one are not among them.
        wait_s: median time from the begin of an alarm to its first verdict; None = none was judged.

    """

    rule: str
    site: str
    alarms: int
    verdicts: dict[Verdict, int] = field(default_factory=dict)
    wait_s: float | None = None

    def count(self, verdict: Verdict) -> int:
        return self.verdicts.get(verdict, 0)

    @property
    def judged(self) -> int:
        return sum(self.verdicts.values())

    @property
    def precision(self) -> Share:
        """Real ones among real and false ones. Tests, drills and works tell nothing of how good a rule is."""
        return Share(self.count(Verdict.REAL), self.count(Verdict.REAL) + self.count(Verdict.FALSE))


@dataclass(frozen=True, slots=True)
class Verdicts:
    """Of a time.

    Attributes:
        rules: one for each rule that alarmed, most false ones first.
        sites: one for each rule and site.
        owed: orange and red alarms that nobody has judged, the oldest first.

    """

    rules: tuple[Tally, ...]
    sites: tuple[Tally, ...]
    owed: tuple[Alarm, ...]


def summed_up(told: Iterable[Told], site_of: Callable[[str], str]) -> Verdicts:
    """Count alarms by what they were.

    Args:
        told: alarms, in the order of time.
        site_of: the site of an asset; empty where it is not known.

    """
    by_rule: dict[tuple[str, str], list[Told]] = {}
    by_site: dict[tuple[str, str], list[Told]] = {}
    owed = []
    for one in told:
        alarm, verdict = one
        by_rule.setdefault((alarm.rule, ""), []).append(one)
        by_site.setdefault((alarm.rule, site_of(alarm.asset)), []).append(one)
        if verdict is None and alarm.highest >= OWED_FROM:
            owed.append(alarm)
    return Verdicts(_tallies(by_rule), _tallies(by_site), tuple(owed))


def _tallies(groups: dict[tuple[str, str], list[Told]]) -> tuple[Tally, ...]:
    made = [_tally(rule, site, told) for (rule, site), told in groups.items()]
    return tuple(sorted(made, key=lambda one: (-one.count(Verdict.FALSE), -one.alarms, one.rule, one.site)))


def _tally(rule: str, site: str, told: Sequence[Told]) -> Tally:
    waits = [max(0, verdict.first_ns - alarm.start_ns) / 1e9 for alarm, verdict in told if verdict is not None]
    verdicts = Counter(verdict.verdict for _, verdict in told if verdict is not None)
    return Tally(rule, site, len(told), dict(verdicts), float(np.median(waits)) if waits else None)
