"""What a new plan keeps of the old one's state: what did not change goes on, tag by tag.

An alarm that is on stays on, whatever became of its rule: it ends by fresh readings in range or by a person.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from detectors.declaration import teaching
from model.alarm import Alarm
from model.flag import Flag, FlagKind
from model.plan import Plan
from model.sensor import Kind
from model.standing import CALIBRATION_OVERDUE
from model.state import SIZED
from pipeline.process.assets import AssetProgram
from pipeline.process.binding import Bound, KindProgram
from pipeline.process.bound_rule import BoundRule
from pipeline.process.gateways import Gateways, GatewayState, keep_silent
from pipeline.process.own import changed_slots
from pipeline.process.suppression import follow
from rules.grading import NEVER
from rules.language import source_of
from rules.operands import CALENDAR, MODE
from rules.transitions import ACTIVE
from rules.variants import as_packed


def carry_over(old: Bound, new: Bound, open_alarms: Iterable[Alarm]) -> None:
    """Copy state from ``old`` into ``new``, in place. A kind that is measured in another unit begins anew."""
    before = {program.kind.id: program for program in old.programs}
    beside = _same_beside(old.plan, new.plan)
    for of_kind in new.programs:
        source = before.get(of_kind.kind.id)
        if source is not None and source.kind.unit == of_kind.kind.unit:
            _carry_program(source, of_kind, beside)
    sources = {program.id: program for program in old.asset_programs}
    for program in new.asset_programs:
        if program.id in sources:
            _carry_assets(sources[program.id], program)
    keep_on(new, open_alarms)


def follow_flags(bound: Bound, flags: Iterable[Flag], live_ns: int) -> None:
    """Let the rules take for suppressed what is so by the flags, as people know them."""
    pairs = [(flag.cover.rule, flag.cover.tag) for flag in flags if flag.kind is FlagKind.SUPPRESSED]
    follow(bound.suppressions(), pairs, bound.suppression_of, live_ns)


def carry_gateways(old: Gateways, state: GatewayState, new: Gateways, open_alarms: Iterable[Alarm]) -> GatewayState:
    """State for a new plan: a gateway that is still watched goes on."""
    carried = GatewayState.fresh(len(new.ids))
    pairs = slot_pairs(old.ids, new.ids)
    copy_slots(state, carried, *pairs)
    keep_silent(new, carried, open_alarms)
    return carried


class Slots(list[int]):
    """Slots, in a form that numpy takes quickly: made once for all arrays that are copied by them."""

    _quick: slice | NDArray[np.intp] | None = None

    def quick(self) -> slice | NDArray[np.intp]:
        """A slice where they follow each other from the first on."""
        if self._quick is None:
            at = np.array(self, np.intp)
            self._quick = slice(0, len(at)) if np.array_equal(at, np.arange(len(at))) else at
        return self._quick


def slot_pairs(old_tags: tuple[str, ...], new_tags: tuple[str, ...]) -> tuple[Slots, Slots]:
    """Slots of the tags that both have: (in old, in new)."""
    if old_tags == new_tags:
        every = Slots(range(len(old_tags)))
        return every, every
    where = {tag: slot for slot, tag in enumerate(old_tags)}
    pairs = [(where[tag], slot) for slot, tag in enumerate(new_tags) if tag in where]
    return Slots(p[0] for p in pairs), Slots(p[1] for p in pairs)


def copy_slots(source: Any, target: Any, sources: list[int], targets: list[int]) -> None:
    """Copy the arrays of one state dataclass slot by slot; what all slots share is copied whole."""
    given_at, wanted_at = (one.quick() if isinstance(one, Slots) else Slots(one).quick() for one in (sources, targets))
    for item in fields(target):
        given, wanted = getattr(source, item.name), getattr(target, item.name)
        if wanted.ndim == 0:
            wanted[...] = given
        elif item.name != "begun_count" and not (SIZED in item.metadata and given.shape[1:] != wanted.shape[1:]):
            wanted[wanted_at] = given[given_at]


def same_readings(old: Bound, new: Bound, pairs: tuple[Slots, Slots]) -> tuple[Slots, Slots]:
    """Of pairs of sensors those whose last readings mean in the new plan what they meant in the old one."""
    places = {kind.id: place for place, kind in enumerate(old.plan.kinds)}
    was = np.full(len(new.plan.kinds), -1)
    same = _same_kinds(old.plan, new.plan)
    for place, kind in enumerate(new.plan.kinds):
        was[place] = places[kind.id] if kind in same else -1
    fits = old.program_of[pairs[0].quick()] == was[new.program_of[pairs[1].quick()]]
    if fits.all():
        return pairs
    chosen = np.flatnonzero(fits).tolist()
    return Slots(pairs[0][at] for at in chosen), Slots(pairs[1][at] for at in chosen)


def _same_kinds(old: Plan, new: Plan) -> list[Kind]:
    """Kinds of the new plan whose numbers mean the same in both."""
    before = {kind.id: (kind.unit, kind.states) for kind in old.kinds}
    return [kind for kind in new.kinds if before.get(kind.id) == (kind.unit, kind.states)]


def _same_beside(old: Plan, new: Plan) -> list[str]:
    """Words for readings of other sensors that mean the same in both plans."""
    before = {kind.id: kind for kind in old.kinds}
    same = _same_kinds(old, new)
    modes = [MODE for kind in same if kind.is_mode and before[kind.id].is_mode]
    return [f"{whose}.{kind.id}" for kind in same for whose in ("asset", "site")] + modes


def _carry_program(source: KindProgram, target: KindProgram, beside: Iterable[str]) -> None:
    """What was learned goes on where unit, scan period and settings are the same, or where it does not rest on them."""
    every = slot_pairs(source.group.tags, target.group.tags)
    steady = _of_same_period(source, target, every)
    unchanged = dict.fromkeys(
        ("value", "quality", "clock_fault", CALIBRATION_OVERDUE, *CALENDAR, *beside), every
    )  # operand -> slots in which it goes on
    before = {bound.spec.id: bound for bound in source.detectors}
    for bound in target.detectors:
        old = before.get(bound.spec.id)
        if old is None or old.spec.detector != bound.spec.detector:
            continue
        detector = bound.detector
        lasting = detector.state_outlasts_settings
        is_same = teaching(detector, old.spec.parameters) == teaching(detector, bound.spec.parameters)
        if lasting or is_same:
            copy_slots(old.state, bound.state, *(every if lasting else steady))
        if is_same:
            unchanged[bound.spec.id] = every if lasting else steady
    windows = {series.base: series for series in source.series}
    for series in target.series:
        if series.base in windows.keys() & unchanged.keys():
            series.take_over(windows[series.base], *unchanged[series.base])
    if source.last.rules and target.last.rules:
        known = {name: unchanged[base] for name in target.last.operands if (base := source_of(name)) in unchanged}
        target.last.take_over(source.last, every, known)
    rules = {rule.spec.id: rule for rule in source.rules}
    for rule in target.rules:
        old_rule = rules.get(rule.spec.id)
        named = {source_of(name) for name in rule.operands}
        if old_rule is not None and named <= unchanged.keys() and old_rule.spec.grades == rule.spec.grades:
            goes_on = every if all(unchanged[name] is every for name in named) else steady
            copy_slots(old_rule.state, rule.state, *goes_on)
            rule.state.recount()
            rule.begin_over(changed_slots(old_rule.own, rule.own, as_packed(rule.spec), goes_on))


def _carry_assets(source: AssetProgram, target: AssetProgram) -> None:
    """An asset whose sensors and attributes are the same goes on, in the detectors and rules that are the same."""
    both = zip(*slot_pairs(tuple(source.names), tuple(target.names)), strict=True)
    same = [(old, new) for old, new in both if source.views[old] == target.views[new]]
    for old, new in same:
        copy_slots(source.grid_state, target.grid_state, source.inputs_of(old), target.inputs_of(new))
    goes_on = {bound.spec.id: bound for bound in source.detectors}
    unchanged = {bound.spec.id for bound in target.detectors if goes_on.get(bound.spec.id, bound).spec == bound.spec}
    for bound in target.detectors:
        if bound.spec.id in unchanged & goes_on.keys():
            for old, new in same:
                if bound.states[new] is not None:
                    copy_state(goes_on[bound.spec.id].states[old], bound.states[new])
    rules = {rule.spec.id: rule for rule in source.rules}
    for rule in target.rules:
        before = rules.get(rule.spec.id)
        if (
            before is not None
            and before.spec.grades == rule.spec.grades
            and {name.partition(".")[0] for name in rule.operands} <= unchanged & goes_on.keys()
        ):
            pairs = [old for old, _ in same], [new for _, new in same]
            copy_slots(before.state, rule.state, *pairs)
            rule.state.recount()
            rule.begin_over(changed_slots(before.own, rule.own, as_packed(rule.spec), pairs))


def copy_state(source: Any, target: Any) -> None:
    """Copy the arrays of one state dataclass whole."""
    for item in fields(target):
        getattr(target, item.name)[...] = getattr(source, item.name)


def _of_same_period(source: KindProgram, target: KindProgram, pairs: tuple[Slots, Slots]) -> tuple[Slots, Slots]:
    same = source.group.period_s[pairs[0].quick()] == target.group.period_s[pairs[1].quick()]
    if same.all():
        return pairs
    chosen = np.flatnonzero(same).tolist()
    return Slots(pairs[0][at] for at in chosen), Slots(pairs[1][at] for at in chosen)


def keep_on(bound: Bound, open_alarms: Iterable[Alarm]) -> None:
    """Mark the grades of open alarms as on in rules whose own state was not carried over."""
    for alarm in open_alarms:
        found = bound.judge_of(alarm.rule, alarm.tag)
        if alarm.state in ACTIVE and found is not None and found[0].state.level[found[1]] == 0:
            turn_on(*found, alarm)


def turn_on(rule: BoundRule, slot: int, alarm: Alarm) -> None:
    """Turn on the alarm's grade and those below it.

    Where all grades of the new rule are higher, none is turned on: readings can then still upgrade the alarm, and a
    person ends it.
    """
    level = sum(grade.grade <= alarm.grade for grade in rule.spec.grades)
    state = rule.state
    state.on[slot, :level] = 1
    state.begun_ns[slot, :level] = alarm.start_ns
    state.begun_elapsed_ns[slot, :level] = NEVER
    state.over_ns[slot, :level] = NEVER
    state.level[slot] = level
    state.settled_ns[slot] = alarm.changed_ns
    state.chattering[slot] = alarm.chattering
    state.recount()


def turn_back(rule: BoundRule, slot: int) -> None:
    """Turn every grade off, as if what began had not been told yet: the next reading that agrees turns it on again."""
    state = rule.state
    state.on[slot] = 0
    state.begun_elapsed_ns[slot] = NEVER
    state.over_ns[slot] = NEVER
    state.level[slot] = 0
    state.settled_ns[slot] = NEVER
    state.chattering[slot] = 0
