"""The district of the shipped packs: what its days look like and what its events do."""

import itertools

import numpy as np
import pytest

from simulator.district import District, load_district
from simulator.faults import Rows
from simulator.play import messages
from simulator.scenario import FaultPart, ProfilePart, load
from tests.simulator.districts import PACKS, make

#: First levels of the packs' standards: GB/T 50493 5.5.2, GB 4715, EN 54-5 class A1, GB 50974.
LIMITS = {
    "ch4_lel": (-2.0, 10.0),
    "ch4_vol": (0.0, 0.5),
    "ch4_ppm": (0.0, 5.0),
    "wind_speed": (0.0, 10.0),
    "wind_direction": (0.0, 360.1),
    "smoke": (0.0, 0.05),
    "room_temperature": (10.0, 35.0),
    "co_ppm": (0.0, 24.0),
    "hydrant_pressure": (300.0, 600.0),
    "tank_level": (80.0, 100.0),
    "pipe_pressure": (1800.0, 2750.0),
    "pipe_flow": (800.0, 1000.0),
}


def course(district: District, rows: Rows, tag: str) -> tuple[np.ndarray, np.ndarray]:
    mine = rows.sensor == district.index(tag)
    return rows.t_ms[mine] / 1e3, rows.value[mine]


def crossing(district: District, rows: Rows, tag: str, limit: float) -> float:
    t_s, value = course(district, rows, tag)
    assert (value >= limit).any(), f"{tag} never reaches {limit}"
    return float(t_s[np.argmax(value >= limit)])


def test_it_has_some_hundred_sensors_of_all_three_packs(demo):
    assert 150 <= len(demo.sensors) <= 400
    assert {sensor.kind for sensor in demo.sensors} == set(LIMITS)
    assert all(sensor.tag.count("/") == 1 for sensor in demo.sensors)


def test_the_same_seed_and_start_give_the_same_bytes():
    one, other = (make("demo", hour=9.5) for _ in range(2))
    assert list(messages(one, one.rows(0, 90))) == list(messages(other, other.rows(0, 90)))


def test_another_seed_gives_other_values_and_the_same_registry(demo):
    other = make("demo", seed=2, hour=9.5)
    assert other.registry() == demo.registry()
    assert not np.array_equal(np.sort(other.rows(0, 60).value), np.sort(demo.rows(0, 60).value))


def test_a_span_in_pieces_is_the_span(demo):
    whole = demo.rows(0, 120)
    cuts = [0.0, 0.1, 19.95, 20.0, 20.3, 50.0, 119.9, 120.0]
    pieces = [demo.rows(a, b) for a, b in itertools.pairwise(cuts)]
    for name in ("sensor", "t_ms", "time_ns", "value"):
        assert np.array_equal(
            np.concatenate([getattr(p, name) for p in pieces]), getattr(whole, name), equal_nan=name == "value"
        )


def test_each_sensor_reports_once_a_period(quiet_day):
    rows = quiet_day.rows(0, 600)
    for i, sensor in enumerate(quiet_day.sensors):
        assert np.all(np.diff(rows.t_ms[rows.sensor == i]) == round((sensor.period_s or 0) * 1e3)), sensor.tag


def test_24_quiet_hours_stay_below_the_first_levels_except_where_a_sensor_fails(quiet_day):
    failing = {tag for truth in quiet_day.truth() if truth.fault for tag in truth.tags}
    assert not [truth for truth in quiet_day.truth() if not truth.fault]
    rows = quiet_day.rows(0, 86_400)
    assert len(rows) > 3_000_000
    lowest = np.full(len(quiet_day.sensors), np.inf)
    highest = np.full(len(quiet_day.sensors), -np.inf)
    np.fmin.at(lowest, rows.sensor, rows.value)
    np.fmax.at(highest, rows.sensor, rows.value)
    for i, sensor in enumerate(quiet_day.sensors):
        low, high = LIMITS[sensor.kind]
        if sensor.tag not in failing:
            assert low <= lowest[i] <= highest[i] < high, (sensor.tag, lowest[i], highest[i])


def test_a_quiet_day_has_a_daily_cycle_and_kitchens_cook_below_alarm_level(quiet_day):
    rows = quiet_day.rows(0, 86_400)
    t_s, flow = course(quiet_day, rows, "pipeline-1/ft-00000")
    by_hour = [flow[(t_s >= h * 3600) & (t_s < (h + 1) * 3600)].mean() for h in range(24)]
    assert max(by_hour) - min(by_hour) > 30.0
    ten_minutes = course(quiet_day, rows, "building-2/co-07")[1].reshape(144, -1).mean(axis=1)
    assert ten_minutes[:30].max() + 1.5 < ten_minutes[66:78].max() < 15.0  # before 5:00, 11:00 to 13:00


def test_no_healthy_sensor_repeats_one_value_for_ten_minutes(quiet_day):
    rows = quiet_day.rows(0, 600)
    for i, sensor in enumerate(quiet_day.sensors):
        assert len(set(rows.value[rows.sensor == i].tolist())) > 1, sensor.tag


def test_the_demos_leak_is_slow_then_strong_and_crosses_both_levels_within_a_minute(demo):
    rows = demo.rows(0, 60)
    near, far = "gas-station-1/ch4-03", "gas-station-1/ch4-04"
    t_s, value = course(demo, rows, near)
    assert value[t_s < 20].max() < 3.0
    assert value[(t_s > 20) & (t_s < 30)].max() < 10.0
    assert 30.0 < crossing(demo, rows, near, 25.0) <= crossing(demo, rows, near, 50.0) < 58.0
    assert crossing(demo, rows, near, 25.0) <= crossing(demo, rows, far, 25.0) < 60.0
    assert course(demo, rows, "gas-station-1/ch4-05")[1].max() < 3.0  # next room


def test_the_demos_burst_lowers_pressures_in_order_of_distance_and_parts_the_flows(demo):
    rows = demo.rows(0, 120)
    arrivals = {}
    for along_m in range(0, 20_001, 2500):
        t_s, value = course(demo, rows, f"pipeline-1/pt-{along_m:05d}")
        normal = value[t_s < 34].mean()
        arrivals[along_m] = float(t_s[np.argmax(value < normal - 60.0)])
        assert value[t_s > 60].mean() < normal - 100.0
    for along_m, arrival_s in arrivals.items():
        assert arrival_s == pytest.approx(35.0 + abs(along_m - 7300) / 1111.0, abs=1.6)
    for tag, sign in (("ft-00000", 1.0), ("ft-10000", -1.0), ("ft-20000", -1.0)):
        t_s, flow = course(demo, rows, f"pipeline-1/{tag}")
        assert sign * (flow[t_s > 60].mean() - flow[t_s < 34].mean()) > 50.0


def test_the_demos_fire_shows_smoke_then_carbon_monoxide_then_heat(demo):
    rows = demo.rows(0, 400)
    smoke_s = crossing(demo, rows, "building-2/smoke-10", 0.15)
    co_s = crossing(demo, rows, "building-2/co-10", 60.0)
    heat_s = crossing(demo, rows, "building-2/temperature-10", 57.0)
    assert 50.0 < smoke_s < 95.0 < co_s < 170.0 < heat_s < 300.0


def test_the_demos_cooking_and_steam_stay_below_alarm_levels(demo):
    rows = demo.rows(0, 300)
    t_s, co = course(demo, rows, "building-1/co-02")
    assert 6.0 < co[(t_s > 60) & (t_s < 190)].mean() < 15.0
    for tag in ("building-1/smoke-08", "building-1/smoke-03"):
        assert course(demo, rows, tag)[1].max() < 0.05


def test_every_event_changes_the_sensors_that_its_truth_names_and_no_other(day_with_events, quiet_day):
    events = [truth for truth in day_with_events.truth() if not truth.fault]
    assert [event.kind for event in events] == ["leak", "leak", "release", "burst", "leak", "smouldering"]
    seen: set[str] = set()
    for event in events:
        while_s = 3600.0 if event.kind == "release" else 1800.0  # the wind takes its time
        begin_s, end_s = event.start_s, min(event.end_s, event.start_s + while_s)
        with_event, without = day_with_events.rows(begin_s, end_s), quiet_day.rows(begin_s, end_s)
        assert np.array_equal(with_event.t_ms, without.t_ms)
        differs = np.unique(with_event.sensor[~np.isclose(with_event.value, without.value, equal_nan=True)])
        seen |= set(event.tags)  # what came before may still linger
        assert set(event.tags) <= {day_with_events.sensors[i].tag for i in differs} <= seen


@pytest.mark.parametrize(("site", "from_s"), [("gas-station-1", 45_000), ("pipeline-1", 52_501)])
def test_after_an_event_of_the_day_its_sensors_are_as_before(day_with_events, quiet_day, site, from_s):
    with_event, without = (d.rows(from_s, from_s + 600) for d in (day_with_events, quiet_day))
    here = np.array([sensor.tag.startswith(site + "/") for sensor in quiet_day.sensors])[without.sensor]
    assert here.sum() > 1000
    assert np.allclose(with_event.value[here], without.value[here], atol=0.02)


def test_the_stuck_sensor_repeats_one_value(demo):
    assert len(set(course(demo, demo.rows(0, 300), "gas-station-3/ch4-02")[1].tolist())) == 1


def test_the_silent_sensor_sends_nothing_while_it_is_silent(day_with_events):
    tag = "household-2/ch4-07"
    assert len(course(day_with_events, day_with_events.rows(20_000, 21_000), tag)[0]) > 50
    assert len(course(day_with_events, day_with_events.rows(21_600, 36_000), tag)[0]) == 0
    assert len(course(day_with_events, day_with_events.rows(36_000, 37_000), tag)[0]) > 50


def test_a_gateway_that_is_down_silences_all_of_its_site_and_nobody_else(day_with_events):
    names = [sensor.gateway for sensor in day_with_events.sensors]
    assert set(names) == {f"{sensor.tag.split('/')[0]}/gateway" for sensor in day_with_events.sensors}
    behind = [i for i, name in enumerate(names) if name == "household-2/gateway"]
    for begin_s, end_s, heard in ((43_100, 43_200, True), (43_200, 45_000, False), (45_000, 45_100, True)):
        rows = day_with_events.rows(begin_s, end_s)
        assert set(np.unique(rows.sensor)) == {i for i in range(len(names)) if heard or i not in behind}


def test_a_fault_of_a_gateway_that_is_not_there_is_refused():
    scenario = load(PACKS / "gas" / "scenario.yaml")
    part = FaultPart(kind="gateway_down", tag="nowhere/gateway")
    broken = scenario.model_copy(update={"profiles": {"demo": ProfilePart(faults=[part])}})
    with pytest.raises(ValueError, match="must name a gateway of the district, got 'nowhere/gateway'"):
        District([broken], profile="demo", seed=1, start_ns=0)


def test_the_loose_contact_sends_wild_values_and_none_and_good_ones_between(demo):
    value = course(demo, demo.rows(0, 3600), "building-3/temperature-04")[1]
    assert 0.01 < np.mean(np.isnan(value)) < 0.1
    assert 0.01 < np.mean(value > 300.0) < 0.1
    assert np.mean(value < 30.0) > 0.8


def test_the_wrong_clock_is_an_hour_ahead_and_all_others_are_right(demo):
    rows = demo.rows(0, 60)
    offset_ns = rows.time_ns - demo.clock.start_ns - rows.t_ms * 1_000_000
    wrong = rows.sensor == demo.index("gas-station-2/ch4-05")
    assert set(offset_ns[wrong].tolist()) == {3600 * 10**9}
    assert set(offset_ns[~wrong].tolist()) == {0}


def test_the_registry_refers_only_to_what_it_holds_and_lies_in_the_district(demo):
    registry = demo.registry()
    ids = {section: {entry["id"] for entry in registry[section]} for section in registry if section != "sensors"}
    assert all(s["enterprise"] in ids["enterprises"] and s["grid_cell"] in ids["grid_cells"] for s in registry["sites"])
    assert all(asset["site"] in ids["sites"] for asset in registry["assets"])
    assert all(sensor["asset"] in ids["assets"] for sensor in registry["sensors"])
    assert all(sensor["tag"].split("/")[0] in ids["sites"] for sensor in registry["sensors"])
    for entry in [*registry["sites"], *registry["sensors"]]:
        assert abs(entry["position"]["lat"] - 41.57) < 0.1
        assert abs(entry["position"]["lon"] - 120.45) < 0.1
    for entry in (entry for section in registry.values() for entry in section):
        assert entry["name"]["zh"]
        assert entry["name"]["en"]


def test_an_unknown_profile_is_refused_with_the_known_ones():
    with pytest.raises(ValueError, match="must be one of day, day-events, demo, got 'night'"):
        load_district(PACKS, profile="night", seed=1, start_ns=0)
