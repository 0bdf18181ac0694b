"""A shadow tells what the proposed plan would have told, input by input, and nothing else."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from model.inputs import PlanChange, Proposal
from model.plan import Plan
from pipeline.hindsight import shadow as room
from pipeline.hindsight.episodes import Change
from pipeline.hindsight.shadow import Older, Shadow
from pipeline.process import snapshot
from pipeline.process.step import State, step
from store.journal.entries import Entry
from tests.pipeline.plans import Row, grade, ns, plan, rows, rule
from tests.pipeline.runs import started, to_input
from tests.pipeline.worlds import World, worlds

OLD = plan(rule("r", grade("blue", "value >= 10")), sensors=[("a", "gas"), ("b", "gas")])
NEW = plan(rule("r", grade("blue", "value >= 20")), sensors=[("b", "gas"), ("new", "gas"), ("a", "gas")])


def feed(beside: Shadow, state: State, item: object) -> None:
    """The live pipeline steps an input, and the shadow finds it in the journal."""
    entry = Entry(state.next_offset, item)  # type: ignore[arg-type]
    step(state, state.next_offset, item)  # type: ignore[arg-type]
    beside.take(entry)


def beside(state: State, proposed: Plan) -> Shadow:
    return Shadow(snapshot.take(state), proposed)


@settings(max_examples=60, deadline=None)
@given(worlds(), st.integers(0, 20))
def test_the_same_rules_tell_the_same(world: World, at: int) -> None:
    state = started(world.plan)
    for event in world.events[:at]:
        step(state, state.next_offset, to_input(state, event))
    same = beside(state, replace(world.plan, version="another"))
    for event in world.events[at:]:
        feed(same, state, to_input(state, event))
    seen = same.seen()
    assert (seen.differences, seen.older, seen.left_out) == ((), (), 0)
    assert seen.live_alarms == seen.shadow_alarms
    assert same.next_offset == state.next_offset


def test_other_limits_and_places_of_sensors_are_told_alarm_by_alarm() -> None:
    state = started(OLD)
    shadow = beside(state, NEW)
    for at, (sensor, value) in enumerate([(0, 15.0), (1, 25.0), (0, 5.0), (1, 5.0), (0, 30.0)]):
        feed(shadow, state, rows([Row(sensor, float(at), value)]))
    seen = shadow.seen()
    assert [(one.change, one.subject.tag) for one in seen.differences] == [(Change.VANISHES, "a")]
    assert (seen.live_alarms, seen.shadow_alarms, seen.inputs) == (3, 2, 5)


def test_an_alarm_from_before_that_only_one_of_them_ends_is_told() -> None:
    state = started(OLD)
    step(state, state.next_offset, rows([Row(0, 1.0, 30.0)]))
    shadow = beside(state, NEW)
    feed(shadow, state, rows([Row(0, 2.0, 15.0)]))
    assert shadow.seen().older == (Older("r", "a", on_live=True, on_shadow=False),)
    feed(shadow, state, rows([Row(0, 3.0, 5.0)]))
    assert shadow.seen().older == ()


def test_sensors_that_the_proposal_does_not_have_are_left_out_and_a_live_change_is_followed() -> None:
    fewer = plan(rule("r", grade("blue", "value >= 10")), sensors=[("b", "gas")])
    state = started(OLD)
    shadow = beside(state, fewer)
    feed(shadow, state, rows([Row(0, 1.0, 30.0), Row(1, 1.0, 30.0)]))
    feed(shadow, state, Proposal("v", OLD.version, "a", "", (), 1, 2))
    feed(shadow, state, PlanChange(NEW, ns(2.0)))
    assert not shadow.is_applied
    feed(shadow, state, rows([Row(0, 3.0, 5.0), Row(1, 3.0, 25.0)]))
    seen = shadow.seen()
    assert {(one.change, one.subject.tag) for one in seen.differences} == {
        (Change.VANISHES, "a"),
        (Change.VANISHES, "new"),
    }
    feed(shadow, state, PlanChange(fewer, ns(4.0)))
    assert shadow.is_applied


def test_what_is_kept_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "EVENTS_MAX", 20)
    state = started(OLD)
    shadow = beside(state, NEW)
    for at in range(200):
        feed(shadow, state, rows([Row(0, float(at), 30.0 if at % 2 else 0.0)]))
    seen = shadow.seen()
    assert seen.left_out > 300
    assert seen.live_alarms <= 20
