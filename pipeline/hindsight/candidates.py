"""Changes of one rule that may spare false alarms: one limit, one delay or one deadband, each by how much it changes.

Changes of the same thing make a ladder. What the next rungs would lose tells how far a proposal is from losing it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date
from itertools import pairwise

from model.alarm import Grade
from model.condition import Comparison
from model.override import GradeChange, LimitChange, Override, Where
from model.plan import GradeSpec, RuleSpec
from model.text import Text
from pipeline.hindsight.remedies import OFF_MAX_S, ON_MAX_S, USUAL_S, Means, Remedy
from rules.language import comparisons, parse
from rules.variants import overridden

_RISING, _FALLING = (">", ">="), ("<", "<=")
#: How far a limit moves to the next grade's.
_TOWARDS_NEXT = (1 / 6, 1 / 3, 1 / 2, 2 / 3, 5 / 6)
#: By how much of itself it moves where no grade is above.
_BY_ITSELF = (0.1, 0.2, 0.35, 0.5, 0.75, 1.0)
_OF_LIMIT = (0.05, 0.1, 0.2)
_STATES = ("quality", "clock_fault")


@dataclass(frozen=True, slots=True)
class Candidate:
    """One change of one thing.

    Attributes:
        remedy: the rule with it.
        changes: the same as an override says it.
        grades: that it touches.
        thing: what is changed, such as ``limit of value >=``; the same all over a ladder.
        was: how much it is now; of several grades the lowest.

    """

    remedy: Remedy
    changes: tuple[GradeChange, ...]
    grades: tuple[Grade, ...]
    thing: str
    was: float

    @property
    def ladder(self) -> tuple[str, tuple[Grade, ...]]:
        return self.thing, self.grades

    @property
    def loosens_red(self) -> bool:
        """Whether red comes later or not at all by it. An off-delay and a deadband only keep it longer."""
        return Grade.RED in self.grades and self.remedy.means in (Means.LIMIT, Means.ON_DELAY)


def candidates(rule: RuleSpec, overrides: Sequence[Override] = (), *, red: bool = False) -> list[Candidate]:
    """Every change that is tried, ladder by ladder, from the least to the most.

    Args:
        rule: as the pack has it.
        overrides: of the plan; what one of them settles is left alone.
        red: try to loosen the limit of red, too.

    """
    settled = {thing for one in overrides if one.rule == rule.id for thing in _settled(one)}
    found = [*_on_delays(rule), *_off_delays(rule), *_deadbands(rule), *_limits(rule, red=red)]
    return [
        one
        for one in found
        if one.remedy.changed != rule and not any((grade, one.remedy.means) in settled for grade in one.grades)
    ]


def _settled(override: Override) -> Iterator[tuple[Grade, Means]]:
    if override.off:
        yield from ((grade, means) for grade in Grade for means in Means)
    for change in override.grades:
        for means, is_said in (
            (Means.ON_DELAY, change.on_delay_s is not None),
            (Means.OFF_DELAY, change.off_delay_s is not None),
            (Means.DEADBAND, change.deadband is not None),
            (Means.LIMIT, bool(change.limits)),
        ):
            if is_said or change.off:
                yield change.grade, means


def _on_delays(rule: RuleSpec) -> Iterator[Candidate]:
    """Of each grade alone, and of all below red together. Red is never delayed."""
    specs = [one for one in rule.grades if one.grade is not Grade.RED]
    groups = [[one] for one in specs] + ([specs] if len(specs) > 1 else [])
    for group in groups:
        was = min(one.on_delay_s for one in group)
        for amount in (one for one in USUAL_S if was < one <= ON_MAX_S):
            yield _made(rule, Means.ON_DELAY, group, was, amount, lambda spec, s: max(spec.on_delay_s, s))


def _off_delays(rule: RuleSpec) -> Iterator[Candidate]:
    was = min(one.off_delay_s for one in rule.grades)
    for amount in (one for one in USUAL_S if was < one <= OFF_MAX_S):
        yield _made(rule, Means.OFF_DELAY, rule.grades, was, amount, lambda spec, s: max(spec.off_delay_s, s))


def _deadbands(rule: RuleSpec) -> Iterator[Candidate]:
    """Where every grade compares the same thing with one number, and far enough from the next grade's."""
    found = [list(comparisons(parse(one.when))) for one in rule.grades]
    if any(len(one) != 1 or one[0].operand in _STATES for one in found):
        return
    if len({(one[0].operand, one[0].unit) for one in found}) != 1:
        return
    limits = [one[0].limit for one in found]
    gap = min((abs(later - earlier) for earlier, later in pairwise(limits)), default=max(map(abs, limits)))
    was = min(one.deadband for one in rule.grades)
    for share in _OF_LIMIT:
        amount = _short(share * min(map(abs, limits)))
        if was < amount < gap:
            yield _made(rule, Means.DEADBAND, rule.grades, was, amount, lambda spec, by: max(spec.deadband, by))


def _made(
    rule: RuleSpec,
    means: Means,
    group: Sequence[GradeSpec],
    was: float,
    amount: float,
    becomes: Callable[[GradeSpec, float], float],
) -> Candidate:
    field = {Means.ON_DELAY: "on_delay_s", Means.OFF_DELAY: "off_delay_s", Means.DEADBAND: "deadband"}[means]
    changes = tuple(GradeChange(spec.grade, **{field: becomes(spec, amount)}) for spec in group)  # type: ignore[arg-type]
    return _candidate(rule, means, amount, changes, means.value, was)


def _candidate(
    rule: RuleSpec, means: Means, amount: float, changes: tuple[GradeChange, ...], thing: str, was: float
) -> Candidate:
    trial = Override("trial", rule.id, Where(), "", date.min, None, Text("", ""), changes)
    changed = replace(rule, grades=overridden(rule, [trial]).grades)
    return Candidate(Remedy(rule.id, means, amount, changed), changes, tuple(one.grade for one in changes), thing, was)


def _limits(rule: RuleSpec, *, red: bool) -> Iterator[Candidate]:
    """Of each comparison with a number, towards the same comparison of the next grade."""
    by_grade = [list(comparisons(parse(one.when))) for one in rule.grades]
    for at, (spec, own) in enumerate(zip(rule.grades, by_grade, strict=True)):
        if spec.grade is Grade.RED and not red:
            continue
        above = [one for later in by_grade[at + 1 :] for one in later]
        for one in own:
            if one.operand in _STATES or one.operator not in (*_RISING, *_FALLING):
                continue
            if sum((other.operand, other.operator) == (one.operand, one.operator) for other in own) > 1:
                continue
            for limit in _rungs(one, above):
                change = LimitChange(one.operand, limit, one.unit, one.operator)
                thing = f"limit of {one.operand} {one.operator}"
                yield _candidate(
                    rule, Means.LIMIT, limit, (GradeChange(spec.grade, limits=(change,)),), thing, one.limit
                )


def _rungs(one: Comparison, above: Sequence[Comparison]) -> list[float]:
    """Limits that are harder to reach, the nearest first; none reaches that of the next grade."""
    same = [other for other in above if (other.operand, other.operator) == (one.operand, one.operator)]
    up = one.operator in _RISING
    if any(other.unit != one.unit for other in same):
        return []
    further = [other.limit for other in same if (other.limit > one.limit) == up and other.limit != one.limit]
    if further:
        end = min(further) if up else max(further)
        wanted = [one.limit + share * (end - one.limit) for share in _TOWARDS_NEXT]
        between = (min(one.limit, end), max(one.limit, end))
    elif one.limit:
        sign = 1.0 if up else -1.0
        wanted = [one.limit + sign * share * abs(one.limit) for share in _BY_ITSELF]
        between = (one.limit, float("inf")) if up else (float("-inf"), one.limit)
    else:
        return []
    shown = dict.fromkeys(_short(limit) for limit in wanted)
    return [limit for limit in shown if between[0] < limit < between[1]]


def _short(number: float) -> float:
    """As a person would write it: three figures."""
    return float(f"{number:.3g}")
