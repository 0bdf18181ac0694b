"""Kinds of sensors of a pack: units that are known, ranges that are ranges, and states with names."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from pydantic import Field

from config.findings import Findings
from config.kind_states import StateShape, fault_of_states, states_of
from config.shape import Duration, Shape, TextShape, check_shape
from config.yaml_file import Document
from model.errors import Place
from model.sensor import Beyond, Kind
from model.unit import known


class _KindShape(Shape):
    name: TextShape
    unit: str
    low: float = Field(description="Lower end of what is physically possible, in the unit.")
    high: float = Field(description="Upper end of what is physically possible, in the unit.")
    period_s: Duration = Field(gt=0, description="How often a healthy sensor reports.")
    beyond_low: Literal["bad", "uncertain"] = "bad"
    beyond_high: Literal["bad", "uncertain"] = "bad"
    lateness_s: Duration = 0.0
    on_change: bool = Field(default=False, description="It reports changes only, so its silence is no news.")
    states: dict[str, StateShape] = Field(default={}, description="Its readings are codes with these names.")
    mode: bool = Field(default=False, description="Its readings say in which mode the asset works.")


def read_kind(document: Document, name: str, kinds: Mapping[str, Kind], findings: Findings) -> Kind | None:
    """Read one kind; None when it cannot be used.

    Args:
        document: that it stands in.
        name: its id.
        kinds: read before.
        findings: gets what is wrong.

    """
    shape = check_shape(document, ("kinds", name), _KindShape, findings)
    if shape is None:
        return None
    fault = _fault(document, name, shape, kinds)
    if fault is not None:
        findings.error(*fault)
        return None
    return Kind(
        name,
        shape.name.text(),
        shape.unit,
        shape.low,
        shape.high,
        shape.period_s,
        Beyond(shape.beyond_low),
        Beyond(shape.beyond_high),
        shape.lateness_s,
        shape.on_change,
        states_of(shape.states),
        shape.mode,
    )


def _fault(
    document: Document, name: str, shape: _KindShape, kinds: Mapping[str, Kind]
) -> tuple[Place, str, object] | None:
    """What is wrong with it: place, requirement, what was given."""
    if not known(shape.unit):
        place = document.place("kinds", name, "unit")
        return place, "must be a unit that is known, such as kPa, degC, %LEL or m3/h", shape.unit
    if (fault := fault_of_states(document, name, shape.states, mode=shape.mode)) is not None:
        return fault
    if shape.mode and (other := next((kind.id for kind in kinds.values() if kind.is_mode), "")):
        place = document.place("kinds", name, "mode")
        return place, f"must be the only kind that says the mode; {other} does so", "true"
    if shape.low >= shape.high:
        return document.place("kinds", name, "low"), f"must be below high ({shape.high:g})", shape.low
    return None
