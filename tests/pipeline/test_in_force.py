"""A plan that comes into force while the runner runs: between two rounds, whole, and told."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from model.alarm import AlarmEvent, Grade
from model.connector import Deliveries
from model.errors import FengsuiError
from model.inputs import Input, PlanChange, Proposal, Tick
from model.plan import Plan
from model.text import Text
from pipeline.changes.rehearsal import rehearse
from pipeline.process.binding import bind
from pipeline.process.step import Outcome, State, step
from store.journal.reader import JournalReader
from store.pipeline_reader import PipelineReader
from tests.pipeline.plans import Row, canonical, grade, ns, plan, rows, rule
from tests.pipeline.runs import follow, long_run, same_state, started, whole_plan
from tests.pipeline.sources import message, reading
from tests.pipeline.test_runner import Parts, parts

LIMITS = rule("r", grade("blue", "value >= 10"), grade("red", "value >= 50"))
TWO = plan(LIMITS, sensors=[("a", "gas"), ("b", "gas")])
TURNED = plan(LIMITS, sensors=[("new", "gas"), ("b", "gas"), ("a", "gas")])
PROPOSAL = Proposal("v", TWO.version, "Wang", "", ("rule r",), ns(1.0), ns(9.0))


def hand_in(opened: Parts, made: Plan, by: str = "Wang") -> object:
    ready = opened.runner.in_force.make_ready(PlanChange(made, ns(0.0), by))
    return opened.runner.in_force.hand_in(ready)


def play(opened: Parts, at: int, tag: str, value: float) -> list[AlarmEvent]:
    sent = message(at, reading(at, value), tag, at)
    opened.source.waiting[sent.receipt] = sent
    return opened.runner.round([Deliveries.of([sent])], [Tick(ns(at), 10**9 * (100 + at))])


def test_readings_are_judged_by_the_plan_that_they_were_decoded_by(tmp_path: Path) -> None:
    with parts(tmp_path, made=TWO) as opened:
        assert [event.tag for event in play(opened, 1, "b", 60.0)] == ["b"]
        done = hand_in(opened, TURNED)
        assert done.empty()  # type: ignore[attr-defined]
        found = play(opened, 2, "a", 60.0) + play(opened, 3, "b", 0.0) + play(opened, 4, "new", 12.0)
        assert [(event.tag, event.grade) for event in found] == [
            ("a", Grade.RED),
            ("b", Grade.NONE),
            ("new", Grade.BLUE),
        ]
        assert done.get(timeout=0) == ""  # type: ignore[attr-defined]
    items = [entry.item for entry in JournalReader(tmp_path / "journal", 0).read()]
    assert [item.by for item in items if isinstance(item, PlanChange)] == ["", "Wang"]
    with parts(tmp_path, made=TURNED) as again:
        assert sorted(alarm.tag for alarm in again.runner.state.alarms.open_alarms()) == ["a", "b", "new"]


def test_a_change_stands_in_the_journal_before_the_readings_of_its_round(tmp_path: Path) -> None:
    with parts(tmp_path, made=TWO) as opened:
        play(opened, 1, "a", 1.0)
        hand_in(opened, TURNED)
        play(opened, 2, "a", 60.0)
    kinds = [type(entry.item).__name__ for entry in JournalReader(tmp_path / "journal", 0).read()]
    assert kinds == ["PlanChange", "Batch", "Tick", "PlanChange", "Batch", "Tick"]


def test_notices_name_things_as_the_plan_in_force_does(tmp_path: Path) -> None:
    renamed = replace(TWO, version="renamed", rules=(replace(LIMITS, name=Text("改名", "renamed")),))
    with parts(tmp_path, made=TWO) as opened:
        play(opened, 1, "a", 12.0)
        hand_in(opened, renamed)
        play(opened, 2, "b", 12.0)
        opened.runner.note_plan(opened.runner.state)
    reader = PipelineReader(tmp_path / "pipeline.db")
    told = [row.body for _, row in reader.outbox_after(0, 10) if b"alarm-event" in row.body]
    assert [b"renamed" in body for body in told] == [False, True]
    assert reader.plan().version == "renamed"
    reader.close()


def test_a_proposal_changes_nothing_and_is_known_after_a_restart_until_the_next_change(tmp_path: Path) -> None:
    with parts(tmp_path, made=TWO) as opened:
        play(opened, 1, "a", 12.0)
        done = opened.runner.in_force.hand_in(PROPOSAL)
        assert [event.tag for event in play(opened, 2, "b", 12.0)] == ["b"]
        assert done.get(timeout=0) == ""
        opened.runner.save_snapshot()
    for saved in (True, False):
        with parts(tmp_path, made=TWO) as again:
            assert again.runner.state.proposal == PROPOSAL
        if saved:
            for path in (tmp_path / "snapshots").glob("*.npz"):
                path.unlink()
    with parts(tmp_path, made=TURNED) as changed:
        assert changed.runner.state.proposal is None


@pytest.mark.parametrize("seed", range(3))
def test_a_plan_that_was_bound_beforehand_gives_the_same_bits(seed: int) -> None:
    events = [event for event in long_run(seed, 120) if not hasattr(event, "act")]
    other = replace(whole_plan(), version="2", rules=whole_plan().rules[1:])
    plain, prepared = started(whole_plan()), started(whole_plan())
    found = []
    for state in (plain, prepared):
        half = len(events) // 2
        one = follow(state, events[:half])
        if state is prepared:
            state.prepared = bind(other)
        one += step(state, state.next_offset, PlanChange(other, ns(0.0))).events
        assert state.prepared is None
        found.append(canonical(one + follow(state, events[half:])))
    assert found[0] == found[1]
    assert same_state(plain, prepared)


def test_what_was_bound_for_another_plan_is_not_used() -> None:
    state = started(TWO)
    state.prepared = bind(TURNED)
    step(state, state.next_offset, PlanChange(TWO, ns(0.0)))
    assert [event.tag for event in step(state, state.next_offset, rows([Row(0, 1.0, 60.0)])).events] == ["a"]


def test_a_change_is_rehearsed_on_the_newest_snapshot(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with parts(tmp_path, made=TWO) as opened:
        play(opened, 1, "a", 60.0)
        opened.runner.save_snapshot()
    rehearse(PlanChange(TURNED, 0), tmp_path / "snapshots")
    rehearse(PlanChange(TURNED, 0), tmp_path / "there-is-none")

    def broken(_state: State, _offset: int, _item: Input) -> Outcome:
        raise ValueError("no such slot")

    monkeypatch.setattr("pipeline.changes.rehearsal.step", broken)
    with pytest.raises(FengsuiError, match="cannot be taken over to the new configuration: ValueError"):
        rehearse(PlanChange(TURNED, 0), tmp_path / "snapshots")
