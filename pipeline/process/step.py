"""``step``: one input in, events out.

Pure: the same inputs in the same order give the same events, bit for bit, however the rows are cut into batches and
after any restart. It reads no clock (ticks are inputs), does no I/O and does not know where its events go.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from model.alarm import AlarmEvent, Evidence, Grade, Why
from model.batch import GOOD, Batch
from model.errors import CommandRefused
from model.flag import FlagEvent
from model.heartbeat import HEARTBEAT
from model.incident import IncidentAct, IncidentEvent
from model.inputs import Finding, HumanAct, Input, PlanChange, Proposal, Tick
from pipeline.process.acts import carry_out
from pipeline.process.admission import ACCEPTED, DUPLICATE, LATE, AdmissionState, Admitted, admit
from pipeline.process.beside import judge_beside
from pipeline.process.binding import Bound, bind, settle
from pipeline.process.carry import carry_gateways, carry_over, copy_slots, follow_flags, same_readings, slot_pairs
from pipeline.process.change import Change, SuppressionChange, in_order
from pipeline.process.gateways import (
    GatewayState,
    count_withheld,
    fall_silent,
    hear,
    held_back,
    silence_why,
)
from pipeline.process.judge import judge_rows, judge_tick
from pipeline.process.recent import RecentState, last_values, readings, remember
from pipeline.process.reorder import Reorder, Waiting, to_batch
from pipeline.process.self_watch import (
    GAP_GRADE,
    GAP_NS,
    GAP_SUBJECT,
    GATEWAY_GRADE,
    finding_event,
    gap_why,
)
from pipeline.process.standing import is_new_minute
from rules.alarm_machine import AlarmMachine, Now, Subject
from rules.circumstance import Circumstance
from rules.incidents.correlation import Correlation
from rules.terms import Terms

#: Acts of the second stage.
INCIDENT_ACTS = frozenset(IncidentAct)
#: Commands whose ids are remembered, so that one sent twice has one effect.
COMMANDS_REMEMBERED = 10_000


@dataclass(slots=True)
class Clock:
    """Time as the ticks tell it."""

    wall_ns: int = 0
    elapsed_ns: int | None = None  # as the last tick gave it; None before the first
    boot: str = ""  # the machine's start that it counts from
    live_ns: int = 0  # elapsed time without the system's own outages
    passed_ns: int = 0  # elapsed time with them; never back
    in_gap: bool = False  # a gap alarm is on and no reading has come since
    settled_ns: int = 0  # wall time as of which overrides count


@dataclass(slots=True)
class Counts:
    """What became of rows, since the state began. journaled = accepted + duplicate + late + waiting."""

    accepted: int = 0
    duplicate: int = 0
    late: int = 0
    clock_faults: int = 0


@dataclass(slots=True)
class State:
    """All that ``step`` knows. Made by ``begin``, kept by ``pipeline.process.snapshot``."""

    bound: Bound
    admission: AdmissionState
    recent: RecentState
    reorder: Reorder
    alarms: AlarmMachine
    gateways: GatewayState
    incidents: Correlation  # of the second stage; ``step`` does not look at it
    clock: Clock = field(default_factory=Clock)
    counts: Counts = field(default_factory=Counts)
    commands: dict[str, None] = field(default_factory=dict)  # ids done, oldest first
    proposal: Proposal | None = None  # a change of configuration that waits for a second person
    next_offset: int = 0
    prepared: Bound | None = None  # the next plan, bound beforehand; takes time off the step, and changes nothing


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one input brought about."""

    events: list[AlarmEvent]
    refused: str = ""  # why a human act could not be carried out
    flags: list[FlagEvent] = field(default_factory=list)  # what became of what hides alarms
    incidents: list[IncidentEvent] = field(default_factory=list)  # of the second stage


def begin(change: PlanChange, offset: int) -> State:
    """The state after a journal's first input, which is always a plan."""
    bound = bind(change.plan, change.wall_ns)
    sensors = len(change.plan.sensors)
    state = State(
        bound,
        AdmissionState.fresh(sensors),
        RecentState.fresh(sensors),
        Reorder(),
        AlarmMachine(Terms(change.plan.alarms, change.plan.rules)),
        GatewayState.fresh(len(bound.gateways.ids)),
        Correlation(change.plan),
    )
    state.next_offset = offset + 1
    state.clock.settled_ns = change.wall_ns
    return state


def step(state: State, offset: int, item: Input) -> Outcome:
    """Apply one input to ``state`` (in place).

    Args:
        state: as left by the input before.
        offset: of the item's first input in the journal.
        item: rows, a tick, a human act or a new plan.

    """
    match item:
        case Batch():
            offsets = np.arange(offset, offset + len(item), dtype=np.int64)
            events = _rows(state, item, offsets)
            state.next_offset = offset + len(item)
            return Outcome(events, flags=state.alarms.take_flag_events())
        case Tick():
            events, refused = _tick(state, offset, item), ""
        case HumanAct():
            events, refused = _act(state, offset, item)
        case Finding():
            events, refused = finding_event(state.alarms, offset, item, state.bound.plan.version), ""
        case PlanChange():
            events, refused = _change_plan(state, offset, item), ""
        case Proposal():
            state.proposal = item
            events, refused = [], ""
    state.next_offset = offset + 1
    return Outcome(events, refused, state.alarms.take_flag_events())


def _rows(state: State, batch: Batch, offsets: NDArray[np.int64]) -> list[AlarmEvent]:
    if state.bound.lateness_ns:
        batch, offsets = _sorted_in(state, batch, offsets)
    return _admit_and_judge(state, batch, offsets)


def _admit_and_judge(state: State, batch: Batch, offsets: NDArray[np.int64]) -> list[AlarmEvent]:
    if not len(batch):
        return []
    admitted = admit(state.admission, batch, state.bound.pause_ns)
    _count(state.counts, admitted)
    news = np.flatnonzero(admitted.verdict != DUPLICATE)
    rows, offsets = admitted.batch.take(news), offsets[news]
    fresh = admitted.verdict[news] == ACCEPTED
    changes = judge_rows(
        state.bound,
        rows,
        fresh,
        admitted.clock_fault[news],
        admitted.paused[news],
        state.gateways.silent,
        state.clock.live_ns,
    )
    events = _end_of_gap(state, rows, offsets, fresh) + _gateways_heard(state, rows, offsets, fresh)
    for change in changes:
        late = not bool(fresh[change.row])
        age_ns = int(rows.received_ns[change.row] - rows.time_ns[change.row])
        circumstance = Circumstance(
            offset=int(offsets[change.row]),
            time_ns=change.time_ns,
            at_ns=int(rows.received_ns[change.row]),
            offline=late or age_ns > change.about.offline_ns,
        )
        shown = [readings(state.recent, sensor, rows, fresh, change.row) for sensor in change.about.sensors]
        events += _changed(state, change, circumstance, sum(shown, ()))
    remember(state.recent, rows.take(fresh))
    return sorted(events, key=lambda event: event.offset)


def _tick(state: State, offset: int, tick: Tick) -> list[AlarmEvent]:
    clock = state.clock
    before_wall_ns = clock.wall_ns
    minute = is_new_minute(before_wall_ns, tick.wall_ns)
    gap_s = _advance_clock(clock, tick)
    events = state.alarms.tick(Now(offset, tick.wall_ns, clock.live_ns, clock.passed_ns))
    if gap_s:
        events += _begin_gap(state, offset, gap_s, before_wall_ns)
    clock.settled_ns = tick.wall_ns
    settle(state.bound, tick.wall_ns)
    due = state.reorder.due(state.bound.lateness_ns, clock.live_ns)
    if due:
        events += _admit_and_judge(state, to_batch(due), np.full(len(due), offset, np.int64))
    live = Tick(tick.wall_ns, clock.live_ns)
    events += _gateways_silent(state, offset, live)
    held = held_back(state.bound.gateways, state.gateways, clock.live_ns)
    by_time, withheld = judge_tick(state.bound, live, last_values(state.recent), held, read_off=minute)
    changes = judge_beside(state.bound, live, state.gateways.silent, new_minute=minute)
    count_withheld(state.bound.gateways, state.gateways, withheld)
    for change in in_order([*by_time, *changes]):
        circumstance = Circumstance(
            offset=offset,
            time_ns=change.time_ns,
            at_ns=tick.wall_ns,
            offline=tick.wall_ns - change.time_ns > change.about.offline_ns,
        )
        shown = [readings(state.recent, sensor) for sensor in change.about.sensors]
        events += _changed(state, change, circumstance, sum(shown, ()))
    return events


def _advance_clock(clock: Clock, tick: Tick) -> float:
    """Move the clock on; returns for how long the system was down, s, or 0 where it was not.

    Over a start of the machine only the wall clock goes on; it judges how long that took.
    """
    before_ns, before_wall_ns, same_boot = clock.elapsed_ns, clock.wall_ns, clock.boot == tick.boot
    clock.wall_ns, clock.elapsed_ns, clock.boot = tick.wall_ns, tick.elapsed_ns, tick.boot
    if before_ns is None:
        return 0.0
    by_wall_ns = tick.wall_ns - before_wall_ns
    passed_ns = tick.elapsed_ns - before_ns if same_boot else by_wall_ns
    clock.passed_ns += max(passed_ns if same_boot and passed_ns >= 0 else by_wall_ns, 0)
    if 0 <= passed_ns <= GAP_NS:
        clock.live_ns += passed_ns
        return 0.0
    return max(passed_ns, by_wall_ns) / 1e9


def _begin_gap(state: State, offset: int, gap_s: float, since_ns: int) -> list[AlarmEvent]:
    """Our own outage is one finding of its own, not ten thousand silent sensors."""
    if state.clock.in_gap:
        return []
    now_ns, state.clock.in_gap = state.clock.wall_ns, True
    circumstance = Circumstance(offset=offset, time_ns=now_ns, at_ns=now_ns)
    why = gap_why(gap_s, since_ns=since_ns, until_ns=now_ns, plan_version=state.bound.plan.version)
    return state.alarms.level_changed(GAP_SUBJECT, Grade.NONE, GAP_GRADE, circumstance, why)


def _end_of_gap(state: State, rows: Batch, offsets: NDArray[np.int64], fresh: NDArray[np.bool_]) -> list[AlarmEvent]:
    """The gap is over with the first usable new reading from the field."""
    if not state.clock.in_gap:
        return []
    usable = np.flatnonzero(fresh & (rows.quality == GOOD) & (rows.sensor != state.bound.tag_index.get(HEARTBEAT, -1)))
    if not len(usable):
        return []
    state.clock.in_gap = False
    first = usable[0]
    circumstance = Circumstance(
        offset=int(offsets[first]), time_ns=state.clock.wall_ns, at_ns=int(rows.received_ns[first])
    )
    return state.alarms.level_changed(GAP_SUBJECT, GAP_GRADE, Grade.NONE, circumstance, None)


def _gateways_heard(
    state: State, rows: Batch, offsets: NDArray[np.int64], fresh: NDArray[np.bool_]
) -> list[AlarmEvent]:
    """Any new reading of a sensor, good or bad, ends the silence of its gateway."""
    some = np.flatnonzero(fresh)
    gateways = state.bound.gateways
    events = []
    for gateway, at in hear(gateways, state.gateways, rows.sensor[some], rows.received_ns[some], state.clock.live_ns):
        received_ns = int(rows.received_ns[some[at]])
        circumstance = Circumstance(offset=int(offsets[some[at]]), time_ns=received_ns, at_ns=received_ns)
        events += state.alarms.level_changed(gateways.subject(gateway), GATEWAY_GRADE, Grade.NONE, circumstance, None)
    return events


def _gateways_silent(state: State, offset: int, live: Tick) -> list[AlarmEvent]:
    gateways, version = state.bound.gateways, state.bound.plan.version
    circumstance = Circumstance(offset=offset, time_ns=live.wall_ns, at_ns=live.wall_ns)
    events = []
    for gateway in fall_silent(gateways, state.gateways, live):
        why = silence_why(gateways, state.gateways, gateway, live, version)
        events += state.alarms.level_changed(gateways.subject(gateway), Grade.NONE, GATEWAY_GRADE, circumstance, why)
    return events


def _act(state: State, offset: int, act: HumanAct) -> tuple[list[AlarmEvent], str]:
    """The events, or why it was refused."""
    if act.act in INCIDENT_ACTS or act.command_id in state.commands:
        return [], ""
    try:
        events = carry_out(state.bound, state.alarms, act, offset)
    except CommandRefused as error:
        return [], str(error)
    state.commands[act.command_id] = None
    if len(state.commands) > COMMANDS_REMEMBERED:
        del state.commands[next(iter(state.commands))]
    return events, ""


def _changed(state: State, change: Change, circumstance: Circumstance, shown: tuple[Evidence, ...]) -> list[AlarmEvent]:
    if isinstance(change, SuppressionChange):
        return _suppress(state, change, circumstance)
    rule, about = change.rule, change.about
    judged_by = change.judged_by.grades[(change.after or change.before) - 1]
    why = Why(
        condition=judged_by.when,
        value=None if np.isnan(change.value) else change.value,
        unit=about.unit,
        quality=change.quality,
        scores=change.facts.scores,
        since_ns=change.since_ns,
        on_delay_s=judged_by.on_delay_s,
        readings=shown,
        rule_source=change.judged_by.source,
        plan_version=state.bound.plan.version,
        margin=change.margin,
        explanations=change.facts.explanations,
    )
    subject = Subject(rule.spec.id, about.tag, about.asset, rule.spec.latching)
    before, after = rule.grade(change.before), rule.grade(change.after)
    return state.alarms.level_changed(subject, before, after, circumstance, why, chattering=change.chattering)


def _sorted_in(state: State, batch: Batch, offsets: NDArray[np.int64]) -> tuple[Batch, NDArray[np.int64]]:
    """Let rows of patient kinds wait; they leave at the place of the row that releases them."""
    lateness = state.bound.lateness_ns
    direct = np.array([int(s) not in lateness for s in batch.sensor], np.bool_)
    released: list[tuple[int, Waiting]] = []
    at: list[int] = []
    for row in np.flatnonzero(~direct):
        sensor = int(batch.sensor[row])
        for waiting in state.reorder.offer(batch, int(row), lateness[sensor], state.clock.live_ns):
            released.append((sensor, waiting))
            at.append(int(offsets[row]))
    if not released:
        return batch.take(direct), offsets[direct]
    later = to_batch(released)
    columns = [
        np.concatenate([getattr(batch, name)[direct], getattr(later, name)])
        for name in ("sensor", "time_ns", "received_ns", "value", "quality")
    ]
    where = np.concatenate([offsets[direct], np.array(at, np.int64)])
    order = np.argsort(where, kind="stable")
    return Batch(*(column[order] for column in columns)), where[order]


def _change_plan(state: State, offset: int, change: PlanChange) -> list[AlarmEvent]:
    prepared, state.prepared, state.proposal = state.prepared, None, None
    is_same = prepared is not None and prepared.plan.version == change.plan.version
    new = prepared if prepared is not None and is_same else bind(change.plan, state.clock.settled_ns)
    settle(new, state.clock.settled_ns)
    carry_over(state.bound, new, state.alarms.judged_alarms())
    _move_sensors(state, new)
    state.alarms.set_terms(Terms(change.plan.alarms, change.plan.rules))
    follow_flags(new, state.alarms.flags.all(), state.clock.live_ns)
    at = Circumstance(offset, change.wall_ns, change.wall_ns)
    return state.alarms.end_suppressions(lambda rule, tag: new.suppression_of(rule, tag) is not None, at)


def _suppress(state: State, change: SuppressionChange, circumstance: Circumstance) -> list[AlarmEvent]:
    subject = Subject(change.rule.spec.id, change.about.tag, change.about.asset, change.rule.spec.latching)
    return state.alarms.suppression_changed(
        subject, replace(circumstance, note=change.text), on=change.on, unknown=change.unknown
    )


def _move_sensors(state: State, new: Bound) -> None:
    """Bring what is kept per sensor into the order of the new plan."""
    old = state.bound
    sources, targets = slot_pairs(tuple(old.tag_index), tuple(new.tag_index))
    admission_state, recent = AdmissionState.fresh(len(new.plan.sensors)), RecentState.fresh(len(new.plan.sensors))
    copy_slots(state.admission, admission_state, sources, targets)
    alike = same_readings(old, new, (sources, targets))
    copy_slots(state.recent, recent, *alike)
    index = dict(zip(sources, targets, strict=True))
    state.reorder.waiting = {index[s]: heap for s, heap in state.reorder.waiting.items() if s in index}
    state.reorder.newest_ns = {index[s]: t for s, t in state.reorder.newest_ns.items() if s in index}
    new.others.take_over(old.others, dict(zip(*reversed(alike), strict=True)), recent.rings)
    state.gateways = carry_gateways(old.gateways, state.gateways, new.gateways, state.alarms.judged_alarms())
    state.admission, state.recent, state.bound = admission_state, recent, new


def _count(counts: Counts, admitted: Admitted) -> None:
    counts.accepted += int(np.count_nonzero(admitted.verdict == ACCEPTED))
    counts.duplicate += int(np.count_nonzero(admitted.verdict == DUPLICATE))
    counts.late += int(np.count_nonzero(admitted.verdict == LATE))
    counts.clock_faults += int(np.count_nonzero(admitted.clock_fault))
