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


@pytest.mark.parametrize(("side", "by"), [("both", 6.0), ("low", -6.0)])
def test_rarity_says_where_the_tails_begin_and_since_when_it_is_in_one(side: str, by: float) -> None:
    values = shifted(by)
    fed = Fed("rarity", {"smooth_s": 0.0, "warmup_s": 100.0, "side": side})
    scores = fed.rows(values)
    told = fed.detector.explain(fed.state, 0, float(scores[-1]))
    assert second_of(told.since_ns) == np.flatnonzero(scores == 0.0)[-1] + 1
    assert abs(second_of(told.since_ns) - SHIFT_AT) <= 3
    assert told.observed == values[-1]
    assert told.expected is None
    assert [told.low, told.high] == pytest.approx(np.quantile(values[:SHIFT_AT], [0.1, 0.9]), abs=0.4)
    assert told.confidence == pytest.approx(1.0 - 10.0 ** -scores[-1])


def test_a_value_in_no_tail_has_neither_since_nor_confidence() -> None:
    fed = Fed("rarity", {"smooth_s": 0.0, "warmup_s": 100.0})
    fed.rows(np.r_[shifted(0.0), 10.0])
    told = fed.detector.explain(fed.state, 0, 0.0)
    assert (told.since_ns, told.confidence) == (None, None)


def test_seasonal_says_what_is_usual_at_this_hour() -> None:
    day_s, days = 240, 25
    noise = np.random.default_rng(8).normal(0.0, 1.0, day_s * days)
    usual = 50.0 + 20.0 * np.sin(2 * np.pi * np.arange(day_s * days) / day_s)
    values = usual + noise
    values[-20:] += 40.0
    settings = {"cycle_s": float(day_s), "zone_h": 0.0, "smooth_s": 0.0, "warmup_s": 600.0}
    fed = Fed("seasonal", settings)
    scores = fed.rows(values)
    told = fed.detector.explain(fed.state, 0, float(scores[-1]))
    assert told.observed == values[-1]
    assert told.expected == pytest.approx(usual[-1], abs=4.0)
    assert told.low < told.expected < told.high < told.observed
    assert second_of(told.since_ns) == pytest.approx(day_s * days - 20, abs=2)
    assert told.confidence > 0.999


def test_rise_says_what_clean_air_is_and_since_when_there_is_gas() -> None:
    values = np.random.default_rng(4).normal(2.0, 0.05, 5000) + 3.0 * (np.arange(5000) >= 4900)
    fed = Fed("rise", {"smooth_s": 5.0, "warmup_s": 600.0})
    told = fed.detector.explain(fed.state, 0, float(fed.rows(values)[-1]))
    assert told.expected == pytest.approx(2.0, abs=0.1)
    assert told.observed == pytest.approx(5.0, abs=0.1)
    assert told.expected < told.high < told.observed
    assert 4900 <= second_of(told.since_ns) <= 4903


def test_creep_says_what_the_floor_was_and_since_which_day_it_is_higher() -> None:
    values = 1.0 + 2.0 * (np.arange(24 * 12) >= 24 * 9)
    fed = Fed("creep", {"block_s": 1.0, "hold": 1.0})
    told = fed.detector.explain(fed.state, 0, float(fed.rows(values)[-1]))
    assert (told.observed, told.expected, told.high) == (3.0, 1.0, 2.0)
    assert abs(second_of(told.since_ns) - 24 * 9) <= 24


def test_a_slope_says_from_where_to_where_and_by_when_it_began() -> None:
    values = np.r_[np.full(100, 5.0), 5.0 + np.arange(1.0, 141.0)]
    for name, settings in (("rate", {}), ("time_to_limit", {"limit": 500.0})):
        fed = Fed(name, {"window_s": 70.0, **settings})
        told = fed.detector.explain(fed.state, 0, float(fed.rows(values)[-1]))
        began = second_of(told.since_ns)
        assert 160 <= began <= 180, name
        assert told.expected == pytest.approx(values[int(began) : int(began) + 10].mean()), name
        assert values[-11] <= told.observed <= values[-1], name
    assert told.high == 500.0
    assert told.confidence == pytest.approx(0.8997, abs=1e-4)


def test_a_spike_is_shown_with_its_neighbours() -> None:
    values = np.full(200, 3.0)
    values[[20, 150, 160, 190]] = [9.0, 8.0, 8.5, -4.0]
    fed = Fed("spike", {"height": 2.0, "window_s": 50.0})
    told = fed.detector.explain(fed.state, 0, float(fed.rows(values)[-1]))
    assert (told.observed, told.expected, told.low, told.high) == (-4.0, 3.0, 1.0, 5.0)
    assert second_of(told.since_ns) == 150


def test_a_value_that_stands_still_is_shown_with_its_last_move() -> None:
    fed = Fed("flatline", {"tolerance": 0.1})
    told = fed.detector.explain(fed.state, 0, float(fed.rows(np.r_[1.0, 2.0, np.full(50, 7.0)])[-1]))
    assert (told.observed, second_of(told.since_ns)) == (7.0, 2)
