"""Keeps the archive: cuts as the journal grows, merges once a day, removes what is no longer kept."""

from __future__ import annotations

import threading
from pathlib import Path

import structlog

from model.errors import FengsuiError, StoreError
from pipeline.metrics import ArchiveMetrics
from pipeline.watch.progress import Turns
from store.archive.archiver import Archiver, Cut
from store.archive.layout import DAY_NS, day_name
from store.archive.merge import days_to_merge, merge
from store.archive.retention import ArchiveLimits, size, trim
from store.disk import LOCAL_DISK, Disk

log = structlog.get_logger("archive")

POLL_S = 1.0
RETRY_S_MAX = 30.0
#: A day is merged when it is over for so long: what is a little late is in it then.
SETTLE_NS = 3600 * 10**9


class _Stopped(FengsuiError):
    """The process is to end; what was half done is done again by the next one."""


class ArchiveWorker:
    """One archive. Errors are said and counted, and it is tried again from where the archive stands.

    Attributes:
        turns: of the loop.
        fault: why the last try failed; empty = it did not.

    """

    def __init__(
        self,
        folder: Path,
        journal: Path,
        limits: ArchiveLimits,
        *,
        free_bytes_min: int,
        metrics: ArchiveMetrics,
        disk: Disk = LOCAL_DISK,
    ) -> None:
        """Take what it works on.

        Args:
            folder: of the archive.
            journal: folder of the journal.
            limits: what is kept of the archive.
            free_bytes_min: room that is left on the disk for the journal; with less, nothing is archived.
            metrics: where it counts.
            disk: that both are on.

        """
        self._folder, self._journal, self._limits, self._disk = folder, journal, limits, disk
        self._free_bytes_min, self._metrics = free_bytes_min, metrics
        self._archiver: Archiver | None = None
        self._merged_until: int | None = None
        self._stop = threading.Event()
        self.turns = Turns()
        self.fault = ""

    def run(self, stop: threading.Event) -> None:
        self._stop = stop
        pause_s = POLL_S
        try:
            while not stop.is_set():
                try:
                    cut = self.work()
                    self.turns.turn()
                except _Stopped:
                    break
                except (FengsuiError, OSError) as error:  # a person may mend it; the journal waits meanwhile
                    self.fault = str(error)
                    self._metrics.errors.inc()
                    log.error("archive not written", again_in_s=pause_s, error=str(error))
                    self.close()
                    self.turns.rest(stop, pause_s)
                    pause_s = min(pause_s * 2, RETRY_S_MAX)
                    continue
                pause_s, self.fault = POLL_S, ""
                if cut is None:
                    self.turns.rest(stop, POLL_S)
        finally:
            self.close()

    def close(self) -> None:
        """Let go of the archive; the next ``work`` takes it up again."""
        if self._archiver is not None:
            self._archiver.close()
            self._archiver = None

    def work(self) -> Cut | None:
        """Make the next cut, if there is one, and what is due after it.

        Raises:
            FengsuiError: it did not work.
            OSError: the disk refused.

        """
        if self._archiver is None:
            self._archiver = Archiver(self._folder, self._journal, disk=self._disk, progress=self._go_on)
            self._show(self._archiver)
        self._refuse_without_room()
        cut = self._archiver.work()
        self._metrics.lag.set(self._archiver.bytes_behind())
        if cut is not None:
            self._note(cut)
            self._tidy(cut.position.wall_ns)
            self._show(self._archiver)
        return cut

    def _refuse_without_room(self) -> None:
        free = self._disk.free_bytes(self._folder)
        if free < self._free_bytes_min:
            raise StoreError(
                f"{self._folder}: {free} bytes are free on its disk, and archive.free_bytes_min leaves "
                f"{self._free_bytes_min} for the journal; make room, or lower archive.bytes_max"
            )

    def _note(self, cut: Cut) -> None:
        self._metrics.readings.inc(cut.rows)
        log.info("archive: written", files=list(cut.files), readings=cut.rows, journal=cut.position.next_offset)
        if cut.missing:
            self._metrics.missing.inc(cut.missing)
            log.error("archive: inputs are missing", inputs=cut.missing, before=cut.position.next_offset)

    def _tidy(self, now_ns: int) -> None:
        over = (now_ns - SETTLE_NS) // DAY_NS
        if over != self._merged_until:
            for day in days_to_merge(self._folder, over, disk=self._disk):
                self._merge(day)
            self._merged_until = over
        for removed in trim(self._folder, self._limits, now_ns=now_ns, disk=self._disk):
            self._metrics.removed.inc(removed.bytes)
            log.info("archive: day removed", day=removed.day, bytes=removed.bytes)

    def _merge(self, day: int) -> None:
        merged = merge(self._folder, day, disk=self._disk, progress=self._go_on)
        if merged.file is not None:
            self._metrics.merges.inc()
            log.info("archive: merged", file=merged.file, files=merged.replaced, readings=merged.rows)
        for name in merged.damaged:
            self._metrics.damaged.inc()
            log.error("archive: file is damaged", file=f"{day_name(day)}/{name}")

    def _go_on(self) -> None:
        """Between two parts of something long."""
        self.turns.turn()
        if self._stop.is_set():
            raise _Stopped

    def _show(self, archiver: Archiver) -> None:
        found = size(self._folder, self._disk)
        self._metrics.files.set(found.files)
        self._metrics.bytes.set(found.bytes)
        self._metrics.position.set(archiver.position.wall_ns / 1e9)
