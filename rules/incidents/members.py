"""An open incident: its alarms, and what is counted of them."""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from model.alarm import Grade
from model.incident import FirstOut, Incident, IncidentKind, Lift, ProbableSource, WatchPoint
from model.sensor import Position
from rules.incidents.geography import Spot
from rules.incidents.source import Estimate, Spread, probable_source

#: So many rules and assets are named in a summary; all are counted.
NAMED_MAX = 10


@dataclass(slots=True)
class Member:
    """One alarm of an incident."""

    alarm_id: str
    rule: str
    tag: str
    asset: str
    grade: Grade  # the highest so far
    start_ns: int  # event time at which it was raised
    offset: int
    spot: Spot
    lasts: bool  # while it is on, others may join it; False: it is about an instrument, and may be on for weeks
    offline: bool = False
    on: bool = True  # the process is abnormal
    is_open: bool = True
    until_ns: int = 0  # event time of its last return
    estimate: Estimate | None = None  # where a detector found it

    def order(self) -> tuple[int, int, str]:
        """First-out is the least: by event time, then by the journal."""
        return (self.start_ns, self.offset, self.alarm_id)

    def reaches(self, time_ns: int, window_ns: int) -> bool:
        """Whether an alarm of that event time belongs to it by time alone."""
        window_ns = max(window_ns, self.spot.window_ns)
        if time_ns < self.start_ns - window_ns:
            return False
        if not self.lasts:
            return time_ns <= self.start_ns + window_ns
        return self.on or time_ns <= max(self.until_ns, self.start_ns) + window_ns


@dataclass(slots=True)
class OpenIncident:
    """All that is kept of it; what follows from that is its ``Tally``."""

    id: str
    kind: IncidentKind
    grade: Grade = Grade.NONE
    events: int = 0  # how many it has had; the next one's id is made from it
    members: dict[str, Member] = field(default_factory=dict)  # by alarm id
    waiting: list[str] = field(default_factory=list)  # alarms that joined since the last tick
    told_first: str = ""  # alarm id of the first-out as it was told last
    told: bool = False  # it was sent out
    by_hand: bool = False
    touched: bool = True  # something came since combinations were looked at
    quiet_ns: int | None = None  # elapsed time at which its last alarm ended
    lifts: list[Lift] = field(default_factory=list)
    watch_points: list[WatchPoint] = field(default_factory=list)
    chained: list[tuple[str, str]] = field(default_factory=list)  # chains that were followed, from which asset
    folded: int = 0


class Tally:
    """What follows from the members of one incident; kept up to date alarm by alarm."""

    def __init__(self, members: Iterable[Member]) -> None:
        self.by_rule: Counter[str] = Counter()
        self.by_asset: Counter[str] = Counter()
        self.by_grade: Counter[Grade] = Counter()
        self.open = 0
        self.last_ns = 0
        self.until_ns = 0  # when the last one that is over ended
        self.lasting = 0  # how many are on that others may join at any time
        self.first: Member | None = None
        self.spread = Spread()
        self.located: dict[str, Member] = {}
        for member in members:
            self.add(member)

    def add(self, member: Member) -> None:
        self.by_rule[member.rule] += 1
        self.by_asset[member.asset] += 1
        self.by_grade[member.grade] += 1
        self.open += member.is_open
        self.last_ns = max(self.last_ns, member.start_ns)
        self.until_ns = max(self.until_ns, member.start_ns, member.until_ns)
        self.lasting += member.on and member.lasts
        if self.first is None or member.order() < self.first.order():
            self.first = member
        self.spread.add(member.asset, member.spot)
        if member.estimate is not None:
            self.located[member.alarm_id] = member

    def regrade(self, member: Member, grade: Grade) -> None:
        self.by_grade[member.grade] -= 1
        self.by_grade[grade] += 1
        member.grade = grade


def summary(one: OpenIncident, tally: Tally, *, is_open: bool = True, merged_into: str = "") -> Incident:
    """Say how it stands."""
    first = tally.first
    if first is None:
        raise AssertionError(f"incident {one.id} has no alarm")
    return Incident(
        id=one.id,
        kind=one.kind,
        is_open=is_open,
        grade=one.grade,
        start_ns=first.start_ns,
        last_ns=tally.last_ns,
        first_out=FirstOut(first.alarm_id, first.rule, first.tag, first.asset, first.start_ns),
        source=source_of(tally, first),
        alarms=len(one.members),
        alarms_open=tally.open,
        folded=one.folded,
        by_grade={grade.name.lower(): tally.by_grade[grade] for grade in reversed(Grade) if tally.by_grade[grade] > 0},
        by_rule=most_frequent(tally.by_rule),
        by_asset=most_frequent(tally.by_asset),
        rules=len(tally.by_rule),
        assets=len(tally.by_asset),
        lifts=tuple(one.lifts),
        watch_points=tuple(one.watch_points),
        by_hand=one.by_hand,
        merged_into=merged_into,
        offline=first.offline,
    )


def source_of(tally: Tally, first: Member) -> ProbableSource:
    located = sorted(tally.located.values(), key=Member.order)  # the order in which they came in is lost in a snapshot
    found = [(member.asset, member.tag, member.estimate) for member in located if member.estimate]
    alone = len(tally.by_asset) == 1 and sum(tally.by_asset.values()) == 1
    return probable_source(found, first.asset, first.tag, _place(first), tally.spread, is_alone=alone)


def _place(member: Member) -> Position:
    return member.spot.position


def most_frequent(counts: Counter[str]) -> dict[str, int]:
    """In falling order, ties by name: the same whatever came first."""
    return {name: -n for n, name in heapq.nsmallest(NAMED_MAX, ((-n, name) for name, n in counts.items() if n > 0))}
