"""What must hold after any number of kills."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import msgspec
import numpy as np

from model.alarm import AlarmEvent
from model.batch import Batch
from model.incident import IncidentEvent
from store.journal.entries import Entry
from tests.faults.harness.publisher import Publisher
from tests.faults.harness.site import Site, history, incident_history, journaled, outbox_order


@dataclass(frozen=True, slots=True)
class Figures:
    """Of one proof, for the report."""

    published: int
    journaled: int
    events: int
    lost: int
    redelivered: int

    def __str__(self) -> str:
        return (
            f"{self.published} readings published, {self.lost} lost, "
            f"{self.redelivered} delivered again, {self.events} events, all once"
        )


def check(site: Site, publisher: Publisher) -> Figures:
    """``check_site`` for what a publisher sent."""
    return check_site(site, publisher.identities())


def check_site(site: Site, sent: set[tuple[str, int]]) -> Figures:
    """None lost, none doubled, and the history is that of a run that nobody killed.

    Args:
        site: with nothing running.
        sent: (tag, time) of every reading, all of them acknowledged.

    """
    entries = site.entries()
    rows = journaled(entries)
    lost = sent - set(rows)
    assert not lost, f"{len(lost)} readings that the broker acknowledged are not in the journal"
    assert set(rows) == sent, "the journal holds readings that nobody sent"
    _offsets_follow(entries)

    stored = site.stored_events()
    events = [msgspec.json.decode(body, type=AlarmEvent) for body in stored]
    ids = [event.id for event in events]
    assert len(ids) == len(set(ids)), "an event is stored twice"
    assert _digest(stored) == _digest(history(entries)), "the stored history is not that of an uninterrupted run"
    assert _digest(stored) == _digest(history(_recut(entries))), "the history depends on how rows are cut into batches"
    told = site.stored_incident_events()
    assert _digest(told) == _digest(incident_history(entries)), "the stored incidents are not those of such a run"
    assert _digest(told) == _digest(incident_history(_recut(entries))), "incidents depend on how rows are cut"
    incidents = [msgspec.json.decode(body, type=IncidentEvent) for body in told]
    assert site.outbox_ids() == outbox_order(events, incidents), "the outbox must hold every event once, in order"
    assert not site.says("open alarm was not as people were told; what was told counts"), "state and store parted"
    assert _facts(events) == _facts(_decoded(history(_first_deliveries(entries)))), "a second delivery made an event"
    return Figures(len(sent), len(rows), len(events), len(lost), len(rows) - len(set(rows)))


def _digest(bodies: Sequence[bytes]) -> str:
    return hashlib.sha256(b"\n".join(bodies)).hexdigest()


def _decoded(bodies: Sequence[bytes]) -> list[AlarmEvent]:
    return [msgspec.json.decode(body, type=AlarmEvent) for body in bodies]


def _facts(events: Sequence[AlarmEvent]) -> list[tuple[str, str, str, str, int, int]]:
    """What happened, without places in the journal: they move when rows are left out."""
    return [(e.id, e.rule, e.tag, e.transition.value, int(e.grade), e.time_ns) for e in events]


def _offsets_follow(entries: Sequence[Entry]) -> None:
    expected = 0
    for entry in entries:
        assert entry.offset == expected, "the journal has a hole or an overlap"
        expected += len(entry.item) if isinstance(entry.item, Batch) else 1


def _recut(entries: Sequence[Entry]) -> list[Entry]:
    """The same rows in batches of one to five."""
    cut: list[Entry] = []
    for entry in entries:
        if not isinstance(entry.item, Batch):
            cut.append(entry)
            continue
        at, size = 0, 1
        while at < len(entry.item):
            cut.append(Entry(entry.offset + at, entry.item.take(slice(at, at + size))))
            at, size = at + size, size % 5 + 1
    return cut


def _first_deliveries(entries: Sequence[Entry]) -> list[Entry]:
    """Each reading once, where it came first."""
    seen: set[tuple[int, int]] = set()
    kept: list[Entry] = []
    offset = 0
    for entry in entries:
        item = entry.item
        if isinstance(item, Batch):
            identities = list(zip(item.sensor.tolist(), item.time_ns.tolist(), strict=True))
            first = [i for i, identity in enumerate(identities) if identity not in seen and not seen.add(identity)]
            item = item.take(np.array(first, np.int64))
        kept.append(Entry(offset, item))
        offset += len(item) if isinstance(item, Batch) else 1
    return kept
