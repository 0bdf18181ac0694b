"""What is wired to what, on one screen."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from prometheus_client import Gauge

from app.changing import Changer, at_start
from app.client import PipelineClient
from app.configured import Paths, build, connector, source_and_decoder
from app.status import pipeline_status
from config.settings import HeartbeatSettings, Settings
from connectors.decoder import MessageDecoder
from connectors.ping import Ping
from connectors.settings import read_secret
from connectors.topic import Subscription
from model.alarm import Grade
from model.connector import Decoder, Source
from model.errors import FengsuiError
from model.heartbeat import HEARTBEAT
from model.plan import Plan
from pipeline.delivery.heartbeat import HeartbeatWorker
from pipeline.delivery.history import HistoryWorker
from pipeline.delivery.outbox import EventWorker
from pipeline.ingest.heartbeat_source import TOPIC, HeartbeatSource
from pipeline.metrics import DeliveryMetrics, PipelineMetrics
from pipeline.runners.clock import Clock, SystemClock
from pipeline.runners.commands import CommandServer
from pipeline.runners.embedded import EmbeddedRunner, Limits
from pipeline.runners.trimming import Trimmer
from pipeline.watch.readiness import Watch
from pipeline.watch.words import Code
from store import snapshots
from store.archive.layout import archived_to
from store.delivery_store import DeliveryStore, cursor_offsets
from store.journal.retention import NS_PER_DAY, KeepLimits
from store.journal.writer import Journal
from store.pipeline_reader import PipelineReader
from store.pipeline_store import PipelineStore

#: The archive among the cursors on the journal.
ARCHIVE = "archive"


def runner(
    configured: Settings,
    *,
    plan: Plan | None = None,
    clock: Clock | None = None,
    metrics: PipelineMetrics | None = None,
    watching: Watch | None = None,
) -> EmbeddedRunner:
    """Sources -> journal -> step -> store."""
    paths = Paths.under(configured.data_dir)
    sources = {connection.name: source_and_decoder(connection) for connection in configured.sources}
    if configured.heartbeat:
        sources[HEARTBEAT] = heartbeat(configured.heartbeat.interval_s)
    store = PipelineStore(paths.pipeline_db)
    return EmbeddedRunner(
        plan or at_start(configured, lambda: SystemClock().tick().wall_ns),
        sources=[source for source, _ in sources.values()],
        decoders={name: decoder for name, (_, decoder) in sources.items()},
        journal=Journal(
            paths.journal,
            segment_bytes=configured.journal.segment_bytes,
            reserve_bytes=configured.journal.reserve_bytes,
            durable_to=max(store.position(), snapshots.newest_offset(paths.snapshots)),
        ),
        journal_folder=paths.journal,
        store=store,
        snapshot_folder=paths.snapshots,
        clock=clock or SystemClock(),
        metrics=metrics or PipelineMetrics(),
        report=watching.report if watching else None,
        grades={Code(code): Grade[grade.upper()] for code, grade in configured.health.grades.items()},
        limits=Limits(
            deliveries_max=configured.journal.round_messages_max, snapshot_every_s=configured.snapshot_every_s
        ),
    )


def heartbeat(interval_s: float) -> tuple[Source, Decoder]:
    """The synthetic sensor, and who reads what it sends."""
    clock = SystemClock()
    decoder = MessageDecoder([Subscription(topic=TOPIC, tag=HEARTBEAT)])
    return HeartbeatSource(interval_s, lambda: clock.tick().wall_ns), decoder


def trimmer(configured: Settings, running: EmbeddedRunner) -> Trimmer:
    """Retention: what no recovery, no sink and no archive needs any more goes."""
    paths, kept = Paths.under(configured.data_dir), configured.journal
    sinks = [sink.name for sink in configured.sinks if connector(sink).ROLE == "points"]

    def cursors() -> dict[str, int]:
        archived = {ARCHIVE: archived_to(configured.archive_folder)} if configured.archive.enabled else {}
        return cursor_offsets(paths.delivery_db, sinks) | archived

    keep_ns = None if kept.keep_days is None else int(kept.keep_days * NS_PER_DAY)
    return Trimmer(
        running.journal,
        KeepLimits(kept.keep_bytes, keep_ns, kept.bytes_max),
        snapshot_folder=paths.snapshots,
        cursors=cursors,
        metrics=running.metrics,
    )


def watch(ready: Gauge, beat: Callable[[], None]) -> Watch:
    """Of one process; it says that the process begins until it is given what to look at."""
    clock = SystemClock()
    return Watch(lambda: clock.tick().wall_ns, ready, beat=beat)


def changer(configured: Settings, running: EmbeddedRunner, wanted: threading.Event) -> Changer:
    """How changed files come into force."""
    clock = SystemClock()
    return Changer(configured, running, lambda: clock.tick().wall_ns, wanted)


def commands(configured: Settings, running: EmbeddedRunner, watching: Watch, changing: Changer) -> CommandServer:
    """The socket for human acts, changes and questions."""
    clock, reader = SystemClock(), PipelineReader(Paths.under(configured.data_dir).pipeline_db)
    return CommandServer(
        configured.socket,
        submit=running.submit,
        status=lambda: pipeline_status(running, watching) | {"changes": changing.view()},
        find=lambda alarm_id: next((one for one in reader.alarm(alarm_id) if one.id == alarm_id), None),
        wall_ns=lambda: clock.tick().wall_ns,
        apply=changing.answer,
    )


def heartbeat_worker(
    configured: Settings, how: HeartbeatSettings, metrics: DeliveryMetrics, watching: Watch
) -> HeartbeatWorker:
    """Calls outside while both processes are ready; a heartbeat that is not taken is no reason to withhold it."""
    clock, client = SystemClock(), PipelineClient(configured.socket)
    url = how.url or read_secret(Path(how.url_file or ""), "heartbeat.url_file")

    def own() -> list[str]:
        return [str(one.said()["en"]) for one in watching.report().reasons if one.subject != HeartbeatWorker.name]

    def of_pipeline() -> list[str]:
        try:
            return [str(reason["en"]) for reason in client.status()["reasons"]]
        except FengsuiError as error:
            return [str(error)]

    return HeartbeatWorker(
        Ping(url, how.method),
        events=Paths.under(configured.data_dir).pipeline_db,
        reasons=[own, of_pipeline],
        interval_s=how.interval_s,
        wall_ns=lambda: clock.tick().wall_ns,
        metrics=metrics,
    )


@dataclass(frozen=True, slots=True)
class DeliveryParts:
    """The workers of the delivery process."""

    workers: list[EventWorker | HistoryWorker | HeartbeatWorker]
    metrics: DeliveryMetrics
    store: DeliveryStore
    wall_ns: Callable[[], int]

    def start(self, stop: threading.Event) -> list[threading.Thread]:
        threads = [
            threading.Thread(target=worker.run, args=(stop,), name=f"sink-{worker.name}", daemon=True)
            for worker in self.workers
        ]
        for thread in threads:
            thread.start()
        return threads


def delivery(configured: Settings, metrics: DeliveryMetrics, watching: Watch) -> DeliveryParts:
    """Outbox -> event sinks; journal -> points sinks."""
    paths = Paths.under(configured.data_dir)
    store, clock = DeliveryStore(paths.delivery_db), SystemClock()
    workers: list[EventWorker | HistoryWorker | HeartbeatWorker] = []
    for sink in configured.sinks:
        if connector(sink).ROLE == "events":
            workers.append(
                EventWorker(
                    build(sink),
                    outbox=paths.pipeline_db,
                    store=store,
                    metrics=metrics,
                    wall_ns=lambda: clock.tick().wall_ns,
                )
            )
        else:
            workers.append(
                HistoryWorker(
                    build(sink), journal=paths.journal, events=paths.pipeline_db, store=store, metrics=metrics
                )
            )
    if configured.heartbeat:
        workers.append(heartbeat_worker(configured, configured.heartbeat, metrics, watching))
    return DeliveryParts(workers, metrics, store, lambda: clock.tick().wall_ns)
