"""Runs ``step`` in this process: from the sources' inbox to the store, one round after the other.

A round: decode, append, commit (one sync), then acknowledge, step what is durable, store the events. Nothing is
acknowledged and nothing is stepped that is not durable.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field
from pathlib import Path

import structlog

from model.alarm import AlarmEvent, Grade
from model.connector import Decoder, Deliveries, Source
from model.errors import StoreError
from model.heartbeat import HEARTBEAT
from model.inputs import HumanAct, Input, PlanChange, Tick
from model.plan import Plan
from pipeline.correlate.stage import step_and_correlate
from pipeline.ingest.inbox import BoundedInbox
from pipeline.ingest.intake import Intake
from pipeline.ingest.source_watch import SourceWatch
from pipeline.metrics import PipelineMetrics
from pipeline.process import snapshot
from pipeline.process.step import Counts, Outcome, State, begin
from pipeline.runners import recovery
from pipeline.runners.acts import Acts, Command
from pipeline.runners.clock import Clock
from pipeline.runners.in_force import AtStart, InForce, counts_from_start
from pipeline.runners.room import Room
from pipeline.runners.snapshot_writer import SnapshotWriter
from pipeline.runners.store_writer import StoreWriter
from pipeline.runners.told import Told
from pipeline.watch.findings import SelfReport
from pipeline.watch.readiness import Report
from pipeline.watch.words import GRADES, Code
from store.disk import LOCAL_DISK, Disk
from store.journal.entries import Entry
from store.journal.writer import Journal
from store.pipeline_store import PipelineStore

log = structlog.get_logger("pipeline")

TICK_NS = 10**9

#: How ``step`` is called; a parameter so that a test can show what is missing without it.
Step = Callable[[State, int, Input], Outcome]


@dataclass(frozen=True, slots=True)
class Limits:
    """How a round is cut."""

    deliveries_max: int = 1000
    wait_s: float = 0.25  # for the first delivery; what has come is never held back
    snapshot_every_s: float = 60.0


@dataclass(slots=True)
class _Round:
    """What one turn of the loop takes in, on its way through the journal to ``step``."""

    deliveries: Sequence[Deliveries]
    intake: Intake
    commands: list[Command]
    first_act: int  # offset of the first command
    durable: list[Entry] = field(default_factory=list)


class EmbeddedRunner:
    """Owns the cursor, the append and the state; the sources and the store see only their contracts.

    Attributes:
        turns: of the loop; it stands when they no longer rise.

    """

    def __init__(
        self,
        at_start: Plan | AtStart,
        *,
        sources: Sequence[Source],
        decoders: Mapping[str, Decoder],
        journal: Journal,
        journal_folder: Path,
        store: PipelineStore,
        snapshot_folder: Path,
        clock: Clock,
        metrics: PipelineMetrics,
        limits: Limits | None = None,
        step: Step = step_and_correlate,
        report: Callable[[], Report] | None = None,
        grades: Mapping[Code, Grade] = GRADES,
        disk: Disk = LOCAL_DISK,
        storing: Executor | None = None,
    ) -> None:
        self._limits = limits or Limits()
        self._sources = {source.name: source for source in sources}
        self._journal, self._journal_folder = journal, journal_folder
        self._store, self._snapshot_folder, self._disk = store, snapshot_folder, disk
        self._clock, self.metrics, self._step = clock, metrics, step
        self.in_force = InForce(decoders, store, snapshot_folder.parent / "warmed", journal.damage)
        self.inbox = BoundedInbox()
        self._stuck: _Round | None = None  # waits for room on the disk
        self.turns = 0
        self._acts = Acts()
        self._threads: dict[str, threading.Thread] = {}
        self._stop = threading.Event()
        self._started_s = time.monotonic()
        for name in self._sources.keys() - {HEARTBEAT}:
            metrics.readings.labels(name)  # a counter that never was cannot be missed
        self._stored_to = store.position()
        self.room = Room(journal)
        self._writer = StoreWriter(store, storing, on_full=self.room.note_full)
        self._snapshots = SnapshotWriter(snapshot_folder, disk, on_full=self.room.note_full, saving=storing)
        self._next_tick_ns = self._next_snapshot_ns = 0
        self._durable: _Round | None = None  # not judged yet
        self._counted = Counts()
        self.state = self._recover(counts_from_start(at_start, clock) if isinstance(at_start, Plan) else at_start)
        self._self_report = SelfReport(report, grades, damage=journal.damage) if report else None
        self.source_watch = SourceWatch(sources, metrics, heard_before=recovery.has_heard(self.state))

    def run(self) -> None:
        """Work until ``stop``; leaves a snapshot behind."""
        for name in self._sources:
            self._start_source(name)
        while not self._stop.is_set():
            self.turn()
        self.finish()

    def turn(self) -> None:
        """Once round the loop: take in what has come, judge the round before."""
        self.turns += 1
        deliveries = self._waiting_deliveries()
        tick = self._clock.tick()
        is_second = tick.elapsed_ns >= self._next_tick_ns
        begun = self._stuck or self._begin(deliveries, self._inputs_of_second(tick) if is_second else [])
        is_under_way = self.room.begin_commit()
        self._judge_durable()  # while the disk is at work on the next one
        self._durable = self._settle(begun) if is_under_way else None
        if self._durable and not len(self.inbox):
            self._judge_durable()  # nothing else is to be done
        self._stuck = None if is_under_way else begun
        if is_second:
            self._next_tick_ns = tick.elapsed_ns + TICK_NS
            self._watch()
        if tick.elapsed_ns >= self._next_snapshot_ns and not self.room.full and not self._snapshots.is_busy:
            self._begin_snapshot()
            self._next_snapshot_ns = tick.elapsed_ns + int(self._limits.snapshot_every_s * 1e9)

    def finish(self) -> None:
        """Judge what is durable, end the sources, leave a snapshot."""
        self._judge_durable()
        self._shut_down()

    def stop(self) -> None:
        """End after the round that runs; thread-safe."""
        self._stop.set()
        self.inbox.wake()

    def submit(self, act: HumanAct, timeout_s: float = 10.0) -> str:
        """Carry out a human act; returns after it is journaled and stepped: empty, or why it was refused.

        Raises:
            TimeoutError: the pipeline did not get to it in time. Sending the same command id again is safe.

        """
        try:
            return self.hand_in(act, timeout_s).get(timeout=timeout_s)
        except (queue.Full, queue.Empty) as error:
            raise TimeoutError(f"the pipeline did not answer within {timeout_s:g} s; send the command again") from error

    def hand_in(self, act: HumanAct, timeout_s: float = 0.0) -> queue.SimpleQueue[str]:
        """Leave a human act with the loop; returns where its reply will be.

        Raises:
            queue.Full: so many wait already, and for so long.

        """
        reply = self._acts.hand_in(act, timeout_s)
        self.inbox.wake()
        return reply

    def round(self, deliveries: Sequence[Deliveries], inputs: Sequence[Input] = ()) -> list[AlarmEvent]:
        """One round with these deliveries, other inputs, and the commands that wait; its events are stored."""
        begun = self._begin(deliveries, inputs)
        self._journal.begin_commit()
        durable = self._settle(begun)
        events = self._judge(durable) if durable else []
        self._writer.flush()
        return events

    def _waiting_deliveries(self) -> list[Deliveries]:
        """What has come; nothing while the disk is full, so that the sources hold back."""
        wait_s = 0.0 if self._durable else self._limits.wait_s
        if self.room.full:
            self._stop.wait(wait_s)
            return []
        return self.inbox.take(self._limits.deliveries_max, wait_s)

    def _inputs_of_second(self, tick: Tick) -> list[Input]:
        """The tick, and what the system has to say about itself.

        While nothing is taken in there is no tick: time stands still for the sensors, as it does while we are down.
        """
        inputs: list[Input] = [] if self.room.full else [tick]
        if self._self_report is not None:
            inputs += self._self_report.news(self.state.alarms.judged, tick.wall_ns)
        return inputs

    def _begin(self, deliveries: Sequence[Deliveries], inputs: Sequence[Input]) -> _Round:
        """Decode and append."""
        self.in_force.journal_changes(self._journal)
        intake = self.in_force.take_in(deliveries)
        commands = self._acts.take()
        if len(intake.batch):
            self._journal.append(intake.batch)
        for item in inputs:
            self._journal.append(item)
        first_act = self._journal.next_offset
        for command in commands:
            self._journal.append(command.act)
        return _Round(deliveries, intake, commands, first_act)

    def _settle(self, begun: _Round) -> _Round | None:
        """Wait for the disk, then acknowledge; None where there is nothing to judge."""
        with self.metrics.commit_seconds.time():
            begun.durable = self._journal.finish_commit()
        self._keep_refused(begun.intake)
        self._acknowledge(begun.deliveries)
        recovery.count_intake(self.metrics, begun.intake)
        return begun if begun.durable else None

    def _judge_durable(self) -> None:
        durable, self._durable = self._durable, None
        if durable:
            self._judge(durable)

    def _judge(self, durable: _Round) -> list[AlarmEvent]:
        events, refusals = self._apply(durable.durable)
        if durable.commands and not self.room.full:
            self._writer.flush()  # who is told that it is done shall find it in the store
        for at, command in enumerate(durable.commands):
            command.reply.put(refusals.get(durable.first_act + at, ""))
        for event in (one for one in events if one.rule != HEARTBEAT):
            self.metrics.events.labels(event.transition, event.grade.name.lower()).inc()
        return events

    def save_snapshot(self) -> None:
        """Take a snapshot, and wait until it is saved."""
        self._begin_snapshot()
        self._snapshots.wait()

    def _begin_snapshot(self) -> None:
        self._writer.flush()  # what a snapshot is behind of is not stepped again
        self._snapshots.put(snapshot.take(self.state))

    @property
    def journal(self) -> Journal:
        """For retention, which works beside the rounds."""
        return self._journal

    @property
    def writer(self) -> StoreWriter:
        """For those who watch its progress."""
        return self._writer

    @property
    def snapshots(self) -> SnapshotWriter:
        """For those who watch its progress."""
        return self._snapshots

    @property
    def sources(self) -> Mapping[str, Source]:
        return self._sources

    def connections(self) -> dict[str, bool]:
        return {name: source.connected() for name, source in self._sources.items() if name != HEARTBEAT}

    def uptime_s(self) -> float:
        return time.monotonic() - self._started_s

    def _recover(self, at_start: AtStart) -> State:
        """State = newest snapshot + the journal behind it; then what is to change at the start."""
        if self._journal.torn_bytes:
            log.warning("journal: torn tail cut", bytes=self._journal.torn_bytes)
            self.metrics.torn_bytes.inc(self._journal.torn_bytes)
        recovery.check_journal_reaches(self._stored_to, self._journal.next_offset, self._journal_folder)
        state = recovery.newest_state(self._snapshot_folder, self._journal.next_offset, self._disk)
        if state is not None:
            self.in_force.names_of(state.bound.plan)
        for entry in recovery.entries_behind(state, self._journal, self._snapshot_folder, self._disk):
            state = self._replay(state, entry)
        recovery.show_damage(self.metrics, self._journal.damage)
        change = at_start(state.bound.plan if state else None)
        if change is None and self._journal.needs_plan and state is not None:
            change = PlanChange(state.bound.plan, self._clock.tick().wall_ns)
        if change is not None:
            self._journal.append(change)
            for entry in self._journal.commit():
                state = self._replay(state, entry)
        if state is None:
            raise StoreError(f"{self._journal_folder}: the journal gives back nothing of what is committed to it")
        self._writer.flush()
        recovery.hold_to_the_store(state, self._store, self.metrics, self._snapshot_folder, self._disk)
        self.note_plan(state)
        self.in_force.sensors_of(state.bound.plan)
        return state

    def note_plan(self, state: State) -> None:
        """Show readers the plan in force, and forget tags that it knows; thread-safe."""
        self._store.note_plan(state.bound.plan)
        self._store.forget_unregistered(state.bound.tag_index)

    def _replay(self, state: State | None, entry: Entry) -> State:
        self.in_force.before_replay(state, entry)
        if state is None:
            if not isinstance(entry.item, PlanChange):
                raise StoreError(
                    f"{self._journal_folder}: a journal begins with a plan, got {type(entry.item).__name__}"
                )
            return begin(entry.item, entry.offset)
        outcome = self._step(state, entry.offset, entry.item)
        told = Told()
        told.add(outcome, self._stored_to)
        self._record(told, state.next_offset)
        return state

    def _apply(self, durable: Sequence[Entry]) -> tuple[list[AlarmEvent], dict[int, str]]:
        """Step what is durable; store the events. Returns them, and refused acts by offset."""
        told = Told()
        refusals: dict[int, str] = {}
        with self.metrics.step_seconds.time():
            for entry in durable:
                self.in_force.before_step(self.state, entry.item)
                outcome = self._step(self.state, entry.offset, entry.item)
                self.in_force.after_step(entry.item)
                told.add(outcome)
                if outcome.refused:
                    refusals[entry.offset] = outcome.refused
        self._record(told, self.state.next_offset)
        return told.events, refusals

    def _record(self, told: Told, next_offset: int) -> None:
        if told:
            rows = self.in_force.rows(told.events, told.incidents)
            self._writer.put(told.events, rows, next_offset, told.incidents, told.flags)
            recovery.count_incidents(self.metrics, told.incidents)
            self.metrics.outbox_rows.inc(len(rows))

    def _keep_refused(self, intake: Intake) -> None:
        if intake.refusals:
            self.room.for_store(lambda: self._store.keep_poison(intake.refusals))
        if intake.unregistered:
            left_out = self.room.for_store(lambda: self._store.note_unregistered(intake.unregistered.values()))
            self.metrics.unlisted.inc(left_out or 0)

    def _acknowledge(self, deliveries: Sequence[Deliveries]) -> None:
        for source, through in {part.source: int(part.receipt[-1]) for part in deliveries}.items():
            self._sources[source].acknowledge(through)

    def _start_source(self, name: str) -> None:
        thread = threading.Thread(
            target=self._sources[name].run, args=(self.inbox,), name=f"source-{name}", daemon=True
        )
        self._threads[name] = thread
        thread.start()

    def _watch(self) -> None:
        """Once a second: bring back source threads that died, and show how things stand."""
        self._writer.check()
        self._snapshots.check()
        for name, thread in self._threads.items():
            if not thread.is_alive() and not getattr(self._sources[name], "finished", False):
                log.error("source thread died; begun again", source=name)
                self.metrics.source_restarts.labels(name).inc()
                self._start_source(name)
        lost = self.source_watch.look()
        if self._self_report is not None:
            self._self_report.lost(lost)
        self.room.look()
        self._counted = recovery.show_counts(self.metrics, self.state.counts, self._counted)
        recovery.show_state(self.metrics, self.state, self.connections(), len(self.inbox))
        self.metrics.journal_bytes.set(self._journal.bytes_written)

    def _shut_down(self) -> None:
        for source in self._sources.values():
            source.stop()
        for thread in self._threads.values():
            thread.join(timeout=5)
        self.save_snapshot()
        self._snapshots.close()
        self._writer.close()
