"""``fengsui shadow``: follows the journal of a running Fengsui, and holds the proposed rules against those in force."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from app.configured import Paths
from config.plan import load_plan
from config.settings import Settings
from model.errors import FengsuiError
from pipeline.hindsight.shadow import Seen, Shadow
from store import snapshots
from store.journal.reader import JournalReader

POLL_S = 0.5


@dataclass(frozen=True, slots=True)
class Shown:
    """One look.

    Attributes:
        seen: how the two stand.
        lag_s: how far behind the newest input of the pipeline; None = not known.
        bytes_behind: of the journal that were not read yet.
        is_applied: the live one has taken the proposed plan over; there is nothing more to compare.

    """

    seen: Seen
    lag_s: float
    bytes_behind: int
    is_applied: bool


def shadow(settings: Settings, *, seconds: float, every_s: float, stopped: Callable[[], bool]) -> Iterator[Shown]:
    """Yield how the two stand, time after time and at the end.

    Args:
        settings: of the installation; its files are what is proposed.
        seconds: so long; 0 = until it is stopped.
        every_s: how often it is told.
        stopped: asked between two entries.

    Raises:
        FengsuiError: nothing runs here, the files say what is in force, or the journal was trimmed before it was read.

    """
    paths = Paths.under(settings.data_dir)
    proposed = load_plan(settings)
    kept, _ = snapshots.load_newest(paths.snapshots)
    if kept is None:
        raise FengsuiError(f"{paths.snapshots}: there is no saved state to begin from; does `fengsui run` run?")
    beside = Shadow(kept, proposed)
    if beside.is_applied:
        raise FengsuiError(f"the files say what is in force ({proposed.version}): there is nothing to compare")
    os.nice(10)  # the live one goes before
    reader = JournalReader(paths.journal, beside.next_offset)
    end_s = time.monotonic() + seconds if seconds else float("inf")
    told_s = time.monotonic()
    while True:
        is_over = False
        for entry in reader.read():
            beside.take(entry)
            is_over = stopped() or beside.is_applied or time.monotonic() >= end_s
            if is_over or time.monotonic() - told_s >= every_s:
                told_s = time.monotonic()
                yield _shown(beside, reader)
            if is_over:
                return
        if stopped() or time.monotonic() >= end_s:
            yield _shown(beside, reader)
            return
        if time.monotonic() - told_s >= every_s:
            told_s = time.monotonic()
            yield _shown(beside, reader)
        time.sleep(POLL_S)


def _shown(beside: Shadow, reader: JournalReader) -> Shown:
    seen = beside.seen()
    lag_s = max(0.0, time.time() - seen.now_ns / 1e9) if seen.now_ns else 0.0
    return Shown(seen, lag_s, reader.bytes_behind(), beside.is_applied)
