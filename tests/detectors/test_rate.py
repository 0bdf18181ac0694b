from __future__ import annotations

import numpy as np
import pytest

from tests.detectors.feed import Fed


def test_a_straight_rise_scores_its_slope_a_minute() -> None:
    scores = Fed("rate", {"window_s": 60.0}, period_s=5.0).rows(20.0 + 8.3 / 12 * np.arange(40))
    assert scores[-20:] == pytest.approx(8.3)


def test_a_straight_fall_scores_below_zero() -> None:
    assert Fed("rate", {"window_s": 60.0}).rows(100.0 - np.arange(120.0))[-1] == pytest.approx(-60.0)


@pytest.mark.parametrize("period_s", [0.02, 1.0, 7.0])
def test_the_rate_of_reporting_does_not_matter(period_s: float) -> None:
    fed = Fed("rate", {"window_s": 60.0}, period_s=period_s)
    times_s = period_s * np.arange(int(90 / period_s) + 1)
    assert fed.rows(0.5 * times_s)[-1] == pytest.approx(30.0)


def test_it_abstains_until_half_the_window_is_full() -> None:
    scores = Fed("rate", {"window_s": 60.0}).rows(np.arange(60.0))
    assert np.isnan(scores[:30]).all()
    assert np.isfinite(scores[30:]).all()


def test_it_abstains_again_after_a_gap_longer_than_the_window() -> None:
    fed = Fed("rate", {"window_s": 60.0})
    fed.rows(np.zeros(100))
    fed.wait(61.0)
    assert np.isnan(fed.rows(np.full(30, 500.0))).all()


def test_all_rows_of_a_fast_sensor_count_against_noise() -> None:
    """The spread is that of least squares through all 3,000 rows, within a tenth."""
    noise = np.random.default_rng(5).normal(0.0, 1.0, (4000, 300))
    scores = Fed("rate", {"window_s": 60.0}, period_s=0.02, sensors=300).rows(noise)[-1]
    assert scores.std() == pytest.approx(np.sqrt(12 / 3000) / 60 * 60, rel=0.15)


def test_a_step_is_forgotten_after_one_window() -> None:
    fed = Fed("rate", {"window_s": 60.0})
    scores = fed.rows([*np.zeros(100), *np.full(100, 10.0)])
    assert scores[100:150].max() > 10.0
    assert np.abs(scores[170:]).max() < 1e-9
