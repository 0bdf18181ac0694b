"""The evidence for a release: what raises it, what keeps it, and where the gas comes from."""

from __future__ import annotations

import math

import numpy as np
import pytest
from numpy.typing import NDArray

from detectors.gas.gas_evidence import GasEvidence
from model.detector import AssetInput, AssetView, Columns
from model.sensor import Position

MINUTE_NS = 60 * 10**9
START_NS = 1_700_000_000 * 10**9
LAT, LON = 40.0, 116.0
NORTH_DEG, EAST_DEG = 1 / 111_195, 1 / 111_195 / math.cos(math.radians(LAT))
#: East and north of the middle, m.
FENCE = [
    (0.0, 50.0),
    (50.0, 0.0),
    (0.0, -50.0),
    (-50.0, 0.0),
    (35.0, 35.0),
    (35.0, -35.0),
    (-35.0, -35.0),
    (-35.0, 35.0),
]
SOURCES = {"tank": (-20.0, 5.0), "pump": (22.0, -8.0), "valve": (5.0, 25.0)}


def place(east_m: float, north_m: float) -> tuple[float, float]:
    return LAT + north_m * NORTH_DEG, LON + east_m * EAST_DEG


def site(sensors: int = 8, *, named: bool = False) -> AssetView:
    gas = [AssetInput(f"g{at}", "ch4_ppm", "ppm", Position(*place(*FENCE[at])), 60.0) for at in range(sensors)]
    wind = [
        AssetInput("v", "wind_speed", "m/s", Position(), 60.0),
        AssetInput("w", "wind_direction", "deg", Position(), 60.0),
    ]
    attributes = {}
    for name, at in (SOURCES if named else {}).items():
        attributes[f"source_{name}_lat"], attributes[f"source_{name}_lon"] = place(*at)
    return AssetView("yard", attributes, (*gas, *wind))


def scored(asset: AssetView, value: NDArray[np.float64], **parameters: float) -> Columns:
    detector = GasEvidence(**parameters)
    time_ns = START_NS + MINUTE_NS * np.arange(len(value), dtype=np.int64)
    return detector.update(detector.init(asset), asset, time_ns, value)


def clean(minutes: int, sensors: int = 8, *, speed: float = 3.0, seed: int = 1) -> NDArray[np.float64]:
    """Clean air of 2 ppm with noise, and a steady wind from the west."""
    rng = np.random.default_rng(seed)
    gas = 2.0 + 0.05 * rng.normal(size=(minutes, sensors))
    return np.concatenate([gas, np.full((minutes, 1), speed), np.full((minutes, 1), 270.0)], axis=1)


def release(value: NDArray[np.float64], source: str, begin: int, seed: int = 2) -> None:
    """Add a plume from a place, under a wind that turns all round in four hours and wavers."""
    rng = np.random.default_rng(seed)
    minutes = len(value) - begin
    wind = (270.0 + 1.5 * np.arange(minutes) + 15.0 * rng.normal(size=minutes)) % 360.0
    value[begin:, -1] = wind
    east, north = (np.array([at[d] - SOURCES[source][d] for at in FENCE]) for d in (0, 1))
    bearing, away = np.degrees(np.arctan2(east, north)), np.hypot(east, north)
    off = (bearing[None] - wind[:, None]) % 360.0 - 180.0
    value[begin:, :8] += (
        4.0 * np.exp(-0.5 * (off / 12.0) ** 2) * (50.0 / away) ** 2 * rng.lognormal(0.0, 0.5, (minutes, 8))
    )


def test_clean_air_that_drifts_gives_no_evidence() -> None:
    value = clean(1440)
    value[:, :8] += 0.25 * np.sin(2 * np.pi * np.arange(1440) / 1440)[:, None]
    found = scored(site(), value)[""]
    assert np.isnan(found[:60]).all()
    assert np.nanmax(found) < 0.3


def test_two_minutes_at_one_sensor_and_two_at_another_are_enough_together_and_not_alone() -> None:
    alone = clean(200)
    alone[120:122, 0] += 1.0
    both = alone.copy()
    both[122:124, 1] += 1.0
    assert np.nanmax(scored(site(), alone)[""]) < 0.7 < np.nanmax(scored(site(), both)[""])


def test_a_release_of_hours_is_not_learned_away() -> None:
    value = clean(600)
    value[120:, 0] += 1.0
    assert (scored(site(), value)[""][125:360] > 0.7).all()


def test_a_new_zero_is_learned_after_the_hold() -> None:
    value = clean(2880)
    value[120:, 0] += 1.0
    assert scored(site(), value, hold_s=7200.0)[""][-1] < 0.3


def test_in_still_air_one_sensor_alone_raises_nothing_and_two_do() -> None:
    value = clean(300, speed=0.3)
    value[120:, 0] += 5.0
    assert np.nanmax(scored(site(), value)[""]) < 0.7
    value[120:, 1] += 5.0
    assert np.nanmax(scored(site(), value)[""]) > 0.7


def test_without_a_wind_everything_counts_in_full_and_there_is_no_place() -> None:
    value = clean(300)
    value[120:, 0] += 5.0
    value[:, 8:] = np.nan
    found = scored(site(), value)
    assert found[""][125] > 1.5
    assert np.isnan(found["lat"]).all()


def test_what_all_sensors_share_is_weather() -> None:
    value = clean(300)
    value[120:, :8] += 0.28
    value[120:, 3] += 0.25
    assert np.nanmax(scored(site(), value)[""]) < 0.3
    alone = clean(300, 2)
    alone[120:, 0] += 0.6
    assert np.nanmax(scored(site(2), alone)[""]) > 0.3


def test_a_silent_sensor_that_saw_gas_could_still_see_it_and_a_clean_one_could_not() -> None:
    value = clean(300)
    value[120:130, 0] += 5.0
    silent, clean_silent = value.copy(), value.copy()
    silent[130:, 0] = np.nan
    clean_silent[130:, 5] = np.nan
    assert scored(site(), silent)["most"][-1] > 1.5
    assert scored(site(), silent)[""][-1] < 0.1
    assert scored(site(), clean_silent)["most"][-1] < 0.1


def test_the_facts_name_the_sensor_what_it_reads_and_since_when() -> None:
    value = clean(200)
    value[120:, 2] += 3.0
    found = scored(site(), value)
    at = 140
    assert found["observed"][at] == value[at, 2]
    assert found["expected"][at] == pytest.approx(2.0, abs=0.2)
    assert found["excess"][at] == pytest.approx(3.0, abs=0.3)
    assert (found["contributor"][at], found["contributor_share"][at] > 0.95) == (3.0, True)
    assert found["since_min"][at] == pytest.approx(20.0, abs=1.0)


@pytest.mark.parametrize("source", SOURCES)
def test_the_right_one_of_the_named_sources_is_found(source: str) -> None:
    value = clean(360)
    release(value, source, 120)
    found = scored(site(named=True), value)
    assert sorted(SOURCES)[int(found["source"][-1]) - 1] == source
    assert (found["lat"][-1], found["lon"][-1]) == pytest.approx(place(*SOURCES[source]))
    assert found["source_share"][-1] > 0.8


@pytest.mark.parametrize("source", SOURCES)
def test_without_named_sources_the_place_lies_within_its_error(source: str) -> None:
    value = clean(360)
    release(value, source, 120)
    found = scored(site(), value)
    east_m, north_m = (found["lon"][-1] - LON) / EAST_DEG, (found["lat"][-1] - LAT) / NORTH_DEG
    away_m = math.dist((east_m, north_m), SOURCES[source])
    assert away_m < 15.0
    assert away_m < 1.5 * found["position_error_m"][-1]


def test_a_site_of_two_sensors_gives_no_place() -> None:
    value = clean(200, 2)
    value[120:, 0] += 3.0
    assert np.isnan(scored(site(2, named=True), value)["lat"]).all()
