"""Whether a reader's caller knows the plan by which rows name their sensors.

A row names its sensor by a number that only the plan in force explains. If the plan's record is lost, the rows behind
it would be taken for other sensors; so each record carries the number of its plan, and a reader counts along.
"""

from __future__ import annotations

from store.journal.encoding import RecordType
from store.journal.segment import FileHeader, Record

#: Number in records before a journal's first plan.
NO_PLAN = 0


class PlanWatch:
    """The number of the plan that the caller has, or that it may have missed one."""

    def __init__(self, *, missed: bool = False) -> None:
        self._number: int | None = None  # None = format 1, or nothing read yet
        self._missed = missed

    def enter(self, header: FileHeader, *, is_next: bool) -> None:
        """Begin a segment; whoever goes on there (``is_next``) has the plan that is in force there."""
        if header.format > 1:
            self._go_on_with(header.plan, is_next=is_next)

    def miss(self, *, unless_known: bool = False) -> None:
        """Inputs are missing among which a plan may have been; ``unless_known``: later numbers will tell."""
        if not unless_known or self._number is None:
            self._number, self._missed = None, True

    def tell(self, record: Record) -> None:
        """The caller gets the plan of this record, or had it before it began."""
        self._number = record.plan if _is_numbered(record) else None
        self._missed = False

    def pass_by(self, record: Record) -> None:
        """The record lies before the caller's place: it knows what was in force there."""
        if record.type == RecordType.PLAN or _is_numbered(record):
            self.tell(record)

    def knows(self, record: Record, *, is_next: bool) -> bool:
        """Whether the caller has the plan in force at this record; ``is_next``: nothing is missing before it."""
        if not _is_numbered(record):
            return not self._missed
        self._go_on_with(record.plan, is_next=is_next)
        return record.plan in {self._number, NO_PLAN}

    def _go_on_with(self, number: int, *, is_next: bool) -> None:
        if self._number is None and not self._missed:
            self._number, self._missed = (number, False) if is_next else (None, True)


def _is_numbered(record: Record) -> bool:
    return record.commit > 0
