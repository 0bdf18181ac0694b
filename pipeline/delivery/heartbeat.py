"""Tells somebody outside that the warning system works, as long as it does; silence is the alarm.

Called only with a synthetic event that has come through every stage just now, and while both processes are ready: no
loop stands, every source is connected, every message leaves the house.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol

import structlog
from sqlalchemy.exc import SQLAlchemyError

from model.errors import FengsuiError, StoreError
from model.heartbeat import Pulse
from pipeline.metrics import DeliveryMetrics
from pipeline.watch.progress import Turns
from store.pipeline_reader import PipelineReader

log = structlog.get_logger("heartbeat")

LOOK_S = 1.0
#: An event that took longer than so many intervals is no proof any more.
AGE_INTERVALS_MAX = 2.0

Reasons = Callable[[], Sequence[str]]


class Outside(Protocol):
    """Who is called."""

    def call(self) -> None: ...

    def close(self) -> None: ...


class HeartbeatWorker:
    """A loop of the delivery process.

    Attributes:
        turns: of its loop; it stands when they no longer rise.
        fault: why the last call failed; empty while all is well.
        sent: calls that were answered.

    """

    name = "heartbeat"

    def __init__(
        self,
        outside: Outside,
        *,
        events: Path,
        reasons: Sequence[Reasons],
        interval_s: float,
        wall_ns: Callable[[], int],
        metrics: DeliveryMetrics,
    ) -> None:
        """Take what it looks at.

        Args:
            outside: who is called.
            events: pipeline.db, where the synthetic sensor's events end.
            reasons: each gives why a process is not ready; nothing while it is.
            interval_s: of the synthetic sensor.
            wall_ns: now.
            metrics: where it counts.

        """
        self.turns, self.fault, self.sent = Turns(), "", 0
        self._outside, self._events_path, self._reasons = outside, events, reasons
        self._age_ns_max = round(AGE_INTERVALS_MAX * interval_s * 1e9)
        self._wall_ns, self._metrics = wall_ns, metrics
        self._events: PipelineReader | None = None
        self._told = -1  # offset of the pulse that was told of last
        self._withheld = ""

    def run(self, stop: threading.Event) -> None:
        while not stop.is_set():
            self.turns.turn()
            self.work()
            self.turns.rest(stop, LOOK_S)
        self._outside.close()

    def work(self) -> bool:
        """Look once; returns whether somebody was told."""
        pulse = self._newest()
        if pulse is None or pulse.offset == self._told:
            return False
        age_ns = self._wall_ns() - pulse.at_ns
        reasons = [f"the synthetic event is {age_ns / 1e9:.0f} s old"] if age_ns > self._age_ns_max else []
        reasons += [one for ask in self._reasons for one in ask()]
        if reasons:
            self._withhold("; ".join(reasons))
            return False
        try:
            self._outside.call()
        except FengsuiError as error:
            self.fault = str(error)
            self._metrics.heartbeats.labels("failed").inc()
            log.warning("heartbeat not taken", error=self.fault)
            return False
        self._told, self.fault, self._withheld = pulse.offset, "", ""
        self.sent += 1
        self._metrics.heartbeats.labels("sent").inc()
        self._metrics.heartbeat_sent.set(self._wall_ns() / 1e9)
        return True

    def _withhold(self, reasons: str) -> None:
        self._metrics.heartbeats.labels("withheld").inc()
        if not self._withheld:
            log.error("heartbeat withheld", reasons=reasons)
        self._withheld = reasons

    def _newest(self) -> Pulse | None:
        try:
            if self._events is None:
                self._events = PipelineReader(self._events_path)
            return self._events.pulse()
        except (StoreError, SQLAlchemyError):  # the pipeline has not made its file yet
            return None
