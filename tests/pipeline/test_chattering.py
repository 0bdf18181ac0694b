"""Alarms that come and go: found by event time, held by good readings and never by time, the same however rows come."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from model.alarm import AlarmEvent, Grade
from model.inputs import PlanChange
from model.plan import NO_POLICY, Chatter, Plan
from pipeline.process import snapshot
from pipeline.process.step import begin, step
from rules.grading import NEVER
from tests.pipeline.desk import Desk, plan_with
from tests.pipeline.plans import START_NS, Row, canonical, grade, rows, rule

RULE = rule("r", grade("yellow", "value >= 10"), grade("red", "value >= 50", off_s=30.0))
DAMPED = replace(NO_POLICY, chatter=Chatter(times=3, within_s=60.0, hold_s=20.0))


def read(made: Plan, *readings: tuple[float, float]) -> list[AlarmEvent]:
    """Readings (second, value) of one sensor, each in a batch of its own."""
    state = begin(PlanChange(made, START_NS), 0)
    return [
        event
        for at_s, value in readings
        for event in step(state, state.next_offset, rows([Row(0, at_s, value)])).events
    ]


def marks(events: list[AlarmEvent]) -> list[tuple[str, bool]]:
    return [(str(event.transition), event.chattering) for event in events]


FLAPS = [(0.0, 20.0), (5.0, 0.0), (10.0, 20.0), (15.0, 0.0), (60.0, 20.0)]


def test_the_third_rise_within_the_time_is_marked_and_then_held() -> None:
    events = read(plan_with(RULE, policy=DAMPED), *FLAPS, (70.0, 0.0), (80.0, 0.0), (89.0, 0.0), (90.0, 0.0))
    assert marks(events) == [
        ("raised", False),
        ("returned", False),
        ("re_raised", False),
        ("returned", False),
        ("re_raised", True),
        ("returned", True),
    ]
    assert events[-1].time_ns == START_NS + 90 * 10**9


def test_a_rise_later_than_the_time_is_none() -> None:
    late = [*FLAPS[:-1], (60.001, 20.0), (70.0, 0.0)]
    assert [chatters for _, chatters in marks(read(plan_with(RULE, policy=DAMPED), *late))] == [False] * 6


def test_an_upgrade_is_a_rise() -> None:
    events = read(plan_with(RULE, policy=DAMPED), (0.0, 20.0), (1.0, 0.0), (2.0, 20.0), (3.0, 60.0))
    assert marks(events)[-1] == ("upgraded", True)


def test_a_reading_between_begins_the_hold_anew() -> None:
    more = [(70.0, 0.0), (85.0, 20.0), (90.0, 0.0), (100.0, 0.0), (109.0, 0.0)]
    assert len(read(plan_with(RULE, policy=DAMPED), *FLAPS, *more)) == 5
    assert len(read(plan_with(RULE, policy=DAMPED), *FLAPS, *more, (110.0, 0.0))) == 6


def test_a_pause_in_the_readings_begins_the_hold_anew() -> None:
    more = [(70.0, 0.0), (170.0, 0.0), (180.0, 0.0), (189.0, 0.0)]
    assert len(read(plan_with(RULE, policy=DAMPED), *FLAPS, *more)) == 5
    assert len(read(plan_with(RULE, policy=DAMPED), *FLAPS, *more, (190.0, 0.0))) == 6


def test_time_alone_never_ends_it() -> None:
    desk = Desk(plan_with(RULE, policy=DAMPED))
    for value in (20.0, 0.0, 20.0, 0.0, 20.0, 0.0):
        desk.read(value)
    desk.told()
    desk.wait(3600.0, every_s=9.0)
    assert desk.told() == []
    assert desk.alarm().chattering


def test_a_longer_off_delay_counts_where_there_is_one() -> None:
    flaps = [(at, 60.0 if value else 0.0) for at, value in FLAPS]
    made = plan_with(replace(RULE, grades=(replace(RULE.grades[1], off_delay_s=3.0),)), policy=DAMPED)
    long = plan_with(replace(RULE, grades=(replace(RULE.grades[1], off_delay_s=25.0),)), policy=DAMPED)
    flaps[1:1], flaps[4:4] = [(1.0, 0.0)], [(11.0, 0.0)]
    steady = [(65.0, 0.0), (75.0, 0.0), (84.0, 0.0), (85.0, 0.0), (89.0, 0.0), (90.0, 0.0)]
    assert read(made, *flaps, *steady)[-1].time_ns == START_NS + 85 * 10**9
    assert read(long, (0.0, 60.0), *steady)[-1].time_ns == START_NS + 90 * 10**9


def test_after_its_return_the_next_alarm_is_not_marked_unless_it_rises_as_often_again() -> None:
    more = [(70.0, 0.0), (90.0, 0.0), (200.0, 20.0)]
    assert marks(read(plan_with(RULE, policy=DAMPED), *FLAPS, *more))[-1] == ("re_raised", False)


def test_what_reports_changes_only_is_marked_and_not_held() -> None:
    events = read(plan_with(RULE, policy=DAMPED, on_change=True), *FLAPS, (70.0, 0.0))
    assert marks(events)[-2:] == [("re_raised", True), ("returned", True)]


@pytest.mark.parametrize(
    ("chatter", "marked"), [(Chatter(times=0), False), (Chatter(times=2, within_s=60.0), True), (None, False)]
)
def test_a_rule_says_it_otherwise(chatter: Chatter | None, *, marked: bool) -> None:
    made = plan_with(replace(RULE, chatter=chatter), policy=DAMPED)
    assert [chatters for _, chatters in marks(read(made, *FLAPS[:3]))][-1] is marked


def chattering(made: Plan) -> Desk:
    desk = Desk(made)
    for value in (20.0, 0.0, 20.0, 0.0, 20.0):
        desk.read(value)
    assert desk.alarm().chattering
    return desk


@pytest.mark.parametrize(
    "other",
    [
        RULE,
        replace(RULE, grades=(grade("yellow", "value >= 12"), *RULE.grades[1:])),
        replace(RULE, chatter=Chatter(times=5, within_s=60.0, hold_s=20.0)),
    ],
    ids=["same", "other grades", "other times"],
)
def test_a_reload_leaves_it_chattering_and_held(other: object) -> None:
    desk = chattering(plan_with(RULE, policy=DAMPED))
    desk.apply(plan_with(other, policy=DAMPED))  # type: ignore[arg-type]
    desk.told()
    desk.read(0.0)
    assert desk.told() == []
    for _ in range(3):
        desk.wait(7.0)
        desk.read(0.0)
    assert desk.told() == ["a returned none returned_unacknowledged"]
    assert desk.events == []


def test_a_chattering_alarm_survives_a_restart() -> None:
    desk = chattering(plan_with(RULE, policy=DAMPED))
    desk.restart()
    desk.told()
    desk.read(0.0)
    assert (desk.told(), desk.alarm().chattering) == ([], True)


def test_snapshots_of_versions_that_damped_nothing_are_read() -> None:
    desk = Desk(plan_with(RULE, policy=DAMPED))
    desk.read(20.0)
    kept = snapshot.take(desk.state)
    older = {name: array for name, array in kept.arrays.items() if not name.endswith(("rises_ns", "chattering"))}
    assert len(older) < len(kept.arrays)
    state, anew = snapshot.load(replace(kept, arrays=older))
    assert anew == []
    bound = state.bound.programs[0].rules[0].state
    assert (bound.level[0], bool((bound.rises_ns == NEVER).all())) == (1, True)


@settings(max_examples=80, deadline=None)
@given(
    st.lists(st.tuples(st.sampled_from([1.0, 3.0, 9.0, 30.0]), st.sampled_from([0.0, 8.0, 20.0, 60.0])), max_size=40),
    st.sets(st.integers(0, 40)),
    st.integers(0, 40),
)
def test_it_is_the_same_however_rows_are_cut_and_wherever_it_is_restarted(
    moves: list[tuple[float, float]], cuts: set[int], restart: int
) -> None:
    times = np.cumsum([after_s for after_s, _ in moves]).tolist()
    made = [Row(0, at_s, value) for at_s, (_, value) in zip(times, moves, strict=True)]
    bounds = [0, *sorted(cut for cut in cuts if 0 < cut < len(made)), len(made)]
    plain = begin(PlanChange(plan_with(RULE, policy=DAMPED), START_NS), 0)
    other = begin(PlanChange(plan_with(RULE, policy=DAMPED), START_NS), 0)
    expected = [event for row in made for event in step(plain, plain.next_offset, rows([row])).events]
    found: list[AlarmEvent] = []
    for number, (first, last) in enumerate(itertools.pairwise(bounds)):
        if number == restart:
            other = snapshot.restore(snapshot.take(other))
        if last > first:
            found += step(other, other.next_offset, rows(made[first:last])).events
    assert canonical(found) == canonical(expected)
    assert damped(expected, [(row.at_s or 0.0, row.value) for row in made]) == [
        (e.time_ns, int(e.grade), e.chattering) for e in expected
    ]


def damped(events: list[AlarmEvent], readings: list[tuple[float, float]]) -> list[tuple[int, int, bool]]:
    """The levels once more, from the whole history at each reading: (time, grade, chatters) of each change."""
    found: list[tuple[int, int, bool]] = []
    on = {Grade.YELLOW: False, Grade.RED: False}
    over: dict[Grade, list[float]] = {Grade.YELLOW: [], Grade.RED: []}
    rises: list[float] = []
    chatters, level = False, Grade.NONE
    before_s = -1000.0
    for at_s, value in readings:
        for colour, limit, off_s in ((Grade.YELLOW, 10.0, 0.0), (Grade.RED, 50.0, 30.0)):
            wait_s = max(off_s, 20.0) if chatters else off_s
            if at_s - before_s > 30.0:
                over[colour] = []
            if value >= limit:
                on[colour], over[colour] = True, []
            else:
                over[colour].append(at_s)
                if on[colour] and at_s - over[colour][0] >= wait_s:
                    on[colour] = False
            if not on[colour]:
                over[colour] = []
        before_s = at_s
        now = max((colour for colour, is_on in on.items() if is_on), default=Grade.NONE)
        if now > level:
            rises.append(at_s)
            chatters |= len(rises) >= 3 and at_s - rises[-3] <= 60.0
        if now != level:
            found.append((START_NS + round(at_s * 10**9), int(now), chatters))
            chatters = chatters and now > Grade.NONE
        level = now
    assert len(events) == len(found)
    return found
