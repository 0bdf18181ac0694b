"""Alarms into incidents: which alarm belongs where, when incidents become one, and when one is over.

Two alarms belong together when they are related by place and follow each other within a window of event time; an
incident is all that hangs together so. So the order in which alarms arrive does not matter, and an alarm between two
incidents makes them one. What a person grouped is never undone.
"""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Collection, Iterable, Sequence

from model.alarm import AlarmEvent, AlarmState, Grade, Transition
from model.incident import IncidentChange, IncidentEvent, IncidentKind, WatchPoint
from rules.incidents.geography import Geography
from rules.incidents.index import Index
from rules.incidents.members import Member, OpenIncident, Tally, summary
from rules.incidents.source import estimate_of

#: So many alarms may one incident have; the next one is another incident's.
MEMBERS_MAX = 20_000
#: With so many open, an alarm that belongs to none joins the wide one.
OPEN_MAX = 10_000

#: A wide incident takes in what belongs nowhere until the rate has fallen to this part of the one at which it began.
WIDE_ENDS = 4
#: So many of the last openings are looked at to find that many places tell of one thing.
OPENED_KEPT = 256

_NS = 1_000_000_000
#: What brings an alarm in. One that was hidden comes in when it is shown.
_BEGINS = (Transition.RAISED, Transition.RERAISED, Transition.UPGRADED, Transition.SHOWN)
_ON = (AlarmState.UNACKNOWLEDGED, AlarmState.ACKNOWLEDGED)


class Groups:
    """The open incidents."""

    def __init__(self, geography: Geography) -> None:
        self.open: dict[str, OpenIncident] = {}
        self.of_alarm: dict[str, str] = {}
        self.tallies: dict[str, Tally] = {}
        self.live_ns = 0  # elapsed time, without our own outages
        self.opened: deque[tuple[int, str]] = deque(maxlen=OPENED_KEPT)  # event time and id of those that opened last
        self.bind(geography)

    def bind(self, geography: Geography) -> None:
        """Go on under another plan: where an alarm was, it stays; what is near may be something else."""
        self.geography = geography
        self._absorb_ns = round(geography.plan.absorb_s * _NS)
        self._wide_ns = round(geography.plan.wide_within_s * _NS)
        self._index = Index(geography)
        self._watched: dict[tuple[str, str], dict[str, None]] = {}  # (rule, asset) -> ids of incidents
        for one in self.open.values():
            self._note_watched(one)
            for member in one.members.values():
                self._index.add(one.id, member)

    def restore(self, kept: Iterable[OpenIncident], opened: Iterable[tuple[int, str]]) -> None:
        """Take what a snapshot kept."""
        self.open = {one.id: one for one in kept}
        self.of_alarm = {alarm_id: one.id for one in self.open.values() for alarm_id in one.members}
        self.tallies = {one.id: Tally(one.members.values()) for one in self.open.values()}
        self.opened = deque(opened, maxlen=OPENED_KEPT)
        self.bind(self.geography)

    def hold_to(self, open_alarms: Collection[str]) -> int:
        """Let alarms be over that are not among these; returns how many were not."""
        over = 0
        for one in self.open.values():
            for member in one.members.values():
                if member.is_open and member.alarm_id not in open_alarms:
                    member.is_open = member.on = False
                    over += 1
            self.tallies[one.id] = Tally(one.members.values())
            if one.quiet_ns is None and not self.tallies[one.id].open:
                one.quiet_ns = self.live_ns
        return over

    def take(self, event: AlarmEvent) -> list[IncidentEvent]:
        """Put one alarm event where it belongs; they come in the order of the journal."""
        name = self.of_alarm.get(event.alarm_id)
        if name is not None:
            return self._go_on(self.open[name], event)
        if event.transition not in _BEGINS or event.state not in _ON or event.hidden:
            return []
        return self._place(event)

    def tick(self, offset: int, at_ns: int) -> list[IncidentEvent]:
        """Tell what joined since the last tick, and end what is over."""
        events: list[IncidentEvent] = []
        quiet_ns = round(self.geography.plan.quiet_s * _NS)
        for one in list(self.open.values()):
            if one.waiting:
                events += self._tell_joined(one, offset, at_ns)
            if one.quiet_ns is not None and self.live_ns - one.quiet_ns >= quiet_ns:
                events.append(self.tell(one, IncidentChange.CLOSED, offset, at_ns, tells=one.told, is_open=False))
                self._forget(one)
        return events

    def tell(
        self,
        one: OpenIncident,
        change: IncidentChange,
        offset: int,
        at_ns: int,
        *,
        previous: Grade | None = None,
        joined: Sequence[str] = (),
        others: Sequence[str] = (),
        tells: bool = False,
        is_open: bool = True,
        merged_into: str = "",
        by: str = "",
        note: str = "",
        watch_points: Sequence[WatchPoint] = (),
        combination: str = "",
    ) -> IncidentEvent:
        """Make the next event of an incident."""
        one.events += 1
        one.told = one.told or tells
        return IncidentEvent(
            id=digest("incident event", one.id, str(one.events)),
            incident_id=one.id,
            offset=offset,
            change=change,
            previous_grade=one.grade if previous is None else previous,
            at_ns=at_ns,
            joined=tuple(joined),
            others=tuple(others),
            tells=tells,
            incident=summary(one, self.tallies[one.id], is_open=is_open, merged_into=merged_into),
            by=by,
            note=note,
            watch_points=tuple(watch_points),
            combination=combination,
        )

    def lift(self, one: OpenIncident, grade: Grade, offset: int, at_ns: int, *, tells: bool) -> list[IncidentEvent]:
        """Raise the grade of an incident; nothing where it is as high already."""
        if grade <= one.grade:
            return []
        before, one.grade = one.grade, grade
        return [self.tell(one, IncidentChange.UPGRADED, offset, at_ns, previous=before, tells=tells)]

    def join_up(
        self, ids: Sequence[str], offset: int, at_ns: int, *, kind: IncidentKind, by: str = "", note: str = ""
    ) -> list[IncidentEvent]:
        """Make one incident of several: the one that began first takes the others in. Its event is the last one."""
        stays, *gone = (self.open[name] for name in sorted(ids, key=self._began))
        before = stays.grade
        events = []
        for one in gone:
            for member in one.members.values():
                self._index.remove(one.id, member)
                self._add(stays, member)
            _take_over(stays, one)
            self._note_watched(stays)
            merged = IncidentChange.MERGED
            events.append(self.tell(one, merged, offset, at_ns, is_open=False, merged_into=stays.id, by=by, note=note))
            del self.open[one.id], self.tallies[one.id]
        stays.kind, stays.touched, stays.by_hand = kind, True, stays.by_hand or bool(by)
        if self.tallies[stays.id].open:
            stays.quiet_ns = None
        ids_gone = [one.id for one in gone]
        moved = ((at, stays.id if name in ids_gone else name) for at, name in self.opened)
        self.opened = deque(moved, maxlen=OPENED_KEPT)
        tells = kind is IncidentKind.WIDE or bool(by)
        whole = self.tell(
            stays, IncidentChange.MERGED, offset, at_ns, previous=before, others=ids_gone, tells=tells, by=by, note=note
        )
        return [*events, whole]

    def take_out(self, one: OpenIncident, taken: Sequence[str], other: OpenIncident) -> None:
        """Make some alarms of an incident another one's."""
        self.open[other.id], self.tallies[other.id] = other, Tally(())
        for alarm_id in taken:
            member = one.members.pop(alarm_id)
            self._index.remove(one.id, member)
            self._add(other, member)
            other.grade = max(other.grade, member.grade)
        one.waiting = [name for name in one.waiting if name not in other.members]
        self.tallies[one.id] = Tally(one.members.values())
        one.touched = True
        for each in (one, other):
            each.told_first = self._began(each.id)[2]
            if each.quiet_ns is None and not self.tallies[each.id].open:
                each.quiet_ns = self.live_ns

    def _go_on(self, one: OpenIncident, event: AlarmEvent) -> list[IncidentEvent]:
        member, tally = one.members[event.alarm_id], self.tallies[one.id]
        was_lasting, was_open = member.on and member.lasts, member.is_open
        member.on, member.is_open = event.state in _ON, event.state is not AlarmState.NORMAL
        if event.transition is Transition.RETURNED:
            member.until_ns = max(member.until_ns, event.time_ns)
            tally.until_ns = max(tally.until_ns, event.time_ns)
        tally.lasting += (member.on and member.lasts) - was_lasting
        tally.open += member.is_open - was_open
        if event.why is not None and (estimate := estimate_of(event.why.scores)) is not None:
            member.estimate, tally.located[member.alarm_id] = estimate, member
        self._mind_quiet(one)
        if event.hidden or event.grade <= member.grade:
            return []
        tally.regrade(member, event.grade)
        one.touched = True
        return self.lift(one, event.grade, event.offset, event.at_ns, tells=one.told)

    def _mind_quiet(self, one: OpenIncident) -> None:
        if self.tallies[one.id].open:
            one.quiet_ns = None
        elif one.quiet_ns is None:
            one.quiet_ns = self.live_ns

    def _place(self, event: AlarmEvent) -> list[IncidentEvent]:
        member = self._member(event)
        found = self._belongs_to(member)
        if not found:
            return self._open_with(member, event)
        together = self._that_become_one(found)
        if len(together) == 1:
            return self._join(self.open[together[0]], member, event)
        kinds = {self.open[name].kind for name in together}
        kind = IncidentKind.WIDE if IncidentKind.WIDE in kinds else IncidentKind.LOCAL
        merged = self.join_up(together, event.offset, event.at_ns, kind=kind)
        return merged + self._join(self.open[merged[-1].incident_id], member, event)

    def watch(self, one: OpenIncident, points: Sequence[WatchPoint]) -> None:
        """An alarm that confirms one of these belongs to the incident, whenever it comes."""
        one.watch_points += points
        self._note_watched(one)

    def _note_watched(self, one: OpenIncident) -> None:
        chains = {chain.id: chain for chain in self.geography.plan.chains}
        for point in one.watch_points:
            chain = chains.get(point.chain)
            rules = chain.steps[point.step].confirmed_by if chain and point.step < len(chain.steps) else ()
            for rule in rules:
                self._watched.setdefault((rule, point.asset), {})[one.id] = None

    def _belongs_to(self, member: Member) -> list[str]:
        """Open incidents to which it is related, and that take in alarms; the one that began first comes first."""
        found = self._index.related(member.spot, member.start_ns, self.open, self.tallies)
        found |= {name for name in self._watched.get((member.rule, member.asset), ()) if name in self.open}
        taking = [
            name
            for name in found
            if len(self.open[name].members) < MEMBERS_MAX and member.start_ns <= self._began(name)[0] + self._absorb_ns
        ]
        return sorted(taking, key=self._began)

    def _that_become_one(self, found: Sequence[str]) -> list[str]:
        """Those that become one: at most one of them made by hand, and no more alarms than one may have."""
        together: list[str] = []
        alarms, by_hand = 1, False
        for name in found:
            one = self.open[name]
            if (by_hand and one.by_hand) or alarms + len(one.members) > MEMBERS_MAX:
                continue
            together.append(name)
            alarms, by_hand = alarms + len(one.members), by_hand or one.by_hand
        return together

    def _join(self, one: OpenIncident, member: Member, event: AlarmEvent) -> list[IncidentEvent]:
        self._add(one, member)
        one.waiting.append(member.alarm_id)
        one.touched, one.quiet_ns = True, None
        return self.lift(one, member.grade, event.offset, event.at_ns, tells=one.told)

    def _open_with(self, member: Member, event: AlarmEvent) -> list[IncidentEvent]:
        wide = self._wide_at(member.start_ns)
        if wide is not None:
            self.opened.append((member.start_ns, wide.id))
            return self._join(wide, member, event)
        kind = IncidentKind.LOCAL if len(self.open) < OPEN_MAX else IncidentKind.WIDE
        name = digest("incident", member.alarm_id, str(event.offset))  # after a loss of state it is another one
        one = OpenIncident(name, kind, grade=member.grade, told_first=member.alarm_id)
        self.open[one.id], self.tallies[one.id] = one, Tally(())
        self._add(one, member)
        self.opened.append((member.start_ns, one.id))
        events = [self.tell(one, IncidentChange.OPENED, event.offset, event.at_ns, joined=[member.alarm_id])]
        near = [name for name in dict.fromkeys(self._opened_about(member.start_ns)) if self._may_be_wide(name)]
        if len(near) >= self.geography.plan.wide_incidents:
            events += self.join_up(near, event.offset, event.at_ns, kind=IncidentKind.WIDE)
        return events

    def _opened_about(self, time_ns: int) -> list[str]:
        return [name for began_ns, name in self.opened if abs(time_ns - began_ns) <= self._wide_ns]

    def _may_be_wide(self, name: str) -> bool:
        one = self.open.get(name)
        return one is not None and one.kind is IncidentKind.LOCAL and not one.by_hand

    def _wide_at(self, time_ns: int) -> OpenIncident | None:
        """The wide incident that goes on at that time: what belongs nowhere else is a part of it.

        It goes on while alarms from places of their own come at a quarter of the rate at which it began.
        """
        about = [self.open[name] for name in self._opened_about(time_ns) if name in self.open]
        if len(about) < max(1, self.geography.plan.wide_incidents // WIDE_ENDS):
            return None
        return next((one for one in about if one.kind is IncidentKind.WIDE and len(one.members) < MEMBERS_MAX), None)

    def _tell_joined(self, one: OpenIncident, offset: int, at_ns: int) -> list[IncidentEvent]:
        """One event a tick, however many joined. The first one tells of the incident: one alarm speaks for itself."""
        joined, one.waiting = one.waiting, []
        tells = not one.told
        events = [self.tell(one, IncidentChange.JOINED, offset, at_ns, joined=joined, tells=tells)]
        first = self._began(one.id)[2]
        if first != one.told_first:
            one.told_first = first
            events.append(self.tell(one, IncidentChange.FIRST_OUT_CHANGED, offset, at_ns, tells=one.told and not tells))
        return events

    def _member(self, event: AlarmEvent) -> Member:
        return Member(
            alarm_id=event.alarm_id,
            rule=event.rule,
            tag=event.tag,
            asset=event.asset,
            grade=event.grade,
            start_ns=event.time_ns,
            offset=event.offset,
            spot=self.geography.spot(event.asset, event.tag),
            lasts=event.rule not in self.geography.diagnostic,
            offline=event.offline,
            estimate=estimate_of(event.why.scores) if event.why else None,
        )

    def _add(self, one: OpenIncident, member: Member) -> None:
        one.members[member.alarm_id] = member
        self.of_alarm[member.alarm_id] = one.id
        self.tallies[one.id].add(member)
        self._index.add(one.id, member)

    def _forget(self, one: OpenIncident) -> None:
        for member in one.members.values():
            self._index.remove(one.id, member)
            del self.of_alarm[member.alarm_id]
        for point in one.watch_points:
            for key in [key for key in self._watched if key[1] == point.asset]:
                self._watched[key].pop(one.id, None)
                if not self._watched[key]:
                    del self._watched[key]
        del self.open[one.id], self.tallies[one.id]

    def _began(self, name: str) -> tuple[int, int, str]:
        first = self.tallies[name].first
        if first is None:
            raise AssertionError(f"incident {name} has no alarm")
        return first.order()


def _take_over(stays: OpenIncident, gone: OpenIncident) -> None:
    """What one incident knows beside its alarms goes to the one that takes it in."""
    known = {lift.combination for lift in stays.lifts}
    stays.lifts += [lift for lift in gone.lifts if lift.combination not in known]
    watched = {(point.chain, point.step, point.asset) for point in stays.watch_points}
    stays.watch_points += [
        point for point in gone.watch_points if (point.chain, point.step, point.asset) not in watched
    ]
    stays.chained += [pair for pair in gone.chained if pair not in stays.chained]
    stays.waiting += gone.waiting
    stays.grade = max(stays.grade, gone.grade)
    stays.told = stays.told or gone.told
    stays.by_hand = stays.by_hand or gone.by_hand
    if stays.quiet_ns is not None and gone.quiet_ns is not None:
        stays.quiet_ns = max(stays.quiet_ns, gone.quiet_ns)


def digest(*parts: str) -> str:
    return hashlib.sha256("\x1f".join(parts).encode()).hexdigest()[:20]
