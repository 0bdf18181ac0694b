"""Everything that can change an alarm. Each is journaled before it counts, and nothing else exists for ``step``."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias

from model.alarm import Grade
from model.batch import Batch
from model.plan import Plan


@dataclass(frozen=True, slots=True)
class Tick:
    """One clock reading, journaled once a second.

    ``wall_ns`` may jump (NTP, a person); ``elapsed_ns`` counts since the machine's start, suspended time included, and
    measures durations. ``boot`` says which start that is; over two of them ``elapsed_ns`` means nothing.
    """

    wall_ns: int
    elapsed_ns: int
    boot: str = ""  # empty in journals of versions that did not know it


class Act(StrEnum):
    """What a person can do about alarms."""

    ACKNOWLEDGE = "acknowledge"
    RESET = "reset"
    SHELVE = "shelve"
    UNSHELVE = "unshelve"
    TAKE_OUT = "take_out"  # of service
    PUT_BACK = "put_back"
    APPROVE = "approve"  # a request for a flag
    WITHDRAW = "withdraw"
    COMMENT = "comment"
    VERDICT = "verdict"
    MEMO = "memo"  # on all alarms of its rule and sensor, to come as well
    END_MEMO = "end_memo"


@dataclass(frozen=True, slots=True)
class HumanAct:
    """What a person asked for, journaled before the reply."""

    command_id: str  # given by the client; the same command sent twice has one effect
    act: str  # an Act or an IncidentAct; a journal may hold ones that this version does not know
    alarm_id: str
    by: str
    note: str
    wall_ns: int
    rule: str = ""  # take_out: which rule alone; on a closed alarm: its rule, tag and asset
    tag: str = ""
    asset: str = ""
    duration_s: float = 0.0  # shelve, take_out
    verdict: str = ""  # model.alarm.Verdict
    flag: str = ""  # id of the flag that is meant
    about: tuple[str, ...] = ()  # merge: ids of incidents; split: of alarms


@dataclass(frozen=True, slots=True)
class PlanChange:
    """The configuration that counts from here on."""

    plan: Plan
    wall_ns: int
    by: str = ""  # who had it applied, as far as that is told
    note: str = ""
    second: str = ""  # who agreed, where a second person had to
    warmed: str = ""  # SHA-256 of the state that changed detectors begin with; empty = they begin anew


@dataclass(frozen=True, slots=True)
class Proposal:
    """A change of configuration that waits for a second person; it changes nothing by itself."""

    version: str  # of the plan that is proposed
    over: str  # version of the plan in force, which it would replace
    by: str
    note: str
    red: tuple[str, ...]  # what of it touches a red grade
    wall_ns: int
    expires_ns: int


@dataclass(frozen=True, slots=True)
class Finding:
    """What the system found out about itself: something is wrong, or was seen to be in order again."""

    code: str  # which rule of the system's own it raises
    subject: str  # what it is about, such as the name of a source; empty = the system as a whole
    is_wrong: bool  # False = it is over
    grade: Grade  # as configured when it was found; a replay gives the same
    detail: str
    wall_ns: int


Input: TypeAlias = Batch | Tick | HumanAct | PlanChange | Proposal | Finding
