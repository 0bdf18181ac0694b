"""Days of a busy building through ``step``, with the shipped fire pack."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from ruamel.yaml import YAML

from config.plan import plan_over
from model.alarm import AlarmEvent, Transition
from model.batch import BAD, GOOD, Batch
from model.inputs import PlanChange, Tick
from model.plan import Plan
from pipeline.process.step import begin, step
from simulator.busy_building import PlayedFire, busy_building
from simulator.district import District
from simulator.scenario import load

PACKS = Path(__file__).resolve().parents[2] / "packs"
#: 2026-01-15 00:00 in Shanghai.
MIDNIGHT_NS = 1_768_406_400_000_000_000
_STEP_S, _SPAN_S = 10, 3600


@dataclass(frozen=True)
class Told:
    """One event of an alarm, in the time of the scenario."""

    at_s: float
    tag: str
    rule: str
    transition: Transition
    grade: str


def district(*, seed: int, hours: float, fires: tuple[PlayedFire, ...] = ()) -> District:
    scenario = busy_building(load(PACKS / "fire" / "scenario.yaml"), seed=seed, hours=hours, fires=fires)
    return District([scenario], profile="busy", seed=seed, start_ns=MIDNIGHT_NS)


def plan_of(made: District, folder: Path) -> Plan:
    """The shipped fire pack on the building, read from files as always."""
    registry = folder / "registry.yaml"
    with registry.open("w", encoding="utf-8") as file:
        YAML(typ="safe").dump(made.registry(), file)
    return plan_over(["fire"], folder, registry)


def told(made: District, folder: Path, *, hours: float) -> list[Told]:
    """Play it, rounds of ten seconds each; alarms about instruments are left out."""
    plan = plan_of(made, folder)
    place = {sensor.tag: at for at, sensor in enumerate(plan.sensors)}
    sensor_of = np.array([place[sensor.tag] for sensor in made.sensors], np.int32)
    kinds = {kind.id: kind for kind in plan.kinds}
    low = np.array([kinds[sensor.kind].low for sensor in made.sensors])
    high = np.array([kinds[sensor.kind].high for sensor in made.sensors])
    state = begin(PlanChange(plan, MIDNIGHT_NS), 0)
    events: list[AlarmEvent] = []
    for begin_s in range(0, round(hours * 3600), _SPAN_S):
        rows = made.rows(begin_s, begin_s + _SPAN_S)
        usable = (rows.value >= low[rows.sensor]) & (rows.value <= high[rows.sensor])
        received_ns = made.clock.start_ns + rows.t_ms * 1_000_000
        quality = np.where(usable, GOOD, BAD).astype(np.uint8)
        whole = Batch(sensor_of[rows.sensor], rows.time_ns, received_ns, rows.value, quality)
        cuts = np.searchsorted(rows.t_ms, 1000 * np.arange(begin_s, begin_s + _SPAN_S + 1, _STEP_S))
        for number, (first, last) in enumerate(zip(cuts[:-1].tolist(), cuts[1:].tolist(), strict=True)):
            now_ns = (begin_s + (number + 1) * _STEP_S) * 1_000_000_000
            for item in (whole.take(np.arange(first, last)), Tick(MIDNIGHT_NS + now_ns, now_ns, "one")):
                events += step(state, state.next_offset, item).events
    diagnostic = {rule.id for rule in plan.rules if rule.diagnostic}
    return [
        Told((event.time_ns - MIDNIGHT_NS) / 1e9, event.tag, event.rule, event.transition, event.grade.name.lower())
        for event in events
        if event.rule not in diagnostic and not event.rule.startswith("system.")
    ]
