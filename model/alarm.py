"""Alarms and what happens to them, in the terms of ISA-18.2 / IEC 62682."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import IntEnum, StrEnum

from model.explanation import Explanation
from model.text import Text


class Grade(IntEnum):
    """Neutral severity; the colours are those of the Emergency Response Law's four warning levels."""

    NONE = 0
    BLUE = 1
    YELLOW = 2
    ORANGE = 3
    RED = 4


class AlarmState(StrEnum):
    """ISA-18.2 states by name; editions disagree about their letters."""

    NORMAL = "normal"
    UNACKNOWLEDGED = "unacknowledged"
    ACKNOWLEDGED = "acknowledged"
    RETURNED = "returned_unacknowledged"
    LATCHED_UNACKNOWLEDGED = "latched_unacknowledged"
    LATCHED_ACKNOWLEDGED = "latched_acknowledged"


class Transition(StrEnum):
    """What an event reports."""

    RAISED = "raised"
    RERAISED = "re_raised"  # came back before anybody acknowledged that it had gone
    UPGRADED = "upgraded"
    DOWNGRADED = "downgraded"
    RETURNED = "returned"  # the process is normal again
    ACKNOWLEDGED = "acknowledged"
    RESET = "reset"
    REALARMED = "realarmed"  # acknowledged long ago, and still on
    STALE = "stale"  # on for so long that it means nothing any more, or that nobody mends it
    HIDDEN = "hidden"  # kept from annunciation, or now so for another reason
    SHOWN = "shown"  # no longer
    COMMENTED = "commented"
    VERDICT = "verdict"  # a person says what it was


class Verdict(StrEnum):
    """What an alarm was in truth: a label."""

    REAL = "real"
    FALSE = "false"
    TEST = "test"
    DRILL = "drill"
    WORKS = "works"  # construction


#: They call for attention. Of a hidden alarm they reach nobody.
ANNUNCIATES = frozenset(
    {Transition.RAISED, Transition.RERAISED, Transition.UPGRADED, Transition.REALARMED, Transition.STALE}
)
#: They say something of the alarm, and change neither its state nor its grade.
REMARKS = frozenset({Transition.COMMENTED, Transition.VERDICT, Transition.STALE, Transition.HIDDEN})
#: Readings, or the time without them, brought them about.
_BY_READINGS = frozenset(
    {Transition.RAISED, Transition.RERAISED, Transition.UPGRADED, Transition.DOWNGRADED, Transition.RETURNED}
)


@dataclass(frozen=True, slots=True)
class Evidence:
    """One reading that led to the event."""

    time_ns: int
    value: float | None


@dataclass(frozen=True, slots=True)
class Why:
    """Why the event came about, value by value. Everything a person needs to agree or to object."""

    condition: str  # the grade's condition, limits in the unit of the kind
    value: float | None  # unit of the kind; None where the reading had no usable value
    unit: str
    quality: int
    scores: dict[str, float]  # operand -> score, those that the condition names and that had one
    since_ns: int  # event time at which the condition began to hold
    on_delay_s: float
    readings: tuple[Evidence, ...]  # the last ones, oldest first
    rule_source: Text  # clause of the standard
    plan_version: str  # which configuration judged
    margin: float | None  # how far the next higher grade is, unit of the value; None: no higher one
    explanations: dict[str, Explanation] = field(default_factory=dict)  # detector -> what it knows beside its score


@dataclass(frozen=True, slots=True)
class AlarmEvent:
    """One immutable line of an alarm's history.

    ``id`` and ``alarm_id`` are hashes of what the event is about, so that a replay gives the same ones and
    every receiver can drop what it has already seen.
    """

    id: str
    alarm_id: str
    offset: int  # how many inputs (rows, ticks, acts) the journal held before the one that caused it
    rule: str
    tag: str
    asset: str
    transition: Transition
    state: AlarmState
    grade: Grade
    previous_grade: Grade
    time_ns: int  # event time
    at_ns: int  # receive time of the row, or wall time of the tick or act
    offline: bool  # the reading was old when it came: news about the past
    by: str  # who, for a human act
    note: str
    why: Why | None
    hidden: str = ""  # FlagKind that keeps it from annunciation, after the event; empty = none
    chattering: bool = False  # it comes and goes so fast that it is damped
    verdict: str = ""  # of a verdict: which


@dataclass(frozen=True, slots=True)
class Alarm:
    """An alarm as it stands: the sum of its events."""

    id: str
    rule: str
    tag: str
    asset: str
    state: AlarmState
    grade: Grade
    highest: Grade
    start_ns: int
    changed_ns: int
    end_ns: int | None
    acknowledged_by: str
    offline: bool
    why: Why | None
    hidden: str = ""  # FlagKind; empty = it is shown
    chattering: bool = False
    stale: bool = False
    verdict: str = ""  # the last one


def beginning(alarm_id: str, rule: str, tag: str, asset: str, start_ns: int) -> Alarm:
    """An alarm to which nothing has happened yet."""
    return Alarm(
        id=alarm_id,
        rule=rule,
        tag=tag,
        asset=asset,
        state=AlarmState.NORMAL,
        grade=Grade.NONE,
        highest=Grade.NONE,
        start_ns=start_ns,
        changed_ns=start_ns,
        end_ns=None,
        acknowledged_by="",
        offline=False,
        why=None,
    )


def after(alarm: Alarm, event: AlarmEvent) -> Alarm:
    """The alarm after one more event. Every list of alarms is made this way, so that all agree."""
    what = event.transition
    if what in (Transition.COMMENTED, Transition.VERDICT):
        return replace(alarm, verdict=event.verdict or alarm.verdict)
    over = what == Transition.RETURNED
    back = what in (Transition.RAISED, Transition.RERAISED)
    acknowledged = what == Transition.ACKNOWLEDGED
    owed_anew = event.state == AlarmState.UNACKNOWLEDGED
    return replace(
        alarm,
        state=event.state,
        grade=event.grade,
        highest=max(alarm.highest, event.grade),
        changed_ns=alarm.changed_ns if what in REMARKS else event.time_ns,
        end_ns=event.time_ns if over else None if back else alarm.end_ns,
        acknowledged_by=event.by if acknowledged else "" if owed_anew else alarm.acknowledged_by,
        offline=event.offline if what in _BY_READINGS and event.why is not None else alarm.offline,
        why=event.why or alarm.why,
        hidden=event.hidden,
        chattering=event.chattering and not over,
        stale=what == Transition.STALE or (alarm.stale and not (over or back)),
    )
