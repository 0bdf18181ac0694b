"""Rules on whole assets: what several sensors say together becomes an alarm of the asset."""

from __future__ import annotations

import itertools
import math
from dataclasses import replace

import pytest

from model.alarm import AlarmEvent, Grade, Transition
from model.batch import BAD, UNCERTAIN
from model.inputs import Input, PlanChange, Tick
from model.plan import DetectorSpec, Plan
from model.sensor import Asset
from pipeline.process import snapshot
from pipeline.process.step import State, begin
from tests.pipeline.plans import NAME, START_NS, Row, canonical, grade, kind, ns, plan, play, rows, rule

VOTE = DetectorSpec("two", "vote", ("gas",), {"of": 2.0}, ("vessel",))
TWO_HIGH = replace(rule("vessel.two_high", grade("red", "two >= 25 %LEL", 0.0, 3.0), kinds=()), assets=("vessel",))
LOW, HIGH = 2.0, 40.0


def vessel_plan(*, sensors: int = 3, asset_kind: str = "vessel") -> Plan:
    made = plan(
        TWO_HIGH,
        kinds=(kind(period_s=1.0),),
        sensors=[(f"v{n}", "gas") for n in range(sensors)],
        detectors=(VOTE,),
    )
    return replace(made, assets=(Asset("station", NAME, "site", asset_kind),))


def seconds(*values: tuple[float, ...], begin_s: float = 0.0) -> list[Row]:
    """Readings of all sensors, a second apart; NaN = bad."""
    return [
        Row(sensor, begin_s + second, value, quality=BAD if math.isnan(value) else 0)
        for second, row in enumerate(values)
        for sensor, value in enumerate(row)
    ]


def started(made: Plan | None = None) -> State:
    return begin(PlanChange(made or vessel_plan(), START_NS), 0)


def told(events: list[AlarmEvent]) -> list[tuple[str, Transition, Grade, float]]:
    return [(event.tag, event.transition, event.grade, (event.time_ns - START_NS) / 1e9) for event in events]


def test_given_two_high_sensors_when_at_the_same_instant_then_the_asset_alarms_and_says_who() -> None:
    events = play(started(), [rows(seconds((LOW, LOW, LOW), (HIGH, LOW, LOW), (HIGH, HIGH, LOW)))])
    assert told(events) == [("station", Transition.RAISED, Grade.RED, 2.0)]
    why = events[0].why
    assert why is not None
    assert why.scores == {"two": HIGH, "v0": HIGH, "v1": HIGH, "v2": LOW}
    assert (events[0].asset, events[0].rule) == ("station", "vessel.two_high")


def test_given_one_high_sensor_then_nothing_is_raised() -> None:
    assert not play(started(), [rows(seconds(*[(HIGH, LOW, LOW)] * 20))])


def test_given_an_alarm_when_all_are_low_for_the_off_delay_then_it_returns() -> None:
    events = play(started(), [rows(seconds((HIGH, HIGH, LOW), *[(LOW, LOW, LOW)] * 6))])
    assert told(events)[-1] == ("station", Transition.RETURNED, Grade.NONE, 4.0)


@pytest.mark.parametrize("gone", [math.nan, None], ids=["bad", "silent"])
def test_given_an_alarm_when_one_of_the_two_sensors_dies_then_it_does_not_clear(gone: float | None) -> None:
    after = seconds(*[(HIGH, LOW if gone is None else gone, LOW)] * 30, begin_s=1.0)
    if gone is None:
        after = [row for row in after if row.sensor != 1]
    events = play(started(), [rows(seconds((HIGH, HIGH, LOW)) + after)])
    assert [event.transition for event in events] == [Transition.RAISED]


def test_given_an_alarm_when_the_dead_sensor_could_make_no_difference_then_it_clears() -> None:
    events = play(started(), [rows(seconds((HIGH, HIGH, LOW), *[(LOW, math.nan, LOW)] * 9))])
    assert [event.transition for event in events] == [Transition.RAISED, Transition.RETURNED]


def test_given_an_uncertain_reading_then_it_raises_and_never_clears() -> None:
    off_scale = [row._replace(quality=UNCERTAIN) if row.sensor == 2 else row for row in seconds(*[(LOW,) * 3] * 9)]
    events = play(started(), [rows(seconds((HIGH, HIGH, LOW)) + [r._replace(at_s=r.at_s + 1) for r in off_scale])])
    assert [event.transition for event in events] == [Transition.RAISED]


def test_given_a_sensor_that_fell_silent_when_the_others_agree_then_it_holds_nothing_up() -> None:
    quiet = [
        row for row in seconds(*[(LOW, LOW, LOW)] * 3, *[(HIGH, HIGH, LOW)] * 9) if row.sensor != 2 or row.at_s < 3
    ]
    events = play(started(), [rows(quiet)])
    assert [event.transition for event in events] == [Transition.RAISED]


def story() -> list[Row]:
    return seconds(
        (LOW, LOW, LOW), (HIGH, LOW, LOW), (HIGH, HIGH, LOW), (LOW, HIGH, HIGH), *[(LOW, LOW, LOW)] * 6,
        (HIGH, math.nan, HIGH), *[(LOW, LOW, 1.0)] * 5,
    )  # fmt: skip


def inputs(cut: int) -> list[Input]:
    given = story()
    return [rows(given[begin_at : begin_at + cut]) for begin_at in range(0, len(given), cut)]


@pytest.mark.parametrize("cut", [1, 2, 5, 7])
def test_given_any_batches_then_the_events_are_the_same_to_the_last_bit(cut: int) -> None:
    assert canonical(play(started(), inputs(cut))) == canonical(play(started(), inputs(1000)))
    assert len(play(started(), inputs(1000))) == 4


def test_given_a_snapshot_at_any_row_then_what_follows_is_the_same() -> None:
    whole = inputs(1)
    wanted = canonical(play(started(), whole))
    for at in range(0, len(whole), 5):
        state = started()
        before = play(state, whole[:at])
        restored, anew = snapshot.load(snapshot.take(state))
        assert anew == []
        assert canonical([*before, *play(restored, whole[at:])]) == wanted


def test_given_a_new_plan_when_the_asset_is_the_same_then_its_alarm_goes_on_and_ends_by_readings() -> None:
    state = started()
    assert len(play(state, [rows(seconds((HIGH, HIGH, LOW), (HIGH, HIGH, LOW)))])) == 1
    other = replace(vessel_plan(), version="next")
    assert not play(state, [PlanChange(other, ns(2)), rows(seconds((HIGH, HIGH, LOW), begin_s=2.0))])
    events = play(state, [rows(seconds(*[(LOW, LOW, LOW)] * 5, begin_s=3.0))])
    assert [event.transition for event in events] == [Transition.RETURNED]


def test_given_a_new_plan_without_the_asset_kind_then_the_alarm_stays_for_a_person() -> None:
    state = started()
    play(state, [rows(seconds((HIGH, HIGH, LOW), (HIGH, HIGH, LOW)))])
    events = play(state, [PlanChange(vessel_plan(asset_kind=""), ns(2)), rows(seconds(*[(LOW,) * 3] * 9, begin_s=3.0))])
    assert events == []
    assert len(state.alarms.open_alarms()) == 1


def test_given_an_on_delay_when_the_sensors_fall_silent_then_the_clock_ends_it() -> None:
    delayed = replace(TWO_HIGH, grades=(grade("yellow", "two >= 25 %LEL", 5.0),))
    state = started(replace(vessel_plan(), rules=(delayed,)))
    ticks = [Tick(ns(second), ns(second) - START_NS, "") for second in range(2, 12)]
    events = play(state, [rows(seconds((HIGH, HIGH, LOW), (HIGH, HIGH, LOW))), *ticks])
    assert [(event.transition, event.grade) for event in events] == [(Transition.RAISED, Grade.YELLOW)]


@pytest.mark.parametrize(
    ("after", "raised"),
    [
        ((HIGH, LOW, math.nan), False),
        ((HIGH, HIGH, math.nan), True),
        ((HIGH, math.nan, math.nan), False),
    ],
    ids=["one of the two that are left", "both that are left", "the only one that is left"],
)
def test_given_two_of_three_when_sensors_fail_then_as_many_must_still_agree(
    after: tuple[float, ...], *, raised: bool
) -> None:
    """So a vote never stands alone: the rule on single sensors sees the last one."""
    single = rule("gas.high", grade("blue", "value >= 25 %LEL", 0.0, 3.0))
    made = vessel_plan()
    events = play(started(replace(made, rules=(*made.rules, single))), [rows(seconds((LOW, LOW, LOW), *[after] * 3))])
    assert ("station" in {event.tag for event in events}) == raised
    assert "v0" in {event.tag for event in events}


def test_given_two_of_three_when_one_fails_in_the_alarm_then_both_others_must_be_low_for_it_to_clear() -> None:
    alarm = seconds((HIGH, HIGH, LOW))
    one_low = seconds(*[(HIGH, LOW, math.nan)] * 9, begin_s=1.0)
    both_low = seconds(*[(LOW, LOW, math.nan)] * 9, begin_s=10.0)
    assert [event.transition for event in play(started(), [rows(alarm + one_low)])] == [Transition.RAISED]
    told_now = [event.transition for event in play(started(), [rows(alarm + one_low + both_low)])]
    assert told_now == [Transition.RAISED, Transition.RETURNED]


def test_two_assets_do_not_touch_each_other() -> None:
    made = vessel_plan(sensors=4)
    sensors = tuple(replace(one, asset="other" if at > 1 else "station") for at, one in enumerate(made.sensors))
    both = replace(made, sensors=sensors, assets=(*made.assets, Asset("other", NAME, "site", "vessel")))
    given = seconds((HIGH, LOW, HIGH, LOW), (HIGH, LOW, HIGH, HIGH), (HIGH, LOW, HIGH, HIGH))
    events = play(started(both), [rows(given)])
    assert [event.tag for event in events] == ["other"]
    assert all(first.offset <= second.offset for first, second in itertools.pairwise(events))


def test_given_a_detector_that_knows_who_moved_it_then_the_alarm_gives_the_tag() -> None:
    detector = DetectorSpec("state", "pca", ("gas",), {"warmup_s": 60.0}, ("vessel",))
    beyond = replace(rule("vessel.state", grade("blue", "state >= 5", 0.0, 3.0), kinds=()), assets=("vessel",))
    made = plan(
        beyond, kinds=(kind(period_s=1.0),), sensors=[(f"v{n}", "gas") for n in range(3)], detectors=(detector,)
    )
    made = replace(made, assets=(Asset("station", NAME, "site", "vessel"),))
    load = [10.0 + 3.0 * math.sin(second) for second in range(90)]
    noise = [0.1 * math.sin(7.0 * second * second) for second in range(90)]
    values = [
        (x, 2.0 * x + e, 5.0 - x + 0.1 * math.cos(5.0 * second))
        for second, (x, e) in enumerate(zip(load, noise, strict=True))
    ]
    events = play(started(made), [rows(seconds(*values, (10.0, 40.0, -5.0)))])
    why = events[-1].why
    assert why is not None
    assert why.scores["state.contributor v1"] == 2.0
    assert why.scores["state.observed"] == 40.0
    assert why.scores["state.expected"] == pytest.approx(20.0, abs=1.0)
