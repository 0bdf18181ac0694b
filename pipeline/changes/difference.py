"""What a proposed plan would change in the plan in force, and what that costs for a while.

For people who must decide: names and counts, the detectors that begin anew and how long they learn, the alarms that are
on and touched, and what a second person must agree to.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, fields
from typing import Any

from detectors.declaration import teaching
from detectors.parameters import build, build_for_assets
from model.alarm import Alarm
from model.heartbeat import HEARTBEAT
from model.plan import AlarmPolicy, Chatter, DetectorSpec, Plan
from rules.language import comparisons, parse, source_of
from rules.red_changes import RedChange, red_changes
from rules.red_ground import ground_changes

#: Parameters that say how long a detector knows too little, the first one that it has.
_LEARNS_FOR = ("warmup_s", "window_s")


@dataclass(frozen=True, slots=True)
class Changed:
    """One thing that both plans have and that is not the same; (key, before, after) of each key."""

    id: str
    keys: tuple[tuple[str, str, str], ...]


@dataclass(frozen=True, slots=True)
class Section:
    """One sort of things."""

    added: tuple[str, ...]
    removed: tuple[str, ...]
    changed: tuple[Changed, ...]

    @property
    def same(self) -> bool:
        return not (self.added or self.removed or self.changed)


@dataclass(frozen=True, slots=True)
class Anew:
    """A detector that begins anew, and how long it then knows too little at least."""

    detector: str
    learns_s: float


@dataclass(frozen=True, slots=True)
class PlanDifference:
    """From the plan in force to the proposed one.

    Attributes:
        before, after: versions.
        sections: rules, detectors, kinds, sensors, assets, sites and so on, by name.
        anew: detectors whose state does not go on.
        delays: rules whose running delays begin anew.
        alarms: ids of open alarms whose rule or sensor is changed or gone. They stay on.
        red: what a second person must agree to.

    """

    before: str
    after: str
    sections: dict[str, Section]
    anew: tuple[Anew, ...]
    delays: tuple[str, ...]
    alarms: tuple[str, ...]
    red: tuple[RedChange, ...]

    @property
    def same(self) -> bool:
        return self.before == self.after

    def counts(self) -> dict[str, dict[str, int]]:
        """How much of each section, those that are the same left out."""
        return {
            name: {"added": len(one.added), "removed": len(one.removed), "changed": len(one.changed)}
            for name, one in self.sections.items()
            if not one.same
        }


def difference(old: Plan, new: Plan, open_alarms: Iterable[Alarm] = ()) -> PlanDifference:
    """Compare two plans."""
    names = [field.name for field in fields(old) if field.name != "version"]
    sections = {name: _section(getattr(old, name), getattr(new, name)) for name in reversed(names)}
    anew = _anew(old, new)
    touched = {one.detector for one in anew}
    rules = sections["rules"]
    rule_ids = {*rules.removed, *(one.id for one in rules.changed)}
    delays = [
        rule.id
        for rule in new.rules
        if any(name in touched for name in _words(rule.grades)) or rule.id in _with_other_grades(old, new)
    ]
    sensors = sections["sensors"]
    tags = {*sensors.removed, *(one.id for one in sensors.changed)}
    alarms = [one.id for one in open_alarms if one.rule in {*rule_ids, *delays} or one.tag in tags]
    return PlanDifference(
        before=old.version,
        after=new.version,
        sections=sections,
        anew=anew,
        delays=tuple(one for one in delays if one in {rule.id for rule in old.rules}),
        alarms=tuple(alarms),
        red=(*red_changes(old, new), *ground_changes(old, new)),
    )


def _section(old: Any, new: Any) -> Section:
    if isinstance(old, AlarmPolicy):
        return Section((), (), () if old == new else (Changed("", _keys(old, new)),))
    if not _is_list(old) or not _is_list(new):
        return Section((), (), () if old == new else (Changed("", (("", str(old), str(new)),)),))
    before, after = _by_name(old), _by_name(new)
    changed = (
        Changed(name, _keys(before[name], after[name]))
        for name in before
        if name in after and before[name] != after[name]
    )
    return Section(
        tuple(name for name in after if name not in before),
        tuple(name for name in before if name not in after),
        tuple(changed),
    )


def _is_list(given: Any) -> bool:
    return isinstance(given, tuple) and all(hasattr(one, "id") or hasattr(one, "tag") for one in given)


def _by_name(given: Sequence[Any]) -> dict[str, Any]:
    return {_name(one): one for one in given}


def _name(one: Any) -> str:
    return str(one.tag if hasattr(one, "tag") else one.id)


def _keys(old: Any, new: Any, prefix: str = "") -> tuple[tuple[str, str, str], ...]:
    """What differs, key by key; grades by their colour, parameters and attributes by their names."""
    found: list[tuple[str, str, str]] = []
    for item in fields(old):
        key, before, after = f"{prefix}{item.name}", getattr(old, item.name), getattr(new, item.name)
        if before == after:
            continue
        if item.name in {"grades", "advice"}:
            by_grade = [{one.grade.name.lower(): one for one in each} for each in (before, after)]
            found += _mapped(by_grade[0], by_grade[1], key)
        elif isinstance(before, dict):
            found += _mapped(before, after, key)
        elif isinstance(before, Chatter) and isinstance(after, Chatter):
            found += _keys(before, after, f"{key}.")
        elif item.name == "realarm_after_s":
            named = [{grade.name.lower(): seconds for grade, seconds in each} for each in (before, after)]
            found += _mapped(named[0], named[1], key)
        else:
            found.append((key, _shown(before), _shown(after)))
    return tuple(found)


def _mapped(before: dict[str, Any], after: dict[str, Any], key: str) -> list[tuple[str, str, str]]:
    found: list[tuple[str, str, str]] = []
    for name in dict.fromkeys((*before, *after)):
        old, new = before.get(name), after.get(name)
        if old == new:
            continue
        if old is not None and new is not None and hasattr(old, "__dataclass_fields__"):
            found += _keys(old, new, f"{key}.{name}.")
        else:
            found.append((f"{key}.{name}", _shown(old), _shown(new)))
    return found


def _shown(value: Any) -> str:
    if value is None:
        return "-"
    return str(getattr(value, "when", value))


def _words(grades: Sequence[Any]) -> set[str]:
    return {source_of(one.operand) for grade in grades for one in comparisons(parse(grade.when))}


def _with_other_grades(old: Plan, new: Plan) -> set[str]:
    before = {rule.id: rule.grades for rule in old.rules}
    return {rule.id for rule in new.rules if rule.id in before and before[rule.id] != rule.grades}


def _anew(old: Plan, new: Plan) -> tuple[Anew, ...]:
    before = {spec.id: spec for spec in old.detectors if HEARTBEAT not in spec.kinds}
    found = []
    for spec in new.detectors:
        earlier = before.get(spec.id)
        if HEARTBEAT not in spec.kinds and (earlier is None or not _goes_on(earlier, spec)):
            found.append(Anew(spec.id, _learns_s(spec)))
    return tuple(found)


def _goes_on(old: DetectorSpec, new: DetectorSpec) -> bool:
    if old == new:
        return True
    if old.detector != new.detector or old.assets or new.assets:
        return False
    detector = build(new.detector, new.parameters)
    same = teaching(detector, old.parameters) == teaching(detector, new.parameters)
    return set(new.kinds) <= set(old.kinds) and (same or detector.state_outlasts_settings)


def _learns_s(spec: DetectorSpec) -> float:
    make: Callable[..., Any] = build_for_assets if spec.assets else build
    detector = make(spec.detector, spec.parameters)
    return next((float(getattr(detector, name)) for name in _LEARNS_FOR if hasattr(detector, name)), 0.0)
