"""What ``pca`` makes of a plant that changes slowly, with a normal that stays and with one that follows."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from detectors.declaration import ParameterError
from detectors.parameters import build_for_assets
from model.detector import Columns
from model.plan import Parameter
from tests.checks.asset_detectors import EPOCH_NS, asset, same

DAY = 480  # instants, a row every 3 min
FOLLOW: dict[str, Parameter] = {"follow_s": 7 * 86_400.0}


def plant(days: int, *, fouling: float = 1.0, seed: int = 1) -> NDArray[np.float64]:
    """Load, and three sensors that follow it; in a month after day 4 fouling moves their levels and their gains."""
    rng = np.random.default_rng(seed)
    rows = days * DAY
    load, step = np.zeros(rows), rng.normal(0.0, 0.24, rows)
    for at in range(1, rows):
        load[at] = 0.97 * load[at - 1] + step[at]
    fouled = fouling * np.clip(np.arange(rows) / DAY - 4, 0.0, None)[:, None] / 30
    gains = [1.0, -2.0, 0.5, 1.0] + fouled * [0.0, 1.0, 0.5, -0.3]
    value: NDArray[np.float64] = load[:, None] * gains + fouled * [0.0, 2.0, -0.5, 1.0]
    return value + rng.normal(0.0, 0.2, (rows, 4))


def run(value: NDArray[np.float64], *, cuts: tuple[int, ...] = (), **parameters: Parameter) -> Columns:
    given = {"every_s": 180.0, "warmup_s": 3 * 86_400.0, "hold_s": 90 * 86_400.0} | parameters
    detector, view = build_for_assets("pca", given), asset(value.shape[1])
    state, time_ns = detector.init(view), EPOCH_NS + np.arange(len(value), dtype=np.int64) * 180 * 10**9
    parts = [
        detector.update(state, view, times, rows)
        for times, rows in zip(np.split(time_ns, cuts), np.split(value, cuts), strict=True)
    ]
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def beyond(found: Columns, begin: int, end: int) -> float:
    """Share of the instants of these days that are beyond the limit."""
    return float(np.mean(found[""][begin * DAY : end * DAY] > 1.0))


def test_a_slowly_changing_plant_is_abnormal_to_a_fixed_normal_and_not_to_one_that_follows() -> None:
    for seed in (1, 2):
        value = plant(30, seed=seed)
        assert beyond(run(value), 20, 30) > 0.9
        assert beyond(run(value, adapt_s=2 * 86_400.0), 20, 30) > 0.05, "the centre alone is not enough"
        followed = run(value, **FOLLOW)
        assert beyond(followed, 4, 30) < 0.004
        assert np.isfinite(followed[""][4 * DAY :]).all()


def test_a_normal_that_follows_still_finds_a_fault_and_names_the_sensor() -> None:
    for seed in (1, 2):
        value = plant(30, seed=seed)
        value[28 * DAY :, 2] += 1.2
        found = run(value, **FOLLOW)
        first = int(np.argmax(found["q"][28 * DAY :] > 1.0))
        assert first <= 10, "within half an hour"
        assert found["contributor"][28 * DAY + first] == 3.0
        assert np.mean(found["q"][28 * DAY :] > 1.0) > 0.15, "and goes on finding it"


def test_limits_that_follow_stay_true_in_a_plant_that_does_not_change() -> None:
    """Instants beyond the limit do not teach; so the limits might have shrunk from day to day."""
    value = plant(60, fouling=0.0)
    followed = run(value, **FOLLOW)
    assert 0.0 < beyond(followed, 30, 60) < 0.003
    assert beyond(followed, 30, 60) < beyond(run(value), 30, 60)


def test_a_fault_that_grows_more_slowly_than_it_follows_is_learned() -> None:
    value = plant(40, fouling=0.0)
    value[:, 2] += 2.0 * np.clip(np.arange(len(value)) / DAY / 40, 0.0, 1.0)
    assert beyond(run(value), 30, 40) > 0.5
    assert beyond(run(value, **FOLLOW), 30, 40) < 0.02


def test_it_works_the_relations_out_at_the_same_instants_however_the_rows_are_cut() -> None:
    value = plant(12)
    value[5 * DAY : 5 * DAY + 30, 1] = np.nan
    whole = run(value, **FOLLOW)
    same(run(value, **FOLLOW, cuts=(1000, 1001, 1500, 2311, 4000, 5000)), whole)
    same(run(value, **FOLLOW, cuts=tuple(range(1, len(value)))), whole)
    fixed = run(value)
    assert not np.array_equal(whole["q"][-DAY:], fixed["q"][-DAY:])


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"follow_s": 3600.0}, r"pca\.follow_s must be 0 or at least warmup_s \(86400 s\), got 3600"),
        ({"follow_s": 1e6, "adapt_s": 9.0}, r"pca\.adapt_s must be 0 where follow_s is given, got 9"),
    ],
)
def test_settings_that_do_not_go_together_are_refused(parameters: dict[str, Parameter], message: str) -> None:
    with pytest.raises(ParameterError, match=message):
        build_for_assets("pca", parameters)
