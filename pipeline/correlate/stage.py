"""``correlate``: one input and its alarm events in, incident events out.

Runs after ``step`` over the events that it made, and is as pure: the same journal gives the same incidents, however its
rows are cut into batches. Whatever goes wrong here holds up no alarm: grouping ends, and says so.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import structlog

from model.alarm import AlarmEvent
from model.errors import CommandRefused
from model.heartbeat import HEARTBEAT
from model.incident import IncidentEvent
from model.inputs import HumanAct, Input, PlanChange, Tick
from pipeline.correlate.readings import LastReadings
from pipeline.process.step import COMMANDS_REMEMBERED, INCIDENT_ACTS, Outcome, State, step
from rules.incidents.acts import carry_out
from rules.incidents.correlation import Correlation

log = structlog.get_logger("correlate")


@dataclass(frozen=True, slots=True)
class Told:
    """What came of one input."""

    events: list[IncidentEvent] = field(default_factory=list)
    refused: str = ""  # why a human act could not be carried out


def step_and_correlate(state: State, offset: int, item: Input) -> Outcome:
    """Both stages, one after the other."""
    outcome = step(state, offset, item)
    told = correlate(state, offset, item, outcome.events)
    return replace(outcome, refused=outcome.refused or told.refused, incidents=told.events)


def correlate(state: State, offset: int, item: Input, events: Sequence[AlarmEvent]) -> Told:
    """Group what ``step`` told (in place).

    Args:
        state: as ``step`` left it.
        offset: of the item's first input in the journal.
        item: that was stepped.
        events: of it.

    """
    if state.incidents.broken:
        is_ours = isinstance(item, HumanAct) and item.act in INCIDENT_ACTS
        return Told(
            refused="alarms are not grouped any more, after an error; start the pipeline again" if is_ours else ""
        )
    try:
        return _correlate(state, offset, item, events)
    except Exception as error:
        state.incidents.broken = f"{type(error).__name__}: {error}"
        log.exception("incidents are not grouped any more; alarms go on", offset=offset)
        return Told()


def _correlate(state: State, offset: int, item: Input, events: Sequence[AlarmEvent]) -> Told:
    stage = state.incidents
    stage.groups.live_ns = state.clock.live_ns
    told: list[IncidentEvent] = []
    for event in events:
        if event.rule != HEARTBEAT:
            told += stage.groups.take(event)
            stage.flood.take(event)
    match item:
        case Tick():
            told += stage.look.again(stage.groups, offset, item.wall_ns, LastReadings(state))
            told += stage.groups.tick(offset, item.wall_ns)
            told += stage.flood.tick(state.bound.plan.incidents, offset, item.wall_ns, state.clock.live_ns)
        case PlanChange():
            stage.bind(item.plan)
        case HumanAct() if item.act in INCIDENT_ACTS:
            return _act(stage, item, offset)
    return Told(told)


def _act(stage: Correlation, act: HumanAct, offset: int) -> Told:
    if act.command_id in stage.commands:
        return Told()
    try:
        told = carry_out(stage.groups, act, offset)
    except CommandRefused as error:
        return Told(refused=str(error))
    stage.commands[act.command_id] = None
    if len(stage.commands) > COMMANDS_REMEMBERED:
        del stage.commands[next(iter(stage.commands))]
    return Told(told)
