"""What is wired to what, on one screen."""

from __future__ import annotations

import importlib
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from app.status import pipeline_status
from config.plan import load_plan
from config.settings import Connection, Settings, load_settings
from connectors import CONNECTORS
from model.connector import Decoder, Source
from model.plan import Plan
from pipeline.clock import Clock, SystemClock
from pipeline.commands import CommandServer
from pipeline.delivery import EventWorker
from pipeline.history import HistoryWorker
from pipeline.metrics import DeliveryMetrics, PipelineMetrics
from pipeline.runners.embedded import EmbeddedRunner, Limits
from store.delivery_store import DeliveryStore
from store.journal import Journal
from store.pipeline_store import PipelineStore


@dataclass(frozen=True, slots=True)
class Paths:
    """Where the data folder keeps what."""

    journal: Path
    pipeline_db: Path
    delivery_db: Path
    snapshots: Path

    @classmethod
    def under(cls, data_dir: Path) -> Paths:
        return cls(data_dir / "journal", data_dir / "pipeline.db", data_dir / "delivery.db", data_dir / "snapshots")


def connector(name: str) -> Any:
    return importlib.import_module(CONNECTORS[name])


def connector_settings(name: str) -> type[BaseModel] | None:
    if name not in CONNECTORS:
        return None
    settings: type[BaseModel] = connector(name).Settings
    return settings


def settings(path: Path) -> Settings:
    return load_settings(path, connector_settings, connector_names=CONNECTORS)


def sources(configured: Settings) -> list[tuple[Source, Decoder]]:
    return [
        (connector(c.connector).build(c.name, c.settings), connector(c.connector).decoder(c.settings))
        for c in configured.sources
    ]


def sinks(configured: Settings, role: str) -> list[Any]:
    return [_sink(c) for c in configured.sinks if role == connector(c.connector).ROLE]


def _sink(configured: Connection) -> Any:
    return connector(configured.connector).build(configured.name, configured.settings)


def runner(configured: Settings, *, plan: Plan | None = None, clock: Clock | None = None) -> EmbeddedRunner:
    """Sources -> journal -> step -> store."""
    paths = Paths.under(configured.data_dir)
    wired = sources(configured)
    return EmbeddedRunner(
        plan or load_plan(configured),
        sources=[source for source, _ in wired],
        decoders={source.name: decoder for source, decoder in wired},
        journal=Journal(paths.journal, segment_bytes=configured.journal.segment_bytes),
        journal_folder=paths.journal,
        store=PipelineStore(paths.pipeline_db),
        snapshot_folder=paths.snapshots,
        clock=clock or SystemClock(),
        metrics=PipelineMetrics(),
        limits=Limits(deliveries_max=configured.journal.commit_rows_max, snapshot_every_s=configured.snapshot_every_s),
    )


def commands(configured: Settings, running: EmbeddedRunner) -> CommandServer:
    """The socket for human acts and questions."""
    clock = SystemClock()
    return CommandServer(
        configured.socket,
        submit=running.submit,
        status=lambda: pipeline_status(running),
        wall_ns=lambda: clock.tick().wall_ns,
    )


@dataclass(frozen=True, slots=True)
class DeliveryParts:
    """The workers of the delivery process."""

    events: list[EventWorker]
    history: list[HistoryWorker]
    metrics: DeliveryMetrics

    def start(self, stop: threading.Event) -> list[threading.Thread]:
        workers: list[EventWorker | HistoryWorker] = [*self.events, *self.history]
        threads = [
            threading.Thread(target=worker.run, args=(stop,), name=f"sink-{worker.name}", daemon=True)
            for worker in workers
        ]
        for thread in threads:
            thread.start()
        return threads


def delivery(configured: Settings) -> DeliveryParts:
    """Outbox -> event sinks; journal -> points sinks."""
    paths = Paths.under(configured.data_dir)
    store, metrics, clock = DeliveryStore(paths.delivery_db), DeliveryMetrics(), SystemClock()
    events = [
        EventWorker(sink, outbox=paths.pipeline_db, store=store, metrics=metrics, wall_ns=lambda: clock.tick().wall_ns)
        for sink in sinks(configured, "events")
    ]
    history = [
        HistoryWorker(sink, journal=paths.journal, events=paths.pipeline_db, store=store, metrics=metrics)
        for sink in sinks(configured, "points")
    ]
    return DeliveryParts(events, history, metrics)
