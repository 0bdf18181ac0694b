"""Events carry what their detectors know, as of the row that brought them about."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest

from detectors import ASSET_DETECTORS
from model.alarm import AlarmEvent
from model.detector import EXPLAINS, AssetInput, AssetView, ExplainedByColumns, operand
from model.explanation import Contributor, Explanation
from model.inputs import PlanChange, Tick
from model.plan import DetectorSpec, Plan
from model.sensor import Position
from pipeline.process.explain import Doubles, explained_by_columns
from pipeline.process.step import State, begin
from tests.checks.asset_detectors import EXAMPLES
from tests.pipeline.plans import START_NS, Row, canonical, grade, kind, ns, plan, play, rows, rule

MEAN = DetectorSpec("mean", "ewma", ("gas",), {"smooth_s": 0.0, "warmup_s": 30.0, "mean_s": 60.0})
SHIFT_AT = 60


def watched(on_s: float = 0.0) -> Plan:
    far = rule("far", grade("blue", "mean > 4", on_s), grade("yellow", "mean > 30", on_s))
    return plan(far, kinds=[kind(period_s=1.0)], sensors=[("a", "gas"), ("b", "gas")], detectors=[MEAN])


def started(on_s: float = 0.0) -> State:
    return begin(PlanChange(watched(on_s), START_NS), 0)


def readings(seconds: int) -> list[Row]:
    """Two sensors; ``a`` jumps, and again."""
    noise = np.random.default_rng(5).normal(10.0, 0.5, (seconds, 2))
    noise[SHIFT_AT:, 0] += 6.0
    noise[SHIFT_AT + 2 :, 0] += 30.0
    return [Row(s, second + 0.1 * s, float(noise[second, s])) for second in range(seconds) for s in (0, 1)]


def explained(events: list[AlarmEvent]) -> list[tuple[float | None, float | None, int | None]]:
    found = []
    for event in events:
        assert event.why is not None
        told = event.why.explanations["mean"]
        assert told.unit == "%LEL"
        found.append((told.observed, told.expected, told.since_ns))
    return found


@pytest.mark.parametrize("cut", [1, 7, 1000])
def test_an_event_is_explained_by_the_state_of_its_row(cut: int) -> None:
    state, items = started(), readings(SHIFT_AT + 10)
    events = play(state, [rows(items[at : at + cut]) for at in range(0, len(items), cut)])
    assert [(event.tag, event.grade.name) for event in events] == [("a", "BLUE"), ("a", "YELLOW")]
    jumped, again = items[2 * SHIFT_AT].value, items[2 * SHIFT_AT + 4].value
    (first, expected, since), (second, _, also_since) = explained(events)
    assert (first, second) == (jumped, again)
    assert expected == pytest.approx(10.0, abs=0.5)
    assert since == also_since
    assert ns(SHIFT_AT - 8) < (since or 0) <= ns(SHIFT_AT)


def test_what_time_alone_brings_about_is_explained_by_what_was_said_last() -> None:
    state, items = started(on_s=20.0), readings(SHIFT_AT + 1)
    ticks = [Tick(ns(SHIFT_AT + s), s * 10**9) for s in (1, 8, 16, 22)]
    (event,) = play(state, [rows(items), *ticks])
    (first, expected, _), *_ = explained([event])
    assert first == items[-2].value
    assert expected == pytest.approx(10.0, abs=0.5)


def test_rows_that_detectors_did_not_see_do_not_count() -> None:
    """A late row stands in the batch before the one that raises."""
    items = readings(SHIFT_AT + 10)
    late = Row(0, 20.5, 55.0, SHIFT_AT - 0.5)
    whole = play(started(), [rows([*items[: 2 * SHIFT_AT], late, *items[2 * SHIFT_AT :]])])
    assert explained(whole) == explained(play(started(), [rows(items)]))


def test_a_detector_that_no_rule_names_is_not_asked() -> None:
    level = rule("level", grade("blue", "value > 13"))
    state = begin(PlanChange(plan(level, sensors=[("a", "gas"), ("b", "gas")], detectors=[MEAN]), START_NS), 0)
    (event, *_) = play(state, [rows(readings(SHIFT_AT + 1))])
    assert event.why is not None
    assert event.why.explanations == {}


def test_the_same_events_whichever_way_an_alarm_comes_and_goes_in_one_batch() -> None:
    """Changes of several rules on one sensor, so that the copy has to go back and begin again."""
    both = plan(
        rule("far", grade("blue", "mean > 4")),
        rule("near", grade("blue", "mean > 2"), grade("yellow", "mean > 8")),
        kinds=[kind(period_s=1.0)],
        detectors=[MEAN],
    )
    rng = np.random.default_rng(9)
    values = 10.0 + rng.normal(0.0, 0.5, 200) + 5.0 * (np.arange(200) > 60) * (rng.random(200) < 0.3)
    items = [Row(0, float(second), float(value)) for second, value in enumerate(values)]
    whole = play(begin(PlanChange(both, START_NS), 0), [rows(items)])
    single = play(begin(PlanChange(both, START_NS), 0), [rows([item]) for item in items])
    assert len(whole) > 40
    assert canonical(whole) == canonical(single)


def test_doubles_are_those_that_stand_there_more_than_once() -> None:
    doubles = Doubles.of(9)
    rng = np.random.default_rng(1)
    for _ in range(50):
        slots = rng.integers(0, 9, int(rng.integers(0, 14))).astype(np.int32)
        once, count = np.unique(slots, return_counts=True)
        assert sorted(doubles.among(slots).tolist()) == once[count > 1].tolist()


@dataclass
class OfAssets:
    units: dict[str, str]
    detector: Any = None
    spec: DetectorSpec = field(default_factory=lambda: DetectorSpec("d", "pca", ("gas",), {}, ("vessel",)))


class Renamed:
    def explained_by(self) -> dict[str, str]:
        return {"observed": "rate", "since": "held_s", "contributor": "logger"}


VIEW = AssetView("vessel", {}, tuple(AssetInput(tag, "gas", "kPa", Position(), 1.0) for tag in ("x", "y")))


def test_columns_of_a_detector_on_assets_explain_it() -> None:
    units = {"": "", "observed": "kPa", "expected": "kPa", "since": "min", "contributor": "", "share": "", "other": "m"}
    columns = {operand("d", name): np.array([np.nan, 2.0]) for name in units}
    told = explained_by_columns(OfAssets(units), columns, 1, VIEW, START_NS)
    assert told == Explanation(2.0, 2.0, None, None, "kPa", ns(-120), None, (Contributor("y", 2.0),))
    assert explained_by_columns(OfAssets(units), columns, 0, VIEW, START_NS) == Explanation()


def test_columns_may_have_other_names() -> None:
    units = {"": "sigma", "rate": "m3/h", "held_s": "s", "logger": ""}
    columns = {operand("d", name): np.array([1.0]) for name in units}
    told = explained_by_columns(OfAssets(units, Renamed()), columns, 0, VIEW, START_NS)
    assert told == Explanation(1.0, unit="m3/h", since_ns=ns(-1), contributors=(Contributor("x"),))
    columns["d.held_s"][0] = 0.0
    assert explained_by_columns(OfAssets(units, Renamed()), columns, 0, VIEW, START_NS).since_ns is None


def test_what_a_detector_on_assets_says_names_columns_that_it_has() -> None:
    for name, made in ASSET_DETECTORS.items():
        detector = made(**EXAMPLES[name][0])
        units = detector.units("kPa")
        named = detector.explained_by() if isinstance(detector, ExplainedByColumns) else {}
        assert set(named) <= set(EXPLAINS), name
        assert set(named.values()) <= set(units), name
        since = named.get("since", "since")
        assert units.get(since, "s") in {"s", "min"}, name
