"""The journal as the archive sees it: rows of named series, ticks, and what is missing, from an offset on."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from model.batch import Batch
from model.errors import OffsetGone
from model.heartbeat import HEARTBEAT
from model.inputs import PlanChange, Tick
from model.plan import Plan
from store.archive.rows import Rows, Series, from_batch
from store.disk import LOCAL_DISK, Disk
from store.journal import segment
from store.journal.entries import Entry, Gap
from store.journal.reader import JournalReader, segments
from store.journal.scan import SegmentFile, read_header


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that was read.

    Attributes:
        next_offset: behind it.
        rows: readings; their series count in ``Follower.names``.
        tick: the clock.
        missing: inputs that cannot be had.

    """

    next_offset: int
    rows: Rows | None = None
    tick: Tick | None = None
    missing: int = 0


class Follower:
    """Remembers where it stopped; ``read`` again gives what came since.

    Attributes:
        names: every series met so far; only grows.

    """

    def __init__(self, journal: Path, offset: int, *, disk: Disk = LOCAL_DISK) -> None:
        """Take the first input to give; what names its sensors is looked for before it."""
        self._offset = offset
        begin = _begin(journal, offset, disk)
        self._reader = JournalReader(journal, begin, tell_plan=begin > 0, disk=disk)
        self.names: list[Series] = []
        self._numbers: dict[Series, int] = {}
        self._has_own = False
        self._series: NDArray[np.int32] | None = None  # of each sensor of the plan in force

    @property
    def end(self) -> int:
        """Offset behind the last input that was read, also of those before the first to give."""
        return self._reader.offset

    def bytes_behind(self) -> int:
        return self._reader.bytes_behind()

    def read(self) -> Iterator[Step]:
        """Give what is there now, in order.

        Raises:
            JournalError: a file is of a newer format.

        """
        try:
            yield from self._read()
        except OffsetGone:
            gap = self._reader.skip_to_oldest()
            yield from self._missing(gap)
            yield from self._read()

    def _read(self) -> Iterator[Step]:
        for found in self._reader.read_with_gaps():
            if isinstance(found, Gap):
                yield from self._missing(found)
                continue
            if isinstance(found.item, PlanChange):
                self._series = self._numbered(found.item.plan)
            if found.next_offset > self._offset:
                yield self._step(found)

    def _step(self, found: Entry) -> Step:
        match found.item:
            case Batch() as batch if self._series is None:
                return Step(found.next_offset, missing=len(batch))
            case Batch() as batch if self._series is not None:
                before = max(0, self._offset - found.offset)
                rows = from_batch(batch.take(slice(before, None)), self._series, found.offset + before)
                return Step(found.next_offset, rows=self._without_own(rows))
            case Tick() as tick:
                return Step(found.next_offset, tick=tick)
        return Step(found.next_offset)

    def _without_own(self, rows: Rows) -> Rows:
        """Leave out the sensor that is made up to try every stage."""
        own = [number for series, number in self._numbers.items() if series.tag == HEARTBEAT] if self._has_own else []
        return rows.take(~np.isin(rows.series, own)) if own else rows

    def _missing(self, gap: Gap) -> Iterator[Step]:
        if gap.next > self._offset:
            yield Step(gap.next, missing=gap.next - max(gap.first, self._offset))

    def _numbered(self, plan: Plan) -> NDArray[np.int32]:
        units = {kind.id: kind.unit for kind in plan.kinds}
        self._has_own = any(one.tag == HEARTBEAT for one in plan.sensors)
        return np.array([self._number(Series(one.tag, one.kind, units[one.kind])) for one in plan.sensors], np.int32)

    def _number(self, series: Series) -> int:
        if series not in self._numbers:
            self._numbers[series] = len(self.names)
            self.names.append(series)
        return self._numbers[series]


def _begin(journal: Path, offset: int, disk: Disk) -> int:
    """First offset of the newest segment at or before ``offset`` that tells the plan in force at its head."""
    begin = 0
    for at, path in enumerate(segments(journal, disk)):
        first = segment.first_offset_of(path)
        if first > offset:
            break
        try:
            with SegmentFile(disk, path) as file:
                header = read_header(file)
        except FileNotFoundError:
            continue
        if at == 0 or (header is not None and header.format == segment.FORMAT_VERSION):
            begin = first
    return begin
