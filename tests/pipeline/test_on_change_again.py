"""Sensors that report changes only send no second reading: what they said last meets settings that count since then."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

from model.alarm import Transition
from model.inputs import PlanChange, Tick
from model.override import Override, Where
from model.plan import Plan, RuleSpec
from model.sensor import State as KindState
from model.text import Text
from pipeline.process import snapshot
from pipeline.process.step import State, begin, step
from tests.pipeline.plans import NAME, START_NS, Row, grade, kind, ns, plan, rows, rule

PANEL = replace(
    kind("panel", unit="", period_s=60.0, high=10.0),
    on_change=True,
    states=(KindState(1, "fire", NAME), KindState(2, "fault", NAME)),
)
DAY_S = 86_400
TODAY = date(1970, 1, 1) + timedelta(days=START_NS // 10**9 // DAY_S)
LEFT_S = DAY_S - START_NS // 10**9 % DAY_S
FIRE = rule("fire", grade("red", "value == fire"), kinds=("panel",))
OTHER = rule("other", grade("blue", "value == fault"), kinds=("panel",))


def made(*rules: RuleSpec, overrides: tuple[Override, ...] = ()) -> Plan:
    return replace(plan(*rules, kinds=(PANEL,), sensors=(("p", "panel"),)), overrides=overrides)


OFF = Override("works", "fire", Where(tags=("p",)), "Wang", TODAY, TODAY, Text("施工", "works"), off=True)


def ticked(state: State, at_s: float) -> list[tuple[str, Transition]]:
    told = step(state, state.next_offset, Tick(ns(at_s), round(at_s * 1e9))).events
    return [(one.rule, one.transition) for one in told if one.rule != "system.data_gap"]


def test_an_override_that_ends_over_a_fire_lets_it_be_raised() -> None:
    for restarts in (False, True):
        state = begin(PlanChange(made(FIRE, overrides=(OFF,)), START_NS), 0)
        assert step(state, 1, rows([Row(0, 1.0, 1.0)])).events == []
        state = snapshot.restore(snapshot.take(state)) if restarts else state
        assert ticked(state, 70.0) == []
        assert ticked(state, LEFT_S - 1.0) == []
        assert ticked(state, LEFT_S + 1.0) == [("fire", Transition.RAISED)]
        assert ticked(state, LEFT_S + 70.0) == []
        over = step(state, state.next_offset, rows([Row(0, LEFT_S + 80.0, 0.0)])).events
        assert [one.transition for one in over if one.rule == "fire"] == [Transition.RETURNED]
        assert ticked(state, LEFT_S + 140.0) == []


def test_a_rule_that_is_new_meets_what_was_said_last() -> None:
    state = begin(PlanChange(made(OTHER), START_NS), 0)
    step(state, 1, rows([Row(0, 1.0, 1.0)]))
    assert step(state, 2, PlanChange(made(OTHER, FIRE), START_NS)).events == []
    assert ticked(state, 61.0) == [("fire", Transition.RAISED)]
