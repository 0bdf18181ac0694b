"""Looking back at one sensor tells what the whole pipeline knew of it at that moment."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from model.batch import Batch
from model.inputs import Input, PlanChange, Tick
from model.plan import DetectorSpec
from pipeline.hindsight.looking_back import Narrowing, look_back
from pipeline.process.step import begin, step
from rules.grading import NEVER
from tests.pipeline.plans import START_NS, Row, grade, kind, ns, plan, rows, rule
from tests.pipeline.runs import started, to_input
from tests.pipeline.worlds import Act, World, worlds


def narrowed(items: list[Input], tag: str) -> Iterator[Batch | Tick | PlanChange]:
    narrowing = Narrowing(tag)
    for item in items:
        part = narrowing.narrow(item)
        if part is not None:
            yield part


@settings(max_examples=80, deadline=None)
@given(worlds(), st.integers(0, 10), st.integers(1, 30))
def test_grades_stand_as_in_the_whole_pipeline(world: World, which: int, until: int) -> None:
    state = started(world.plan)
    played = [to_input(state, event) for event in world.events[:until] if not isinstance(event, Act)]
    items: list[Input] = [PlanChange(world.plan, START_NS), *played]
    whole = begin(items[0], 0)  # type: ignore[arg-type]
    for item in items[1:]:
        step(whole, whole.next_offset, item)
    index = which % len(world.plan.sensors)
    tag = world.plan.sensors[index].tag
    found = look_back(narrowed(items, tag), tag, 2**62)
    assert found is not None
    program, slot = whole.bound.programs[whole.bound.program_of[index]], int(whole.bound.slot_of[index])
    expected = [
        (bool(one.state.on[slot, at]), int(one.state.begun_ns[slot, at]))
        for one in program.rules
        for at in range(len(one.spec.grades))
    ]
    grades = [grade for one in found.rules for grade in one.grades]
    assert [(one.is_on, NEVER if one.since_ns is None else one.since_ns) for one in grades] == expected


LEVEL = rule("level", grade("blue", "value >= 10", 30.0, 5.0, 2.0), grade("red", "value >= 50"))
STEEP = rule("steep", grade("yellow", "slope >= 6"))
SLOPE = DetectorSpec("slope", "rate", ("gas",), {"window_s": 10.0})
PLAN = plan(
    LEVEL, STEEP, kinds=[kind(), kind("heat", unit="degC")], sensors=[("t", "heat"), ("a", "gas")], detectors=[SLOPE]
)


def story(values: list[float]) -> list[Input]:
    items: list[Input] = [PlanChange(PLAN, START_NS)]
    for second, value in enumerate(values):
        items += [rows([Row(0, float(second), 1.0), Row(1, float(second), value)]), Tick(ns(second), second * 10**9)]
    return items


def test_values_scores_delay_and_distance_are_told() -> None:
    found = look_back(narrowed(story([float(at) for at in range(21)]), "a"), "a", ns(15.5))
    assert found is not None
    assert found.reading is not None
    assert (found.reading.time_ns, found.reading.value, found.reading.quality) == (ns(15.0), 15.0, 0)
    level, steep = found.rules
    assert level.operands == {"value": 15.0}
    assert [one.says for one in level.grades] == ["holds", "over"]
    blue, red = level.grades
    assert (blue.is_on, blue.since_ns, blue.wait_s, blue.lacks) == (False, ns(10.0), 24.5, -5.0)
    assert (red.since_ns, red.wait_s, red.lacks, red.unit) == (None, None, 35.0, "%LEL")
    assert steep.operands["slope"] == pytest.approx(60.0)
    assert steep.grades[0].is_on
    assert [one.rule for one in found.events] == ["steep"]


def test_a_value_inside_the_deadband_and_one_that_is_none() -> None:
    assert look_back(narrowed(story([9.0]), "a"), "a", ns(9.0)).rules[0].grades[0].says == "near"  # type: ignore[union-attr]
    unknown = look_back(narrowed(story([9.0, float("nan")]), "a"), "a", ns(9.0))
    assert unknown is not None
    assert unknown.rules[0].operands == {"value": None}
    assert {one.says for one in unknown.rules[0].grades} == {"unknown"}


def test_without_a_reading_or_a_plan_that_knows_it() -> None:
    early = look_back(narrowed(story([1.0]), "a"), "a", ns(-1.0))
    assert early is not None
    assert (early.reading, early.rules[0].operands) == (None, {"value": None})
    assert look_back(narrowed(story([1.0]), "no"), "no", ns(9.0)) is None
