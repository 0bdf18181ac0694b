"""Somebody outside is called only while a synthetic event comes through every stage and everything goes on."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from config.heartbeat import with_heartbeat
from config.plan import versioned
from connectors.decoder import MessageDecoder
from connectors.ping import Ping
from connectors.topic import Subscription
from model.connector import Deliveries
from model.errors import FengsuiError, RetryableError
from model.heartbeat import HEARTBEAT
from model.inputs import Input, Tick
from pipeline.delivery.heartbeat import HeartbeatWorker
from pipeline.delivery.history import _Names
from pipeline.ingest.heartbeat_source import TOPIC, HeartbeatSource
from pipeline.metrics import DeliveryMetrics, PipelineMetrics
from pipeline.process.step import Outcome, State, step
from pipeline.runners.embedded import EmbeddedRunner, Limits
from pipeline.runners.recovery import open_alarms, sensors_by_state
from store.journal.writer import Journal
from store.pipeline_reader import PipelineReader
from store.pipeline_store import PipelineStore
from tests.pipeline.plans import ns
from tests.pipeline.sources import DECODERS, CountingClock, MemorySource, message, reading
from tests.pipeline.test_runner import PLAN
from tests.servers import HttpReceiver, until

END_S = 30.0
WATCHED = versioned(with_heartbeat(PLAN))
DECODER = MessageDecoder([Subscription(topic=TOPIC, tag=HEARTBEAT)])
INTERVAL_S = 10.0


class OneBeat:
    """An inbox that keeps what the source sends."""

    def __init__(self) -> None:
        self.kept: list[Deliveries] = []

    def put(self, deliveries: Deliveries, _wait_s: float) -> int:
        self.kept.append(deliveries)
        return len(deliveries)


@dataclass
class District:
    """A runner whose synthetic sensor beats when we say so, and the worker that tells of it."""

    folder: Path
    receiver: HttpReceiver
    step: Callable[[State, int, Input], Outcome] = step
    now_s: float = 0.0
    reasons: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.store = PipelineStore(self.folder / "pipeline.db")
        self.journal = Journal(self.folder / "journal")
        self.memory = MemorySource()
        self.source = HeartbeatSource(INTERVAL_S, lambda: ns(self.now_s))
        self.runner = EmbeddedRunner(
            WATCHED,
            sources=[self.memory, self.source],
            decoders={**DECODERS, HEARTBEAT: DECODER},
            journal=self.journal,
            journal_folder=self.folder / "journal",
            store=self.store,
            snapshot_folder=self.folder / "snapshots",
            clock=CountingClock(0.0),
            metrics=PipelineMetrics(),
            limits=Limits(wait_s=0.01),
            step=self.step,
        )
        self.worker = HeartbeatWorker(
            Ping(self.receiver.url),
            events=self.folder / "pipeline.db",
            reasons=[lambda: self.reasons],
            interval_s=INTERVAL_S,
            wall_ns=lambda: ns(self.now_s),
            metrics=DeliveryMetrics(),
        )

    def beat(self) -> bool:
        """Ten seconds go by, the sensor beats, all stages work, the worker looks; whether somebody was told."""
        self.now_s += INTERVAL_S
        inbox = OneBeat()
        self.source._beat(inbox)
        self.runner.round(inbox.kept, [Tick(ns(self.now_s), round((100 + self.now_s) * 1e9))])
        return self.worker.work()

    def close(self) -> None:
        self.journal.close()
        self.store.close()


@contextmanager
def district(folder: Path, receiver: HttpReceiver, **more: object) -> Iterator[District]:
    opened = District(folder, receiver, **more)
    try:
        yield opened
    finally:
        opened.close()


def test_each_beat_that_comes_through_is_told_once(tmp_path: Path, receiver: HttpReceiver) -> None:
    with district(tmp_path, receiver) as city:
        for number in range(1, 6):
            assert city.beat()
            assert not city.worker.work()
            assert len(receiver.requests) == number


def test_it_shows_nowhere_where_people_look(tmp_path: Path, receiver: HttpReceiver) -> None:
    with district(tmp_path, receiver) as city:
        for _ in range(5):
            city.beat()
        reader = PipelineReader(tmp_path / "pipeline.db")
        assert (reader.alarms(open_only=False), reader.event_bodies(), reader.outbox_after(0)) == ([], [], [])
        reader.close()
        assert open_alarms(city.runner.state) == []
        assert city.runner.connections() == {"memory": True}
        assert sensors_by_state(city.runner.state)["never"] == len(PLAN.sensors)
        assert _Names(WATCHED).points(city.runner.in_force.take_in([]).batch) == []


def test_given_a_reason_it_is_withheld_and_the_same_event_may_still_be_told_soon_after(
    tmp_path: Path, receiver: HttpReceiver
) -> None:
    with district(tmp_path, receiver) as city:
        city.beat()
        city.reasons.append("a source is disconnected")
        assert not city.beat()
        city.reasons.clear()
        assert city.worker.work()
        assert len(receiver.requests) == 2


def test_given_an_event_that_is_old_it_proves_nothing(tmp_path: Path, receiver: HttpReceiver) -> None:
    with district(tmp_path, receiver) as city:
        city.reasons.append("busy")
        city.beat()
        city.reasons.clear()
        city.now_s += 2 * INTERVAL_S + 1
        assert not city.worker.work()
        assert city.beat()


def test_given_a_stage_that_lets_nothing_through_nobody_is_told(tmp_path: Path, receiver: HttpReceiver) -> None:
    def forgetful(state: State, offset: int, item: Input) -> Outcome:
        outcome = step(state, offset, item)
        return Outcome([], outcome.refused)

    with district(tmp_path, receiver, step=forgetful) as city:
        assert not any(city.beat() for _ in range(5))
    assert receiver.requests == []


def test_given_a_replay_after_a_restart_what_was_told_is_not_told_again_and_nothing_is_reconciled(
    tmp_path: Path, receiver: HttpReceiver
) -> None:
    with district(tmp_path, receiver) as city:
        assert city.beat()
        now_s = city.now_s
    with district(tmp_path, receiver) as city:
        city.now_s = now_s + 3 * INTERVAL_S
        assert not city.worker.work()
        assert city.runner.metrics.registry.get_sample_value("fengsui_alarms_reconciled_total") is None
        assert [city.beat(), city.beat()].count(True) >= 1


def test_given_an_outage_the_gap_ends_with_a_reading_from_the_field_and_not_with_our_own(
    tmp_path: Path, receiver: HttpReceiver
) -> None:
    with district(tmp_path, receiver) as city:
        city.beat()
        city.now_s += 100
        city.beat()
        city.beat()
        assert city.runner.state.clock.in_gap
        city.runner.round([Deliveries.of([message(1, reading(city.now_s, 1.0), received_s=city.now_s)])])
        assert not city.runner.state.clock.in_gap


def test_given_nobody_who_takes_it_the_worker_says_why_and_tries_again(tmp_path: Path, receiver: HttpReceiver) -> None:
    receiver.answer(500, 200)
    with district(tmp_path, receiver) as city:
        assert not city.beat()
        assert city.worker.fault == "heartbeat: answered HTTP 500"
        assert city.worker.work()
        assert city.worker.fault == ""


def test_an_address_that_nobody_listens_on_or_that_is_none_is_a_clear_error(receiver: HttpReceiver) -> None:
    url = receiver.url
    receiver.close()
    with pytest.raises(RetryableError, match="heartbeat: ConnectError"):
        Ping(url).call()
    with pytest.raises(FengsuiError, match="heartbeat"):
        Ping("http://[").call()


def test_the_source_beats_by_itself_until_it_is_stopped() -> None:
    inbox, source = OneBeat(), HeartbeatSource(0.01, lambda: 0)
    thread = threading.Thread(target=source.run, args=(inbox,))
    thread.start()
    until(lambda: len(inbox.kept) > 2, "three beats")
    source.stop()
    thread.join(END_S)
    assert source.turns > 0
    payloads = [one[0].payload for one in inbox.kept[:3]]
    assert payloads == [b'{"value": 1, "time": 0}', b'{"value": 0, "time": 0}', b'{"value": 1, "time": 0}']
