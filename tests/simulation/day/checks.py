"""What must be true after a day, however it went."""

from __future__ import annotations

import hashlib
import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import msgspec
import numpy as np

from model.alarm import AlarmEvent, Transition
from model.batch import BAD, GOOD, Batch
from model.incident import IncidentEvent
from model.inputs import PlanChange
from pipeline.process.step import State, begin, step
from store.journal.entries import Entry
from store.journal.reader import JournalReader
from store.pipeline_reader import PipelineReader
from tests.faults.harness.site import incident_history, outbox_order
from tests.naive_step import Device, Reading
from tests.simulation.day.day import Day
from tests.simulation.day.ledger import Row, rows_of
from tests.simulation.day.site import CLEARS_BELOW, JOURNAL


@dataclass(frozen=True, slots=True)
class Figures:
    """Of one day, for the report."""

    readings: int
    rows: int
    events: int
    lives: int
    faults: int
    told: int
    digest: str

    def __str__(self) -> str:
        return (
            f"{self.readings} readings ({self.rows} rows with repeats), {self.lives} lives, {self.faults} faults, "
            f"{self.events} events, {self.told} notices; history {self.digest[:12]}"
        )


def check(day: Day) -> Figures:
    entries = list(JournalReader(JOURNAL, 0, disk=day.machine.disk).read())
    reader = PipelineReader(day.machine.pipeline_db)
    stored, incidents = reader.event_bodies(), reader.incident_event_bodies()
    outbox = [row for _, row in reader.outbox_after(0, limit=1_000_000)]
    reader.close()
    events = [msgspec.json.decode(body, type=AlarmEvent) for body in stored]
    _no_hole(entries)
    rows = rows_of(entries)
    _no_loss(day, rows)
    _one_history(entries, stored, len(rows))
    news, duplicates = _admitted(rows)
    _each_once(entries, events, duplicates)
    _legal_clears(rows, events, news)
    _acts_once(day, events)
    _incidents_of_one_history(entries, incidents)
    ids = outbox_order(events, [msgspec.json.decode(body, type=IncidentEvent) for body in incidents])
    assert [row.id for row in outbox] == ids, "outbox and events are not the same, in order"
    _told_once(day, ids)
    digest = hashlib.sha256(b"\n".join(stored)).hexdigest()
    told = sum(len(sink.taken) for sink in day.sinks)
    return Figures(len({r.identity for r in rows}), len(rows), len(events), day.lives, len(day.log), told, digest)


def _no_hole(entries: Sequence[Entry]) -> None:
    offset = 0
    for entry in entries:
        assert entry.offset == offset, "the journal has a hole or an overlap"
        offset = entry.next_offset


def _no_loss(day: Day, rows: Sequence[Row]) -> None:
    """I1: what we acknowledged is journaled; so is all that the broker took over and did not lose itself."""
    journaled = {row.identity for row in rows}
    acknowledged = {sent.identity for sent in day.ledger.acknowledged if sent.identity and not sent.retained}
    lost = acknowledged - journaled
    assert not lost, f"{len(lost)} acknowledged readings are not in the journal: {sorted(lost, key=str)[:3]}"
    sent = {one.identity for one in day.sent if one.identity and not one.retained}
    missing = sent - {one.identity for one in day.forgiven} - journaled
    assert not missing, f"{len(missing)} readings never arrived: {sorted(missing, key=str)[:3]}"
    assert journaled <= sent, "readings that nobody sent"


def _one_history(entries: Sequence[Entry], stored: Sequence[bytes], rows: int) -> None:
    """I2, I5: an uninterrupted run over the journal gives what is stored, byte for byte; each row is accounted for."""
    first = entries[0]
    assert isinstance(first.item, PlanChange)
    state: State = begin(first.item, first.offset)
    again: list[bytes] = []
    for entry in entries[1:]:
        events = step(state, entry.offset, entry.item).events
        again += [msgspec.json.encode(event, order="deterministic") for event in events]
    for at, (one, other) in enumerate(zip(stored, again, strict=False)):
        assert one == other, f"event {at} of the history: {one!r} stored, {other!r} by an uninterrupted run"
    assert len(stored) == len(again), f"{len(stored)} events stored, {len(again)} by an uninterrupted run"
    waiting = sum(len(heap) for heap in state.reorder.waiting.values())
    counts = state.counts
    assert counts.accepted + counts.duplicate + counts.late + waiting == rows


def _each_once(entries: Sequence[Entry], events: Sequence[AlarmEvent], duplicates: set[int]) -> None:
    """What came a second time has changed nothing: without it the same happens."""
    state: State | None = None
    alone: list[AlarmEvent] = []
    for entry in entries:
        item = entry.item
        if state is None:
            assert isinstance(item, PlanChange)
            state = begin(item, 0)
            continue
        if isinstance(item, Batch):
            item = item.take(np.array([at for at in range(len(item)) if entry.offset + at not in duplicates], int))
        alone += step(state, state.next_offset, item).events
    # Sorted: a row that waits may be released by a second delivery too, so before other sensors' rows instead of after.
    with_them, without = sorted(map(_fact, events)), sorted(map(_fact, alone))
    for one, other in zip(with_them, without, strict=False):
        assert one == other, f"a second delivery has an effect: {one}, and without it {other}"
    assert len(with_them) == len(without), "a second delivery has an effect"


def _fact(event: AlarmEvent) -> tuple[str, str, str, str, int, int]:
    """What happened, without its place in the journal."""
    return event.id, event.rule, event.tag, event.transition.value, int(event.grade), event.time_ns


def _legal_clears(rows: Sequence[Row], events: Sequence[AlarmEvent], news: set[int]) -> None:
    """I3: an alarm ends by a new, good reading in range, or by a person."""
    ends = [event for event in events if event.transition == Transition.RETURNED and not event.by]
    patient = {row.identity.tag for row in rows if row.kind == "slow"}
    by_offset = {row.offset: row for row in rows}
    by_value = {(row.identity.tag, row.value): row for row in reversed(rows)}  # no two readings have the same
    for event in ends:
        if event.rule == "system.data_gap":
            continue
        row = by_offset.get(event.offset)
        if event.tag in patient:  # it has waited, and leaves at the place of what released it
            row = by_value.get((event.tag, event.why.value)) if event.why and event.why.value is not None else None
        assert row is not None, f"{event.rule} of {event.tag} ended without a reading"
        assert row.offset <= event.offset
        assert row.identity.tag == event.tag
        assert row.quality == GOOD, f"{event.rule} of {event.tag} ended by a doubtful reading"
        assert event.tag in patient or row.offset in news, f"{event.rule} of {event.tag} ended by an old reading"
        limit = CLEARS_BELOW.get(event.rule, math.inf)
        assert row.value < limit, f"{event.rule} of {event.tag} ended at {row.value}"


def _admitted(rows: Sequence[Row]) -> tuple[set[int], set[int]]:
    """Offsets of rows that are news of a right clock, and of duplicates, by the naive twin; patient kinds left out."""
    devices: dict[str, Device] = {}
    news, duplicates = set(), set()
    for row in rows:
        if row.kind == "slow":
            continue
        device = devices.setdefault(row.identity.tag, Device())
        usable = row.value if row.quality < BAD else math.nan
        given = Reading(0, row.identity.time_ns, row.received_ns, row.value, row.quality)
        verdict, _, faulty = device.admit(given, usable)
        if verdict == "duplicate":
            duplicates.add(row.offset)
        elif verdict == "accepted" and not faulty:
            news.add(row.offset)
    return news, duplicates


def _acts_once(day: Day, events: Sequence[AlarmEvent]) -> None:
    """A person who was told "done" finds it done, once; one who was refused finds nothing."""
    done = Counter(event.note for event in events if event.by)
    for command, refused in day.told.items():
        assert done[command] == (0 if refused else 1), f"command {command} ({refused or 'done'}): {done[command]} times"


def _incidents_of_one_history(entries: Sequence[Entry], told: Sequence[bytes]) -> None:
    """Incidents are those of a run over the same journal that nothing interrupted."""
    assert list(told) == incident_history(list(entries)), "incidents depend on what happened to the process"


def _told_once(day: Day, ids: Sequence[str]) -> None:
    """I4: each event at each sink, the same each time; each alarm's events in their order."""
    order = {name: at for at, name in enumerate(ids)}
    for sink in day.sinks:
        bodies: dict[str, bytes] = {}
        last: dict[str, int] = {}
        for message in sink.taken:
            if message.id in bodies:
                assert bodies[message.id] == message.body, f"{sink.name}: one id with two bodies"
                continue
            bodies[message.id] = message.body
            assert last.get(message.alarm_id, -1) < order[message.id], f"{sink.name}: an alarm's events out of order"
            last[message.alarm_id] = order[message.id]
        assert bodies.keys() == order.keys(), f"{sink.name}: {len(order) - len(bodies)} notices missing"
