"""What ``volume_balance`` makes of a line that packs, of a leak, and of meters that disagree."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from numpy.typing import NDArray

from detectors.declaration import ParameterError
from detectors.pipelines.volume_balance import VolumeBalance, pack_m3
from model.detector import AssetInput, AssetView, Columns
from model.sensor import Position
from tests.naive.asset_detectors import NAIVE

EVERY_S = 5.0
HOUR = round(3600 / EVERY_S)
KINDS = (("flow", "m3/h", 0.0), ("pressure", "kPa", 0.0), ("pressure", "kPa", 10_000.0), ("pressure", "kPa", 20_000.0))
ATTRIBUTES = {"diameter_m": 0.5, "wave_speed_m_s": 1100.0, "density_kg_m3": 860.0}
LINE = AssetView(
    "line",
    ATTRIBUTES,
    tuple(
        AssetInput(f"s{n}", kind, unit, Position(along_m=along), EVERY_S)
        for n, (kind, unit, along) in enumerate((*KINDS, ("flow", "m3/h", 20_000.0)))
    ),
)
LIMIT = 4.0


def line(hours: float, *, leak_from: float = 99.0, leak_m3_h: float = 0.0, seed: int = 1) -> NDArray[np.float64]:
    """A line whose pressure follows the day; the leak opens over half an hour: float64 [rows, 5]."""
    rng = np.random.default_rng(seed)
    hour = np.arange(round(hours * HOUR)) / HOUR
    leak = leak_m3_h * np.clip((hour - leak_from) / 0.5, 0.0, 1.0)
    flow = 900.0 + 30.0 * np.sin(hour / 6.0)
    pressure = 1500.0 + 400.0 * np.sin(hour)[:, None] + np.zeros(3)
    packing = pack_m3(LINE).sum() * 400.0 * np.cos(hour)  # m3 an hour
    meters = np.column_stack([flow + leak * 0.5 + 3.0, flow - leak * 0.5 - packing])
    noise = rng.normal(0.0, 1.0, (len(hour), 5)) * [2.0, 1.4, 1.4, 1.4, 2.0]
    value: NDArray[np.float64] = np.column_stack([meters[:, :1], pressure, meters[:, 1:]]) + noise
    return value


def play(value: NDArray[np.float64], detector: VolumeBalance | None = None) -> Columns:
    detector = detector or VolumeBalance()
    return detector.update(detector.init(LINE), LINE, times(len(value)), value)


def times(rows: int) -> NDArray[np.int64]:
    return 1_700_000_000_000_000_000 + np.arange(rows, dtype=np.int64) * round(EVERY_S * 1e9)


def test_a_day_of_packing_and_of_meters_that_differ_is_balanced() -> None:
    score = play(line(30.0))[""]
    assert np.isnan(score[: 5 * HOUR]).all()
    assert np.isfinite(score[5 * HOUR + 1 :]).all()
    assert np.nanmax(score) < LIMIT


def test_a_slow_leak_of_two_percent_is_told_within_the_hour_with_its_size() -> None:
    found = play(line(12.0, leak_from=8.0, leak_m3_h=18.0))
    first = int(np.argmax(found[""] > LIMIT))
    assert 8 * HOUR < first < 9 * HOUR
    assert found["rate"][10 * HOUR] == pytest.approx(18.0, abs=2.0)
    assert (found[""][9 * HOUR :] > LIMIT).all(), "it is not learned away"


def test_a_leak_that_stays_beyond_hold_is_learned_as_the_meters_difference() -> None:
    found = play(line(60.0, leak_from=8.0, leak_m3_h=18.0), VolumeBalance(hold_s=7200.0, follow_s=7200.0))
    assert found[""][9 * HOUR] > LIMIT
    assert found[""][-1] < LIMIT


def test_a_missing_meter_leaves_no_score_until_the_window_is_full_again() -> None:
    value = line(9.0)
    value[7 * HOUR, 4] = np.nan
    score = play(value)[""]
    assert np.isfinite(score[7 * HOUR - 1])
    assert np.isnan(score[7 * HOUR : 8 * HOUR]).all()
    assert np.isfinite(score[-1])


def test_the_line_packs_by_area_length_and_stiffness() -> None:
    area, stiffness = np.pi * 0.25 / 4.0, 860.0 * 1100.0**2
    assert pack_m3(LINE) == pytest.approx(np.array([0.0, 5e3, 1e4, 5e3, 0.0]) * area * 1e3 / stiffness)


def test_a_long_life_equals_its_naive_twin() -> None:
    rng = np.random.default_rng(4)
    value = line(7.0, leak_from=5.0, leak_m3_h=40.0)
    value[rng.random(len(value)) < 0.0005, 2] = np.nan
    detector = VolumeBalance(slow_s=900.0, warmup_s=3600.0, hold_s=600.0)
    found = detector.update(detector.init(LINE), LINE, times(len(value)), value)
    wanted = NAIVE["volume_balance"](detector, LINE, times(len(value)), value)
    assert np.isfinite(found[""]).sum() > HOUR
    for column, scores in found.items():
        np.testing.assert_allclose(scores, wanted[column], rtol=1e-7, atol=1e-9, equal_nan=True, err_msg=column)


def test_it_needs_two_meters_a_pressure_and_the_pipe() -> None:
    detector = VolumeBalance()
    assert detector.fits(LINE)
    assert not detector.fits(dataclasses.replace(LINE, inputs=LINE.inputs[:-1]))
    assert not detector.fits(dataclasses.replace(LINE, inputs=(LINE.inputs[0], LINE.inputs[-1])))
    assert not detector.fits(dataclasses.replace(LINE, attributes={}))
    with pytest.raises(ParameterError, match="slow_s must be at least fast_s"):
        VolumeBalance(fast_s=600.0, slow_s=300.0)
