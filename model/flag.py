"""What keeps alarms from being annunciated, on record from its beginning to its end."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum

from model.alarm import Grade


class FlagKind(StrEnum):
    """Why alarms are hidden, from weak to strong: of several that hold, the strongest is shown."""

    SUPPRESSED = "suppressed"  # by design: the rule's own condition says that its alarms mean nothing now
    SHELVED = "shelved"  # one alarm, by a person, for a limited time
    OUT_OF_SERVICE = "out_of_service"  # a sensor or an asset, under a work permit
    MEMO = "memo"  # hides nothing: what is to be known of every alarm of a rule on a sensor or asset


HIDING = (FlagKind.SUPPRESSED, FlagKind.SHELVED, FlagKind.OUT_OF_SERVICE)


class FlagState(StrEnum):
    """How far it has come."""

    ASKED = "asked"  # hides nothing yet: a second person has to agree
    ON = "on"
    ENDED = "ended"


class FlagEnd(StrEnum):
    """Why it is over."""

    TIME = "time"  # as long as was asked for
    UNSHELVED = "unshelved"
    PUT_BACK = "put_back"
    HIGHER_GRADE = "higher_grade"  # the alarm became graver than it was when it was shelved
    CONDITION_OVER = "condition_over"  # what suppressed it is known not to hold
    UNKNOWN = "unknown"  # whether it still holds has not been known for too long
    REPLACED = "replaced"  # it was asked for anew
    WITHDRAWN = "withdrawn"  # the request was taken back
    NOT_CONFIRMED = "not_confirmed"  # nobody agreed in time
    ALARM_CHANGED = "alarm_changed"  # when it was agreed to, the alarm was graver, or closed
    MEMO_ENDED = "memo_ended"
    RULE_GONE = "rule_gone"  # the rule that suppressed is gone, or does so no more


@dataclass(frozen=True, slots=True)
class Cover:
    """Which alarms: those in which all that is not empty agrees."""

    rule: str = ""
    tag: str = ""
    asset: str = ""

    def covers(self, rule: str, tag: str, asset: str) -> bool:
        return self.rule in ("", rule) and self.tag in ("", tag) and self.asset in ("", asset)


@dataclass(frozen=True, slots=True)
class Flag:
    """As it stands. Once it is ended it stays as a record."""

    id: str
    kind: FlagKind
    cover: Cover
    state: FlagState
    grade: Grade  # shelved: of the alarm when it was asked for; a higher one ends it
    reason: str
    by: str  # who asked; empty: nobody did, the rule says so
    approved_by: str  # the second person, where one was needed
    alarm_id: str  # for which it was asked; empty: for none
    duration_s: float  # how long was asked for; 0 = as long as its condition holds
    since_ns: int  # wall clock: asked, then on
    until_ns: int | None  # wall clock: when the request or the flag is over at the latest; None = no time ends it
    ended_ns: int | None = None
    ended_by: str = ""
    why_ended: FlagEnd | None = None

    def ended(self, why: FlagEnd, at_ns: int, by: str) -> Flag:
        return replace(self, state=FlagState.ENDED, why_ended=why, ended_ns=at_ns, ended_by=by)


@dataclass(frozen=True, slots=True)
class FlagEvent:
    """One immutable line of a flag's history: how it stands since."""

    id: str
    offset: int  # how many inputs the journal held before the one that caused it
    at_ns: int  # wall clock
    by: str  # who; empty: time, a reading or a rule
    note: str
    flag: Flag
