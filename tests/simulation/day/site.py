"""What the simulated day runs on: the plan, and the two processes of the shipped code, put together for one thread."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy import Engine, event

from connectors.decoder import MessageDecoder
from connectors.topic import Subscription
from model.connector import Message, Probe, Source
from model.errors import RetryableError
from model.plan import DetectorSpec, Plan
from pipeline.delivery.outbox import EventWorker
from pipeline.ingest.inbox import BoundedInbox
from pipeline.metrics import DeliveryMetrics, PipelineMetrics
from pipeline.runners.embedded import EmbeddedRunner, Limits
from store import snapshots
from store.delivery_store import DeliveryStore
from store.journal.writer import Journal
from store.pipeline_store import PipelineStore
from tests.pipeline.plans import grade, kind, plan, rule
from tests.simulation.day.fate import Fate, ScheduledExecutor, SimulatedClock
from tests.simulation.day.link import NAME, PERIOD_S, TAGS
from tests.simulation.disk import SimulatedDisk

JOURNAL, SNAPSHOTS = Path("/data/journal"), Path("/data/snapshots")
SEGMENT_BYTES, RESERVE_BYTES = 30_000, 20_000
SNAPSHOT_EVERY_S = 300.0
INBOX_MAX = 300
SINKS = ("duty-room", "enterprise")

KINDS = (kind("gas", period_s=PERIOD_S), kind("slow", period_s=PERIOD_S, lateness_s=45.0))
SENSORS = tuple((tag, "slow" if at % 4 == 3 else "gas") for at, tag in enumerate(TAGS))
BOTH = ("gas", "slow")
DETECTORS = (
    DetectorSpec("slope", "rate", ("gas",), {"window_s": 120.0}),
    DetectorSpec("mean", "ewma", ("gas",), {"smooth_s": 60.0, "warmup_s": 600.0, "mean_s": 1800.0, "hold_s": 900.0}),
    DetectorSpec("quiet", "silence", BOTH, {}),
)
LEVEL = rule(
    "level",
    grade("blue", "value >= 10", 40.0, 30.0, 1.0),
    grade("yellow", "value >= 25", 0.0, 30.0, 2.0),
    grade("red", "value >= 50", 0.0, 30.0, 2.0),
    kinds=BOTH,
)
LATCHED = rule("latched", grade("orange", "value >= 55", 0.0, 30.0, 2.0), latching=True)
OTHERS = (
    rule("slope", grade("yellow", "slope > 12", 0.0, 60.0)),
    rule("normal", grade("blue", "mean > 8", 60.0, 60.0)),
    rule("quiet", grade("blue", "quiet >= 90 s"), kinds=BOTH),
    rule("device", grade("blue", "quality == bad", 0.0, 30.0)),
)
#: Below which value a rule on values is over.
CLEARS_BELOW = {"level": 10.0, "latched": 55.0}
#: Configurations that replace each other at a restart: other sensors in front, one rule less, the first again.
PLANS: tuple[Plan, ...] = (
    plan(LEVEL, LATCHED, *OTHERS, kinds=KINDS, sensors=SENSORS, detectors=DETECTORS),
    plan(LEVEL, LATCHED, *OTHERS, kinds=KINDS, sensors=SENSORS[::-1], detectors=DETECTORS),
    plan(LATCHED, LEVEL, *OTHERS[1:], kinds=KINDS, sensors=SENSORS, detectors=DETECTORS),
)


@dataclass(slots=True)
class Machine:
    """One computer: its disk, its clock, and where SQLite keeps its files.

    SQLite cannot run on the simulated disk. It has real files, and its promise is taken for kept: a transaction whose
    commit came back survives, one that was not committed does not, whatever happens to the journal beside it.
    """

    chance: random.Random
    files: Path
    disk: SimulatedDisk
    clock: SimulatedClock

    @property
    def pipeline_db(self) -> Path:
        return self.files / "pipeline.db"

    @property
    def delivery_db(self) -> Path:
        return self.files / "delivery.db"


class StoreFault(OSError):
    """The database's disk refuses a commit."""


@dataclass(slots=True)
class Commits:
    """Stands at every commit of one process."""

    fate: Fate
    refuse: int = 0  # so many commits from now are refused

    def watch(self, engine: Engine) -> None:
        event.listen(engine, "commit", self._at)

    def _at(self, _: object) -> None:
        self.fate.point("commit")
        if self.refuse:
            self.refuse -= 1
            raise StoreFault("the disk refuses the commit")


class PipelineProcess:
    """One life of the pipeline: the shipped runner, its loop turned by hand."""

    def __init__(self, machine: Machine, source: Source, plan_now: Plan, commits: Commits) -> None:
        self._store: PipelineStore | None = None
        self._executor = ScheduledExecutor(machine.chance)
        self._parts = (machine, source, plan_now, commits)
        self.metrics = PipelineMetrics()
        self.runner: EmbeddedRunner | None = None
        self.acknowledged = 0  # messages, in this life

    def begin(self) -> None:
        """As ``app.compose.runner`` puts it together."""
        machine, source, plan_now, commits = self._parts
        store = self._store = PipelineStore(machine.pipeline_db)
        commits.watch(store._engine)
        journal = Journal(
            JOURNAL,
            segment_bytes=SEGMENT_BYTES,
            reserve_bytes=RESERVE_BYTES,
            durable_to=max(store.position(), snapshots.newest_offset(SNAPSHOTS, disk=machine.disk)),
            disk=machine.disk,
            syncing=self._executor,
        )
        runner = EmbeddedRunner(
            plan_now,
            sources=[source],
            decoders={NAME: MessageDecoder([Subscription(topic="d/{sensor}", tag="{sensor}")])},
            journal=journal,
            journal_folder=JOURNAL,
            store=store,
            snapshot_folder=SNAPSHOTS,
            clock=machine.clock,
            metrics=self.metrics,
            limits=Limits(deliveries_max=100, wait_s=0.0, snapshot_every_s=SNAPSHOT_EVERY_S),
            disk=machine.disk,
            storing=self._executor,
        )
        runner.inbox = BoundedInbox(deliveries_max=INBOX_MAX)
        self.runner = runner

    def turn(self) -> None:
        assert self.runner is not None
        self.runner.turn()
        if self._parts[0].chance.random() < 0.5:
            self._executor.get_on()

    def finish(self) -> None:
        """As after SIGTERM."""
        assert self.runner is not None
        self.runner.finish()
        self.runner.journal.close()
        self.gone()

    def gone(self) -> None:
        """The process is no more; what it held open is closed by the kernel."""
        self.runner = None
        if self._store is not None:
            self._store.close()

    def accounted(self) -> int:
        """Readings and parts that its counters know of."""
        m = self.metrics
        counters = (m.readings, m.poison, m.unregistered, m.retained, m.left_out)
        return round(
            sum(s.value for c in counters for f in c.collect() for s in f.samples if s.name.endswith("_total"))
        )

    def reconciled(self) -> int:
        return round(
            sum(s.value for f in self.metrics.reconciled.collect() for s in f.samples if s.name.endswith("_total"))
        )


@dataclass(slots=True)
class SimulatedSink:
    """A receiver that fails before it has taken a message, or after, or is not there; and remembers what it took."""

    name: str
    machine: Machine
    fate: Fate
    down_until_s: float = 0.0
    is_well: bool = False  # nothing fails any more
    taken: list[Message] = field(default_factory=list)

    def probe(self) -> Probe:
        return Probe(ok=True, message="simulated")

    def write(self, items: Sequence[Message]) -> None:
        self.fate.point("send")
        luck = 1.0 if self.is_well else self.machine.chance.random()
        if self.machine.clock.now_s < self.down_until_s or luck < 0.05:
            raise RetryableError("no connection", retry_after_s=20.0 if luck < 0.02 else None)
        self.taken += items
        self.fate.point("sent")
        if luck < 0.1:
            raise RetryableError("taken, but the answer was lost")

    def close(self) -> None:
        """Nothing is open."""


class DeliveryProcess:
    """One life of the delivery: a worker a sink."""

    def __init__(self, machine: Machine, sinks: Sequence[SimulatedSink], commits: Commits) -> None:
        self._machine, self._sinks, self._commits = machine, sinks, commits
        self._store: DeliveryStore | None = None
        self._workers: list[EventWorker] = []

    def begin(self) -> None:
        store = self._store = DeliveryStore(self._machine.delivery_db)
        self._commits.watch(store._engine)
        metrics, clock = DeliveryMetrics(), self._machine.clock
        self._workers = [
            EventWorker(
                sink,
                outbox=self._machine.pipeline_db,
                store=store,
                metrics=metrics,
                wall_ns=lambda: clock.wall_ns,
                seed=self._machine.chance.getrandbits(16),
            )
            for sink in self._sinks
        ]

    def work(self) -> int:
        return sum(worker.work() for worker in self._workers)

    def gone(self) -> None:
        for worker in self._workers:
            if worker._outbox is not None:
                worker._outbox.close()
        self._workers = []
        if self._store is not None:
            self._store.close()
