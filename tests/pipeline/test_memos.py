"""Memos: a note on a rule and its sensor that hides nothing and lasts over restarts, reloads and many alarms."""

from __future__ import annotations

from dataclasses import replace

from model.alarm import AlarmState
from model.flag import FlagKind
from tests.pipeline.desk import LEVEL, Desk, plan_with


def raised(desk: Desk) -> str:
    desk.read(20.0)
    return desk.alarm().id


def test_a_memo_hides_nothing_and_is_told_by_no_event() -> None:
    desk = Desk()
    alarm = raised(desk)
    desk.told()
    assert desk.act("memo", alarm_id=alarm, note="cover is loose") == ""
    assert desk.told() == []
    assert (desk.flag().kind, desk.flag().reason, desk.flag().until_ns) == (FlagKind.MEMO, "cover is loose", None)
    assert (desk.alarm().hidden, desk.alarm().state) == ("", AlarmState.UNACKNOWLEDGED)
    desk.read(40.0)
    assert desk.told() == ["a upgraded orange unacknowledged"]


def test_it_stays_beside_a_shelf_and_over_restart_reload_and_the_end_of_the_alarm() -> None:
    desk = Desk()
    desk.act("memo", alarm_id=raised(desk), note="known")
    desk.shelve(hours=0.01)
    assert desk.alarm().hidden == "shelved"
    desk.restart()
    desk.wait(60.0)
    assert desk.alarm().hidden == ""
    desk.act("acknowledge", alarm_id=desk.alarm().id)
    desk.read(0.0)
    desk.apply(plan_with(replace(LEVEL, latching=True)))
    desk.wait(200_000.0, every_s=10_000.0)
    assert desk.flag().reason == "known"
    raised(desk)
    assert desk.act("end_memo", alarm_id=desk.alarm().id) == ""
    assert desk.state.alarms.flags.all() == []


def test_a_newer_memo_takes_the_place_of_the_older_and_a_closed_alarm_can_be_given_one() -> None:
    desk = Desk()
    for note in ("one", "two"):
        assert desk.act("memo", alarm_id="gone", rule="r", tag="a", note=note) == ""
    assert desk.flag().reason == "two"
    assert desk.ended() == ["replaced"]


def test_a_memo_needs_a_note_an_alarm_and_a_name() -> None:
    desk = Desk()
    alarm = raised(desk)
    assert "needs a note" in desk.act("memo", alarm_id=alarm, note=" ")
    assert "is not known" in desk.act("memo", alarm_id="none", note="x")
    assert "needs by" in desk.act("memo", by="", alarm_id=alarm, note="x")
    assert "is not memo" in desk.act("end_memo", alarm_id=alarm)
    assert desk.state.alarms.flags.all() == []
