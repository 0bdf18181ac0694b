"""What is worse together: combinations that lift an incident's grade, and parents that explain their children."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from typing import TypeAlias

from model.incident_plan import At, Combination, Explains, Term
from rules.incidents.geography import Geography
from rules.incidents.members import Member

#: (kind of sensor, asset) -> what its sensors there read last, those that are good and not too old.
Readings: TypeAlias = Callable[[str, str], Sequence[float]]

_NS = 1_000_000_000


def combined(
    combination: Combination, members: Iterable[Member], geography: Geography, readings: Readings
) -> tuple[bool, bool]:
    """Whether all terms hold at one place.

    Args:
        combination: that is looked for.
        members: of the incident.
        geography: of the plan in force.
        readings: what sensors read now.

    Returns:
        whether it is so, and whether readings alone may still make it so.

    """
    counting = _counting(members, round(combination.within_s * _NS))
    of_alarms = [term for term in combination.terms if term.rules or term.kinds]
    others = [term for term in combination.terms if not (term.rules or term.kinds)]
    waits = False
    for assets, there in _places(combination.at, counting, geography):
        if not all(any(_is_of(term, member, geography) for member in there) for term in of_alarms):
            continue
        if all(any(_says(term, asset, geography, readings) for asset in assets) for term in others):
            return True, False
        waits = waits or any(term.reading for term in others)
    return False, waits


def _counting(members: Iterable[Member], within_ns: int) -> list[Member]:
    """Alarms that are on, or that ended a short time before the newest one began."""
    all_of_them = list(members)
    newest_ns = max((member.start_ns for member in all_of_them), default=0)
    return [
        member for member in all_of_them if member.on or max(member.until_ns, member.start_ns) + within_ns >= newest_ns
    ]


def _places(at: At, members: Sequence[Member], geography: Geography) -> list[tuple[Collection[str], list[Member]]]:
    """Places at which a combination may hold: the assets there, and the alarms."""
    if at is At.INCIDENT:
        return [({member.asset for member in members}, list(members))]
    found: dict[str, list[Member]] = {}
    for member in members:
        found.setdefault(member.spot.site if at is At.SITE else member.asset, []).append(member)
    return [(geography.assets_of(name) if at is At.SITE else [name], there) for name, there in found.items()]


def _is_of(term: Term, member: Member, geography: Geography) -> bool:
    is_one = member.rule in term.rules or geography.kind_of(member.tag) in term.kinds
    return is_one and member.grade >= term.grade


def _says(term: Term, asset: str, geography: Geography, readings: Readings) -> bool:
    if term.attribute:
        known = geography.assets.get(asset)
        value = known.attributes.get(term.attribute) if known else None
        return value is not None and _is_within(term, value)
    return any(_is_within(term, value) for value in readings(term.reading, asset))


def _is_within(term: Term, value: float) -> bool:
    return (term.at_least is None or value >= term.at_least) and (term.at_most is None or value <= term.at_most)


def folded(declared: Sequence[Explains], members: Iterable[Member], geography: Geography) -> set[str]:
    """Ids of alarms that others explain. What is orange or red is none of them unless it is declared."""
    all_of_them = list(members)
    found: set[str] = set()
    for one in declared:
        parents = [member for member in all_of_them if member.rule in one.rules and member.is_open]
        if not parents:
            continue
        assets = {parent.asset for parent in parents}
        sites = {parent.spot.site for parent in parents}
        if one.at is At.LINKED:
            assets |= {to for asset in assets for to in geography.reached(asset, one.relations)}
        found |= {
            member.alarm_id
            for member in all_of_them
            if member.rule in one.children
            and member.grade <= one.up_to
            and (
                one.at is At.INCIDENT
                or member.asset in assets
                or (one.at is At.SITE and member.spot.site in sites and member.spot.site)
            )
        }
        found -= {parent.alarm_id for parent in parents}
    return found
