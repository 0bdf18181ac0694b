"""The pipeline and the delivery, two processes of ``fengsui run``; each also runs alone."""

from __future__ import annotations

import gc
import threading
from collections.abc import Callable
from pathlib import Path

import structlog
from prometheus_client import CollectorRegistry

from app import compose, configured, watched
from app.pulse import giver
from app.signals import on_orphaned, on_stop
from pipeline.metrics import DeliveryMetrics, PipelineMetrics
from pipeline.watch.readiness import Watch
from pipeline.watch.server import serve

log = structlog.get_logger("process")

EXIT_WORKER_DIED = 70


def run_pipeline(config: Path, *, supervised: bool = False, pulse: int = -1) -> None:
    """Sources to store, until SIGTERM, or until the supervisor is gone."""
    asked, reload = threading.Event(), threading.Event()
    on_stop(asked.set, reload.set)  # first of all: whoever asks while the state is still being restored is heard, too
    if supervised:
        on_orphaned(asked.set)
    settings = configured.read(config)
    metrics = PipelineMetrics()
    watch, address = begin_watch(
        compose.watch(metrics.ready, giver(pulse)), settings.metrics.pipeline, metrics.registry, asked
    )
    running = compose.runner(settings, metrics=metrics, watching=watch)
    log.info("metrics", address=address)
    changing = compose.changer(settings, running, reload)
    commands = compose.commands(settings, running, watch, changing)
    trimmer = compose.trimmer(settings, running)
    threading.Thread(target=_when, args=(asked, running.stop), name="asked", daemon=True).start()
    threading.Thread(target=trimmer.run, args=(asked,), name="trimmer", daemon=True).start()
    threading.Thread(target=changing.run, args=(asked,), name="changes", daemon=True).start()
    commands.start()
    watched.watch_pipeline(watch, running, commands, trimmer, settings)
    gc.collect()
    gc.freeze()  # a full collection would look at all that was loaded, and hold a round up for 60 to 100 ms
    log.info("pipeline runs", plan=running.state.bound.plan.version, sensors=len(running.state.bound.plan.sensors))
    try:
        running.run()
    finally:
        commands.stop()
    log.info("pipeline ended", offset=running.state.next_offset)


def _when(asked: threading.Event, act: Callable[[], None]) -> None:
    asked.wait()
    act()


def run_delivery(config: Path, *, supervised: bool = False, pulse: int = -1) -> None:
    """Store to sinks, until SIGTERM, or until the supervisor is gone."""
    settings = configured.read(config)
    metrics, stop = DeliveryMetrics(), threading.Event()
    watch, address = begin_watch(
        compose.watch(metrics.ready, giver(pulse)), settings.metrics.delivery, metrics.registry, stop
    )
    parts = compose.delivery(settings, metrics, watch)
    log.info("metrics", address=address)
    on_stop(stop.set)
    if supervised:
        on_orphaned(stop.set)
    threads = parts.start(stop)
    watched.watch_delivery(watch, parts.workers, parts.store, settings.health, parts.wall_ns)
    log.info("delivery runs", sinks=[c.name for c in settings.sinks])
    _watch(threads, stop)
    for thread in threads:
        thread.join(timeout=10)
    log.info("delivery ended")


def _watch(threads: list[threading.Thread], stop: threading.Event) -> None:
    """A worker that died must not go unnoticed: the process ends, and is begun again by its supervisor."""
    while not stop.wait(0.5):
        dead = [thread.name for thread in threads if not thread.is_alive()]
        if dead:
            log.error("delivery worker died", workers=dead)
            raise SystemExit(EXIT_WORKER_DIED)


def begin_watch(watch: Watch, address: str, registry: CollectorRegistry, stop: threading.Event) -> tuple[Watch, str]:
    """Begin to watch, and to answer who asks, from the first moment on; returns the address as well."""
    threading.Thread(target=watch.run, args=(stop,), name="watch", daemon=True).start()
    port = serve(address, registry, watch)
    return watch, f"http://{address.rpartition(':')[0]}:{port}/metrics"
