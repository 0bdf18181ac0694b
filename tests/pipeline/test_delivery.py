"""The outbox on its way to real receivers: nothing is forgotten over a restart, nobody waits for another's fault."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from connectors.webhook import Settings, WebhookSink
from pipeline.delivery.outbox import EventWorker, Retry
from pipeline.metrics import DeliveryMetrics
from store.delivery_store import DeliveryReader, DeliveryStore, SinkCounts
from store.pipeline_store import OutboxRow, PipelineStore
from tests.servers import HttpReceiver, free_port, http_receiver, until

SECOND_NS = 10**9


@dataclass
class WallClock:
    """Goes only where the test puts it."""

    now_ns: int = 1_795_478_400 * 10**9

    def __call__(self) -> int:
        return self.now_ns

    def pass_s(self, seconds: float) -> None:
        self.now_ns += round(seconds * SECOND_NS)


class Office:
    """A pipeline that has something to say, and the folder in which delivery keeps its own."""

    def __init__(self, folder: Path) -> None:
        self.outbox = folder / "pipeline.db"
        self.delivery_db = folder / "delivery.db"
        self.clock = WallClock()
        self.store = PipelineStore(self.outbox)
        self._sent = 0

    def say(self, *messages: tuple[str, str]) -> None:
        """Put (id, alarm) into the outbox, as the pipeline does."""
        rows = [
            OutboxRow(message_id, alarm, self.clock.now_ns, {"site": "s"}, f'{{"id":"{message_id}"}}'.encode())
            for message_id, alarm in messages
        ]
        self._sent += len(rows)
        self.store.record([], rows, self._sent)

    @contextmanager
    def open(self) -> Iterator[DeliveryStore]:
        """One life of the delivery process's own file."""
        store = DeliveryStore(self.delivery_db)
        try:
            yield store
        finally:
            store.close()

    def worker(self, store: DeliveryStore, url: str, *, name: str = "duty", retry: Retry | None = None) -> EventWorker:
        sink = WebhookSink(name, Settings(url=url, allow_private=True, connect_timeout_s=1, timeout_s=1))
        return EventWorker(
            sink, outbox=self.outbox, store=store, metrics=DeliveryMetrics(), wall_ns=self.clock, retry=retry
        )

    def counts(self, name: str = "duty") -> SinkCounts:
        reader = DeliveryReader(self.delivery_db)
        try:
            return reader.counts(name)
        finally:
            reader.close()


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    running = Office(tmp_path)
    yield running
    running.store.close()


def ids(receiver: HttpReceiver) -> list[str]:
    return [request.headers["webhook-id"] for request in receiver.requests]


def work_off(worker: EventWorker) -> None:
    while worker.work():
        continue


def test_given_a_receiver_that_is_down_the_attempt_is_remembered_over_a_restart_and_the_id_stays(
    office: Office, receiver: HttpReceiver
) -> None:
    receiver.answer(503, 200)
    office.say(("event-1", "alarm-1"))
    with office.open() as store:
        work_off(office.worker(store, receiver.url))
    assert (office.counts().pending, office.counts().last_error[-8:]) == (1, "HTTP 503")

    with office.open() as store:
        worker = office.worker(store, receiver.url)
        work_off(worker)
        assert ids(receiver) == ["event-1"], "not before its time"
        office.clock.pass_s(2)
        work_off(worker)
    assert ids(receiver) == ["event-1", "event-1"]
    assert (office.counts().pending, office.counts().delivered) == (0, 1)


def test_given_nobody_at_the_address_the_message_waits_and_nothing_else_happens(office: Office) -> None:
    office.say(("event-1", "alarm-1"))
    with office.open() as store:
        worker = office.worker(store, f"http://127.0.0.1:{free_port()}")
        assert worker.work() == 1
        assert worker.work() == 0
    assert office.counts().pending == 1


def test_given_a_restart_what_was_delivered_is_not_sent_again_and_what_is_new_is(
    office: Office, receiver: HttpReceiver
) -> None:
    office.say(("event-1", "alarm-1"))
    with office.open() as store:
        work_off(office.worker(store, receiver.url))
    office.say(("event-2", "alarm-1"))
    with office.open() as store:
        work_off(office.worker(store, receiver.url))
    assert ids(receiver) == ["event-1", "event-2"]


def test_given_an_earlier_message_of_an_alarm_that_waits_the_later_one_waits_and_other_alarms_do_not(
    office: Office, receiver: HttpReceiver
) -> None:
    receiver.answer(503, 200)
    office.say(("raised", "alarm-1"), ("upgraded", "alarm-1"), ("raised-2", "alarm-2"))
    with office.open() as store:
        worker = office.worker(store, receiver.url)
        work_off(worker)
        assert ids(receiver) == ["raised", "raised-2"]
        office.clock.pass_s(2)
        work_off(worker)
    assert ids(receiver) == ["raised", "raised-2", "raised", "upgraded"]


@pytest.mark.parametrize("status", [400, 410, 422])
def test_given_a_message_refused_for_good_it_is_a_dead_letter_that_can_be_seen(
    status: int, office: Office, receiver: HttpReceiver
) -> None:
    receiver.answer(status, 200)
    office.say(("bad", "alarm-1"), ("good", "alarm-1"))
    with office.open() as store:
        worker = office.worker(store, receiver.url)
        work_off(worker)
        office.clock.pass_s(1e6)
        work_off(worker)
        assert ids(receiver) == ["bad", "good"], "never by itself, and nobody waits for it"
        counts = office.counts()
        assert (counts.dead, counts.delivered, counts.pending) == (1, 1, 0)
        assert f"HTTP {status}" in counts.last_error


def test_given_a_retry_after_the_receiver_is_left_in_peace_for_so_long(office: Office, receiver: HttpReceiver) -> None:
    receiver.answer((429, {"retry-after": "120"}, b""), 200)
    office.say(("event-1", "alarm-1"))
    with office.open() as store:
        worker = office.worker(store, receiver.url)
        work_off(worker)
        office.clock.pass_s(119)
        work_off(worker)
        assert len(receiver.requests) == 1
        office.clock.pass_s(2)
        work_off(worker)
    assert ids(receiver) == ["event-1", "event-1"]


def test_given_a_receiver_that_is_back_what_waits_for_a_far_attempt_goes_soon(
    office: Office, receiver: HttpReceiver
) -> None:
    receiver.answer(503, 503, 503, 503, 200)
    office.say(("event-1", "alarm-1"))
    with office.open() as store:
        worker = office.worker(store, receiver.url)
        for wait_s in (2, 8, 40, 40):
            work_off(worker)
            office.clock.pass_s(wait_s)
        assert ids(receiver) == ["event-1"] * 4, "the fifth attempt is five minutes away"
        office.say(("event-2", "alarm-2"))
        work_off(worker)
        office.clock.pass_s(31)
        work_off(worker)
    assert ids(receiver) == [*["event-1"] * 4, "event-2", "event-1"]


def test_given_a_receiver_that_never_answers_the_schedule_ends_and_the_message_is_a_dead_letter(
    office: Office, receiver: HttpReceiver
) -> None:
    receiver.answer(500)
    office.say(("event-1", "alarm-1"))
    with office.open() as store:
        worker = office.worker(store, receiver.url, retry=Retry(after_s=(1, 5), jitter=0.0))
        for _ in range(5):
            work_off(worker)
            office.clock.pass_s(10)
    assert len(receiver.requests) == 3
    assert office.counts().dead == 1


def test_given_one_sink_that_fails_and_one_that_hangs_a_third_delivers_at_once(
    office: Office, receiver: HttpReceiver
) -> None:
    receiver.answer(503)
    office.say(*((f"event-{n}", f"alarm-{n}") for n in range(5)))
    with http_receiver() as hanging, http_receiver() as well, office.open() as store:
        hanging.may_answer.clear()
        workers = [
            office.worker(store, url, name=name)
            for name, url in (("fails", receiver.url), ("hangs", hanging.url), ("well", well.url))
        ]
        with at_work(*workers):
            until(lambda: len(well.requests) == 5, "five messages at the sink that is well")
            until(lambda: hanging.requests, "the request that hangs")
            assert office.counts("hangs").delivered == 0
        assert ids(well) == [f"event-{n}" for n in range(5)]
        assert len(hanging.requests) <= 2, "the end waits for the attempt under way, not for all that are due"
    assert office.counts("fails").pending == 5


def test_given_a_secret_that_cannot_be_read_any_more_the_messages_wait_for_it(
    office: Office, receiver: HttpReceiver, tmp_path: Path
) -> None:
    secret = tmp_path / "secret"
    secret.touch(0o600)
    secret.write_text("whsec_QUJDREVGR0hJSktMTU5PUFFSU1RVVldY", encoding="ascii")
    office.say(("event-1", "alarm-1"))
    with office.open() as store:
        sink = WebhookSink("duty", Settings(url=receiver.url, allow_private=True, secret_file=secret))
        worker = EventWorker(sink, outbox=office.outbox, store=store, metrics=DeliveryMetrics(), wall_ns=office.clock)
        kept = secret.read_text(encoding="ascii")
        secret.write_text("", encoding="ascii")
        work_off(worker)
        assert (office.counts().pending, receiver.requests) == (1, [])
        assert "secret_file" in office.counts().last_error
        secret.write_text(kept, encoding="ascii")
        office.clock.pass_s(2)
        work_off(worker)
    assert ids(receiver) == ["event-1"]


@contextmanager
def at_work(*workers: EventWorker) -> Iterator[None]:
    """Workers on threads of their own, as the delivery process has them."""
    stop = threading.Event()
    runs: list[Callable[[threading.Event], None]] = [worker.run for worker in workers]
    threads = [threading.Thread(target=run, args=(stop,)) for run in runs]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        stop.set()
        for thread in threads:
            thread.join(15)
