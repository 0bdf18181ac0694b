"""One event of an alarm, made of what happens to it."""

from __future__ import annotations

from dataclasses import dataclass

from model.alarm import Alarm, AlarmEvent, Grade, Why
from rules.circumstance import Circumstance
from rules.transitions import TRANSITIONS, Signal


@dataclass(frozen=True, slots=True)
class News:
    """What happens to an alarm. What is None stays as it was."""

    signal: Signal
    grade: Grade | None = None
    why: Why | None = None
    hidden: str | None = None
    chattering: bool | None = None
    verdict: str = ""


def event_of(alarm: Alarm, event_id: str, news: News, circumstance: Circumstance, *, latching: bool) -> AlarmEvent:
    """The event that leads from the alarm as it stands to the next state of the table."""
    transition, plain, latched = TRANSITIONS[alarm.state, news.signal]
    return AlarmEvent(
        id=event_id,
        alarm_id=alarm.id,
        offset=circumstance.offset,
        rule=alarm.rule,
        tag=alarm.tag,
        asset=alarm.asset,
        transition=transition,
        state=latched if latching else plain,
        grade=alarm.grade if news.grade is None else news.grade,
        previous_grade=alarm.grade,
        time_ns=circumstance.time_ns,
        at_ns=circumstance.at_ns,
        offline=circumstance.offline,
        by=circumstance.by,
        note=circumstance.note,
        why=news.why,
        hidden=alarm.hidden if news.hidden is None else news.hidden,
        chattering=alarm.chattering if news.chattering is None else news.chattering,
        verdict=news.verdict,
    )
