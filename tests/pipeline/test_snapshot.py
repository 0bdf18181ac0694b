"""Stopping and going on from a snapshot changes nothing: not the events, not the next snapshot."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detectors.general.baseline import CUSUM_ADDED
from model.alarm import Transition
from model.errors import StoreError
from model.inputs import HumanAct, Tick
from model.plan import DetectorSpec
from pipeline.process import snapshot
from pipeline.process.step import State, step
from store import snapshots
from store.snapshots import Snapshot
from tests.pipeline.plans import Row, canonical, grade, kind, ns, plan, rows, rule
from tests.pipeline.runs import follow, long_run, same_state, started, whole_plan
from tests.pipeline.worlds import Rows, World, worlds

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
    for other in (meta | {"format": 99}, {"format": 99}):
        with pytest.raises(StoreError, match="has format 99; this version reads 1"):
            snapshot.restore(replace(kept, meta=msgspec.json.encode(other)))
    for other in ({}, {"format": 1}):
        with pytest.raises(StoreError, match="does not read"):
            snapshot.restore(replace(kept, meta=msgspec.json.encode(other)))


def of_other_versions(kept: Snapshot, **versions: int) -> Snapshot:
    meta = msgspec.json.decode(kept.meta)
    changed = {f"gas/{name}": version for name, version in versions.items()}
    return replace(kept, meta=msgspec.json.encode(meta | {"detector_versions": meta["detector_versions"] | changed}))


def differing(one: Snapshot, other: Snapshot) -> set[str]:
    """The parts whose arrays differ."""
    return {
        name.rpartition("/")[0] for name, array in one.arrays.items() if array.tobytes() != other.arrays[name].tobytes()
    }


@pytest.mark.parametrize("seed", range(4))
def test_a_detector_of_another_version_begins_anew_with_its_rules_and_all_else_goes_on(seed: int) -> None:
    state = started(PLAN)
    follow(state, long_run(seed)[:120])
    kept = snapshot.take(state)
    again, anew = snapshot.load(of_other_versions(kept, mean=7))
    assert anew == ["gas/detector/mean", "gas/rule/normal"]
    assert differing(kept, snapshot.take(again)) <= set(anew)
    assert "gas/detector/mean" in differing(kept, snapshot.take(again))
    assert again.alarms.snapshot() == state.alarms.snapshot()
    assert snapshot.load(kept)[1] == []


@pytest.mark.parametrize("loss", ["version", "detector", "rule"])
def test_an_alarm_stays_on_though_its_detector_or_rule_begins_anew_and_a_fresh_reading_ends_it(loss: str) -> None:
    slope = DetectorSpec("slope", "rate", ("gas",), {"window_s": 4.0})
    state = started(plan(rule("r", grade("red", "slope > 40")), detectors=[slope]))
    follow(state, [Rows((Row(0, float(at), 5.0 * at),)) for at in range(6)])
    kept = snapshot.take(state)
    (alarm,) = state.alarms.open_alarms()
    harmed = {
        "version": of_other_versions(kept, slope=2),
        "detector": without(kept, "gas/detector/slope/sensors"),
        "rule": replace(kept, arrays=kept.arrays | {"gas/rule/r/level": np.zeros(9, np.int8)}),
    }
    again, anew = snapshot.load(harmed[loss])
    assert "gas/rule/r" in anew
    assert follow(again, [Rows((Row(0, 6.0, 30.0),))]) == []
    assert again.alarms.open_alarms() == [alarm]
    later = follow(again, [Rows((Row(0, 7.0 + at, 30.0),)) for at in range(8)])
    assert [event.transition for event in later] == [Transition.RETURNED]


def without(kept: Snapshot, name: str) -> Snapshot:
    return replace(kept, arrays={other: array for other, array in kept.arrays.items() if other != name})


def test_a_snapshot_that_lacks_what_belongs_to_all_is_not_used() -> None:
    kept = snapshot.take(started(PLAN))
    with pytest.raises(StoreError, match="recent/rings"):
        snapshot.restore(without(kept, "recent/rings"))
    with pytest.raises(StoreError, match="recent/rings"):
        snapshot.restore(replace(kept, arrays=kept.arrays | {"recent/rings": np.zeros(3)}))


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


def test_records_without_the_fields_that_were_added_since_go_on() -> None:
    """An older version kept less of each sensor; what it did keep is not lost."""
    state = started(PLAN)
    follow(state, long_run(0))
    taken = snapshot.take(state)
    key = next(name for name in taken.arrays if name.endswith("/detector/sum/sensors"))
    whole = taken.arrays[key]
    kept = [name for name in whole.dtype.names or () if name not in CUSUM_ADDED]
    taken.arrays[key] = whole[kept].astype(np.dtype([(name, whole.dtype[name]) for name in kept]))
    restored, anew = snapshot.load(taken)
    kinds = {program.kind.id: program for program in restored.bound.programs}
    (bound,) = (one for one in kinds[key.partition("/")[0]].detectors if one.spec.id == "sum")
    assert anew == []
    assert (bound.state.sensors["mean"] == whole["mean"]).all()
    assert not bound.state.sensors["above_blocks"].any()
