"""Carries messages from the outbox to the event sinks: attempts persisted, a worker a sink, order kept per alarm.

A sink that is down costs nobody else anything: its worker waits, the others go on.
"""

from __future__ import annotations

import random
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import structlog

from model.connector import Message, Sink
from model.errors import FengsuiError, PermanentError, RetryableError, StoreError
from pipeline.metrics import DeliveryMetrics
from pipeline.watch.progress import Turns
from store.delivery_store import DeliveryStore, Due
from store.pipeline_reader import PipelineReader
from store.pipeline_store import OutboxRow

log = structlog.get_logger("delivery")

#: Seconds before each further attempt. The long steps are the schedule of Standard Webhooks; the short ones before
#: them are ours, because an alarm that waits five minutes after one lost packet is late.
RETRY_S = (1, 5, 30, 300, 1800, 7200, 18_000, 36_000, 50_400, 72_000, 86_400)
JITTER = 0.2
#: How often the outbox is looked at when nothing else wakes the worker.
POLL_S = 0.02


@dataclass(frozen=True, slots=True)
class Retry:
    """When to try again, and when to give up."""

    after_s: tuple[float, ...] = RETRY_S
    jitter: float = JITTER

    def delay_s(self, tries: int, age_s: float, retry_after_s: float | None, chance: random.Random) -> float | None:
        """Wait before the next attempt, after ``tries`` failed ones of a message of this age; None = give up.

        The whole schedule's time must have passed: attempts made early, because the sink took other messages, do not
        bring the end nearer.
        """
        if tries > len(self.after_s) and age_s >= sum(self.after_s):
            return None
        delay = self.after_s[min(tries, len(self.after_s)) - 1] * (1 + self.jitter * chance.random())
        return max(delay, retry_after_s or 0.0)


class EventWorker:
    """One event sink and its messages."""

    def __init__(
        self,
        sink: Sink[Message],
        *,
        outbox: Path,
        store: DeliveryStore,
        metrics: DeliveryMetrics,
        wall_ns: Callable[[], int],
        retry: Retry | None = None,
        seed: int = 0,
    ) -> None:
        self._sink, self._store, self._metrics, self._wall_ns = sink, store, metrics, wall_ns
        self._outbox_path = outbox
        self._outbox: PipelineReader | None = None
        self._retry = retry or Retry()
        self._chance = random.Random(seed)
        self._place = store.cursor(sink.name).outbox_seq
        self._seen_version = -1
        self.turns = Turns()

    @property
    def name(self) -> str:
        return self._sink.name

    def run(self, stop: threading.Event) -> None:
        self.show()
        while not stop.is_set():
            self.turns.turn()
            if not self.work(stop):
                stop.wait(POLL_S)
        self._sink.close()

    def work(self, stop: threading.Event | None = None) -> int:
        """Take over what is new, try what is due, until ``stop``; returns how many messages were due."""
        try:
            outbox = self._open_outbox()
        except StoreError:
            return 0  # the pipeline has not made its file yet
        self._take_over(outbox)
        due = self._store.due(self.name, self._wall_ns())
        for message in due:
            if stop is not None and stop.is_set():
                break  # a sink that hangs must not hold up the end of the process, message after message
            self._attempt(message, self._row(outbox, message.seq))
            self.turns.turn()
        if due:
            self.show()
        return len(due)

    def show(self) -> None:
        counts = self._store.counts(self.name)
        self._metrics.pending.labels(self.name).set(counts.pending)
        self._metrics.dead.labels(self.name).set(counts.dead)
        if counts.last_success_ns:
            self._metrics.last_success.labels(self.name).set(counts.last_success_ns / 1e9)

    def _open_outbox(self) -> PipelineReader:
        if self._outbox is None:
            self._outbox = PipelineReader(self._outbox_path)
        return self._outbox

    def _take_over(self, outbox: PipelineReader) -> None:
        version = outbox.data_version()
        if version == self._seen_version:
            return
        if self._seen_version < 0 and self._place > (newest := outbox.last_outbox_seq()):
            raise StoreError(
                f"{self.name}: delivered up to message {self._place}, but pipeline.db ends at {newest}; "
                "the two belong together: restore pipeline.db, or move the whole data_dir away to begin anew"
            )
        while rows := outbox.outbox_after(self._place):
            self._store.enqueue(self.name, rows, self._wall_ns())
            self._place = rows[-1][0]
        self._seen_version = version

    @staticmethod
    def _row(outbox: PipelineReader, seq: int) -> OutboxRow:
        return outbox.outbox_after(seq - 1, limit=1)[0][1]

    def _attempt(self, due: Due, row: OutboxRow) -> None:
        message = Message(row.id, row.alarm_id, row.time_ns, row.topic, row.body)
        try:
            self._sink.write([message])
        except RetryableError as error:
            self._try_again(due, row, error, error.retry_after_s)
        except PermanentError as error:
            self._store.give_up(self.name, due.seq, self._wall_ns(), str(error))
            self._metrics.attempts.labels(self.name, "refused").inc()
            log.error("message refused for good", sink=self.name, id=due.id, error=str(error))
        except FengsuiError as error:  # such as a secret that cannot be read: a person mends it, other sinks go on
            self._try_again(due, row, error, None)
        else:
            self._store.delivered(self.name, due.seq, self._wall_ns())
            self._metrics.attempts.labels(self.name, "delivered").inc()

    def _try_again(self, due: Due, row: OutboxRow, error: FengsuiError, retry_after_s: float | None) -> None:
        age_s = (self._wall_ns() - row.time_ns) / 1e9
        delay_s = self._retry.delay_s(due.tries + 1, age_s, retry_after_s, self._chance)
        if delay_s is None:
            self._store.give_up(self.name, due.seq, self._wall_ns(), str(error))
            self._metrics.attempts.labels(self.name, "given_up").inc()
            log.error("message given up", sink=self.name, id=due.id, tries=due.tries + 1, error=str(error))
            return
        self._store.try_again(self.name, due.seq, self._wall_ns() + round(delay_s * 1e9), str(error))
        self._metrics.attempts.labels(self.name, "failed").inc()
        log.warning("delivery failed", sink=self.name, id=due.id, again_in_s=round(delay_s, 1), error=str(error))
