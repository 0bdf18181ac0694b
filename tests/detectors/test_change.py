"""What ``change`` promises: a rate of false alarms whatever the noise, shifts of any size, and since when."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from detectors import AnyDetector
from model.plan import Parameter
from tests.detectors.feed import START_NS, Fed
from tests.naive.change import NaiveChange

MINUTE_S = 60.0
SENSORS = 60
#: With this limit each gives about one false alarm in 20,000 to 50,000 rows of white noise; a test holds them to it.
LIMITS = {"change": 4.5, "cusum": 9.5, "ewma": 4.4}


def noise(rows: int, *, memory: float = 0.0, seed: int = 1) -> NDArray[np.float64]:
    """Readings of many sensors with a deviation of 1, each row remembering so much of the one before."""
    rng = np.random.default_rng(seed)
    value = rng.normal(size=(rows, SENSORS))
    for row in range(1, rows):
        value[row] = memory * value[row - 1] + np.sqrt(1.0 - memory**2) * value[row]
    return value


def fed(name: str, **parameters: Parameter) -> Fed:
    return Fed(name, parameters, sensors=SENSORS, period_s=MINUTE_S)


def alarms(score: NDArray[np.float64], limit: float) -> int:
    on = np.abs(score) > limit
    return int((on[1:] & ~on[:-1]).sum())


def onsets_min(its: Fed) -> NDArray[np.float64]:
    """Rows from the beginning to the onset of each sensor's change; NaN where there is none."""
    since_ns = its.state.sensors["since_ns"]
    return np.where(since_ns < 0, np.nan, (since_ns - START_NS) / 60e9)


@pytest.mark.parametrize("name", LIMITS)
def test_at_its_limit_each_is_as_quiet_as_the_others_in_white_noise(name: str) -> None:
    value = noise(15_000)
    assert alarms(fed(name).rows(value), LIMITS[name]) < value.size / 15_000


def test_noise_with_a_memory_raises_no_more_often_where_cusum_hardly_stops() -> None:
    value = noise(15_000, memory=0.9)
    assert alarms(fed("change").rows(value), LIMITS["change"]) < value.size / 15_000
    assert alarms(fed("cusum").rows(value), LIMITS["cusum"]) > value.size / 500


@pytest.mark.parametrize("law", ["exponential", "lognormal", "t3"])
def test_heavy_tails_raise_no_more_often(law: str) -> None:
    rng = np.random.default_rng(7)
    value = rng.standard_t(3, (15_000, SENSORS)) if law == "t3" else getattr(rng, law)(size=(15_000, SENSORS))
    assert alarms(fed("change").rows(value), LIMITS["change"]) < value.size / 15_000


def test_a_shift_of_half_a_sigma_is_found_by_change_alone() -> None:
    value = noise(6_400)
    value[6_000:] += 0.5
    found = {name: (np.abs(fed(name).rows(value)[6_000:]) > limit).any(axis=0).mean() for name, limit in LIMITS.items()}
    assert found["change"] > 0.9
    assert found["cusum"] < 0.4
    assert found["ewma"] < 0.2


@pytest.mark.parametrize(("shift", "rows_max"), [(1.0, 40), (2.0, 10), (-4.0, 8)])
def test_the_size_need_not_be_known(shift: float, rows_max: int) -> None:
    value = noise(6_060)
    value[6_000:] += shift
    delay = (fed("change").rows(value)[6_000:] > LIMITS["change"]).argmax(axis=0)
    assert 0 < np.median(delay) <= rows_max


@pytest.mark.parametrize(("shift", "off_max"), [(1.0, 8), (2.0, 3)])
def test_it_knows_since_when(shift: float, off_max: int) -> None:
    value = noise(6_100)
    value[6_000:] += shift
    its = fed("change")
    its.rows(value)
    off = onsets_min(its) - 6_000
    known = ~np.isnan(off)
    assert known.mean() > 0.95
    assert np.median(np.abs(off[known])) <= off_max


def test_an_event_can_say_since_when_from_where_and_to_where() -> None:
    value = noise(6_100)
    value[6_000:] -= 2.0
    its = fed("change")
    score = its.rows(value)[-1]
    told = [its.detector.explain(its.state, slot, float(score[slot])) for slot in range(SENSORS)]
    assert np.median([(each.since_ns - START_NS) / 60e9 for each in told]) == pytest.approx(6_000, abs=2)
    assert np.median([each.observed for each in told]) == pytest.approx(-2.0, abs=0.1)
    assert np.median([each.expected for each in told]) == pytest.approx(0.0, abs=0.1)
    assert np.median([each.high - each.low for each in told]) == pytest.approx(5.7, abs=0.3)
    assert min(each.confidence for each in told) > 0.999


def test_a_side_that_does_not_count_is_not_explained() -> None:
    value = noise(3_050)
    value[3_000:] -= 4.0
    its = fed("change", side="high")
    its.rows(value)
    assert its.detector.explain(its.state, 0, 1.0).since_ns is None
    assert its.detector.explain(its.state, 0, 1.0).observed is None


def test_a_value_that_comes_back_ends_the_score_long_before_the_mean_over_it_would() -> None:
    value = noise(6_600)
    value[6_000:6_300] += 2.0
    score = fed("change").rows(value)[6_300:]
    assert np.median((score < 4.0).argmax(axis=0)) < 20
    assert (score[100:] > LIMITS["change"]).mean() < 0.01


def test_a_lasting_change_is_not_learned_for_hold_s_and_then_is() -> None:
    value = noise(4_000)
    value[2_000:] += 3.0
    score = fed("change", hold_s=500 * MINUTE_S).rows(value)
    assert (score[2_020:2_490] > LIMITS["change"]).all()
    assert np.isnan(score[2_530:2_535]).all()
    assert np.nanmax(score[2_700:]) < 6.0


def test_two_wild_readings_are_no_change() -> None:
    value = noise(2_000)
    value[1_998:] = 1e6
    assert (fed("change").rows(value)[1_998:] < LIMITS["change"]).all()


def test_a_side_that_is_not_asked_for_says_nothing_and_is_not_learned_either() -> None:
    value = noise(3_000)
    value[2_000:2_200] -= 3.0
    score = fed("change", side="high").rows(value)
    assert score[2_000:].max() < LIMITS["change"]


def test_a_value_that_never_moved_scores_nothing() -> None:
    assert np.nanmax(fed("change").rows(np.full((500, SENSORS), 0.1))) == 0.0


def test_the_twin_agrees_when_buckets_overflow_and_a_change_comes_and_goes() -> None:
    rng = np.random.default_rng(4)
    value = rng.normal(size=1_700)
    value[1_300:1_500] += 2.0
    its = Fed("change", {"normal_s": 20_000.0}, period_s=MINUTE_S)
    detector: AnyDetector = its.detector
    twin = NaiveChange(detector, MINUTE_S)  # type: ignore[arg-type]
    expected = [twin.row(START_NS + at * 60_000_000_000, now) for at, now in enumerate(value)]
    np.testing.assert_allclose(its.rows(value), expected, rtol=1e-7, atol=1e-7)
    assert its.state.sensors["old"][0] > 0
