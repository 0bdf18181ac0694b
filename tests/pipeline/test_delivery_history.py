"""Readings and events into a real time-series database, over its outages and ours."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from connectors.influxdb import InfluxSink, Settings
from model.batch import Batch
from model.errors import RetryableError
from model.inputs import PlanChange, Tick
from pipeline.delivery.history import HistoryWorker
from pipeline.metrics import DeliveryMetrics
from pipeline.process.step import begin, step
from store.delivery_store import DeliveryStore
from store.journal.entries import Entry
from store.journal.writer import Journal
from store.pipeline_store import PipelineStore
from tests.pipeline.plans import grade, plan, rule
from tests.servers import VictoriaMetrics, free_port, until, victoria_metrics

START_NS = 1_795_000_000 * 10**9  # in the past: the database shows nothing from the future
PLAN = plan(rule("gas.level", grade("yellow", "value >= 25")), sensors=[("site/a", "gas"), ("site/b", "gas")])


class Life:
    """A pipeline's files, written as it writes them."""

    def __init__(self, folder: Path) -> None:
        self.journal_folder, self.db = folder / "journal", folder / "pipeline.db"
        self.journal = Journal(self.journal_folder, segment_bytes=65_536)
        self.store = PipelineStore(self.db)
        self.journal.append(PlanChange(PLAN, START_NS))
        [first] = self.journal.commit()
        self.state = begin(PlanChange(PLAN, START_NS), first.offset)
        self.rows = 0

    def go_on(self, rows: int) -> None:
        """Readings of both sensors in turn, a second each, with an alarm every 100 seconds; a tick behind them."""
        number = np.arange(self.rows, self.rows + rows, dtype=np.int64)
        time_ns = START_NS + number * 10**9
        value = np.where(number % 100 < 50, 1.0, 30.0) + number / 1e5
        self.journal.append(Batch((number % 2).astype(np.int32), time_ns, time_ns, value, np.zeros(rows, np.uint8)))
        self.rows += rows
        self.journal.append(Tick(int(time_ns[-1]), self.rows * 10**9))
        for entry in self.journal.commit():
            self._judge(entry)

    def _judge(self, entry: Entry) -> None:
        events = step(self.state, entry.offset, entry.item).events
        if events:
            self.store.record(events, [], self.state.next_offset)

    def close(self) -> None:
        self.journal.close()
        self.store.close()


@pytest.fixture
def life(tmp_path: Path) -> Iterator[Life]:
    running = Life(tmp_path / "pipeline")
    yield running
    running.close()


def history(life: Life, store: DeliveryStore, url: str) -> HistoryWorker:
    sink = InfluxSink("history", Settings(url=url, org="o", bucket="b", connect_timeout_s=1, timeout_s=2))
    return HistoryWorker(sink, journal=life.journal_folder, events=life.db, store=store, metrics=DeliveryMetrics())


@contextmanager
def at_work(worker: HistoryWorker) -> Iterator[None]:
    stop = threading.Event()
    thread = threading.Thread(target=worker.run, args=(stop,))
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(40)
        assert not thread.is_alive()


def readings(database: VictoriaMetrics) -> set[tuple[str, int, float]]:
    return {
        (series["metric"]["tag"], at_ms, round(value, 5))  # the database keeps decimals, not every last bit
        for series in database.export('{__name__="reading_value"}')
        for at_ms, value in zip(series["timestamps"], series["values"], strict=True)
    }


def expected(life: Life) -> set[tuple[str, int, float]]:
    return {
        ("site/" + "ab"[n % 2], START_NS // 10**6 + n * 1000, round((1.0 if n % 100 < 50 else 30.0) + n / 1e5, 5))
        for n in range(life.rows)
    }


def alarm_instants(database: VictoriaMetrics) -> set[int]:
    found = database.export('{__name__="alarm_event_severity",rule="gas.level"}')
    return {at for series in found for at in series["timestamps"]}


def test_given_a_database_that_goes_away_and_comes_back_when_it_is_asked_nothing_is_missing(
    life: Life, tmp_path: Path
) -> None:
    port, folder = free_port(), tmp_path / "victoria"
    store = DeliveryStore(tmp_path / "delivery.db")
    worker = history(life, store, f"http://127.0.0.1:{port}")
    with at_work(worker):
        with victoria_metrics(folder, port) as database:
            life.go_on(1000)
            until(lambda: readings(database) == expected(life), "the first readings in the database")
        life.go_on(4000)
        until(lambda: worker_failures(worker) >= 1, "a write that fails because the database is away")
        life.go_on(3000)
        with victoria_metrics(folder, port) as database:
            until(lambda: len(readings(database)) >= life.rows, "the worker catching up", 60)
            assert readings(database) == expected(life)
            alarms = {START_NS // 10**6 + n * 1000 for n in range(life.rows) if n % 100 in (0, 1, 50, 51) and n > 1}
            assert alarm_instants(database) == alarms
    store.close()


def test_given_a_restart_of_delivery_it_goes_on_at_its_cursor(life: Life, tmp_path: Path) -> None:
    with victoria_metrics(tmp_path / "victoria") as database:
        store = DeliveryStore(tmp_path / "delivery.db")
        life.go_on(500)
        assert work_off(history(life, store, database.url)) >= 500
        store.close()

        store = DeliveryStore(tmp_path / "delivery.db")
        worker = history(life, store, database.url)
        assert work_off(worker) == 0, "nothing is written twice"
        life.go_on(500)
        assert 500 <= work_off(worker) < 550
        assert readings(database) == expected(life)
        assert store.cursor("history").journal_offset == life.journal.next_offset
        store.close()


def test_given_a_database_that_is_away_the_cursor_stays(life: Life, tmp_path: Path) -> None:
    store = DeliveryStore(tmp_path / "delivery.db")
    life.go_on(10)
    worker = history(life, store, f"http://127.0.0.1:{free_port()}")
    with pytest.raises(RetryableError):
        worker.work()
    assert store.cursor("history").journal_offset == 0
    store.close()


def work_off(worker: HistoryWorker) -> int:
    written = 0
    while points := worker.work():
        written += points
    return written


def worker_failures(worker: HistoryWorker) -> float:
    value = worker._metrics.registry.get_sample_value(
        "fengsui_delivery_attempts_total", {"sink": "history", "outcome": "failed"}
    )
    return value or 0.0
