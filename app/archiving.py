"""``fengsui archiver``: the process that makes Parquet of the journal; apart, for what it needs is slow to import."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable
from pathlib import Path

import structlog

from app import compose, configured
from app.configured import Paths
from app.processes import begin_watch
from app.pulse import giver
from app.signals import on_orphaned, on_stop
from config.settings import Settings
from pipeline.metrics import ArchiveMetrics
from pipeline.runners.archiving import ArchiveWorker
from pipeline.watch.progress import Loops
from pipeline.watch.readiness import Check, Condition
from pipeline.watch.words import Code
from store.archive.retention import ArchiveLimits
from store.journal.retention import NS_PER_DAY

log = structlog.get_logger("process")

#: A full disk, say, counts after so long; until then it is tried again.
FAULT_AFTER_S = 60.0


def worker(settings: Settings, metrics: ArchiveMetrics) -> ArchiveWorker:
    """Journal -> archive."""
    kept = settings.archive
    return ArchiveWorker(
        settings.archive_folder,
        Paths.under(settings.data_dir).journal,
        ArchiveLimits(None if kept.keep_days is None else int(kept.keep_days * NS_PER_DAY), kept.bytes_max),
        free_bytes_min=kept.free_bytes_min,
        metrics=metrics,
    )


def run_archiver(config: Path, *, supervised: bool = False, pulse: int = -1) -> None:
    """Journal to archive, until SIGTERM, or until the supervisor is gone."""
    stop = threading.Event()
    on_stop(stop.set)
    if supervised:
        on_orphaned(stop.set)
    settings = configured.read(config)
    metrics = ArchiveMetrics()
    watch, address = begin_watch(
        compose.watch(metrics.ready, giver(pulse)), settings.metrics.archiver, metrics.registry, stop
    )
    log.info("metrics", address=address)
    running = worker(settings, metrics)
    loops = Loops(settings.health.loop_limit_s)
    loops.watch("archiver", running.turns, now_s=time.monotonic())
    watch.take_on(loops, [_fault_check(running)])
    log.info("archiver runs", folder=str(settings.archive_folder))
    running.run(stop)
    log.info("archiver ended")


def _fault_check(running: ArchiveWorker) -> Check:
    """What keeps the archive from being written may not go on for long: the journal waits for it."""

    def look() -> Iterable[Condition]:
        yield Condition(Code.ARCHIVE_FAILING, "", running.fault or None, FAULT_AFTER_S)

    return look
