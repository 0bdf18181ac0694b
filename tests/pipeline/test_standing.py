"""How sensors and lag are shown: by the time of receipt where it is about us, by device time where it is about them."""

from __future__ import annotations

import pytest

from model.inputs import PlanChange, Tick
from pipeline.metrics import PipelineMetrics
from pipeline.process.step import State, step
from pipeline.runners.recovery import sensors_by_state, show_state
from tests.pipeline.plans import START_NS, Row, kind, ns, plan, play, rows
from tests.pipeline.runs import started

HOUR = 3600.0
PLAN = plan(sensors=[("a", "gas"), ("b", "gas"), ("c", "gas")])


def at(second: float) -> Tick:
    return Tick(ns(second), round(second * 1e9))


def counts(state: State) -> tuple[int, int, int]:
    found = sensors_by_state(state)
    return found["reporting"], found["silent"], found["never"]


def heard(*items: Row) -> State:
    state = started(PLAN)
    play(state, [rows(items)])
    return state


def test_a_gateway_whose_clock_is_an_hour_behind_reports_and_falls_silent_like_any_other() -> None:
    state = heard(Row(0, 5.0 - HOUR, 1.0, 5.0), Row(1, 5.0, 1.0))
    play(state, [at(60.0)])
    assert counts(state) == (2, 0, 1)
    play(state, [at(65.1)])
    assert counts(state) == (0, 2, 1)


def test_late_rows_are_heard_and_repeated_ones_are_not() -> None:
    state = heard(Row(0, 5.0, 1.0), Row(1, 5.0, 1.0))
    play(state, [rows([Row(0, 4.0, 1.0, 50.0), Row(1, 5.0, 1.0, 50.0)]), at(100.0)])
    assert counts(state) == (1, 1, 1)


def test_rows_that_wait_to_be_sorted_do_not_make_their_sensor_silent() -> None:
    patient = plan(kinds=[kind(lateness_s=300.0)])
    state = started(patient)
    for second in range(0, 1000, 10):
        play(state, [rows([Row(0, float(second), 1.0)]), at(second + 5.0)])
    assert counts(state) == (1, 0, 0)


def test_a_change_of_plan_keeps_what_was_heard() -> None:
    state = heard(Row(0, 5.0 - HOUR, 1.0, 5.0))
    step(state, state.next_offset, PlanChange(plan(sensors=[("new", "gas"), ("a", "gas")]), START_NS))
    play(state, [at(60.0)])
    assert counts(state) == (1, 0, 1)


@pytest.mark.parametrize("behind_s", [0.0, HOUR, -100.0])
def test_the_delay_of_receipt_is_by_our_clock_and_the_delay_of_event_time_by_theirs(behind_s: float) -> None:
    state = heard(Row(0, 5.0 - behind_s, 1.0, 5.0), Row(1, 2.0 - behind_s, 1.0, 4.0))
    play(state, [at(8.0)])
    metrics = PipelineMetrics()
    show_state(metrics, state, {}, 0)
    assert metrics.receipt_delay._value.get() == 3.0
    assert metrics.watermark_delay._value.get() == 3.0 + behind_s
