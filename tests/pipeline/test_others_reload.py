"""What is kept of other sensors over a change of plan, and what is not: what means something else is unknown."""

from __future__ import annotations

from dataclasses import replace

from model.inputs import PlanChange
from model.plan import DetectorSpec, Plan
from pipeline.process.step import step
from tests.pipeline.plans import START_NS, grade, rule
from tests.pipeline.test_others import ALARM, KINDS, OVER, RAISED, RETURNED, Scene, place


def reloaded(scene: Scene, made: Plan) -> None:
    """No change of plan tells anything of rules."""
    assert step(scene.state, scene.state.next_offset, PlanChange(made, START_NS)).events == []


def counted(limit: float) -> Plan:
    return place(rule("r", grade("orange", f"count(site.gas >= {limit} %LEL, 2 min) >= 2"), kinds=("wind",)))


def test_a_count_that_was_changed_ends_no_alarm_before_its_window_is_full() -> None:
    """What was read before the change was not compared with the new limit: it may well have met it."""
    scene = Scene(counted(25))
    scene.hears(0, gas_1=30.0, gas_2=30.0, gas_3=1.0)
    assert scene.ticks(1) == [("r", "wind-1", RAISED)]
    scene.hears(10, gas_1=1.0, gas_2=1.0, gas_3=1.0)
    reloaded(scene, counted(24))
    for second in range(20, 130, 10):
        scene.hears(second, gas_1=1.0, gas_2=1.0, gas_3=1.0)
        assert not [one for one in scene.ticks(second + 1) if one[0] == "r"], second
    scene.hears(130, gas_1=1.0, gas_2=1.0, gas_3=1.0)
    assert [one for one in scene.ticks(131) if one[0] == "r"] == [("r", "wind-1", RETURNED)]


def test_a_count_goes_on_where_kinds_come_in_another_order() -> None:
    scene = Scene(counted(25))
    scene.hears(0, gas_1=30.0, gas_2=30.0, gas_3=1.0)
    assert scene.ticks(1) == [("r", "wind-1", RAISED)]
    reloaded(scene, replace(counted(25), kinds=tuple(reversed(KINDS))))
    scene.hears(10, gas_1=1.0, gas_2=1.0, gas_3=1.0)
    assert scene.ticks(11) == []


def test_a_neighbour_that_is_measured_in_another_unit_is_unknown_until_it_speaks() -> None:
    made = place(rule("r", grade("red", "value >= 25 and site.wind < 3 m/s")))
    scene = Scene(made)
    scene.hears(0, wind_1=1.0)
    assert scene.hears(1, gas_1=30.0) == ALARM
    kinds = tuple(replace(one, unit="km/h") if one.id == "wind" else one for one in KINDS)
    slower = rule("r", grade("red", "value >= 25 and site.wind < 0.9 km/h"))
    reloaded(scene, replace(made, kinds=kinds, rules=(slower,)))
    assert scene.hears(11, gas_1=30.0) == []
    scene.hears(12, wind_1=3.6)
    assert scene.ticks(13) == OVER


def test_a_neighbour_whose_tag_is_another_sensor_now_is_unknown_until_it_speaks() -> None:
    asks = rule("p", grade("blue", "value > 1e9 and max(site.people) > 1"))
    made = place(rule("r", grade("red", "value >= 25 and max(site.wind) < 3 m/s")), asks)
    scene = Scene(made)
    scene.hears(0, wind_1=1.0, people_1=40.0)
    assert scene.hears(1, gas_1=30.0) == ALARM
    wind = tuple(replace(one, kind="wind") if one.tag == "people-1" else one for one in made.sensors)
    reloaded(scene, replace(made, sensors=wind))
    assert scene.hears(11, gas_1=30.0) == []
    scene.hears(12, people_1=4.0)
    assert scene.ticks(13) == OVER


def test_a_score_of_a_changed_detector_is_unknown_until_the_sensor_speaks() -> None:
    def made(high: float) -> Plan:
        beyond = DetectorSpec("beyond", "limit", ("gas",), {"high": high})
        return replace(place(rule("r", grade("red", "beyond > 0 and asset.fan == stopped"))), detectors=(beyond,))

    scene = Scene(made(50.0))
    scene.hears(0, gas_1=60.0, fan_1=1.0)
    reloaded(scene, made(80.0))
    scene.hears(1, fan_1=0.0)
    assert scene.ticks(2) == []
    assert scene.hears(10, gas_1=60.0) == []
    assert scene.hears(20, gas_1=90.0) == ALARM
