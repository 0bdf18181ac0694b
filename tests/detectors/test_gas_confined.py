"""Gas that gathers: the time that is left, and the floor that rises from day to day."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from detectors import AnyDetector
from detectors.gas.creep import Creep
from detectors.general.time_to_limit import TimeToLimit
from model.batch import GOOD, Batch
from model.detector import SensorGroup
from tests.naive.detectors import NAIVE

START_NS = 1_700_000_000 * 10**9


def scored(detector: AnyDetector, value: NDArray[np.float64], every_s: float) -> NDArray[np.float64]:
    time_ns = START_NS + np.rint(1e9 * every_s * np.arange(len(value))).astype(np.int64)
    keep = np.isfinite(value)
    rows = Batch(
        np.zeros(keep.sum(), np.int32), time_ns[keep], time_ns[keep], value[keep], np.full(keep.sum(), GOOD, np.uint8)
    )
    found = np.full(len(value), np.nan)
    state = detector.init(SensorGroup(("s",), np.array([every_s])))
    found[keep] = detector.update(state, rows)
    return found


def noise(count: int, sigma: float, seed: int = 1) -> NDArray[np.float64]:
    return sigma * np.random.default_rng(seed).normal(size=count)


def test_a_steady_rise_is_told_to_the_minute() -> None:
    value = 5.0 + 0.5 * np.arange(600) / 6.0  # every 10 s, 0.5 a minute
    found = scored(TimeToLimit(limit=25.0, window_s=600.0), value, 10.0)
    assert np.isnan(found[:20]).all()
    np.testing.assert_allclose(found[70:230], (25.0 - value[70:230]) / 0.5, atol=0.01)
    assert (found[value > 25.0] == 0.0).all()


def test_with_noise_the_time_told_is_careful_and_not_far_off() -> None:
    value = 5.0 + 0.5 * np.arange(240) / 6.0 + noise(240, 0.5)
    true = (25.0 - 5.0 - 0.5 * np.arange(240) / 6.0) / 0.5
    found = scored(TimeToLimit(limit=25.0, window_s=600.0), value, 10.0)[70:200]
    assert 1.0 < np.median(found / true[70:200]) < 1.3


def test_noise_alone_seldom_counts_down_and_never_soon() -> None:
    found = scored(TimeToLimit(limit=25.0, window_s=600.0), 8.0 + noise(8640, 0.5), 10.0)[70:]
    assert np.mean(found < 1440.0) < 0.15
    assert found.min() > 60.0


def test_one_wild_reading_changes_little() -> None:
    value = 5.0 + 0.5 * np.arange(240) / 6.0
    wild = value.copy()
    wild[120] = 90.0
    detector = TimeToLimit(limit=25.0, window_s=600.0, careful_sigma=0.0)
    plain, spoilt = scored(detector, value, 10.0), scored(detector, wild, 10.0)
    np.testing.assert_allclose(spoilt[140:], plain[140:], rtol=0.05)


def test_what_falls_has_all_the_time_there_is() -> None:
    found = scored(TimeToLimit(limit=25.0, window_s=600.0, horizon_s=3600.0), 20.0 - 0.01 * np.arange(600), 10.0)
    assert (found[70:] == 60.0).all()


def day_by_day(days: int, rise_a_day: float, begin_day: int) -> NDArray[np.float64]:
    """One reading in ten minutes, with a daily cycle and an hour of cooking a day."""
    at = np.arange(days * 144) / 144.0
    value = 1.0 + 0.4 * np.sin(2 * np.pi * at) + noise(len(at), 0.1)
    value[(at % 1.0 > 0.5) & (at % 1.0 < 0.55)] += 8.0
    return value + rise_a_day * np.maximum(0.0, at - begin_day)


def test_a_floor_that_rises_is_told_within_days_and_a_quiet_one_is_not() -> None:
    quiet = scored(Creep(hold=2.0), day_by_day(30, 0.0, 0), 600.0)
    assert np.nanmax(np.abs(quiet)) < 0.3
    leak = scored(Creep(hold=2.0), day_by_day(30, 0.5, 10), 600.0)
    assert 14 * 144 < np.flatnonzero(leak >= 2.0)[0] < 17 * 144


def test_a_floor_that_stays_high_is_not_learned_for_a_month() -> None:
    value = day_by_day(60, 0.0, 0)
    value[10 * 144 :] += 3.0
    found = scored(Creep(hold=1.0), value, 600.0)
    assert (found[12 * 144 : 39 * 144] > 2.5).all()
    assert abs(found[-1]) < 0.5


@pytest.mark.parametrize("hold", [0.0, 1.0])
def test_days_with_gaps_are_as_the_twin_has_them(hold: float) -> None:
    value = day_by_day(75, 0.2, 12)
    gone = np.random.default_rng(3).random(len(value) // 12) < 0.1
    value[: len(gone) * 12][np.repeat(gone, 12)] = np.nan
    value[20 * 144 : 22 * 144] = np.nan
    detector = Creep(hold=hold)
    found, twin = scored(detector, value, 600.0), NAIVE["creep"](detector, 600.0)
    wanted = [twin.row(START_NS + 600 * 10**9 * at, one) for at, one in enumerate(value.tolist())]
    np.testing.assert_allclose(found, wanted, atol=1e-9, equal_nan=True)
    assert np.isfinite(found).mean() > 0.5
