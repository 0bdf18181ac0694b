"""A full disk: nothing more is acknowledged, the process stays up and says so, and goes on by itself."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from app.watched import room_check
from model.inputs import HumanAct
from pipeline.metrics import PipelineMetrics
from pipeline.runners.clock import SystemClock
from pipeline.runners.embedded import EmbeddedRunner, Limits
from pipeline.watch.progress import Loops
from pipeline.watch.readiness import Watch
from store.journal.writer import Journal
from store.pipeline_reader import PipelineReader
from store.pipeline_store import PipelineStore
from tests.pipeline.plans import ns
from tests.pipeline.sources import DECODERS, MemorySource, message, reading
from tests.pipeline.test_runner import PLAN
from tests.servers import until
from tests.store.test_journal_full import fill_up, small_disk

__all__ = ["small_disk"]

END_S = 30.0


@dataclass
class Life:
    """A runner at work with its watch."""

    runner: EmbeddedRunner
    watch: Watch
    thread: threading.Thread
    store: PipelineStore

    def codes(self) -> list[str]:
        return [reason.code.value for reason in self.watch.report().reasons]


@contextmanager
def at_work(folder: Path, source: MemorySource) -> Iterator[Life]:
    metrics, stop = PipelineMetrics(), threading.Event()
    clock, store = SystemClock(), PipelineStore(folder / "pipeline.db")
    watch = Watch(lambda: clock.tick().wall_ns, metrics.ready)
    journal = Journal(folder / "journal", segment_bytes=200_000, reserve_bytes=1_000_000)
    runner = EmbeddedRunner(
        PLAN,
        sources=[source],
        decoders=DECODERS,
        journal=journal,
        journal_folder=folder / "journal",
        store=store,
        snapshot_folder=folder / "snapshots",
        clock=clock,
        metrics=metrics,
        limits=Limits(wait_s=0.05, deliveries_max=20, snapshot_every_s=1),
        report=watch.report,
    )
    watch.take_on(Loops(20), [room_check(runner)])
    threads = [threading.Thread(target=watch.run, args=(stop,)), threading.Thread(target=runner.run)]
    for thread in threads:
        thread.start()
    try:
        yield Life(runner, watch, threads[1], store)
    finally:
        runner.stop()
        stop.set()
        for thread in threads:
            thread.join(END_S)
        journal.close()
        store.close()


def offer(source: MemorySource, runner: EmbeddedRunner, first: int, count: int) -> None:
    """Hand over messages as a source does, without waiting for anybody."""
    from model.connector import Deliveries

    new = [message(n, reading(n, 1.0)) for n in range(first, first + count)]
    source.waiting |= {one.receipt: one for one in new}
    assert runner.inbox.put(Deliveries.of(new), 1.0) == count


def rules_open(folder: Path) -> dict[str, str]:
    reader = PipelineReader(folder / "pipeline.db")
    try:
        return {alarm.rule: alarm.state.value for alarm in reader.alarms()}
    finally:
        reader.close()


def test_given_a_disk_that_fills_up_it_stops_to_acknowledge_raises_its_alarm_and_resumes_when_there_is_room(
    small_disk: Path,
) -> None:
    source = MemorySource()
    with at_work(small_disk, source) as life:
        offer(source, life.runner, 1, 20)
        until(lambda: not source.waiting, "the first are acknowledged", END_S)
        fill_up(small_disk)
        number = 1000

        def is_full() -> bool:
            nonlocal number
            if not life.runner.room.full:
                offer(source, life.runner, number, 20)
                number += 20
            return bool(life.runner.room.full)

        until(is_full, "the disk is found full", END_S)
        turns = life.runner.turns  # whoever found it, the turn under way may still have waited for deliveries
        until(lambda: life.runner.turns > turns + 1, "a turn that knows of it", END_S)
        offer(source, life.runner, 500_000, 5)
        until(lambda: "journal_full" in life.codes(), "not ready", END_S)
        until(lambda: "system.journal_full" in rules_open(small_disk), "the alarm in the store", END_S)
        assert rules_open(small_disk)["system.journal_full"] == "unacknowledged"
        assert life.thread.is_alive()
        assert {n for n in source.waiting if n >= 500_000} == set(range(500_000, 500_005))

        alarm = next(a for a in life.runner.state.alarms.open_alarms() if a.rule == "system.journal_full")
        act = HumanAct("seen", "acknowledge", alarm.id, "Wang", "", ns(1))
        assert life.runner.submit(act, END_S) == ""

        (small_disk / "other").unlink()
        until(lambda: not source.waiting, "all that waited is acknowledged", END_S)
        until(lambda: "journal_full" not in life.codes(), "ready again", END_S)
        until(lambda: "system.journal_full" not in rules_open(small_disk), "the alarm is over", END_S)
        assert life.thread.is_alive()
