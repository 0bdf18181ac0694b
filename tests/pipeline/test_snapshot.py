"""Stopping and going on from a snapshot changes nothing: not the events, not the next snapshot."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from model.errors import StoreError
from model.inputs import HumanAct, Tick
from pipeline.process import snapshot
from pipeline.process.step import State, step
from store import snapshots
from tests.pipeline.plans import Row, canonical, grade, kind, ns, plan, rows, rule
from tests.pipeline.runs import follow, long_run, same_state, started, whole_plan
from tests.pipeline.worlds import World, worlds

PLAN = whole_plan()


def through_a_file(state: State, folder: Path) -> State:
    snapshots.save(folder, snapshot.take(state))
    kept, damaged = snapshots.load_newest(folder)
    assert kept is not None
    assert not damaged
    return snapshot.restore(kept)


@pytest.mark.parametrize("seed", range(6))
def test_a_run_goes_on_from_its_snapshot_as_if_it_had_never_stopped(seed: int, tmp_path: Path) -> None:
    events = long_run(seed)
    uninterrupted, stopped = started(PLAN), started(PLAN)
    expected = canonical(follow(uninterrupted, events))
    found = []
    for cut in range(0, len(events), 25):
        found += canonical(follow(stopped, events[cut : cut + 25]))
        stopped = through_a_file(stopped, tmp_path)
    assert found == expected
    assert same_state(uninterrupted, stopped)


@settings(max_examples=60, deadline=None)
@given(worlds(), st.integers(0, 30))
def test_any_world_goes_on_from_its_snapshot_at_any_point(world: World, at: int) -> None:
    uninterrupted, stopped = started(world.plan), started(world.plan)
    expected = canonical(follow(uninterrupted, world.events))
    found = canonical(follow(stopped, world.events[:at]))
    stopped = snapshot.restore(snapshot.take(stopped))
    assert found + canonical(follow(stopped, world.events[at:])) == expected
    assert same_state(uninterrupted, stopped)


def test_an_unusable_reading_that_waits_to_be_sorted_survives_a_snapshot() -> None:
    slow = plan(rule("r", grade("red", "value > 50")), kinds=[kind(lateness_s=5.0)])
    state = started(slow)
    step(state, state.next_offset, rows([Row(0, 1.0, float("nan")), Row(0, 2.0, float("inf")), Row(0, 3.0, 1.0)]))
    again = snapshot.restore(snapshot.take(state))
    assert same_state(state, again)
    step(again, again.next_offset, Tick(ns(10), 0))
    step(again, again.next_offset, Tick(ns(16), 6 * 10**9))
    assert again.counts.accepted == 3


def test_a_snapshot_of_another_format_is_not_used() -> None:
    kept = snapshot.take(started(PLAN))
    meta = msgspec.json.decode(kept.meta)
    for other in (meta | {"format": 99}, meta | {"detector_versions": {}}):
        with pytest.raises(StoreError, match="another version"):
            snapshot.restore(replace(kept, meta=msgspec.json.encode(other)))
    with pytest.raises(StoreError, match="does not read"):
        snapshot.restore(replace(kept, meta=b"{}"))


def test_a_snapshot_with_an_array_missing_or_of_another_shape_is_not_used() -> None:
    kept = snapshot.take(started(PLAN))
    without = {name: array for name, array in kept.arrays.items() if name != "recent/rings"}
    with pytest.raises(StoreError, match="recent/rings"):
        snapshot.restore(replace(kept, arrays=without))
    with pytest.raises(StoreError, match="recent/rings"):
        snapshot.restore(replace(kept, arrays=without | {"recent/rings": np.zeros(3)}))


def test_a_snapshot_shares_no_memory_with_the_state_that_goes_on() -> None:
    state = started(PLAN)
    events = long_run(1)
    follow(state, events[:40])
    kept = snapshot.take(state)
    before = {name: array.tobytes() for name, array in kept.arrays.items()}
    follow(state, events[40:])
    assert {name: array.tobytes() for name, array in kept.arrays.items()} == before


def test_a_command_done_before_a_snapshot_is_not_done_again_after_it() -> None:
    state = begin_with_alarm()
    alarm = state.alarms.open_alarms()[0]
    act = HumanAct("once", "acknowledge", alarm.id, "Wang", "", ns(2))
    assert len(step(state, state.next_offset, act).events) == 1
    again = snapshot.restore(snapshot.take(state))
    outcome = step(again, again.next_offset, act)
    assert (outcome.events, outcome.refused) == ([], "")


def begin_with_alarm() -> State:
    state = started(plan(rule("r", grade("red", "value > 50"))))
    step(state, state.next_offset, rows([Row(0, 1.0, 60.0)]))
    return state
