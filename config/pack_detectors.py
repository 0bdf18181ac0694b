"""Detectors of a pack: parameters that fit, kinds that they can look at, and what conditions may then speak of."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from pydantic import Field

from config.findings import NOTHING, Findings
from config.shape import Shape
from config.yaml_file import Document
from detectors import AnyAssetDetector, AnyDetector
from detectors.declaration import ParameterError
from detectors.general.change import Change
from detectors.general.cusum import Cusum
from detectors.general.flatline import Flatline
from detectors.general.rarity import Rarity
from detectors.general.rate import Rate
from detectors.general.seasonal import Seasonal
from detectors.general.silence import Silence
from detectors.general.spectrum import Spectrum
from detectors.general.tail import CAP
from detectors.parameters import build, build_for_assets
from model.detector import Confirming, Learning, operand_units
from model.errors import Place
from model.plan import DetectorSpec, Parameter
from model.sensor import Kind

#: A slope needs two readings: the window of a rate spans at least so many scan periods.
WINDOW_PERIODS_MIN = 2.0


class DetectorShape(Shape):
    detector: str
    kinds: list[str] = Field(min_length=1)
    assets: list[str] = Field(default=[], description="Kinds of assets, for a detector on whole assets.")
    parameters: dict[str, float | int | str | bool | None] = Field(default={})


@dataclass(frozen=True, slots=True)
class BoundDetector:
    """What a condition needs to know about a detector."""

    id: str
    kinds: frozenset[str]
    score_unit: Callable[[str], str]
    score_low: float = -math.inf  # the score is never below this
    score_high: float = math.inf  # and never above this
    by_time: bool = False  # it scores the passing of time, so that a reading says nothing to it but "I am here"
    assets: frozenset[str] = frozenset()  # given = it scores whole assets
    operands: Mapping[str, str] = field(default_factory=dict)  # of a detector on assets: what may be named -> unit
    every_s: float = 0.0  # its grid
    learns: bool = False  # a normal, of which conditions may ask how it stands
    confirms: bool = False  # rules on single sensors may yield to it


def read_detector(
    document: Document, name: str, shape: DetectorShape, kinds: Mapping[str, Kind], findings: Findings
) -> tuple[DetectorSpec, BoundDetector] | None:
    """Read one detector whose kinds exist; None when it cannot be used."""
    parameters: dict[str, Parameter] = dict(shape.parameters)
    spec = DetectorSpec(name, shape.detector, tuple(shape.kinds), parameters, tuple(shape.assets))
    try:
        if shape.assets:
            return spec, _of_assets(spec, build_for_assets(shape.detector, parameters), kinds)
        detector = build(shape.detector, parameters)
    except ParameterError as error:
        inside = ("parameters", error.parameter) if error.parameter else ("detector",)
        given = NOTHING if error.given is None else error.given
        findings.error(document.place("detectors", name, *inside), error.requirement, given)
        return None
    by_time = isinstance(detector, Silence)
    if isinstance(detector, Silence | Flatline):
        _refuse_kinds_on_change(document, name, shape, kinds, findings)
    if isinstance(detector, Rate):
        own = [kinds[kind] for kind in shape.kinds if kind in kinds]
        _warn_of_short_window(document.place("detectors", name, "parameters", "window_s"), detector, own, findings)
    return spec, BoundDetector(
        name,
        frozenset(shape.kinds),
        detector.score_unit,
        *_score_range(detector),
        by_time,
        learns=isinstance(detector, Learning),
    )


def _of_assets(spec: DetectorSpec, detector: AnyAssetDetector, kinds: Mapping[str, Kind]) -> BoundDetector:
    units = {kinds[kind].unit for kind in spec.kinds if kind in kinds}
    unit = units.pop() if len(units) == 1 else ""
    return BoundDetector(
        spec.id,
        frozenset(spec.kinds),
        lambda _: unit,
        assets=frozenset(spec.assets),
        operands=operand_units(spec.id, detector.units(unit)),
        every_s=detector.every_s,
        confirms=isinstance(detector, Confirming),
    )


def _refuse_kinds_on_change(
    document: Document, name: str, shape: DetectorShape, kinds: Mapping[str, Kind], findings: Findings
) -> None:
    """A sensor that reports changes only is silent, and flat, while all is well."""
    for at, kind in enumerate(shape.kinds):
        if kind in kinds and kinds[kind].on_change:
            place = document.place("detectors", name, "kinds", at)
            requirement = (
                f"must be a kind whose sensors report regularly, for {shape.detector} watches for the opposite"
            )
            findings.error(place, requirement, kind)


def _score_range(detector: AnyDetector) -> tuple[float, float]:
    """Least and largest score that there can be."""
    if isinstance(detector, Cusum):
        return 0.0, detector.cap_sigma
    if isinstance(detector, Rarity | Seasonal):
        return 0.0, CAP
    return (0.0 if isinstance(detector, Change | Flatline | Silence | Spectrum) else -math.inf), math.inf


def _warn_of_short_window(place: Place, detector: Rate, kinds: Sequence[Kind], findings: Findings) -> None:
    """A slope needs readings in its window; with fewer the detector abstains for ever, which looks like warming up."""
    for kind in kinds:
        least_s = WINDOW_PERIODS_MIN * kind.period_s
        if detector.window_s < least_s:
            requirement = f"should be at least {least_s:g} s, two scan periods of kind {kind.id}, to see a slope"
            findings.warn(place, requirement, detector.window_s)
