"""The shipped packs on the simulated district while the gateway of one site is down."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from ruamel.yaml import YAML

from config.findings import Findings
from config.packs import load_packs
from config.plan import make_plan
from config.registry import load_registry
from model.alarm import AlarmEvent
from model.batch import BAD, GOOD, Batch
from model.inputs import PlanChange, Tick
from model.plan import Plan
from pipeline.process.step import State, begin, step
from simulator.district import District
from tests.simulator.districts import PACKS, make

#: The gateway is down until 45,000 s of the day: the sensors behind it have not been heard since the start.
BEGIN_S, UP_S, END_S = 44_850, 45_000, 45_060


def planned(district: District, folder: Path) -> Plan:
    findings = Findings()
    with (folder / "registry.yaml").open("w", encoding="utf-8") as file:
        YAML(typ="safe").dump(district.registry(), file)
    packs = load_packs(["gas", "fire", "pipeline"], PACKS, findings)
    registry = load_registry(folder / "registry.yaml", [kind.id for kind in packs.kinds], findings)
    findings.raise_errors()
    return make_plan(packs, registry)


def second_of(district: District, state: State, at_s: int) -> list[AlarmEvent]:
    rows = district.rows(at_s, at_s + 1)
    index = np.array([state.bound.tag_index[sensor.tag] for sensor in district.sensors], np.int32)
    quality = np.where(np.isnan(rows.value), BAD, GOOD).astype(np.uint8)
    batch = Batch(
        index[rows.sensor], rows.time_ns, district.clock.start_ns + rows.t_ms * 1_000_000, rows.value, quality
    )
    tick = Tick(district.clock.start_ns + at_s * 10**9, at_s * 10**9)
    return [*step(state, state.next_offset, tick).events, *step(state, state.next_offset, batch).events]


def test_twenty_four_kitchens_behind_a_gateway_that_is_down_are_one_alarm(tmp_path: Path) -> None:
    district = make("day")
    state = begin(PlanChange(planned(district, tmp_path), 0), 0)
    told = [event for at_s in range(BEGIN_S, UP_S) for event in second_of(district, state, at_s)]
    assert state.gateways.withheld.sum() == 24
    told += [event for at_s in range(UP_S, END_S) for event in second_of(district, state, at_s)]
    faulty = {truth.place for truth in district.truth() if truth.fault and truth.kind != "gateway_down"}
    assert [(event.rule, event.tag, event.grade.name) for event in told if event.tag not in faulty] == [
        ("system.gateway_silent", "household-2/gateway", "YELLOW"),
        ("system.gateway_silent", "household-2/gateway", "NONE"),
    ]
    assert state.gateways.withheld.sum() == 0
