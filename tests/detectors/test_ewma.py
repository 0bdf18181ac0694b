from __future__ import annotations

import numpy as np
import pytest

from detectors.declaration import ParameterError
from detectors.general.ewma import Ewma
from tests.detectors.feed import Fed

QUICK = {"smooth_s": 5.0, "warmup_s": 600.0, "mean_s": 3600.0, "sigma_s": 86400.0, "hold_s": 1800.0}


def noise(n: int, *, seed: int = 3, sensors: int = 1) -> np.ndarray:
    made = np.random.default_rng(seed).normal(0.0, 1.0, (n, sensors))
    return made[:, 0] if sensors == 1 else made


def test_it_abstains_during_the_warm_up_and_not_after() -> None:
    scores = Fed("ewma", QUICK).rows(noise(700))
    assert np.isnan(scores[:601]).all()
    assert np.isfinite(scores[601:]).all()


def test_fewer_than_eight_rows_are_no_warm_up() -> None:
    scores = Fed("ewma", {**QUICK, "warmup_s": 30.0}, period_s=10.0).rows(noise(12))
    assert np.isnan(scores[:8]).all()
    assert np.isfinite(scores[8:]).all()


@pytest.mark.parametrize("smooth_s", [0.0, 5.0, 60.0])
def test_on_white_noise_the_score_has_a_deviation_of_one(smooth_s: float) -> None:
    fed = Fed("ewma", {**QUICK, "smooth_s": smooth_s, "warmup_s": 6000.0, "mean_s": 1e6}, sensors=50)
    assert fed.rows(noise(12000, sensors=50))[6001:].std() == pytest.approx(1.0, rel=0.1)


def test_noise_with_a_memory_is_not_taken_for_a_shift() -> None:
    """Pressure heads have it: 0.15 m with half a second of memory under 0.1 m of white noise, at 50 Hz."""
    rng = np.random.default_rng(9)
    slow = np.zeros((20000, 20))
    for n in range(1, len(slow)):
        slow[n] = 0.96 * slow[n - 1] + rng.normal(0.0, 0.15 * np.sqrt(1 - 0.96**2), 20)
    fed = Fed(
        "ewma",
        {"smooth_s": 0.5, "warmup_s": 60.0, "mean_s": 20.0, "sigma_s": 300.0, "hold_s": 60.0},
        sensors=20,
        period_s=0.02,
    )
    scores = fed.rows(100.0 + slow + rng.normal(0.0, 0.1, slow.shape))
    assert np.nanmax(np.abs(scores)) < 6.0
    assert (np.abs(scores) > 4.0).mean() < 1e-3


def test_a_lasting_step_is_found_within_the_smoothing_time() -> None:
    scores = Fed("ewma", QUICK).rows(noise(1200) + 2.0 * (np.arange(1200) >= 1000))
    assert np.abs(scores[601:1000]).max() < 4.0
    assert np.argmax(scores[1000:] > 4.0) <= 15


def test_a_fall_scores_below_zero() -> None:
    assert Fed("ewma", QUICK).rows(noise(1100) - 3.0 * (np.arange(1100) >= 1000))[-1] < -4.0


def test_a_slow_leak_is_not_learned_away_before_the_hold_ends() -> None:
    """0.3 sigma a minute: it is out after a quarter of an hour, and stays out until the hold is over."""
    n = np.arange(6000)
    scores = Fed("ewma", QUICK).rows(noise(6000) + 0.005 * np.maximum(0, n - 2000))
    found = 2000 + int(np.argmax(scores[2000:] > 4.0))
    assert found < 2000 + 900
    assert (scores[found + 300 : found + 1200] > 4.0).all()


def test_what_lasts_longer_than_the_hold_becomes_the_normal_after_a_warm_up() -> None:
    n = np.arange(6000)
    scores = Fed("ewma", QUICK).rows(noise(6000) + 10.0 * (n >= 1000))
    assert (scores[1010:2800] > 4.0).all()
    assert np.isnan(scores[2810:3400]).all()
    assert np.abs(scores[3500:]).max() < 5.0


def test_a_daily_cycle_raises_nothing() -> None:
    """Ambient methane at one row a minute: 0.3 ppm up and down in a day, noise of 0.05 ppm, default parameters."""
    minutes = np.arange(5 * 1440)
    ppm = 2.0 + 0.3 * np.sin(2 * np.pi * minutes / 1440)[:, None] + 0.05 * noise(len(minutes), sensors=20)
    scores = Fed("ewma", {}, sensors=20, period_s=60.0).rows(ppm)
    assert np.abs(scores[1440:]).max() < 5.0


def test_a_gap_in_the_data_does_not_overturn_what_was_learned() -> None:
    fed = Fed("ewma", QUICK)
    fed.rows(noise(1000))
    mean = float(fed.state.sensors["mean"][0])
    fed.wait(86400.0)
    fed.rows([1.5])
    assert fed.state.sensors["mean"][0] == pytest.approx(mean, abs=0.01)


def test_a_value_on_a_coarse_grid_that_flips_by_one_step_is_no_alarm() -> None:
    """Always 0 while it learned: without half a step as the least sigma, the first 1 would be infinitely far."""
    scores = Fed("ewma", {**QUICK, "smooth_s": 0.0}).rows([*np.zeros(700), 1.0, 0.0, 0.0])
    assert scores[699:701].tolist() == [0.0, pytest.approx(2.0, abs=0.01)]


def test_sigma_is_never_below_its_floor() -> None:
    fed = Fed("ewma", {**QUICK, "smooth_s": 0.0, "sigma_floor": 2.0})
    assert fed.rows([*(0.001 * noise(700)), 6.0])[-1] == pytest.approx(3.0, abs=0.01)


def test_few_rows_of_baseline_give_few_false_alarms() -> None:
    """Twelve rows at 5 s, as before a room fire: 3 sigma is exceeded hardly more often than after a long time."""
    fed = Fed("ewma", {"smooth_s": 0.0, "warmup_s": 35.0, "hold_sigma": 3.0}, sensors=5000, period_s=5.0)
    scores = fed.rows(20.0 + noise(12, sensors=5000))
    assert np.isfinite(scores[8:]).all()
    assert (np.abs(scores[8:]) > 4.0).mean() < 0.01


def test_a_warm_up_shorter_than_the_smoothing_allows_is_refused() -> None:
    with pytest.raises(ParameterError, match=r"ewma\.warmup_s must be at least five times smooth_s \(60 s\), got 100"):
        Ewma(smooth_s=60.0, warmup_s=100.0)
