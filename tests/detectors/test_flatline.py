from __future__ import annotations

import numpy as np
import pytest

from model.batch import Batch
from tests.detectors.feed import Fed
from tests.pipeline.plans import SECOND_NS, START_NS


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


@pytest.mark.parametrize("cut", range(6))
def test_until_it_has_seen_a_move_its_scores_are_lower_bounds_however_rows_are_cut(cut: int) -> None:
    fed = Fed("flatline", {"tolerance": 0.5})
    values = np.array([7.0, 7.3, np.nan, 8.0, 8.0, 7.0])
    slots, times = np.zeros(6, np.int32), START_NS + SECOND_NS * np.arange(6)
    said = []
    for part in (slice(None, cut), slice(cut, None)):
        rows = Batch(slots[part], times[part], times[part], values[part], np.zeros(6, np.uint8)[part])
        fed.detector.update(fed.state, rows)
        said += fed.detector.is_lower_bound(fed.state, rows.sensor, rows.time_ns).tolist()
    assert said == [True, True, True, False, False, False]


def test_an_unusable_value_neither_moves_nor_resets() -> None:
    scores = Fed("flatline", {}).rows([7.0, np.nan, np.inf, 7.0])
    assert np.isnan(scores[1:3]).all()
    assert scores[3] == 3.0
