"""Alarm floods as ISA-18.2 has them: more alarms than a person can take in. Counted, and nothing is hidden."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from model.alarm import AlarmEvent, Grade, Transition
from model.incident import (
    Certainty,
    FirstOut,
    Incident,
    IncidentChange,
    IncidentEvent,
    IncidentKind,
    ProbableSource,
)
from model.incident_plan import IncidentPlan
from model.sensor import Position
from rules.incidents.groups import digest
from rules.incidents.members import most_frequent

_NS = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Annunciation:
    """One alarm that called for attention."""

    alarm_id: str
    rule: str
    tag: str
    asset: str
    grade: Grade
    time_ns: int


@dataclass(slots=True)
class Flood:
    """One that is on."""

    id: str
    first: Annunciation
    last_ns: int
    alarms: int = 0
    peak: int = 0
    grade: Grade = Grade.NONE
    by_rule: dict[str, int] = field(default_factory=dict)
    by_asset: dict[str, int] = field(default_factory=dict)
    by_grade: dict[str, int] = field(default_factory=dict)

    def count(self, one: Annunciation) -> None:
        self.alarms += 1
        self.last_ns = max(self.last_ns, one.time_ns)
        self.grade = max(self.grade, one.grade)
        for counts, key in ((self.by_rule, one.rule), (self.by_asset, one.asset)):
            counts[key] = counts.get(key, 0) + 1
        name = one.grade.name.lower()
        self.by_grade[name] = self.by_grade.get(name, 0) + 1


@dataclass(slots=True)
class FloodWatch:
    """The load of the last ten minutes.

    Attributes:
        load: elapsed time of each tick and how many alarms came before it, those in the window.
        waiting: alarms since the last tick.
        earlier: without a flood, all in the window, by elapsed time: a flood counts from the first of them.
        flood: the one that is on.

    """

    load: list[tuple[int, int]] = field(default_factory=list)
    waiting: list[Annunciation] = field(default_factory=list)
    earlier: list[tuple[int, Annunciation]] = field(default_factory=list)
    flood: Flood | None = None

    def take(self, event: AlarmEvent) -> None:
        """Count what calls for attention; what is hidden does not."""
        if event.transition in (Transition.RAISED, Transition.RERAISED) and not event.hidden:
            self.waiting.append(
                Annunciation(event.alarm_id, event.rule, event.tag, event.asset, event.grade, event.time_ns)
            )

    def tick(self, plan: IncidentPlan, offset: int, at_ns: int, live_ns: int) -> list[IncidentEvent]:
        """Tell of a flood that begins or ends."""
        since_ns = live_ns - round(plan.flood_window_s * _NS)
        came, self.waiting = self.waiting, []
        if came:
            self.load.append((live_ns, len(came)))
        while self.load and self.load[0][0] <= since_ns:
            del self.load[0]
        now = sum(count for _, count in self.load)
        if self.flood is None:
            return self._without(came, now, since_ns, plan, offset, at_ns, live_ns)
        for one in came:
            self.flood.count(one)
        self.flood.peak = max(self.flood.peak, now)
        if now >= plan.flood_ends:
            return []
        ended, self.flood = self.flood, None
        return [_told(ended, IncidentChange.CLOSED, offset, at_ns, now=now)]

    def _without(
        self,
        came: list[Annunciation],
        now: int,
        since_ns: int,
        plan: IncidentPlan,
        offset: int,
        at_ns: int,
        live_ns: int,
    ) -> list[IncidentEvent]:
        self.earlier = [pair for pair in self.earlier if pair[0] > since_ns]
        self.earlier += [(live_ns, one) for one in came]
        if now <= plan.flood_begins:
            return []
        first = min((one for _, one in self.earlier), key=lambda one: one.time_ns)
        self.flood = Flood(digest("flood", str(offset)), first, first.time_ns, peak=now)
        for _, one in self.earlier:
            self.flood.count(one)
        self.earlier = []
        return [_told(self.flood, IncidentChange.OPENED, offset, at_ns, now=now)]


def _told(flood: Flood, change: IncidentChange, offset: int, at_ns: int, *, now: int) -> IncidentEvent:
    first = flood.first
    incident = Incident(
        id=flood.id,
        kind=IncidentKind.FLOOD,
        is_open=change is IncidentChange.OPENED,
        grade=flood.grade,
        start_ns=first.time_ns,
        last_ns=flood.last_ns,
        first_out=FirstOut(first.alarm_id, first.rule, first.tag, first.asset, first.time_ns),
        source=ProbableSource(Certainty.ONLY_FIRST, first.asset, first.tag, Position(), None),
        alarms=flood.alarms,
        alarms_open=now,
        folded=0,
        by_grade=dict(sorted(flood.by_grade.items(), key=lambda item: -Grade[item[0].upper()])),
        by_rule=most_frequent(Counter(flood.by_rule)),
        by_asset=most_frequent(Counter(flood.by_asset)),
        rules=len(flood.by_rule),
        assets=len(flood.by_asset),
        peak=flood.peak,
    )
    return IncidentEvent(
        id=digest("flood event", flood.id, change),
        incident_id=flood.id,
        offset=offset,
        change=change,
        previous_grade=flood.grade,
        at_ns=at_ns,
        joined=(),
        others=(),
        tells=True,
        incident=incident,
    )
