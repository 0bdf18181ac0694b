"""Follows the journal from an offset on, beside the writer, over segments, damage and removed files."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from model.batch import Batch
from model.errors import OffsetGone
from store.disk import LOCAL_DISK, Disk
from store.journal import segment
from store.journal.encoding import RecordType, decode
from store.journal.entries import Damage, DamageReason, Entry, Gap
from store.journal.plans import PlanWatch
from store.journal.scan import Found, Hole, Scan, SegmentFile, read_header
from store.journal.segment import Record


@dataclass(frozen=True, slots=True)
class _Place:
    """Where in a segment the next record is looked for, and the offset that it should have."""

    position: int
    expected: int


class JournalReader:
    """Remembers where it stopped; ``read`` again gives what came since.

    Attributes:
        offset: the next input to read.
        damage: what was met on the way, oldest first.

    """

    def __init__(self, folder: Path, offset: int, *, tell_plan: bool = False, disk: Disk = LOCAL_DISK) -> None:
        """Take the place to begin at.

        Args:
            folder: of the journal.
            offset: of the first input to read.
            tell_plan: ``offset`` is the first of a segment, and the plan in force there is wanted before it.
            disk: that it is on.

        """
        self._folder, self._disk = folder, disk
        self.offset = offset
        self.damage: list[Damage] = []
        self._path: Path | None = None
        self._place: _Place | None = None  # in that segment; None = at its beginning
        self._plans = PlanWatch(missed=tell_plan)
        self._again: Record | None = None  # the plan that this segment tells again
        self._sought: int | None = None  # number of a plan that no later segment tells
        self._walked: tuple[Path, int] | None = None

    def read(self) -> Iterator[Entry]:
        """Yield the entries that are there now, going round damage. A batch that begins before ``offset`` is cut.

        Raises:
            OffsetGone: what comes next is no longer kept; ``skip_to_oldest`` goes on behind it.
            JournalError: a file or record is of a newer format.

        """
        for found in self.read_with_gaps():
            if isinstance(found, Entry):
                yield found

    def read_with_gaps(self) -> Iterator[Entry | Gap]:
        """Like ``read``, with a ``Gap`` wherever inputs are missing: together they leave nothing out."""
        while (path := self._path or self._find()) is not None:
            self._path = path
            following = _following(self._disk, path)  # looked for first: if there is one, this file is complete
            yield from self._rest_of(path, following)
            if following is None and self._path is not None:
                return
            if self._path is not None:
                self._begin(following)

    def skip_to_oldest(self) -> Gap:
        """Go on from the oldest input that is kept; returns what is left out by it. Its plan is told again."""
        paths = segments(self._folder, self._disk)
        first = self.offset
        self.offset = max([first, *map(segment.first_offset_of, paths[:1])])
        self._begin(None)
        self._plans = PlanWatch(missed=True)
        return Gap(first, self.offset)

    def bytes_behind(self) -> int:
        """How much of the journal has not been read yet."""
        paths = segments(self._folder, self._disk)
        first = self._path or _holding(paths, self.offset) or (paths[0] if paths else None)
        behind = 0
        for path in [path for path in paths if first is not None and path >= first]:
            begin = self._place.position if self._place and path == self._path else 0
            behind += max(0, self._end_of(path, begin, is_last=path == paths[-1]) - begin)
        return behind

    def _find(self) -> Path | None:
        """The segment that holds ``offset``."""
        paths = segments(self._folder, self._disk)
        holding = _holding(paths, self.offset)
        if paths and holding is None:
            oldest = segment.first_offset_of(paths[0])
            raise OffsetGone(
                f"{self._folder}: offset {self.offset} is no longer kept; the oldest is {oldest}", oldest=oldest
            )
        self._begin(holding)
        return holding

    def _begin(self, path: Path | None) -> None:
        self._path, self._place, self._again, self._sought = path, None, None, None

    def _rest_of(self, path: Path, following: Path | None) -> Iterator[Entry | Gap]:
        try:
            file = SegmentFile(self._disk, path)
        except FileNotFoundError:  # removed since; whether that matters shows when the next one is looked for
            self._begin(None)
            return
        with file:
            scan = self._scan(file, following)
            for found in scan:
                self._place = _Place(scan.position, scan.expected)
                if isinstance(found, Hole):
                    self._note(path, found)
                    continue
                self._place = _Place(found.position, found.record.first_offset)
                yield from self._deliver(path, found)
                self._place = _Place(found.end, found.record.next_offset)
            if self.offset < scan.expected:
                if not scan.is_format_1:
                    self._plans.miss(unless_known=True)
                yield self._gap_to(scan.expected)

    def _scan(self, file: SegmentFile, following: Path | None) -> Scan:
        header = read_header(file)
        place, until = self._place, segment.first_offset_of(following) if following else None
        if place is not None:
            return Scan(file, header, position=place.position, expected=place.expected, until=until, follows=True)
        if header is not None:
            self._plans.enter(header, is_next=segment.first_offset_of(file.path) <= self.offset)
        return Scan(file, header, until=until, follows=True)

    def _deliver(self, path: Path, found: Found) -> Iterator[Entry | Gap]:
        """One record as an entry, with what must come before it."""
        record = found.record
        if record.type == RecordType.PLAN_AGAIN:
            self._again = record
            return
        if record.next_offset <= self.offset:
            self._plans.pass_by(record)
            return
        again = None
        if record.type == RecordType.PLAN:
            self._plans.tell(record)
        elif not self._plans.knows(record, is_next=record.first_offset <= self.offset):
            again = self._plan_again(record)
            if again is None and record.type == RecordType.BATCH:
                self._set_aside(path, found)
                return
        if record.first_offset > self.offset:
            yield self._gap_to(record.first_offset)
        if again is not None:
            self._plans.tell(again)
            yield Entry(self.offset, decode(again.type, again.payload), again=True)
        start, self.offset = self.offset, record.next_offset
        self._place = _Place(found.end, record.next_offset)
        yield _entry(record, start)

    def _gap_to(self, offset: int) -> Gap:
        gap, self.offset = Gap(self.offset, offset), offset
        return gap

    def _plan_again(self, record: Record) -> Record | None:
        """The plan of a record, told again at the head of this segment or of a later one."""
        if self._again is not None and self._again.plan == record.plan:
            return self._again
        if record.plan == self._sought or not record.commit:
            return None
        for path in segments(self._folder, self._disk):
            if self._path is not None and path > self._path:
                again = first_plan(self._disk, path)
                if again is not None and again.plan == record.plan:
                    return again
        self._sought = record.plan
        return None

    def _note(self, path: Path, hole: Hole) -> None:
        if hole.gap.next < self.offset or (hole.gap.next == self.offset and hole.gap.inputs):
            return
        if hole.may_hide_plan:
            self._plans.miss()
        self.damage.append(hole.damage(path.name))

    def _set_aside(self, path: Path, found: Found) -> None:
        """Leave out rows of which nobody can say by which sensors they are."""
        gap = Gap(max(found.record.first_offset, self.offset), found.record.next_offset)
        new = Damage(path.name, found.position, found.record.size, gap, DamageReason.PLAN_LOST)
        last = self.damage[-1] if self.damage else None
        if last and (last.segment, last.reason, last.gap.next) == (new.segment, new.reason, gap.first):
            new = replace(last, length=found.end - last.position, gap=Gap(last.gap.first, gap.next))
            self.damage.pop()
        self.damage.append(new)

    def _end_of(self, path: Path, begin: int, *, is_last: bool) -> int:
        """Where the records of a segment end, as far as their headers tell."""
        try:
            file = SegmentFile(self._disk, path)
        except FileNotFoundError:
            return begin
        with file:
            if not is_last:
                return file.size
            if self._walked and self._walked[0] == path:
                begin = max(begin, self._walked[1])
            header = read_header(file)
            position = max(begin, header.size if header else 0)
            while head := segment.unpack_head(file.bytes_at(position, segment.RECORD_HEADER_BYTES)):
                position += segment.RECORD_HEADER_BYTES + head.length
            self._walked = path, position
            return position


def segments(folder: Path, disk: Disk = LOCAL_DISK) -> list[Path]:
    """All segments of a journal, oldest first."""
    return [folder / name for name in disk.names(folder) if segment.is_segment(name)]


def first_plan(disk: Disk, path: Path) -> Record | None:
    """The plan that a segment tells again at its head."""
    try:
        file = SegmentFile(disk, path)
    except FileNotFoundError:
        return None
    with file:
        found = next(iter(Scan(file, read_header(file), follows=True)), None)
    is_plan = isinstance(found, Found) and found.record.type == RecordType.PLAN_AGAIN
    return found.record if is_plan and isinstance(found, Found) else None


def _following(disk: Disk, path: Path) -> Path | None:
    return next((other for other in segments(path.parent, disk) if other > path), None)


def _holding(paths: list[Path], offset: int) -> Path | None:
    return next((path for path in reversed(paths) if segment.first_offset_of(path) <= offset), None)


def _entry(record: Record, start: int) -> Entry:
    item = decode(record.type, record.payload)
    if isinstance(item, Batch) and record.first_offset < start:
        return Entry(start, item.take(slice(start - record.first_offset, None)))
    return Entry(record.first_offset, item)
