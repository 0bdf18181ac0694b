"""Grouping told slowly and obviously: all alarms so far, compared each with each, again and again."""

from __future__ import annotations

import math
from dataclasses import dataclass

EARTH_M = 6_371_008.8


@dataclass(frozen=True)
class NaiveAlarm:
    """An alarm that is never over: ``place`` is (lat, lon) of its sensor, or None."""

    name: str
    asset: str
    site: str
    place: tuple[float, float] | None
    site_place: tuple[float, float] | None
    time_s: float
    on: bool = True
    until_s: float = 0.0


@dataclass(frozen=True)
class NaiveGraph:
    links: dict[frozenset[str], float]  # two assets -> m
    linked_m: float
    links_max: int
    near_m: float
    window_s: float

    def way_m(self, a: str, b: str) -> float:
        """The shortest way of at most so many links, by trying them all."""
        return min(self._ways(a, b, self.links_max), default=math.inf)

    def _ways(self, a: str, b: str, links: int) -> list[float]:
        if a == b:
            return [0.0]
        if links == 0:
            return []
        found = []
        for pair, length in self.links.items():
            if a in pair:
                other = next(iter(pair - {a}))
                found += [length + rest for rest in self._ways(other, b, links - 1)]
        return found

    def by_place(self, a: NaiveAlarm, b: NaiveAlarm) -> bool:
        if self.way_m(a.asset, b.asset) <= self.linked_m:
            return True
        if (a.place is None or b.place is None) and a.site == b.site:
            return True
        one, other = a.place or a.site_place, b.place or b.site_place
        return one is not None and other is not None and apart_m(one, other) <= self.near_m

    def by_time(self, old: NaiveAlarm, new: NaiveAlarm) -> bool:
        if new.time_s < old.time_s - self.window_s:
            return False
        return old.on or new.time_s <= max(old.time_s, old.until_s) + self.window_s


def apart_m(a: tuple[float, float], b: tuple[float, float]) -> float:
    """By the angle between two unit vectors."""
    one, other = _vector(a), _vector(b)
    cross = (
        one[1] * other[2] - one[2] * other[1],
        one[2] * other[0] - one[0] * other[2],
        one[0] * other[1] - one[1] * other[0],
    )
    dot = sum(p * q for p, q in zip(one, other, strict=True))
    return EARTH_M * math.atan2(math.sqrt(sum(c * c for c in cross)), dot)


def _vector(place: tuple[float, float]) -> tuple[float, float, float]:
    lat, lon = math.radians(place[0]), math.radians(place[1])
    return math.cos(lat) * math.cos(lon), math.cos(lat) * math.sin(lon), math.sin(lat)


def groups(graph: NaiveGraph, arrived: list[NaiveAlarm]) -> set[frozenset[str]]:
    """Everything that hangs together, directly or through others."""
    left = {alarm.name: alarm for alarm in arrived}
    at = {alarm.name: number for number, alarm in enumerate(arrived)}
    found = set()
    while left:
        group = {left.popitem()[0]}
        while True:
            more = {
                name
                for name in left
                for member in group
                for old, new in [sorted([name, member], key=at.__getitem__)]
                if graph.by_place(arrived[at[old]], arrived[at[new]])
                and graph.by_time(arrived[at[old]], arrived[at[new]])
            }
            if not more:
                break
            group |= more
            for name in more:
                del left[name]
        found.add(frozenset(group))
    return found
