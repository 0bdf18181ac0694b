"""What the conditions of rules on sensors may name: operands with their units, and states with their names."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from model.sensor import Kind
from rules.operands import HOUR, MODE, WEEKDAY, WEEKDAYS, WORKDAY


@dataclass(frozen=True, slots=True)
class Words:
    """Operand -> unit, and for those whose values have names, name -> number."""

    units: Mapping[str, str]
    states: Mapping[str, Mapping[str, float]]


def words_of(kind: Kind, kinds: Iterable[Kind], scores: Mapping[str, str]) -> Words:
    """All words for sensors of a kind.

    Args:
        kind: of the sensors.
        kinds: all that there are; any of them may be beside the sensor.
        scores: id -> unit, of the detectors that look at the kind, and what stands of them.

    """
    units = {"value": kind.unit, "quality": "", "clock_fault": "", HOUR: "", WEEKDAY: "", WORKDAY: ""}
    states = {WEEKDAY: WEEKDAYS} | ({"value": names_of(kind)} if kind.states else {})
    for other in kinds:
        own = [f"asset.{other.id}", f"site.{other.id}"] + ([MODE] if other.is_mode else [])
        units |= dict.fromkeys(own, other.unit)
        if other.states:
            states |= dict.fromkeys(own, names_of(other))
    return Words({**units, **scores}, states)


def names_of(kind: Kind) -> dict[str, float]:
    return {state.name: float(state.number) for state in kind.states}
