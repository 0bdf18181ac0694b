"""Incidents in pipeline.db: each event once, the projections follow, closed ones make room."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from store import incident_table
from store.pipeline_reader import PipelineReader
from store.pipeline_store import PipelineStore
from tests.rules.incidents.plans import Desk, district, event

MADE = district({f"a{n}": f"s{n}" for n in range(9)} | {"m": "s-m"}, links=[("a0", "m", 600.0), ("m", "a1", 600.0)])


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[tuple[PipelineStore, PipelineReader]]:
    store = PipelineStore(tmp_path / "pipeline.db")
    reader = PipelineReader(tmp_path / "pipeline.db")
    yield store, reader
    reader.close()
    store.close()


def test_events_that_come_again_change_nothing(opened: tuple[PipelineStore, PipelineReader]) -> None:
    store, reader = opened
    told = Desk(MADE).take(event("1", "a0", 0), event("2", "a0", 1)).tick(2).over("1", "a0", 3).tick(4).told
    store.record([], [], 9, told)
    before = reader.incident_event_bodies(), reader.incidents(), reader.incidents_of(["1", "2"])
    store.record([], [], 9, told[:1])
    store.record([], [], 9, told)
    assert (reader.incident_event_bodies(), reader.incidents(), reader.incidents_of(["1", "2"])) == before
    assert len(before[0]) == len(told) == 2
    assert before[1][0].alarms == 2


def test_alarms_move_with_a_merge_and_the_other_incident_says_where_it_went(
    opened: tuple[PipelineStore, PipelineReader],
) -> None:
    store, reader = opened
    desk = Desk(MADE).take(event("1", "a0", 0), event("2", "a1", 1), event("3", "m", 2)).tick(3)
    for at in range(len(desk.told)):
        store.record([], [], at, desk.told[at : at + 1])
    (left,) = reader.incidents()
    assert set(reader.incidents_of(["1", "2", "3"]).values()) == {left.id}
    gone = [one for one in reader.incidents(open_only=False) if not one.is_open]
    assert [one.merged_into for one in gone] == [left.id]


def test_the_oldest_closed_ones_make_room_with_their_events_and_open_ones_never_do(
    opened: tuple[PipelineStore, PipelineReader], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(incident_table, "CLOSED_KEPT", 2)
    store, reader = opened
    desk = Desk(MADE).take(event("stays", "a8", -9))
    for n in range(2, 7):
        desk.take(event(f"{n}", f"a{n}", n)).over(f"{n}", f"a{n}", n)
    desk.tick(10).tick(400)
    store.record([], [], 9, desk.told)
    kept = [one.first_out.alarm_id for one in reader.incidents(open_only=False)]
    assert sorted(kept) == ["5", "6", "stays"]
    assert set(reader.incidents_of([f"{n}" for n in range(2, 7)])) == {"5", "6"}
    assert {one.change for one in reader.incident_events(reader.incidents()[0].id)} == {"opened"}
    assert len(reader.incident_event_bodies()) == 5


def test_what_the_pipeline_knows_no_more_is_shown_as_over(opened: tuple[PipelineStore, PipelineReader]) -> None:
    store, reader = opened
    desk = Desk(MADE).take(event("1", "a0", 0), event("2", "a5", 1))
    store.record([], [], 9, desk.told)
    known = desk.groups.of_alarm["1"]
    assert store.end_incidents([known]) == 1
    assert [one.id for one in reader.incidents()] == [known]
    assert store.end_incidents([known]) == 0
