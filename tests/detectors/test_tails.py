"""What ``rarity`` and ``seasonal`` call rare, and what they learn."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from detectors.parameters import build
from model.batch import Batch
from model.detector import SensorGroup
from model.plan import Parameter

PERIOD_S = 300.0
DAY = 288  # rows
#: A Monday, midnight in Shanghai.
BEGIN_NS = 1_699_804_800_000_000_000
PLAIN: dict[str, Parameter] = {"smooth_s": 0.0}


def run(name: str, value: NDArray[np.float64], **parameters: Parameter) -> NDArray[np.float64]:
    detector = build(name, parameters)
    time_ns = BEGIN_NS + np.arange(len(value), dtype=np.int64) * int(PERIOD_S * 1e9)
    batch = Batch(np.zeros(len(value), np.int32), time_ns, time_ns, value, np.zeros(len(value), np.uint8))
    return detector.update(detector.init(SensorGroup(("s",), np.array([PERIOD_S]))), batch)


@pytest.mark.parametrize("law", ["normal", "exponential", "uniform", "lognormal"])
def test_a_score_of_3_is_one_row_in_a_thousand_or_rarer_whatever_the_law(law: str) -> None:
    rng = np.random.default_rng(3)
    value = getattr(rng, law)(size=60 * DAY)
    beyond = np.nanmean(run("rarity", value, **PLAIN) > 3.0)
    assert beyond < (0.004 if law in {"exponential", "lognormal"} else 0.001)


def test_the_unit_does_not_matter() -> None:
    value = np.random.default_rng(1).normal(size=10 * DAY)
    np.testing.assert_allclose(run("rarity", value), run("rarity", 1e6 * value - 3.0), rtol=1e-6, atol=1e-6)


def test_each_tail_has_its_own_scale() -> None:
    value = np.random.default_rng(1).exponential(size=20 * DAY)
    value[-2], value[-1] = 12.0, -2.0
    up, down = run("rarity", value, **PLAIN)[-2:]
    assert up < 6.0
    assert down > 6.0


def test_a_side_that_is_not_asked_for_says_nothing() -> None:
    value = np.random.default_rng(1).normal(size=5 * DAY)
    value[-1] = -30.0
    assert run("rarity", value, side="high", **PLAIN)[-1] == 0.0
    assert run("rarity", value, side="low", **PLAIN)[-1] > 10.0


def test_it_says_nothing_while_warming_up() -> None:
    score = run("rarity", np.random.default_rng(1).normal(size=DAY))
    assert np.isnan(score[: DAY // 2]).all()
    assert np.isfinite(score[DAY // 2 + 1 :]).all()


def test_what_lasts_is_not_learned_for_two_days_and_then_is() -> None:
    value = np.random.default_rng(1).normal(size=20 * DAY) + np.where(np.arange(20 * DAY) >= 5 * DAY, 15.0, 0.0)
    score = run("rarity", value)
    assert (score[5 * DAY + 6 : 7 * DAY] > 3.0).all()
    assert (score[12 * DAY :] < 3.0).all()


def test_a_value_that_never_moved_scores_nothing_and_its_first_move_is_no_alarm() -> None:
    value = np.full(5 * DAY, 7.0)
    value[-1] = 7.1
    score = run("rarity", value, **PLAIN)
    assert np.nanmax(score) < 3.5


def hours(days: int, seed: int = 1) -> NDArray[np.float64]:
    """High at noon of days of work, low at night and at the weekend."""
    at = np.arange(days * DAY)
    noon = np.maximum(0.0, np.sin(2 * np.pi * (at % DAY) / DAY - np.pi / 2))
    return np.where((at // DAY) % 7 >= 5, 0.0, 20.0 * noon) + np.random.default_rng(seed).normal(0.0, 0.5, days * DAY)


def test_what_is_usual_at_noon_is_rare_at_night_and_only_seasonal_sees_it() -> None:
    value = hours(28)
    night = slice(24 * DAY, 24 * DAY + 24)  # a Thursday, from midnight to two
    value[night] += 15.0
    seasonal, rarity = run("seasonal", value), run("rarity", value)
    assert seasonal[night].max() > 5.0
    assert rarity[night].max() < 3.5
    assert np.nanmax(seasonal[17 * DAY : 24 * DAY]) < 5.0


def test_a_weekend_is_usual_at_weekends_only() -> None:
    value = hours(28)
    value[22 * DAY : 23 * DAY] = hours(7, 2)[5 * DAY : 6 * DAY]  # a Tuesday like a Saturday
    score = run("seasonal", value)
    assert score[22 * DAY : 23 * DAY].max() > 5.0
    assert np.nanmax(score[26 * DAY :]) < 5.0  # the weekend after it


def test_an_hour_is_judged_from_its_third_day_on() -> None:
    score = run("seasonal", hours(7), warmup_s=0.0)
    assert np.isnan(score[: 2 * DAY]).all()
    assert np.isfinite(score[2 * DAY + 40 : 5 * DAY]).all()
    assert np.isnan(score[5 * DAY :]).all()  # the first weekend
