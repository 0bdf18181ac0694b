"""pipeline.db: events, alarms, outbox and position together or not at all; bounded lists; one writer."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from sqlalchemy.exc import OperationalError

from model.alarm import AlarmEvent
from model.connector import Delivery, Refusal
from model.errors import StoreError
from pipeline.delivery.notice import NoticeWriter
from store import pipeline_store
from store.pipeline_reader import PipelineReader
from store.pipeline_store import OutboxRow, PipelineStore, UnregisteredTag
from tests.pipeline.plans import Row, canonical, grade, plan, play, rows, rule
from tests.pipeline.runs import follow, long_run, started, whole_plan

PLAN = plan(
    rule("r", grade("yellow", "value >= 25"), grade("red", "value >= 50")), sensors=[("a", "gas"), ("b", "gas")]
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "pipeline.db"


@pytest.fixture
def store(path: Path) -> Iterator[PipelineStore]:
    opened = PipelineStore(path)
    yield opened
    opened.close()


@pytest.fixture
def reader(store: PipelineStore, path: Path) -> Iterator[PipelineReader]:
    opened = PipelineReader(path)
    yield opened
    opened.close()


def some_events() -> list[AlarmEvent]:
    return play(started(PLAN), [rows([Row(0, 1.0, 30.0), Row(0, 2.0, 60.0), Row(1, 2.5, 30.0), Row(0, 3.0, 0.0)])])


def outbox(events: list[AlarmEvent]) -> list[OutboxRow]:
    return [NoticeWriter(PLAN, list).outbox_row(event) for event in events]


def refusal(number: int, payload: bytes = b"x") -> Refusal:
    return Refusal(Delivery("s", "t", payload, number, retained=False, receipt=0), "bad_value", f"no {number}", payload)


def unknown(tag: str, at_ns: int = 1, count: int = 1, value: float | None = 1.0) -> UnregisteredTag:
    return UnregisteredTag(tag, "s", "t", at_ns, at_ns, count, value)


def test_events_alarms_outbox_and_position_are_stored_together(store: PipelineStore, reader: PipelineReader) -> None:
    events = some_events()
    assert store.record(events, outbox(events), 99) == len(events) == 4
    assert store.position() == reader.position() == 99
    assert reader.event_bodies() == canonical(events)
    assert [row.id for _, row in reader.outbox_after(0)] == [event.id for event in events]
    assert store.outbox_size() == 4


def test_events_stored_twice_have_one_effect(store: PipelineStore, reader: PipelineReader) -> None:
    events = some_events()
    store.record(events, outbox(events), 99)
    before = reader.event_bodies(), reader.alarms(open_only=False), reader.outbox_after(0)
    assert store.record(events, outbox(events), 99) == 0
    assert store.record(events[1:3], outbox(events[1:3]), 99) == 0
    assert (reader.event_bodies(), reader.alarms(open_only=False), reader.outbox_after(0)) == before


def test_a_transaction_that_fails_in_the_middle_leaves_nothing(store: PipelineStore, reader: PipelineReader) -> None:
    events = some_events()
    store.record(events[:1], outbox(events[:1]), 5)
    beyond = OutboxRow("id", "alarm", 2**70, {}, b"")  # SQLite has no such integer
    with pytest.raises(OverflowError):
        store.record(events[1:], [*outbox(events[1:]), beyond], 99)
    assert reader.position() == 5
    assert len(reader.event_bodies()) == len(reader.outbox_after(0)) == 1
    assert [alarm.grade.name for alarm in reader.alarms()] == ["YELLOW"]


@pytest.mark.parametrize("seed", range(3))
def test_the_stored_alarms_are_those_of_the_machine(seed: int, store: PipelineStore, reader: PipelineReader) -> None:
    state = started(whole_plan())
    events = follow(state, long_run(seed))
    for at in range(0, len(events), 7):
        store.record(events[at : at + 7], [], at)
    assert {alarm.id: alarm for alarm in reader.alarms()} == {a.id: a for a in state.alarms.open_alarms()}
    assert {alarm.id for alarm in reader.alarms(open_only=False, limit=10**6)} == {event.alarm_id for event in events}


def test_a_reader_finds_alarms_by_the_beginning_of_their_id_and_tells_their_events(
    store: PipelineStore, reader: PipelineReader
) -> None:
    events = some_events()
    store.record(events, [], 1)
    first = events[0].alarm_id
    assert [alarm.id for alarm in reader.alarm(first[:8])] == [first]
    assert len(reader.alarm("")) == 2
    assert reader.alarm("%") == []
    assert reader.events_of(first) == [event for event in events if event.alarm_id == first]
    assert [seq for seq, _ in reader.events_after(2, limit=1)] == [3]
    assert reader.counts() == {"events": 4, "alarms": 2, "outbox": 0, "poison": 0, "unregistered": 0}


def test_a_reader_sees_that_something_was_committed(store: PipelineStore, reader: PipelineReader) -> None:
    before = reader.data_version()
    assert reader.data_version() == before
    store.record(some_events(), [], 1)
    assert reader.data_version() != before


def test_a_reader_cannot_write(store: PipelineStore, reader: PipelineReader) -> None:
    with pytest.raises(OperationalError, match="readonly"), reader._engine.begin() as connection:
        connection.exec_driver_sql("DELETE FROM events")


def test_the_plan_in_force_is_the_last_noted(store: PipelineStore, reader: PipelineReader) -> None:
    with pytest.raises(StoreError, match="no plan is in force yet"):
        reader.plan()
    other = plan()
    for noted in (PLAN, PLAN, other, PLAN):
        store.note_plan(noted)
        assert msgspec.json.encode(reader.plan()) == msgspec.json.encode(noted)
    with store._engine.connect() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM plans").scalar() == 3


def test_poison_is_kept_with_its_reason_and_the_oldest_makes_room(store: PipelineStore, reader: PipelineReader) -> None:
    cap = pipeline_store.POISON_KEPT
    store.keep_poison(refusal(number) for number in range(cap))
    store.keep_poison([refusal(cap), refusal(cap + 1, b"y" * (pipeline_store.POISON_BYTES_MAX + 1))])
    kept = reader.poison(limit=2 * cap)
    assert (len(kept), kept[0].at_ns, kept[-1].at_ns) == (cap, cap + 1, 2)
    assert (kept[1].reason, kept[1].detail, kept[1].payload) == ("bad_value", f"no {cap}", b"x")
    assert len(kept[0].payload) == pipeline_store.POISON_BYTES_MAX


def test_unknown_tags_are_counted_and_forgotten_when_they_are_registered(
    store: PipelineStore, reader: PipelineReader
) -> None:
    store.note_unregistered([unknown("x", 1, 2), unknown("y", 1)])
    store.note_unregistered([unknown("x", 9, 3, None)])
    assert reader.unregistered()[0] == UnregisteredTag("x", "s", "t", 1, 9, 5, None)
    store.forget_unregistered(["x", "z"])
    assert [tag.tag for tag in reader.unregistered()] == ["y"]


def test_a_flood_of_unknown_tags_fills_the_list_and_no_more(store: PipelineStore, reader: PipelineReader) -> None:
    cap = pipeline_store.UNREGISTERED_KEPT
    assert store.note_unregistered(unknown(f"tag{number}") for number in range(cap - 1)) == 0
    assert store.note_unregistered([unknown("last"), unknown("one too many"), unknown("tag0", 7)]) == 1
    tags = {tag.tag: tag for tag in reader.unregistered(limit=2 * cap)}
    assert len(tags) == cap
    assert "one too many" not in tags
    assert (tags["tag0"].count, tags["tag0"].last_ns) == (2, 7)


def test_a_second_writer_is_refused_until_the_first_has_gone(store: PipelineStore, path: Path) -> None:
    with pytest.raises(StoreError, match=r"another process \(fengsui pipeline\) writes this file; stop it first"):
        PipelineStore(path)
    store.close()
    PipelineStore(path).close()


def test_a_newer_schema_is_refused_and_its_bytes_left_alone(path: Path) -> None:
    PipelineStore(path).close()
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA user_version = 2")
    connection.close()
    before = path.read_bytes()
    for _ in range(2):  # the first refusal has let the lock go
        with pytest.raises(StoreError, match="schema 2 is newer than 1; use the Fengsui that wrote it"):
            PipelineStore(path)
    assert path.read_bytes() == before
    assert sorted(file.name for file in path.parent.iterdir()) == ["pipeline.db", "pipeline.lock"]


def test_what_was_committed_survives_without_a_clean_end(store: PipelineStore, path: Path, tmp_path: Path) -> None:
    events = some_events()
    store.record(events, outbox(events), 7)
    copy = tmp_path / "copy"
    copy.mkdir()
    for name in ("pipeline.db", "pipeline.db-wal"):
        (copy / name).write_bytes((path.parent / name).read_bytes())
    again = PipelineReader(copy / "pipeline.db")
    assert again.event_bodies() == canonical(events)
    again.close()


def test_a_reader_of_a_store_that_is_not_there_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="not there yet; has `fengsui run` been started"):
        PipelineReader(tmp_path / "pipeline.db")
