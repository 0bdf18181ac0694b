"""Everything that can change an alarm. Each is journaled before it counts, and nothing else exists for ``step``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from model.batch import Batch
from model.plan import Plan


@dataclass(frozen=True, slots=True)
class Tick:
    """One clock reading, journaled once a second.

    ``wall_ns`` may jump (NTP, a person); ``elapsed_ns`` counts since the machine's start, suspended time included, and
    measures durations. ``boot`` says which start that is; over two of them ``elapsed_ns`` means nothing.
    """

    wall_ns: int
    elapsed_ns: int
    boot: str = ""  # empty in journals of versions that did not know it


@dataclass(frozen=True, slots=True)
class HumanAct:
    """What a person asked for, journaled before the reply."""

    command_id: str  # given by the client; the same command sent twice has one effect
    act: str  # "acknowledge" or "reset"
    alarm_id: str
    by: str
    note: str
    wall_ns: int


@dataclass(frozen=True, slots=True)
class PlanChange:
    """The configuration that counts from here on."""

    plan: Plan
    wall_ns: int


Input: TypeAlias = Batch | Tick | HumanAct | PlanChange
