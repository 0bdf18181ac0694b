"""A building full of nuisances, drawn from a seed: what a fire system has to bear for weeks, and fires among it.

Sizes are those of rooms where people cook, wash, sweep, heat and park, at the upper end of what is usual: point smoke
detectors by the limits of GB 4715 (0.05 to 0.5 dB/m) would alarm on most of it. Rooms without a carbon monoxide sensor
are judged by those limits, so nothing of it is played there but light cooking.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from simulator.scenario import (
    BuildingPart,
    EventKind,
    EventPart,
    FaultPart,
    ProfilePart,
    RoomPart,
    RoomSensor,
    Scenario,
    SitePart,
    WaterPart,
    Words,
)

SITE = "busy"
_HOUR_S, _DAY_S = 3600.0, 86_400.0

_WHOLE: tuple[RoomSensor, ...] = ("smoke", "room_temperature", "co_ppm")
#: Asset, kinds of its sensors, area and height, whether it has meals, how many there are.
ROOMS: tuple[tuple[str, tuple[RoomSensor, ...], float, float, bool, int], ...] = (
    ("flat", ("smoke", "room_temperature"), 30.0, 2.8, False, 2),
    ("kitchen", _WHOLE, 12.0, 2.8, True, 3),
    ("bathroom", (*_WHOLE, "room_humidity"), 6.0, 2.6, False, 2),
    ("washroom", _WHOLE, 8.0, 2.6, False, 1),
    ("office", ("smoke", "smoke", "room_temperature", "room_temperature", "co_ppm"), 60.0, 3.0, False, 2),
    ("store", _WHOLE, 40.0, 3.5, False, 1),
    ("garage", _WHOLE, 80.0, 3.0, False, 1),
)


@dataclass(frozen=True, slots=True)
class Nuisance:
    """How often something happens in a room, how long it lasts, and what it adds at most: lowest and highest."""

    kind: EventKind
    a_day: float
    lasts_s: tuple[float, float]
    adds: dict[str, tuple[float, float]]
    heat_k_s: tuple[float, float] = (0.0, 0.0)  # heat by duration, K/s, so that short ones do not heat fast
    heat_k_max: float = 0.0


_MEAL = Nuisance("cooking", 3.0, (600, 2700), {"smoke_db_m": (0.03, 0.5), "co_ppm": (1, 10)}, (0.001, 0.006), 5.0)
_TOAST = Nuisance("cooking", 1.5, (90, 300), {"smoke_db_m": (0.2, 0.9), "co_ppm": (0, 4)}, (0.001, 0.006), 2.0)
_SNACK = Nuisance("cooking", 2.0, (300, 1200), {"smoke_db_m": (0.0, 0.015)}, (0.001, 0.004), 2.0)
_SHOWER = Nuisance("steam", 4.0, (300, 1200), {"smoke_db_m": (0.1, 1.5), "humidity_rh": (15, 45)}, (0.002, 0.006), 4.0)
_SWEEPING = Nuisance("dust", 1.5, (30, 240), {"smoke_db_m": (0.1, 1.0)})
_HEATING = Nuisance("heating", 2.0, (900, 3600), {}, (0.002, 0.012), 8.0)
_DOOR = Nuisance("door", 10.0, (60, 900), {"heat_k": (-6, -1)})
_ENGINE = Nuisance("exhaust", 6.0, (300, 1500), {"co_ppm": (3, 12), "smoke_db_m": (0, 0.05)}, (0.0, 0.002), 1.0)

WITH_NUISANCES = frozenset({"kitchen", "bathroom", "washroom", "garage"})
LIFE: dict[str, tuple[Nuisance, ...]] = {
    "flat": (_SNACK, _HEATING, _DOOR),
    "kitchen": (_MEAL, _TOAST, _DOOR),
    "bathroom": (_SHOWER, _HEATING, _DOOR),
    "washroom": (_SHOWER, _SWEEPING, _DOOR),
    "office": (_HEATING, _SWEEPING, _DOOR, _TOAST),
    "store": (_SWEEPING, _DOOR),
    "garage": (_ENGINE, _SWEEPING, _DOOR),
}


@dataclass(frozen=True, slots=True)
class PlayedFire:
    """A fire at a smoke sensor (``busy/smoke-03``)."""

    place: str
    at_s: float
    flaming: bool


def busy_building(like: Scenario, *, seed: int, hours: float, fires: Sequence[PlayedFire] = ()) -> Scenario:
    """Draw a building and what happens in it.

    Args:
        like: instruments, companies and cells are taken from it.
        seed: of all that is drawn.
        hours: how long its life lasts.
        fires: what burns beside it.

    Returns:
        a scenario whose only profile is ``busy``.

    """
    random = np.random.default_rng(seed)
    events = [event for room, place in _places() for event in _life(random, LIFE[room], place, hours * _HOUR_S)]
    events += [_fire(fire) for fire in fires]
    first = like.plants[0].site
    site = SitePart(
        id=SITE,
        name=Words(zh="忙碌的楼", en="Busy building"),
        enterprise=first.enterprise,
        grid_cell=first.grid_cell,
        position=first.position,
    )
    water = WaterPart(hydrants=1, tanks=1, pressure_kpa=420, level_percent=94, level_swing_percent=4, refill_s=14400)
    part = BuildingPart(plant="building", site=site, rooms=list(_rooms()), water=water)
    profile = ProfilePart(events=sorted(events, key=lambda event: event.at_s), faults=list(_faults()))
    return Scenario(
        enterprises=like.enterprises,
        grid_cells=like.grid_cells,
        instruments=like.instruments,
        plants=[part],
        profiles={"busy": profile},
    )


def _rooms() -> Iterator[RoomPart]:
    for asset, kinds, area_m2, height_m, kitchen, copies in ROOMS:
        yield RoomPart(
            asset=asset,
            name=Words(zh=asset, en=asset),
            copies=copies,
            area_m2=area_m2,
            height_m=height_m,
            kitchen=kitchen,
            kind="nuisance_room" if asset in WITH_NUISANCES else "room",
            kinds=list(kinds),
        )


def _places() -> Iterator[tuple[str, str]]:
    """Each smoke sensor and the kind of its room; of a room with two the first one."""
    number = 1
    for asset, kinds, *_, copies in ROOMS:
        for _ in range(copies):
            yield asset, f"{SITE}/smoke-{number:02d}"
            number += kinds.count("smoke")


def _life(
    random: np.random.Generator, nuisances: Sequence[Nuisance], place: str, until_s: float
) -> Iterator[EventPart]:
    for nuisance in nuisances:
        for at_s in np.sort(random.uniform(0.0, until_s, random.poisson(nuisance.a_day * until_s / _DAY_S))):
            lasts_s = float(random.uniform(*nuisance.lasts_s))
            figures = {name: float(random.uniform(*span)) for name, span in nuisance.adds.items()}
            if nuisance.heat_k_max:
                figures["heat_k"] = min(nuisance.heat_k_max, lasts_s * float(random.uniform(*nuisance.heat_k_s)))
            yield EventPart(kind=nuisance.kind, place=place, at_s=float(at_s), figures={**figures, "lasts_s": lasts_s})
    if random.uniform() < 0.3 and "flat" not in place:
        at_s = float(random.uniform(0.0, until_s))
        yield EventPart(
            kind="contamination", place=place, at_s=at_s, figures={"smoke_db_m": float(random.uniform(0.01, 0.03))}
        )


def _faults() -> Iterator[FaultPart]:
    """Loose contacts: of one temperature and of one smoke sensor that do not stand alone."""
    yield FaultPart(kind="spikes", tag=f"{SITE}/temperature-03", size=25, share=0.01, missing_share=0.01)
    yield FaultPart(kind="spikes", tag=f"{SITE}/smoke-06", size=0.6, share=0.01, missing_share=0.01)


def _fire(fire: PlayedFire) -> EventPart:
    figures = {"layer_share": 0.5, "air_changes_h": 2.0, "flame_kw_max": 500.0}
    if fire.flaming:
        figures |= {"growth_g_s2": 0.0, "rate_g_s_max": 0.0, "flame_after_s": 0.0, "flame_kw_s2": 0.0117}
    else:
        figures |= {"growth_g_s2": 0.0001, "rate_g_s_max": 0.12, "flame_after_s": 7200.0, "flame_kw_s2": 0.0117}
    return EventPart(kind="smouldering", place=fire.place, at_s=fire.at_s, until_s=fire.at_s + 1800.0, figures=figures)
