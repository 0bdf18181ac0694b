"""After a recovery: the open alarms of the state against those that people were told of. What was told counts.

The two differ only where another program judged the journal before, or where a store was damaged or exchanged. Then the
state is brought to what was told, so that the next readings tell what is missing, and nothing ends unseen.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from enum import StrEnum

from model.alarm import Alarm, AlarmState, Grade
from model.flag import Flag, FlagKind
from model.heartbeat import HEARTBEAT
from pipeline.process.carry import follow_flags, turn_back, turn_on
from pipeline.process.self_watch import GAP_RULE, GATEWAY_RULE
from pipeline.process.step import State
from rules.transitions import ACTIVE

#: So many numbers of an alarm's events are left out: a damaged store may have lost events whose ids were told.
EVENTS_LOST_MAX = 1000

_LATCHED = (AlarmState.LATCHED_UNACKNOWLEDGED, AlarmState.LATCHED_ACKNOWLEDGED)


class Difference(StrEnum):
    """How an alarm differed."""

    NEVER_TOLD = "never_told"  # only the state had it: taken back, the next reading raises it anew
    FORGOTTEN = "forgotten"  # only people knew of it: open again, until readings or a person end it
    TOLD_OTHERWISE = "told_otherwise"  # both had it, in another state or grade: now as it was told


def reconcile(state: State, told: Iterable[tuple[Alarm, int]]) -> list[tuple[Difference, Alarm]]:
    """Bring the open alarms of ``state`` to what was told, in place.

    Args:
        state: after snapshot and journal.
        told: the open alarms of the store, each with the number of its events that are stored.

    Returns:
        what differed: the alarm as the state had it where only the state had it, else as it was told.

    """
    known = {
        alarm.id: (alarm, latching, events)
        for alarm, latching, events in state.alarms.snapshot()[0]
        if alarm.rule != HEARTBEAT
    }
    newest_first = sorted(told, key=lambda pair: (-pair[0].start_ns, pair[0].id))
    ids = {alarm.id for alarm, _ in newest_first}
    found = [(Difference.NEVER_TOLD, alarm) for alarm, *_ in known.values() if alarm.id not in ids]
    for _, alarm in found:
        if alarm.state in ACTIVE:
            _bring_level(state, alarm, on=False)
        state.alarms.remove(alarm)
    for alarm, events in newest_first:
        own, latching, numbered = known.get(alarm.id, (None, _latching(state, alarm), 0))
        active = alarm.state in ACTIVE
        if own is not None and (own.state, own.grade) == (alarm.state, alarm.grade) and numbered >= events:
            continue
        found.append((Difference.FORGOTTEN if own is None else Difference.TOLD_OTHERWISE, alarm))
        state.alarms.adopt(alarm, latching=latching, events=max(events, numbered) + EVENTS_LOST_MAX)
        was_active, grade = (own.state in ACTIVE, own.grade) if own is not None else (False, Grade.NONE)
        if was_active != active or (active and grade != alarm.grade):
            _bring_level(state, alarm, on=active)
    return found


def reconcile_flags(state: State, told: Iterable[Flag]) -> list[tuple[Difference, Flag]]:
    """Bring what hides alarms to what was told, in place; what changes for alarms by it is told at the next tick.

    What nobody was told of hides nothing. A suppression of which only people know ends then, too: what it would end by
    is unknown.

    Args:
        state: after snapshot and journal.
        told: the flags of the store that are on or asked for.

    Returns:
        what differed: the flag as the state had it where only the state had it, else as it was told.

    """
    flags = state.alarms.flags
    known, wanted = {flag.id: flag for flag in flags.all()}, {flag.id: flag for flag in told}
    found = [(Difference.NEVER_TOLD, flag) for flag in known.values() if flag.id not in wanted]
    found += [(Difference.FORGOTTEN, flag) for flag in wanted.values() if flag.id not in known]
    found += [(Difference.TOLD_OTHERWISE, flag) for flag in wanted.values() if known.get(flag.id, flag) != flag]
    for difference, flag in found:
        if flag.id in known:
            flags.forget(known[flag.id])
        if difference is not Difference.NEVER_TOLD:
            flags.adopt(replace(flag, until_ns=flag.since_ns) if flag.kind is FlagKind.SUPPRESSED else flag)
    if found:
        state.alarms.look_again()
        follow_flags(state.bound, (flag for flag in flags.all() if flag.id in known), state.clock.live_ns)
    return found


def _bring_level(state: State, alarm: Alarm, *, on: bool) -> None:
    """Let the grades of the alarm's rule be on as they were told."""
    if not state.alarms.is_judged(alarm):
        return
    if alarm.rule == GAP_RULE.id:
        state.clock.in_gap = on
    if alarm.rule == GATEWAY_RULE.id and alarm.tag in state.bound.gateways.ids:
        state.gateways.silent[state.bound.gateways.ids.index(alarm.tag)] = on
    judge = state.bound.judge_of(alarm.rule, alarm.tag)
    if judge is not None:
        turn_back(*judge)
        if on:
            turn_on(*judge, alarm)


def _latching(state: State, alarm: Alarm) -> bool:
    judge = state.bound.judge_of(alarm.rule, alarm.tag)
    return alarm.state in _LATCHED or (judge is not None and judge[0].spec.latching)
