"""An off-delay of a rule that looks at others: it does not run where nothing is known."""

from __future__ import annotations

from dataclasses import replace

from tests.pipeline.plans import grade, rule
from tests.pipeline.test_others import ALARM, OVER, Scene, place

BOTH = place(rule("r", grade("red", "value >= 25 and asset.people >= 1", 0.0, 300.0)))
PEOPLE = replace(BOTH, sensors=tuple(replace(one, gateway="") for one in BOTH.sensors))


def test_an_off_delay_begins_anew_where_nothing_was_known_of_the_others() -> None:
    scene = Scene(PEOPLE)
    scene.hears(0, people_1=2.0)
    assert scene.hears(1, gas_1=30.0) == ALARM
    scene.hears(2, people_1=0.0)
    assert scene.ticks(3) == []
    for second in range(10, 600, 10):
        assert scene.hears(second, gas_1=30.0) == []  # of the people nothing is known from the first minute on
    for second in range(600, 900, 10):
        scene.hears(second, people_1=0.0)
        assert scene.ticks(second + 1) + scene.hears(second + 1, gas_1=30.0) == []
    scene.hears(902, people_1=0.0)
    assert scene.ticks(903) == OVER


def test_an_off_delay_does_not_run_while_the_sensor_itself_is_silent() -> None:
    scene = Scene(PEOPLE)
    scene.hears(0, people_1=2.0, gas_1=30.0)
    scene.hears(2, people_1=0.0)
    scene.ticks(3)
    for second in range(10, 900, 10):
        scene.hears(second, people_1=0.0)
        assert scene.ticks(second + 1) == []
    scene.hears(900, people_1=0.0, gas_1=30.0)
    assert scene.ticks(901) == []
    for second in range(910, 1200, 10):
        assert scene.hears(second, people_1=0.0, gas_1=30.0) == []
    assert scene.hears(1201, people_1=0.0, gas_1=30.0) == OVER
