"""A new plan never ends an alarm: fresh readings in range or a person do."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from model.alarm import AlarmEvent, AlarmState, Grade, Transition
from model.inputs import HumanAct, PlanChange
from model.plan import DetectorSpec, Plan
from model.sensor import Sensor
from model.text import Text
from pipeline.process.step import Outcome, State, step
from rules.grading import NEVER
from tests.pipeline.plans import START_NS, Row, canonical, grade, kind, ns, plan, play, rows, rule
from tests.pipeline.runs import follow, long_run, same_state, started, whole_plan
from tests.pipeline.worlds import Act, Beat, Event, Rows, World, worlds

LIMITS = rule("r", grade("blue", "value >= 10"), grade("yellow", "value >= 25"), grade("red", "value >= 50"))


def change(state: State, new: Plan) -> list[AlarmEvent]:
    return step(state, state.next_offset, PlanChange(new, START_NS)).events


def read(state: State, at_s: float, value: float, sensor: int = 0) -> list[tuple[Transition, Grade]]:
    events = step(state, state.next_offset, rows([Row(sensor, at_s, value)])).events
    return [(event.transition, event.grade) for event in events]


def act(state: State, name: str, at_s: float = 100.0) -> Outcome:
    alarm = state.alarms.open_alarms()[0]
    return step(state, state.next_offset, HumanAct(f"{state.next_offset}", name, alarm.id, "Wang", "", ns(at_s)))


def raised(made: Plan, value: float = 60.0) -> State:
    state = started(made)
    assert read(state, 1.0, value)
    return state


@settings(max_examples=60, deadline=None)
@given(worlds(), st.integers(0, 30))
def test_an_unchanged_plan_emits_nothing_and_changes_nothing_afterwards(world: World, at: int) -> None:
    plain, reloaded = started(world.plan), started(world.plan)
    expected = follow(plain, world.events)
    found = follow(reloaded, world.events[:at])
    assert change(reloaded, world.plan) == []
    found += follow(reloaded, world.events[at:])
    assert [replace(e, offset=0) for e in found] == [replace(e, offset=0) for e in expected]


@pytest.mark.parametrize("seed", range(4))
def test_an_unchanged_plan_keeps_what_detectors_have_learned_and_rows_that_wait(seed: int) -> None:
    events = [event for event in long_run(seed) if not hasattr(event, "act")]
    plain, reloaded = started(whole_plan()), started(whole_plan())
    expected, found = follow(plain, events), []
    for cut in range(0, len(events), 20):
        found += follow(reloaded, events[cut : cut + 20])
        reloads_before = reloaded.next_offset
        assert change(reloaded, whole_plan()) == []
        reloaded.next_offset = reloads_before
    assert canonical(found) == canonical(expected)
    assert same_state(plain, reloaded)


def test_when_sensors_change_places_each_keeps_its_own_state() -> None:
    sensors = [("a", "gas"), ("b", "gas")]
    held = rule("r", grade("red", "value >= 50", 10.0))
    state = started(plan(held, sensors=sensors))
    read(state, 0.0, 60.0, sensor=0)
    change(state, plan(held, sensors=[("new", "gas"), ("b", "gas"), ("a", "gas")]))
    assert read(state, 10.0, 60.0, sensor=1) == []
    assert read(state, 10.0, 60.0, sensor=0) == []
    assert read(state, 10.0, 60.0, sensor=2) == [(Transition.RAISED, Grade.RED)]


def test_a_kind_that_only_gets_another_name_keeps_what_was_learned() -> None:
    held = rule("r", grade("red", "value >= 50", 10.0))
    state = started(plan(held))
    read(state, 0.0, 60.0)
    change(state, plan(held, kinds=[replace(kind(), name=Text("燃气", "fuel gas"))]))
    assert read(state, 10.0, 60.0) == [(Transition.RAISED, Grade.RED)]


def test_a_removed_rule_leaves_its_alarm_open_until_a_person_ends_it() -> None:
    state = raised(plan(LIMITS))
    assert change(state, plan()) == []
    assert play(state, [rows([Row(0, 2.0 + at, 0.0)]) for at in range(50)]) == []
    assert [a.state for a in state.alarms.open_alarms()] == [AlarmState.UNACKNOWLEDGED]
    assert act(state, "acknowledge").events[0].state == AlarmState.ACKNOWLEDGED
    ended = act(state, "reset").events[0]
    assert (ended.transition, ended.state, ended.grade, ended.by) == (
        Transition.RETURNED,
        AlarmState.NORMAL,
        Grade.NONE,
        "Wang",
    )
    assert state.alarms.open_alarms() == []


def test_a_removed_sensor_leaves_its_alarm_open_until_a_person_ends_it() -> None:
    state = raised(plan(LIMITS, sensors=[("a", "gas"), ("b", "gas")]))
    assert change(state, plan(LIMITS, sensors=[("b", "gas")])) == []
    assert play(state, [rows([Row(0, 2.0, 0.0)])]) == []
    act(state, "acknowledge")
    assert act(state, "reset").events[0].state == AlarmState.NORMAL


def test_a_removed_latching_rule_can_still_be_acknowledged_and_reset() -> None:
    latching = replace(LIMITS, latching=True)
    state = raised(plan(latching))
    read(state, 2.0, 0.0)
    change(state, plan())
    assert act(state, "acknowledge").events[0].state == AlarmState.LATCHED_ACKNOWLEDGED
    assert act(state, "reset").events[0].state == AlarmState.NORMAL


def test_a_rule_that_comes_back_takes_its_open_alarm_up_again() -> None:
    state = raised(plan(LIMITS))
    change(state, plan())
    change(state, plan(LIMITS))
    assert act(state, "reset").refused
    assert read(state, 2.0, 60.0) == []
    assert read(state, 3.0, 0.0) == [(Transition.RETURNED, Grade.NONE)]


def test_a_rule_that_comes_back_after_its_alarm_was_ended_raises_a_new_one() -> None:
    state = raised(plan(LIMITS))
    first = state.alarms.open_alarms()[0].id
    change(state, plan())
    act(state, "acknowledge")
    act(state, "reset")
    change(state, plan(LIMITS))
    assert read(state, 2.0, 60.0) == [(Transition.RAISED, Grade.RED)]
    assert state.alarms.open_alarms()[0].id != first


def test_a_raised_limit_clears_only_by_a_fresh_reading() -> None:
    state = raised(plan(LIMITS), 60.0)
    higher = rule("r", grade("blue", "value >= 80"), grade("yellow", "value >= 85"), grade("red", "value >= 90"))
    assert change(state, plan(higher)) == []
    assert play(state, [rows([Row(0, 2.0, float("nan"))]), rows([Row(0, 3.0, 60.0, quality=1)])]) == []
    assert read(state, 4.0, 60.0) == [(Transition.RETURNED, Grade.NONE)]


def test_after_a_reload_a_reading_between_the_grades_downgrades_and_does_not_return() -> None:
    state = raised(plan(LIMITS), 60.0)
    slower = replace(LIMITS, grades=(replace(LIMITS.grades[0], on_delay_s=30.0), *LIMITS.grades[1:]))
    change(state, plan(slower))
    assert read(state, 2.0, 12.0) == [(Transition.DOWNGRADED, Grade.BLUE)]
    assert read(state, 3.0, 0.0) == [(Transition.RETURNED, Grade.NONE)]


def test_an_alarm_is_upgraded_though_the_new_rule_knows_only_higher_grades() -> None:
    state = raised(plan(LIMITS), 12.0)
    change(state, plan(rule("r", grade("red", "value >= 50"))))
    assert read(state, 2.0, 60.0) == [(Transition.UPGRADED, Grade.RED)]
    assert read(state, 3.0, 0.0) == [(Transition.RETURNED, Grade.NONE)]


def test_an_alarm_below_all_grades_of_the_new_rule_is_ended_by_a_person() -> None:
    state = raised(plan(LIMITS), 12.0)
    change(state, plan(rule("r", grade("red", "value >= 50"))))
    assert read(state, 2.0, 0.0) == []
    act(state, "acknowledge")
    assert act(state, "reset").events[0].state == AlarmState.NORMAL


def test_an_alarm_above_all_grades_of_the_new_rule_returns_by_a_reading() -> None:
    state = raised(plan(LIMITS), 60.0)
    change(state, plan(rule("r", grade("blue", "value >= 10"))))
    assert read(state, 2.0, 12.0) == []
    assert state.alarms.open_alarms()[0].grade == Grade.RED
    assert read(state, 3.0, 0.0) == [(Transition.RETURNED, Grade.NONE)]


def test_a_detector_with_other_settings_begins_anew_and_its_alarm_stays_until_it_knows_again() -> None:
    steep = rule("r", grade("blue", "slope >= 60"))
    slope = DetectorSpec("slope", "rate", ("gas",), {"window_s": 4.0})
    state = started(plan(steep, detectors=[slope]))
    assert [read(state, float(at), 2.0 * at) for at in range(4)][-2:] == [[(Transition.RAISED, Grade.BLUE)], []]
    assert change(state, plan(steep, detectors=[replace(slope, parameters={"window_s": 8.0})])) == []
    assert [read(state, 4.0 + at, 8.0) for at in range(4)] == [[]] * 4
    assert read(state, 8.0, 8.0) == [(Transition.RETURNED, Grade.NONE)]


def test_a_calendar_that_gets_another_year_keeps_what_was_learned() -> None:
    odd = rule("r", grade("blue", "season >= 5"))
    season = DetectorSpec("season", "seasonal", ("gas",), {"holidays": "2026-01-01"})
    state = started(plan(odd, detectors=[season]))
    play(state, [rows([Row(0, float(at), at % 3.0) for at in range(20)])])
    (bound,) = state.bound.programs[0].detectors
    kept = bound.state.sensors.tobytes()
    next_year = replace(season, parameters={"holidays": "2026-01-01, 2027-01-01", "workdays": "2027-02-13"})
    assert change(state, plan(odd, detectors=[next_year])) == []
    (bound,) = state.bound.programs[0].detectors
    assert bound.state.sensors.tobytes() == kept
    assert bound.detector.holidays == "2026-01-01, 2027-01-01"  # type: ignore[attr-defined]
    assert change(state, plan(odd, detectors=[replace(next_year, parameters={"days": 9.0})])) == []
    assert state.bound.programs[0].detectors[0].state.sensors["count"][0] == 0


KNOWING = (
    DetectorSpec("mean", "ewma", ("gas",), {"smooth_s": 0.0, "warmup_s": 8.0}),
    DetectorSpec("stuck", "flatline", ("gas",), {}),
    DetectorSpec("quiet", "silence", ("gas",), {}),
)
OF_ALL = (
    rule("held", grade("red", "value >= 50", 10.0)),
    rule("odd", grade("red", "mean >= 3", 10.0)),
    rule("still", grade("red", "stuck >= 3", 10.0)),
)


def pending(state: State, sensor: int) -> dict[str, bool]:
    """Which rules have an on-delay running for the sensor."""
    program, slot = state.bound.programs[0], state.bound.slot_of[sensor]
    return {rule.spec.id: bool((rule.state.begun_ns[slot] != NEVER).any()) for rule in program.rules}


def learned(state: State, sensor: int) -> int:
    (mean,) = (bound for bound in state.bound.programs[0].detectors if bound.spec.id == "mean")
    return int(mean.state.sensors["rows"][state.bound.slot_of[sensor]])


def test_another_scan_period_begins_learning_anew_for_the_sensors_that_it_concerns_and_for_no_others() -> None:
    made = plan(*OF_ALL, sensors=[("a", "gas"), ("b", "gas")], detectors=KNOWING)
    own = replace(made, sensors=(made.sensors[0], replace(made.sensors[1], period_s=10.0)))
    state = started(own)
    wobble = [Row(sensor, float(at), 1.0 + at % 2) for at in range(20) for sensor in (0, 1)]
    play(state, [rows(wobble), rows([Row(sensor, 20.0 + at, 60.0) for at in range(5) for sensor in (0, 1)])])
    assert pending(state, 0) == pending(state, 1) == {"held": True, "odd": True, "still": True}
    slower = replace(own, kinds=(kind(period_s=20.0),))
    assert change(state, slower) == []
    assert pending(state, 0) == {"held": True, "odd": False, "still": True}
    assert pending(state, 1) == {"held": True, "odd": True, "still": True}
    assert (learned(state, 0), learned(state, 1)) == (0, 20)
    assert {event.rule for event in play(state, [rows([Row(0, 33.0, 60.0)])])} == {"held", "still"}


def test_another_unit_begins_everything_anew() -> None:
    state = started(plan(*OF_ALL, detectors=KNOWING))
    play(state, [rows([Row(0, float(at), 60.0) for at in range(5)])])
    assert change(state, plan(*OF_ALL, detectors=KNOWING, kinds=[kind(unit="%VOL")])) == []
    assert pending(state, 0) == {"held": False, "odd": False, "still": False}


def test_rows_that_wait_to_be_sorted_are_judged_though_the_new_plan_knows_no_lateness() -> None:
    state = started(plan(LIMITS, kinds=[kind(lateness_s=30.0)]))
    assert read(state, 1.0, 60.0) == []
    assert change(state, plan(LIMITS, kinds=[kind(lateness_s=0.0)])) == []
    assert [event.grade for event in follow(state, [Beat(2.0, 2.0)])] == [Grade.RED]


def test_a_sensor_of_another_kind_keeps_its_alarm() -> None:
    kinds = [kind("gas"), kind("heat", unit="degC")]
    state = raised(plan(LIMITS, kinds=kinds))
    moved = plan(LIMITS, kinds=kinds)
    moved = replace(moved, sensors=(Sensor("a", "heat", "station", moved.sensors[0].name),))
    assert change(state, moved) == []
    assert read(state, 2.0, 0.0) == []
    assert [a.state for a in state.alarms.open_alarms()] == [AlarmState.UNACKNOWLEDGED]


@settings(max_examples=80, deadline=None)
@given(worlds(), st.integers(0, 30), st.data())
def test_rules_that_did_not_change_tell_what_they_would_have_told(world: World, at: int, data: st.DataObject) -> None:
    """Others come, go and change, sensors change places: of the rest no transition is more, less or other."""
    touched = data.draw(st.sampled_from([*world.plan.rules, None]))
    order = data.draw(st.permutations(range(len(world.plan.sensors))))
    more = rule("more", grade("red", "value >= 15"), kinds=[one.id for one in world.plan.kinds])
    kept = tuple(one for one in world.plan.rules if one is not touched)
    sensors = tuple(world.plan.sensors[place] for place in order)
    changed = replace(world.plan, version="changed", rules=(*kept, more), sensors=sensors)
    places = {old: new for new, old in enumerate(order)}

    def moved(event: Event) -> Event:
        if not isinstance(event, Rows):
            return event
        return Rows(tuple(row._replace(sensor=places[row.sensor]) for row in event.rows))

    events = [event for event in world.events if not isinstance(event, Act)]
    plain, reloaded = started(world.plan), started(world.plan)
    expected, found = follow(plain, events), follow(reloaded, events[:at])
    assert change(reloaded, changed) == []
    found += follow(reloaded, [moved(event) for event in events[at:]])
    ids = {one.id for one in kept} | {"system.data_gap"}
    for told in (expected, found):
        told[:] = [_plain(event) for event in told if event.rule in ids]
    assert sorted(found, key=_order) == sorted(expected, key=_order)


def _plain(event: AlarmEvent) -> AlarmEvent:
    return replace(event, offset=0, why=event.why and replace(event.why, plan_version=""))


def _order(event: AlarmEvent) -> tuple[int, str, str, str]:
    return event.at_ns, event.rule, event.tag, event.id
