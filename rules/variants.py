"""What a rule's settings are for each sensor or asset: those of the pack, as chosen and changed by the site.

A variant is one set of settings that some of them share. Readings are judged by variants, so that a thousand
overrides cost a table of a thousand rows and not a rule each.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from model.condition import AllOf, AnyOf, Comparison, Condition, Not
from model.override import GradeChange, LimitChange, Override
from model.plan import GradeSpec, RuleSpec
from model.text import Text
from rules.language import parse, render
from rules.selection import Selection


@dataclass(frozen=True, slots=True)
class Variant:
    """Settings of one rule.

    Attributes:
        grades: as they count here, lowest first.
        off: of each grade, True = it begins nothing.
        source: where the limits come from, with who changed them.
        overrides: ids of those that made it.

    """

    grades: tuple[GradeSpec, ...]
    off: tuple[bool, ...]
    source: Text
    overrides: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Settings:
    """Of one rule: ``of`` is int32 [n], the variant of each of the plan's sensors (of its assets, for a rule on those).

    Variant 0 is the pack's. What ``where`` leaves out has a variant with every grade off: it begins nothing there.
    """

    variants: tuple[Variant, ...]
    of: NDArray[np.int32]


def as_packed(rule: RuleSpec) -> Variant:
    """As the pack has it."""
    return Variant(rule.grades, (False,) * len(rule.grades), rule.source)


def settings_of(rule: RuleSpec, overrides: Sequence[Override], selection: Selection) -> Settings | None:
    """Settings by sensor or asset; None where all have the pack's.

    Args:
        rule: of the plan.
        overrides: those that count; what they say of other rules is left out.
        selection: over the plan, whose sensors and assets are meant.

    """
    own = [one for one in overrides if one.rule == rule.id]
    if rule.where is None and not own:
        return None
    choose = selection.assets if rule.assets else selection.sensors
    kind_of = selection.asset_kinds if rule.assets else selection.sensor_kinds
    kinds = frozenset(rule.assets or rule.kinds)
    variants = [as_packed(rule)]
    of = np.zeros(len(kind_of), np.int32)
    if rule.where is not None:
        variants.append(replace(variants[0], off=(True,) * len(rule.grades)))
        of[:] = 1
        of[choose(rule.where)] = 0
    concerned: defaultdict[int, list[int]] = defaultdict(list)
    for at, override in enumerate(own):
        for index in choose(override.where):
            if kind_of[index] in kinds and of[index] == 0:
                concerned[index].append(at)
    made: dict[tuple[int, ...], int] = {}
    for index, together in concerned.items():
        key = tuple(together)
        if key not in made:
            made[key] = len(variants)
            variants.append(overridden(rule, [own[at] for at in together]))
        of[index] = made[key]
    return Settings(tuple(variants), of)


def overridden(rule: RuleSpec, overrides: Sequence[Override]) -> Variant:
    """The rule with what some overrides change, in their order."""
    grades = {spec.grade: spec for spec in rule.grades}
    off = {spec.grade: any(one.off for one in overrides) for spec in rule.grades}
    zh, en = rule.source.zh, rule.source.en
    for one in overrides:
        zh += f"；现场调整 {one.id}（{one.owner}，自 {one.since} 起）：{one.reason.zh}"
        en += f"; override {one.id} ({one.owner}, since {one.since}): {one.reason.en}"
        for change in one.grades:
            if change.grade in grades:
                grades[change.grade] = _changed(grades[change.grade], change)
                off[change.grade] |= change.off
    return Variant(tuple(grades.values()), tuple(off.values()), Text(zh, en), tuple(one.id for one in overrides))


def _changed(spec: GradeSpec, change: GradeChange) -> GradeSpec:
    return replace(
        spec,
        when=render(with_limits(parse(spec.when), change.limits)) if change.limits else spec.when,
        on_delay_s=spec.on_delay_s if change.on_delay_s is None else change.on_delay_s,
        off_delay_s=spec.off_delay_s if change.off_delay_s is None else change.off_delay_s,
        deadband=spec.deadband if change.deadband is None else change.deadband,
    )


def with_limits(condition: Condition, changes: Iterable[LimitChange]) -> Condition:
    """The condition with other limits."""
    match condition:
        case Comparison():
            for one in changes:
                if meant(one, condition):
                    condition = replace(condition, limit=one.limit, unit=one.unit)
            return condition
        case Not(part):
            return Not(with_limits(part, changes))
        case AllOf(parts):
            return AllOf(tuple(with_limits(part, changes) for part in parts))
        case AnyOf(parts):
            return AnyOf(tuple(with_limits(part, changes) for part in parts))


def meant(change: LimitChange, comparison: Comparison) -> bool:
    """Whether a change is about a comparison."""
    return change.operand == comparison.operand and change.operator in ("", comparison.operator)
