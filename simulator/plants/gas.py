"""Rooms, wells and yards in which gas can gather: gas stations, kitchens of households, valve wells.

A leak fills its space as a well-mixed ventilated room does, ``V dC/dt = G - (Q + G) C``, with Q the air change;
the flow through the hole is that of an orifice, choked or not.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from model.sensor import Asset, Sensor, Site
from simulator.noise import normal, stream, uniform, wandering
from simulator.plant import DAY_S, Clock, Course, Effect, Floats, PlannedEvent, Sensors, lagged, row_of

#: Methane: isentropic exponent, molar mass (kg/mol); gas constant J/(mol K); air pressure Pa; ground temperature K.
GAMMA, MOLAR_MASS, GAS_CONSTANT, AIR_PA, GROUND_K = 1.31, 0.016043, 8.314, 101_325.0, 283.15

#: Density of methane at 20 degC and 101.325 kPa, kg/m3.
DENSITY = 0.668

#: Sensors of the same space that are not next to the hole see the gas this much later.
CROSSING_S = 6.0


@dataclass(frozen=True, slots=True)
class Space:
    """A volume with a sensor or several in it; ``volume_m3`` 0 = open air, where no leak can be played."""

    asset: str
    volume_m3: float
    air_changes_h: float


@dataclass(frozen=True, slots=True)
class Response:
    """What a gas sensor of a kind does: T90 and what 1 %VOL of methane reads."""

    t90_s: float
    per_percent: float


def hole_flow_m3_h(hole_mm: float, supply_kpa: float, *, discharge: float = 0.85) -> float:
    """Methane through a round hole into air, m3/h at 20 degC.

    Choked where ``p_air / p_0`` is below the critical ratio, subsonic otherwise (isentropic nozzle flow, as in the
    consequence guides: CCPS 2010, section 2.1; Yellow Book, section 2.5).

    Args:
        hole_mm: diameter.
        supply_kpa: gauge pressure in the pipe.
        discharge: coefficient of the hole.

    """
    pressure = AIR_PA + supply_kpa * 1e3
    ratio = AIR_PA / pressure
    critical = (2.0 / (GAMMA + 1.0)) ** (GAMMA / (GAMMA - 1.0))
    specific = GAS_CONSTANT * GROUND_K / MOLAR_MASS
    if ratio <= critical:
        factor = GAMMA / specific * (2.0 / (GAMMA + 1.0)) ** ((GAMMA + 1.0) / (GAMMA - 1.0))
    else:
        drop = ratio ** (2.0 / GAMMA) - ratio ** ((GAMMA + 1.0) / GAMMA)
        factor = 2.0 / specific * GAMMA / (GAMMA - 1.0) * drop
    area = np.pi * (hole_mm * 1e-3) ** 2 / 4.0
    return float(discharge * area * pressure * np.sqrt(factor) / DENSITY * 3600.0)


def room_percent(inflow_m3_h: Floats, space: Space, *, step_s: float) -> Floats:
    """Methane in a well-mixed ventilated room, %VOL, from an inflow given step by step.

    Each step is the exact solution for a constant inflow, so the step's length does not matter to it.
    """
    level = 0.0
    output = np.empty_like(inflow_m3_h)
    for i, inflow in enumerate(inflow_m3_h.tolist()):
        exchange = (space.air_changes_h * space.volume_m3 + inflow) / space.volume_m3 / 3600.0  # 1/s
        plateau = inflow / (space.air_changes_h * space.volume_m3 + inflow)
        level = plateau + (level - plateau) * float(np.exp(-exchange * step_s))
        output[i] = level
    return 100.0 * output


class GasPlant:
    """A site of gas sensors."""

    def __init__(
        self,
        *,
        site: Site,
        assets: tuple[Asset, ...],
        sensors: tuple[Sensor, ...],
        spaces: tuple[Space, ...],
        responses: dict[str, Response],
        clock: Clock,
        seed: int,
    ) -> None:
        self.site, self.assets, self.sensors = site, assets, sensors
        self._spaces, self._responses, self._clock = {s.asset: s for s in spaces}, responses, clock
        self._streams = np.array([stream(seed, s.tag) for s in sensors], np.int64)
        self._weather = stream(seed, "weather")
        one = np.zeros(len(sensors), np.int64)
        kinds = np.array([s.kind for s in sensors])
        zero = normal(self._streams, one, salt=10)
        # Zero errors of a well kept detector; the open air holds about 2 ppm of methane.
        self._base = np.select([kinds == "ch4_lel", kinds == "ch4_vol"], [0.4 * zero + 0.8, 0.01 * zero + 0.03], 2.0)
        self._daily = np.select([kinds == "ch4_lel", kinds == "ch4_vol"], [0.3, 0.01], 0.12)
        self._puff = np.where((kinds == "ch4_lel") & np.array(["kitchen" in s.asset for s in sensors]), 2.5, 0.0)

    def values(self, sensor: Sensors, t_s: Floats) -> Floats:
        time_of_day = self._clock.day_s + t_s
        # Zero follows temperature: highest in the afternoon; still night air gathers what the ground gives off.
        cycle = np.cos(2.0 * np.pi * (time_of_day / DAY_S - 15.0 / 24.0))
        weather = wandering(np.full(len(t_s), self._weather), t_s, np.full(len(t_s), 7200.0), salt=11)
        value: Floats = self._base[sensor] + self._daily[sensor] * (cycle + 0.4 * weather)
        return value + self._puff[sensor] * self._ignition(self._streams[sensor], time_of_day)

    @staticmethod
    def _ignition(streams: Sensors, time_of_day: Floats) -> Floats:
        """Unburnt gas when a hob is lit, about once a meal: a puff of a minute, in [0, 1]."""
        slot = np.floor(time_of_day / 14_400.0)  # one a four hours
        moment = (slot + 0.1 + 0.8 * uniform(streams, slot.astype(np.int64), salt=12)) * 14_400.0
        since = time_of_day - moment
        strength = uniform(streams, slot.astype(np.int64), salt=13)
        puff: Floats = np.where(since > 0.0, strength * np.exp(-np.maximum(since, 0.0) / 45.0), 0.0)
        return puff

    def effects(self, event: PlannedEvent) -> list[Effect]:
        if event.kind != "leak":
            message = f"{event.kind} at {event.place}: a gas site plays leak, got {event.kind!r}"
            raise ValueError(message)
        near = row_of(self.sensors, event.place)
        space = self._spaces[self.sensors[near].asset]
        if space.volume_m3 <= 0.0 or not event.stages:
            message = f"leak at {event.place}: needs stages and a space with a volume, got {space}"
            raise ValueError(message)
        course = Course.of(event, air_changes_h=space.air_changes_h)
        flows = [hole_flow_m3_h(hole_mm, event.figure("supply_kpa")) for _, hole_mm in event.stages]
        stage = np.searchsorted([after_s for after_s, _ in event.stages], course.since_s, side="right") - 1
        inflow = np.where((stage >= 0) & course.on, np.array(flows)[np.maximum(stage, 0)], 0.0)
        percent = room_percent(inflow, space, step_s=course.step_s)
        found = []
        for i, sensor in enumerate(self.sensors):
            if sensor.asset == self.sensors[near].asset:
                response = self._responses[sensor.kind]
                added = response.per_percent * lagged(percent, t90_s=response.t90_s, step_s=course.step_s)
                found.append(course.effect(i, event.at_s + (0.0 if i == near else CROSSING_S), added))
        return found
