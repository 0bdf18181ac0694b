"""Which readings were acknowledged, and whether the journal has them each time that a process begins anew."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field

from model.batch import NO_TIME, Batch
from model.inputs import PlanChange
from model.plan import Plan
from store.journal.entries import Entry
from store.journal.reader import JournalReader
from tests.simulation.day.link import Identity, Sent
from tests.simulation.day.site import JOURNAL
from tests.simulation.disk import SimulatedDisk

LOOK_EACH = 40


@dataclass(frozen=True, slots=True)
class Row:
    """One journaled row under the plan that was in force."""

    offset: int
    identity: Identity
    received_ns: int
    value: float
    quality: int
    kind: str


def rows_of(entries: Iterable[Entry], plan: Plan | None = None) -> list[Row]:
    """All rows; ``plan`` is in force before the first entry, None = that is a plan itself."""
    rows: list[Row] = []
    for entry in entries:
        if isinstance(entry.item, PlanChange):
            plan = entry.item.plan
        elif isinstance(entry.item, Batch):
            assert plan is not None
            rows += _batch_rows(entry.offset, entry.item, plan)
    return rows


def _batch_rows(offset: int, batch: Batch, plan: Plan) -> list[Row]:
    columns = [getattr(batch, name).tolist() for name in ("sensor", "time_ns", "received_ns", "value", "quality")]
    rows = []
    for at, (sensor, time_ns, received_ns, value, quality) in enumerate(zip(*columns, strict=True)):
        given = plan.sensors[sensor]
        identity = Identity(given.tag, None if time_ns == NO_TIME else time_ns, None if math.isnan(value) else value)
        rows.append(Row(offset + at, identity, received_ns, value, quality, given.kind))
    return rows


@dataclass(slots=True)
class Ledger:
    """Kept beside the world; the processes know nothing of it."""

    acknowledged: list[Sent] = field(default_factory=list)
    _journaled: set[Identity] = field(default_factory=set)
    _read_to: int = 0
    _plan: Plan | None = None  # in force there
    _looked_up: int = 0

    def note(self, sent: Sent, disk: SimulatedDisk) -> None:
        """One more is acknowledged. Now and then the disk is looked at as the power would leave it just now."""
        self.acknowledged.append(sent)
        if len(self.acknowledged) % LOOK_EACH or sent.identity is None or sent.retained:
            return
        durable = list(JournalReader(JOURNAL, self._read_to, disk=disk.only_durable()).read())
        found = {row.identity for row in rows_of(durable, self._plan)} | self._journaled
        assert sent.identity in found, f"acknowledged and not durable: {sent.identity}"

    def look_up(self, disk: SimulatedDisk) -> None:
        """Whatever has ended the process before: the journal has what was acknowledged until then."""
        entries = list(JournalReader(JOURNAL, self._read_to, disk=disk).read())
        self._journaled.update(row.identity for row in rows_of(entries, self._plan))
        self._plan = next((e.item.plan for e in reversed(entries) if isinstance(e.item, PlanChange)), self._plan)
        due, self._looked_up = self.acknowledged[self._looked_up :], len(self.acknowledged)
        lost = [
            one.identity for one in due if one.identity and not one.retained and one.identity not in self._journaled
        ]
        assert not lost, f"{len(lost)} acknowledged readings are not in the journal, such as {lost[0]}"
        self._read_to = entries[-1].next_offset if entries else self._read_to
