"""Finds the open incidents that an alarm may belong to, without asking each."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import TypeAlias

from rules.incidents.geography import EARTH_RADIUS_M, Geography, Spot
from rules.incidents.members import Member, OpenIncident, Tally

Key: TypeAlias = tuple[str, str] | tuple[int, int]


class Index:
    """Members of open incidents by asset, by site, and by cells whose diagonal is the largest distance that is near."""

    def __init__(self, geography: Geography) -> None:
        self._geography = geography
        self._cell_m = max(geography.near_max_m, 1.0) / math.sqrt(2)
        self._where: dict[Key, dict[str, dict[str, Member]]] = {}

    def add(self, incident: str, member: Member) -> None:
        for key in self._keys(member.spot):
            self._where.setdefault(key, {}).setdefault(incident, {})[member.alarm_id] = member

    def remove(self, incident: str, member: Member) -> None:
        for key in self._keys(member.spot):
            by_incident = self._where[key]
            del by_incident[incident][member.alarm_id]
            if not by_incident[incident]:
                del by_incident[incident]
            if not by_incident:
                del self._where[key]

    def related(
        self, spot: Spot, time_ns: int, incidents: Mapping[str, OpenIncident], tallies: Mapping[str, Tally]
    ) -> set[str]:
        """Incidents that have an alarm to which one at this spot and event time is related.

        Args:
            spot: of the alarm.
            time_ns: its event time.
            incidents: that are open.
            tallies: theirs.

        """
        found: set[str] = set()
        ruled_out: set[str] = set()
        window_ns = self._geography.window_max_ns
        for key in self._asked(spot):
            for name, members in self._where.get(key, {}).items():
                if name in found or name in ruled_out:
                    continue
                if name not in incidents or not _may_reach(tallies[name], time_ns, window_ns):
                    ruled_out.add(name)
                elif any(
                    member.reaches(time_ns, spot.window_ns) and self._geography.are_related(spot, member.spot)
                    for member in reversed(members.values())  # the newest ones are the likeliest
                ):
                    found.add(name)
        return found

    def _keys(self, spot: Spot) -> Iterator[Key]:
        yield ("asset", spot.asset)
        if spot.site:
            yield ("site", spot.site)
            if not spot.is_own:
                yield ("site without a place", spot.site)
        if spot.position.lat is not None and spot.position.lon is not None:
            row = self._row(spot.position.lat)
            yield (row, self._column(row, spot.position.lon))

    def _asked(self, spot: Spot) -> Iterator[Key]:
        for asset in self._geography.ways(spot.asset):
            yield ("asset", asset)
        if spot.site:
            yield ("site without a place" if spot.is_own else "site", spot.site)
        if spot.position.lat is not None and spot.position.lon is not None:
            middle = self._row(spot.position.lat)
            for row in range(middle - 2, middle + 3):
                column = self._column(row, spot.position.lon)
                for beside in range(column - 2, column + 3):
                    yield (row, beside)

    def _row(self, lat: float) -> int:
        return math.floor(math.radians(lat) * EARTH_RADIUS_M / self._cell_m)

    def _column(self, row: int, lon: float) -> int:
        lat = (row + 0.5) * self._cell_m / EARTH_RADIUS_M
        return math.floor(math.radians(lon) * EARTH_RADIUS_M * math.cos(lat) / self._cell_m)


def _may_reach(tally: Tally, time_ns: int, window_ns: int) -> bool:
    """Quick, and never wrongly no."""
    first = tally.first
    if first is None or time_ns < first.start_ns - window_ns:
        return False
    return tally.lasting > 0 or time_ns <= tally.until_ns + window_ns
