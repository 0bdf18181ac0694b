"""What people are shown before they apply: names, what begins anew, which alarms are touched."""

from __future__ import annotations

from dataclasses import replace

import pytest

from model.plan import NO_POLICY, AlarmPolicy, DetectorSpec
from model.sensor import Sensor
from model.text import Text
from pipeline.changes.difference import Anew, Changed, difference
from tests.pipeline.plans import NAME, Row, grade, plan, play, rows, rule
from tests.pipeline.runs import started, whole_plan

LEVEL = rule("level", grade("blue", "value >= 10"), grade("yellow", "value >= 25"))
ODD = rule("odd", grade("blue", "mean >= 3"))
MEAN = DetectorSpec("mean", "ewma", ("gas",), {"warmup_s": 600.0})
STUCK = DetectorSpec("stuck", "flatline", ("gas",), {"tolerance": 0.0})
OLD = plan(LEVEL, ODD, sensors=[("a", "gas"), ("b", "gas")], detectors=[MEAN, STUCK])


def test_the_same_files_differ_in_nothing() -> None:
    found = difference(OLD, OLD)
    assert found.same
    assert (found.counts(), found.anew, found.delays, found.alarms, found.red) == ({}, (), (), (), ())


def test_times_of_alarms_are_named_key_by_key() -> None:
    new = replace(OLD, version="2", alarms=AlarmPolicy(shelf_max_s=60.0))
    assert OLD.alarms == NO_POLICY
    (changed,) = difference(OLD, new).sections["alarms"].changed
    assert changed.keys == (
        ("shelf_max_s", "28800.0", "60.0"),
        ("chatter.times", "0", "3"),
        ("realarm_after_s.orange", "-", "7200.0"),
        ("realarm_after_s.red", "-", "1800.0"),
        ("stale_after_s", "0.0", "86400.0"),
    )


def test_what_is_added_removed_and_changed_is_named_key_by_key() -> None:
    higher = replace(LEVEL, name=Text("新", "new"), grades=(grade("blue", "value >= 12"), grade("red", "value >= 50")))
    new = replace(OLD, version="2", rules=(higher,), sensors=(*OLD.sensors, Sensor("c", "gas", "station", NAME)))
    found = difference(OLD, new)
    assert found.counts() == {
        "rules": {"added": 0, "removed": 1, "changed": 1},
        "sensors": {"added": 1, "removed": 0, "changed": 0},
    }
    assert found.sections["rules"].removed == ("odd",)
    assert found.sections["sensors"].added == ("c",)
    assert found.sections["rules"].changed == (
        Changed(
            "level",
            (
                ("name", str(NAME), str(Text("新", "new"))),
                ("grades.blue.when", "value >= 10", "value >= 12"),
                ("grades.yellow", "value >= 25", "-"),
                ("grades.red", "-", "value >= 50"),
            ),
        ),
    )


def test_a_detector_with_other_settings_begins_anew_with_its_rule_and_one_that_outlasts_them_does_not() -> None:
    other = (replace(MEAN, parameters={"warmup_s": 900.0}), replace(STUCK, parameters={"tolerance": 0.5}))
    found = difference(OLD, replace(OLD, version="2", detectors=other))
    assert found.anew == (Anew("mean", 900.0),)
    assert found.delays == ("odd",)
    assert found.sections["detectors"].changed[0] == Changed("mean", (("parameters.warmup_s", "600.0", "900.0"),))


def test_a_new_detector_has_to_learn_and_delays_only_rules_that_there_were() -> None:
    rise = DetectorSpec("rise", "rate", ("gas",), {"window_s": 30.0})
    fast = rule("fast", grade("blue", "rise > 2"))
    found = difference(OLD, replace(OLD, version="2", detectors=(*OLD.detectors, rise), rules=(*OLD.rules, fast)))
    assert (found.anew, found.delays) == ((Anew("rise", 30.0),), ())


@pytest.mark.parametrize(
    ("changed", "touched"),
    [
        (replace(OLD, version="2", rules=(ODD,)), True),
        (replace(OLD, version="2", rules=(replace(LEVEL, latching=True), ODD)), True),
        (replace(OLD, version="2", sensors=OLD.sensors[1:]), True),
        (replace(OLD, version="2", rules=(LEVEL,)), False),
        (replace(OLD, version="2", sensors=OLD.sensors[:1]), False),
    ],
)
def test_alarms_that_are_on_are_named_where_their_rule_or_sensor_changes(changed: object, touched: bool) -> None:  # noqa: FBT001
    state = started(OLD)
    play(state, [rows([Row(0, 1.0, 30.0)])])
    (alarm,) = state.alarms.open_alarms()
    found = difference(OLD, changed, state.alarms.open_alarms())  # type: ignore[arg-type]
    assert found.alarms == ((alarm.id,) if touched else ())


def test_every_part_of_a_plan_is_compared() -> None:
    """Whatever a plan has or will have: a change of it is a difference."""
    made = whole_plan()
    for name in made.__dataclass_fields__:
        value = getattr(made, name)
        if name != "version" and isinstance(value, tuple) and value:
            found = difference(made, replace(made, version="2", **{name: value[1:]}))
            assert name in found.counts(), name
