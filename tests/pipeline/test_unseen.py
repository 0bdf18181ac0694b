"""What nobody is told of now, in figures."""

from __future__ import annotations

from dataclasses import replace

from model.plan import DetectorSpec
from pipeline.runners.recovery import sensors_by_state
from pipeline.runners.unseen import unseen
from tests.pipeline.desk import Desk, plan_with
from tests.pipeline.plans import grade, rule

SOFT = rule("soft", grade("yellow", "value >= 10"))


def figures(desk: Desk) -> dict[str, int]:
    return unseen(desk.state, sensors_by_state(desk.state))


def test_hidden_alarms_are_counted_by_what_hides_them_and_requests_apart() -> None:
    desk = Desk(plan_with(SOFT, rule("hard", grade("red", "value >= 50"))))
    desk.read(60.0)
    desk.read(60.0, "b")
    ids = {(alarm.rule, alarm.tag): alarm.id for alarm in desk.state.alarms.open_alarms()}
    desk.act("shelve", alarm_id=ids["soft", "a"], duration_s=60.0)
    desk.act("take_out", tag="b", rule="soft", duration_s=60.0)
    desk.act("shelve", alarm_id=ids["hard", "a"], duration_s=60.0)
    counts = figures(desk)
    assert {name: counts[name] for name in ("shelved", "suppressed", "out_of_service", "asked")} == {
        "shelved": 1,
        "suppressed": 0,
        "out_of_service": 1,
        "asked": 1,
    }


def test_sensors_without_data_and_sensors_that_learn_are_counted_once_each() -> None:
    learns = [DetectorSpec(name, "ewma", ("gas",), {}) for name in ("mean", "other")]
    desk = Desk(replace(plan_with(SOFT, tags=("a", "b", "c")), detectors=tuple(learns)))
    desk.read(1.0)
    assert (figures(desk)["blind"], figures(desk)["warming"]) == (2, 3)
    plain = Desk(plan_with(SOFT))
    plain.read(1.0)
    assert (figures(plain)["blind"], figures(plain)["warming"]) == (1, 0)
