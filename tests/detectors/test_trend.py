"""What ``trend`` sees on values that drift or go in cycles, where others see nothing or too much."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from detectors.declaration import ParameterError
from model.plan import Parameter
from tests.detectors.feed import START_NS, Fed
from tests.naive.trend import NaiveTrend

SENSORS = 30
PERIOD_S = 300.0
DAY = 288  # rows
AT = 20 * DAY + 100
#: Limits at which each is quiet on everything that is made here; a test holds them to it.
LIMITS = {"trend": 5.5, "ewma": 5.0, "seasonal": 5.5, "rarity": 4.5}
SETTINGS: dict[str, dict[str, Parameter]] = {"trend": {"smooth_s": 600.0}, "ewma": {"smooth_s": 600.0}}
DAYS = np.arange(24 * DAY) / DAY
CYCLE = 6.0 * np.sin(2 * np.pi * DAYS) + 2.0 * np.sin(4 * np.pi * DAYS + 1.0)
COURSES = {"a drift": 10.0 * DAYS, "a cycle": CYCLE, "a cycle that drifts": CYCLE + 2.0 * DAYS}


def readings(course: str, fault: float = 0.0) -> NDArray[np.float64]:
    """Noise with a deviation of 1 on a course; a fault lasts two hours."""
    value = COURSES[course][:, None] + np.random.default_rng(1).normal(size=(len(DAYS), SENSORS))
    value[AT : AT + 24] += fault
    return value


def fed(name: str, course: str = "a drift", **more: Parameter) -> Fed:
    cycle: dict[str, Parameter] = {"cycle_s": 86400.0} if name == "trend" and "cycle" in course else {}
    return Fed(name, SETTINGS.get(name, {}) | cycle | more, sensors=SENSORS, period_s=PERIOD_S)


def told(name: str, course: str) -> float:
    """Share of the sensors that tell of the fault."""
    score = fed(name, course).rows(readings(course, fault=4.0))
    return float((np.abs(score[AT : AT + 24]) > LIMITS[name]).any(axis=0).mean())


@pytest.mark.parametrize("course", COURSES)
@pytest.mark.parametrize("name", LIMITS)
def test_at_its_limit_each_is_quiet_on_every_course(name: str, course: str) -> None:
    score = np.abs(fed(name, course).rows(readings(course)))[8 * DAY :]
    assert (np.nanmax(score, axis=0) > LIMITS[name]).mean() <= 0.04


def test_on_a_cycle_that_drifts_trend_alone_tells_of_a_fault_smaller_than_the_cycle() -> None:
    found = {name: told(name, "a cycle that drifts") for name in LIMITS}
    assert found["trend"] >= 0.95
    assert max(found["ewma"], found["seasonal"], found["rarity"]) <= 0.05


def test_on_a_cycle_ewma_sees_nothing_and_seasonal_does_as_well_as_trend() -> None:
    assert told("trend", "a cycle") >= 0.95
    assert told("seasonal", "a cycle") >= 0.95
    assert told("ewma", "a cycle") == 0.0


def test_on_a_drift_seasonal_and_rarity_see_nothing() -> None:
    assert told("trend", "a drift") >= 0.95
    assert max(told("seasonal", "a drift"), told("rarity", "a drift")) == 0.0


def test_a_steady_drift_that_stops_is_told_within_six_hours() -> None:
    value = readings("a drift") + 50.0 * DAYS[:, None]
    value[AT:] -= 60.0 * (DAYS[AT:] - DAYS[AT])[:, None]
    score = fed("trend", level_s=7200.0, slope_s=86400.0, damp_s=2e6).rows(value)[: AT + DAY // 4]
    assert (np.abs(score[8 * DAY : AT]).max(axis=0) < LIMITS["trend"]).mean() >= 0.9
    assert (np.nanmin(score[AT:], axis=0) < -LIMITS["trend"]).mean() >= 0.9


def test_a_fault_is_not_learned_for_hold_s_and_the_forecast_goes_on_meanwhile() -> None:
    value = readings("a cycle that drifts")
    value[AT:] += 8.0
    score = fed("trend", "a cycle that drifts", hold_s=12 * 3600.0).rows(value)
    assert (score[AT + 3 : AT + 120] > LIMITS["trend"]).mean() > 0.95
    assert np.isnan(score[AT + 160]).all()
    assert (np.abs(score[AT + 2 * DAY :]) < LIMITS["trend"]).mean() > 0.99


def test_an_event_can_say_what_was_foretold_and_since_when() -> None:
    its = fed("trend", "a cycle")
    value = readings("a cycle", fault=6.0)[: AT + 12]
    score = its.rows(value)[-1]
    explained = [its.detector.explain(its.state, slot, float(score[slot])) for slot in range(SENSORS)]
    assert np.median([each.expected for each in explained]) == pytest.approx(CYCLE[AT + 11], abs=1.0)
    assert np.median([each.observed for each in explained]) == pytest.approx(CYCLE[AT + 11] + 6.0, abs=1.0)
    assert np.median([(each.since_ns - START_NS) / 300e9 for each in explained]) == pytest.approx(AT, abs=2)
    assert all(each.low < each.expected < each.high < each.observed for each in explained)


def test_a_gap_longer_than_the_level_begins_the_level_anew_and_keeps_season_and_slope() -> None:
    its = fed("trend", "a cycle that drifts")
    value = readings("a cycle that drifts")
    its.rows(value[: 20 * DAY])
    its.wait(DAY // 2 * PERIOD_S)
    score = its.rows(value[20 * DAY + DAY // 2 : 22 * DAY])
    assert (np.abs(score).max(axis=0) < LIMITS["trend"]).mean() >= 0.95


def test_a_value_that_never_moved_scores_nothing() -> None:
    assert np.nanmax(np.abs(fed("trend").rows(np.full((2 * DAY, SENSORS), 0.1)))) == 0.0


def test_the_twin_agrees_over_days_with_season_gap_fault_and_a_new_normal() -> None:
    value = readings("a cycle that drifts", fault=9.0)[: 23 * DAY, 0]
    value[22 * DAY :] += 30.0
    its = Fed("trend", {"cycle_s": 86400.0, "hold_s": 36000.0}, period_s=PERIOD_S)
    twin = NaiveTrend(its.detector, PERIOD_S)  # type: ignore[arg-type]
    found, expected = [], []
    for begin, end in ((0, 10 * DAY), (10 * DAY, 23 * DAY)):
        at_ns = [START_NS + round((its.now_s + PERIOD_S * row) * 1e9) for row in range(end - begin)]
        expected += [twin.row(at, now) for at, now in zip(at_ns, value[begin:end], strict=True)]
        found += list(its.rows(value[begin:end]))
        its.wait(DAY // 3 * PERIOD_S)
    np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-6)
    assert np.isnan(found[22 * DAY + 125])


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"slope_s": 3600.0}, r"trend\.slope_s must be at least 4 times level_s \(1800 s\), got 3600"),
        ({"smooth_s": 1000.0}, r"trend\.level_s must be at least 2 times smooth_s \(1000 s\), got 1800"),
        ({"damp_s": 7000.0}, r"trend\.damp_s must be at least 1 times slope_s \(7200 s\), got 7000"),
    ],
)
def test_time_constants_that_do_not_go_together_are_refused(given: dict[str, Parameter], message: str) -> None:
    with pytest.raises(ParameterError, match=message):
        Fed("trend", given)
