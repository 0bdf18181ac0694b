"""What the second stage knows: the open incidents and what it needs to go on after any restart."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from model.plan import Plan
from rules.incidents.flood import FloodWatch
from rules.incidents.geography import Geography
from rules.incidents.groups import Groups
from rules.incidents.look import Look
from rules.incidents.members import OpenIncident


@dataclass(slots=True)
class Kept:
    """As a snapshot keeps it."""

    open: list[OpenIncident] = field(default_factory=list)
    opened: list[tuple[int, str]] = field(default_factory=list)
    commands: list[str] = field(default_factory=list)
    flood: FloodWatch = field(default_factory=FloodWatch)
    broken: str = ""


class Correlation:
    """The state of the second stage.

    Attributes:
        groups: the open incidents.
        look: what they mean, by the plan in force.
        flood: how many alarms there are.
        commands: ids of human acts that are done, oldest first.
        broken: what went wrong; while it says something nothing is grouped. Empty: all is well.

    """

    def __init__(self, plan: Plan) -> None:
        self.groups = Groups(Geography(plan))
        self.look = Look.of(plan.incidents)
        self.flood = FloodWatch()
        self.commands: dict[str, None] = {}
        self.broken = ""

    def bind(self, plan: Plan) -> None:
        self.groups.bind(Geography(plan))
        self.look = Look.of(plan.incidents)

    def keep(self) -> Kept:
        return Kept(
            open=list(self.groups.open.values()),
            opened=list(self.groups.opened),
            commands=list(self.commands),
            flood=self.flood,
            broken=self.broken,
        )

    def restore(self, kept: Kept) -> None:
        """Go on; where grouping had gone wrong it begins anew, for nobody knows what its state is worth."""
        if kept.broken:
            return
        self.groups.restore(kept.open, kept.opened)
        self.commands = dict.fromkeys(kept.commands)
        self.flood = kept.flood

    def ids(self) -> list[str]:
        """Of all that is open."""
        return [*self.groups.open, *([self.flood.flood.id] if self.flood.flood else [])]

    def hold_to(self, open_alarms: Iterable[str]) -> int:
        """Let alarms be over that are open no more, after a start that brought them to what was told; how many."""
        return self.groups.hold_to(frozenset(open_alarms))
