"""What red grades rest on beside rules, detectors and overrides: the ground that a change may take from under them.

``rules.red_changes`` tells of the rules themselves. Here are the sensors and assets that they look at, the sensors
behind detectors on assets, and every part of a plan that nobody has thought of: it counts as red where there are red
rules, so that a new key does not slip through.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import fields
from typing import Any

from model.plan import Plan, RuleSpec
from model.text import Text
from rules.language import operands, parse
from rules.red_changes import RedChange, kinds_beside, red_grade

#: Words for people, and what is compared thing by thing.
_KNOWN = frozenset(
    {
        "version",
        "enterprises",
        "grid_cells",
        "sites",
        "assets",
        "kinds",
        "sensors",
        "detectors",
        "rules",
        "overrides",
    }
)
_OF_SENSOR = ("kind", "asset", "period_s")
_OF_ASSET = ("kind", "attributes")
_OF_KIND = ("unit", "low", "high", "beyond_low", "beyond_high", "lateness_s", "on_change")


def ground_changes(old: Plan, new: Plan) -> list[RedChange]:
    """Everything of the ground that changes under the red grades of the old plan, in its order."""
    red = [rule for rule in old.rules if red_grade(rule) is not None]
    if not red:
        return []
    behind = _kinds_behind(red, old)
    beside = {kind for rule in red for kind in kinds_beside(rule, old)}
    looked_at = behind | beside | {kind for rule in red for kind in rule.kinds}
    of_assets = {kind for rule in red for kind in rule.assets}
    sensors = [one for one in old.sensors if one.kind in looked_at]
    lost = {one.tag for one in new.sensors}
    return [
        *(_told(f"sensors.{one.tag}", "被删除", "is taken out") for one in sensors if one.tag not in lost),
        *_differing("sensors", sensors, new.sensors, _OF_SENSOR),
        *_differing("assets", (one for one in old.assets if one.kind in of_assets), new.assets, _OF_ASSET),
        *_differing("kinds", (one for one in old.kinds if one.id in behind), new.kinds, _OF_KIND),
        *(
            _told(item.name, "改变", "changes")
            for item in fields(old)
            if item.name not in _KNOWN and getattr(old, item.name) != getattr(new, item.name)
        ),
    ]


def _kinds_behind(red: Iterable[RuleSpec], plan: Plan) -> set[str]:
    """Kinds that detectors on assets look at, which red grades name."""
    named: set[str] = set()
    for rule in red:
        grade = red_grade(rule)
        if rule.assets and grade is not None:
            named |= {name.partition(".")[0] for name in operands(parse(grade.when))}
    return {kind for spec in plan.detectors if spec.assets and spec.id in named for kind in spec.kinds}


def _differing(section: str, old: Iterable[Any], new: Iterable[Any], keys: tuple[str, ...]) -> Iterator[RedChange]:
    now = {_name(one): one for one in new}
    for one in old:
        other = now.get(_name(one))
        for key in keys if other is not None else ():
            before, after = getattr(one, key), getattr(other, key)
            if before != after:
                yield _told(f"{section}.{_name(one)}.{key}", f"{before} -> {after}", f"{before} -> {after}")


def _name(one: Any) -> str:
    return str(one.tag if hasattr(one, "tag") else one.id)


def _told(place: str, zh: str, en: str) -> RedChange:
    return RedChange(place, Text(zh, en))
