"""What could be done about rules that alarm too often: delays and deadbands, each tried on the time in which they did.

A remedy is a proposal with its price: how many alarms it leaves, which ones it would have lost, how much later the
others come. Red is never delayed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from itertools import pairwise

from model.alarm import Grade
from model.plan import GradeSpec, Plan, RuleSpec
from pipeline.hindsight.episodes import Change, Episode, differences
from rules.evidence import CODES
from rules.language import comparisons, parse

#: Lengths that people give to delays.
USUAL_S = (10.0, 30.0, 60.0, 120.0, 300.0, 600.0, 900.0, 1800.0, 3600.0)
ON_MAX_S, OFF_MAX_S = 600.0, 3600.0
#: So many of the gaps, or of the short alarms, should be covered.
_COVERED = 0.8
_DEADBAND_SHARE = 0.05
#: A vanished alarm that lasted longer than this was perhaps no noise.
_LONG_NS = 1800 * 10**9


class Means(StrEnum):
    """What is changed."""

    ON_DELAY = "on_delay"
    OFF_DELAY = "off_delay"
    DEADBAND = "deadband"
    LIMIT = "limit"


@dataclass(frozen=True, slots=True)
class Remedy:
    """One change of one rule.

    Attributes:
        rule: id.
        means: what is changed.
        amount: to how much: s, or the unit of the condition's operand.
        changed: the rule with it.

    """

    rule: str
    means: Means
    amount: float
    changed: RuleSpec


@dataclass(frozen=True, slots=True)
class Tried:
    """What the remedy would have done.

    Attributes:
        before: alarms of the rule in the readings.
        after: alarms with the remedy.
        lost: alarms that vanish without being part of another one.
        highest_lost: highest grade among them; ``NONE`` = nothing is lost.
        long_lost: how many of them lasted more than half an hour.
        later_s: by how much the latest of those that stay comes later.

    """

    remedy: Remedy
    before: int
    after: int
    lost: int
    highest_lost: Grade
    long_lost: int
    later_s: float


def remedies(rule: RuleSpec, made: Sequence[Episode]) -> list[Remedy]:
    """What may help against these alarms of a rule; empty where nothing of this kind can."""
    own = [one for one in made if one.rule == rule.id]
    found = [_on_delay(rule, own), _off_delay(rule, own), _deadband(rule)]
    return [one for one in found if one is not None and one.changed != rule]


def _on_delay(rule: RuleSpec, own: Sequence[Episode]) -> Remedy | None:
    """As long as most of the short ones lasted."""
    lengths = sorted((one.end_ns - one.begin_ns) / 1e9 for one in own if one.end_ns is not None)
    short = [one for one in lengths if one <= ON_MAX_S]
    delay_s = _usual(short[int(_COVERED * (len(short) - 1))] if short else 0.0)
    if delay_s is None or delay_s > ON_MAX_S:
        return None

    def longer(one: GradeSpec) -> GradeSpec:
        return one if one.grade is Grade.RED else replace(one, on_delay_s=max(one.on_delay_s, delay_s))

    return Remedy(rule.id, Means.ON_DELAY, delay_s, _with_grades(rule, [longer(one) for one in rule.grades]))


def _off_delay(rule: RuleSpec, own: Sequence[Episode]) -> Remedy | None:
    """As long as most of the gaps between an end and the next begin on the same sensor."""
    gaps = sorted(gap for gap in _gaps_s(own) if gap <= OFF_MAX_S)
    delay_s = _usual(gaps[int(_COVERED * (len(gaps) - 1))] if gaps else 0.0)
    if delay_s is None:
        return None
    grades = [replace(one, off_delay_s=max(one.off_delay_s, delay_s)) for one in rule.grades]
    return Remedy(rule.id, Means.OFF_DELAY, delay_s, _with_grades(rule, grades))


def _deadband(rule: RuleSpec) -> Remedy | None:
    """Of a twentieth of the lowest limit, where the condition is one comparison with a number that is not zero."""
    found = [list(comparisons(parse(one.when))) for one in rule.grades]
    if any(len(one) != 1 or one[0].operand in CODES or one[0].operator in ("==", "!=") for one in found):
        return None
    amount = _DEADBAND_SHARE * min(abs(one[0].limit) for one in found)
    if amount == 0.0:
        return None
    grades = [replace(one, deadband=max(one.deadband, amount)) for one in rule.grades]
    return Remedy(rule.id, Means.DEADBAND, amount, _with_grades(rule, grades))


def _with_grades(rule: RuleSpec, grades: Sequence[GradeSpec]) -> RuleSpec:
    return replace(rule, grades=tuple(grades))


def _gaps_s(own: Sequence[Episode]) -> list[float]:
    by_tag: dict[str, list[Episode]] = {}
    for one in own:
        by_tag.setdefault(one.tag, []).append(one)
    return [
        (later.begin_ns - earlier.end_ns) / 1e9
        for of in by_tag.values()
        for earlier, later in pairwise(of)
        if earlier.end_ns is not None
    ]


def _usual(seconds: float) -> float | None:
    """The next length that people give; None where nothing is to be covered, or too much."""
    return next((one for one in USUAL_S if one >= seconds), None) if seconds > 0 else None


def variants(plan: Plan, wanted: Sequence[Remedy]) -> Plan:
    """One plan in which every rule stands beside itself with each remedy, so that one play tries all.

    Of the detectors those are left that these rules name.
    """
    ids = {one.rule for one in wanted}
    as_is = [rule for rule in plan.rules if rule.id in ids]
    named = repr(as_is)  # more than they use, perhaps, and never less
    changed = [replace(one.changed, id=trial_id(at)) for at, one in enumerate(wanted)]
    kept = [one for one in plan.overrides if one.rule in ids]
    of_trials = [
        replace(own, rule=trial_id(at)) for at, one in enumerate(wanted) for own in kept if own.rule == one.rule
    ]
    return replace(
        plan,
        rules=(*as_is, *changed),
        overrides=(*kept, *of_trials),
        detectors=tuple(one for one in plan.detectors if one.id in named),
        version="remedies",
    )


def outcome(wanted: Sequence[Remedy], made: Sequence[Episode]) -> list[Tried]:
    """What came of each in the episodes of a play of ``variants``."""
    found = []
    for at, remedy in enumerate(wanted):
        before = [one for one in made if one.rule == remedy.rule]
        after = [replace(one, rule=remedy.rule) for one in made if one.rule == trial_id(at)]
        changes = differences(before, after)
        gone = [one.before for one in changes if one.change is Change.VANISHES and one.before is not None]
        lost = [one for one in gone if not any(other.tag == one.tag and other.overlaps(one) for other in after)]
        later = [
            (one.after.begin_ns - one.before.begin_ns) / 1e9 for one in changes if one.before and one.after is not None
        ]
        highest = max((one.grade for one in lost), default=Grade.NONE)
        counts = len(before), len(after), len(lost)
        found.append(Tried(remedy, *counts, highest, sum(map(_is_long, lost)), max(later, default=0.0)))
    return found


def _is_long(one: Episode) -> bool:
    return one.end_ns is None or one.end_ns - one.begin_ns > _LONG_NS


def trial_id(at: int) -> str:
    """What the rule with the remedy at a place is called in a play of ``variants``."""
    return f"~{at}"
