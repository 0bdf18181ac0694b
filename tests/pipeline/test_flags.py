"""What hides alarms, through ``step``: shelves, sensors out of service, suppression; all ends, and two persons."""

from __future__ import annotations

from dataclasses import replace

import msgspec
import pytest

from model.alarm import Grade
from model.flag import FlagState
from model.inputs import Tick
from model.plan import AlarmPolicy
from model.sensor import Asset
from pipeline.process import snapshot
from rules.alarm_machine import Subject
from rules.circumstance import Circumstance
from tests.pipeline.desk import HOUR_S, LEVEL, Desk, plan_with
from tests.pipeline.plans import NAME, SECOND_NS, grade, ns, rule

YELLOW = rule("r", grade("yellow", "value >= 10"), grade("orange", "value >= 30"))


def shelved(value: float = 20.0, hours: float = 1.0) -> Desk:
    desk = Desk()
    desk.read(value)
    desk.told()
    assert desk.shelve(hours=hours) == ""
    return desk


def test_a_shelved_alarm_is_hidden_and_its_life_goes_on_underneath() -> None:
    desk = shelved()
    assert desk.told() == ["a hidden yellow unacknowledged shelved"]
    assert desk.act("acknowledge", alarm_id=desk.alarm().id) == ""
    desk.read(0.0)
    desk.read(20.0)
    assert desk.told() == [
        "a acknowledged yellow acknowledged shelved",
        "a returned none normal shelved",
        "a raised yellow unacknowledged shelved",
    ]
    assert desk.alarm().hidden == "shelved"


def test_only_the_rule_and_sensor_of_the_shelved_alarm_are_hidden() -> None:
    desk = shelved()
    desk.read(20.0, "b")
    assert desk.told()[-1] == "b raised yellow unacknowledged"


@pytest.mark.parametrize("acknowledged", [True, False])
def test_when_the_shelf_ends_by_time_the_alarm_is_owed_anew(*, acknowledged: bool) -> None:
    desk = shelved(hours=10 / 3600)
    if acknowledged:
        desk.act("acknowledge", alarm_id=desk.alarm().id)
    desk.told()
    desk.wait(9.0)
    assert desk.told() == []
    desk.wait(2.0)
    assert desk.told() == ["a shown yellow unacknowledged"]
    assert desk.ended() == ["time"]
    assert (desk.alarm().acknowledged_by, desk.alarm().hidden) == ("", "")
    assert desk.state.alarms.flags.all() == []


def test_a_returned_alarm_is_shown_as_it_was() -> None:
    desk = shelved(hours=10 / 3600)
    desk.read(0.0)
    desk.told()
    desk.wait(12.0)
    assert desk.told() == ["a shown none returned_unacknowledged"]


def test_shown_says_what_was_missed() -> None:
    desk = shelved()
    desk.read(25.0)
    desk.act("unshelve", alarm_id=desk.alarm().id)
    shown = desk.events[-1]
    assert (shown.transition, shown.why, shown.by) == ("shown", desk.alarm().why, "Wang")
    assert shown.why is not None


def test_a_graver_alarm_ends_the_shelf_first() -> None:
    desk = shelved()
    desk.told()
    desk.read(40.0)
    assert desk.told() == ["a shown yellow unacknowledged", "a upgraded orange unacknowledged"]
    assert desk.ended() == ["higher_grade"]


def test_a_graver_alarm_that_comes_back_ends_the_shelf_first() -> None:
    desk = shelved()
    desk.read(0.0)
    desk.told()
    desk.read(40.0)
    assert desk.told() == ["a shown none returned_unacknowledged", "a re_raised orange unacknowledged"]


def test_a_graver_alarm_after_the_old_one_closed_is_simply_raised() -> None:
    desk = shelved()
    desk.act("acknowledge", alarm_id=desk.alarm().id)
    desk.read(0.0)
    desk.told()
    desk.read(40.0)
    assert desk.told() == ["a raised orange unacknowledged"]
    assert desk.state.alarms.flags.all() == []


def test_a_returned_alarm_is_shelved_at_the_highest_grade_that_it_had() -> None:
    desk = Desk()
    desk.read(40.0)
    desk.read(0.0)
    assert desk.shelve() == ""
    assert desk.flag().grade == Grade.ORANGE
    desk.told()
    desk.read(40.0)
    assert desk.told() == ["a re_raised orange unacknowledged shelved"]


def test_a_clock_that_is_set_back_makes_no_shelf_longer() -> None:
    desk = shelved(hours=1.0)
    desk.told()
    desk.wall_ahead_s = -10 * HOUR_S
    desk.wait(3_599.0, every_s=5.0)
    assert desk.told() == []
    desk.wait(10.0)
    assert desk.told() == ["a shown yellow unacknowledged"]


def test_a_clock_that_is_set_forward_ends_it() -> None:
    desk = shelved(hours=1.0)
    desk.told()
    desk.wall_ahead_s = 2 * HOUR_S
    desk.wait(1.0)
    assert desk.told() == ["a shown yellow unacknowledged"]


def test_an_outage_counts_though_the_clock_was_set_back_meanwhile() -> None:
    desk = shelved(hours=1.0)
    desk.wait(1.0)
    desk.told()
    desk.wall_ahead_s = -2 * HOUR_S
    desk.now_s += 2 * HOUR_S
    desk.wait(1.0)
    assert desk.told()[0] == "a shown yellow unacknowledged"


def test_a_start_of_the_machine_counts_by_the_wall_clock() -> None:
    desk = shelved(hours=1.0)
    desk.wait(1.0)
    desk.told()
    desk.put(Tick(ns(1_800.0), 5 * SECOND_NS, "another"))
    desk.put(Tick(ns(0.0), 6 * SECOND_NS, "another"))
    desk.put(Tick(ns(1_850.0), 6 * SECOND_NS, "a third"))
    assert "a shown yellow unacknowledged" in desk.told()


class TestTwoPersons:
    """A red alarm is hidden by two."""

    def asked(self) -> Desk:
        desk = Desk()
        desk.read(60.0)
        desk.told()
        assert desk.shelve() == ""
        return desk

    def test_the_first_act_is_a_request_that_hides_nothing(self) -> None:
        desk = self.asked()
        assert desk.told() == []
        assert (desk.flag().state, desk.alarm().hidden) == (FlagState.ASKED, "")

    def test_another_person_puts_it_on_and_its_time_counts_from_then(self) -> None:
        desk = self.asked()
        desk.wait(300.0, every_s=5.0)
        assert desk.act("approve", "Li", flag=desk.flag().id) == ""
        assert desk.told() == ["a hidden red unacknowledged shelved"]
        flag = desk.flag()
        assert (flag.state, flag.by, flag.approved_by) == (FlagState.ON, "Wang", "Li")
        assert flag.until_ns == ns(desk.now_s) + round(HOUR_S * SECOND_NS)
        desk.wait(3_590.0, every_s=5.0)
        assert desk.told() == []
        desk.wait(15.0)
        assert desk.told() == ["a shown red unacknowledged"]

    @pytest.mark.parametrize("by", ["Wang", "wang ", " WANG"])
    def test_the_same_person_is_refused(self, by: str) -> None:
        desk = self.asked()
        assert "another person" in desk.act("approve", by, flag=desk.flag().id)
        assert desk.alarm().hidden == ""

    def test_a_request_ends_when_nobody_agrees(self) -> None:
        desk = self.asked()
        desk.wait(601.0, every_s=5.0)
        assert desk.ended() == ["not_confirmed"]
        assert desk.told() == []

    def test_a_request_is_withdrawn(self) -> None:
        desk = self.asked()
        assert desk.act("withdraw", "Li", flag=desk.flag().id) == ""
        assert desk.ended() == ["withdrawn"]

    def test_a_request_for_an_alarm_that_is_closed_by_then_ends(self) -> None:
        desk = self.asked()
        flag = desk.flag()
        desk.act("acknowledge", alarm_id=desk.alarm().id)
        desk.read(0.0)
        desk.read(60.0)
        desk.told()
        assert "is closed" in desk.act("approve", "Li", flag=flag.id)
        assert desk.ended() == ["alarm_changed"]
        assert desk.told() == []

    def test_asking_again_while_it_is_on_leaves_it_on_until_it_is_approved(self) -> None:
        desk = self.asked()
        desk.act("approve", "Li", flag=desk.flag().id)
        desk.told()
        desk.shelve("Li", hours=2.0)
        first, second = sorted(desk.state.alarms.flags.all(), key=lambda flag: flag.state, reverse=True)
        assert (first.state, second.state) == (FlagState.ON, FlagState.ASKED)
        desk.act("approve", "Wang", flag=second.id)
        assert desk.told() == []
        assert desk.ended() == ["replaced"]
        assert desk.flag().id == second.id

    def test_out_of_service_asks_for_two_where_a_rule_can_be_red(self) -> None:
        desk = Desk()
        assert desk.act("take_out", tag="a", duration_s=60.0) == ""
        assert desk.flag().state is FlagState.ASKED
        plain = Desk(plan_with(YELLOW))
        assert plain.act("take_out", tag="a", duration_s=60.0) == ""
        assert plain.flag().state is FlagState.ON

    def test_out_of_service_of_one_rule_asks_by_that_rule(self) -> None:
        desk = Desk(plan_with(LEVEL, replace(YELLOW, id="soft")))
        assert desk.act("take_out", asset="station", rule="soft", duration_s=60.0) == ""
        assert desk.flag().state is FlagState.ON


class TestOutOfService:
    """A sensor, or an asset with all its sensors."""

    def desk(self) -> Desk:
        desk = Desk(plan_with(YELLOW, replace(YELLOW, id="s")))
        desk.read(20.0, "b")
        desk.read(20.0)
        desk.told()
        return desk

    def test_all_alarms_of_an_asset_are_hidden_in_order(self) -> None:
        desk = self.desk()
        assert desk.act("take_out", asset="station", duration_s=60.0) == ""
        expected = ["a", "b", "a", "b"]
        assert desk.told() == [f"{tag} hidden yellow unacknowledged out_of_service" for tag in expected]
        assert desk.act("put_back", flag=desk.flag().id) == ""
        assert desk.told() == [f"{tag} shown yellow unacknowledged" for tag in expected]

    def test_a_graver_alarm_stays_hidden(self) -> None:
        desk = self.desk()
        desk.act("take_out", tag="a", rule="r", duration_s=60.0)
        desk.told()
        desk.read(40.0)
        assert desk.told() == [
            "a upgraded orange unacknowledged out_of_service",
            "a upgraded orange unacknowledged",
        ]

    def test_the_strongest_flag_is_told_and_each_change_of_it(self) -> None:
        desk = self.desk()
        subject, alarm = Subject("r", "a", "station", latching=False), desk.state.alarms.judged("r", "a")
        assert alarm is not None
        here = Circumstance(99, ns(1.0), ns(1.0), note="mode == maintenance")
        machine = desk.state.alarms
        desk.events += machine.suppression_changed(subject, here, on=True)
        assert machine.suppression_changed(subject, here, on=True) == []
        desk.act("shelve", alarm_id=alarm.id, duration_s=60.0)
        desk.act("take_out", tag="a", rule="r", duration_s=60.0)
        desk.act("put_back", alarm_id=alarm.id)
        desk.act("unshelve", alarm_id=alarm.id)
        desk.events += machine.suppression_changed(subject, here, on=False)
        assert [line.split()[-1] for line in desk.told()] == [
            "suppressed",
            "shelved",
            "out_of_service",
            "shelved",
            "suppressed",
            "unacknowledged",
        ]

    def test_a_suppression_ends_with_its_rule_and_no_other_does(self) -> None:
        desk = self.desk()
        here = Circumstance(99, ns(1.0), ns(1.0), note="mode == maintenance")
        machine = desk.state.alarms
        for tag in "ab":
            machine.suppression_changed(Subject("r", tag, "station", latching=False), here, on=True)
        desk.events += machine.end_suppressions(lambda _, tag: tag == "b", here)
        assert desk.told() == ["a shown yellow unacknowledged"]

    def test_put_back_by_an_alarm_that_several_cover_is_refused(self) -> None:
        desk = self.desk()
        alarm = desk.state.alarms.judged("r", "a")
        assert alarm is not None
        desk.act("take_out", tag="a", duration_s=60.0)
        desk.act("take_out", asset="station", duration_s=60.0)
        assert "2 flags cover it" in desk.act("put_back", alarm_id=alarm.id)


@pytest.mark.parametrize(
    ("act", "said"),
    [
        ({"what": "shelve", "duration_s": 60.0}, "is not open; only open alarms can be shelved"),
        ({"what": "shelve", "duration_s": 60.0, "note": "  "}, "needs a reason"),
        ({"what": "shelve", "duration_s": 0.0}, "above 0 and at most 28800 (8 h)"),
        ({"what": "shelve", "duration_s": -1.0}, "above 0"),
        ({"what": "shelve", "duration_s": 28_801.0}, "at most 28800"),
        ({"what": "shelve", "duration_s": float("nan")}, "above 0"),
        ({"what": "shelve", "duration_s": 60.0, "by": " "}, "needs by"),
        ({"what": "take_out", "duration_s": 60.0}, "one of the two"),
        ({"what": "take_out", "tag": "a", "asset": "station", "duration_s": 60.0}, "one of the two"),
        ({"what": "take_out", "tag": "x", "duration_s": 60.0}, "sensor 'x' is not in the registry"),
        ({"what": "take_out", "asset": "x", "duration_s": 60.0}, "asset 'x' is not in the registry"),
        ({"what": "take_out", "tag": "a", "rule": "x", "duration_s": 60.0}, "rule 'x' is not in the plan"),
        ({"what": "take_out", "tag": "a", "duration_s": 8 * 86_400.0}, "at most 604800 (168 h)"),
        ({"what": "unshelve"}, "is not shelved"),
        ({"what": "unshelve", "flag": "x"}, "flag 'x' is not on as shelved"),
        ({"what": "put_back"}, "is not out_of_service"),
        ({"what": "approve", "flag": "x"}, "flag 'x' is not asked for"),
        ({"what": "withdraw", "flag": "x"}, "flag 'x' is not asked for"),
        ({"what": "comment", "note": ""}, "needs a note"),
        ({"what": "comment", "alarm_id": "gone"}, "'gone' is not known"),
        ({"what": "verdict", "verdict": "maybe"}, "known are real, false, test, drill, works"),
        ({"what": "verdict", "verdict": "false", "note": ""}, "needs a note: the cause"),
        ({"what": "take_out", "tag": "system.heartbeat", "duration_s": 60.0}, "heartbeat can be given no act"),
        ({"what": "fly"}, "act 'fly' is not known; known are acknowledge, reset, shelve"),
    ],
)
def test_what_lacks_something_is_refused_with_what_it_lacks(act: dict[str, object], said: str) -> None:
    desk = Desk()
    desk.read(20.0)
    desk.told()
    open_one = said.startswith(("needs a reason", "above 0", "at most 28800", "needs by", "is not shelved"))
    refused = desk.act(**({"alarm_id": desk.alarm().id if open_one else ""} | act))  # type: ignore[arg-type]
    assert said in refused
    assert desk.told() == []
    assert desk.flags == []


def test_the_same_command_twice_has_one_effect() -> None:
    desk = shelved()
    flag = desk.flag()
    desk.state.next_offset -= 1
    desk.act("shelve", alarm_id=desk.alarm().id, duration_s=60.0)
    assert desk.flag() == flag


def test_the_longest_times_are_those_of_the_plan() -> None:
    desk = Desk(plan_with(YELLOW, policy=AlarmPolicy(shelf_max_s=60.0, out_of_service_max_s=120.0)))
    desk.read(20.0)
    assert "at most 60" in desk.shelve()
    assert "at most 120" in desk.act("take_out", tag="a", duration_s=121.0)


def test_a_flag_survives_reload_and_restart_and_the_time_that_has_passed_counts() -> None:
    desk = shelved(hours=1.0)
    desk.told()
    desk.wall_ahead_s = -10 * HOUR_S
    desk.wait(1_800.0, every_s=5.0)
    desk.restart()
    desk.apply(plan_with(rule("other", grade("blue", "value > 90"))))
    desk.apply(plan_with())
    desk.restart()
    desk.wait(1_795.0, every_s=5.0)
    assert desk.told() == []
    desk.wait(10.0)
    assert desk.told() == ["a shown yellow unacknowledged"]


def test_a_flag_on_what_is_gone_stays_to_its_end() -> None:
    desk = Desk(plan_with(YELLOW))
    desk.act("take_out", tag="b", duration_s=60.0)
    desk.apply(plan_with(YELLOW, tags=("a",)))
    desk.wait(50.0)
    assert desk.flag().cover.tag == "b"
    desk.wait(11.0)
    assert desk.ended() == ["time"]


def test_an_asset_that_is_renamed_keeps_the_flag_of_its_open_alarms() -> None:
    desk = Desk(plan_with(YELLOW))
    desk.read(20.0)
    desk.act("take_out", asset="station", duration_s=60.0)
    moved = plan_with(YELLOW)
    moved = replace(
        moved,
        assets=(*moved.assets, Asset("pit", NAME, "site")),
        sensors=tuple(replace(sensor, asset="pit") for sensor in moved.sensors),
    )
    desk.told()
    desk.apply(moved)
    desk.wait(50.0)
    assert desk.alarm().hidden == "out_of_service"
    desk.wait(11.0)
    assert desk.told() == ["a shown yellow unacknowledged"]


def test_snapshots_before_flags_are_read() -> None:
    desk = Desk()
    desk.read(20.0)
    kept = snapshot.take(desk.state)
    meta = msgspec.json.decode(kept.meta)
    for key in ("flags", "flags_begun", "flag_waits", "realarm_waits", "stale_waits"):
        del meta[key]
    del meta["clock"]["passed_ns"]
    state = snapshot.restore(replace(kept, meta=msgspec.json.encode(meta)))
    assert state.alarms.snapshot() == desk.state.alarms.snapshot()
