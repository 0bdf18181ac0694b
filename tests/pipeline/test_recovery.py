"""A start after a change of program or with a damaged store: no alarm is lost, none ends unseen, all is told."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import msgspec
import numpy as np
import pytest
from structlog.testing import capture_logs

from model.alarm import Alarm, AlarmEvent, AlarmState, Grade, Transition
from model.batch import Batch
from model.errors import StoreError
from model.inputs import HumanAct, Input
from pipeline.process import snapshot
from pipeline.process.step import Outcome, State, step
from store import snapshots
from store.pipeline_reader import PipelineReader
from tests.pipeline.plans import ns
from tests.pipeline.sources import message, reading
from tests.pipeline.test_runner import Parts, parts, play

LOUD = "open alarm was not as people were told; what was told counts"
END_S = 200


def raising(number: int, at_s: float, value: float, sensor: str = "a") -> list[object]:
    return [message(number, reading(at_s, value), sensor, at_s)]


def standing(alarms: Sequence[Alarm]) -> set[tuple[str, AlarmState, Grade]]:
    return {(alarm.id, alarm.state, alarm.grade) for alarm in alarms}


def stored(folder: Path) -> list[Alarm]:
    reader = PipelineReader(folder / "pipeline.db")
    try:
        return reader.alarms()
    finally:
        reader.close()


def told(folder: Path) -> list[AlarmEvent]:
    reader = PipelineReader(folder / "pipeline.db")
    try:
        events = [msgspec.json.decode(body, type=AlarmEvent) for body in reader.event_bodies()]
        rows = [row for _, row in reader.outbox_after(0, 10**6)]
        of_alarms = [row.id for row in rows if not row.topic["rule"].startswith("incident.")]
        assert of_alarms == [event.id for event in events]
        return events
    finally:
        reader.close()


def forget(folder: Path, alarm: Alarm) -> None:
    """What a damaged store has lost."""
    with sqlite3.connect(folder / "pipeline.db") as connection:
        for table, column in (("alarms", "id"), ("events", "alarm_id"), ("outbox", "alarm_id")):
            connection.execute(f"DELETE FROM {table} WHERE {column} = ?", (alarm.id,))
    connection.close()


def begun_again(folder: Path) -> tuple[Parts, list[dict[str, object]]]:
    with capture_logs() as logs:
        opened = Parts(folder)
    return opened, [line for line in logs if line["event"] == LOUD]


def test_an_alarm_that_the_store_has_lost_is_taken_back_loudly_and_raised_anew_by_the_next_reading(
    tmp_path: Path,
) -> None:
    with parts(tmp_path) as opened:
        play(opened, 1, raising(1, 1, 60))
        opened.runner.save_snapshot()
        (lost,) = opened.runner.state.alarms.open_alarms()
    forget(tmp_path, lost)
    opened, lines = begun_again(tmp_path)
    assert [(line["difference"], line["alarm"], line["log_level"]) for line in lines] == [
        ("never_told", lost.id, "error")
    ]
    assert opened.runner.metrics.reconciled.labels("never_told")._value.get() == 1
    play(opened, 2, raising(2, 2, 60))
    opened.close()
    (alarm,) = stored(tmp_path)
    assert (alarm.state, alarm.grade) == (AlarmState.UNACKNOWLEDGED, Grade.RED)
    assert [event.transition for event in told(tmp_path)] == [Transition.RAISED]
    assert alarm.id != lost.id


def test_an_alarm_that_only_the_store_has_is_open_again_and_ended_by_readings(tmp_path: Path) -> None:
    with parts(tmp_path) as opened:
        play(opened, 1, raising(1, 1, 30))
        before = snapshot.take(opened.runner.state)
        play(opened, 2, raising(2, 2, 60))
        (alarm,) = opened.runner.state.alarms.open_alarms()
        other = replace(before, offset=opened.runner.state.next_offset)
    meta = msgspec.json.decode(other.meta) | {"open_alarms": [], "realarm_waits": [], "stale_waits": []}
    snapshots.save(tmp_path / "snapshots", replace(other, meta=msgspec.json.encode(meta)))
    opened, lines = begun_again(tmp_path)
    assert [line["difference"] for line in lines] == ["forgotten"]
    assert standing(opened.runner.state.alarms.open_alarms()) == standing([alarm]) == standing(stored(tmp_path))
    play(opened, 3, raising(3, 3, 0))
    play(opened, 7, raising(4, 7, 0))
    opened.close()
    assert [event.transition for event in told(tmp_path)] == ["raised", "upgraded", "downgraded", "returned"]


def test_what_was_brought_to_what_was_told_is_kept_at_once_and_found_only_once(tmp_path: Path) -> None:
    with parts(tmp_path) as opened:
        play(opened, 1, raising(1, 1, 60))
        opened.runner.save_snapshot()
        (lost,) = opened.runner.state.alarms.open_alarms()
    forget(tmp_path, lost)
    assert len(_opened_and_closed(tmp_path)) == 1
    kept, _ = snapshots.load_newest(tmp_path / "snapshots")
    assert kept is not None
    assert snapshot.restore(kept).alarms.open_alarms() == []
    assert _opened_and_closed(tmp_path) == []


def _opened_and_closed(folder: Path) -> list[dict[str, object]]:
    opened, lines = begun_again(folder)
    opened.close()
    return lines


class OtherProgram:
    """Judges readings as if they were higher or lower by turns, so that its alarms are others at other times."""

    def __init__(self, seed: int) -> None:
        self._rng = np.random.default_rng(seed)

    def __call__(self, state: State, offset: int, item: Input) -> Outcome:
        if isinstance(item, Batch):
            item = replace(item, value=item.value + self._rng.choice([-40.0, -20.0, 0.0, 20.0, 40.0], len(item)))
        return step(state, offset, item)


def lived(folder: Path, seed: int, from_s: int, until_s: int, *, other: bool) -> None:
    """Rounds of readings and people, ended without a snapshot; now and then one is taken before."""
    rng = np.random.default_rng(seed + from_s)
    with parts(folder, **({"step": OtherProgram(seed)} if other else {})) as opened:
        running = opened.runner
        for at in range(from_s, until_s):
            readings = [raising(10 * at + n, at, float(rng.choice([0, 15, 30, 60])), s) for n, s in enumerate("ab")]
            play(opened, at, [delivery for part in readings for delivery in part])
            for alarm in running.state.alarms.open_alarms():
                if rng.random() < 0.2:
                    name = str(rng.choice(["acknowledge", "reset"]))
                    running.round([], [HumanAct(f"{at} {alarm.id}", name, alarm.id, "Wang", "", ns(at))])
            if rng.random() < 0.1:
                running.save_snapshot()


@pytest.mark.parametrize("seed", range(8))
def test_after_another_program_what_was_told_stands_and_everything_can_still_be_ended_and_told(
    seed: int, tmp_path: Path
) -> None:
    lived(tmp_path, seed, 1, 40, other=True)
    if seed % 2:
        for path in (tmp_path / "snapshots").glob("*.npz"):
            path.unlink()
    opened, lines = begun_again(tmp_path)
    assert standing(opened.runner.state.alarms.open_alarms()) == standing(stored(tmp_path))
    again = snapshot.restore(snapshot.take(opened.runner.state))
    assert again.alarms.snapshot() == opened.runner.state.alarms.snapshot()
    opened.close()
    lived(tmp_path, seed, 41, 60, other=False)
    _end_everything(tmp_path)
    events = told(tmp_path)
    assert len({event.id for event in events}) == len(events)
    assert stored(tmp_path) == []
    if seed % 2:
        assert lines, "a replay by another program must have differed, or this shows nothing"


def _end_everything(folder: Path) -> None:
    """Good readings, and people who see to what is left; state and store agree at every step."""
    with parts(folder) as opened:
        running = opened.runner
        for at in range(END_S, END_S + 20):
            play(opened, at, [*raising(10 * at, at, 0, "a"), *raising(10 * at + 1, at, 0, "b")])
            for alarm in running.state.alarms.open_alarms():
                for act in ("acknowledge", "reset"):
                    running.round([], [HumanAct(f"{at} {act} {alarm.id}", act, alarm.id, "Wang", "", ns(at))])
            assert standing(running.state.alarms.open_alarms()) == standing(stored(folder))


def test_a_detector_that_begins_anew_is_named_and_the_start_goes_on(tmp_path: Path) -> None:
    with parts(tmp_path) as opened:
        play(opened, 1, raising(1, 1, 60))
        kept = snapshot.take(opened.runner.state)
    without = {name: array for name, array in kept.arrays.items() if name != "gas/rule/r/over_ns"}
    snapshots.save(tmp_path / "snapshots", replace(kept, arrays=without))
    with capture_logs() as logs, parts(tmp_path) as opened:
        assert opened.runner.state.alarms.open_alarms()
    assert [line["parts"] for line in logs if line["event"].startswith("begins anew")] == [["gas/rule/r"]]


def test_a_snapshot_of_a_newer_format_is_refused_where_the_journal_begins_later(tmp_path: Path) -> None:
    with parts(tmp_path) as opened:
        for at in range(1, 60):
            play(opened, at, raising(at, at, 1))
        kept = snapshot.take(opened.runner.state)
    meta = msgspec.json.encode(msgspec.json.decode(kept.meta) | {"format": 99})
    snapshots.save(tmp_path / "snapshots", replace(kept, meta=meta))
    segments = sorted((tmp_path / "journal").glob("*.seg"))
    assert len(segments) > 2
    with capture_logs() as logs:
        Parts(tmp_path).close()
    assert "has format 99; this version reads 1" in logs[0]["reason"]
    segments[0].unlink()
    with pytest.raises(StoreError, match=r"beginning is no longer kept: start the Fengsui that wrote them"):
        Parts(tmp_path)
