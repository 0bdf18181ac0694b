"""A simulated site whose alarms people have judged: steam and cooking, hobs that are lit, and among it fires and leaks.

It runs for six hours in rounds of ten seconds, under two rules. Somebody acknowledges every alarm and says what it
was, by the truth of the simulator.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from ruamel.yaml import YAML

from app.configured import Paths, read
from config.plan import load_plan
from model.alarm import ANNUNCIATES, AlarmEvent, Transition
from model.inputs import Act, HumanAct, PlanChange, Tick
from model.plan import Plan
from pipeline.process.step import begin, step
from simulator.batches import Batches
from simulator.district import District, Truth
from simulator.scenario import (
    BuildingPart,
    EventPart,
    GasPart,
    ProfilePart,
    RoomPart,
    Scenario,
    SitePart,
    SpacePart,
    StagePart,
    WaterPart,
    Words,
    load,
)
from store.journal.writer import Journal
from store.pipeline_store import PipelineStore
from tests.simulator.districts import MIDNIGHT_NS, PACKS

HOURS = 6
ROUND_S = 10
ROOMS, HOBS = 2, 32
SMOKE, HOB = "fire.smoke", "own.hob"
#: A fire or leak is over for the alarm, too, so long after it ended.
_AFTER_S = 600.0

_FENGSUI = """\
data_dir: ./data
packs: [gas, fire, ./own]
registry: registry.yaml
language: en
"""
_RULES = """\
rules:
  own.hob:
    name: {zh: 灶间燃气, en: Gas in a kitchen}
    kinds: [ch4_lel]
    source: "our own: instruction 7"
    grades:
      blue: {when: "value >= 1.8 %LEL", off_delay: 1 min}
      yellow: {when: "value >= 10 %LEL", off_delay: 1 min}
"""
_ADVICE = """\
advice:
  own.hob:
    blue: {zh: 查看。, en: Look.}
    yellow: {zh: 关阀。, en: Close the valve.}
"""


@dataclass(frozen=True)
class Nuisances:
    """How much smoke steam and cooking give, in dB/m, and how long it lasts, in s."""

    smoke: tuple[float, float] = (0.07, 0.13)
    lasts_s: tuple[float, float] = (100.0, 300.0)
    a_day: float = 36.0


def scenario(seed: int, nuisances: Nuisances, fires: list[EventPart]) -> Scenario:
    like, gas = load(PACKS / "fire" / "scenario.yaml"), load(PACKS / "gas" / "scenario.yaml")
    random = np.random.default_rng(seed)
    events = [event for room in range(ROOMS) for event in _life(random, f"flats/smoke-{room + 1:02d}", nuisances)]
    first = like.plants[0].site

    def site(name: str) -> SitePart:
        words = Words(zh=name, en=name)
        return SitePart(
            id=name, name=words, enterprise=first.enterprise, grid_cell=first.grid_cell, position=first.position
        )

    words = Words(zh="房间", en="room")
    rooms = [RoomPart(asset="bath", name=words, copies=ROOMS, area_m2=12, height_m=2.6, kinds=["smoke"])]
    water = WaterPart(hydrants=1, tanks=1, pressure_kpa=420, level_percent=94, level_swing_percent=4, refill_s=14400)
    kitchens = SpacePart(
        asset="kitchen", name=words, kind="ch4_lel", prefix="ch4", copies=HOBS, volume_m3=25, air_changes_h=0.5
    )
    leaks = [
        EventPart(
            kind="leak",
            place=f"homes/ch4-{number + 1:02d}",
            at_s=3600.0 * at_h,
            until_s=3600.0 * at_h + 1800.0,
            figures={"supply_kpa": 2.2},
            stages=[StagePart(after_s=0, hole_mm=2)],
        )
        for number, at_h in enumerate((0.8, 2.3, 4.6))
    ]
    return Scenario(
        enterprises=like.enterprises,
        grid_cells=like.grid_cells,
        instruments={**like.instruments, **gas.instruments},
        plants=[
            BuildingPart(plant="building", site=site("flats"), rooms=rooms, water=water),
            GasPart(plant="gas", site=site("homes"), spaces=[kitchens]),
        ],
        profiles={"judged": ProfilePart(events=sorted([*events, *fires, *leaks], key=lambda one: one.at_s))},
    )


def _life(random: np.random.Generator, place: str, of: Nuisances) -> Iterator[EventPart]:
    for at_s in np.sort(random.uniform(0.0, HOURS * 3600.0, random.poisson(of.a_day * HOURS / 24))):
        kind = "steam" if random.uniform() < 0.5 else "cooking"
        figures = {"smoke_db_m": float(random.uniform(*of.smoke)), "lasts_s": float(random.uniform(*of.lasts_s))}
        yield EventPart(kind=kind, place=place, at_s=float(at_s), figures=figures)  # type: ignore[arg-type]


def flaming(place: str, at_h: float) -> EventPart:
    """A fire that is red within two minutes."""
    figures = {"growth_g_s2": 0.0, "rate_g_s_max": 0.0, "flame_after_s": 0.0, "flame_kw_s2": 0.0117}
    figures |= {"flame_kw_max": 500.0, "layer_share": 0.5, "air_changes_h": 15.0}
    at_s = at_h * 3600.0
    return EventPart(kind="smouldering", place=place, at_s=at_s, until_s=at_s + 600.0, figures=figures)


def like_steam(place: str, at_h: float) -> EventPart:
    """A real one that is less than what the sensor sees every day."""
    return EventPart(kind="cooking", place=place, at_s=at_h * 3600.0, figures={"smoke_db_m": 0.08, "lasts_s": 110.0})


def lived(folder: Path, fires: list[EventPart], *, nuisances: Nuisances = Nuisances(), seed: int = 3) -> Path:
    """Let the site live, and return its fengsui.yaml."""
    district = District([scenario(seed, nuisances, fires)], profile="judged", seed=seed, start_ns=MIDNIGHT_NS)
    for name, text in (("rules", _RULES), ("advice", _ADVICE)):
        (folder / "own").mkdir(parents=True, exist_ok=True)
        (folder / "own" / f"{name}.yaml").write_text(text, encoding="utf-8")
    with (folder / "registry.yaml").open("w", encoding="utf-8") as file:
        YAML(typ="safe", pure=True).dump(district.registry(), file)
    config = folder / "fengsui.yaml"
    config.write_text(_FENGSUI, encoding="utf-8")
    plan = with_two_rules(load_plan(read(config)))
    real = [
        one
        for one in district.truth()
        if one.kind in ("smouldering", "leak")
        or (one.place, one.start_s) in {(fire.place, fire.at_s) for fire in fires}
    ]
    paths = Paths.under(read(config).data_dir)
    journal, store = Journal(paths.journal), PipelineStore(paths.pipeline_db)
    store.note_plan(plan)
    journal.append(PlanChange(plan, MIDNIGHT_NS))
    state = begin(PlanChange(plan, MIDNIGHT_NS), 0)
    batches = Batches(district, plan)
    for at_s in range(0, HOURS * 3600, ROUND_S):
        now_ns = (at_s + ROUND_S) * 10**9
        events: list[AlarmEvent] = []
        for item in (batches.span(at_s, at_s + ROUND_S), Tick(MIDNIGHT_NS + now_ns, now_ns)):
            journal.append(item)
            events += step(state, state.next_offset, item).events
        for act in [act for event in events for act in _acts(event, MIDNIGHT_NS + now_ns, real)]:
            events += step(state, state.next_offset, act).events
        if events:
            store.record(events, [], state.next_offset)
    journal.commit()
    journal.close()
    store.close()
    return config


def with_two_rules(plan: Plan) -> Plan:
    """What else the packs watch would cost time, and tells nothing here."""
    rules = tuple(replace(rule, yields_to=()) for rule in plan.rules if rule.id in (SMOKE, HOB))
    return replace(plan, rules=rules, detectors=())


def _acts(event: AlarmEvent, now_ns: int, real: list[Truth]) -> Iterator[HumanAct]:
    if event.transition not in ANNUNCIATES:
        return
    yield HumanAct(f"ack-{event.id}", Act.ACKNOWLEDGE, event.alarm_id, "li", "", now_ns)
    at_s = (event.time_ns - MIDNIGHT_NS) / 1e9
    is_real = any(event.tag in one.tags and one.start_s <= at_s <= one.end_s + _AFTER_S for one in real)
    if event.transition not in (Transition.RAISED, Transition.UPGRADED):
        return
    verdict, cause = ("real", "seen on site") if is_real else ("false", "steam, cooking, a hob that was lit")
    yield HumanAct(f"judge-{event.id}", Act.VERDICT, event.alarm_id, "li", cause, now_ns, verdict=verdict)
