"""What goes by the plan in force outside of ``step``, and how another plan comes into force between two rounds.

Readings are decoded by the sensors of the plan, and notices name things by it. A new plan is made ready on another
thread, is journaled before the readings of a round, which are the first to be decoded by it, and is in force with its
step. What was decoded before stands before it in the journal and is judged by the old plan.
"""

from __future__ import annotations

import queue
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import structlog

from model.alarm import AlarmEvent
from model.connector import Decoder, Deliveries
from model.errors import FengsuiError
from model.incident import IncidentEvent
from model.inputs import Input, PlanChange, Proposal
from model.plan import Plan
from pipeline.delivery.notice import NoticeWriter
from pipeline.ingest.intake import Ingest, Intake
from pipeline.process.binding import Bound, bind
from pipeline.process.step import State
from pipeline.process.warmed import fill
from pipeline.runners.clock import Clock
from store import warmed as warmed_states
from store.journal.entries import Damage, DamageReason, Entry, Gap
from store.journal.writer import Journal
from store.pipeline_store import OutboxRow, PipelineStore

log = structlog.get_logger("pipeline")

#: Given the plan in force (None: the journal is new): what is to change before anything is taken in.
AtStart = Callable[[Plan | None], PlanChange | None]

#: So many changes may wait for the loop.
WAITING_MAX = 8


@dataclass(frozen=True, slots=True)
class Ready:
    """A plan that was made ready beforehand, so that the loop need not stand still for it."""

    change: PlanChange
    bound: Bound
    ingest: Ingest
    notices: NoticeWriter


@dataclass(frozen=True, slots=True)
class _Waiting:
    what: Ready | Proposal
    done: queue.SimpleQueue[str]


def warmed_bound(change: PlanChange, folder: Path) -> Bound | None:
    """The plan made ready, with the state that its change names; None: that is not there."""
    bound = bind(change.plan, change.wall_ns)
    if change.warmed:
        arrays = warmed_states.load(folder, change.warmed)
        if arrays is None:
            return None
        fill(bound, arrays)
    return bound


def counts_from_start(plan: Plan, clock: Clock) -> AtStart:
    """A plan that counts whatever was in force."""

    def change(in_force: Plan | None) -> PlanChange | None:
        is_same = in_force is not None and in_force.version == plan.version
        return None if is_same else PlanChange(plan, clock.tick().wall_ns)

    return change


class InForce:
    """Belongs to the loop; ``make_ready`` and ``hand_in`` may be called from any thread."""

    def __init__(
        self, decoders: Mapping[str, Decoder], store: PipelineStore, warmed_folder: Path, damage: list[Damage]
    ) -> None:
        """Take what it works with.

        Args:
            decoders: by source.
            store: for the names of earlier plans.
            warmed_folder: of the states that changed detectors begin with.
            damage: gets what a replay cannot have.

        """
        self._decoders, self._store = decoders, store
        self._warmed_folder, self._damage = warmed_folder, damage
        self._ingest: Ingest | None = None
        self._notices: NoticeWriter | None = None
        self._waiting: queue.Queue[_Waiting] = queue.Queue(WAITING_MAX)
        self._under_way: list[_Waiting] = []  # journaled, not stepped yet

    def names_of(self, plan: Plan) -> None:
        """Name things in notices by this plan."""
        self._notices = self._notices_of(plan)

    def sensors_of(self, plan: Plan) -> None:
        """Decode readings by this plan."""
        self._ingest = Ingest(plan, self._decoders)

    def take_in(self, deliveries: Sequence[Deliveries]) -> Intake:
        assert self._ingest is not None  # noqa: S101 - recovery has given a plan
        return self._ingest.take_in(deliveries)

    def rows(self, events: Sequence[AlarmEvent], incidents: Sequence[IncidentEvent]) -> list[OutboxRow]:
        assert self._notices is not None  # noqa: S101 - nothing happens before the first plan
        return self._notices.rows(events, incidents)

    def make_ready(self, change: PlanChange) -> Ready:
        """Do all of a change that takes long.

        Raises:
            FengsuiError: the plan cannot be bound.

        """
        ingest, notices = Ingest(change.plan, self._decoders), self._notices_of(change.plan)
        bound = warmed_bound(change, self._warmed_folder)
        if bound is None:
            raise FengsuiError(f"{self._warmed_folder}: the warmed state {change.warmed} is not there")
        return Ready(change, bound, ingest, notices)

    def hand_in(self, what: Ready | Proposal) -> queue.SimpleQueue[str]:
        """Leave a change with the loop; returns what gets one item once it is in force.

        Raises:
            queue.Full: so many wait already.

        """
        waiting = _Waiting(what, queue.SimpleQueue())
        self._waiting.put_nowait(waiting)
        return waiting.done

    def journal_changes(self, journal: Journal) -> None:
        """Append what waits; what is decoded from now on goes by it."""
        while not self._waiting.empty():
            waiting = self._waiting.get_nowait()
            if isinstance(waiting.what, Ready):
                journal.append(waiting.what.change)
                self._ingest = waiting.what.ingest
            else:
                journal.append(waiting.what)
            self._under_way.append(waiting)

    def before_replay(self, state: State | None, entry: Entry) -> None:
        """Name things by a plan of the journal, and have the state at hand that its change names."""
        if not isinstance(entry.item, PlanChange):
            return
        self.names_of(entry.item.plan)
        if state is None or entry.again or not entry.item.warmed:
            return
        state.prepared = warmed_bound(entry.item, self._warmed_folder)
        if state.prepared is None:
            name = f"{entry.item.warmed}.npz"
            log.error("warmed state of changed detectors is gone: they begin anew", state=name, offset=entry.offset)
            nothing = Gap(entry.offset, entry.offset)
            self._damage.append(Damage(name, 0, 0, nothing, DamageReason.WARMED_LOST))

    def before_step(self, state: State, item: Input) -> None:
        """Have what was made ready at hand where ``item`` is its change."""
        ready = self._first_under_way()
        if isinstance(item, PlanChange) and isinstance(ready, Ready):
            state.prepared, self._notices = ready.bound, ready.notices

    def after_step(self, item: Input) -> None:
        """Tell whoever waits for it."""
        if isinstance(item, PlanChange | Proposal) and self._under_way:
            self._under_way.pop(0).done.put("")

    def _first_under_way(self) -> Ready | Proposal | None:
        return self._under_way[0].what if self._under_way else None

    def _notices_of(self, plan: Plan) -> NoticeWriter:
        return NoticeWriter(plan, lambda: self._store.earlier_plans(plan.version))
