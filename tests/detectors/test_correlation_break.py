"""A correlation breaks, means and spreads stay: ``pca`` sees it, and nothing that looks at one sensor does."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from detectors.parameters import build_for_assets
from model.plan import Parameter
from tests.checks.asset_detectors import EPOCH_NS, asset
from tests.detectors.feed import Fed

WARMUP, CALM, ROWS = 4000, 8000, 12_000
#: Settings for a row a second with a memory of 20 s; limits as rules would have them do not matter here.
SINGLE: dict[str, dict[str, Parameter]] = {
    "limit": {"high": 1.0, "low": -1.0},
    "rate": {"window_s": 20.0},
    "ewma": {"smooth_s": 20.0},
    "cusum": {"every_s": 40.0},
    "rarity": {"smooth_s": 3.0, "warmup_s": 3600.0},
    "spike": {"height": 0.5},
    "flatline": {"tolerance": 0.05},
}


def wander(rng: np.random.Generator) -> NDArray[np.float64]:
    made, step = np.zeros(ROWS), rng.normal(0.0, np.sqrt(1 - 0.95**2), ROWS)
    for at in range(1, ROWS):
        made[at] = 0.95 * made[at - 1] + step[at]
    return made


def flows(seed: int, *, broken: bool) -> NDArray[np.float64]:
    """Four sensors of one load; in the last third the first goes its own way, as far as before."""
    rng = np.random.default_rng(seed)
    load, own = wander(rng), np.column_stack([wander(rng) for _ in range(4)])
    share = np.full((ROWS, 4), 0.9)
    if broken:
        share[CALM:, 0] = 0.0
    value: NDArray[np.float64] = np.sqrt(share) * load[:, None] + np.sqrt(1.0 - share) * own
    return value


def residual(value: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    detector, view = build_for_assets("pca", {"warmup_s": float(WARMUP)}), asset(4)
    time_ns = EPOCH_NS + np.arange(ROWS, dtype=np.int64) * 10**9
    found = detector.update(detector.init(view), view, time_ns, value)
    return found["q"][CALM:], found["contributor"][CALM:]


@pytest.mark.parametrize("seed", range(5))
def test_the_residual_sees_it_within_a_minute_and_names_the_sensor(seed: int) -> None:
    whole, _ = residual(flows(seed, broken=False))
    broken, contributor = residual(flows(seed, broken=True))
    assert int(np.argmax(broken > 1.0)) < 60
    assert broken.max() > 5.0 * whole.max()
    assert np.mean(broken > 1.0) > 0.15
    assert np.mean(whole > 1.0) < 0.005
    assert np.mean(contributor[broken > 1.0] == 1.0) > 0.95


def test_means_and_spreads_stay() -> None:
    values = [flows(seed, broken=True)[CALM:, 0] for seed in range(20)]
    assert np.mean(values) == pytest.approx(0.0, abs=0.1)
    assert np.std(values) == pytest.approx(1.0, abs=0.1)


@pytest.mark.parametrize("name", SINGLE)
def test_no_detector_on_single_sensors_sees_it(name: str) -> None:
    """Over twenty pairs of days the scores of the broken sensor are no higher than those of a whole one."""
    highest = {
        broken: [np.nanmax(np.abs(_scores(name, flows(seed, broken=broken)[:, 0]))) for seed in range(20)]
        for broken in (False, True)
    }
    spread = np.std(highest[False]) + 1e-9
    assert abs(np.mean(highest[True]) - np.mean(highest[False])) < spread, highest


def _scores(name: str, value: NDArray[np.float64]) -> NDArray[np.float64]:
    return Fed(name, SINGLE[name]).rows(value)[CALM:]
