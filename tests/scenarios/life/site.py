"""Rules and policies that the scenarios of an alarm's life share."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from model.plan import AlarmPolicy, Chatter, RuleSpec
from tests.scenarios.acts import comments, judges, shelves, unshelves
from tests.scenarios.language import Happening, Part, Scenario, given, grade, reads, resets, rule, sees_to

CALM = AlarmPolicy(chatter=Chatter(times=0))  # nothing chatters: for scenarios that go up and down quickly
YELLOW = rule("r", grade("yellow", "value >= 25"))
ORANGE = rule("r", grade("yellow", "value >= 25"), grade("orange", "value >= 40"))
THREE = rule("r", grade("yellow", "value >= 25"), grade("orange", "value >= 40"), grade("red", "value >= 50"))
RED = rule("r", grade("red", "value >= 50"))
LATCHING = rule("r", grade("yellow", "value >= 25"), grade("red", "value >= 50"), latching=True)
OTHER = rule("s", grade("yellow", "value >= 25"))

#: state -> (rule, what brings its alarm there within the first five seconds)
WAYS: dict[str, tuple[RuleSpec, list[Happening]]] = {
    "normal": (YELLOW, [reads(1, 30), sees_to(2), reads(3, 0)]),
    "unacknowledged": (YELLOW, [reads(1, 30)]),
    "acknowledged": (YELLOW, [reads(1, 30), sees_to(2)]),
    "returned_unacknowledged": (YELLOW, [reads(1, 30), reads(2, 0)]),
    "latched_unacknowledged": (LATCHING, [reads(1, 30), reads(2, 0)]),
    "latched_acknowledged": (LATCHING, [reads(1, 30), reads(2, 0), sees_to(3)]),
}
ALIVE = [state for state in WAYS if state != "normal"]

__all__ = ["comments", "judges", "resets", "shelves", "unshelves"]


def living(*parts: Part, **more: Any) -> Scenario:
    """A scenario under the policy that a plan has where nobody says otherwise, or under the one among the parts."""
    policy = [] if any(isinstance(part, AlarmPolicy) for part in parts) else [AlarmPolicy()]
    return given(*parts, *policy, **more)


def brought_to(state: str, policy: AlarmPolicy = CALM) -> Scenario:
    spec, way = WAYS[state]
    story = living(spec, policy).when(way)
    story.expect_open(*([] if state == "normal" else [f"a r {_grade(state)} {state}"]))
    return story


def policy(**changed: Any) -> AlarmPolicy:
    return replace(CALM, **changed)


def _grade(state: str) -> str:
    return "yellow" if state in ("unacknowledged", "acknowledged") else "none"
