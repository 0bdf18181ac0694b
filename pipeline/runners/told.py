"""What inputs brought about that is to be stored and told."""

from __future__ import annotations

from dataclasses import dataclass, field

from model.alarm import AlarmEvent
from model.flag import FlagEvent
from model.incident import IncidentEvent
from pipeline.process.step import Outcome


@dataclass(slots=True)
class Told:
    """In the order in which it came about."""

    events: list[AlarmEvent] = field(default_factory=list)
    incidents: list[IncidentEvent] = field(default_factory=list)
    flags: list[FlagEvent] = field(default_factory=list)

    def add(self, outcome: Outcome, stored_to: int = 0) -> None:
        """Take what one input brought about; what is stored already is left out."""
        self.events += [one for one in outcome.events if one.offset >= stored_to]
        self.incidents += [one for one in outcome.incidents if one.offset >= stored_to]
        self.flags += [one for one in outcome.flags if one.offset >= stored_to]

    def __bool__(self) -> bool:
        return bool(self.events or self.incidents or self.flags)
