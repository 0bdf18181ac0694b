"""Which loops and conditions of the processes are watched; what is wrong with any of them is a reason."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from pathlib import Path

from sqlalchemy.exc import SQLAlchemyError

from app.configured import Paths, connector
from config.settings import HealthSettings, Settings
from model.connector import Turning
from pipeline.delivery.heartbeat import HeartbeatWorker
from pipeline.delivery.history import HistoryWorker
from pipeline.delivery.outbox import EventWorker
from pipeline.runners.clock import SystemClock
from pipeline.runners.commands import CommandServer
from pipeline.runners.embedded import EmbeddedRunner
from pipeline.runners.recovery import readings_lag_s, sensors_by_state
from pipeline.runners.trimming import Trimmer
from pipeline.watch.delivered import DeliveryCheck
from pipeline.watch.own_clock import clock_error_s
from pipeline.watch.progress import Loops
from pipeline.watch.readiness import Check, Condition, Watch
from pipeline.watch.words import Code
from store.archive.layout import load_position
from store.delivery_store import DeliveryStore
from store.disk import LOCAL_DISK

#: After a start the sensors have so long to report.
FIRST_DATA_S = 60.0
#: The archive is ten minutes behind by its nature; after an outage it has ten minutes to catch up.
ARCHIVE_BEHIND_S_MAX, ARCHIVE_AFTER_S = 3600.0, 600.0


def watch_pipeline(
    watch: Watch, running: EmbeddedRunner, server: CommandServer, trimmer: Trimmer, settings: Settings
) -> None:
    """Take on what the pipeline process does."""
    limits, paths, clock = settings.health, Paths.under(settings.data_dir), SystemClock()
    loops, now_s = Loops(limits.loop_limit_s), time.monotonic()
    loops.watch("step", lambda: running.turns, now_s=now_s)
    journal = running.journal
    loops.watch("journal-commit", lambda: journal.commits, now_s=now_s, has_work=lambda: journal.is_syncing)
    writer = running.writer
    loops.watch("store-writer", lambda: writer.turns, now_s=now_s, has_work=lambda: writer.is_busy)
    saver = running.snapshots
    loops.watch("snapshot-writer", lambda: saver.turns, now_s=now_s, has_work=lambda: saver.is_busy)
    loops.watch("commands", server.turns, now_s=now_s)
    loops.watch("trimmer", trimmer.turns, now_s=now_s)
    for name, source in running.sources.items():
        if isinstance(source, Turning):
            loops.watch(f"source-{name}", _turns_of(source), now_s=now_s)
    events_to = [sink.name for sink in settings.sinks if connector(sink).ROLE == "events"]
    checks = [
        room_check(running),
        sources_check(running, limits),
        data_check(running, limits),
        grouping_check(running),
    ]
    if limits.clock_offset_s_max is not None:
        checks.append(clock_check(limits.clock_offset_s_max))
    if events_to:
        checks.append(
            DeliveryCheck(
                paths.pipeline_db, paths.delivery_db, events_to, limits.undelivered_s_max, lambda: clock.tick().wall_ns
            )
        )
    if settings.archive.enabled:
        checks.append(archive_check(settings.archive_folder, lambda: clock.tick().wall_ns))
    watch.take_on(loops, checks)


def _turns_of(loop: Turning) -> Callable[[], int]:
    return lambda: loop.turns


def room_check(running: EmbeddedRunner) -> Check:
    """The disk must have room for what comes in."""

    def look() -> Iterable[Condition]:
        yield Condition(Code.JOURNAL_FULL, "", running.room.full or None)

    return look


def grouping_check(running: EmbeddedRunner) -> Check:
    """Alarms must be grouped into incidents; an error in that ends it, and no alarm."""

    def look() -> Iterable[Condition]:
        yield Condition(Code.GROUPING_FAILING, "", running.state.incidents.broken or None)

    return look


def clock_check(limit_s: float) -> Check:
    """The kernel must hold its clock to be right, within the limit."""

    def look() -> Iterable[Condition]:
        off_s = clock_error_s()
        yield Condition(Code.CLOCK_OFFSET, "", f"{off_s:.3g} s" if off_s > limit_s else None)

    return look


def sources_check(running: EmbeddedRunner, limits: HealthSettings) -> Check:
    """Every source that has not finished must have its connection."""

    def look() -> Iterable[Condition]:
        for name, source in running.sources.items():
            connected = source.connected() or getattr(source, "finished", False)
            why = str(getattr(source, "last_error", ""))
            trouble = None if connected else why or "-"
            yield Condition(Code.SOURCE_DISCONNECTED, name, trouble, limits.disconnected_s_max)

    return look


def data_check(running: EmbeddedRunner, limits: HealthSettings) -> Check:
    """Some sensor of those that report by the clock must report."""

    def look() -> Iterable[Condition]:
        sensors = sensors_by_state(running.state)
        by_clock = sensors["by_clock"]
        if by_clock and running.uptime_s() > FIRST_DATA_S:
            silent = sensors["silent"] + sensors["never_by_clock"]
            yield Condition(Code.NO_DATA, "", f"{silent}/{by_clock}" if silent >= by_clock else None)
        lag_s = readings_lag_s(running.state)
        if limits.watermark_lag_s_max is not None and lag_s is not None:
            yield Condition(Code.WATERMARK_LAG, "", f"{lag_s:.0f} s" if lag_s > limits.watermark_lag_s_max else None)

    return look


def archive_check(folder: Path, wall_ns: Callable[[], int]) -> Check:
    """The archive may not stay behind: the journal waits for it, and what the journal must drop is lost to history."""

    def look() -> Iterable[Condition]:
        try:
            position = load_position(folder, LOCAL_DISK)
        except OSError as error:
            yield Condition(Code.ARCHIVE_FAILING, "", str(error), ARCHIVE_AFTER_S)
            return
        behind_s = (wall_ns() - position.wall_ns) / 1e9 if position and position.wall_ns else 0.0
        trouble = f"{behind_s / 3600:.1f} h" if behind_s > ARCHIVE_BEHIND_S_MAX else None
        yield Condition(Code.ARCHIVE_FAILING, "", trouble, ARCHIVE_AFTER_S)

    return look


def watch_delivery(
    watch: Watch,
    workers: Iterable[EventWorker | HistoryWorker | HeartbeatWorker],
    store: DeliveryStore,
    limits: HealthSettings,
    wall_ns: Callable[[], int],
) -> None:
    """Take on what the delivery process does."""
    loops, now_s = Loops(limits.loop_limit_s), time.monotonic()
    checks: list[Check] = []
    for worker in workers:
        loops.watch(f"sink-{worker.name}", worker.turns, now_s=now_s)
        if isinstance(worker, EventWorker):
            checks.append(outbox_check(worker.name, store, limits.undelivered_s_max, wall_ns))
        else:
            checks.append(history_check(worker, limits.undelivered_s_max))
    watch.take_on(loops, checks)


def outbox_check(sink: str, store: DeliveryStore, limit_s: float, wall_ns: Callable[[], int]) -> Check:
    """No message may wait longer than the limit."""

    def look() -> Iterable[Condition]:
        try:
            oldest = store.oldest_pending(sink)
        except SQLAlchemyError as error:
            yield Condition(Code.STORE_FAILING, "delivery.db", str(error))
            return
        yield Condition(Code.STORE_FAILING, "delivery.db", None)
        age_s = (wall_ns() - oldest[0]) / 1e9 if oldest else 0.0
        yield Condition(Code.SINK_FAILING, sink, f"{age_s:.0f} s; {oldest[1]}" if oldest and age_s > limit_s else None)

    return look


def history_check(worker: HistoryWorker | HeartbeatWorker, limit_s: float) -> Check:
    """What a time-series sink, or who takes the heartbeat, refuses may not go on for longer than the limit."""

    def look() -> Iterable[Condition]:
        yield Condition(Code.SINK_FAILING, worker.name, worker.fault or None, limit_s)

    return look
