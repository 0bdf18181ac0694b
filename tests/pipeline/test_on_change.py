"""What is told of the sensors as a whole."""

from __future__ import annotations

from dataclasses import replace

from model.inputs import PlanChange, Tick
from pipeline.process.step import begin
from pipeline.runners.recovery import sensors_by_state
from tests.pipeline.plans import START_NS, Row, kind, ns, plan, play, rows


def test_a_sensor_that_reports_changes_only_is_never_silent() -> None:
    kinds = kind("gas"), replace(kind("point"), on_change=True)
    made = plan(kinds=kinds, sensors=[("a", "gas"), ("b", "point"), ("c", "gas"), ("d", "point")])
    state = begin(PlanChange(made, START_NS), 0)
    play(state, [Tick(ns(0), 0), rows([Row(0, 0.0, 1.0), Row(1, 0.0, 1.0)]), Tick(ns(1), 10**9)])
    by_clock = {"by_clock": 2, "never_by_clock": 1}
    assert sensors_by_state(state) == {"reporting": 2, "silent": 0, "never": 2, **by_clock}
    play(state, [Tick(ns(3600), 3600 * 10**9)])
    assert sensors_by_state(state) == {"reporting": 1, "silent": 1, "never": 2, **by_clock}
