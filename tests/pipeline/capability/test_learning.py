"""Who is still learning: warming up, never heard, or learning anew."""

from __future__ import annotations

import numpy as np

from model.inputs import PlanChange
from model.plan import DetectorSpec
from pipeline.capability.learning import still_learning
from pipeline.process import snapshot
from pipeline.process.step import State, begin
from tests.pipeline.plans import START_NS, Row, kind, plan, play, rows

SHIFT = DetectorSpec(
    "shift", "ewma", ("gas",), {"smooth_s": 0.0, "warmup_s": 60.0, "sigma_floor": 0.1, "hold_s": 30.0, "mean_s": 600.0}
)


def lived(*values: float) -> State:
    """Sensor a as given, once a second; sensor b is never heard."""
    made = plan(kinds=(kind(period_s=1.0),), sensors=[("a", "gas"), ("b", "gas")], detectors=(SHIFT,))
    state = begin(PlanChange(made, START_NS), 0)
    play(state, [rows(Row(0, float(at), value) for at, value in enumerate(values))])
    return state


def told(state: State, *assets: str) -> list[tuple[str, str, int, int, int]]:
    found = still_learning(snapshot.take(state), assets or ("station",))
    return [(one.detector, one.kind, one.sensors, one.warming, one.stale) for one in found]


def noise(count: int, mean: float = 5.0) -> list[float]:
    return (mean + 0.1 * np.random.default_rng(1).normal(size=count)).tolist()


def test_in_the_warm_up_both_are_told() -> None:
    assert told(lived(*noise(30))) == [("shift", "gas", 2, 2, 0)]


def test_after_it_only_the_one_that_was_never_heard() -> None:
    assert told(lived(*noise(120))) == [("shift", "gas", 2, 1, 0)]


def test_a_normal_that_was_given_up_is_told_as_learned_anew() -> None:
    found = told(lived(*noise(120), *noise(45, mean=50.0)))
    assert found[0][4] == 1


def test_other_assets_are_left_out() -> None:
    assert told(lived(*noise(30)), "elsewhere") == []
