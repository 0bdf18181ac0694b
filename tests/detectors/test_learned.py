"""Detectors that learn say how they stand with that: warming up, holding back, given up as stale, learned anew."""

from __future__ import annotations

import numpy as np
import pytest

from detectors import DETECTORS
from detectors.parameters import build
from model.detector import Learning
from tests.checks.detectors import EXAMPLES
from tests.detectors.feed import Fed

DAY = 24  # blocks of a second

#: Settings, seconds of quiet, and seconds of a fault after which the normal has been given up.
CASES = {
    "ewma": ({"smooth_s": 0.0, "warmup_s": 100.0, "hold_s": 50.0}, 300, 60),
    "cusum": ({"warmup_s": 100.0, "hold_s": 50.0}, 300, 60),
    "rarity": ({"smooth_s": 0.0, "warmup_s": 100.0, "hold_s": 50.0}, 300, 60),
    "seasonal": ({"cycle_s": 48.0, "smooth_s": 0.0, "warmup_s": 100.0, "hold_s": 50.0}, 3000, 60),
    "rise": ({"smooth_s": 0.0, "warmup_s": 100.0, "hold_s": 50.0, "background_s": 20.0}, 300, 60),
    "change": ({"warmup_s": 100.0, "hold_s": 50.0}, 300, 60),
    "spectrum": ({"bands": 1.0, "warmup_s": 100.0, "hold_s": 50.0}, 300, 60),
    "trend": ({"smooth_s": 0.0, "level_s": 4.0, "slope_s": 20.0, "warmup_s": 100.0, "hold_s": 50.0}, 300, 60),
    "creep": ({"block_s": 1.0, "hold": 1.0}, 10 * DAY, 33 * DAY),
}


def said(fed: Fed) -> tuple[float, float, float]:
    found = fed.detector.learned(fed.state)  # type: ignore[attr-defined]
    return float(found["warming"][0]), float(found["held_s"][0]), float(found["stale"][0])


def test_every_detector_that_learns_has_a_case() -> None:
    learn = {name for name in DETECTORS if isinstance(build(name, EXAMPLES[name][0]), Learning)}
    assert learn == set(CASES)


@pytest.mark.parametrize("name", CASES)
def test_a_sensor_goes_through_warm_up_fault_and_a_new_normal(name: str) -> None:
    settings, quiet, fault = CASES[name]
    noise = np.random.default_rng(1).normal(0.0, 0.05, 100_000)
    fed, at = Fed(name, settings), 0

    def feed(level: float, rows: int) -> tuple[float, float, float]:
        nonlocal at
        mine = noise[at : at + rows]  # the fault is another level, or for spectrum a higher noise
        fed.rows(mine * level**3 if name == "spectrum" else level + mine)
        at += rows
        return said(fed)

    assert np.isnan(said(fed)).all()
    assert feed(10.0, 20) == (1.0, 0.0, 0.0)
    assert feed(10.0, quiet)[::2] == (0.0, 0.0)
    short = min(fault // 2, 20 * DAY)
    warming, held_s, stale = feed(30.0, short)
    assert (warming, stale) == (0.0, 0.0)
    assert 0.5 * short <= held_s <= short
    gives_up = [feed(30.0, 1) for _ in range(fault)]
    assert 1.0 in [stale for _, _, stale in gives_up]
    assert all(held_s == 0.0 for _, held_s, stale in gives_up if stale and name in {"ewma", "cusum", "creep"})
    warming, held_s, stale = feed(30.0, quiet)
    assert (warming, stale) == (0.0, 0.0)
    assert held_s < 10.0  # noise now and then, of which a few rows are left out


@pytest.mark.parametrize(("name", "fault"), [("ewma", 40), ("cusum", 10)])
def test_a_fault_that_ends_in_time_leaves_the_normal_as_it_was(name: str, fault: int) -> None:
    """The sum of ``cusum`` takes another thirty rows to come back."""
    fed = Fed(name, CASES[name][0])
    fed.rows(np.random.default_rng(2).normal(10.0, 0.05, 300))
    fed.rows(np.full(fault, 30.0))
    assert said(fed)[1] == pytest.approx(fault, abs=1)
    fed.rows(np.random.default_rng(3).normal(10.0, 0.05, 100))
    assert said(fed) == (0.0, 0.0, 0.0)
