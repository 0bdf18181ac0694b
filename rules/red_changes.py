"""What of a change touches red: danger to life. Such a change needs a second person.

Counted is what could make a red alarm come later, less often or not at all, and every other limit of a red grade. What
adds a red grade, or makes an override of one stricter, is not.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields

from model.alarm import Grade
from model.condition import AllOf, AnyOf, Comparison, Condition, Not
from model.errors import UnitError
from model.override import GradeChange, LimitChange, Override, Where
from model.plan import GradeSpec, Plan, RuleSpec
from model.text import Text
from model.unit import factor_and_offset
from rules.language import base_of, operands, parse, source_of
from rules.operands import MODE, is_of_others
from rules.selection import Selection
from rules.variants import meant

#: Of a rule's fields those that change no alarm.
_WORDS = frozenset({"id", "name", "source", "advice", "owner", "approved", "rationale", "diagnostic"})
#: Those that are compared by what they bring about.
_APART = frozenset({"grades", "kinds", "assets", "where"})
_NAMES_SHOWN = 5


@dataclass(frozen=True, slots=True)
class RedChange:
    """One thing that changes. ``place`` is the key in the configuration, such as ``rules.gas.lel.grades.red.when``."""

    place: str
    text: Text


def red_changes(old: Plan, new: Plan) -> list[RedChange]:
    """Everything in the change from one plan to another that touches a red grade, in the order of the old plan."""
    rules = {rule.id: rule for rule in new.rules}
    selections = Selection(old), Selection(new)
    found: list[RedChange] = []
    concerned: dict[str, RuleSpec] = {}
    for rule in old.rules:
        red = red_grade(rule)
        if red is None:
            continue
        concerned[rule.id] = rule
        after = rules.get(rule.id)
        if after is None:
            found.append(_told(f"rules.{rule.id}", "规则被删除", "the rule is taken out"))
            continue
        found += _of_rule(rule, red, after)
        found += _lost(rule, after, (old, new), selections)
    found += _under_them(old, new, concerned)
    found += _of_overrides(old, new, concerned)
    return found


def red_grade(rule: RuleSpec) -> GradeSpec | None:
    return next((spec for spec in rule.grades if spec.grade is Grade.RED), None)


def _told(place: str, zh: str, en: str) -> RedChange:
    return RedChange(place, Text(zh, en))


def _of_rule(rule: RuleSpec, red: GradeSpec, after: RuleSpec) -> Iterator[RedChange]:
    now = red_grade(after)
    place = f"rules.{rule.id}"
    if now is None:
        yield _told(f"{place}.grades.red", "红色级别被删除", "the red grade is taken out")
        return
    if parse(red.when) != parse(now.when):
        change = f"{red.when} -> {now.when}"
        yield _told(f"{place}.grades.red.when", f"红色条件：{change}", f"the condition of red: {change}")
    for name, before_s, after_s in (
        ("on_delay", red.on_delay_s, now.on_delay_s),
        ("off_delay", red.off_delay_s, now.off_delay_s),
        ("deadband", red.deadband, now.deadband),
    ):
        if before_s != after_s:
            unit = "" if name == "deadband" else " s"
            change = f"{before_s:g}{unit} -> {after_s:g}{unit}"
            yield _told(f"{place}.grades.red.{name}", f"红色的 {name}：{change}", f"{name} of red: {change}")
    for item in fields(RuleSpec):
        if item.name not in _WORDS | _APART and getattr(rule, item.name) != getattr(after, item.name):
            yield _told(f"{place}.{item.name}", f"规则的 {item.name} 改变", f"{item.name} of the rule changes")


def _lost(
    rule: RuleSpec, after: RuleSpec, plans: tuple[Plan, Plan], selections: tuple[Selection, Selection]
) -> Iterator[RedChange]:
    """Sensors or assets that the rule judged and judges no more."""
    had = _judged(rule, plans[0], selections[0])
    has = _judged(after, plans[1], selections[1])
    lost = [tag for tag in had if tag not in has]
    if lost:
        more = f" (+{len(lost) - _NAMES_SHOWN})" if len(lost) > _NAMES_SHOWN else ""
        names = ", ".join(lost[:_NAMES_SHOWN]) + more
        yield _told(f"rules.{rule.id}", f"不再判断：{names}", f"no longer judged: {names}")


def _judged(rule: RuleSpec, plan: Plan, selection: Selection) -> dict[str, None]:
    where = rule.where or Where()
    if rule.assets:
        assets = (plan.assets[at] for at in selection.assets(where))
        return {asset.id: None for asset in assets if asset.kind in rule.assets}
    sensors = (plan.sensors[at] for at in selection.sensors(where))
    return {sensor.tag: None for sensor in sensors if sensor.kind in rule.kinds}


def _under_them(old: Plan, new: Plan, concerned: Mapping[str, RuleSpec]) -> Iterator[RedChange]:
    """Detectors and kinds that red grades rest on."""
    named: set[str] = set()
    kinds: set[str] = set()
    for rule in concerned.values():
        named |= {source_of(name) for name in red_asks(rule)}
        kinds |= kinds_beside(rule, old)
        named |= set(rule.yields_to)
        kinds |= set(rule.kinds)
    detectors = {spec.id: spec for spec in new.detectors}
    for spec in old.detectors:
        if spec.id in named and detectors.get(spec.id) != spec:
            yield _told(f"detectors.{spec.id}", "红色所依据的检测器改变", "a detector that red rests on changes")
            kinds |= set(spec.kinds)
    of_kind = {kind.id: kind for kind in new.kinds}
    for kind in old.kinds:
        now = of_kind.get(kind.id)
        ranges = ("unit", "low", "high", "period_s", "beyond_low", "beyond_high", "lateness_s", "on_change", "states")
        if kind.id in kinds and (now is None or any(getattr(kind, f) != getattr(now, f) for f in ranges)):
            yield _told(f"kinds.{kind.id}", "红色所判断的传感器类型改变", "a kind of sensors that red judges changes")


def red_asks(rule: RuleSpec) -> set[str]:
    """Operands that decide whether red is told: those of its condition, and of what suppresses the rule."""
    red = red_grade(rule)
    conditions = [text for text in (red.when if red is not None else "", rule.suppress_when) if text]
    return {name for text in conditions for name in operands(parse(text))} if red is not None else set()


def kinds_beside(rule: RuleSpec, plan: Plan) -> set[str]:
    """Kinds of other sensors that decide whether red is told."""
    words = {base_of(name) for name in red_asks(rule) if is_of_others(base_of(name))}
    modes = {kind.id for kind in plan.kinds if kind.is_mode} if MODE in words else set()
    return modes | {word.partition(".")[2] for word in words - {MODE}}


def _of_overrides(old: Plan, new: Plan, concerned: Mapping[str, RuleSpec]) -> Iterator[RedChange]:
    """Overrides that begin to loosen red, do so otherwise, or cease to make it stricter."""
    before = {one.id: one for one in old.overrides}
    after = {one.id: one for one in new.overrides}
    for name in dict.fromkeys((*before, *after)):
        had, has = before.get(name), after.get(name)
        if had is not None and has is not None and _effect(had) == _effect(has):
            continue
        place = f"overrides.{name}"
        if has is not None and has.rule in concerned and loosens_red(concerned[has.rule], has):
            yield _told(place, f"放宽 {has.rule} 的红色", f"makes red of {has.rule} looser")
        elif had is not None and had.rule in concerned and _tightens_red(concerned[had.rule], had):
            yield _told(place, f"{had.rule} 的红色不再更严", f"red of {had.rule} is no longer stricter")


def _effect(override: Override) -> tuple[object, ...]:
    return override.rule, override.where, override.since, override.until, override.grades, override.off


def _red_changes_of(override: Override) -> Sequence[GradeChange]:
    return [change for change in override.grades if change.grade is Grade.RED]


def loosens_red(rule: RuleSpec, override: Override) -> bool:
    """Whether red comes later, less often or not at all, or goes sooner; what cannot be told counts as such."""
    red = red_grade(rule)
    if red is None or rule.id != override.rule:
        return False
    return override.off or any(_loosens(red, change) for change in _red_changes_of(override))


def _loosens(red: GradeSpec, change: GradeChange) -> bool:
    return (
        change.off
        or (change.on_delay_s or 0.0) > red.on_delay_s
        or (change.off_delay_s is not None and change.off_delay_s < red.off_delay_s)
        or (change.deadband is not None and change.deadband < red.deadband)
        or any(not _stricter(parse(red.when), limit) for limit in change.limits)
    )


def _tightens_red(rule: RuleSpec, override: Override) -> bool:
    red = red_grade(rule)
    return red is not None and any(
        any(_stricter(parse(red.when), limit) for limit in change.limits)
        or (change.on_delay_s is not None and change.on_delay_s < red.on_delay_s)
        or (change.off_delay_s or 0.0) > red.off_delay_s
        or (change.deadband or 0.0) > red.deadband
        for change in _red_changes_of(override)
    )


def _stricter(condition: Condition, change: LimitChange, *, negated: bool = False) -> bool:
    """Whether another limit surely lets the condition hold wherever it held before."""
    match condition:
        case Comparison():
            if not meant(change, condition):
                return True
            limit = _in_unit(change, condition)
            if limit is None or condition.operator in ("==", "!="):
                return False
            rises = (condition.operator in (">", ">=")) != negated
            return limit <= condition.limit if rises else limit >= condition.limit
        case Not(part):
            return _stricter(part, change, negated=not negated)
        case AllOf(parts) | AnyOf(parts):
            return all(_stricter(part, change, negated=negated) for part in parts)


def _in_unit(change: LimitChange, comparison: Comparison) -> float | None:
    """The new limit in the unit of the old one; None where one of them is in the operand's, which is not known here."""
    if change.unit == comparison.unit:
        return change.limit
    try:
        factor, offset = factor_and_offset(change.unit, comparison.unit)
    except UnitError:
        return None
    return change.limit * factor + offset
