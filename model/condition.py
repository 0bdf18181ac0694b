"""Conditions of rules as data: comparisons joined by and, or, not."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias


@dataclass(frozen=True, slots=True)
class Comparison:
    operand: str  # value, quality, a detector's id ..., or a call in its canonical text (rules.operands)
    operator: str  # one of > >= < <= == !=
    limit: float
    unit: str = ""  # unit of the limit; empty = the operand's
    word: str = ""  # the name of a state that stands for the limit, until it is resolved


@dataclass(frozen=True, slots=True)
class AllOf:
    parts: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class AnyOf:
    parts: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class Not:
    part: Condition


Condition: TypeAlias = Comparison | AllOf | AnyOf | Not
