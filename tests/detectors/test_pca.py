"""What ``pca`` learns of an asset, and what it says when its sensors no longer go together."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from detectors.assets.pca import SIZE_MAX
from detectors.parameters import build_for_assets
from model.detector import Columns
from model.plan import Parameter
from tests.checks.asset_detectors import EPOCH_NS, asset
from tests.naive.asset_detectors import NAIVE

ROWS = 600
WARMUP = {"warmup_s": 300.0}


def pump(seed: int = 1) -> NDArray[np.float64]:
    """Load, and three sensors that follow it with some noise: float64 [ROWS, 4]."""
    rng = np.random.default_rng(seed)
    load = rng.normal(0.0, 1.0, ROWS)
    follow = load[:, None] * [1.0, -2.0, 0.5] + rng.normal(0.0, 0.2, (ROWS, 3))
    return np.column_stack([load, follow]) * [1.0, 5.0, 0.01, 100.0] + [10.0, 0.0, 3.0, -400.0]


def run(value: NDArray[np.float64], **parameters: Parameter) -> Columns:
    detector = build_for_assets("pca", WARMUP | parameters)
    view = asset(value.shape[1])
    return detector.update(detector.init(view), view, times(len(value)), value)


def times(rows: int) -> NDArray[np.int64]:
    return EPOCH_NS + np.arange(rows, dtype=np.int64) * 10**9


@pytest.mark.parametrize(
    "parameters",
    [
        {},
        {"lags": 2.0, "explained": 0.7, "hold_s": 40.0},
        {"smooth_s": 4.0, "adapt_s": 30.0, "ridge": 1.0},
        {"explained": 0.0, "confidence": 0.99, "hold_s": 0.0},
        {"lags": 1.0, "explained": 0.7, "follow_s": 400.0, "hold_s": 40.0},
    ],
)
def test_a_long_life_with_gaps_and_missing_values_equals_its_naive_twin(parameters: dict[str, Parameter]) -> None:
    rng = np.random.default_rng(5)
    value = np.concatenate([pump(), pump(2)])
    value[400:450, 2] += 0.2
    value[rng.random(value.shape) < 0.03] = np.nan
    value[700] = np.nan
    time_ns = times(len(value)) + np.where(np.arange(len(value)) > 800, 10**10, 0)
    detector = build_for_assets("pca", WARMUP | parameters)
    view = asset(4)
    found = detector.update(detector.init(view), view, time_ns, value)
    wanted = NAIVE["pca"](detector, view, time_ns, value)
    assert np.isfinite(found[""]).sum() > 100
    for column, scores in found.items():
        np.testing.assert_allclose(scores, wanted[column], rtol=1e-6, atol=1e-9, equal_nan=True, err_msg=column)


def test_it_says_nothing_while_it_learns() -> None:
    score = run(pump())[""]
    assert np.isnan(score[:300]).all()
    assert np.isfinite(score[310:]).all()


def test_calm_instants_stay_below_the_limit() -> None:
    beyond = [np.nanmean(run(pump(seed))[""][310:] > 1.0) for seed in range(20)]
    assert np.mean(beyond) < 0.01  # limits from a hundred instants are themselves uncertain


def test_a_sensor_that_stays_in_its_range_but_leaves_the_others_is_found_and_named() -> None:
    value = pump()
    value[500:, 1] = (
        -(value[500:, 1] - value[:300, 1].mean()) + value[:300, 1].mean()
    )  # the same values, the wrong way round
    found = run(value)
    far = np.abs(value[500:, 0] - 10.0) > 1.0
    assert (found["q"][500:][far] > 1.0).mean() > 0.9
    assert (found["contributor"][500:][found["q"][500:] > 1.0] == 2.0).mean() > 0.8
    at = 500 + int(np.argmax(found["q"][500:]))
    assert found["observed"][at] == pytest.approx(value[at, 1])
    assert found["expected"][at] == pytest.approx(5.0 * (value[at, 0] - 10.0), abs=3.0)


def test_a_state_far_out_with_all_relations_intact_is_t2() -> None:
    value = pump()
    value[550] = np.array([10.0, 0.0, 3.0, -400.0]) + 6.0 * np.array([1.0, 5.0, -0.02, 50.0])
    found = run(value)
    assert found["t2"][550] > 1.5
    assert found["q"][550] < 1.0


def test_the_unit_of_a_sensor_does_not_matter() -> None:
    value = pump()
    found, other = run(value), run(value * [1000.0, 0.001, 1.0, 3.0] + [5.0, 0.0, 0.0, 1.0])
    np.testing.assert_allclose(found[""], other[""], rtol=1e-6, equal_nan=True)


def test_a_missing_sensor_adds_no_evidence_and_lets_nothing_clear() -> None:
    value = pump()
    value[400:, 3] = np.nan
    found = run(value)
    assert np.nanmean(found[""][400:] > 1.0) < 0.02
    assert np.isinf(found["most"][400:]).all()
    value[500:, 1] += 10.0
    assert run(value)[""][500:].mean() > 2.0


def test_with_more_than_half_missing_it_says_nothing() -> None:
    value = pump()
    value[400:, 1:] = np.nan
    assert np.isnan(run(value)[""][400:]).all()


def test_a_sensor_that_never_moved_is_left_out() -> None:
    value = np.column_stack([pump(), np.full(ROWS, 7.0)])
    value[400:, 4] = 9.0
    assert np.nanmax(run(value)[""]) < 3.0


def test_what_lasts_is_held_to_be_stale_and_learned_anew() -> None:
    value = np.concatenate([pump(), pump(2), pump(3)]) + np.where(np.arange(3 * ROWS) >= 400, 20.0, 0.0)[:, None]
    found = run(value, hold_s=200.0)
    assert found["held_s"][599] == pytest.approx(199.0)
    assert np.isnan(found[""][601:900]).all()
    assert np.nanmean(found[""][910:] > 1.0) < 0.02


def test_an_adapting_centre_follows_a_drift_and_not_a_step() -> None:
    drift = pump() + np.linspace(0.0, 3.0, ROWS)[:, None] * [0.0, 1.0, 0.0, 0.0]
    assert np.nanmean(run(drift, adapt_s=30.0)[""][310:] > 1.0) < np.nanmean(run(drift)[""][310:] > 1.0) + 1e-9
    step = pump()
    step[400:, 1] += 8.0
    assert (run(step, adapt_s=30.0)[""][400:] > 1.0).mean() > 0.95


def test_an_asset_that_is_too_large_or_has_one_sensor_is_left_alone() -> None:
    detector = build_for_assets("pca", {"lags": 3.0})
    assert [detector.fits(asset(n)) for n in (1, 2, SIZE_MAX // 4, SIZE_MAX // 4 + 1)] == [False, True, True, False]
