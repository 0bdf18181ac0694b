"""Makes plants of what a scenario says: numbers the sensors, names them, puts them on the map."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from model.sensor import Asset, Position, Sensor, Site
from model.text import Text
from simulator.faults import Fault, GatewayDown, Silent, Span, Spikes, Stuck, WrongClock
from simulator.noise import stream
from simulator.plant import Clock, PlannedEvent, Plant
from simulator.plants.building import BuildingPlant, FireWater, Room
from simulator.plants.gas import METRES_A_DEGREE, GasPlant, Response, Space
from simulator.plants.pipeline import GRAVITY, Line, PipelinePlant
from simulator.scenario import (
    BuildingPart,
    EventPart,
    FaultPart,
    GasPart,
    Instrument,
    PipelinePart,
    SitePart,
    SpacePart,
    Words,
)

_NAMES = {
    "ch4_lel": Text("可燃气体探测器", "Combustible gas detector"),
    "ch4_vol": Text("激光甲烷探测器", "Laser methane detector"),
    "ch4_ppm": Text("厂界甲烷监测", "Fence-line methane monitor"),
    "wind_speed": Text("风速仪", "Anemometer"),
    "wind_direction": Text("风向仪", "Wind vane"),
    "smoke": Text("感烟探测器", "Smoke detector"),
    "room_temperature": Text("室内温度", "Room temperature"),
    "co_ppm": Text("一氧化碳探测器", "Carbon monoxide detector"),
    "room_humidity": Text("室内湿度", "Room humidity"),
    "hydrant_pressure": Text("消火栓压力", "Hydrant pressure"),
    "tank_level": Text("消防水箱液位", "Fire-water tank level"),
}
_PREFIXES = {"smoke": "smoke", "room_temperature": "temperature", "co_ppm": "co", "room_humidity": "humidity"}


@dataclass(frozen=True, slots=True)
class Making:
    """What the making of every plant needs."""

    instruments: dict[str, Instrument]
    clock: Clock
    seed: int

    def period_s(self, kind: str, given: float | None = None) -> float:
        return self.instruments[kind].period_s if given is None else given


def make_plant(part: GasPart | PipelinePart | BuildingPart, making: Making) -> Plant:
    if isinstance(part, GasPart):
        return _gas(part, making)
    if isinstance(part, PipelinePart):
        return _pipeline(part, making)
    return _building(part, making)


def _site(part: SitePart) -> Site:
    position = Position(part.position.lat, part.position.lon)
    return Site(part.id, part.name.text(), part.enterprise, part.grid_cell, position)


def _near(site: Site, number: int, *, spread_m: float = 18.0) -> Position:
    """Place things of a site on a spiral around it, ``spread_m`` apart: near enough for a map of the district."""
    radius_m = spread_m * math.sqrt(number + 0.5)
    angle = number * math.pi * (3.0 - math.sqrt(5.0))  # the golden angle never lines two of them up
    lat = site.position.lat or 0.0
    north = radius_m * math.cos(angle) / METRES_A_DEGREE
    east = radius_m * math.sin(angle) / (METRES_A_DEGREE * math.cos(math.radians(lat)))
    return Position(round(lat + north, 6), round((site.position.lon or 0.0) + east, 6))


def _numbered(words: Words, number: int, copies: int) -> Text:
    return words.text() if copies == 1 else Text(f"{words.zh} {number}", f"{words.en} {number}")


def _sensor_name(place: Text, kind: str, number: int) -> Text:
    name = _NAMES[kind]
    return Text(f"{place.zh} {name.zh} {number:02d}", f"{place.en}, {name.en.lower()} {number:02d}")


def _gas(part: GasPart, making: Making) -> GasPlant:
    site = _site(part.site)
    assets: list[Asset] = []
    sensors: list[Sensor] = []
    spaces: list[Space] = []
    counts: dict[str, int] = {}
    for space in part.spaces:
        for copy in range(1, space.copies + 1):
            asset_id = f"{site.id}-{space.asset}" + (f"-{copy:02d}" if space.copies > 1 else "")
            name = _numbered(space.name, copy, space.copies)
            assets.append(Asset(asset_id, name, site.id, space.watched_as, _sources(part, site, space)))
            spaces.append(Space(asset_id, space.volume_m3, space.air_changes_h))
            for _ in range(space.points):
                number = counts[space.prefix] = counts.get(space.prefix, 0) + 1
                sensors.append(
                    Sensor(
                        f"{site.id}/{space.prefix}-{number:02d}",
                        space.kind,
                        asset_id,
                        _sensor_name(name, space.kind, number),
                        _near(site, len(sensors)),
                        making.period_s(space.kind, space.period_s),
                    ),
                )
            if space.watched_as:
                for kind in ("wind_speed", "wind_direction"):
                    tag = f"{site.id}/{kind.replace('_', '-')}"
                    words = _sensor_name(name, kind, 1)
                    sensors.append(Sensor(tag, kind, asset_id, words, site.position, making.period_s(kind)))
    return GasPlant(
        site=site,
        assets=tuple(assets),
        sensors=tuple(sensors),
        spaces=tuple(spaces),
        responses={kind: Response(i.t90_s, i.per_percent) for kind, i in making.instruments.items()},
        clock=making.clock,
        seed=making.seed,
    )


def _sources(part: GasPart, site: Site, space: SpacePart) -> dict[str, float]:
    """Attributes by which a yard names the places that gas may come from."""
    lat, lon = site.position.lat or 0.0, site.position.lon or 0.0
    found: dict[str, float] = {}
    for name, at in part.sources.items() if space.watched_as else ():
        found[f"source_{name}_lat"] = round(lat + at.north_m / METRES_A_DEGREE, 6)
        east_degree_m = METRES_A_DEGREE * math.cos(math.radians(lat))
        found[f"source_{name}_lon"] = round(lon + at.east_m / east_degree_m, 6)
    return found


def _pipeline(part: PipelinePart, making: Making) -> PipelinePlant:
    site = _site(part.site)
    line = _line(part)
    attributes = {
        "wave_speed_m_s": round(line.wave_speed, 1),
        "diameter_m": part.diameter_m,
        "density_kg_m3": part.density,
    }
    asset = Asset(f"{site.id}-{part.asset}", part.asset_name.text(), site.id, "pipeline", attributes)
    stations = [("pt", "pipe_pressure", m) for m in part.pressure_at_m]
    stations += [("ft", "pipe_flow", m) for m in part.flow_at_m]
    words = {"pt": Text("压力", "pressure"), "ft": Text("流量", "flow")}
    share = np.linspace(0.0, part.length_m, len(part.route))
    sensors = []
    for prefix, kind, along_m in stations:
        lat = float(np.interp(along_m, share, [point[0] for point in part.route]))
        lon = float(np.interp(along_m, share, [point[1] for point in part.route]))
        name = Text(
            f"K{along_m / 1e3:04.1f} {words[prefix].zh}", f"Station at {along_m / 1e3:.1f} km, {words[prefix].en}"
        )
        position = Position(round(lat, 6), round(lon, 6), along_m)
        tag = f"{site.id}/{prefix}-{round(along_m):05d}"
        sensors.append(Sensor(tag, kind, asset.id, name, position, making.period_s(kind)))
    elevation = tuple(p[0] for p in part.elevation_m), tuple(p[1] for p in part.elevation_m)
    return PipelinePlant(
        site=site,
        assets=(asset,),
        sensors=tuple(sensors),
        line=line,
        elevation_m=elevation,
        clock=making.clock,
        seed=making.seed,
    )


def _line(part: PipelinePart) -> Line:
    metre_kpa = part.density * GRAVITY / 1e3
    return Line(
        length_m=part.length_m,
        diameter_m=part.diameter_m,
        wall_m=part.wall_m,
        density=part.density,
        bulk_pa=part.bulk_pa,
        young_pa=part.young_pa,
        friction=part.friction,
        flow_m3_s=part.flow_m3_h / 3600.0,
        inlet_head_m=part.inlet_kpa / metre_kpa,
        shutoff_head_m=part.shutoff_kpa / metre_kpa,
        tank_head_m=part.tank_kpa / metre_kpa,
        cycle=part.cycle,
    )


def _building(part: BuildingPart, making: Making) -> BuildingPlant:
    site = _site(part.site)
    assets: list[Asset] = []
    sensors: list[Sensor] = []
    rooms: list[Room] = []
    counts: dict[str, int] = {}

    def add(asset: Asset, kind: str, prefix: str, place: Text) -> None:
        number = counts[prefix] = counts.get(prefix, 0) + 1
        name = _sensor_name(place, kind, number)
        tag = f"{site.id}/{prefix}-{number:02d}"
        position = _near(site, len(assets), spread_m=6.0)
        sensors.append(Sensor(tag, kind, asset.id, name, position, making.period_s(kind)))

    for room in part.rooms:
        for copy in range(1, room.copies + 1):
            asset_id = f"{site.id}-{room.asset}" + (f"-{copy:02d}" if room.copies > 1 else "")
            assets.append(Asset(asset_id, _numbered(room.name, copy, room.copies), site.id, room.kind))
            rooms.append(Room(asset_id, room.area_m2, room.height_m, room.kitchen))
            for kind in room.kinds:
                add(assets[-1], kind, _PREFIXES[kind], assets[-1].name)
    water = Asset(f"{site.id}-fire-water", Text("消防给水", "Fire water"), site.id)
    assets.append(water)
    for _ in range(part.water.hydrants):
        add(water, "hydrant_pressure", "hydrant", site.name)
    for _ in range(part.water.tanks):
        add(water, "tank_level", "tank", site.name)
    w = part.water
    return BuildingPlant(
        site=site,
        assets=tuple(assets),
        sensors=tuple(sensors),
        rooms=tuple(rooms),
        water=FireWater(w.pressure_kpa, w.level_percent, w.level_swing_percent, w.refill_s),
        t90_s={kind: i.t90_s for kind, i in making.instruments.items()},
        clock=making.clock,
        seed=making.seed,
    )


def planned(part: EventPart) -> PlannedEvent:
    stages = tuple((stage.after_s, stage.hole_mm) for stage in part.stages)
    until_s = min(part.until_s, part.at_s + part.figures.get("lasts_s", math.inf))
    return PlannedEvent(part.kind, part.place, part.at_s, until_s, dict(part.figures), stages)


def make_fault(part: FaultPart, *, sensors: tuple[int, ...], last_value: float, seed: int) -> Fault:
    """Make a fault; ``last_value`` is what the first of its sensors measures at the fault's start."""
    span = Span(sensors[0], part.at_s, part.until_s)
    match part.kind:
        case "stuck":
            return Stuck(span, last_value)
        case "silent":
            return Silent(span)
        case "spikes":
            return Spikes(span, part.size, part.share, part.missing_share, stream(seed, f"spikes {part.tag}"))
        case "wrong_clock":
            return WrongClock(span, part.offset_s)
        case "gateway_down":
            return GatewayDown(sensors, part.at_s, part.until_s)
