"""``fengsui replay --at``: how a sensor stood with every rule at a past moment, out of the journal or the archive."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from app.configured import Paths
from app.jobs.backtest import running_plan
from config.settings import Settings
from model.batch import Batch
from model.errors import FengsuiError
from model.inputs import PlanChange, Tick
from pipeline.hindsight.looking_back import Narrowing, Then, around, look_back
from pipeline.hindsight.play import SECOND_NS, slices
from store.archive.reader import ArchiveReader
from store.journal.export import offset_before
from store.journal.reader import JournalReader

#: What is missing at the beginning of what was played, and is not worth going to the archive for.
SHORT_NS = 600 * SECOND_NS

Inputs = Iterator[Batch | Tick | PlanChange]


@dataclass(frozen=True, slots=True)
class Found:
    """What was found, and out of what: journal or archive."""

    then: Then
    out_of: str


def look(settings: Settings, tag: str, at_ns: int, warmup_ns: int) -> Found:
    """Play the time before a moment for one sensor.

    Args:
        settings: of the installation.
        tag: of the sensor.
        at_ns: the moment.
        warmup_ns: so much is played before it, as far as it is kept.

    Raises:
        FengsuiError: no plan knows the sensor, or nothing of that time is kept.

    """
    begin_ns = at_ns - warmup_ns
    found = look_back(_journaled(settings, tag, begin_ns), tag, at_ns)
    if found is not None and found.played_from_ns <= begin_ns + SHORT_NS:
        return Found(found, "journal")
    older = _archived(settings, tag, begin_ns, at_ns)
    if older is not None and (found is None or older.played_from_ns < found.played_from_ns):
        return Found(older, "archive")
    if found is None:
        raise FengsuiError(f"{tag}: no configuration of that time knows it, or nothing of that time is kept")
    return Found(found, "journal")


def _journaled(settings: Settings, tag: str, begin_ns: int) -> Inputs:
    """The journal from the last file that begins before a moment; with the plans that counted."""
    folder = Paths.under(settings.data_dir).journal
    first = offset_before(folder, begin_ns)
    narrowing = Narrowing(tag)
    for entry in JournalReader(folder, first, tell_plan=first > 0).read():
        item = narrowing.narrow(entry.item)
        if item is not None:
            yield item


def _archived(settings: Settings, tag: str, begin_ns: int, at_ns: int) -> Then | None:
    """The archive, under the plan in force now: it does not keep which one counted then."""
    if not settings.archive_folder.is_dir():
        return None
    plan = around(running_plan(settings), tag)
    journal = Paths.under(settings.data_dir).journal
    batches = ArchiveReader(settings.archive_folder, journal if journal.is_dir() else None).batches(
        plan, begin_ns, at_ns, rows_max=2000
    )

    def inputs() -> Inputs:
        """From the first reading on: before it the archive knows nothing, which is not silence."""
        is_begun = False
        for part in slices(batches, begin_ns, at_ns):
            if not is_begun and len(part.rows):
                yield PlanChange(plan, part.end_ns - SECOND_NS)
                is_begun = True
            if len(part.rows):
                yield part.rows
            if is_begun:
                yield Tick(part.end_ns, part.end_ns - begin_ns)

    return look_back(inputs(), tag, at_ns)
