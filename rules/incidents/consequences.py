"""Where declared chains may go on: watch points on the assets around an alarm (次生衍生)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from model.incident import WatchPoint
from model.incident_plan import Chain, ChainStep
from rules.incidents.geography import Geography
from rules.incidents.members import Member, OpenIncident

#: So many watch points one incident has at most, the nearest ones of each alarm first.
WATCH_POINTS_MAX = 50


def new_watch_points(
    one: OpenIncident, members: Iterable[Member], chains: Iterable[Chain], geography: Geography, now_ns: int
) -> list[WatchPoint]:
    """Watch points that alarms of the incident raise and that it does not have yet.

    Args:
        one: remembers which alarms' assets were looked at.
        members: alarms of it that may begin a chain.
        chains: that are declared.
        geography: of the plan in force.
        now_ns: wall time.

    """
    known = {(point.chain, point.step, point.asset) for point in one.watch_points}
    found: list[WatchPoint] = []
    begin = list(members)
    for chain in chains:
        for member in begin:
            room = WATCH_POINTS_MAX - len(known)
            if room <= 0:
                return found
            if not _begins(chain, member) or (chain.id, member.asset) in one.chained:
                continue
            one.chained.append((chain.id, member.asset))
            for point in _points(chain, member.asset, geography, now_ns):
                key = (point.chain, point.step, point.asset)
                if key not in known and room > 0:
                    known.add(key)
                    found.append(point)
                    room -= 1
    return found


def _begins(chain: Chain, member: Member) -> bool:
    return member.rule in chain.rules and member.grade >= chain.grade and member.is_open


def _points(chain: Chain, asset: str, geography: Geography, now_ns: int) -> Iterator[WatchPoint]:
    for number, step in enumerate(chain.steps):
        around = _around(step, asset, geography)
        for name, distance_m in sorted(around.items(), key=lambda item: (item[1], item[0])):
            yield WatchPoint(chain.id, number, name, now_ns, distance_m)


def _around(step: ChainStep, asset: str, geography: Geography) -> dict[str, float]:
    found = geography.reached(asset, step.relations)
    if step.near_m > 0:
        for name, distance_m in geography.near(asset, step.near_m).items():
            found[name] = min(distance_m, found.get(name, distance_m))
    if step.here:
        found[asset] = 0.0
    return found
