from __future__ import annotations

import numpy as np

from tests.detectors.feed import Fed


def test_an_unmoving_value_scores_its_seconds() -> None:
    assert Fed("flatline", {}, period_s=10.0).rows([7.0, 7.0, 7.0]).tolist() == [0.0, 10.0, 20.0]


def test_a_move_resets_the_score() -> None:
    assert Fed("flatline", {}).rows([7.0, 7.0, 7.1, 7.1]).tolist() == [0.0, 1.0, 0.0, 1.0]


def test_noise_within_the_tolerance_is_no_move() -> None:
    noise = np.random.default_rng(1).uniform(-0.2, 0.2, 500)
    assert Fed("flatline", {"tolerance": 0.5}).rows(noise)[-1] == 499.0


def test_a_slow_drift_moves_once_it_adds_up() -> None:
    scores = Fed("flatline", {"tolerance": 0.5}).rows(0.1 * np.arange(100))
    assert scores.max() <= 6.0


def test_a_silent_spell_without_a_move_counts() -> None:
    fed = Fed("flatline", {})
    fed.rows([7.0])
    fed.wait(3600.0)
    assert fed.rows([7.0])[0] == 3601.0


def test_an_unusable_value_neither_moves_nor_resets() -> None:
    scores = Fed("flatline", {}).rows([7.0, np.nan, np.inf, 7.0])
    assert np.isnan(scores[1:3]).all()
    assert scores[3] == 3.0
