"""What a change takes from under a red grade, beside the rules themselves."""

from __future__ import annotations

from dataclasses import replace

import pytest

from model.plan import AlarmPolicy, DetectorSpec, GradeSpec, Plan
from model.sensor import Sensor
from rules.red_ground import ground_changes
from tests.pipeline.plans import NAME, grade, kind, plan, rule

LEVEL = rule("level", grade("blue", "value >= 10"), grade("red", "value >= 50"))
OTHER = rule("other", grade("yellow", "value >= 3"), kinds=("heat",))
LEAK = replace(rule("leak", GradeSpec(LEVEL.grades[1].grade, "wave > 1"), kinds=()), assets=("line",))
WAVE = DetectorSpec("wave", "pressure_wave", ("pressure",), {}, ("line",))
OLD = plan(
    LEVEL,
    OTHER,
    LEAK,
    kinds=[kind(), kind("heat"), kind("pressure")],
    sensors=[("a", "gas"), ("t", "heat"), ("p", "pressure")],
    detectors=[WAVE],
)
OLD = replace(OLD, assets=(replace(OLD.assets[0], kind="line", attributes={"wave_speed_m_s": 400.0}),))


def sensor(at: int, **changed: object) -> Plan:
    made = list(OLD.sensors)
    made[at] = replace(made[at], **changed)  # type: ignore[arg-type]
    return replace(OLD, sensors=tuple(made))


def of_kind(at: int, **changed: object) -> Plan:
    made = list(OLD.kinds)
    made[at] = replace(made[at], **changed)  # type: ignore[arg-type]
    return replace(OLD, kinds=tuple(made))


RED = {
    "sensors.a: is taken out": replace(OLD, sensors=OLD.sensors[1:]),
    "sensors.p: is taken out": replace(OLD, sensors=OLD.sensors[:2]),
    "sensors.a.kind: gas -> heat": sensor(0, kind="heat"),
    "sensors.p.period_s: None -> 60.0": sensor(2, period_s=60.0),
    "sensors.a.asset: station -> other": sensor(0, asset="other"),
    "kinds.pressure.high: 100.0 -> 40.0": of_kind(2, high=40.0),
    "assets.station.kind: line -> ": replace(OLD, assets=(replace(OLD.assets[0], kind=""),)),
    "assets.station.attributes: {'wave_speed_m_s': 400.0} -> {}": replace(
        OLD, assets=(replace(OLD.assets[0], attributes={}),)
    ),
    "alarms: changes": replace(OLD, alarms=AlarmPolicy(shelf_max_s=1.0)),
}


@pytest.mark.parametrize("said", RED)
def test_the_ground_of_red_is_told(said: str) -> None:
    assert [f"{one.place}: {one.text.en}" for one in ground_changes(OLD, RED[said])] == [said]


HARMLESS = {
    "nothing": OLD,
    "a sensor more": replace(OLD, sensors=(*OLD.sensors, Sensor("new", "gas", "station", NAME))),
    "a sensor that no red rule looks at": replace(OLD, sensors=(OLD.sensors[0], OLD.sensors[2])),
    "a period of such a one": sensor(1, period_s=60.0),
    "a name": sensor(0, name=replace(NAME, en="other")),
    "a kind's name": of_kind(2, name=replace(NAME, en="other")),
}


@pytest.mark.parametrize("what", HARMLESS)
def test_what_red_does_not_rest_on_is_not(what: str) -> None:
    assert ground_changes(OLD, HARMLESS[what]) == []


def test_without_red_rules_there_is_no_ground() -> None:
    calm = replace(OLD, rules=(OTHER,))
    assert ground_changes(calm, replace(calm, sensors=(), alarms=AlarmPolicy())) == []


def test_a_sensor_that_red_asks_beside_its_own_is_ground_of_it() -> None:
    made = plan(
        rule("r", grade("red", "value >= 25 and asset.fan == 0")),
        kinds=[kind(), kind("fan", unit="")],
        sensors=[("a", "gas"), ("f", "fan")],
    )
    suppressed = replace(made.rules[0], grades=(grade("red", "value >= 25"),), suppress_when="asset.fan == 0")
    for one in (made, replace(made, rules=(suppressed,))):
        (told,) = ground_changes(one, replace(one, sensors=one.sensors[:1]))
        assert told.place == "sensors.f"
