"""Steps a kept journal once more and holds the events to those that were stored: whether a backup tells the truth."""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import msgspec

from model.errors import StoreError
from model.inputs import PlanChange
from pipeline.process import snapshot
from pipeline.process.step import State, begin, step
from pipeline.runners.in_force import warmed_bound
from store import snapshots
from store.backup.take import history_of
from store.journal.reader import JournalReader, segments
from store.journal.segment import first_offset_of


@dataclass(frozen=True, slots=True)
class Retraced:
    """What came of it.

    Attributes:
        first: offset from which the journal was stepped.
        next_offset: behind the last input.
        inputs: that were stepped.
        events: of them, those of inputs that the database knows.
        history_sha256: checksum of these.
        stored_events, stored_sha256: what the database has of the same inputs.

    """

    first: int
    next_offset: int
    inputs: int
    events: int
    history_sha256: str
    stored_events: int
    stored_sha256: str

    @property
    def same(self) -> bool:
        return self.history_sha256 == self.stored_sha256


def retrace(data: Path, stored_to: int, *, progress: Callable[[int], None] = lambda _: None) -> Retraced:
    """Step the journal from its beginning, or where that is no longer kept from the oldest state. Changes nothing.

    Args:
        data: a ``data_dir`` that nobody works on.
        stored_to: offset up to which the database has the events.
        progress: told the offset that is reached.

    Raises:
        StoreError: there is nothing to begin from, or the journal has a gap.
        JournalError: the journal cannot be read.

    """
    state = _beginning(data)
    first = state.next_offset if state else 0
    reader = JournalReader(data / "journal", first)
    digest, events = hashlib.sha256(), 0
    for entry in reader.read():
        if state is None:
            if not isinstance(entry.item, PlanChange):
                raise StoreError(f"{data}: the journal does not begin with a plan")
            state = begin(entry.item, entry.offset)
            continue
        if entry.offset != state.next_offset and not entry.again:
            raise StoreError(f"{data}: inputs {state.next_offset} to {entry.offset} are missing from the journal")
        if isinstance(entry.item, PlanChange) and entry.item.warmed and not entry.again:
            state.prepared = warmed_bound(entry.item, data / "warmed")
            if state.prepared is None:
                raise StoreError(f"{data}/warmed: lacks the state {entry.item.warmed} that the journal names")
        for event in step(state, entry.offset, entry.item).events:
            if event.offset < stored_to:
                digest.update(msgspec.json.encode(event, order="deterministic") + b"\n")
                events += 1
        progress(reader.offset)
    with closing(sqlite3.connect(f"file:{data / 'pipeline.db'}?mode=ro", uri=True)) as database:
        stored = history_of(database, first, stored_to)
    return Retraced(first, reader.offset, reader.offset - first, events, digest.hexdigest(), *stored)


def _beginning(data: Path) -> State | None:
    """None = the journal's own beginning is kept."""
    kept = segments(data / "journal")
    if kept and first_offset_of(kept[0]) == 0:
        return None
    for path in snapshots.files(data / "snapshots"):
        found = snapshots.load(path)
        if found is not None and kept and found.offset >= first_offset_of(kept[0]):
            return snapshot.restore(found)
    raise StoreError(f"{data}: there is neither the journal's beginning nor a state that can be used")
