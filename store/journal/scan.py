"""Walks through one segment: its valid records, the holes between them, and where it ends.

What is not valid is one of three things. *Zeros* with nothing behind them are room that was taken beforehand. A *torn
tail* is what a commit left that never became durable: nothing behind it proves the contrary. A *hole* is damage: a
record of a later commit stands behind it, and no commit is written before the one before it is durable; or the file was
closed, which only happens to what is durable.
"""

from __future__ import annotations

import errno
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from store.disk import Disk
from store.journal import segment
from store.journal.encoding import ROW_BYTES, RecordType
from store.journal.entries import Damage, DamageReason, Gap
from store.journal.segment import FileHeader, Record

_CHUNK_BYTES = 128 * 1024
_DIRECT_BYTES = 65536
_BLOCK_BYTES = 4096
_PROBE_BYTES = 64
_TYPES_WITHOUT_PLAN = frozenset({RecordType.BATCH, RecordType.TICK, RecordType.ACT})


@dataclass(frozen=True, slots=True)
class Found:
    """A valid record and where it stands."""

    record: Record
    position: int
    end: int


@dataclass(frozen=True, slots=True)
class Hole:
    """A part of which no valid record can be made, although it was durable once.

    Attributes:
        position: in the file.
        end: position behind it; the same where the bytes themselves are gone.
        gap: the inputs that are missing by it; none if only the file's header is damaged.
        may_hide_plan: a plan may be among them, and no number in later records would tell (format 1).

    """

    position: int
    end: int
    gap: Gap
    may_hide_plan: bool

    def damage(self, name: str) -> Damage:
        """What it is in the segment of that name."""
        reason = DamageReason.CHECKSUM if self.end > self.position else DamageReason.MISSING
        return Damage(name, self.position, self.end - self.position, self.gap, reason)


class SegmentFile:
    """The bytes of a segment, read in large pieces; what the disk cannot read any more comes as zeros.

    Attributes:
        path: of the file.
        size: of the file, in bytes.
        is_unreadable: some of what was read was so.

    """

    def __init__(self, disk: Disk, path: Path) -> None:
        self._disk, self.path = disk, path
        self._file = disk.open_to_read(path)
        self._chunk, self._chunk_at = b"", 0
        self.is_unreadable = False
        self.size = disk.size(self._file)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._disk.close(self._file)

    def bytes_at(self, position: int, length: int) -> bytes:
        """Fewer than ``length`` only at the end of the file."""
        begin = position - self._chunk_at
        if begin < 0 or begin + length > len(self._chunk):
            if length >= _DIRECT_BYTES:
                return self._read(length, position)
            self._chunk, self._chunk_at, begin = self._read(_CHUNK_BYTES, position), position, 0
        return self._chunk[begin : begin + length]

    def chunks(self, position: int, *, overlap: int = 0) -> Iterator[tuple[int, bytes]]:
        """The rest of the file in pieces with their positions; each begins ``overlap`` bytes before the last ended."""
        while chunk := self._read(_CHUNK_BYTES, position):
            yield position, chunk
            if len(chunk) <= overlap:
                return
            position += len(chunk) - overlap

    def end_of_data(self, position: int) -> int:
        """Position behind the last byte from ``position`` on that is not zero."""
        end = position
        for begin, chunk in self.chunks(position):
            if chunk != bytes(len(chunk)):
                end = begin + len(chunk.rstrip(b"\0"))
        return end

    def seems_empty(self, position: int) -> bool:
        """Whether there are zeros at ``position`` and at ever larger distances from it."""
        distance = 0
        while position + distance < self.size:
            if any(self._read(_PROBE_BYTES, position + distance)):
                return False
            distance = max(_BLOCK_BYTES, 2 * distance)
        return True

    def _read(self, length: int, position: int) -> bytes:
        try:
            return self._disk.read(self._file, length, position)
        except OSError as error:
            if error.errno != errno.EIO:
                raise
        end, pieces = min(position + length, self.size), []
        while position < end:
            until = min(position // _BLOCK_BYTES * _BLOCK_BYTES + _BLOCK_BYTES, end)
            pieces.append(self._read_piece(position, until - position))
            position = until
        return b"".join(pieces)

    def _read_piece(self, position: int, length: int) -> bytes:
        """Within one block."""
        try:
            return self._disk.read(self._file, length, position)
        except OSError as error:
            if error.errno != errno.EIO:
                raise
            self.is_unreadable = True
            return bytes(length)


def read_header(file: SegmentFile) -> FileHeader | None:
    """What the segment says of itself; None = damaged, or not written yet.

    Raises:
        JournalError: it is of a newer format.

    """
    return segment.unpack_header(file.path, file.bytes_at(0, segment.FILE_HEADER_BYTES))


class Scan:
    """One pass over a segment's records.

    Attributes:
        position: where the next record is looked for.
        expected: offset that it should begin with.

    """

    def __init__(
        self,
        file: SegmentFile,
        header: FileHeader | None,
        *,
        position: int | None = None,
        expected: int | None = None,
        until: int | None = None,
        follows: bool = False,
        durable_to: int = 0,
    ) -> None:
        """Take the file.

        Args:
            file: to read from.
            header: None = damaged.
            position: of the first record to read; by default the file's first.
            expected: offset to go on from; by default the one in the file's name.
            until: offset at which the segment behind this one begins, so that everything in this one was durable once;
                None = there is none.
            follows: the caller comes again for more, so that zeros ahead need not be searched to the end each time.
            durable_to: offset below which everything was durable, as others know.

        """
        self._file, self._until, self._follows, self._durable_to = file, until, follows, durable_to
        self._format = header.format if header else 0
        self.position = position if position is not None else (header.size if header else 0)
        self.expected = expected if expected is not None else segment.first_offset_of(file.path)

    @property
    def is_format_1(self) -> bool:
        """Whether records carry no numbers of plans."""
        return self._format == 1

    def __iter__(self) -> Iterator[Found | Hole]:
        """Go on to where the records end."""
        while True:
            found = self._record_at(self.position) or self._behind_damage()
            hole = self._hole(found)
            if hole is not None:
                self.position, self.expected = hole.end, hole.gap.next
                yield hole
            if found is None:
                return
            self.position, self.expected = found.end, found.record.next_offset
            yield found

    def tail_bytes(self) -> int:
        """How many bytes behind the last record are not the zeros that room taken beforehand consists of."""
        return self._file.end_of_data(self.position) - self.position

    def _record_at(self, position: int) -> Found | None:
        raw = self._file.bytes_at(position, segment.RECORD_HEADER_BYTES)
        head = segment.unpack_head(raw)
        if head is None or not self._may_stand_at(position, head):
            return None
        begin = position + segment.RECORD_HEADER_BYTES
        record = segment.verified(raw, head, self._file.bytes_at(begin, head.length), self._format)
        return Found(record, position, begin + head.length) if record else None

    def _may_stand_at(self, position: int, head: segment.Head) -> bool:
        """Whether place and offsets fit: a whole record can also have got here by a write that went astray."""
        end, next_offset = position + segment.RECORD_HEADER_BYTES + head.length, head.first_offset + head.inputs
        is_at_head = position == segment.FILE_HEADER_BYTES
        return (
            end <= self._file.size
            and (is_at_head or head.type != RecordType.PLAN_AGAIN)
            and head.commit <= position
            and head.first_offset >= self.expected
            and (self._until is None or next_offset <= self._until)
        )

    def _behind_damage(self) -> Found | None:
        """The next valid record, if what stands before it was durable once; None = the records end here."""
        if self._follows and self._until is None and self._file.seems_empty(self.position):
            return None
        behind = self._next_valid(self.position)
        return behind if behind and self._was_durable(behind) else None

    def _next_valid(self, position: int) -> Found | None:
        """First where the damaged record says that it ends: its payload may hold anything."""
        head = segment.unpack_head(self._file.bytes_at(position, segment.RECORD_HEADER_BYTES))
        if head and (found := self._record_at(position + segment.RECORD_HEADER_BYTES + head.length)):
            return found
        overlap = len(segment.RECORD_MAGIC) - 1
        for begin, chunk in self._file.chunks(position + 1, overlap=overlap):
            at = chunk.find(segment.RECORD_MAGIC)
            while at >= 0:
                if found := self._record_at(begin + at):
                    return found
                at = chunk.find(segment.RECORD_MAGIC, at + 1)
        return None

    def _was_durable(self, behind: Found) -> bool:
        """Whether something proves that the bytes at ``position`` were durable once."""
        if self._until is not None:
            return True
        found: Found | None = behind
        while found is not None:
            record = found.record
            if record.commit == 0 or record.commit > self.position or record.first_offset < self._durable_to:
                return True
            found = self._record_at(found.end) or self._next_valid(found.end)
        return False

    def _hole(self, found: Found | None) -> Hole | None:
        """What is missing before ``found``, or before the end of a closed segment."""
        begin = end = self.position
        if found is not None:
            end, until = found.position, found.record.first_offset
        elif self._until is not None:
            end, until = self._file.end_of_data(begin), self._until
        else:
            return None
        gap = Gap(self.expected, max(self.expected, until))
        if end == begin and not gap.inputs:
            return None
        return Hole(begin, end, gap, self._may_hide_plan(gap, found))

    def _may_hide_plan(self, gap: Gap, behind: Found | None) -> bool:
        if not gap.inputs or (behind.record.commit if behind else self._format == segment.FORMAT_VERSION):
            return False
        head = segment.unpack_head(self._file.bytes_at(self.position, segment.RECORD_HEADER_BYTES))
        if head is None or behind is None or head.type not in _TYPES_WITHOUT_PLAN:
            return True
        is_one_record = (
            self.position + segment.RECORD_HEADER_BYTES + head.length == behind.position
            and (head.first_offset, head.inputs) == (gap.first, gap.inputs)
            and (head.length == head.inputs * ROW_BYTES if head.type == RecordType.BATCH else head.inputs == 1)
        )
        return not is_one_record
