"""What time alone brings about: told again, and stale; by elapsed time without our own outages, at ticks."""

from __future__ import annotations

from dataclasses import replace

import pytest

from model.alarm import Grade
from model.plan import NO_POLICY, Plan
from tests.pipeline.desk import LEVEL, Desk, plan_with
from tests.pipeline.plans import grade, rule

POLICY = replace(NO_POLICY, realarm_after_s=((Grade.ORANGE, 100.0), (Grade.RED, 20.0)), stale_after_s=300.0)


def acknowledged(value: float = 60.0, made: Plan | None = None) -> Desk:
    desk = Desk(made or plan_with(policy=POLICY))
    desk.read(value)
    desk.act("acknowledge", alarm_id=desk.alarm().id)
    desk.told()
    return desk


def test_an_acknowledged_alarm_that_is_still_on_is_told_again_with_its_why_and_owed_anew() -> None:
    desk = acknowledged()
    desk.wait(20.0)
    assert desk.told() == []
    desk.wait(1.0)
    (event,) = desk.events
    assert (event.transition, event.state, event.why) == ("realarmed", "unacknowledged", desk.alarm().why)
    assert desk.alarm().acknowledged_by == ""
    desk.told()
    desk.wait(200.0)
    assert desk.told() == []
    desk.act("acknowledge", alarm_id=desk.alarm().id)
    desk.told()
    desk.wait(21.0)
    assert desk.told() == ["a realarmed red unacknowledged"]


@pytest.mark.parametrize(("value", "after_s"), [(40.0, 100.0), (20.0, None)])
def test_each_grade_has_its_own_time_and_lower_ones_none(value: float, after_s: float | None) -> None:
    desk = acknowledged(value)
    desk.wait(100.0)
    assert desk.told() == []
    desk.wait(190.0)
    assert desk.told() == ([] if after_s is None else ["a realarmed orange unacknowledged"])


def test_a_lower_grade_begins_its_own_time() -> None:
    desk = acknowledged()
    desk.wait(15.0)
    desk.read(40.0)
    desk.told()
    desk.wait(98.0)
    assert desk.told() == []
    desk.wait(4.0)
    assert desk.told() == ["a realarmed orange unacknowledged"]


def test_what_returns_is_not_told_again() -> None:
    desk = acknowledged()
    desk.read(0.0)
    desk.told()
    desk.wait(400.0)
    assert desk.told() == []


def test_a_hidden_alarm_is_not_told_again_and_is_stale_all_the_same() -> None:
    desk = acknowledged(40.0)
    desk.act("take_out", tag="a", duration_s=3600.0)
    desk.act("approve", "Li", flag=desk.flag().id)
    desk.told()
    desk.wait(298.0)
    assert desk.told() == []
    desk.wait(4.0)
    assert desk.told() == ["a stale orange acknowledged out_of_service"]


def test_an_alarm_is_stale_once_an_episode_whatever_its_state() -> None:
    desk = acknowledged(20.0)
    desk.wait(300.0)
    assert desk.told() == []
    desk.wait(2.0)
    assert desk.told() == ["a stale yellow acknowledged"]
    assert desk.alarm().stale
    desk.wait(700.0)
    assert desk.told() == []
    desk.read(0.0)
    desk.read(20.0)
    assert not desk.alarm().stale
    desk.told()
    desk.wait(302.0)
    assert desk.told() == ["a stale yellow unacknowledged"]


def test_our_own_outage_does_not_count() -> None:
    desk = acknowledged()
    desk.wait(10.0)
    desk.now_s += 500.0
    desk.wait(8.0)
    desk.told()
    desk.wait(2.0)
    assert desk.told() == []
    desk.wait(3.0)
    assert desk.told() == ["a realarmed red unacknowledged"]


def test_at_one_tick_flags_end_first_then_alarms_in_order_told_again_before_stale() -> None:
    both = replace(NO_POLICY, realarm_after_s=((Grade.RED, 20.0),), stale_after_s=20.0)
    desk = Desk(plan_with(LEVEL, replace(LEVEL, id="q"), policy=both))
    desk.read(60.0)
    desk.read(20.0, "b")
    for alarm in desk.state.alarms.open_alarms():
        if alarm.tag == "a":
            desk.act("acknowledge", alarm_id=alarm.id)
        elif alarm.rule == "q":
            desk.act("shelve", alarm_id=alarm.id, duration_s=20.9)
    desk.told()
    desk.wait(21.0)
    assert [f"{event.rule} {event.tag} {event.transition}" for event in desk.events] == [
        "q b shown",
        "q a realarmed",
        "q a stale",
        "q b stale",
        "r a realarmed",
        "r a stale",
        "r b stale",
    ]


def test_waits_survive_restarts_and_reloads_and_a_new_time_counts_what_has_passed() -> None:
    desk = acknowledged()
    desk.wait(11.0)
    desk.restart()
    desk.apply(plan_with(policy=replace(POLICY, realarm_after_s=((Grade.RED, 60.0),))))
    desk.restart()
    desk.wait(49.0)
    assert desk.told() == []
    desk.wait(2.0)
    assert desk.told() == ["a realarmed red unacknowledged"]


def test_a_rule_says_its_own_times_and_never() -> None:
    own = replace(LEVEL, realarm_after_s=((Grade.RED, 0.0), (Grade.YELLOW, 5.0)), stale_after_s=0.0)
    red = acknowledged(60.0, plan_with(own, policy=POLICY))
    red.wait(400.0)
    assert red.told() == []
    yellow = acknowledged(20.0, plan_with(own, policy=POLICY))
    yellow.wait(6.0)
    assert yellow.told() == ["a realarmed yellow unacknowledged"]


def test_an_orphan_is_told_again_too() -> None:
    desk = acknowledged()
    desk.apply(plan_with(rule("other", grade("blue", "value > 90")), policy=POLICY))
    desk.wait(22.0)
    assert desk.told() == ["a realarmed red unacknowledged"]
