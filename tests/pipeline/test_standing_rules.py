"""Rules on how things stand: baselines that are stale or warming up, calibrations that end. Looked at once a minute."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import numpy as np
import pytest

from model.alarm import AlarmEvent, Grade, Transition
from model.errors import ConditionError
from model.inputs import Input, PlanChange, Tick
from model.plan import DetectorSpec, Plan
from pipeline.process import snapshot
from pipeline.process.step import State, begin
from tests.pipeline.plans import START_NS, Row, canonical, grade, kind, ns, plan, play, rows, rule

MEAN = DetectorSpec("mean", "ewma", ("gas",), {"smooth_s": 0.0, "warmup_s": 100.0, "hold_s": 200.0})
STALE = rule("stale", grade("blue", "mean.stale == 1"))
WARMING = rule("warming", grade("blue", "mean.warming == 1", 300.0))
TODAY = dt.date(2025, 10, 9)  # of START_NS, 08:53 UTC


def watched(*rules, calibrated_until: dt.date | None = None) -> Plan:
    made = plan(*rules, kinds=[kind(period_s=1.0)], sensors=[("a", "gas"), ("b", "gas")], detectors=[MEAN])
    first, second = made.sensors
    return replace(made, sensors=(replace(first, calibrated_until=calibrated_until), second))


def story(seconds: int) -> list[Input]:
    """A reading a second of two sensors, and ticks; ``a`` is far off from 300 s on, for good."""
    noise = np.random.default_rng(5).normal(10.0, 0.5, (seconds, 2))
    noise[300:, 0] += 20.0
    items: list[Input] = []
    for second in range(seconds):
        items.append(rows([Row(s, second + 0.1 * s, float(noise[second, s])) for s in (0, 1)]))
        items.append(Tick(ns(second + 0.9), second * 10**9))
    return items


def told(events: list[AlarmEvent]) -> list[tuple[str, str, Transition, int]]:
    return [(one.rule, one.tag, one.transition, (one.time_ns - START_NS) // 10**9) for one in events]


def test_a_baseline_that_was_given_up_is_told_until_the_new_one_scores() -> None:
    events = play(begin(PlanChange(watched(STALE), START_NS), 0), story(700))
    (_, tag, raised, at), (_, same, returned, end) = told(events)
    assert (tag, raised, same, returned) == ("a", Transition.RAISED, "a", Transition.RETURNED)
    assert 500 <= at <= 561
    assert 600 <= end <= 661
    why = events[0].why
    assert why is not None
    assert why.scores == {"mean.stale": 1.0}


def test_the_warm_up_of_a_sensor_is_told_where_a_rule_asks_and_it_takes_too_long() -> None:
    slow = replace(MEAN, parameters=MEAN.parameters | {"warmup_s": 600.0})
    made = replace(watched(WARMING), detectors=(slow,))
    events = play(begin(PlanChange(made, START_NS), 0), story(900))
    assert [(rule, tag) for rule, tag, transition, _ in told(events) if transition is Transition.RAISED] == [
        ("warming", "a"),
        ("warming", "b"),
    ]
    assert ("warming", "b", Transition.RETURNED) in [one[:3] for one in told(events)]


def test_it_is_the_same_from_a_snapshot_and_however_rows_are_cut() -> None:
    items = story(700)
    whole = canonical(play(begin(PlanChange(watched(STALE, WARMING), START_NS), 0), items))
    state, parts = begin(PlanChange(watched(STALE, WARMING), START_NS), 0), []
    for at in range(0, len(items), 97):
        parts += canonical(play(state, items[at : at + 97]))
        state = snapshot.restore(snapshot.take(state))
    assert parts == whole


DUE = rule("due", grade("blue", "calibration_overdue_days > -30"), grade("yellow", "calibration_overdue_days > 0"))


def days(state: State, *after: float) -> list[AlarmEvent]:
    return play(state, [Tick(ns(86_400.0 * day), round(86_400e9 * day)) for day in after])


def of_rule(events: list[AlarmEvent]) -> list[tuple[str, Transition, Grade]]:
    return [(one.tag, one.transition, one.grade) for one in events if one.rule == "due"]


def test_a_calibration_is_told_before_it_ends_and_when_it_has() -> None:
    until = TODAY + dt.timedelta(days=40)
    state = begin(PlanChange(watched(DUE, calibrated_until=until), START_NS), 0)
    assert of_rule(days(state, 0, 5, 10)) == []
    assert of_rule(days(state, 10.7)) == [("a", Transition.RAISED, Grade.BLUE)]
    assert of_rule(days(state, 20, 40)) == []
    (event,) = [one for one in days(state, 40.7) if one.rule == "due"]
    assert (event.transition, event.grade) == (Transition.UPGRADED, Grade.YELLOW)
    assert event.why is not None
    assert 0.0 < event.why.scores["calibration_overdue_days"] < 0.1
    renewed = watched(DUE, calibrated_until=until + dt.timedelta(days=365))
    play(state, [PlanChange(renewed, ns(86_400.0 * 41))])
    assert of_rule(days(state, 41.5)) == [("a", Transition.RETURNED, Grade.NONE)]


def test_a_sensor_without_a_date_says_nothing() -> None:
    assert of_rule(days(begin(PlanChange(watched(DUE), START_NS), 0), 0, 400)) == []


def test_between_two_minutes_nothing_is_looked_at() -> None:
    until = TODAY - dt.timedelta(days=1)
    state = begin(PlanChange(watched(DUE, calibrated_until=until), START_NS), 0)
    first = START_NS // (60 * 10**9) * 60 * 10**9
    assert len(play(state, [Tick(first, 0)])) == 1
    fresh = begin(PlanChange(watched(calibrated_until=until), START_NS), 0)
    play(fresh, [Tick(first, 0), PlanChange(watched(DUE, calibrated_until=until), first)])
    assert play(fresh, [Tick(first + second * 10**9, second * 10**9) for second in range(1, 60)]) == []
    assert len(play(fresh, [Tick(first + 60 * 10**9, 60 * 10**9)])) == 1


def test_a_rule_on_both_is_refused() -> None:
    with pytest.raises(ConditionError, match=r"mean\.stale"):
        begin(PlanChange(watched(rule("mixed", grade("blue", "mean.stale == 1 and value > 3"))), START_NS), 0)
