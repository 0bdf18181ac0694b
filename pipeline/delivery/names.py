"""What sensors, assets, sites and rules are called, also those that the plan in force knows no more.

An alarm outlives its sensor and its rule; whom it concerns must not be forgotten with them. Then the newest plan that
knew them counts. Plans are read when they are needed, one at a time, and only so many names are kept.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Generic, TypeVar

from model.plan import Plan, RuleSpec
from model.sensor import Asset, Sensor, Site
from pipeline.process.self_watch import SYSTEM, SYSTEM_RULES

#: Names of each sort that the plan in force does not know; more push out the oldest.
KEPT_MAX = 10_000

Earlier = Callable[[], Iterable[Plan]]

T = TypeVar("T")


class _Sort(Generic[T]):
    """Names of one sort: those in force, and those remembered of earlier plans (None = no plan knew it)."""

    def __init__(self, of: Callable[[Plan], Mapping[str, T]], plan: Plan) -> None:
        self.of = of
        self.in_force = of(plan)
        self.remembered: dict[str, T | None] = {}

    def remember(self, name: str, what: T | None) -> None:
        if name not in self.remembered and len(self.remembered) >= KEPT_MAX:
            del self.remembered[next(iter(self.remembered))]
        self.remembered[name] = what

    def take_over(self, plan: Plan) -> None:
        """Remember what the plan in force lost, as far as there is room: it is likely to be asked for next."""
        for name, what in self.of(plan).items():
            if len(self.remembered) >= KEPT_MAX:
                return
            if name not in self.in_force and name not in self.remembered:
                self.remembered[name] = what


class Names:
    """Of the plan in force, and behind it of the earlier ones, newest first."""

    def __init__(self, plan: Plan, earlier: Earlier) -> None:
        self._earlier = earlier
        self._sensors = _Sort(lambda plan: {sensor.tag: sensor for sensor in plan.sensors}, plan)
        self._assets = _Sort(lambda plan: {asset.id: asset for asset in plan.assets}, plan)
        self._sites = _Sort(lambda plan: {site.id: site for site in plan.sites}, plan)
        self._rules = _Sort(lambda plan: {rule.id: rule for rule in (*plan.rules, *SYSTEM_RULES)}, plan)

    def sensor(self, tag: str) -> Sensor | None:
        return self._find(self._sensors, tag)

    def asset(self, asset: str) -> Asset | None:
        return self._find(self._assets, asset)

    def site(self, site: str) -> Site | None:
        return self._find(self._sites, site)

    def rule(self, rule: str) -> RuleSpec | None:
        return self._find(self._rules, rule)

    def _find(self, sort: _Sort[T], name: str) -> T | None:
        if name in sort.in_force:
            return sort.in_force[name]
        if name == SYSTEM or name.startswith(f"{SYSTEM}:"):
            return None
        if name not in sort.remembered:
            sort.remember(name, self._look_back(sort, name))
        return sort.remembered[name]

    def _look_back(self, sort: _Sort[T], name: str) -> T | None:
        for plan in self._earlier():
            for each in (self._sensors, self._assets, self._sites, self._rules):
                each.take_over(plan)
            found = sort.of(plan).get(name)
            if found is not None:
                return found
        return None
