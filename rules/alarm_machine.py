"""The life of an alarm: which transition leads where, and who caused it (ISA-18.2-2016 figure 2, IEC 62682).

Only what stands in ``TRANSITIONS`` can happen. A return needs readings; an alarm whose rule or sensor is gone
stays until a person deals with it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from model.alarm import Alarm, AlarmEvent, AlarmState, Grade, Transition, Why, after, beginning
from model.errors import CommandRefused


class Signal(StrEnum):
    """What can happen to an alarm."""

    RAISE = "raise"
    UPGRADE = "upgrade"
    DOWNGRADE = "downgrade"
    RETURN = "return"
    ACKNOWLEDGE = "acknowledge"
    RESET = "reset"


_S, _T = AlarmState, Transition

#: (state, signal) -> (transition reported, state when plain, state when latching).
TRANSITIONS: dict[tuple[AlarmState, Signal], tuple[Transition, AlarmState, AlarmState]] = {
    (_S.NORMAL, Signal.RAISE): (_T.RAISED, _S.UNACKNOWLEDGED, _S.UNACKNOWLEDGED),
    (_S.UNACKNOWLEDGED, Signal.UPGRADE): (_T.UPGRADED, _S.UNACKNOWLEDGED, _S.UNACKNOWLEDGED),
    (_S.UNACKNOWLEDGED, Signal.DOWNGRADE): (_T.DOWNGRADED, _S.UNACKNOWLEDGED, _S.UNACKNOWLEDGED),
    (_S.UNACKNOWLEDGED, Signal.ACKNOWLEDGE): (_T.ACKNOWLEDGED, _S.ACKNOWLEDGED, _S.ACKNOWLEDGED),
    (_S.UNACKNOWLEDGED, Signal.RETURN): (_T.RETURNED, _S.RETURNED, _S.LATCHED_UNACKNOWLEDGED),
    (_S.ACKNOWLEDGED, Signal.UPGRADE): (_T.UPGRADED, _S.UNACKNOWLEDGED, _S.UNACKNOWLEDGED),
    (_S.ACKNOWLEDGED, Signal.DOWNGRADE): (_T.DOWNGRADED, _S.ACKNOWLEDGED, _S.ACKNOWLEDGED),
    (_S.ACKNOWLEDGED, Signal.RETURN): (_T.RETURNED, _S.NORMAL, _S.LATCHED_ACKNOWLEDGED),
    (_S.RETURNED, Signal.ACKNOWLEDGE): (_T.ACKNOWLEDGED, _S.NORMAL, _S.NORMAL),
    (_S.RETURNED, Signal.RAISE): (_T.RERAISED, _S.UNACKNOWLEDGED, _S.UNACKNOWLEDGED),
    (_S.LATCHED_UNACKNOWLEDGED, Signal.ACKNOWLEDGE): (_T.ACKNOWLEDGED, _S.NORMAL, _S.LATCHED_ACKNOWLEDGED),
    (_S.LATCHED_UNACKNOWLEDGED, Signal.RAISE): (_T.RERAISED, _S.UNACKNOWLEDGED, _S.UNACKNOWLEDGED),
    (_S.LATCHED_ACKNOWLEDGED, Signal.RESET): (_T.RESET, _S.NORMAL, _S.NORMAL),
    (_S.LATCHED_ACKNOWLEDGED, Signal.RAISE): (_T.RERAISED, _S.UNACKNOWLEDGED, _S.UNACKNOWLEDGED),
}

ACTIVE = frozenset({AlarmState.UNACKNOWLEDGED, AlarmState.ACKNOWLEDGED})


@dataclass(frozen=True, slots=True)
class Subject:
    """What an alarm is about."""

    rule: str
    tag: str
    asset: str
    latching: bool


@dataclass(frozen=True, slots=True)
class Circumstance:
    """When and how something came about."""

    offset: int
    time_ns: int
    at_ns: int
    offline: bool = False
    by: str = ""
    note: str = ""


@dataclass(slots=True)
class _Open:
    alarm: Alarm
    latching: bool
    events: int  # how many events it has had; the next one's id is made from it


class AlarmMachine:
    """All alarms that are not normal, and how often each has been raised."""

    def __init__(self) -> None:
        self._open: dict[str, _Open] = {}  # by alarm id
        self._judged: dict[tuple[str, str], str] = {}  # (rule, tag) -> id of the open alarm that readings reach
        self._episodes: dict[tuple[str, str], int] = {}

    def open_alarms(self) -> list[Alarm]:
        entries = list(self._open.values())  # in one go: the status asks from another thread
        return [entry.alarm for entry in entries]

    def judged_alarms(self) -> list[Alarm]:
        """The open alarms that readings reach: one a rule and tag."""
        return [self._open[alarm_id].alarm for alarm_id in self._judged.values()]

    def judged(self, rule: str, tag: str) -> Alarm | None:
        """The open alarm of a rule and tag that can be reached; None = there is none."""
        entry = self._open.get(self._judged.get((rule, tag), ""))
        return None if entry is None else entry.alarm

    def is_judged(self, alarm: Alarm) -> bool:
        return self._judged.get((alarm.rule, alarm.tag)) == alarm.id

    def level_changed(
        self, subject: Subject, old: Grade, new: Grade, circumstance: Circumstance, why: Why | None
    ) -> AlarmEvent:
        """Report a change of grade that the readings brought about."""
        entry = self._open.get(self._judged.get((subject.rule, subject.tag), ""))
        active = entry is not None and entry.alarm.state in ACTIVE
        if new == Grade.NONE:
            signal = Signal.RETURN
        elif not active:
            signal = Signal.RAISE
        else:
            signal = Signal.UPGRADE if new > old else Signal.DOWNGRADE
        if entry is None:
            entry = self._begin(subject, circumstance)
        return self._apply(entry, signal, new, circumstance, why)

    def act(self, signal: Signal, alarm_id: str, circumstance: Circumstance) -> AlarmEvent:
        """Carry out what a person asked for.

        Raises:
            CommandRefused: the alarm is unknown, closed, or not in a state in which this can be done.

        """
        entry = self._open.get(alarm_id)
        if entry is None:
            raise CommandRefused(f"alarm {alarm_id!r} is not open; `fengsui alarms list` shows the open ones")
        if (entry.alarm.state, signal) not in TRANSITIONS:
            raise CommandRefused(f"alarm {alarm_id} is {entry.alarm.state}; it cannot be given the signal {signal}")
        grade = Grade.NONE if signal is Signal.RETURN else entry.alarm.grade
        return self._apply(entry, signal, grade, circumstance, None)

    def remove(self, gone: Alarm) -> None:
        """Take out an open alarm: it is over, or nobody was told of it."""
        del self._open[gone.id]
        if not self.is_judged(gone):
            return
        key = (gone.rule, gone.tag)
        del self._judged[key]
        if len(self._open) > len(self._judged):  # some stand beside others
            beside = [alarm.id for alarm in self.open_alarms() if (alarm.rule, alarm.tag) == key]
            if beside:
                self._judged[key] = min(beside)

    def adopt(self, alarm: Alarm, *, latching: bool, events: int) -> None:
        """Take an open alarm as people were told of it, in place of what is known under its id.

        Where its rule and tag have another open alarm already, it stands beside that one, out of reach of readings,
        and takes its place when that one is over.
        """
        if alarm.id not in self._open:
            self._next_episode(alarm.rule, alarm.tag)
        self._place(_Open(alarm, latching, events))

    def _begin(self, subject: Subject, circumstance: Circumstance) -> _Open:
        episode = self._next_episode(subject.rule, subject.tag)
        alarm_id = _digest("alarm", subject.rule, subject.tag, str(circumstance.time_ns), str(episode))
        alarm = beginning(alarm_id, subject.rule, subject.tag, subject.asset, circumstance.time_ns)
        return self._place(_Open(alarm, subject.latching, 0))

    def _next_episode(self, rule: str, tag: str) -> int:
        episode = self._episodes.get((rule, tag), 0) + 1
        self._episodes[rule, tag] = episode
        return episode

    def _place(self, entry: _Open) -> _Open:
        alarm = entry.alarm
        self._open[alarm.id] = entry
        self._judged.setdefault((alarm.rule, alarm.tag), alarm.id)
        return entry

    def _apply(
        self, entry: _Open, signal: Signal, grade: Grade, circumstance: Circumstance, why: Why | None
    ) -> AlarmEvent:
        old = entry.alarm
        transition, plain, latched = TRANSITIONS[old.state, signal]
        state = latched if entry.latching else plain
        entry.events += 1
        event = AlarmEvent(
            id=_digest("event", old.id, str(entry.events)),
            alarm_id=old.id,
            offset=circumstance.offset,
            rule=old.rule,
            tag=old.tag,
            asset=old.asset,
            transition=transition,
            state=state,
            grade=grade,
            previous_grade=old.grade,
            time_ns=circumstance.time_ns,
            at_ns=circumstance.at_ns,
            offline=circumstance.offline,
            by=circumstance.by,
            note=circumstance.note,
            why=why,
        )
        entry.alarm = after(old, event)
        if state == AlarmState.NORMAL:
            self.remove(old)
        return event

    def snapshot(self) -> tuple[list[tuple[Alarm, bool, int]], list[tuple[str, str, int]]]:
        """Open alarms (with latching and number of events) and episode counters, in a stable order.

        Of alarms with the same rule and tag the one that readings reach comes first.
        """
        entries = [(e.alarm, e.latching, e.events) for e in self._open.values()]
        entries.sort(key=lambda e: (e[0].rule, e[0].tag, not self.is_judged(e[0]), e[0].id))
        return entries, [(rule, tag, n) for (rule, tag), n in sorted(self._episodes.items())]

    @classmethod
    def restore(
        cls, entries: Iterable[tuple[Alarm, bool, int]], episodes: Iterable[tuple[str, str, int]]
    ) -> AlarmMachine:
        machine = cls()
        for alarm, latching, events in entries:
            machine._place(_Open(alarm, latching, events))
        machine._episodes = {(rule, tag): n for rule, tag, n in episodes}
        return machine


def _digest(*parts: str) -> str:
    return hashlib.sha256("\x1f".join(parts).encode()).hexdigest()[:20]
