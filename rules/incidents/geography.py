"""What is near what: by the asset graph, by site, and in space."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from model.incident_plan import IncidentPlan
from model.plan import Plan
from model.sensor import Position, Relation

EARTH_RADIUS_M = 6_371_008.8
_NS = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Spot:
    """Where an alarm is, and what is near for its kind."""

    asset: str
    site: str  # empty: none that is known
    position: Position  # of its sensor, else of its asset, else of its site
    is_own: bool  # the place is more than that of its site
    window_ns: int
    near_m: float


def distance_m(a: Position, b: Position) -> float | None:
    """Great-circle distance (haversine, mean radius of the Earth); None where one of them has no place."""
    if a.lat is None or a.lon is None or b.lat is None or b.lon is None:
        return None
    lat_a, lat_b = math.radians(a.lat), math.radians(b.lat)
    half = math.sin((lat_b - lat_a) / 2) ** 2
    half += math.cos(lat_a) * math.cos(lat_b) * math.sin(math.radians(b.lon - a.lon) / 2) ** 2
    return 2 * EARTH_RADIUS_M * math.asin(min(1.0, math.sqrt(half)))


def _is_place(position: Position) -> bool:
    return position.lat is not None and position.lon is not None


class Geography:
    """Of one plan. Ways along the graph are looked for when an alarm asks first, and kept."""

    def __init__(self, plan: Plan) -> None:
        self.plan: IncidentPlan = plan.incidents
        self.assets = {asset.id: asset for asset in plan.assets}
        self._sensors = {sensor.tag: sensor for sensor in plan.sensors}
        self._sites = {site.id: site for site in plan.sites}
        self.diagnostic = frozenset(rule.id for rule in plan.rules if rule.diagnostic)
        self._near = {one.kind: (round(one.window_s * _NS), one.near_m) for one in self.plan.by_kind}
        self._usual = (round(self.plan.window_s * _NS), self.plan.near_m)
        self.near_max_m = max([self.plan.near_m, *(one.near_m for one in self.plan.by_kind)])
        self.window_max_ns = max([self._usual[0], *(window for window, _ in self._near.values())])
        asked = {term.reading for one in self.plan.combinations for term in one.terms if term.reading}
        self._sensors_at: dict[tuple[str, str], list[int]] = {}
        for at, sensor in enumerate(plan.sensors):
            if sensor.kind in asked:
                self._sensors_at.setdefault((sensor.kind, sensor.asset), []).append(at)
        self._of_site: dict[str, list[str]] = {}
        for asset in plan.assets:
            self._of_site.setdefault(asset.site, []).append(asset.id)
        self._edges: dict[str, list[tuple[str, float]]] = {}
        for asset in plan.assets:
            for link in asset.links:
                length_m = link.distance_m or 0.0
                self._edges.setdefault(asset.id, []).append((link.to, length_m))
                self._edges.setdefault(link.to, []).append((asset.id, length_m))
        self._ways: dict[str, dict[str, float]] = {}
        self._towards = _towards(plan)
        placed = [(asset.id, self.spot(asset.id, "").position) for asset in plan.assets]
        self._placed = [name for name, place in placed if _is_place(place)]
        places = [(place.lat, place.lon) for _, place in placed if _is_place(place)]
        self._places = np.radians(np.array(places, np.float64).reshape(-1, 2))

    def spot(self, asset: str, tag: str) -> Spot:
        """Of an alarm: its sensor's own place, else its asset's, else its site's."""
        known, sensor = self.assets.get(asset), self._sensors.get(tag)
        kind = sensor.kind if sensor else known.kind if known else ""
        window_ns, near_m = self._near.get(kind, self._usual)
        site = self._sites.get(known.site) if known else None
        own = next((one.position for one in (sensor, known) if one is not None and _is_place(one.position)), None)
        place = own or (site.position if site and _is_place(site.position) else Position())
        along_m = sensor.position.along_m if sensor else None
        position = Position(place.lat, place.lon, along_m)
        return Spot(asset, site.id if site else "", position, own is not None, window_ns, near_m)

    def ways(self, asset: str) -> dict[str, float]:
        """Assets that are linked to this one, itself too, each with the length of the shortest way (m)."""
        found = self._ways.get(asset)
        if found is None:
            found = self._ways[asset] = self._look_round(asset)
        return found

    def kind_of(self, tag: str) -> str:
        """Of a sensor; empty: it is none."""
        sensor = self._sensors.get(tag)
        return sensor.kind if sensor else ""

    def sensors_at(self, kind: str, asset: str) -> list[int]:
        """Places among the plan's sensors, of kinds that combinations ask for."""
        return self._sensors_at.get((kind, asset), [])

    def assets_of(self, site: str) -> list[str]:
        return self._of_site.get(site, [])

    def are_related(self, a: Spot, b: Spot) -> bool:
        """Whether two alarms can belong together by where they are. The same both ways round."""
        if a.asset == b.asset or b.asset in self.ways(a.asset):
            return True
        if a.site == b.site != "" and not (a.is_own and b.is_own):
            return True
        apart_m = distance_m(a.position, b.position)
        return apart_m is not None and apart_m <= max(a.near_m, b.near_m)

    def reached(self, asset: str, relations: Iterable[Relation]) -> dict[str, float]:
        """Assets to which links of these relations lead from this one, with the length of the shortest way (m)."""
        wanted = frozenset(relations)
        found: dict[str, float] = {}
        now = {asset: 0.0}
        for _ in range(self.plan.links_max):
            further: dict[str, float] = {}
            for name, so_far_m in now.items():
                for relation, to, length_m in self._towards.get(name, ()):
                    whole_m = so_far_m + length_m
                    if (
                        relation in wanted
                        and to != asset
                        and whole_m < min(further.get(to, math.inf), found.get(to, math.inf))
                    ):
                        further[to] = whole_m
            found |= further
            now = further
        return found

    def near(self, asset: str, within_m: float) -> dict[str, float]:
        """Other assets whose places are within this distance of its place, each with its own."""
        place = self.spot(asset, "").position
        if place.lat is None or place.lon is None or not self._placed:
            return {}
        lat, lon = math.radians(place.lat), math.radians(place.lon)
        half = np.sin((self._places[:, 0] - lat) / 2) ** 2
        half += math.cos(lat) * np.cos(self._places[:, 0]) * np.sin((self._places[:, 1] - lon) / 2) ** 2
        apart_m = 2 * EARTH_RADIUS_M * np.arcsin(np.minimum(1.0, np.sqrt(half)))
        return {
            self._placed[at]: float(apart_m[at])
            for at in np.flatnonzero(apart_m <= within_m)
            if self._placed[at] != asset
        }

    def _look_round(self, asset: str) -> dict[str, float]:
        """Ways of at most ``links_max`` links and ``linked_m``: rounds of Bellman and Ford, so that both hold."""
        shortest, reached = {asset: 0.0}, {asset: 0.0}
        for _ in range(self.plan.links_max):
            further: dict[str, float] = {}
            for name, so_far_m in reached.items():
                for to, length_m in self._edges.get(name, ()):
                    whole_m = so_far_m + length_m
                    if whole_m <= self.plan.linked_m and whole_m < min(
                        further.get(to, math.inf), shortest.get(to, math.inf)
                    ):
                        further[to] = whole_m
            shortest |= further
            reached = further
        return shortest


_BACK = {
    Relation.UPSTREAM: Relation.DOWNSTREAM,
    Relation.DOWNSTREAM: Relation.UPSTREAM,
    Relation.SAME_ROOM: Relation.SAME_ROOM,
    Relation.SAME_SPACE: Relation.SAME_SPACE,
}


def _towards(plan: Plan) -> dict[str, list[tuple[Relation, str, float]]]:
    """What each asset is linked to, also by links that stand at the other one."""
    found: dict[str, list[tuple[Relation, str, float]]] = {}
    for asset in plan.assets:
        for link in asset.links:
            length_m = link.distance_m or 0.0
            found.setdefault(asset.id, []).append((link.relation, link.to, length_m))
            if link.relation in _BACK:
                found.setdefault(link.to, []).append((_BACK[link.relation], asset.id, length_m))
    return found
