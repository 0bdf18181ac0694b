"""Once a second: what an incident's alarms mean together. Combinations, parents, and what may follow."""

from __future__ import annotations

from dataclasses import dataclass

from model.incident import IncidentChange, IncidentEvent, Lift
from model.incident_plan import IncidentPlan
from rules.incidents.consequences import new_watch_points
from rules.incidents.groups import Groups
from rules.incidents.members import Member, OpenIncident
from rules.incidents.worse import Readings, combined, folded


@dataclass(frozen=True, slots=True)
class Look:
    """Looks with one plan's declarations; alarms that none of them names are passed over."""

    plan: IncidentPlan
    rules: frozenset[str]
    kinds: frozenset[str]

    @classmethod
    def of(cls, plan: IncidentPlan) -> Look:
        terms = [term for one in plan.combinations for term in one.terms]
        rules = {rule for term in terms for rule in term.rules}
        rules |= {rule for one in plan.explains for rule in (*one.rules, *one.children)}
        rules |= {rule for chain in plan.chains for rule in chain.rules}
        return cls(plan, frozenset(rules), frozenset(kind for term in terms for kind in term.kinds))

    def again(self, groups: Groups, offset: int, at_ns: int, readings: Readings) -> list[IncidentEvent]:
        """Look at the incidents to which something happened, and at those that wait for a reading.

        Args:
            groups: the open incidents; changed in place.
            offset: of the tick.
            at_ns: its wall time.
            readings: what sensors read now.

        """
        events: list[IncidentEvent] = []
        if not (self.rules or self.kinds):
            return events
        for one in list(groups.open.values()):
            if one.touched:
                named = sorted(
                    (member for member in one.members.values() if self._is_named(groups, member)), key=Member.order
                )  # the order in which they came in is lost in a snapshot
                one.touched = False
                if named:
                    events += self._look_at(groups, one, named, offset, at_ns, readings)
        return events

    def _is_named(self, groups: Groups, member: Member) -> bool:
        return member.rule in self.rules or (bool(self.kinds) and groups.geography.kind_of(member.tag) in self.kinds)

    def _look_at(
        self, groups: Groups, one: OpenIncident, named: list[Member], offset: int, at_ns: int, readings: Readings
    ) -> list[IncidentEvent]:
        events: list[IncidentEvent] = []
        known = {lift.combination for lift in one.lifts}
        for combination in self.plan.combinations:
            if combination.id in known:
                continue
            holds, waits = combined(combination, named, groups.geography, readings)
            one.touched = one.touched or waits
            if holds:
                before, one.grade = one.grade, max(one.grade, combination.grade)
                one.lifts.append(Lift(combination.id, combination.grade, at_ns))
                upgraded, lifted_by = IncidentChange.UPGRADED, combination.id
                events.append(
                    groups.tell(one, upgraded, offset, at_ns, previous=before, tells=True, combination=lifted_by)
                )
        one.folded = len(folded(self.plan.explains, named, groups.geography))
        points = new_watch_points(one, named, self.plan.chains, groups.geography, at_ns)
        if points:
            groups.watch(one, points)
            watch = IncidentChange.WATCH_POINT
            events.append(groups.tell(one, watch, offset, at_ns, tells=True, watch_points=points))
        return events
