"""What ``packs/*/scenario.yaml`` may say, checked before anything is played."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Annotated, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from model.errors import ConfigError, ConfigErrors, Place
from model.text import Text

RoomSensor: TypeAlias = Literal["smoke", "room_temperature", "co_ppm", "room_humidity"]
EventKind: TypeAlias = Literal[
    "leak", "release", "burst", "smouldering", "cooking", "steam", "dust", "contamination", "heating", "door", "exhaust"
]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Words(_Part):
    zh: str
    en: str

    def text(self) -> Text:
        return Text(self.zh, self.en)


class Instrument(_Part):
    """How the sensors of one kind measure."""

    period_s: float = Field(gt=0, description="How often they report; a plant may say otherwise.")
    white: float = Field(ge=0, description="Deviation of the noise from reading to reading, unit of the kind.")
    slow: float = Field(ge=0, description="Deviation of the noise that wanders, unit of the kind.")
    slow_s: float = Field(gt=0, description="How long the wandering remembers.")
    resolution: float = Field(gt=0, description="Smallest step of the output, unit of the kind.")
    low: float = Field(description="Lowest value it can say.")
    high: float = Field(description="Highest value it can say.")
    t90_s: float = Field(default=0, ge=0, description="Time to 90 % of a step.")
    per_percent: float = Field(default=1, gt=0, description="Gas: what 1 %VOL of methane reads.")
    origin: str = Field(min_length=1, description="Where the figures come from.")


class At(_Part):
    lat: float = Field(ge=-90, le=90)
    lon: float = Field(ge=-180, le=180)


class EnterprisePart(_Part):
    id: str
    name: Words
    contact: str = ""


class GridCellPart(_Part):
    id: str
    name: Words


class SitePart(_Part):
    id: str = Field(pattern=r"^[a-z0-9-]+$", description="First part of the tags.")
    name: Words
    enterprise: str
    grid_cell: str
    position: At


class SpacePart(_Part):
    """Equal spaces with gas sensors of one kind."""

    asset: str = Field(pattern=r"^[a-z0-9-]+$")
    name: Words
    kind: Literal["ch4_lel", "ch4_vol", "ch4_ppm"]
    prefix: str = Field(pattern=r"^[a-z0-9]+$", description="Of the sensors' names: prefix-01, prefix-02 ...")
    copies: int = Field(default=1, ge=1, le=500, description="How many such spaces; each is an asset of its own.")
    points: int = Field(default=1, ge=1, le=100, description="Sensors in each of them.")
    volume_m3: float = Field(default=0, ge=0, description="0 = open air: no leak can be played there.")
    air_changes_h: float = Field(default=0, ge=0)
    period_s: float | None = Field(default=None, gt=0)
    watched_as: Literal["", "gas_site"] = Field(
        default="",
        description="Kind of the assets; as a gas_site it has the wind sensors and knows the site's sources.",
    )


class SourcePart(_Part):
    """A place of a yard from which gas may come."""

    east_m: float
    north_m: float


class GasPart(_Part):
    plant: Literal["gas"]
    site: SitePart
    spaces: list[SpacePart] = Field(min_length=1)
    sources: dict[str, SourcePart] = Field(default={}, description="Places of the site from which gas may come.")


class PipelinePart(_Part):
    plant: Literal["pipeline"]
    site: SitePart
    asset: str = Field(pattern=r"^[a-z0-9-]+$")
    asset_name: Words
    length_m: float = Field(gt=0)
    diameter_m: float = Field(gt=0)
    wall_m: float = Field(gt=0)
    density: float = Field(gt=0, description="kg/m3")
    bulk_pa: float = Field(gt=0, description="Bulk modulus of the fluid, Pa.")
    young_pa: float = Field(gt=0, description="Young's modulus of the wall, Pa.")
    friction: float = Field(gt=0, description="Darcy friction factor.")
    flow_m3_h: float = Field(gt=0)
    inlet_kpa: float = Field(gt=0)
    shutoff_kpa: float = Field(gt=0, description="Of the pump, at no flow.")
    tank_kpa: float = Field(gt=0, description="Behind the valve at the far end.")
    cycle: float = Field(ge=0, lt=0.5, description="Share by which the flow varies over the day.")
    elevation_m: list[tuple[float, float]] = Field(min_length=2, description="(along, elevation) points.")
    route: list[tuple[float, float]] = Field(min_length=2, description="(lat, lon) points, evenly spread.")
    pressure_at_m: list[float]
    flow_at_m: list[float]


class RoomPart(_Part):
    """Equal rooms of a building."""

    asset: str = Field(pattern=r"^[a-z0-9-]+$")
    name: Words
    copies: int = Field(default=1, ge=1, le=500)
    area_m2: float = Field(gt=0)
    height_m: float = Field(gt=0)
    kitchen: bool = False
    kind: Literal["room", "nuisance_room"] = Field(
        default="room", description="Kind of the asset; cooking, steam and engines are usual in the other one."
    )
    kinds: list[RoomSensor] = Field(min_length=1)


class WaterPart(_Part):
    hydrants: int = Field(ge=0)
    tanks: int = Field(ge=0)
    pressure_kpa: float
    level_percent: float
    level_swing_percent: float
    refill_s: float = Field(gt=0)


class BuildingPart(_Part):
    plant: Literal["building"]
    site: SitePart
    rooms: list[RoomPart] = Field(min_length=1)
    water: WaterPart


PlantPart = Annotated[GasPart | PipelinePart | BuildingPart, Field(discriminator="plant")]


class StagePart(_Part):
    after_s: float = Field(ge=0)
    hole_mm: float = Field(ge=0)


class EventPart(_Part):
    kind: EventKind
    place: str = Field(description="Tag of the nearest sensor, or the site for a burst.")
    at_s: float = Field(ge=0)
    until_s: float = math.inf
    figures: dict[str, float] = {}
    stages: list[StagePart] = []


class FaultPart(_Part):
    kind: Literal["stuck", "silent", "spikes", "wrong_clock", "gateway_down"]
    tag: str = Field(description="Of the sensor; of a gateway that is down its name.")
    at_s: float = Field(default=0, ge=0)
    until_s: float = math.inf
    size: float = Field(default=0, description="Spikes: how wild, unit of the kind.")
    share: float = Field(default=0, ge=0, le=1, description="Spikes: share of the readings.")
    missing_share: float = Field(default=0, ge=0, le=1, description="Spikes: share of readings without a number.")
    offset_s: float = Field(default=0, description="Wrong clock: how far it is ahead.")


class ProfilePart(_Part):
    events: list[EventPart] = []
    faults: list[FaultPart] = []


class Scenario(_Part):
    """One ``scenario.yaml``."""

    enterprises: list[EnterprisePart] = []
    grid_cells: list[GridCellPart] = []
    instruments: dict[str, Instrument]
    plants: list[PlantPart]
    profiles: dict[str, ProfilePart] = {}


def load(path: Path) -> Scenario:
    """Read one scenario.

    Raises:
        ConfigErrors: the file cannot be read, is no YAML or does not fit; all that is wrong is named.

    """
    try:
        data = YAML(typ="safe", pure=True).load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, YAMLError) as error:
        problem = ConfigError(Place(str(path), 0, ""), f"must be readable YAML ({error})", path.name)
        raise ConfigErrors([problem]) from error
    try:
        return Scenario.model_validate(data)
    except ValidationError as error:
        found = [
            ConfigError(Place(str(path), 0, ".".join(map(str, e["loc"]))), e["msg"], e["input"])
            for e in error.errors(include_url=False)
        ]
        raise ConfigErrors(found) from error
