"""What every simulated plant is to the district: sensors, a normal life, and what an event adds to it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from model.sensor import Asset, Sensor, Site

Floats = NDArray[np.float64]
Sensors = NDArray[np.int64]

DAY_S = 86_400.0


@dataclass(frozen=True, slots=True)
class Clock:
    """When scenario second 0 is. ``day_s`` is the local time of day then; daily cycles follow it."""

    start_ns: int
    day_s: float

    @classmethod
    def starting(cls, start_ns: int, *, utc_offset_s: float = 8 * 3600.0) -> Clock:
        """Read the local time of day off a start in ns since 1970 UTC; Asia/Shanghai has kept +8 h since 1991."""
        return cls(start_ns, (start_ns / 1e9 + utc_offset_s) % DAY_S)


@dataclass(frozen=True, slots=True)
class Effect:
    """What an event adds to one sensor's true value.

    Attributes:
        sensor: index within the plant.
        start_s: scenario time of ``added[0]``.
        step_s: s between entries.
        added: float64 [n], unit of the sensor's kind. Zero before the start; the last entry holds afterwards.

    """

    sensor: int
    start_s: float
    step_s: float
    added: Floats

    def at(self, t_s: Floats) -> Floats:
        times = self.start_s + self.step_s * np.arange(len(self.added))
        value: Floats = np.interp(t_s, times, self.added, left=0.0)
        return value


class Plant(Protocol):
    """One site. All state is drawn from the seed when it is built; afterwards nothing in it changes."""

    site: Site
    assets: tuple[Asset, ...]
    sensors: tuple[Sensor, ...]

    def values(self, sensor: Sensors, t_s: Floats) -> Floats:
        """Normal life, without the sensors' own noise.

        Args:
            sensor: int64 [n], index within the plant, one a row.
            t_s: float64 [n], scenario time, s.

        Returns:
            float64 [n], unit of each row's kind.

        """
        ...

    def effects(self, event: PlannedEvent) -> list[Effect]:
        """Physics of one event.

        Raises:
            ValueError: the event is of a kind that cannot happen here, or lacks a figure.

        """
        ...


@dataclass(frozen=True, slots=True)
class PlannedEvent:
    """An event of a profile. ``place`` is a sensor's tag, or the site for what happens between sensors."""

    kind: str  # leak, burst, smouldering, or a nuisance of a building
    place: str
    at_s: float
    until_s: float  # inf = to the end
    figures: dict[str, float]
    stages: tuple[tuple[float, float], ...] = ()  # leak: (s after the start, hole in mm)

    @property
    def site(self) -> str:
        return self.place.split("/", 1)[0]

    def figure(self, name: str) -> float:
        """Look up one of the event's figures.

        Raises:
            ValueError: it is not there.

        """
        if name not in self.figures:
            message = f"{self.kind} at {self.place}: needs the figure {name}, got {', '.join(sorted(self.figures))}"
            raise ValueError(message)
        return self.figures[name]


@dataclass(frozen=True, slots=True)
class Course:
    """The moments at which an event in a ventilated space is worked out.

    Attributes:
        step_s: s.
        since_s: float64 [n], s after the event's start.
        on: bool [n], the event itself is not over; what it left behind may take longer to go.

    """

    step_s: float
    since_s: Floats
    on: NDArray[np.bool_]

    @classmethod
    def of(cls, event: PlannedEvent, *, air_changes_h: float) -> Course:
        """Follow an endless event for 6 h (then it holds), and any other until 99.9 % of it is aired away."""
        lasts_s = event.until_s - event.at_s
        airing_s = 7.0 / max(air_changes_h, 0.2) * 3600.0
        whole_s = lasts_s + airing_s if np.isfinite(lasts_s) else 6 * 3600.0
        step_s = 0.5 if whole_s <= 6 * 3600.0 else 5.0
        since_s = np.arange(0.0, whole_s, step_s)
        return cls(step_s, since_s, since_s < lasts_s)

    def effect(self, sensor: int, start_s: float, added: Floats) -> Effect:
        """Make an effect that ends at nothing when the event does."""
        over = not self.on[-1]
        return Effect(sensor, start_s, self.step_s, np.append(added, 0.0) if over else added)


def lagged(signal: Floats, *, t90_s: float, step_s: float) -> Floats:
    """Pass a signal through a first-order sensor, tau = T90 / 2.303.

    Args:
        signal: float64 [n], evenly spaced, 0 before its first entry.
        t90_s: time to 90 % of a step; 0 = no lag.
        step_s: s between entries.

    """
    if t90_s <= 0.0:
        return signal
    keep = float(np.exp(-step_s * 2.303 / t90_s))
    output = np.empty_like(signal)
    level = 0.0
    for i, value in enumerate(signal.tolist()):
        level = keep * level + (1.0 - keep) * value
        output[i] = level
    return output


def row_of(sensors: Sequence[Sensor], tag: str) -> int:
    """Find a sensor by its tag.

    Raises:
        ValueError: no sensor has that tag.

    """
    for i, sensor in enumerate(sensors):
        if sensor.tag == tag:
            return i
    message = f"event place: must be a sensor's tag, got {tag!r}"
    raise ValueError(message)
