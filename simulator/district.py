"""The whole district: plants of all packs, their instruments, what happens to them, and which sensors fail.

A reading is a function of the seed, the start, the sensor and the moment alone. So any span can be asked for, in any
pieces, and the same seed and start give the same bytes.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from model.sensor import Asset, Position, Sensor, Site
from simulator.build import Making, make_fault, make_plant, planned
from simulator.faults import Fault, Rows
from simulator.noise import normal, stream, uniform, wandering
from simulator.plant import Clock, Effect, Floats, PlannedEvent, Plant, Sensors
from simulator.scenario import EnterprisePart, FaultPart, GridCellPart, Instrument, ProfilePart, Scenario, load

#: Rows worked out at once; more are done in pieces, to bound the memory.
ROWS_MAX = 500_000


@dataclass(frozen=True, slots=True)
class Truth:
    """One thing that the scenario plays. ``tags`` are all sensors that it changes."""

    kind: str
    place: str
    tags: tuple[str, ...]
    start_s: float
    end_s: float  # inf = to the end
    fault: bool  # of a sensor; otherwise something happens in the district


class District:
    """Built once; then pure.

    Attributes:
        sensors: all of them, in the order of ``Rows.sensor``.

    """

    def __init__(self, scenarios: Sequence[Scenario], *, profile: str, seed: int, start_ns: int) -> None:
        """Assemble the district.

        Raises:
            ValueError: an unknown profile, a place that no plant has, or two packs that disagree.

        """
        self.clock, self.seed, self.profile = Clock.starting(start_ns), seed, profile
        parts = _profile(scenarios, profile)
        instruments = {kind: i for scenario in scenarios for kind, i in scenario.instruments.items()}
        making = Making(instruments, self.clock, seed)
        self.plants: tuple[Plant, ...] = tuple(make_plant(p, making) for s in scenarios for p in s.plants)
        self.sensors: tuple[Sensor, ...] = tuple(s for plant in self.plants for s in _behind_its_gateway(plant))
        self._enterprises = _united([e for s in scenarios for e in s.enterprises])
        self._cells = _united([c for s in scenarios for c in s.grid_cells])
        self._instruments = _Instruments([instruments[s.kind] for s in self.sensors], self.sensors, seed)
        self._index = {s.tag: i for i, s in enumerate(self.sensors)}
        if len(self._index) != len(self.sensors):
            message = f"sensor tags: must be unique over all packs, got {len(self.sensors) - len(self._index)} twice"
            raise ValueError(message)
        self._schedule = _Schedule(self.sensors, seed)
        self._effects: list[Effect] = []
        self._truth: list[Truth] = []
        self._play([planned(e) for p in parts for e in p.events])
        self._faults: list[Fault] = []
        self._break(parts)

    def _play(self, events: list[PlannedEvent]) -> None:
        first = dict(zip((p.site.id for p in self.plants), self._first_of_plant(), strict=True))
        for event in sorted(events, key=lambda e: e.at_s):
            plant = next((p for p in self.plants if p.site.id == event.site), None)
            if plant is None:
                message = f"{event.kind}: must be at a site of the district, got {event.place!r}"
                raise ValueError(message)
            effects = plant.effects(event)
            offset = first[event.site]
            self._effects += [Effect(e.sensor + offset, e.start_s, e.step_s, e.added) for e in effects]
            tags = tuple(plant.sensors[e.sensor].tag for e in effects)
            self._truth.append(Truth(event.kind, event.place, tags, event.at_s, event.until_s, fault=False))

    def _break(self, parts: list[ProfilePart]) -> None:
        for part in (fault for p in parts for fault in p.faults):
            sensors = self._failing(part)
            last = self._measured(np.array(sensors[:1]), np.array([round(part.at_s * 1e3)]))
            self._faults.append(make_fault(part, sensors=sensors, last_value=float(last[0]), seed=self.seed))
            tags = tuple(self.sensors[i].tag for i in sensors)
            self._truth.append(Truth(part.kind, part.tag, tags, part.at_s, part.until_s, fault=True))

    def _failing(self, part: FaultPart) -> tuple[int, ...]:
        """The sensor that a fault names, or all those of the gateway."""
        whole = part.kind == "gateway_down"
        named = tuple(i for i, s in enumerate(self.sensors) if part.tag == (s.gateway if whole else s.tag))
        if not named:
            message = f"{part.kind}: must name a {'gateway' if whole else 'sensor'} of the district, got {part.tag!r}"
            raise ValueError(message)
        return named

    def _first_of_plant(self) -> list[int]:
        counts = [len(plant.sensors) for plant in self.plants]
        return [sum(counts[:i]) for i in range(len(counts))]

    def truth(self) -> tuple[Truth, ...]:
        """What really happens, by start: for tests, never for the product."""
        return tuple(sorted(self._truth, key=lambda t: (t.start_s, t.place)))

    def index(self, tag: str) -> int:
        return self._index[tag]

    def rows(self, begin_s: float, end_s: float) -> Rows:
        """All readings taken at ``begin_s <= t < end_s``, sorted by time, then by sensor."""
        sensor, t_ms = self._schedule.between(round(begin_s * 1e3), round(end_s * 1e3))
        value = np.empty(len(sensor))
        for i in range(0, len(sensor), ROWS_MAX):
            part = slice(i, i + ROWS_MAX)
            value[part] = self._measured(sensor[part], t_ms[part])
        rows = Rows(sensor, t_ms, self.clock.start_ns + t_ms * 1_000_000, value)
        for fault in self._faults:
            rows = fault.apply(rows)
        return rows

    def _measured(self, sensor: Sensors, t_ms: NDArray[np.int64]) -> Floats:
        t_s = t_ms / 1e3
        value = np.empty(len(sensor))
        for plant, first in zip(self.plants, self._first_of_plant(), strict=True):
            mine = (sensor >= first) & (sensor < first + len(plant.sensors))
            value[mine] = plant.values(sensor[mine] - first, t_s[mine])
        last_s = float(t_s.max()) if len(t_s) else -math.inf
        for effect in self._effects:
            if effect.start_s <= last_s:
                mine = sensor == effect.sensor
                value[mine] += effect.at(t_s[mine])
        return self._instruments.read(sensor, t_ms, value)

    def registry(self) -> dict[str, object]:
        """Content of a registry.yaml for exactly these sensors."""
        sites = [plant.site for plant in self.plants]
        assets = [asset for plant in self.plants for asset in plant.assets]
        return {
            "enterprises": [e.model_dump() for e in self._enterprises],
            "grid_cells": [c.model_dump() for c in self._cells],
            "sites": [_entry(site) for site in sites],
            "assets": [_entry(asset) for asset in assets],
            "sensors": [_entry(sensor) for sensor in self.sensors],
        }


def _behind_its_gateway(plant: Plant) -> list[Sensor]:
    """All sensors of a site come through one device."""
    return [replace(sensor, gateway=f"{plant.site.id}/gateway") for sensor in plant.sensors]


class _Instruments:
    """Noise, resolution and range of every sensor, in columns."""

    def __init__(self, instruments: list[Instrument], sensors: Sequence[Sensor], seed: int) -> None:
        self._streams = np.array([stream(seed, f"noise {s.tag}") for s in sensors], np.int64)
        self._white = np.array([i.white for i in instruments])
        self._slow = np.array([i.slow for i in instruments])
        self._slow_s = np.array([i.slow_s for i in instruments])
        self._resolution = np.array([i.resolution for i in instruments])
        self._places = np.array([max(0, math.ceil(-math.log10(i.resolution) - 1e-9)) for i in instruments])
        self._low = np.array([i.low for i in instruments])
        self._high = np.array([i.high for i in instruments])

    def read(self, sensor: Sensors, t_ms: NDArray[np.int64], true: Floats) -> Floats:
        streams = self._streams[sensor]
        value = true + self._white[sensor] * normal(streams, t_ms, salt=1)
        value += self._slow[sensor] * wandering(streams, t_ms / 1e3, self._slow_s[sensor], salt=4)
        step = self._resolution[sensor]
        value = np.clip(np.rint(value / step) * step, self._low[sensor], self._high[sensor])
        # A second rounding in decimals takes off the tail of binary dust, 21.300000000000004.
        scale = 10.0 ** self._places[sensor]
        rounded: Floats = np.rint(value * scale) / scale
        return rounded


class _Schedule:
    """When each sensor reports: every period, from a first moment of its own, so that not all speak at once."""

    def __init__(self, sensors: Sequence[Sensor], seed: int) -> None:
        self._period_ms = np.array([round((s.period_s or 1.0) * 1e3) for s in sensors], np.int64)
        streams = np.array([stream(seed, f"phase {s.tag}") for s in sensors], np.int64)
        share = uniform(streams, np.zeros(len(sensors), np.int64))
        self._first_ms = np.floor(share * self._period_ms).astype(np.int64)

    def between(self, begin_ms: int, end_ms: int) -> tuple[Sensors, NDArray[np.int64]]:
        lowest = np.maximum(0, -((self._first_ms - begin_ms) // self._period_ms))
        beyond = np.maximum(lowest, -((self._first_ms - end_ms) // self._period_ms))
        count = beyond - lowest
        sensor = np.repeat(np.arange(len(count)), count)
        turn = np.arange(len(sensor)) - np.repeat(np.cumsum(count) - count, count) + lowest[sensor]
        t_ms = self._first_ms[sensor] + turn * self._period_ms[sensor]
        order = np.lexsort((sensor, t_ms))
        return sensor[order], t_ms[order]


def _profile(scenarios: Sequence[Scenario], profile: str) -> list[ProfilePart]:
    known = sorted({name for scenario in scenarios for name in scenario.profiles})
    if profile not in known:
        message = f"profile: must be one of {', '.join(known)}, got {profile!r}"
        raise ValueError(message)
    return [scenario.profiles[profile] for scenario in scenarios if profile in scenario.profiles]


def _united(parts: Sequence[EnterprisePart | GridCellPart]) -> list[EnterprisePart | GridCellPart]:
    """Entries of all packs, each once.

    Raises:
        ValueError: two packs say different things under one id.

    """
    found: dict[str, EnterprisePart | GridCellPart] = {}
    for part in parts:
        if found.setdefault(part.id, part) != part:
            message = f"{part.id}: must mean the same in every scenario, got {found[part.id]} and {part}"
            raise ValueError(message)
    return list(found.values())


def _entry(item: Site | Asset | Sensor) -> dict[str, object]:
    entry = {key: list(value) if isinstance(value, tuple) else value for key, value in asdict(item).items()}
    entry["labels"] = dict(item.labels)
    position = getattr(item, "position", None)
    if isinstance(position, Position):
        entry["position"] = {key: value for key, value in asdict(position).items() if value is not None}
    if "labels" in entry:
        entry["labels"] = dict(entry["labels"])
    return entry


def load_district(packs: Path, *, profile: str, seed: int, start_ns: int) -> District:
    """Read every ``scenario.yaml`` below a folder of packs.

    Raises:
        ConfigErrors: a scenario that does not fit.
        ValueError: scenarios that do not fit together, or an unknown profile.

    """
    paths = sorted(packs.glob("*/scenario.yaml"))
    if not paths:
        message = f"{packs}: must hold packs with a scenario.yaml, got none"
        raise ValueError(message)
    return District([load(path) for path in paths], profile=profile, seed=seed, start_ns=start_ns)
