"""Looks a whole journal through: what each segment holds, and whether every record of it still reads."""

from __future__ import annotations

import struct
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from store.disk import LOCAL_DISK, Disk
from store.journal import segment
from store.journal.encoding import RecordType
from store.journal.entries import Damage, DamageReason, Gap
from store.journal.reader import segments
from store.journal.scan import Found, Hole, Scan, SegmentFile, read_header
from store.journal.segment import FileHeader, Record

#: Told the bytes looked through so far.
Progress = Callable[[int], None]


@dataclass(slots=True)
class SegmentSurvey:
    """One file.

    Attributes:
        file: its name.
        format: 1 or 2; 0 = its header is damaged.
        first_offset: of its first input.
        next_offset: behind its last one.
        first_ns: wall time of its first input, ns since 1970 UTC; 0 = it holds none.
        last_ns: of its last one.
        bytes: that its records take.
        unfinished_bytes: behind them, of a commit that is being written or was torn.
        records: how many of each type.
        readings: rows of its batches.
        plans: versions of the plans that begin in it.
        damage: what does not read.

    """

    file: str
    format: int
    first_offset: int
    next_offset: int
    first_ns: int = 0
    last_ns: int = 0
    bytes: int = 0
    unfinished_bytes: int = 0
    records: Counter[str] = field(default_factory=Counter)
    readings: int = 0
    plans: list[str] = field(default_factory=list)
    damage: list[Damage] = field(default_factory=list)


class _Wall(msgspec.Struct):
    """The one key that all inputs but rows have."""

    wall_ns: int


class _Version(msgspec.Struct):
    version: str


class _Plan(msgspec.Struct):
    plan: _Version


def journal_bytes(folder: Path, *, disk: Disk = LOCAL_DISK) -> int:
    """Size of all files, for a progress bar."""
    total = 0
    for path in segments(folder, disk):
        with SegmentFile(disk, path) as file:
            total += file.size
    return total


def survey(
    folder: Path, *, newest: int = 0, progress: Progress = lambda _: None, disk: Disk = LOCAL_DISK
) -> list[SegmentSurvey]:
    """Verify every record; may run beside the writer.

    Args:
        folder: of the journal.
        newest: only so many of the newest files; 0 = all.
        progress: told how far it is.
        disk: that it is on.

    Raises:
        JournalError: a file is of a newer format.

    """
    paths = segments(folder, disk)[-newest:]
    found, looked_through = [], 0
    numbers = _Numbers()
    for at, path in enumerate(paths):
        until = segment.first_offset_of(paths[at + 1]) if at + 1 < len(paths) else None
        try:
            file = SegmentFile(disk, path)
        except FileNotFoundError:  # removed by retention meanwhile
            continue
        with file:
            found.append(_one(file, until, numbers, lambda here: progress(looked_through + here)))  # noqa: B023
            looked_through += file.size
            progress(looked_through)
    return found


def _one(file: SegmentFile, until: int | None, numbers: _Numbers, progress: Progress) -> SegmentSurvey:
    header = read_header(file)
    scan = Scan(file, header, until=until)
    seen = SegmentSurvey(file.path.name, header.format if header else 0, scan.expected, scan.expected)
    numbers.enter(header)
    for found in scan:
        if isinstance(found, Hole):
            seen.damage.append(found.damage(file.path.name))
        else:
            _add(seen, found.record)
            seen.damage += numbers.judge(file.path.name, found)
        progress(scan.position)
    seen.next_offset, seen.bytes = scan.expected, scan.position
    seen.unfinished_bytes = scan.tail_bytes()
    return seen


def _add(seen: SegmentSurvey, record: Record) -> None:
    if record.type == RecordType.PLAN_AGAIN:
        return
    name = RecordType(record.type).name.lower() if record.type in set(RecordType) else f"type {record.type}"
    seen.records[name] += 1
    if record.type == RecordType.BATCH:
        seen.readings += record.inputs
        first_ns, last_ns = _received_ns(record)
    else:
        first_ns = last_ns = msgspec.json.decode(record.payload, type=_Wall).wall_ns
    if record.type == RecordType.PLAN:
        seen.plans.append(msgspec.json.decode(record.payload, type=_Plan).plan.version)
    seen.first_ns = seen.first_ns or first_ns
    seen.last_ns = last_ns


def _received_ns(record: Record) -> tuple[int, int]:
    """Receive time of the first and the last row; their column lies behind those of sensor and device time."""
    begin = record.inputs * (4 + 8)
    first: int = struct.unpack_from("<q", record.payload, begin)[0]
    last: int = struct.unpack_from("<q", record.payload, begin + 8 * (record.inputs - 1))[0]
    return first, last


class _Numbers:
    """Counts the plans along, and finds rows whose plan is lost."""

    def __init__(self) -> None:
        self._known: int | None = None  # None = format 1, which has no numbers

    def enter(self, header: FileHeader | None) -> None:
        if header is not None and header.format > 1 and self._known is None:
            self._known = header.plan

    def judge(self, name: str, found: Found) -> list[Damage]:
        record = found.record
        if not record.commit:
            return []
        if self._known is None or record.type in {RecordType.PLAN, RecordType.PLAN_AGAIN}:
            self._known = record.plan
        if record.plan == self._known or record.type != RecordType.BATCH:
            return []
        gap = Gap(record.first_offset, record.next_offset)
        return [Damage(name, found.position, record.size, gap, DamageReason.PLAN_LOST)]
