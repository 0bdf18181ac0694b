"""What ``pressure_wave`` calls a burst and what an operation, and how well it places the burst."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from detectors.pipelines.pressure_wave import PressureWave
from detectors.pipelines.wave_source import fit_fronts, locate, misfit_at
from model.detector import Columns
from tests.detectors.lines import EVERY_S, QUIET_S, STATIONS_M, line, quiet, times, wave

BURST = 0.75


def play(value: NDArray[np.float64], **attributes: float) -> Columns:
    detector, asset = PressureWave(), line(**attributes)
    return detector.update(detector.init(asset), asset, times(len(value)), value)


def begins(column: NDArray[np.float64]) -> list[int]:
    """Samples at which it passes the limit upwards."""
    return np.flatnonzero(np.diff((column >= BURST).astype(int), prepend=0) == 1).tolist()


@pytest.mark.parametrize(
    ("place_m", "height_m", "opening_s"),
    [
        (600.0, -2.0, 0.1),
        (1320.0, -2.5, 0.1),
        (5900.0, -2.0, 0.5),
        (8200.0, -6.0, 0.2),
        (12460.0, -3.0, 1.0),
        (14600.0, -4.0, 0.1),
    ],
)
def test_a_burst_is_one_find_within_seconds_and_its_place_lies_within_the_stated_error(
    place_m: float, height_m: float, opening_s: float
) -> None:
    value = wave(np.random.default_rng(3), place_m=place_m, height_m=height_m, opening_s=opening_s)
    found = play(value, offtake_m=9000.0)
    (at,) = begins(found[""])
    assert QUIET_S < at * EVERY_S < QUIET_S + 8.0
    assert abs(found["position_m"][at] - place_m) < min(found["position_error_m"][at], 300.0)
    assert found["drop"][at] > 0.5
    assert found["began_ago_s"][at] == pytest.approx(at * EVERY_S - QUIET_S, abs=0.5)
    assert not begins(found["operation"])


@pytest.mark.parametrize("height_m", [-10.0, -2.0, 4.0])
@pytest.mark.parametrize("opening_s", [0.5, 3.0, 12.0])
@pytest.mark.parametrize("place_m", [0.0, 9000.0, 15000.0])
def test_pump_valve_and_offtake_are_operations(place_m: float, height_m: float, opening_s: float) -> None:
    value = wave(np.random.default_rng(4), place_m=place_m, height_m=height_m, opening_s=opening_s)
    found = play(value, offtake_m=9000.0)
    assert not begins(found[""])
    if abs(height_m) >= 4.0:
        assert len(begins(found["operation"])) == 1


#: The second half of the line is of plastic and carries waves at 500 m/s: where the stations lie in time.
EVEN_M = (0.0, 3600.0, 7500.0, 14900.0, 22500.0)
PLASTIC = {"wave_speed_3_m_s": 500.0, "wave_speed_4_m_s": 500.0}


@pytest.mark.parametrize(
    ("place_m", "drawn_m"), [(2500.0, 2500.0), (6000.0, 6000.0), (9000.0, 10500.0), (13000.0, 18500.0)]
)
def test_a_line_of_two_materials_is_located_by_the_speed_of_each_section(place_m: float, drawn_m: float) -> None:
    rng = np.random.default_rng(3)
    value = wave(rng, place_m=drawn_m, height_m=-4.0, opening_s=0.1, stations_m=EVEN_M)
    found = play(value, **PLASTIC)
    (at,) = begins(found[""])
    assert abs(found["position_m"][at] - place_m) < min(found["position_error_m"][at], 150.0)


def test_one_speed_for_both_materials_puts_a_burst_elsewhere_or_misses_it() -> None:
    value = wave(np.random.default_rng(3), place_m=10_500.0, height_m=-4.0, opening_s=0.1, stations_m=EVEN_M)
    found = play(value)
    at = begins(found[""])
    assert not at or abs(found["position_m"][at[0]] - 9000.0) > 250.0


def test_an_offtake_in_a_section_of_its_own_speed_is_known_where_it_is() -> None:
    rng = np.random.default_rng(4)
    value = wave(rng, place_m=18500.0, height_m=-3.0, opening_s=0.5, stations_m=EVEN_M)
    assert len(begins(play(value, **PLASTIC)[""])) == 1
    assert not begins(play(value, **PLASTIC, offtake_m=13000.0)[""])


def test_what_looks_like_an_offtake_is_a_burst_where_none_is_known() -> None:
    value = wave(np.random.default_rng(4), place_m=9000.0, height_m=-3.0, opening_s=0.5)
    assert len(begins(play(value)[""])) == 1


def test_a_rise_of_pressure_is_no_burst() -> None:
    value = wave(np.random.default_rng(4), place_m=5000.0, height_m=3.0, opening_s=0.2)
    assert not begins(play(value)[""])


def test_a_quiet_line_finds_nothing_in_an_hour() -> None:
    found = play(quiet(np.random.default_rng(5), 3600.0))
    assert not begins(found[""])
    assert not begins(found["operation"])
    assert np.isnan(found[""][: round(44.0 / EVERY_S)]).all()
    assert (found[""][round(50.0 / EVERY_S) :] == 0.0).all()


def test_a_burst_is_found_while_one_station_is_dead() -> None:
    value = wave(np.random.default_rng(3), place_m=5900.0, height_m=-3.0, opening_s=0.2)
    value[:, 2] = np.nan
    (at,) = begins(play(value)[""])
    assert at * EVERY_S < QUIET_S + 10.0


def test_a_stations_noise_just_before_the_wave_does_not_hide_it() -> None:
    value = wave(np.random.default_rng(3), place_m=12460.0, height_m=-3.0, opening_s=0.2)
    value[round((QUIET_S - 1.0) / EVERY_S) : round((QUIET_S - 0.4) / EVERY_S), 0] -= 0.6
    assert len(begins(play(value)[""])) == 1


def test_it_stands_in_for_single_stations_where_there_are_two() -> None:
    detector, whole = PressureWave(), line()
    alone = type(whole)("line", {}, whole.inputs[:1])
    assert detector.confirms(whole, "pipe_head")
    assert not detector.fits(alone)


def test_a_front_is_fitted_as_plain_least_squares_would() -> None:
    rng = np.random.default_rng(6)
    series = np.clip((np.arange(80) - 31.0) / 7.0, 0.0, 1.0) * -2.0 + rng.normal(0.0, 0.1, 80)
    memory = 0.6

    def left(onset: int) -> float:
        ramp = np.clip((np.arange(80) - onset) / 7.0, 0.0, 1.0)
        seen = np.column_stack([np.full(79, 1.0), ramp[1:] - memory * ramp[:-1]])
        return float(np.linalg.lstsq(seen, series[1:] - memory * series[:-1])[1][0])

    fronts = fit_fronts([series], [1.0], memory, [7], 2)
    best = min(range(2, 77), key=left)
    assert abs(fronts.onset[0] - best) <= 0.5
    assert abs(best - 31) <= 1
    assert fronts.height[0] == pytest.approx(-2.0, abs=0.1)


def test_a_source_is_where_the_onsets_meet_and_its_error_grows_with_theirs() -> None:
    along = np.array(STATIONS_M)
    onset = np.abs(along - 5000.0) / 1000.0 + 7.0
    onset[0] = np.nan
    close = locate(along, onset, np.full(5, 0.01), 1000.0, 0.005)
    rough = locate(along, onset, np.full(5, 0.1), 1000.0, 0.005)
    assert close.place_m == pytest.approx(5000.0, abs=0.5)
    assert close.began_s == pytest.approx(7.0, abs=1e-3)
    assert close.misfit == pytest.approx(0.0, abs=1e-3)
    assert rough.error_m > 5.0 * close.error_m
    assert misfit_at(along, onset, np.full(5, 0.01), 1000.0, 0.005, 5100.0) > 16.0


def test_onsets_that_run_along_the_line_do_not_say_where_before_the_first_station_the_wave_began() -> None:
    along = np.array(STATIONS_M)
    onset = along / 1000.0
    onset[0] = np.nan
    error = np.full(5, 0.01)
    source = locate(along, onset, error, 1000.0, 0.005)
    assert misfit_at(along, onset, error, 1000.0, 0.005, 0.0) - source.misfit < 1.0
