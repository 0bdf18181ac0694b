"""What people were told counts: after a recovery nothing that they know of vanishes, and nothing stays untold."""

from __future__ import annotations

from dataclasses import replace

import pytest

from model.alarm import Alarm, AlarmEvent, AlarmState, Grade, Transition
from model.flag import FlagKind, FlagState
from model.inputs import HumanAct, PlanChange, Tick
from model.plan import Plan
from pipeline.process import snapshot
from pipeline.process.reconcile import Difference, reconcile, reconcile_flags
from pipeline.process.step import Outcome, State, step
from rules.alarm_machine import Subject
from rules.circumstance import Circumstance
from tests.pipeline.desk import Desk
from tests.pipeline.plans import START_NS, Row, grade, ns, plan, play, rows, rule
from tests.pipeline.runs import same_state, started

LIMITS = rule("r", grade("yellow", "value >= 25"), grade("red", "value >= 50"))
HELD = rule("r", grade("red", "value >= 50", 10.0))


def read(state: State, at_s: float, value: float, quality: int = 0) -> list[tuple[Transition, Grade]]:
    return [(event.transition, event.grade) for event in play(state, [rows([Row(0, at_s, value, quality=quality)])])]


def act(state: State, name: str, alarm: Alarm) -> Outcome:
    return step(state, state.next_offset, HumanAct(f"{state.next_offset}", name, alarm.id, "Wang", "", ns(99)))


def after_readings(*values: float, made: Plan | None = None) -> State:
    """One reading a second from second 0 on."""
    state = started(made or plan(LIMITS))
    play(state, [rows([Row(0, float(at), value)]) for at, value in enumerate(values)])
    return state


def only(state: State) -> Alarm:
    (alarm,) = state.alarms.open_alarms()
    return alarm


def told(by: State, events: int = 1, /, **changed: object) -> tuple[Alarm, int]:
    return replace(only(by), **changed), events


def test_where_nothing_differs_nothing_changes() -> None:
    state, plain = after_readings(60, 30), after_readings(60, 30)
    assert reconcile(state, [told(plain, 2)]) == []
    assert same_state(state, plain)


def test_an_alarm_that_nobody_was_told_of_is_raised_anew_by_the_next_reading_that_agrees() -> None:
    state = after_readings(60)
    untold = only(state)
    assert reconcile(state, []) == [(Difference.NEVER_TOLD, untold)]
    assert state.alarms.open_alarms() == []
    assert read(state, 2.0, 60.0) == [(Transition.RAISED, Grade.RED)]
    assert only(state).id != untold.id


def test_an_alarm_that_nobody_was_told_of_and_that_is_over_by_now_is_not_raised() -> None:
    state = after_readings(60)
    reconcile(state, [])
    assert read(state, 2.0, 0.0) == []
    assert state.alarms.open_alarms() == []


def test_what_was_not_told_is_raised_without_waiting_for_its_delay_a_second_time() -> None:
    state = after_readings(*[60.0] * 11, made=plan(HELD))
    reconcile(state, [])
    assert read(state, 11.0, 60.0) == [(Transition.RAISED, Grade.RED)]


def test_what_was_not_told_of_a_sensor_that_is_silent_now_is_raised_by_time() -> None:
    state = after_readings(*[60.0] * 11, made=plan(HELD))
    reconcile(state, [])
    ticks = [Tick(ns(20.0 + at), at * 10**9) for at in range(12)]
    assert [event.transition for event in play(state, ticks)] == [Transition.RAISED]


@pytest.mark.parametrize("state_told", [AlarmState.UNACKNOWLEDGED, AlarmState.ACKNOWLEDGED])
def test_an_alarm_that_only_people_knew_of_is_open_again_and_ends_by_a_fresh_good_reading(
    state_told: AlarmState,
) -> None:
    lost = told(after_readings(60), state=state_told)
    state = after_readings(0.0)
    assert reconcile(state, [lost]) == [(Difference.FORGOTTEN, lost[0])]
    assert only(state) == lost[0]
    assert read(state, 2.0, float("nan")) == read(state, 3.0, 0.0, quality=1) == []
    assert play(state, [Tick(ns(3.5), 0), Tick(ns(9e3), 9 * 10**9)]) == []
    assert read(state, 1e4, 0.0) == [(Transition.RETURNED, Grade.NONE)]


def test_an_alarm_that_only_people_knew_of_and_whose_rule_is_gone_is_ended_by_a_person() -> None:
    lost = told(after_readings(60))
    state = started(plan())
    reconcile(state, [lost])
    act(state, "acknowledge", lost[0])
    assert act(state, "reset", lost[0]).events[0].state == AlarmState.NORMAL


def test_a_latched_alarm_that_only_people_knew_of_stays_latched() -> None:
    latching = plan(replace(LIMITS, latching=True))
    lost = told(after_readings(60, 0, made=latching), 2)
    assert lost[0].state == AlarmState.LATCHED_UNACKNOWLEDGED
    state = after_readings(0.0, made=latching)
    reconcile(state, [lost])
    act(state, "acknowledge", lost[0])
    assert only(state).state == AlarmState.LATCHED_ACKNOWLEDGED
    assert act(state, "reset", lost[0]).events[0].state == AlarmState.NORMAL


def test_a_grade_that_nobody_was_told_of_is_told_by_the_next_reading() -> None:
    state = after_readings(60)
    assert reconcile(state, [told(state, grade=Grade.YELLOW)])[0][0] == Difference.TOLD_OTHERWISE
    assert only(state).grade == Grade.YELLOW
    assert read(state, 2.0, 60.0) == [(Transition.UPGRADED, Grade.RED)]


def test_a_grade_that_people_were_told_of_is_taken_down_by_readings_alone() -> None:
    state = after_readings(30)
    reconcile(state, [told(state, grade=Grade.RED, highest=Grade.RED)])
    assert only(state).grade == Grade.RED
    assert read(state, 2.0, float("nan")) == []
    assert read(state, 3.0, 30.0) == [(Transition.DOWNGRADED, Grade.YELLOW)]


def test_a_return_that_nobody_was_told_of_needs_a_reading_again() -> None:
    state = after_readings(60, 0)
    reconcile(state, [told(after_readings(60))])
    assert only(state).state == AlarmState.UNACKNOWLEDGED
    assert read(state, 2.0, 0.0) == [(Transition.RETURNED, Grade.NONE)]


def test_a_return_that_only_people_know_of_is_taken_back_by_the_next_reading_that_agrees() -> None:
    state = after_readings(60, 60)
    reconcile(state, [told(after_readings(60, 0), 2)])
    assert only(state).state == AlarmState.RETURNED
    assert read(state, 3.0, 60.0) == [(Transition.RERAISED, Grade.RED)]


def test_an_acknowledgement_that_was_lost_must_be_given_again_and_touches_no_delay() -> None:
    slow = plan(rule("r", grade("red", "value >= 50", off_s=5.0)))
    state = after_readings(60, 0, 0, made=slow)
    unknowing = told(state)
    act(state, "acknowledge", only(state))
    assert reconcile(state, [unknowing])[0][0] == Difference.TOLD_OTHERWISE
    assert only(state).state == AlarmState.UNACKNOWLEDGED
    assert read(state, 6.0, 0.0) == [(Transition.RETURNED, Grade.NONE)]


def test_no_event_gets_the_id_of_one_that_was_told_or_that_the_store_has_lost() -> None:
    told_of = after_readings(60)
    earlier = play(told_of, [rows([Row(0, 2.0, 0.0)]), rows([Row(0, 3.0, 60.0)]), rows([Row(0, 4.0, 0.0)])])
    state = after_readings(60)
    found = reconcile(state, [(only(state), 4)])
    assert [difference for difference, _ in found] == [Difference.TOLD_OTHERWISE], "it would number its events anew"
    later: list[AlarmEvent] = play(state, [rows([Row(0, 2.0, 0.0)]), rows([Row(0, 3.0, 60.0)])])
    assert len(later) == 2
    assert not {event.id for event in later} & {event.id for event in earlier}


def in_a_gap() -> State:
    state = started(plan(LIMITS))
    play(state, [Tick(ns(0), 0), Tick(ns(60), 60 * 10**9)])
    assert state.clock.in_gap
    return state


def test_a_gap_that_nobody_was_told_of_is_forgotten_and_its_end_with_it() -> None:
    state = in_a_gap()
    reconcile(state, [])
    assert read(state, 61.0, 0.0) == []


def test_a_gap_that_only_people_know_of_ends_with_the_next_good_reading() -> None:
    state = started(plan(LIMITS))
    play(state, [Tick(ns(0), 0)])
    reconcile(state, [told(in_a_gap())])
    assert read(state, 61.0, 0.0, quality=1) == []
    assert read(state, 62.0, 0.0) == [(Transition.RETURNED, Grade.NONE)]


def two_of_a_kind() -> tuple[State, Alarm, Alarm]:
    """The state knows the second of two alarms of one rule and sensor; people were told of both, neither is over."""
    older = told(after_readings(60))
    state = after_readings(0.0, 0.0, 60.0)
    newer = only(state)
    assert reconcile(state, [older, (newer, 1)]) == [(Difference.FORGOTTEN, older[0])]
    return state, older[0], newer


def test_of_two_alarms_on_the_same_readings_end_the_newer_and_a_person_the_older() -> None:
    state, older, newer = two_of_a_kind()
    assert read(state, 5.0, 0.0) == [(Transition.RETURNED, Grade.NONE)]
    act(state, "acknowledge", newer)
    assert only(state) == older
    act(state, "acknowledge", older)
    assert act(state, "reset", older).events[0].state == AlarmState.NORMAL


def test_a_person_may_end_the_older_of_two_alarms_first_and_the_newer_goes_on() -> None:
    state, older, newer = two_of_a_kind()
    act(state, "acknowledge", older)
    assert act(state, "reset", older).events[0].state == AlarmState.NORMAL
    assert act(state, "reset", newer).refused
    assert read(state, 5.0, 30.0) == [(Transition.DOWNGRADED, Grade.YELLOW)]


def test_two_alarms_on_the_same_survive_snapshot_and_reload_and_the_older_takes_the_place_of_the_newer() -> None:
    state, older, newer = two_of_a_kind()
    again = snapshot.restore(snapshot.take(state))
    assert same_state(state, again)
    for one in (state, again):
        assert step(one, one.next_offset, PlanChange(plan(LIMITS), START_NS)).events == []
        read(one, 5.0, 0.0)
        act(one, "acknowledge", newer)
        assert step(one, one.next_offset, PlanChange(plan(), START_NS)).events == []
        assert step(one, one.next_offset, PlanChange(plan(LIMITS), START_NS)).events == []
        assert only(one) == older
        assert read(one, 6.0, 0.0) == [(Transition.RETURNED, Grade.NONE)]
    assert same_state(state, again)


class TestFlags:
    """What hides alarms, as people were told of it."""

    def desk(self) -> Desk:
        desk = Desk()
        desk.read(20.0)
        desk.shelve()
        desk.told()
        return desk

    def test_where_nothing_differs_nothing_changes(self) -> None:
        desk = self.desk()
        assert reconcile_flags(desk.state, [desk.flag()]) == []
        desk.wait(2.0)
        assert desk.told() == []

    def test_what_nobody_was_told_of_hides_nothing(self) -> None:
        desk = self.desk()
        flag = desk.flag()
        assert reconcile_flags(desk.state, []) == [(Difference.NEVER_TOLD, flag)]
        desk.restart()
        desk.wait(1.0)
        assert desk.told() == ["a shown yellow unacknowledged"]

    def test_what_only_people_know_of_hides_to_its_end_by_the_wall_clock(self) -> None:
        desk, other = self.desk(), Desk()
        other.read(20.0)
        other.told()
        assert reconcile_flags(other.state, [desk.flag()]) == [(Difference.FORGOTTEN, desk.flag())]
        other.wait(1.0)
        assert other.told() == ["a hidden yellow unacknowledged shelved"]
        other.wait(3_600.0, every_s=5.0)
        assert other.told() == ["a shown yellow unacknowledged"]

    def test_what_stands_otherwise_stands_as_it_was_told(self) -> None:
        desk = self.desk()
        asked = replace(desk.flag(), state=FlagState.ASKED)
        assert reconcile_flags(desk.state, [asked]) == [(Difference.TOLD_OTHERWISE, asked)]
        desk.wait(1.0)
        assert desk.told() == ["a shown yellow unacknowledged"]
        assert desk.act("approve", "Li", flag=asked.id) == ""
        assert desk.told() == ["a hidden yellow unacknowledged shelved"]

    def test_a_suppression_that_only_people_know_of_ends(self) -> None:
        desk, other = self.desk(), Desk()
        here = Circumstance(9, START_NS, START_NS)
        desk.state.alarms.suppression_changed(Subject("r", "b", "station", latching=False), here, on=True)
        told = [flag for flag in desk.state.alarms.flags.all() if flag.kind is FlagKind.SUPPRESSED]
        reconcile_flags(other.state, told)
        other.wait(1.0)
        assert (other.ended(), other.state.alarms.flags.all()) == (["time"], [])
