"""Keeps the journal within its limits, beside the rounds: removing a large file can take longer than a commit."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from pathlib import Path

import structlog

from model.errors import FengsuiError
from pipeline.metrics import PipelineMetrics
from pipeline.watch.progress import Turns
from store import snapshots, warmed
from store.journal.retention import KeepLimits
from store.journal.writer import Journal

log = structlog.get_logger("pipeline")

PERIOD_S = 10.0


class Trimmer:
    """Removes what is no longer kept, a segment at a time."""

    def __init__(
        self,
        journal: Journal,
        limits: KeepLimits,
        *,
        snapshot_folder: Path,
        cursors: Callable[[], Mapping[str, int]],
        metrics: PipelineMetrics,
    ) -> None:
        """Take what it works on.

        Args:
            journal: to trim.
            limits: what is kept of it.
            snapshot_folder: whose oldest usable snapshot a recovery may have to begin with.
            cursors: gives how far each reader of the journal has come, by name.
            metrics: where it counts.

        """
        self._journal, self._limits, self._snapshots = journal, limits, snapshot_folder
        self._cursors, self._metrics = cursors, metrics
        self._told: set[str] = set()
        self.turns = Turns()

    def run(self, stop: threading.Event) -> None:
        while not self.turns.rest(stop, PERIOD_S):
            try:
                self.trim()
            except (FengsuiError, OSError) as error:  # the rounds must go on; if the disk is ill they will find out
                log.error("journal not trimmed", error=str(error))

    def trim(self) -> None:
        """Remove all that may go now.

        Raises:
            FengsuiError: the disk refused, or the cursors cannot be read.

        """
        cursors = self._cursors()
        for name, offset in cursors.items():
            self._journal.hold(name, offset)
        while (removal := self._journal.trim(self._limits, self._oldest_snapshot)) is not None:
            self._metrics.journal_removed.inc(removal.segment.bytes)
            log.info("journal: segment removed", file=str(removal.segment.path), oldest=removal.next_offset)
            for cursor in removal.lost:
                self._metrics.journal_overrun.labels(cursor).inc()
                log.error("journal: removed what a sink has not read", sink=cursor, oldest=removal.next_offset)

        for path in warmed.trim(self._snapshots.parent / "warmed", self._journal.oldest_offset):
            log.info("warmed state removed", file=str(path))
        self._say_who_holds(cursors)

    def _say_who_holds(self, cursors: Mapping[str, int]) -> None:
        """A reader that stands still must not fill the disk in silence."""
        over = 0 if self._limits.bytes is None else self._journal.bytes_written - self._limits.bytes
        needed = (self._oldest_snapshot() or 0) if over > 0 else 0
        for name, offset in cursors.items():
            holds = offset < needed and offset == min(cursors.values())
            self._metrics.journal_held.labels(name).set(over if holds else 0)
            if holds and name not in self._told:
                log.error("journal: larger than it should be, a reader is behind", reader=name, bytes_over=over)
            (self._told.add if holds else self._told.discard)(name)

    def _oldest_snapshot(self) -> int | None:
        return snapshots.oldest_usable(self._snapshots)
