"""The registry: who owns which site, what stands there, and which sensor measures what."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from model.batch import BAD, GOOD, UNCERTAIN
from model.override import Labels
from model.text import Text


@dataclass(frozen=True, slots=True)
class Position:
    """WGS 84 degrees; ``along_m`` is the distance along a line asset, from its start."""

    lat: float | None = None
    lon: float | None = None
    along_m: float | None = None


@dataclass(frozen=True, slots=True)
class Enterprise:
    id: str
    name: Text
    contact: str = ""


@dataclass(frozen=True, slots=True)
class GridCell:
    """A cell of the district's grid management (网格)."""

    id: str
    name: Text


@dataclass(frozen=True, slots=True)
class Site:
    id: str
    name: Text
    enterprise: str  # Enterprise.id
    grid_cell: str  # GridCell.id
    position: Position = Position()
    labels: Labels = ()


class Relation(StrEnum):
    """What another asset is to this one."""

    UPSTREAM = "upstream"  # what flows comes from there
    DOWNSTREAM = "downstream"
    SAME_ROOM = "same_room"
    SAME_SPACE = "same_space"  # one well, one gallery, one underground space: gas and water pass
    FEEDS = "feeds"  # this one supplies that one
    POWERS = "powers"  # this one gives that one electricity


@dataclass(frozen=True, slots=True)
class Link:
    """One edge of the asset graph; it counts both ways."""

    relation: Relation
    to: str  # Asset.id
    distance_m: float | None = None  # along the link; None: not known, counts as none


@dataclass(frozen=True, slots=True)
class Asset:
    """A thing that can fail: a pipeline, a room, a regulator box. It is the unit of partitioning."""

    id: str
    name: Text
    site: str  # Site.id
    kind: str = ""  # what detectors and rules on whole assets go by; empty = none looks at it
    attributes: dict[str, float] = field(default_factory=dict)  # SI, such as wave_speed_m_s
    labels: Labels = ()
    position: Position = Position()
    links: tuple[Link, ...] = ()


class Beyond(StrEnum):
    """What a value outside the physical range is taken for.

    ``BAD``: the sensor is broken, the value says nothing. ``UNCERTAIN``: the quantity may really be off the
    scale (gas above full scale), so the value still raises alarms but never clears one.
    """

    BAD = "bad"
    UNCERTAIN = "uncertain"

    @property
    def quality(self) -> int:
        return BAD if self is Beyond.BAD else UNCERTAIN


def range_quality(
    value: NDArray[np.float64],
    low: NDArray[np.float64] | float,
    high: NDArray[np.float64] | float,
    below: NDArray[np.uint8] | int,
    above: NDArray[np.uint8] | int,
) -> NDArray[np.uint8]:
    """Quality that the physical range alone gives.

    Args:
        value: float64 [n], unit of the kind.
        low: physical range, one for all rows or float64 [n], as is ``high``.
        high: its upper end.
        below: ``Beyond.quality`` under the range, one for all rows or uint8 [n], as is ``above``.
        above: the same over the range.

    Returns:
        uint8 [n]; what is not a finite number is ``BAD``.

    """
    under = np.where(value < low, below, GOOD)
    over = np.where(value > high, above, GOOD)
    missing = np.where(np.isfinite(value), GOOD, BAD)
    quality: NDArray[np.uint8] = np.maximum(np.maximum(under, over), missing).astype(np.uint8, copy=False)
    return quality


@dataclass(frozen=True, slots=True)
class State:
    """One of the values of a kind whose readings are codes, with the word by which conditions name it."""

    number: int
    name: str
    text: Text


@dataclass(frozen=True, slots=True)
class Kind:
    """A sensor kind: what is measured, in which unit, and what is physically possible."""

    id: str
    name: Text
    unit: str
    low: float  # physical range, unit of the kind
    high: float
    period_s: float  # scan period: how often a healthy sensor reports
    beyond_low: Beyond = Beyond.BAD
    beyond_high: Beyond = Beyond.BAD
    lateness_s: float = 0.0  # > 0: rows wait this long to be sorted by time
    on_change: bool = False  # reports changes only: its silence is no news, what carries it is watched instead
    states: tuple[State, ...] = ()  # its readings are codes that have names, no quantities
    is_mode: bool = False  # its readings say in which mode the asset works


@dataclass(frozen=True, slots=True)
class Sensor:
    tag: str
    kind: str  # Kind.id
    asset: str  # Asset.id
    name: Text
    position: Position = Position()
    period_s: float | None = None  # None: the kind's
    gateway: str = ""  # what carries its readings to us; empty = nothing that others share
    calibrated_until: date | None = None  # last day on which its calibration holds; None: not known
    labels: Labels = ()
