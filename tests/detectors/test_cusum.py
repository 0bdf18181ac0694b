from __future__ import annotations

import numpy as np
import pytest

from detectors.declaration import ParameterError
from detectors.general.cusum import Cusum
from tests.detectors.feed import Fed

#: As good as a known mean and sigma, to compare with published run lengths.
LONG = {"warmup_s": 4000.0, "mean_s": 1e9, "sigma_s": 1e9, "clip_sigma": 1e6, "hold_sigma": 9.0, "hold_s": 1e6}
QUICK = {"warmup_s": 600.0, "mean_s": 3600.0, "sigma_s": 86400.0, "hold_s": 1800.0}


def run_lengths(shift_sigma: float, *, rows: int, **parameters: float | str) -> np.ndarray:
    """Rows until the score passes 5, for 1,000 sensors; ``rows`` where it does not."""
    rng = np.random.default_rng(11)
    fed = Fed("cusum", {**LONG, **parameters}, sensors=1000)
    fed.rows(rng.normal(0.0, 1.0, (4002, 1000)))
    fed.state.sensors["above"][:] = 0.0
    fed.state.sensors["below"][:] = 0.0
    beyond = fed.rows(rng.normal(shift_sigma, 1.0, (rows, 1000))) > 5.0
    return np.where(beyond.any(axis=0), beyond.argmax(axis=0) + 1, rows)


@pytest.mark.parametrize(("shift_sigma", "published"), [(1.0, 10.4), (2.0, 4.01), (3.0, 2.57)])
def test_a_shift_is_found_in_the_published_number_of_rows(shift_sigma: float, published: float) -> None:
    """Average run lengths with drift 0.5 and limit 5: Lucas and Crosier 1982, table 1 (two-sided)."""
    assert run_lengths(shift_sigma, rows=100).mean() == pytest.approx(published, rel=0.08)


def test_without_a_shift_the_two_sides_alarm_once_in_465_rows() -> None:
    lengths = run_lengths(0.0, rows=465)
    assert (lengths == 465).mean() == pytest.approx(np.exp(-1), abs=0.06)


def test_one_side_alarms_half_as_often_as_both() -> None:
    lengths = run_lengths(0.0, rows=465, side="low")
    assert (lengths == 465).mean() == pytest.approx(np.exp(-0.5), abs=0.06)


def test_a_head_start_finds_at_once_what_is_wrong_when_the_warm_up_ends() -> None:
    """Half the limit as a head start: 6.35 rows instead of 10.4 for one sigma (Lucas and Crosier 1982)."""
    rng = np.random.default_rng(12)
    fed = Fed("cusum", {**LONG, "head_start_sigma": 2.5}, sensors=1000)
    fed.rows(rng.normal(0.0, 1.0, (4001, 1000)))
    beyond = fed.rows(rng.normal(1.0, 1.0, (100, 1000))) > 5.0
    assert (beyond.argmax(axis=0) + 1).mean() == pytest.approx(6.35, rel=0.08)


def test_it_abstains_during_the_warm_up_and_not_after() -> None:
    scores = Fed("cusum", QUICK).rows(np.random.default_rng(1).normal(size=700))
    assert np.isnan(scores[:601]).all()
    assert np.isfinite(scores[601:]).all()


def test_a_side_that_is_not_asked_for_says_nothing() -> None:
    values = np.random.default_rng(2).normal(size=800) - 4.0 * (np.arange(800) >= 700)
    assert Fed("cusum", {**QUICK, "side": "high"}).rows(values)[-1] == 0.0
    assert Fed("cusum", {**QUICK, "side": "low"}).rows(values)[-1] > 5.0


def test_the_sum_stops_at_the_cap_and_comes_back() -> None:
    n = np.arange(1000)
    scores = Fed("cusum", QUICK).rows(np.random.default_rng(3).normal(size=1000) + 20.0 * ((n >= 700) & (n < 800)))
    assert scores[799] == 20.0
    assert scores[800:860].min() < 5.0


def test_one_wild_reading_alone_does_not_reach_five() -> None:
    fed = Fed("cusum", QUICK, sensors=200)
    values = np.random.default_rng(4).normal(size=(701, 200))
    fed.rows(values[:700])
    fed.state.sensors["above"][:] = 0.0
    assert fed.rows(np.full((1, 200), 1000.0)).max() < 5.0


def test_a_small_slow_leak_is_found_and_not_learned_away_before_the_hold_ends() -> None:
    n = np.arange(6000)
    values = np.random.default_rng(5).normal(size=6000) + 0.005 * np.maximum(0, n - 2000)
    scores = Fed("cusum", {**QUICK, "side": "high"}).rows(values)
    found = 2000 + int(np.argmax(scores[2000:] > 5.0))
    assert found < 2000 + 900
    assert np.nanmin(scores[found + 300 : found + 1200]) > 5.0


def test_what_lasts_longer_than_the_hold_becomes_the_normal_after_a_warm_up() -> None:
    values = np.random.default_rng(6).normal(size=6000) + 10.0 * (np.arange(6000) >= 1000)
    scores = Fed("cusum", QUICK).rows(values)
    assert (scores[1010:2790] > 5.0).all()
    assert np.isnan(scores[2820:3390]).all()
    assert scores[3420:3500].max() < 10.0


def test_blocks_as_long_as_the_memory_of_the_noise_keep_false_alarms_down() -> None:
    rng = np.random.default_rng(7)
    slow = np.zeros((30000, 20))
    for n in range(1, len(slow)):
        slow[n] = 0.9 * slow[n - 1] + rng.normal(0.0, 1.0, 20)
    learned = {"warmup_s": 10000.0, "mean_s": 1e6, "sigma_s": 1e6}
    each_row = Fed("cusum", learned, sensors=20).rows(slow)[10001:]
    blocks = Fed("cusum", {**learned, "every_s": 60.0}, sensors=20).rows(slow)[10001:]
    assert np.nanmean(each_row > 5.0) > 0.3
    assert np.nanmean(blocks > 5.0) < 0.1


def test_within_a_block_the_score_stays() -> None:
    scores = Fed("cusum", {**QUICK, "every_s": 10.0}).rows(np.random.default_rng(8).normal(size=1000) + 0.3)
    changes = np.flatnonzero(np.diff(scores[700:]) != 0) + 701
    assert len(changes) > 3
    assert (changes % 10 == 0).all()


@pytest.mark.parametrize(
    ("parameters", "requirement"),
    [
        ({"drift_sigma": 5.0}, r"cusum\.drift_sigma must be below clip_sigma \(4\), got 5"),
        ({"hold_sigma": 20.0}, r"cusum\.hold_sigma must be below cap_sigma \(20\), got 20"),
        ({"head_start_sigma": 22.0}, r"cusum\.head_start_sigma must be below cap_sigma \(20\), got 22"),
        ({"side": "up"}, r"cusum\.side must be one of high, low, both, got 'up'"),
    ],
)
def test_parameters_that_do_not_go_together_are_refused(parameters: dict, requirement: str) -> None:
    with pytest.raises(ParameterError, match=requirement):
        Cusum(**parameters)
