"""What detectors say beside the score: the row since which, what was seen and what was expected."""

from __future__ import annotations

import numpy as np
import pytest

from tests.detectors.feed import START_NS, Fed

QUICK = {"warmup_s": 300.0, "mean_s": 1e9, "sigma_s": 1e9, "hold_s": 1e6}
SHIFT_AT, ROWS = 600, 660


def shifted(by: float, seed: int = 3) -> np.ndarray:
    return np.random.default_rng(seed).normal(10.0, 1.0, ROWS) + by * (np.arange(ROWS) >= SHIFT_AT)


def second_of(time_ns: int | None) -> float:
    assert time_ns is not None
    return (time_ns - START_NS) / 1e9


@pytest.mark.parametrize("seed", range(8))
def test_cusum_says_since_when_its_sum_grows_and_what_it_saw_since(seed: int) -> None:
    values = shifted(1.5, seed)
    fed = Fed("cusum", {**QUICK, "side": "high"})
    scores = fed.rows(values)
    told = fed.detector.explain(fed.state, 0, float(scores[-1]))
    last_zero = int(np.flatnonzero(scores == 0.0)[-1])
    assert second_of(told.since_ns) == last_zero
    assert abs(last_zero - SHIFT_AT) <= 8
    assert told.observed == pytest.approx(values[last_zero + 1 :].mean(), abs=0.02)
    assert told.expected == pytest.approx(values[:SHIFT_AT].mean(), abs=0.1)
    assert told.high - told.low == pytest.approx(6 * values[:SHIFT_AT].std(), rel=0.1)
    assert told.confidence is None


@pytest.mark.parametrize(("side", "by"), [("both", -1.5), ("low", -1.5), ("both", 1.5), ("high", 1.5)])
def test_cusum_tells_of_the_side_that_counts(side: str, by: float) -> None:
    fed = Fed("cusum", {**QUICK, "side": side})
    score = float(fed.rows(shifted(by))[-1])
    told = fed.detector.explain(fed.state, 0, score)
    assert told.observed == pytest.approx(10.0 + by, abs=0.5)
    assert abs(second_of(told.since_ns) - SHIFT_AT) <= 8


def test_a_sum_that_has_not_grown_has_no_since() -> None:
    fed = Fed("cusum", {**QUICK, "side": "high"})
    fed.rows(np.r_[shifted(0.0), 0.0])
    told = fed.detector.explain(fed.state, 0, 0.0)
    assert told.since_ns is None
    assert told.observed is None
    assert told.expected == pytest.approx(10.0, abs=0.2)


@pytest.mark.parametrize("seed", range(8))
def test_ewma_says_since_when_the_level_is_on_its_side_of_the_mean(seed: int) -> None:
    values = shifted(1.5, seed)
    fed = Fed("ewma", {**QUICK, "smooth_s": 20.0})
    scores = fed.rows(values)
    told = fed.detector.explain(fed.state, 0, float(scores[-1]))
    crossed = int(np.flatnonzero((scores[:-1] > 0) != (scores[1:] > 0))[-1]) + 1
    assert second_of(told.since_ns) == crossed
    assert told.expected == pytest.approx(values[:SHIFT_AT].mean(), abs=0.15)
    assert told.observed == pytest.approx(11.5, abs=0.6)
    assert told.expected - told.low == pytest.approx(told.high - told.expected)
    assert told.confidence == pytest.approx(1.0 - 1.0 / scores[-1] ** 2)


def test_a_small_score_has_no_confidence() -> None:
    fed = Fed("ewma", {**QUICK, "smooth_s": 0.0})
    fed.rows(shifted(0.0))
    assert fed.detector.explain(fed.state, 0, 0.9).confidence is None


def test_a_new_normal_begins_the_count_anew() -> None:
    fed = Fed("cusum", {**QUICK, "hold_s": 20.0, "head_start_sigma": 2.5, "side": "high"})
    scores = fed.rows(np.r_[shifted(0.0), np.full(30, 60.0)])
    own = fed.state.sensors[0]
    assert second_of(int(own["above_ns"])) == ROWS + np.flatnonzero(np.isnan(scores[ROWS:]))[0]
    assert own["above_blocks"] == own["below_blocks"] == 0
