"""The plants against worked examples of the handbooks."""

import numpy as np
import pytest

from simulator.plant import Course, PlannedEvent
from simulator.plants.building import Room, fire
from simulator.plants.gas import Space, hole_flow_m3_h, plume_ppm, room_percent
from simulator.plants.pipeline import GRAVITY, Line, burst


@pytest.fixture
def line() -> Line:
    metre_kpa = 860 * GRAVITY / 1e3
    return Line(
        length_m=20_000.0,
        diameter_m=0.5,
        wall_m=0.008,
        density=860.0,
        bulk_pa=1.5e9,
        young_pa=2.06e11,
        friction=0.018,
        flow_m3_s=0.25,
        inlet_head_m=2600 / metre_kpa,
        shutoff_head_m=3100 / metre_kpa,
        tank_head_m=800 / metre_kpa,
        cycle=0.0,
    )


@pytest.mark.parametrize(("supply_kpa", "expected_m3_h"), [(400.0, 316.0), (2.5, 21.0)])
def test_a_hole_of_10_mm_passes_what_the_handbook_says(supply_kpa, expected_m3_h):
    assert hole_flow_m3_h(10.0, supply_kpa) == pytest.approx(expected_m3_h, rel=0.02)


def test_a_kitchen_reaches_1_percent_in_16_minutes_and_5_percent_in_118():
    # 25 m3, 12.5 m3/h leave the room, of which 1 m3/h is the leak itself.
    percent = room_percent(np.full(3 * 7200, 1.0), Space("kitchen", 25.0, 11.5 / 25.0), step_s=0.5)
    minutes = np.arange(1, len(percent) + 1) * 0.5 / 60.0
    assert minutes[np.argmax(percent >= 1.0)] == pytest.approx(16.0, abs=0.2)
    assert minutes[np.argmax(percent >= 5.0)] == pytest.approx(118.0, abs=1.0)


def test_the_wave_speed_is_that_of_crude_in_a_steel_pipe(line):
    assert line.wave_speed == pytest.approx(1111.0, abs=1.0)


def test_a_line_without_a_hole_stays_as_it_is(line):
    change = burst(line, flow_m3_s=0.25, position_m=7300, hole_mm=0.0, opening_s=0.5)
    assert np.max(np.abs(change.head)) < 1e-6
    assert np.max(np.abs(change.flow)) < 1e-9


def test_the_wave_of_a_burst_reaches_each_place_after_its_distance_over_the_wave_speed(line):
    change = burst(line, flow_m3_s=0.25, position_m=7300, hole_mm=50.0, opening_s=0.1)
    for node, distance_m in ((0, 7300.0), (50, 2300.0), (75, 200.0), (200, 12_700.0)):
        arrival_s = np.argmax(change.head[:, node] < -1.0) * change.step_s
        assert arrival_s == pytest.approx(distance_m / line.wave_speed, abs=0.4)


def test_the_first_drop_of_a_burst_is_joukowskys_and_the_flow_splits(line):
    change = burst(line, flow_m3_s=0.25, position_m=7300, hole_mm=50.0, opening_s=0.1)
    early = round(1.0 / change.step_s)
    lost = float(change.flow[early, 72] - change.flow[early, 73])  # into the node less out of it
    expected_kpa = line.density * line.wave_speed * lost / (2.0 * line.area) / 1e3
    drop_kpa = -float(change.head[early, 73]) * line.density * GRAVITY / 1e3
    assert 0.05 < lost < 0.12
    assert drop_kpa == pytest.approx(expected_kpa, rel=0.03)


def test_in_the_end_more_flows_in_less_flows_out_and_the_hole_takes_the_difference(line):
    change = burst(line, flow_m3_s=0.25, position_m=7300, hole_mm=50.0, opening_s=0.5)
    flow_in, flow_out = change.flow[-1, 0], change.flow[-1, -1]
    head = line.head(np.array(7300.0), np.array(0.25)) + change.head[-1, 73]
    hole = 0.62 * np.pi * 0.05**2 / 4.0 * np.sqrt(2.0 * GRAVITY * head)
    assert flow_in > 0.0 > flow_out
    assert flow_in - flow_out == pytest.approx(hole, rel=0.01)
    assert np.max(np.abs(change.head[-1] - change.head[-200])) < 0.05  # a new steady state


def test_a_smouldering_fire_shows_smoke_then_carbon_monoxide_then_heat():
    figures = {
        "growth_g_s2": 0.006,
        "rate_g_s_max": 0.6,
        "flame_after_s": 120.0,
        "flame_kw_s2": 0.0469,
        "flame_kw_max": 800.0,
        "layer_share": 0.25,
        "air_changes_h": 2.0,
    }
    event = PlannedEvent("smouldering", "s/t", 0.0, np.inf, figures)
    added = fire(Room("r", 24.0, 3.0, kitchen=False), event, Course.of(event, air_changes_h=2.0))
    limits = {"smoke": 0.05, "co_ppm": 30.0, "room_temperature": 10.0}
    smoke, co, heat = (np.argmax(added[kind] > limit) for kind, limit in limits.items())
    assert 0 < smoke < co < heat
    assert heat * 0.5 > 120.0


def test_an_event_that_lacks_a_figure_says_which():
    with pytest.raises(ValueError, match="needs the figure layer_share, got growth_g_s2"):
        PlannedEvent("smouldering", "b/smoke-01", 0.0, 1.0, {"growth_g_s2": 1.0}).figure("layer_share")


def test_what_a_finite_event_left_behind_is_aired_away_to_nothing():
    event = PlannedEvent("leak", "s/t", 100.0, 700.0, {})
    course = Course.of(event, air_changes_h=6.0)
    percent = room_percent(np.where(course.on, 10.0, 0.0), Space("r", 10.0, 6.0), step_s=course.step_s)
    effect = course.effect(0, event.at_s, percent)
    before, during, long_after = effect.at(np.array([99.0, 699.0, 90_000.0]))
    assert before == long_after == 0.0
    assert during > 5.0
    assert 0.0 < percent[-1] < 0.002 * during


def test_a_plume_thins_with_distance_and_wind_and_is_nowhere_upwind():
    # 2 kg/h at 50 m, class C (s_y 5.5 m, s_z 4 m), 3 m/s: 2 / 3600 / (pi 3 5.5 4) kg/m3 at 0.668 kg/m3.
    ppm = plume_ppm(
        2.0,
        np.array([50.0, 100.0, 50.0, 50.0, -10.0]),
        np.array([0.0, 0.0, 0.0, 11.0, 0.0]),
        np.array([3.0, 3.0, 6.0, 3.0, 3.0]),
    )
    assert ppm[0] == pytest.approx(4.01, rel=0.01)
    assert ppm[1:] / ppm[0] == pytest.approx([0.25, 0.5, np.exp(-2.0), 0.0])
