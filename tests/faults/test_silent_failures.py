"""Twelve silent failures: after each, within 30 s, not ready and no heartbeat, and within 90 s an alarm outside.

The loops are real threads; the watch's seconds are ours, and one passes only when every loop that is whole has turned.
"""

from __future__ import annotations

import contextlib
import errno
import socket
import sqlite3
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry

from app.watched import outbox_check, room_check
from config.settings import HealthSettings
from connectors.ping import Ping
from model.alarm import AlarmEvent
from model.connector import Deliveries, Inbox, Message, Probe
from model.errors import FengsuiError, RetryableError
from model.heartbeat import HEARTBEAT
from model.inputs import Input
from pipeline.delivery.heartbeat import HeartbeatWorker
from pipeline.delivery.outbox import EventWorker
from pipeline.ingest.heartbeat_source import HeartbeatSource
from pipeline.metrics import DeliveryMetrics, PipelineMetrics, ready_gauge
from pipeline.process.step import Outcome, State, step
from pipeline.runners.clock import SystemClock
from pipeline.runners.embedded import EmbeddedRunner, Limits
from pipeline.watch.progress import Loops
from pipeline.watch.readiness import Condition, Watch
from pipeline.watch.words import Code
from store.delivery_store import DeliveryStore
from store.disk import LocalDisk
from store.journal.writer import Journal
from store.pipeline_store import OutboxRow, PipelineStore
from tests.pipeline.plans import ns
from tests.pipeline.sources import DECODERS, NAME, message, reading
from tests.pipeline.test_heartbeat import DECODER, INTERVAL_S, WATCHED
from tests.servers import HttpReceiver, until

LIMITS = HealthSettings()
UNREADY_S_MAX, WITHHELD_S_MAX, OUTSIDE_S_MAX = 30, 30, 90
PATIENCE_S = 60  # of who expects the heartbeat
END_S = 30.0


class KilledError(Exception):
    """The end of a thread, as by a fault of ours."""


class Failure:
    """Kills or hangs whoever comes by, once it is switched on."""

    def __init__(self) -> None:
        self.kills = self.hangs = False
        self.over = threading.Event()

    def meet(self) -> None:
        if self.kills:
            raise KilledError
        if self.hangs:
            self.over.wait()


class Turner:
    """A source that turns, and whose broker may be away."""

    name = NAME

    def __init__(self) -> None:
        self.failure, self.turns, self.is_connected = Failure(), 0, True
        self._stopped = threading.Event()

    def probe(self) -> Probe:
        return Probe(ok=True, message="in memory")

    def run(self, _inbox: Inbox) -> None:
        while not self._stopped.wait(0.005):
            try:
                self.failure.meet()
            except KilledError:
                return
            self.turns += 1

    def acknowledge(self, through: int) -> None:
        """Nothing waits."""

    def connected(self) -> bool:
        return self.is_connected

    def stop(self) -> None:
        self._stopped.set()


class FailingStore(PipelineStore):
    """A store whose transactions may fail."""

    failure: Failure

    def record(
        self, new_events: Sequence[AlarmEvent], rows: Sequence[OutboxRow], next_offset: int, *more: object
    ) -> int:
        self.failure.meet()
        return super().record(new_events, rows, next_offset, *more)


class FailingSink:
    """A receiver whose name may not resolve."""

    name = "duty-room"

    def __init__(self) -> None:
        self.failure, self.host = Failure(), "localhost"

    def probe(self) -> Probe:
        return Probe(ok=True, message="in memory")

    def write(self, _items: Sequence[Message]) -> None:
        self.failure.meet()
        try:
            socket.getaddrinfo(self.host, 443)
        except OSError as error:
            raise RetryableError(str(error)) from error

    def close(self) -> None:
        """Nothing is open."""


class FillingDisk(LocalDisk):
    """A disk that may be full."""

    is_full = False

    def allocate(self, file: int, size: int) -> bool:
        self._refuse()
        return super().allocate(file, size)

    def write(self, file: int, data: bytes | memoryview, position: int) -> int:
        self._refuse()
        return super().write(file, data, position)

    def _refuse(self) -> None:
        if self.is_full:
            raise OSError(errno.ENOSPC, "no space left")


class House:
    """Both processes' loops in one, watched, with an outside that expects a heartbeat."""

    def __init__(self, folder: Path, receiver: HttpReceiver) -> None:
        self.folder, self.receiver = folder, receiver
        self.now_s, self.broken = 0, set[str]()
        self.stepping, self.stop = Failure(), threading.Event()
        self.source, self.sink, self.disk = Turner(), FailingSink(), FillingDisk()
        self.store = FailingStore(folder / "pipeline.db")
        self.store.failure = Failure()
        self.journal = Journal(folder / "journal", reserve_bytes=100_000, disk=self.disk)
        self.beats = HeartbeatSource(INTERVAL_S, self.wall_ns)
        self.runner = EmbeddedRunner(
            WATCHED,
            sources=[self.source],
            decoders={**DECODERS, HEARTBEAT: DECODER},
            journal=self.journal,
            journal_folder=folder / "journal",
            store=self.store,
            snapshot_folder=folder / "snapshots",
            clock=SystemClock(),
            metrics=PipelineMetrics(),
            limits=Limits(wait_s=0.005),
            step=self.step,
        )
        self.delivered = DeliveryStore(folder / "delivery.db")
        self.worker = EventWorker(
            self.sink,
            outbox=folder / "pipeline.db",
            store=self.delivered,
            metrics=DeliveryMetrics(),
            wall_ns=self.wall_ns,
        )
        self.watch = Watch(self.wall_ns, ready_gauge(CollectorRegistry()), lambda: float(self.now_s))
        self.heart = HeartbeatWorker(
            Ping(receiver.url),
            events=folder / "pipeline.db",
            reasons=[lambda: [str(reason.said()["en"]) for reason in self.watch.report().reasons]],
            interval_s=INTERVAL_S,
            wall_ns=self.wall_ns,
            metrics=DeliveryMetrics(),
        )
        self.told_s = 0
        self.other: sqlite3.Connection | None = None  # somebody who holds the database
        self._watch_all()

    def wall_ns(self) -> int:
        return ns(self.now_s)

    def step(self, state: State, offset: int, item: Input) -> Outcome:
        self.stepping.meet()
        return step(state, offset, item)

    def _watch_all(self) -> None:
        writer, journal = self.runner.writer, self.journal
        self.turns: dict[str, Callable[[], int]] = {
            "step": lambda: self.runner.turns,
            f"source-{NAME}": lambda: self.source.turns,
            "sink-duty-room": self.worker.turns,
        }
        loops = Loops(LIMITS.loop_limit_s)
        for name, turns in self.turns.items():
            loops.watch(name, turns, now_s=0.0)
        loops.watch("store-writer", lambda: writer.turns, now_s=0.0, has_work=lambda: writer.is_busy)
        loops.watch("journal-commit", lambda: journal.commits, now_s=0.0, has_work=lambda: journal.is_syncing)

        def connected() -> Iterator[Condition]:
            trouble = None if self.source.is_connected else "away"
            yield Condition(Code.SOURCE_DISCONNECTED, NAME, trouble, LIMITS.disconnected_s_max)

        undelivered = outbox_check("duty-room", self.delivered, LIMITS.undelivered_s_max, self.wall_ns)
        self.watch.take_on(loops, [connected, room_check(self.runner), undelivered])

    def second(self) -> None:
        """One second of the watch, in which every loop that is whole has turned."""
        before = {name: turns() for name, turns in self.turns.items() if name not in self.broken}
        for name, count in before.items():
            until(lambda name=name, count=count: self.turns[name]() > count, f"{name} turns", END_S)
        self.now_s += 1
        if self.now_s % INTERVAL_S == 0:
            self.beats._beat(self.runner.inbox)
            if not self.broken:
                until(self.fresh, "the beat comes through", END_S)
        self.watch.look()
        if self.heart.work():
            self.told_s = self.now_s

    def fresh(self) -> bool:
        pulse = self.heart._newest()
        return pulse is not None and pulse.at_ns == self.wall_ns()

    def alarm(self) -> None:
        """A reading that makes a message for the sink."""
        one = message(self.now_s + 1, reading(self.now_s, 60.0), received_s=self.now_s)
        self.runner.inbox.put(Deliveries.of([one]), 1.0)

    def life(self, run: Callable[[], None]) -> threading.Thread:
        def until_killed() -> None:
            with contextlib.suppress(KilledError, FengsuiError):
                run()

        thread = threading.Thread(target=until_killed)
        thread.start()
        return thread


@contextmanager
def at_work(folder: Path, receiver: HttpReceiver) -> Iterator[House]:
    house = House(folder, receiver)
    threads = [house.life(house.runner.run)]
    until(lambda: house.runner.turns > 0, "the loop turns", END_S)
    house.runner._sources[HEARTBEAT] = house.beats  # acknowledged like any other, and driven by our seconds
    threads.append(house.life(lambda: house.worker.run(house.stop)))
    try:
        yield house
    finally:
        for failure in (house.source.failure, house.store.failure, house.sink.failure, house.stepping):
            failure.kills = failure.hangs = False
            failure.over.set()
        house.disk.is_full = False
        if house.other is not None:
            house.other.close()
        house.stop.set()
        house.runner.stop()
        for thread in threads:
            thread.join(END_S)
        house.journal.close()
        house.store.close()
        house.delivered.close()


def kill(failure: Failure) -> None:
    failure.kills = True


def hang(failure: Failure) -> None:
    failure.hangs = True


def fail_source(house: House, how: Callable[[Failure], None]) -> None:
    how(house.source.failure)
    house.broken = {f"source-{NAME}", "pulse"}


def fail_step(house: House, how: Callable[[Failure], None]) -> None:
    how(house.stepping)
    house.broken = {"step"}


def fail_store(house: House, how: Callable[[Failure], None]) -> None:
    how(house.store.failure)
    house.broken = {"step"}


def fail_delivery(house: House, how: Callable[[Failure], None]) -> None:
    how(house.sink.failure)
    house.broken = {"sink-duty-room"}
    house.alarm()


def no_broker(house: House, _how: Callable[[Failure], None]) -> None:
    house.source.is_connected = False


def no_dns(house: House, _how: Callable[[Failure], None]) -> None:
    house.sink.host = "nowhere.invalid"
    house.broken = {"sink-duty-room"}  # a name that does not resolve may take its time
    house.alarm()


def no_disk(house: House, _how: Callable[[Failure], None]) -> None:
    house.disk.is_full = True
    house.broken = {"pulse"}


def no_store(house: House, _how: Callable[[Failure], None]) -> None:
    """Somebody holds the database."""
    house.other = sqlite3.connect(house.folder / "pipeline.db", isolation_level=None)
    house.other.execute("BEGIN EXCLUSIVE")
    house.broken = {"step"}


CASES = {
    **{
        f"{name}-{how.__name__}": (fail, how)
        for name, fail in {
            "source": fail_source,
            "step": fail_step,
            "store-writer": fail_store,
            "delivery": fail_delivery,
        }.items()
        for how in (kill, hang)
    },
    "broker": (no_broker, hang),
    "dns": (no_dns, hang),
    "disk": (no_disk, hang),
    "store": (no_store, hang),
}


@pytest.mark.parametrize("case", CASES)
def test_given_a_silent_failure_it_is_told_inside_and_outside_in_time(
    case: str, tmp_path: Path, receiver: HttpReceiver
) -> None:
    with at_work(tmp_path, receiver) as house:
        for _ in range(25):
            house.second()
        assert not house.watch.report().reasons
        assert house.told_s == 20
        failed_s = house.now_s
        fail, how = CASES[case]
        fail(house, how)
        unready_s = None
        for _ in range(OUTSIDE_S_MAX):
            house.second()
            if unready_s is None and house.watch.report().reasons:
                unready_s = house.now_s
    assert unready_s is not None
    assert unready_s - failed_s <= UNREADY_S_MAX
    assert house.told_s - failed_s <= WITHHELD_S_MAX
    assert house.told_s + PATIENCE_S - failed_s <= OUTSIDE_S_MAX


def test_there_are_twelve() -> None:
    assert len(CASES) == 12
