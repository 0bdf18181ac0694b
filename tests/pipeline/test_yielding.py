"""A rule on single sensors that yields to a detector on the whole asset."""

from __future__ import annotations

from dataclasses import replace

import pytest

from model.inputs import PlanChange
from model.plan import DetectorSpec, Plan
from model.sensor import Asset
from pipeline.process.step import begin
from tests.pipeline.plans import NAME, START_NS, Row, grade, kind, ns, plan, play, rows, rule

ROOM = DetectorSpec("fire", "combustion", ("smoke", "heat", "co"), {"co_kinds": "co"}, ("room",))
SMOKE = rule("smoke", grade("orange", "value >= 0.15"), kinds=("smoke",))
KINDS = (kind("smoke", unit="dB/m"), kind("heat", unit="degC"), kind("co", unit="ppm"))


def room(*kinds: str, yields: bool = True, asset_kind: str = "room") -> Plan:
    made = plan(
        replace(SMOKE, yields_to=("fire",) if yields else ()),
        kinds=KINDS,
        sensors=[(of, of) for of in kinds],
        detectors=(ROOM,),
    )
    return replace(made, assets=(Asset("station", NAME, "site", asset_kind),))


def told(made: Plan) -> list[str]:
    state = begin(PlanChange(made, START_NS), 0)
    return [event.transition for event in play(state, [rows([Row(0, 1.0, 0.2), Row(0, 11.0, 0.01)])])]


def test_given_heat_and_carbon_monoxide_beside_it_then_smoke_alone_begins_nothing() -> None:
    assert told(room("smoke", "heat", "co")) == []


@pytest.mark.parametrize(
    "made",
    [
        room("smoke"),
        room("smoke", "heat"),
        room("smoke", "co"),
        room("smoke", "heat", "co", yields=False),
        room("smoke", "heat", "co", asset_kind="tunnel"),
    ],
    ids=["alone", "no carbon monoxide", "no heat", "it does not yield", "nobody looks at the asset"],
)
def test_given_less_beside_it_then_the_rule_judges_as_ever(made: Plan) -> None:
    assert told(made) == ["raised", "returned"]


def test_given_an_alarm_that_is_on_when_the_rule_begins_to_yield_then_it_still_ends_by_good_readings() -> None:
    state = begin(PlanChange(room("smoke", "heat", "co", yields=False), START_NS), 0)
    change = PlanChange(room("smoke", "heat", "co"), ns(5.0))
    later = [rows([Row(0, 11.0, 0.2)]), rows([Row(0, 21.0, 0.01)]), rows([Row(0, 31.0, 0.2)])]
    assert [event.transition for event in play(state, [rows([Row(0, 1.0, 0.2)]), change, *later])] == [
        "raised",
        "returned",
    ]
