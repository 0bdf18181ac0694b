"""One grade of a rule with many limits, and how often each of them alarms on quiet readings.

Every candidate is a rule of its own beside the others in one plan, so that a single run of ``step`` counts for all,
with the delays, deadbands and further conditions that the rule has.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from model.alarm import AlarmEvent, Grade, Transition
from model.batch import Batch
from model.condition import AllOf, AnyOf, Comparison, Condition, Not
from model.errors import FengsuiError
from model.inputs import PlanChange
from model.plan import GradeSpec, Plan, RuleSpec
from pipeline.process.step import begin, step
from rules.language import comparisons, parse, render, source_of

#: Candidates: the limit of now divided and multiplied by so many fourth roots of two.
_BELOW, _ABOVE = 16, 28
_UPWARD = frozenset({">", ">="})
_ROWS = 2000  # a batch
MONTH_S = 365.25 / 12 * 86_400


@dataclass(frozen=True, slots=True)
class Target:
    """One limit of a rule, which is to be set.

    Attributes:
        rule: as configured.
        grade: of which the condition is.
        comparison: that holds the limit.

    """

    rule: RuleSpec
    grade: GradeSpec
    comparison: Comparison

    @property
    def rises(self) -> bool:
        """Whether a larger number alarms less often."""
        return self.comparison.operator in _UPWARD

    def with_limit(self, limit: float) -> GradeSpec:
        """The grade with another limit; its deadband is at most half of that."""
        condition = _replaced(parse(self.grade.when), self.comparison, limit)
        return replace(self.grade, when=render(condition), deadband=min(self.grade.deadband, abs(limit) / 2))


def target(plan: Plan, rule: str, grade: Grade | None, operand: str) -> Target:
    """Find the limit that is meant.

    Args:
        plan: with the rule.
        rule: its id.
        grade: None = the lowest.
        operand: whose limit; empty = the first that is a detector's, else the first.

    Raises:
        FengsuiError: there is no such one, or it is no limit that can be moved.

    """
    spec = next((one for one in plan.rules if one.id == rule), None)
    if spec is None:
        raise FengsuiError(f"--rule must be one of {', '.join(one.id for one in plan.rules)}, got {rule!r}")
    own = next((one for one in spec.grades if grade is None or one.grade is grade), None)
    if own is None:
        names = ", ".join(one.grade.name.lower() for one in spec.grades)
        raise FengsuiError(f"{rule}: the grade must be one of {names}, got {grade.name.lower() if grade else ''}")
    found = [one for one in comparisons(parse(own.when)) if operand in ("", one.operand)]
    detectors = {one.id for one in plan.detectors}
    chosen = next((one for one in found if source_of(one.operand) in detectors), next(iter(found), None))
    if chosen is None:
        raise FengsuiError(f"{rule}: {own.when!r} must compare the operand, got {operand!r}")
    if chosen.operator not in {">", ">=", "<", "<="} or chosen.limit == 0:
        raise FengsuiError(f"{rule}: a limit that can be tuned is a number beyond zero, got {render(chosen)!r}")
    return Target(spec, own, chosen)


def limits(one: Target) -> list[float]:
    """Candidates around the limit of now, from the one that alarms most to the one that alarms least."""
    grows = one.rises == (one.comparison.limit > 0)
    factor = 2.0 ** (np.arange(-_BELOW, _ABOVE + 1) / 4)
    values: list[float] = (one.comparison.limit * (factor if grows else 1 / factor)).tolist()
    return values


def with_rules(plan: Plan, rules: Sequence[RuleSpec]) -> Plan:
    """The same plan, where nothing but these rules judges."""
    return replace(plan, rules=tuple(rules), version="tuning")


def played(plan: Plan, batch: Batch) -> list[AlarmEvent]:
    """What ``step`` says of readings in the order of their time."""
    state = begin(PlanChange(plan, int(batch.time_ns[0]) if len(batch) else 0), 0)
    events: list[AlarmEvent] = []
    for at in range(0, len(batch), _ROWS):
        part = batch.take(slice(at, at + _ROWS))
        events += step(state, state.next_offset, part).events
    return events


def begins(event: AlarmEvent) -> bool:
    return event.transition in (Transition.RAISED, Transition.RERAISED)


@dataclass(frozen=True, slots=True)
class Counted:
    """Alarms of each candidate on quiet readings.

    Attributes:
        limits: from the one that alarms most to the one that alarms least.
        alarms: int64 [limits].
        of_each: alarms by tag of sensor or asset, int64 [limits] each; who gave none is left out.
        subjects: sensors, or assets, that the rule looks at.
        months: time that they were watched, in sensor-months (asset-months).

    """

    limits: list[float]
    alarms: NDArray[np.int64]
    of_each: dict[str, NDArray[np.int64]]
    subjects: int
    months: float


def count(plan: Plan, batch: Batch, one: Target, values: Sequence[float]) -> Counted:
    """Count the alarms of every candidate, from the one that alarms most to the one that alarms least."""
    rules = [
        replace(one.rule, id=f"{at}", grades=(one.with_limit(value),), latching=False)
        for at, value in enumerate(values)
    ]
    told = Counter((event.tag, int(event.rule)) for event in played(with_rules(plan, rules), batch) if begins(event))
    of_each: dict[str, NDArray[np.int64]] = {}
    for (tag, at), times in told.items():
        of_each.setdefault(tag, np.zeros(len(values), np.int64))[at] = times
    total = np.sum(list(of_each.values()), axis=0) if of_each else np.zeros(len(values), np.int64)
    subjects, months = _watched(plan, batch, one.rule)
    return Counted(list(values), total, of_each, subjects, months)


def _watched(plan: Plan, batch: Batch, rule: RuleSpec) -> tuple[int, float]:
    """How many sensors or assets the rule looks at, and for how long altogether, in months."""
    first, last = np.full(len(plan.sensors), np.inf), np.full(len(plan.sensors), -np.inf)
    np.minimum.at(first, batch.sensor, batch.time_ns.astype(np.float64))
    np.maximum.at(last, batch.sensor, batch.time_ns.astype(np.float64))
    spans: dict[str, tuple[float, float]] = {}
    kind_of = {asset.id: asset.kind for asset in plan.assets}
    for at, sensor in enumerate(plan.sensors):
        concerned = kind_of[sensor.asset] in rule.assets if rule.assets else sensor.kind in rule.kinds
        if concerned and last[at] > first[at]:
            name = sensor.asset if rule.assets else sensor.tag
            low, high = spans.get(name, (np.inf, -np.inf))
            spans[name] = min(low, first[at]), max(high, last[at])
    return len(spans), float(sum(high - low for low, high in spans.values())) / 1e9 / MONTH_S


def _replaced(condition: Condition, old: Comparison, limit: float) -> Condition:
    match condition:
        case Comparison():
            return replace(condition, limit=limit) if condition == old else condition
        case AllOf(parts):
            return AllOf(tuple(_replaced(part, old, limit) for part in parts))
        case AnyOf(parts):
            return AnyOf(tuple(_replaced(part, old, limit) for part in parts))
        case Not(part):
            return Not(_replaced(part, old, limit))
