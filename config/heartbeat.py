"""The synthetic sensor as configuration: a kind, a detector and a rule like any other, so that nothing is left out."""

from __future__ import annotations

from dataclasses import replace

from model.alarm import Grade
from model.heartbeat import HEARTBEAT
from model.plan import Chatter, DetectorSpec, GradeSpec, Plan, RuleSpec
from model.sensor import Asset, Kind, Sensor, Site
from model.text import Text

_NAME = Text("烽燧自检心跳", "Fengsui's own heartbeat")
_DETECTOR = "system_heartbeat"


def with_heartbeat(plan: Plan) -> Plan:
    """The plan with the synthetic sensor behind all others; its version is to be made anew."""
    kind = Kind(HEARTBEAT, _NAME, "", 0.0, 1.0, 10.0, on_change=True)
    rule = RuleSpec(
        HEARTBEAT,
        _NAME,
        (HEARTBEAT,),
        (GradeSpec(Grade.BLUE, f"{_DETECTOR} > 0"),),
        Text("内置：系统自检", "built in: the system watches itself"),
        chatter=Chatter(times=0),
    )
    return replace(
        plan,
        sites=(*plan.sites, Site(HEARTBEAT, _NAME, "", "")),
        assets=(*plan.assets, Asset(HEARTBEAT, _NAME, HEARTBEAT)),
        kinds=(*plan.kinds, kind),
        sensors=(*plan.sensors, Sensor(HEARTBEAT, HEARTBEAT, HEARTBEAT, _NAME)),
        detectors=(*plan.detectors, DetectorSpec(_DETECTOR, "limit", (HEARTBEAT,), {"high": 0.5})),
        rules=(*plan.rules, rule),
    )


def without_heartbeat(plan: Plan) -> Plan:
    """The plan as it was before ``with_heartbeat``; its version is to be made anew."""
    return replace(
        plan,
        sites=tuple(one for one in plan.sites if one.id != HEARTBEAT),
        assets=tuple(one for one in plan.assets if one.id != HEARTBEAT),
        kinds=tuple(one for one in plan.kinds if one.id != HEARTBEAT),
        sensors=tuple(one for one in plan.sensors if one.tag != HEARTBEAT),
        detectors=tuple(one for one in plan.detectors if one.id != _DETECTOR),
        rules=tuple(one for one in plan.rules if one.id != HEARTBEAT),
    )
