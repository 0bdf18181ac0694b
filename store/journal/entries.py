"""What a journal gives back: entries, the gaps between them, and the damage that made a gap."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from model.batch import Batch
from model.inputs import Input


@dataclass(frozen=True, slots=True)
class Entry:
    """One durable input (or batch of rows) and where it stands.

    Attributes:
        offset: of its first input; a batch of n rows counts n.
        item: the input.
        again: a plan that is told once more, because its own record is lost or no longer kept. It takes no offset.

    """

    offset: int
    item: Input
    again: bool = False

    @property
    def next_offset(self) -> int:
        """Offset of the input behind it."""
        if self.again:
            return self.offset
        return self.offset + (len(self.item) if isinstance(self.item, Batch) else 1)


@dataclass(frozen=True, slots=True)
class Gap:
    """Inputs that a reader cannot have: damaged, set aside, or no longer kept."""

    first: int
    next: int  # offset behind the last one

    @property
    def inputs(self) -> int:
        return self.next - self.first


class DamageReason(Enum):
    """What is wrong with a part of a journal."""

    CHECKSUM = "checksum"  # bytes of which no record can be made
    MISSING = "missing"  # nothing is there: a file or its end is gone
    WARMED_LOST = "warmed_lost"  # a change of plan names a state of its detectors that is not there
    PLAN_LOST = "plan_lost"  # rows whose plan is lost, so that nobody knows their sensors


@dataclass(frozen=True, slots=True)
class Damage:
    """A part of a segment that was durable once and does not read any more."""

    segment: str  # name of the file
    position: int  # in it
    length: int  # bytes
    gap: Gap  # the inputs that are missing by it; may be none
    reason: DamageReason
