"""The simulated district through ``step`` with the shipped packs: quiet days stay quiet, and what happens is found.

The days hold instruments that fail (stuck, silent, spikes, a wrong clock, a gateway that is down); their alarms are
about the instrument, and none of them is orange or red.
"""

from __future__ import annotations

import functools
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from ruamel.yaml import YAML

from config.plan import plan_over
from model.alarm import AlarmEvent, Grade, Transition
from model.inputs import PlanChange, Tick
from model.plan import Plan
from pipeline.process.step import begin, step
from simulator.batches import Batches
from simulator.district import District
from tests.simulator.districts import MIDNIGHT_NS, PACKS, make

SECOND_NS = 10**9
CHUNK_S = 10
ANNUNCIATES = (Transition.RAISED, Transition.RERAISED, Transition.UPGRADED)


def plan_of(district: District) -> Plan:
    with tempfile.TemporaryDirectory() as folder:
        registry = Path(folder) / "registry.yaml"
        with registry.open("w", encoding="utf-8") as file:
            YAML(typ="safe", pure=True).dump(district.registry(), file)
        return plan_over(["gas", "pipeline", "fire"], PACKS, registry)


def lived(district: District, hours: float) -> Iterator[AlarmEvent]:
    """Everything that is said from midnight on."""
    plan = plan_of(district)
    batches = Batches(district, plan)
    state = begin(PlanChange(plan, MIDNIGHT_NS), 0)
    for begin_s in range(0, round(hours * 3600), CHUNK_S):
        batch = batches.span(begin_s, begin_s + CHUNK_S)
        yield from step(state, state.next_offset, batch).events
        end_ns = (begin_s + CHUNK_S) * SECOND_NS
        yield from step(state, state.next_offset, Tick(MIDNIGHT_NS + end_ns, end_ns)).events


def told(event: AlarmEvent) -> str:
    at_h = (event.time_ns - MIDNIGHT_NS) / 3.6e12
    return f"{at_h:.2f} h {event.rule} {event.tag} {event.grade.name}"


def is_news(event: AlarmEvent) -> bool:
    return event.transition in ANNUNCIATES


def test_an_hour_of_ordinary_life_raises_nothing() -> None:
    assert [told(event) for event in lived(make("day"), 1.0) if is_news(event)] == []


@pytest.mark.prove
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_24_quiet_hours_raise_nothing_orange_or_red_and_no_more_than_an_alarm_in_ten_minutes(seed: int) -> None:
    events = [event for event in lived(make("day", seed=seed), 24.0) if is_news(event)]
    assert [told(event) for event in events if event.grade >= Grade.ORANGE] == []
    by_window = np.bincount([(event.time_ns - MIDNIGHT_NS) // (600 * SECOND_NS) for event in events], minlength=144)
    assert np.mean(by_window) <= 1.0


@functools.cache
def eventful_day() -> tuple[AlarmEvent, ...]:
    return tuple(event for event in lived(make("day-events"), 24.0) if is_news(event))


#: What happens, the rule on the whole asset (or the sensor) that is to tell it, and within how many minutes.
STORIES = {
    "burst": ("pipeline.burst_slow", 1.0),
    "release": ("gas.release", 20.0),
    "leak": ("gas.lel_soon", 30.0),
}


@pytest.mark.prove
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("kind", STORIES)
def test_what_happens_in_the_district_is_found_by_the_detector_for_it(kind: str) -> None:
    rule, minutes = STORIES[kind]
    truths = [one for one in make("day-events").truth() if one.kind == kind and not one.fault]
    found = [event for event in eventful_day() if event.rule == rule]
    hits = [
        one
        for one in truths
        if any(0 <= (event.time_ns - MIDNIGHT_NS) / 1e9 - one.start_s <= 60 * minutes for event in found)
    ]
    assert hits, [told(event) for event in found]
