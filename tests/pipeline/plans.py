"""Small plans and rows for tests of the pipeline: what a test does not name is unremarkable."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

import msgspec
import numpy as np

from model.alarm import AlarmEvent, Grade
from model.batch import GOOD, NO_TIME, Batch
from model.inputs import Input
from model.plan import DetectorSpec, GradeSpec, Plan, RuleSpec
from model.sensor import Asset, Beyond, Enterprise, GridCell, Kind, Sensor, Site
from model.text import Text
from pipeline.process.step import State, step

START_NS = 1_760_000_000_000_000_000
SECOND_NS = 1_000_000_000
NAME = Text("名", "name")
GRADES = {"blue": Grade.BLUE, "yellow": Grade.YELLOW, "orange": Grade.ORANGE, "red": Grade.RED}


class Row(NamedTuple):
    """One reading; times in seconds after ``START_NS``."""

    sensor: int
    at_s: float | None  # device time; None = the device gave none
    value: float
    received_s: float | None = None  # None: the moment of the device time
    quality: int = GOOD


def ns(seconds: float) -> int:
    return START_NS + round(seconds * SECOND_NS)


def rows(items: Iterable[Row]) -> Batch:
    items = list(items)
    received = [item.at_s if item.received_s is None else item.received_s for item in items]
    return Batch(
        np.array([item.sensor for item in items], np.int32),
        np.array([NO_TIME if item.at_s is None else ns(item.at_s) for item in items], np.int64),
        np.array([ns(0.0 if at is None else at) for at in received], np.int64),
        np.array([item.value for item in items], np.float64),
        np.array([item.quality for item in items], np.uint8),
    )


def kind(
    name: str = "gas",
    *,
    unit: str = "%LEL",
    period_s: float = 10.0,
    lateness_s: float = 0.0,
    low: float = -5.0,
    high: float = 100.0,
) -> Kind:
    return Kind(name, NAME, unit, low, high, period_s, Beyond.BAD, Beyond.UNCERTAIN, lateness_s)


def grade(colour: str, when: str, on_s: float = 0.0, off_s: float = 0.0, deadband: float = 0.0) -> GradeSpec:
    return GradeSpec(GRADES[colour], when, on_s, off_s, deadband)


def rule(name: str, *grades: GradeSpec, kinds: Sequence[str] = ("gas",), latching: bool = False) -> RuleSpec:
    return RuleSpec(name, NAME, tuple(kinds), grades, source=Text("条款 1", "clause 1"), latching=latching)


def plan(
    *rules: RuleSpec,
    kinds: Sequence[Kind] = (),
    sensors: Sequence[tuple[str, str]] = (("a", "gas"),),
    detectors: Sequence[DetectorSpec] = (),
    gateways: Mapping[str, str] | None = None,
) -> Plan:
    """A plan whose version is the hash of its content; ``sensors`` are (tag, kind), ``gateways`` by tag."""
    by_tag = gateways or {}
    whole = Plan(
        version="",
        enterprises=(Enterprise("company", NAME),),
        grid_cells=(GridCell("cell", NAME),),
        sites=(Site("site", NAME, "company", "cell"),),
        assets=(Asset("station", NAME, "site"),),
        kinds=tuple(kinds) or (kind(),),
        sensors=tuple(Sensor(tag, of, "station", NAME, gateway=by_tag.get(tag, "")) for tag, of in sensors),
        detectors=tuple(detectors),
        rules=rules,
    )
    version = hashlib.sha256(msgspec.json.encode(whole, order="deterministic")).hexdigest()[:12]
    return replace(whole, version=version)


def play(state: State, items: Iterable[Input]) -> list[AlarmEvent]:
    """All events of inputs that follow each other."""
    events: list[AlarmEvent] = []
    for item in items:
        events += step(state, state.next_offset, item).events
    return events


def canonical(events: Iterable[AlarmEvent]) -> list[bytes]:
    return [msgspec.json.encode(event, order="deterministic") for event in events]
