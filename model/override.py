"""Whom a rule concerns, and what a site changes of a rule for some of its sensors: data, with owner and dates."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import TypeAlias

from model.alarm import Grade
from model.text import Text

#: Key and value, sorted by key. A sensor has those of its site and its asset too; the nearest one counts.
Labels: TypeAlias = tuple[tuple[str, str], ...]

_DAY_NS = 86_400 * 10**9
_EPOCH_ORDINAL = 719_163  # 1970-01-01


@dataclass(frozen=True, slots=True)
class Where:
    """A choice of sensors or assets. Each entry that is given must fit, by any of its values; ``*``, ``?`` are wild."""

    tags: tuple[str, ...] = ()
    assets: tuple[str, ...] = ()
    sites: tuple[str, ...] = ()
    enterprises: tuple[str, ...] = ()
    grid_cells: tuple[str, ...] = ()
    labels: tuple[tuple[str, tuple[str, ...]], ...] = ()


@dataclass(frozen=True, slots=True)
class LimitChange:
    """Another limit for the comparisons of an operand; with ``operator``, for those with that one only."""

    operand: str
    limit: float
    unit: str = ""  # empty = the operand's
    operator: str = ""


@dataclass(frozen=True, slots=True)
class GradeChange:
    """What is other in one grade; None and () = as the pack says."""

    grade: Grade
    limits: tuple[LimitChange, ...] = ()
    on_delay_s: float | None = None
    off_delay_s: float | None = None
    deadband: float | None = None
    off: bool = False  # it begins nothing; an alarm that is on ends by readings as ever


@dataclass(frozen=True, slots=True)
class Override:
    """A site's own settings for some sensors of a rule, from the first moment of ``since`` to the last of ``until``."""

    id: str
    rule: str  # RuleSpec.id
    where: Where
    owner: str
    since: date
    until: date | None  # None: without end
    reason: Text
    grades: tuple[GradeChange, ...] = ()
    off: bool = False  # the whole rule

    def span_ns(self) -> tuple[int, int | None]:
        """Wall-clock time (UTC) from which, and until which, it is in force."""
        end = None if self.until is None else (self.until.toordinal() + 1 - _EPOCH_ORDINAL) * _DAY_NS
        return (self.since.toordinal() - _EPOCH_ORDINAL) * _DAY_NS, end

    def in_force(self, wall_ns: int) -> bool:
        begin_ns, end_ns = self.span_ns()
        return begin_ns <= wall_ns and (end_ns is None or wall_ns < end_ns)
