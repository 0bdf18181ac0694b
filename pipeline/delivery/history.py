"""Carries readings and alarm events into a time-series database: a cursor on the journal, nothing else.

After an outage of the database it goes on where it stopped. Writing the same points again does no harm.
"""

from __future__ import annotations

import threading
from dataclasses import replace
from pathlib import Path

import msgspec
import numpy as np
import structlog

from model.alarm import AlarmEvent
from model.batch import NO_TIME, Batch
from model.connector import Point, Sink
from model.errors import FengsuiError, OffsetGone, PermanentError, RetryableError, StoreError
from model.heartbeat import HEARTBEAT
from model.inputs import PlanChange
from model.plan import Plan
from pipeline.metrics import DeliveryMetrics
from pipeline.watch.progress import Turns
from store.delivery_store import CursorRow, DeliveryStore
from store.journal.entries import Entry, Gap
from store.journal.reader import JournalReader
from store.pipeline_reader import PipelineReader

log = structlog.get_logger("history")

POINTS_MAX = 5000
POLL_S = 0.2
RETRY_S_MAX = 30.0


class HistoryWorker:
    """One points sink: its cursor on the journal, and on the events.

    Attributes:
        turns: of its loop; it stands when they no longer rise.
        fault: why the last write failed; empty while all is well.

    """

    def __init__(
        self, sink: Sink[Point], *, journal: Path, events: Path, store: DeliveryStore, metrics: DeliveryMetrics
    ) -> None:
        self._sink, self._store, self._metrics = sink, store, metrics
        self._journal, self._events_path = journal, events
        self._cursor = store.cursor(sink.name)
        self._names = _Names(msgspec.json.decode(self._cursor.plan, type=Plan)) if self._cursor.plan else None
        self._reader = JournalReader(journal, self._cursor.journal_offset)
        self._events: PipelineReader | None = None
        self.turns = Turns()
        self.fault = ""

    @property
    def name(self) -> str:
        return self._sink.name

    def run(self, stop: threading.Event) -> None:
        pause_s = POLL_S
        while not stop.is_set():
            self.turns.turn()
            try:
                written = self.work()
                self.fault = ""
            except FengsuiError as error:  # whatever it is, a person may mend it; other sinks must go on meanwhile
                self._metrics.attempts.labels(self.name, "failed").inc()
                asked_s = error.retry_after_s if isinstance(error, RetryableError) else None
                pause_s = min(max(pause_s * 2, 1.0, asked_s or 0.0), RETRY_S_MAX)
                log.warning("history not written", sink=self.name, again_in_s=pause_s, error=str(error))
                self.fault = str(error)
                self._go_back()
                self._metrics.cursor_lag.labels(self.name).set(self._reader.bytes_behind())
                self.turns.rest(stop, pause_s)
                continue
            pause_s = POLL_S
            if not written:
                stop.wait(POLL_S)
        self._sink.close()

    def work(self) -> int:
        """Write what is new, up to ``POINTS_MAX`` readings; returns how many points.

        Raises:
            RetryableError: nothing is lost; the cursor has not moved.

        """
        points, cursor = self._next_readings(self._cursor)
        event_points, cursor = self._next_events(cursor)
        points += event_points
        if points:
            self._write(points)
        if cursor != self._cursor:
            self._store.move_cursor(self.name, cursor)
            self._cursor = cursor
        self._metrics.cursor_lag.labels(self.name).set(self._reader.bytes_behind())
        return len(points)

    def _write(self, points: list[Point]) -> None:
        try:
            self._sink.write(points)
        except PermanentError as error:
            # The sink has written what it could; what the database refuses for good must not hold up the rest.
            self._metrics.attempts.labels(self.name, "refused").inc()
            log.error("history: points refused", sink=self.name, error=str(error))
            return
        self._metrics.attempts.labels(self.name, "delivered").inc()
        self._metrics.last_success.labels(self.name).set_to_current_time()

    def _next_readings(self, cursor: CursorRow) -> tuple[list[Point], CursorRow]:
        points: list[Point] = []
        try:
            for found in self._reader.read_with_gaps():
                cursor = self._past(found, cursor, points)
                if len(points) >= POINTS_MAX:
                    break
        except OffsetGone:
            cursor = self._past(self._reader.skip_to_oldest(), cursor, points)
        return points, cursor

    def _past(self, found: Entry | Gap, cursor: CursorRow, points: list[Point]) -> CursorRow:
        """Add the points of an entry; returns the cursor behind it. What is missing is said, and gone round."""
        if isinstance(found, Gap):
            log.error("history: readings are missing", sink=self.name, first=found.first, inputs=found.inputs)
            self._metrics.cursor_missing.labels(self.name).inc(found.inputs)
            return replace(cursor, journal_offset=found.next)
        if isinstance(found.item, PlanChange):
            plan = found.item.plan
            self._names = _Names(plan)
            cursor = replace(cursor, plan=msgspec.json.encode(plan, order="deterministic"))
        elif isinstance(found.item, Batch) and self._names is not None:
            points += self._names.points(found.item)
        return replace(cursor, journal_offset=found.next_offset)

    def _next_events(self, cursor: CursorRow) -> tuple[list[Point], CursorRow]:
        if self._events is None:
            try:
                self._events = PipelineReader(self._events_path)
            except StoreError:
                return [], cursor  # the pipeline has not made its file yet
        rows = self._events.events_after(cursor.event_seq)
        if rows and self._names is not None:
            cursor = replace(cursor, event_seq=rows[-1][0])
        return [self._names.event_point(event) for _, event in rows] if self._names else [], cursor

    def _go_back(self) -> None:
        self._reader = JournalReader(self._journal, self._cursor.journal_offset)
        self._names = _Names(msgspec.json.decode(self._cursor.plan, type=Plan)) if self._cursor.plan else None


class _Names:
    """What a plan says about its sensors, as the tags of points."""

    def __init__(self, plan: Plan) -> None:
        sites = {site.id: site for site in plan.sites}
        assets = {asset.id: asset for asset in plan.assets}
        self._tags = []
        self._own = next((at for at, sensor in enumerate(plan.sensors) if sensor.tag == HEARTBEAT), -1)
        for sensor in plan.sensors:
            site = sites[assets[sensor.asset].site]
            self._tags.append(
                {
                    "tag": sensor.tag,
                    "kind": sensor.kind,
                    "asset": sensor.asset,
                    "site": site.id,
                    "enterprise": site.enterprise,
                }
            )

    def points(self, batch: Batch) -> list[Point]:
        """One point a reading that has a value; a reading without one leaves its quality."""
        if self._own >= 0:
            batch = batch.take(batch.sensor != self._own)
        time_ns = np.where(batch.time_ns == NO_TIME, batch.received_ns, batch.time_ns)
        return [
            Point(
                "reading",
                self._tags[sensor],
                {"value": value, "quality": quality} if value == value else {"quality": quality},  # noqa: PLR0124
                at,
            )
            for sensor, value, quality, at in zip(
                batch.sensor.tolist(), batch.value.tolist(), batch.quality.tolist(), time_ns.tolist(), strict=True
            )
        ]

    @staticmethod
    def event_point(event: AlarmEvent) -> Point:
        tags = {
            "tag": event.tag,
            "asset": event.asset,
            "rule": event.rule,
            "transition": event.transition.value,
            "grade": event.grade.name.lower(),
        }
        fields: dict[str, float | int | str | bool] = {
            "event": event.id,
            "alarm": event.alarm_id,
            "severity": int(event.grade),
            "state": event.state.value,
            "offline": event.offline,
        }
        if event.why is not None and event.why.value is not None:
            fields["value"] = event.why.value
        return Point("alarm_event", tags, fields, event.time_ns)
