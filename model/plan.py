"""A configuration version: everything that decides how readings are judged, resolved and in one piece."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from model.alarm import Grade
from model.sensor import Asset, Enterprise, GridCell, Kind, Sensor, Site
from model.text import Text

Parameter: TypeAlias = float | int | str | bool | None


@dataclass(frozen=True, slots=True)
class DetectorSpec:
    """One configured detector. Its ``id`` is the operand by which conditions name its score."""

    id: str
    detector: str  # name in detectors.DETECTORS, or in detectors.ASSET_DETECTORS
    kinds: tuple[str, ...]  # of a detector on assets: the kinds of the asset's sensors that it looks at
    parameters: dict[str, Parameter]
    assets: tuple[str, ...] = ()  # Asset.kind; given = it scores whole assets


@dataclass(frozen=True, slots=True)
class Advice:
    """Response card of one grade."""

    grade: Grade
    text: Text


@dataclass(frozen=True, slots=True)
class GradeSpec:
    """When one colour of a rule is on."""

    grade: Grade
    when: str  # condition; numbers may carry units
    on_delay_s: float = 0.0
    off_delay_s: float = 0.0
    deadband: float = 0.0  # unit of the condition's operand


@dataclass(frozen=True, slots=True)
class RuleSpec:
    id: str
    name: Text
    kinds: tuple[str, ...]
    grades: tuple[GradeSpec, ...]  # rising grade
    source: Text  # clause of the standard that the thresholds come from
    latching: bool = False
    advice: tuple[Advice, ...] = ()
    assets: tuple[str, ...] = ()  # Asset.kind; given = it judges whole assets, and has no kinds
    yields_to: tuple[str, ...] = ()  # DetectorSpec.id, on assets: it begins nothing on sensors that these can confirm
    diagnostic: bool = False  # about the instrument, not about what it measures (IEC 62682)


@dataclass(frozen=True, slots=True)
class Plan:
    """All of it. ``version`` is a hash of the content, so equal plans have equal versions."""

    version: str
    enterprises: tuple[Enterprise, ...]
    grid_cells: tuple[GridCell, ...]
    sites: tuple[Site, ...]
    assets: tuple[Asset, ...]
    kinds: tuple[Kind, ...]
    sensors: tuple[Sensor, ...]  # their order gives Batch.sensor
    detectors: tuple[DetectorSpec, ...]
    rules: tuple[RuleSpec, ...]
