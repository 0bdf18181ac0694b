"""Payloads of every format, most of them ruined, through decoder, ingest, journal and step in one process.

The sixth acceptance figure: a million of them, no crash, no thread that died, none that takes more than 50 ms, and at
the end every reading is in the journal, among the poison, on the list of unknown tags, or counted as left out.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from prometheus_client import Counter as Metric

from connectors.decoder import MessageDecoder
from model.batch import Batch
from model.connector import Deliveries, Delivery, Inbox, Probe, Readings, Refusal
from pipeline.metrics import PipelineMetrics
from pipeline.runners.clock import SystemClock
from pipeline.runners.embedded import EmbeddedRunner, Limits
from store.journal.reader import JournalReader
from store.journal.writer import Journal
from store.pipeline_store import PipelineStore
from tests.fuzz.payloads import Payloads
from tests.fuzz.targets import TARGETS, deliveries_of
from tests.pipeline.plans import grade, kind, plan, rule

PAYLOAD_S_MAX = 0.050
BLOCK = 250

#: Some of the tags that the seeds name; the others are unknown.
TAGS = [
    "g/a", "g/b", "g/urn:dev:1/t", "g/urn:dev:1/h", "g/a/1", "g/a/2", "d/l-1/first", "d/l-1/row", "s/a", "s/b",
    "plant/edge-1/temp", "plant/edge-1/pump/flow", "plant/edge-1/in",
]  # fmt: skip
PLAN = plan(
    rule("r", grade("red", "value >= 50"), kinds=("gas", "pipe")),
    kinds=[kind("gas", unit="%LEL"), kind("pipe", unit="kPa")],
    sensors=[(tag, ("gas", "pipe")[at % 2]) for at, tag in enumerate(TAGS)],
)


class FuzzSource:
    """Hands over payloads as fast as they are taken, then has finished."""

    name = "fuzz"

    def __init__(self, payloads: Payloads, count: int) -> None:
        self._payloads, self._count = payloads, count
        self.sent = self.acknowledged = 0
        self.finished = False

    def probe(self) -> Probe:
        return Probe(ok=True, message="endless")

    def run(self, inbox: Inbox) -> None:
        while self.sent < self._count:
            messages = [message for _ in range(BLOCK) for message in self._payloads.messages()]
            messages = messages[: self._count - self.sent]
            now_ns = time.time_ns()
            deliveries = Deliveries.of(
                [
                    Delivery(self.name, topic, payload, now_ns, retained=False, receipt=self.sent + n)
                    for n, (topic, payload) in enumerate(messages, 1)
                ]
            )
            self.sent += len(messages)
            while len(deliveries):
                deliveries = deliveries.take(slice(inbox.put(deliveries, 0.1), None))
        self.finished = True

    def acknowledge(self, through: int) -> None:
        self.acknowledged = through

    def connected(self) -> bool:
        return True

    def stop(self) -> None:
        self._count = 0


class WatchedDecoder:
    """Decodes, and keeps account of what came of each message and how long it took.

    Attributes:
        readings: rows, refusals and parts left out, in readings.
        rows_of: rows by the first level of their topic, which is that of one format.
        vanished: messages of which nothing came.
        suspects: messages that took longer than they may while other threads ran beside.

    """

    def __init__(self) -> None:
        self.readings: Counter[str] = Counter()
        self.rows_of: Counter[str] = Counter()
        self.vanished = 0
        self.suspects: set[tuple[str, bytes]] = set()
        self.cpu_s = 0.0
        self._subscriptions = [one.subscription for one in TARGETS.values()]
        self._decoder = MessageDecoder(self._subscriptions)

    def decode(self, deliveries: Deliveries) -> tuple[Readings, list[Refusal]]:
        begun_s = time.thread_time()
        readings, refused = self._decoder.decode(deliveries)
        taken_s = time.thread_time() - begun_s
        self.cpu_s += taken_s
        if taken_s > PAYLOAD_S_MAX:
            self._look_closer(deliveries)
        messages, counts = np.unique(readings.delivery, return_counts=True)
        for message, count in zip(messages.tolist(), counts.tolist(), strict=True):
            self.rows_of[deliveries.topic(message).split("/")[0]] += count
        ended = np.zeros(len(deliveries), np.bool_)
        ended[readings.delivery] = True
        ended[[one.delivery.receipt - int(deliveries.receipt[0]) for one in refused]] = True
        left_out = sum(readings.left_out.values())
        self.vanished += max(int(np.count_nonzero(~ended)) - left_out, 0)
        self.readings.update(rows=len(readings), refused=sum(one.count for one in refused), left_out=left_out)
        return readings, refused

    def slow(self) -> list[tuple[float, str, bytes]]:
        """Of the suspects those that take too long alone, the best of five, with their seconds."""
        timed = [(min(self._seconds(deliveries_of([one])) for _ in range(5)), *one) for one in self.suspects]
        return [one for one in timed if one[0] > PAYLOAD_S_MAX]

    def _look_closer(self, deliveries: Deliveries) -> None:
        for row in range(len(deliveries)):
            one = deliveries.take(slice(row, row + 1))
            if self._seconds(one) > PAYLOAD_S_MAX:
                self.suspects.add((one.topic(0), one[0].payload))

    def _seconds(self, deliveries: Deliveries) -> float:
        """By a decoder that has met nothing yet."""
        decoder = MessageDecoder(self._subscriptions)
        begun_s = time.thread_time()
        decoder.decode(deliveries)
        return time.thread_time() - begun_s


def total(metric: Metric) -> int:
    samples = next(iter(metric.collect())).samples
    return int(sum(one.value for one in samples if one.name.endswith("_total")))


def journaled_rows(folder: Path) -> int:
    return sum(len(entry.item) for entry in JournalReader(folder, 0).read() if isinstance(entry.item, Batch))


def run(folder: Path, source: FuzzSource, decoder: WatchedDecoder) -> PipelineMetrics:
    """Everything that the source has, through a runner on its own threads."""
    store, journal = PipelineStore(folder / "pipeline.db"), Journal(folder / "journal")
    running = EmbeddedRunner(
        PLAN,
        sources=[source],
        decoders={source.name: decoder},
        journal=journal,
        journal_folder=folder / "journal",
        store=store,
        snapshot_folder=folder / "snapshots",
        clock=SystemClock(),
        metrics=PipelineMetrics(),
        limits=Limits(wait_s=0.05),
    )
    thread = threading.Thread(target=running.run, name="pipeline")
    thread.start()
    while thread.is_alive() and not (source.finished and source.acknowledged == source.sent):
        thread.join(0.05)
    alive = thread.is_alive()
    running.stop()
    thread.join(60)
    journal.close()
    store.close()
    assert alive, "the pipeline died"
    return running.metrics


def check(folder: Path, count: int, seed: int) -> WatchedDecoder:
    source, decoder = FuzzSource(Payloads(seed), count), WatchedDecoder()
    metrics = run(folder, source, decoder)
    assert (source.sent, source.acknowledged) == (count, count), "poison releases its place"
    assert total(metrics.source_restarts) == 0
    assert decoder.vanished == 0
    assert decoder.slow() == []
    assert set(decoder.rows_of) == {one.topics[0].split("/")[0] for one in TARGETS.values()}
    journaled, unknown, poison = total(metrics.readings), total(metrics.unregistered), total(metrics.poison)
    assert journaled == journaled_rows(folder / "journal")
    assert total(metrics.left_out) == decoder.readings["left_out"]
    assert journaled + unknown + poison == decoder.readings["rows"] + decoder.readings["refused"]
    assert min(journaled, unknown, poison, decoder.readings["left_out"]) > count // 100, "every way out was taken"
    return decoder


def test_ruined_payloads_of_every_format_end_where_they_should(tmp_path: Path) -> None:
    check(tmp_path, 20_000, seed=1)


@pytest.mark.prove
@pytest.mark.timeout(1800)
def test_a_million_payloads_of_every_format_end_where_they_should(tmp_path: Path) -> None:
    count = 1_000_000
    begun_s = time.process_time()
    decoder = check(tmp_path, count, seed=2)
    assert count / (time.process_time() - begun_s) >= 5_000, "payloads a second, decoded to stepped, of CPU time"
    assert decoder.cpu_s < 200
