"""Buildings with fire sensors, their kitchens and their fire water, and a fire that begins by smouldering.

Smoke and carbon monoxide gather under the ceiling: yields per gram burnt, mixed into the upper part of the room.
Heat comes with the flames: a t-squared fire (NFPA 92) and the ceiling jet of Alpert (1972), ``dT = 16.9 Q^(2/3) /
H^(5/3)``. Optical density is ``m = 10 / ln 10 * K_m * C`` with the specific extinction of Mulholland (SFPE Handbook):
4.4 m2/g for smouldering and 8.7 m2/g for flames.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from model.sensor import Asset, Sensor, Site
from simulator.noise import normal, stream, uniform, wandering
from simulator.plant import DAY_S, Clock, Course, Effect, Floats, PlannedEvent, Sensors, lagged, row_of

#: Optical density (dB/m) of 1 g/m3 of smoke.
SMOULDER_DB_M3_G, FLAME_DB_M3_G = 10.0 / np.log(10.0) * 4.4, 10.0 / np.log(10.0) * 8.7

#: Yields, g per g burnt (order of magnitude of upholstery and wood, SFPE Handbook, table of yields).
SMOULDER_SOOT, SMOULDER_CO, FLAME_SOOT, FLAME_CO = 0.08, 0.15, 0.03, 0.02

#: Heat of flaming combustion, kJ/g; one g/m3 of CO at 20 degC in ppm.
HEAT_KJ_G, CO_PPM_M3_G = 17.0, 24.04 / 28.01 * 1e3

#: An extractor hood.
_KITCHEN_AIR_CHANGES_H = 20.0

#: What is no fire: its figures say what it adds at most. Dust and dirt reach one sensor, the others the whole room.
NUISANCES = frozenset({"cooking", "steam", "dust", "contamination", "heating", "door", "exhaust"})
_AT_ONE_SENSOR = frozenset({"dust", "contamination"})
_ADDED = {"smoke": "smoke_db_m", "room_temperature": "heat_k", "co_ppm": "co_ppm", "room_humidity": "humidity_rh"}
#: Dust settles and heating dies away with this time constant; dirt gathers through the first hours of an event.
_SETTLES_S, _DIRT_GATHERS_S = 90.0, 6 * 3600.0

#: Times of day at which kitchens cook (s), and how long (standard deviation, s).
MEALS_S, MEAL_LASTS_S = (6.5 * 3600.0, 11.75 * 3600.0, 18.0 * 3600.0), 480.0


@dataclass(frozen=True, slots=True)
class Room:
    """One room. ``kitchen`` rooms have cooking at meal times."""

    asset: str
    area_m2: float
    height_m: float
    kitchen: bool


@dataclass(frozen=True, slots=True)
class FireWater:
    """Static pressure of the hydrants' ring, and the tank's level and its refill cycle."""

    pressure_kpa: float
    level_percent: float
    level_swing_percent: float
    refill_s: float


class BuildingPlant:
    """A building: rooms with smoke, temperature and CO; hydrants; a tank."""

    def __init__(
        self, *, site: Site, assets: tuple[Asset, ...], sensors: tuple[Sensor, ...], rooms: tuple[Room, ...],
        water: FireWater, t90_s: dict[str, float], clock: Clock, seed: int,
    ) -> None:  # fmt: skip
        self.site, self.assets, self.sensors, self.water = site, assets, sensors, water
        self._rooms, self._t90_s, self._clock = {r.asset: r for r in rooms}, t90_s, clock
        self._streams = np.array([stream(seed, s.tag) for s in sensors], np.int64)
        self._kitchens = np.array([stream(seed, s.asset) for s in sensors], np.int64)  # one cook a room
        self._weather = stream(seed, f"{site.id} indoors")
        kinds = [s.kind for s in sensors]
        normals = {
            "smoke": (0.012, 0.002, 0.0),
            "room_temperature": (21.0, 0.8, 1.2),
            "co_ppm": (3.0, 0.4, 0.5),
            "room_humidity": (50.0, 5.0, 4.0),
            "hydrant_pressure": (water.pressure_kpa, 8.0, 6.0),
            "tank_level": (water.level_percent, 0.5, 0.0),
        }
        table = np.array([normals[kind] for kind in kinds])
        self._base = table[:, 0] + table[:, 1] * normal(self._streams, np.zeros(len(kinds), np.int64), salt=30)
        self._daily = table[:, 2]
        in_kitchen = np.array([s.asset in self._rooms and self._rooms[s.asset].kitchen for s in sensors])
        cooking = {"smoke": 0.012, "room_temperature": 3.0, "co_ppm": 6.0}
        self._cooking = np.where(in_kitchen, [cooking.get(kind, 0.0) for kind in kinds], 0.0)
        self._is_tank = np.array([kind == "tank_level" for kind in kinds])

    def values(self, sensor: Sensors, t_s: Floats) -> Floats:
        time_of_day = self._clock.day_s + t_s
        cycle = np.cos(2.0 * np.pi * (time_of_day / DAY_S - 15.5 / 24.0))
        weather = wandering(np.full(len(t_s), self._weather), t_s, np.full(len(t_s), 5400.0), salt=31)
        value: Floats = self._base[sensor] + self._daily[sensor] * (cycle + 0.3 * weather)
        value += self._cooking[sensor] * self._meal(self._kitchens[sensor], time_of_day)
        sawtooth = np.abs(2.0 * ((time_of_day / self.water.refill_s) % 1.0) - 1.0) - 0.5
        value += np.where(self._is_tank[sensor], self.water.level_swing_percent * sawtooth, 0.0)
        return value

    @staticmethod
    def _meal(kitchens: Sensors, time_of_day: Floats) -> Floats:
        """How much a kitchen cooks, in [0, 1]; each meal of each day has its own moment and size."""
        day = np.floor(time_of_day / DAY_S)
        strength = np.zeros(len(time_of_day))
        for number, meal_s in enumerate(MEALS_S):
            place = (day * len(MEALS_S) + number).astype(np.int64)
            moment = meal_s + 1800.0 * (uniform(kitchens, place, salt=32) - 0.5)
            size = 0.4 + 0.6 * uniform(kitchens, place, salt=33)
            strength += size * np.exp(-0.5 * ((time_of_day - day * DAY_S - moment) / MEAL_LASTS_S) ** 2)
        return strength

    def effects(self, event: PlannedEvent) -> list[Effect]:
        near = row_of(self.sensors, event.place)
        asset = self.sensors[near].asset
        if asset not in self._rooms:
            message = f"{event.kind} at {event.place}: must be in a room, got {asset!r}"
            raise ValueError(message)
        if event.kind == "smouldering":
            course = Course.of(event, air_changes_h=event.figure("air_changes_h"))
            added = fire(self._rooms[asset], event, course)
        elif event.kind in NUISANCES:
            course = Course.of(event, air_changes_h=_KITCHEN_AIR_CHANGES_H)
            added = _nuisance(event, course)
        else:
            message = f"event at {event.place}: a building plays smouldering or a nuisance, got {event.kind!r}"
            raise ValueError(message)
        return [
            course.effect(
                i, event.at_s, lagged(added[s.kind], t90_s=self._t90_s.get(s.kind, 0.0), step_s=course.step_s)
            )
            for i, s in enumerate(self.sensors)
            if s.asset == asset and s.kind in added and (i == near or event.kind not in _AT_ONE_SENSOR)
        ]


def _nuisance(event: PlannedEvent, course: Course) -> dict[str, Floats]:
    """What is no fire, by kind: a course from 0 to 1 times the event's figures.

    Cooking, steam, an open door and exhaust gas come and go within ``lasts_s``; dust is there at once and settles;
    heating rises through ``lasts_s`` and dies away; dirt gathers and stays.
    """
    since_s = course.since_s
    if event.kind == "contamination":
        shape = np.clip(since_s / _DIRT_GATHERS_S, 0.0, 1.0)
    elif event.kind in {"dust", "heating"}:
        lasts_s = event.figure("lasts_s")
        rises = np.minimum(since_s / lasts_s, 1.0) if event.kind == "heating" else np.ones(len(since_s))
        shape = rises * np.exp(-np.maximum(since_s - lasts_s, 0.0) / _SETTLES_S)
    else:
        shape = np.sin(np.pi * np.clip(since_s / event.figure("lasts_s"), 0.0, 1.0)) ** 2
    return {kind: event.figures[figure] * shape for kind, figure in _ADDED.items() if figure in event.figures}


def fire(room: Room, event: PlannedEvent, course: Course) -> dict[str, Floats]:
    """Follow a fire: what it adds under the ceiling, by kind, at the moments of its course.

    Figures of the event: ``growth_g_s2`` and ``rate_g_s_max`` of the smouldering, ``flame_after_s``, ``flame_kw_s2``
    (NFPA 92: medium 0.0117, fast 0.0469), ``flame_kw_max``, ``layer_share`` of the room's height that smoke fills,
    ``air_changes_h``.
    """
    flaming = np.maximum(course.since_s - event.figure("flame_after_s"), 0.0)
    heat_kw = np.where(course.on, np.minimum(event.figure("flame_kw_s2") * flaming**2, event.figure("flame_kw_max")), 0)
    slow_g_s = np.minimum(event.figure("growth_g_s2") * course.since_s, event.figure("rate_g_s_max")) * course.on
    fast_g_s = heat_kw / HEAT_KJ_G
    volume = room.area_m2 * room.height_m * event.figure("layer_share")
    exchange = event.figure("air_changes_h") / 3600.0
    density = SMOULDER_DB_M3_G * SMOULDER_SOOT * slow_g_s + FLAME_DB_M3_G * FLAME_SOOT * fast_g_s
    carbon_monoxide = CO_PPM_M3_G * (SMOULDER_CO * slow_g_s + FLAME_CO * fast_g_s)
    return {
        "smoke": _mixed(density / volume, exchange, course.step_s),
        "co_ppm": _mixed(carbon_monoxide / volume, exchange, course.step_s),
        "room_temperature": 16.9 * heat_kw ** (2.0 / 3.0) / room.height_m ** (5.0 / 3.0),
    }


def _mixed(source: Floats, exchange: float, step_s: float) -> Floats:
    """Solve ``dc/dt = source - exchange c`` from 0, sources constant within a step."""
    keep = float(np.exp(-exchange * step_s))
    gain = (1.0 - keep) / exchange if exchange > 0.0 else step_s
    level = 0.0
    output = np.empty_like(source)
    for i, inflow in enumerate(source.tolist()):
        level = keep * level + gain * inflow
        output[i] = level
    return output
