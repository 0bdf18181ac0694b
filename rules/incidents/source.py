"""Where an incident probably comes from, and how far that may be off."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from model.incident import Certainty, ProbableSource
from model.sensor import Position
from rules.incidents.geography import Spot, distance_m


@dataclass(frozen=True, slots=True)
class Estimate:
    """A place that a detector on a whole asset found."""

    position: Position  # along_m alone on a line, lat and lon in the open
    error_m: float  # two deviations


class Spread:
    """How far the places of alarms lie apart: a box in space, and a stretch on each line."""

    def __init__(self) -> None:
        self.low = [math.inf, math.inf]
        self.high = [-math.inf, -math.inf]
        self.along: dict[str, tuple[float, float]] = {}

    def add(self, asset: str, spot: Spot) -> None:
        place = spot.position
        if place.lat is not None and place.lon is not None:
            self.low = [min(self.low[0], place.lat), min(self.low[1], place.lon)]
            self.high = [max(self.high[0], place.lat), max(self.high[1], place.lon)]
        if place.along_m is not None:
            low, high = self.along.get(asset, (math.inf, -math.inf))
            self.along[asset] = (min(low, place.along_m), max(high, place.along_m))

    def from_place(self, asset: str, place: Position) -> float | None:
        """How far from there the others may be; None where no place is known."""
        found = []
        if place.lat is not None and place.lon is not None:
            corners = [(lat, lon) for lat in (self.low[0], self.high[0]) for lon in (self.low[1], self.high[1])]
            found += [distance_m(place, Position(lat, lon)) or 0.0 for lat, lon in corners]
        if place.along_m is not None and asset in self.along:
            found += [abs(end - place.along_m) for end in self.along[asset]]
        return max(found, default=None)


def estimate_of(scores: Mapping[str, float]) -> Estimate | None:
    """The place among an alarm's scores; None where its detector found none."""
    named = {name.rpartition(".")[2]: value for name, value in scores.items() if "." in name}
    error_m = named.get("position_error_m", math.nan)
    if not (math.isfinite(error_m) and error_m > 0):
        return None
    if math.isfinite(named.get("position_m", math.nan)):
        return Estimate(Position(along_m=named["position_m"]), error_m)
    if math.isfinite(named.get("lat", math.nan)) and math.isfinite(named.get("lon", math.nan)):
        return Estimate(Position(named["lat"], named["lon"]), error_m)
    return None


@dataclass(slots=True)
class _Sum:
    """Estimates of one asset, weighed by their precision."""

    tag: str
    all: list[Estimate] = field(default_factory=list)

    def least_m(self) -> float:
        return min(one.error_m for one in self.all)

    def result(self) -> Estimate:
        """Return their weighted mean.

        They rest on the same readings, so that many are no surer than the best; where they lie apart, the error is as
        large as that.
        """
        weights = [1.0 / one.error_m**2 for one in self.all]
        whole = math.fsum(weights)

        def mean(values: list[float]) -> float:
            return math.fsum(w * v for w, v in zip(weights, values, strict=True)) / whole

        if self.all[0].position.along_m is not None:
            along = [one.position.along_m or 0.0 for one in self.all]
            place = Position(along_m=mean(along))
            apart = [abs(one - (place.along_m or 0.0)) for one in along]
        else:
            lat, lon = (mean([getattr(one.position, name) for one in self.all]) for name in ("lat", "lon"))
            place = Position(lat, lon)
            apart = [distance_m(one.position, place) or 0.0 for one in self.all]
        return Estimate(place, max(self.least_m(), *apart))


def probable_source(
    found: Sequence[tuple[str, str, Estimate]],
    first_asset: str,
    first_tag: str,
    first_place: Position,
    spread: Spread,
    *,
    is_alone: bool,
) -> ProbableSource:
    """Where it comes from: where detectors say, else where it showed first.

    Args:
        found: asset, tag and place of the alarms whose detectors found one.
        first_asset: of the first-out.
        first_tag: of the first-out.
        first_place: of the first-out.
        spread: of all its alarms.
        is_alone: the first-out is all there is.

    """
    sums: dict[tuple[str, bool], _Sum] = {}
    for asset, tag, estimate in found:
        on_line = estimate.position.along_m is not None
        sums.setdefault((asset, on_line), _Sum(tag)).all.append(estimate)
    if sums:
        (asset, _), best = min(sums.items(), key=lambda item: (item[1].least_m(), item[0]))
        result = best.result()
        return ProbableSource(Certainty.LOCATED, asset, best.tag, result.position, result.error_m)
    if is_alone:
        return ProbableSource(Certainty.ONLY_FIRST, first_asset, first_tag, first_place, None)
    error_m = spread.from_place(first_asset, first_place)
    return ProbableSource(Certainty.NEAR_FIRST, first_asset, first_tag, first_place, error_m)
