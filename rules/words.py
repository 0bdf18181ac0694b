"""What the conditions of rules on sensors may name: operands with their units, and states with their names."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from model.sensor import Kind


@dataclass(frozen=True, slots=True)
class Words:
    """Operand -> unit, and for those whose values have names, name -> number."""

    units: Mapping[str, str]
    states: Mapping[str, Mapping[str, float]]


def words_of(kind: Kind, scores: Mapping[str, str]) -> Words:
    """All words for sensors of a kind.

    Args:
        kind: of the sensors.
        scores: id -> unit, of the detectors that look at the kind, and what stands of them.

    """
    units = {"value": kind.unit, "quality": "", "clock_fault": ""}
    states = {"value": names_of(kind)} if kind.states else {}
    return Words({**units, **scores}, states)


def names_of(kind: Kind) -> dict[str, float]:
    return {state.name: float(state.number) for state in kind.states}
