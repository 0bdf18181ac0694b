"""Incidents beside the alarms: stored with them, the same after any end and any cut, and never in their way."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import msgspec
import pytest

from app.watched import grouping_check
from model.alarm import AlarmEvent
from model.incident import IncidentEvent
from model.inputs import HumanAct, Input, Tick
from model.plan import Plan
from pipeline.correlate import stage
from pipeline.correlate.stage import step_and_correlate
from pipeline.process import snapshot
from pipeline.process.step import State
from rules.incidents.groups import Groups
from store.pipeline_reader import PipelineReader
from tests.pipeline.plans import Row, grade, kind, ns, plan, rows, rule
from tests.pipeline.runs import Event, long_run, merged, singly, started, to_input, whole_plan
from tests.pipeline.sources import message, reading
from tests.pipeline.test_runner import parts, play

LIMIT = rule("r", grade("blue", "value >= 10"), grade("red", "value >= 50"))
PLAN = plan(LIMIT, kinds=[kind("gas")], sensors=[("a", "gas"), ("b", "gas")])
VALUES = [1, 12, 60, 1, 20, 1, 1, 55, 1, 1, 1, 1]


def story(folder: Path, *, stops: set[int]) -> tuple[list[bytes], list[object], list[object]]:
    """Two sensors of one station; the process ends before these rounds and begins again."""
    at = 0
    while at < len(VALUES):
        with parts(folder, made=PLAN, now_s=float(at)) as opened:
            while True:
                value = VALUES[at]
                given = [
                    message(10 * at, reading(at, value), "a", at),
                    message(10 * at + 1, reading(at, value), "b", at),
                ]
                play(opened, at, given)
                at += 1
                if at in stops or at >= len(VALUES):
                    break
    reader = PipelineReader(folder / "pipeline.db")
    found = reader.incident_event_bodies(), reader.incidents(open_only=False), reader.outbox_after(0, 10**6)
    alarms = reader.alarms(open_only=False)
    assert set(reader.incidents_of([alarm.id for alarm in alarms])) == {alarm.id for alarm in alarms}
    reader.close()
    return found


def test_after_any_end_of_the_process_the_same_incidents_are_stored(tmp_path: Path) -> None:
    events, incidents, outbox = story(tmp_path / "whole", stops=set())
    assert len(incidents) == 1
    assert incidents[0].alarms == 2
    changes = [msgspec.json.decode(body, type=IncidentEvent).change.value for body in events]
    assert changes[:3] == ["opened", "joined", "upgraded"]
    for stops in ({2}, {3, 7}, set(range(len(VALUES)))):
        name = "-".join(map(str, sorted(stops)))
        assert story(tmp_path / name, stops=stops) == (events, incidents, outbox)


def test_an_incident_of_more_than_one_alarm_is_sent_out_with_what_it_holds(tmp_path: Path) -> None:
    _, _, outbox = story(tmp_path, stops=set())
    sent = [row for _, row in outbox if row.topic["rule"].startswith("incident.")]
    body = msgspec.json.decode(sent[0].body)
    assert (body["format"], body["grade"], body["site"]) == ("fengsui.incident.v1", "blue", "site")
    assert (body["event"]["change"], body["event"]["incident"]["alarms"]) == ("joined", 2)
    assert sent[0].alarm_id == body["event"]["incident_id"]


def follow(state: State, events: list[Event]) -> tuple[list[AlarmEvent], list[bytes]]:
    alarms, incidents = [], []
    for one in events:
        outcome = step_and_correlate(state, state.next_offset, to_input(state, one))
        alarms += outcome.events
        incidents += [msgspec.json.encode(told) for told in outcome.incidents]
    return alarms, incidents


def quick(made: Plan) -> Plan:
    return replace(made, incidents=replace(made.incidents, window_s=5.0, quiet_s=3.0))


@pytest.mark.parametrize("seed", range(4))
def test_however_rows_are_cut_into_batches_the_incidents_are_the_same(seed: int) -> None:
    run = long_run(seed)
    whole = follow(started(quick(whole_plan())), run)
    assert len(whole[1]) > 5
    assert follow(started(quick(whole_plan())), singly(run)) == whole
    assert follow(started(quick(whole_plan())), merged(run, iter(lambda: 7, 0))) == whole


def test_a_snapshot_in_the_middle_changes_nothing() -> None:
    run = long_run(5)
    whole = follow(started(quick(whole_plan())), run)[1]
    for at in (20, 60, 100):
        state = started(quick(whole_plan()))
        before = follow(state, run[:at])[1]
        assert before + follow(snapshot.restore(snapshot.take(state)), run[at:])[1] == whole


def test_a_snapshot_of_a_version_without_incidents_begins_with_none() -> None:
    state = started(PLAN)
    follow_on(state, 60.0)
    taken = snapshot.take(state)
    meta = msgspec.json.decode(taken.meta)
    del meta["incidents"]
    restored = snapshot.restore(replace(taken, meta=msgspec.json.encode(meta)))
    assert not restored.incidents.groups.open
    assert restored.alarms.open_alarms() == state.alarms.open_alarms()


def follow_on(state: State, value: float) -> list[AlarmEvent]:
    given: list[Input] = [rows([Row(0, 1.0, value)]), Tick(ns(2), 2 * 10**9)]
    return [event for item in given for event in step_and_correlate(state, state.next_offset, item).events]


def test_an_error_in_grouping_ends_grouping_and_no_alarm(monkeypatch: pytest.MonkeyPatch) -> None:
    sound = follow_on(started(PLAN), 60.0)

    def fail(*_: object) -> None:
        raise ZeroDivisionError("a bug")

    monkeypatch.setattr(Groups, "take", fail)
    state = started(PLAN)
    assert follow_on(state, 60.0) == sound
    assert state.incidents.broken == "ZeroDivisionError: a bug"
    monkeypatch.undo()
    assert stage.correlate(state, 9, Tick(ns(3), 3 * 10**9), sound).events == []
    assert not snapshot.restore(snapshot.take(state)).incidents.broken


def test_an_act_on_incidents_is_journaled_has_one_effect_and_survives_a_restart(tmp_path: Path) -> None:
    values = [message(0, reading(0, 60), "a", 0), message(1, reading(0, 60), "b", 0)]
    with parts(tmp_path, made=PLAN) as opened:
        play(opened, 0, values)
        groups = opened.runner.state.incidents.groups
        one, *alarms = next(iter(groups.open)), *groups.of_alarm
        split = HumanAct("once", "split", one, "Wang", "two things", ns(1), about=(alarms[1],))
        for item in (split, split, HumanAct("other", "split", "gone", "Wang", "", ns(1), about=("x",))):
            reply = opened.runner.hand_in(item)
            opened.runner.round([])
            refused = reply.get_nowait()
            assert refused == (
                "" if item is split else "incident 'gone' is not open; `fengsui incidents list` shows the open ones"
            )
        before = snapshot.take(opened.runner.state).meta
        assert len(groups.open) == 2
    with parts(tmp_path, made=PLAN) as opened:
        assert snapshot.take(opened.runner.state).meta == before
        assert opened.runner.state.alarms.open_alarms()
    reader = PipelineReader(tmp_path / "pipeline.db")
    stored = [msgspec.json.decode(body, type=IncidentEvent) for body in reader.incident_event_bodies()]
    assert [one.change.value for one in stored].count("split") == 2
    assert len(set(reader.incidents_of(alarms).values())) == 2
    reader.close()


def test_after_a_start_alarms_that_are_over_hold_no_incident_open(tmp_path: Path) -> None:
    with parts(tmp_path, made=PLAN) as opened:
        play(opened, 0, [message(0, reading(0, 60), "a", 0)])
        state = opened.runner.state
        (one,) = state.incidents.groups.open.values()
        assert state.incidents.hold_to([alarm.id for alarm in state.alarms.open_alarms()]) == 0
        assert one.quiet_ns is None
        assert state.incidents.hold_to([]) == 1
        assert one.quiet_ns is not None


def test_a_grouping_that_failed_is_a_reason_not_to_be_ready(tmp_path: Path) -> None:
    with parts(tmp_path, made=PLAN) as opened:
        (sound,) = grouping_check(opened.runner)()
        opened.runner.state.incidents.broken = "ZeroDivisionError: a bug"
        (broken,) = grouping_check(opened.runner)()
        assert (sound.trouble, broken.trouble) == (None, "ZeroDivisionError: a bug")


def test_an_alarm_whose_incident_was_lost_with_the_state_begins_another_and_that_is_stored(tmp_path: Path) -> None:
    with parts(tmp_path, made=PLAN) as opened:
        play(opened, 0, [message(0, reading(0, 12), "a", 0)])
        opened.runner.state.incidents.broken = "an error"
        opened.runner.save_snapshot()
    with parts(tmp_path, made=PLAN, now_s=1.0) as opened:
        assert PipelineReader(tmp_path / "pipeline.db").incidents() == []
        play(opened, 1, [message(1, reading(1, 60), "a", 1)])
        (one,) = opened.runner.state.incidents.groups.open
    reader = PipelineReader(tmp_path / "pipeline.db")
    assert [incident.id for incident in reader.incidents()] == [one]
    assert [incident.is_open for incident in reader.incidents(open_only=False)].count(False) == 1
    reader.close()
