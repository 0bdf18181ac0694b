"""What ``fengsui rules list`` shows: settings as they count, and overrides with what they concern."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from config.master.rows import settings_by_tag, where_text
from model.override import GradeChange, Override
from model.plan import Plan, RuleSpec
from rules.red_changes import loosens_red
from rules.selection import Selection
from rules.variants import Variant, as_packed


@dataclass(frozen=True, slots=True)
class RuleShown:
    """A rule with the settings of its pack, or of one sensor or asset."""

    rule: RuleSpec
    settings: Variant
    where: str


@dataclass(frozen=True, slots=True)
class OverrideShown:
    """``state``: ``in_force``, ``ended`` or ``to_come``; ``concerns``: how many sensors or assets."""

    override: Override
    where: str
    concerns: int
    changes: str
    state: str
    loosens_red: bool


def rules_shown(plan: Plan, wall_ns: int, tag: str) -> Iterator[RuleShown]:
    """All rules as packed; with ``tag`` those that judge this sensor or asset, as they count for it."""
    selection = Selection(plan)
    for rule in plan.rules:
        where = "" if rule.where is None else where_text(rule.where)
        if not tag:
            yield RuleShown(rule, as_packed(rule), where)
            continue
        for name, variant in settings_by_tag(plan, rule, selection, wall_ns):
            if name == tag:
                yield RuleShown(rule, variant, where)


def overrides_shown(plan: Plan, wall_ns: int) -> Iterator[OverrideShown]:
    """In the order of the packs."""
    selection = Selection(plan)
    rules = {rule.id: rule for rule in plan.rules}
    for one in plan.overrides:
        rule = rules[one.rule]
        if rule.assets:
            concerned = sum(plan.assets[at].kind in rule.assets for at in selection.assets(one.where))
        else:
            concerned = sum(plan.sensors[at].kind in rule.kinds for at in selection.sensors(one.where))
        state = "in_force" if one.in_force(wall_ns) else "to_come" if wall_ns < one.span_ns()[0] else "ended"
        changes = "; ".join(f"{change.grade.name.lower()}: {_said(change)}" for change in one.grades)
        yield OverrideShown(one, where_text(one.where), concerned, changes, state, loosens_red(rule, one))


def _said(change: GradeChange) -> str:
    """``value 12 m, on_delay 30 s``."""
    if change.off:
        return "off"
    parts = [f"{one.operand} {one.operator} {one.limit:g} {one.unit}" for one in change.limits]
    parts += [f"on_delay {change.on_delay_s:g} s"] if change.on_delay_s is not None else []
    parts += [f"off_delay {change.off_delay_s:g} s"] if change.off_delay_s is not None else []
    parts += [f"deadband {change.deadband:g}"] if change.deadband is not None else []
    return ", ".join(" ".join(part.split()) for part in parts)
