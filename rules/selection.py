"""Which sensors and assets of a plan a choice means."""

from __future__ import annotations

import fnmatch
import re
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cached_property, lru_cache

from model.override import Where
from model.plan import Plan
from model.sensor import Asset, Site

_WILD = re.compile(r"[*?]")


def is_wild(pattern: str) -> bool:
    return _WILD.search(pattern) is not None


@lru_cache(maxsize=4096)
def _matcher(pattern: str) -> Callable[[str], object]:
    """Only ``*`` and ``?`` mean more than themselves."""
    return re.compile(fnmatch.translate(pattern.replace("[", "[[]"))).match


def fits(name: str, patterns: Iterable[str]) -> bool:
    """Whether a name is one of those that are meant."""
    return any(_matcher(pattern)(name) if is_wild(pattern) else pattern == name for pattern in patterns)


class Selection:
    """Looks things up in the registry of one plan; what is asked for is indexed when it is first needed."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._sites = {site.id: site for site in plan.sites}
        self._assets = {asset.id: asset for asset in plan.assets}

    def sensors(self, where: Where) -> list[int]:
        """Places in the plan's sensors, rising."""
        some = self._candidates(where)
        return [index for index in some if self._sensor_fits(index, where)]

    def assets(self, where: Where) -> list[int]:
        """Places in the plan's assets, rising."""
        return [
            index
            for index, asset in enumerate(self._plan.assets)
            if self._asset_fits(asset, where) and _labels_fit(self.labels_of_asset(asset), where)
        ]

    @cached_property
    def sensor_kinds(self) -> list[str]:
        return [sensor.kind for sensor in self._plan.sensors]

    @cached_property
    def asset_kinds(self) -> list[str]:
        return [asset.kind for asset in self._plan.assets]

    def labels_of_asset(self, asset: Asset) -> dict[str, str]:
        """Its site's and its own."""
        site = self._sites.get(asset.site)
        return dict(site.labels if site is not None else ()) | dict(asset.labels)

    def labels_of_sensor(self, index: int) -> dict[str, str]:
        """Its site's, its asset's and its own."""
        sensor = self._plan.sensors[index]
        asset = self._assets.get(sensor.asset)
        return (self.labels_of_asset(asset) if asset is not None else {}) | dict(sensor.labels)

    @cached_property
    def label_values(self) -> dict[str, set[str]]:
        """Every label that anything has, and its values."""
        found: defaultdict[str, set[str]] = defaultdict(set)
        for things in (self._plan.sites, self._plan.assets, self._plan.sensors):
            for thing in things:
                for key, value in thing.labels:
                    found[key].add(value)
        return dict(found)

    def _sensor_fits(self, index: int, where: Where) -> bool:
        sensor = self._plan.sensors[index]
        if where.tags and not fits(sensor.tag, where.tags):
            return False
        if where.assets or where.sites or where.enterprises or where.grid_cells:
            asset = self._assets.get(sensor.asset)
            if asset is None or not self._asset_fits(asset, where):
                return False
        return not where.labels or _labels_fit(self._labels[index], where)

    def _asset_fits(self, asset: Asset, where: Where) -> bool:
        if where.assets and not fits(asset.id, where.assets):
            return False
        if not (where.sites or where.enterprises or where.grid_cells):
            return True
        site = self._sites.get(asset.site)
        return site is not None and _site_fits(site, where)

    def _candidates(self, where: Where) -> Sequence[int]:
        """Few sensors that hold all that fit."""
        if where.tags:
            return self._tagged(where.tags)
        if where.assets and not any(map(is_wild, where.assets)):
            return sorted(index for asset in set(where.assets) for index in self._by_asset.get(asset, ()))
        if where.sites and not any(map(is_wild, where.sites)):
            named = [asset.id for asset in self._plan.assets if asset.site in where.sites]
            return sorted(index for asset in named for index in self._by_asset.get(asset, ()))
        for key, values in where.labels:
            if not any(map(is_wild, values)):
                return sorted(index for value in set(values) for index in self._by_label.get((key, value), ()))
        return range(len(self._plan.sensors))

    def _tagged(self, patterns: Iterable[str]) -> list[int]:
        found: set[int] = set()
        names, places = self._by_tag
        for pattern in patterns:
            wild = _WILD.search(pattern)
            prefix = pattern if wild is None else pattern[: wild.start()]
            at = bisect_left(names, prefix)
            while at < len(names) and names[at].startswith(prefix):
                if fits(names[at], (pattern,)):
                    found.add(places[at])
                elif wild is None:
                    break
                at += 1
        return sorted(found)

    @cached_property
    def _by_tag(self) -> tuple[list[str], list[int]]:
        order = sorted(range(len(self._plan.sensors)), key=lambda index: self._plan.sensors[index].tag)
        return [self._plan.sensors[index].tag for index in order], order

    @cached_property
    def _by_asset(self) -> Mapping[str, list[int]]:
        found: defaultdict[str, list[int]] = defaultdict(list)
        for index, sensor in enumerate(self._plan.sensors):
            found[sensor.asset].append(index)
        return found

    @cached_property
    def _labels(self) -> list[dict[str, str]]:
        return [self.labels_of_sensor(index) for index in range(len(self._plan.sensors))]

    @cached_property
    def _by_label(self) -> Mapping[tuple[str, str], list[int]]:
        found: defaultdict[tuple[str, str], list[int]] = defaultdict(list)
        for index, labels in enumerate(self._labels):
            for pair in labels.items():
                found[pair].append(index)
        return found


def _site_fits(site: Site, where: Where) -> bool:
    return (
        (not where.sites or fits(site.id, where.sites))
        and (not where.enterprises or fits(site.enterprise, where.enterprises))
        and (not where.grid_cells or fits(site.grid_cell, where.grid_cells))
    )


def _labels_fit(labels: Mapping[str, str], where: Where) -> bool:
    return all(key in labels and fits(labels[key], values) for key, values in where.labels)
