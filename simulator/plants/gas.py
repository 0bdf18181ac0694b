"""Rooms, wells and yards in which gas can gather: gas stations, kitchens of households, valve wells.

A leak fills its space as a well-mixed ventilated room does, ``V dC/dt = G - (Q + G) C``, with Q the air change;
the flow through the hole is that of an orifice, choked or not. A release in the open drifts with the wind.
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

METRES_A_DEGREE = 111_320.0

#: A plume that never gives a sensor so much passes it by.
PLUME_PPM_MIN = 0.01

#: Sensors of the same space that are not next to the hole see the gas this much later.
CROSSING_S = 6.0


@dataclass(frozen=True, slots=True)
class Space:
    """A volume with a sensor or several in it; ``volume_m3`` 0 = open air, where no leak can be played."""

    asset: str
    volume_m3: float
    air_changes_h: float


@dataclass(frozen=True, slots=True)
class Wind:
    """The wind over a site, a function of the moment alone: it wanders over hours, and wavers from minute to minute."""

    stream: int
    speed_m_s: float = 3.0
    from_deg: float = 290.0

    def speed(self, t_s: Floats) -> Floats:
        value: Floats = self.speed_m_s + 0.8 * self._wanders(t_s, 5400.0, 21) + 0.4 * self._wanders(t_s, 90.0, 22)
        return np.maximum(value, 0.3)

    def direction_deg(self, t_s: Floats) -> Floats:
        value: Floats = self.from_deg + 50.0 * self._wanders(t_s, 10_800.0, 23) + 12.0 * self._wanders(t_s, 120.0, 24)
        return value % 360.0

    def _wanders(self, t_s: Floats, scale_s: float, salt: int) -> Floats:
        return wandering(np.full(len(t_s), self.stream), t_s, np.full(len(t_s), scale_s), salt=salt)


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


def plume_ppm(kg_h: float, along_m: Floats, across_m: Floats, speed_m_s: Floats) -> Floats:
    """Methane near the ground downwind of a release near the ground, ppm; nothing upwind.

    Gaussian plume with Briggs' widths for open country and class C, at the distances of a yard:
    ``Q / (pi u s_y s_z) exp(-y^2 / 2 s_y^2)``, s_y = 0.11 x, s_z = 0.08 x.
    """
    away_m = np.maximum(along_m, 5.0)
    wide, high = 0.11 * away_m, 0.08 * away_m
    kg_m3 = kg_h / 3600.0 / (np.pi * speed_m_s * wide * high) * np.exp(-0.5 * (across_m / wide) ** 2)
    ppm: Floats = np.where(along_m > 0.0, 1e6 * kg_m3 / DENSITY, 0.0)
    return ppm


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
        self._wind = Wind(stream(seed, f"{site.id}/wind"))
        one = np.zeros(len(sensors), np.int64)
        kinds = np.array([s.kind for s in sensors])
        zero = normal(self._streams, one, salt=10)
        # Zero errors of a well kept detector; the open air holds about 2 ppm of methane.
        known = [kinds == "ch4_lel", kinds == "ch4_vol", kinds == "ch4_ppm"]
        self._base = np.select(known, [0.4 * zero + 0.8, 0.01 * zero + 0.03, 2.0], 0.0)
        self._daily = np.select(known, [0.3, 0.01, 0.12], 0.0)
        self._is_speed, self._is_direction = kinds == "wind_speed", kinds == "wind_direction"
        self._puff = np.where((kinds == "ch4_lel") & np.array(["kitchen" in s.asset for s in sensors]), 2.5, 0.0)

    def values(self, sensor: Sensors, t_s: Floats) -> Floats:
        time_of_day = self._clock.day_s + t_s
        # Zero follows temperature: highest in the afternoon; still night air gathers what the ground gives off.
        cycle = np.cos(2.0 * np.pi * (time_of_day / DAY_S - 15.0 / 24.0))
        weather = wandering(np.full(len(t_s), self._weather), t_s, np.full(len(t_s), 7200.0), salt=11)
        value: Floats = self._base[sensor] + self._daily[sensor] * (cycle + 0.4 * weather)
        value += self._puff[sensor] * self._ignition(self._streams[sensor], time_of_day)
        for mine, of_wind in (
            (self._is_speed[sensor], self._wind.speed),
            (self._is_direction[sensor], self._wind.direction_deg),
        ):
            value[mine] = of_wind(t_s[mine])
        return value

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
        if event.kind == "release":
            return self._release(event)
        if event.kind != "leak":
            message = f"{event.kind} at {event.place}: a gas site plays leak or release, got {event.kind!r}"
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

    def _release(self, event: PlannedEvent) -> list[Effect]:
        """Gas that the wind carries from a place of the yard (``east_m``, ``north_m`` of the site) to its sensors."""
        course = Course.of(event, air_changes_h=60.0)
        t_s = event.at_s + course.since_s
        toward = np.radians(self._wind.direction_deg(t_s) + 180.0)
        speed, kg_h = self._wind.speed(t_s), event.figure("kg_h")
        found = []
        for i, sensor in enumerate(self.sensors):
            if sensor.kind == "ch4_ppm":
                east, north = self._metres(sensor)
                east, north = east - event.figure("east_m"), north - event.figure("north_m")
                along, across = (
                    east * np.sin(toward) + north * np.cos(toward),
                    east * np.cos(toward) - north * np.sin(toward),
                )
                added = np.where(course.on, plume_ppm(kg_h, along, across, speed), 0.0)
                if added.max() < PLUME_PPM_MIN:
                    continue
                t90_s = self._responses[sensor.kind].t90_s
                found.append(course.effect(i, event.at_s, lagged(added, t90_s=t90_s, step_s=course.step_s)))
        return found

    def _metres(self, sensor: Sensor) -> tuple[float, float]:
        """East and north of the site."""
        lat, lon = self.site.position.lat or 0.0, self.site.position.lon or 0.0
        north = ((sensor.position.lat or 0.0) - lat) * METRES_A_DEGREE
        return ((sensor.position.lon or 0.0) - lon) * METRES_A_DEGREE * float(np.cos(np.radians(lat))), north
