"""History over a journal that lacks something: the rest is written under the right names, and the gap is told."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from model.batch import Batch
from model.connector import Point
from model.inputs import PlanChange
from model.plan import Plan
from pipeline.delivery.history import HistoryWorker
from pipeline.metrics import DeliveryMetrics
from store.delivery_store import DeliveryStore
from store.journal.reader import segments
from store.journal.retention import KeepLimits
from store.journal.writer import Journal
from tests.pipeline.plans import plan
from tests.store.inputs import batch_of

FIRST, SECOND = plan(sensors=[("a", "gas"), ("b", "gas")]), plan(sensors=[("b", "gas"), ("a", "gas")])


class Written:
    """A points sink that remembers."""

    name = "history"

    def __init__(self) -> None:
        self.points: list[Point] = []

    def write(self, items: Sequence[Point]) -> None:
        self.points += items

    def probe(self) -> None: ...

    def close(self) -> None: ...

    def values(self) -> list[tuple[str, float]]:
        return [(point.tags["tag"], point.fields["value"]) for point in self.points]


@pytest.fixture
def store(tmp_path: Path) -> Iterator[DeliveryStore]:
    opened = DeliveryStore(tmp_path / "delivery.db")
    yield opened
    opened.close()


def worker(folder: Path, store: DeliveryStore, sink: Written) -> HistoryWorker:
    return HistoryWorker(
        sink, journal=folder / "journal", events=folder / "pipeline.db", store=store, metrics=DeliveryMetrics()
    )


def commit(journal: Journal, *items: Plan | Batch) -> None:
    """Each a segment of its own."""
    for item in items:
        journal.append(PlanChange(item, 1) if isinstance(item, Plan) else item)
        journal.commit()


def missing(history: HistoryWorker) -> float | None:
    return history._metrics.registry.get_sample_value("fengsui_cursor_missing_inputs_total", {"sink": "history"})


def test_what_retention_removed_is_a_gap_and_the_plan_is_told_again(tmp_path: Path, store: DeliveryStore) -> None:
    journal, sink = Journal(tmp_path / "journal", segment_bytes=1), Written()
    commit(journal, FIRST, batch_of(1, 1))
    worker(tmp_path, store, sink).work()
    commit(journal, batch_of(1, 2), SECOND, batch_of(1, 4), batch_of(1, 5))
    while journal.trim(KeepLimits(bytes=0), lambda: 5):
        pass
    history = worker(tmp_path, store, sink)
    history.work()
    history.work()
    assert sink.values() == [("a", 1.0), ("b", 5.0)]  # number 0 is another sensor by now
    assert missing(history) == 3
    assert store.cursor("history").journal_offset == 6
    journal.close()


def test_a_worker_that_loses_its_place_while_it_runs_writes_on(tmp_path: Path, store: DeliveryStore) -> None:
    journal, sink = Journal(tmp_path / "journal", segment_bytes=1), Written()
    commit(journal, FIRST, batch_of(1, 1))
    history = worker(tmp_path, store, sink)
    history.work()
    commit(journal, batch_of(1, 2), batch_of(1, 3), batch_of(1, 4))
    while journal.trim(KeepLimits(bytes=0), lambda: 3):
        pass
    history.work()
    history.work()
    assert sink.values() == [("a", 1.0), ("a", 3.0), ("a", 4.0)]
    assert missing(history) == 1
    journal.close()


def test_damage_is_a_gap_and_what_stands_behind_it_is_written(tmp_path: Path, store: DeliveryStore) -> None:
    journal, sink = Journal(tmp_path / "journal", segment_bytes=1), Written()
    rows = [replace(batch_of(2, at), quality=batch_of(2).quality + 1) for at in (1, 3, 5)]
    commit(journal, FIRST, *rows)
    path = segments(tmp_path / "journal")[2]
    path.write_bytes(path.read_bytes()[:-1] + b"\xff")
    history = worker(tmp_path, store, sink)
    history.work()
    assert sink.values() == [("a", 1.0), ("a", 2.0), ("a", 5.0), ("a", 6.0)]
    assert missing(history) == 2
    assert store.cursor("history").journal_offset == 7
    journal.close()
