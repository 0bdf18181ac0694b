"""Opens the newest segment after any end of the process: what is torn is cut, what is damaged is set aside.

What is left is made durable before it counts: after a failed sync the kernel may show what is not on the disk.
"""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, field
from pathlib import Path

import msgspec
import structlog

from model.inputs import Tick
from store.disk import FULL, Disk, write_whole
from store.journal import segment
from store.journal.active_segment import ActiveSegment, must_sync
from store.journal.encoding import RecordType
from store.journal.entries import Damage, DamageReason, Gap
from store.journal.reader import segments
from store.journal.retention import KeptSegment
from store.journal.scan import Found, Hole, Scan, SegmentFile, read_header
from store.journal.segment import FileHeader, Record

log = structlog.get_logger("journal")

#: Files with what was cut off or does not read; the oldest make room.
ASIDE_FILES_MAX = 100

_COPY_BYTES = 1024 * 1024


@dataclass(frozen=True, slots=True)
class PlanInForce:
    """The plan by which the next rows name their sensors.

    Attributes:
        number: as records carry it; 0 = none yet.
        payload: its record's; None = there is none, or it is lost.
        lost: there was one, and nothing tells any more what it was.

    """

    number: int = 0
    payload: bytes | None = None
    lost: bool = False

    def again(self, first_offset: int) -> Record | None:
        """Itself told once more, at the head of a segment."""
        if self.payload is None:
            return None
        return Record(
            RecordType.PLAN_AGAIN, first_offset, 0, self.payload, self.number, commit=segment.FILE_HEADER_BYTES
        )


@dataclass(slots=True)
class Recovered:
    """Where a journal stands.

    Attributes:
        active: the segment to go on with; None = begin a new one.
        next_offset: of the next input.
        plan: in force there.
        wall_ns: wall time of the last tick; 0 = none.
        damage: in the newest segment, oldest first.
        torn_bytes: of commits that were not finished.

    """

    active: ActiveSegment | None = None
    next_offset: int = 0
    plan: PlanInForce = PlanInForce()
    wall_ns: int = 0
    damage: list[Damage] = field(default_factory=list)
    torn_bytes: int = 0


@dataclass(slots=True)
class _Walk:
    """What one pass over a segment found."""

    holes: list[Hole] = field(default_factory=list)
    last: Record | None = None
    last_commit: list[tuple[int, int]] = field(default_factory=list)  # begin and end of its records in the file
    plan: Record | None = None  # the last one, unless a later one may be hidden
    may_hide_plan: bool = False
    tick: Record | None = None


def recover(disk: Disk, folder: Path, *, durable_to: int) -> Recovered:
    """Bring the newest segment in order.

    Args:
        disk: that it is on.
        folder: of the journal; nobody else may write in it.
        durable_to: offset below which everything was durable, as the stores beside the journal know.

    Raises:
        JournalError: a file is of a newer format (nothing is changed), or the disk refuses a sync.
        OSError: of the disk.

    """
    paths = segments(folder, disk)
    for path in paths:
        header_of(disk, path)  # refuses what is newer before anything is touched
    if not paths:
        return Recovered()
    with SegmentFile(disk, paths[-1]) as file:
        header = read_header(file)
        scan = Scan(file, header, durable_to=durable_to)
        walk = _walk(scan)
        found = Recovered(next_offset=scan.expected, wall_ns=_wall_ns(header, walk))
        found.damage = [hole.damage(file.path.name) for hole in walk.holes]
        _judge_tail(disk, file, scan, found, durable_to)
    set_aside(disk, folder, found.damage)
    found.plan = _plan_in_force(disk, paths, header, walk)
    if header is not None or walk.last is not None:
        cut_at = scan.position if found.torn_bytes and not file.is_unreadable else None
        again = [] if file.is_unreadable else [(0, header.size if header else 0), *walk.last_commit]
        active = _settle(disk, paths[-1], walk, end=scan.position, cut_at=cut_at, again=again)
        if header is not None and header.format == segment.FORMAT_VERSION and not found.damage:
            found.active = active
        else:
            active.close(at_end=False)  # what is damaged or of an older format is not written any more
    return found


def _judge_tail(disk: Disk, file: SegmentFile, scan: Scan, found: Recovered, durable_to: int) -> None:
    """Tell what stands behind the last record: torn, unless others know that it was durable."""
    tail = scan.tail_bytes()
    if file.is_unreadable and not found.damage:  # even where nothing stood there: it cannot be written to any more
        nothing = Gap(scan.expected, scan.expected)
        found.damage.append(Damage(file.path.name, scan.position, tail, nothing, DamageReason.CHECKSUM))
    if (tail or file.is_unreadable) and scan.expected < durable_to:
        gap = Gap(scan.expected, durable_to)
        found.damage.append(Damage(file.path.name, scan.position, tail, gap, DamageReason.CHECKSUM))
        found.next_offset = durable_to
    elif tail:
        found.torn_bytes = tail
        _keep_aside(disk, file, scan.position, tail, ".torn")


def _settle(
    disk: Disk, path: Path, walk: _Walk, *, end: int, cut_at: int | None, again: list[tuple[int, int]]
) -> ActiveSegment:
    """Cut what is torn, and make durable what stands: its last commit is written once more (``again``), then synced."""
    file = disk.open(path)
    if cut_at is not None:
        disk.truncate(file, cut_at)
    try:
        for begin, until in again:
            write_whole(disk, file, disk.read(file, until - begin, begin), begin)
    except OSError as error:
        if error.errno not in FULL:  # a file system that never writes in place has no room for it
            raise
    must_sync(path, lambda: disk.sync(file))
    must_sync(path.parent, lambda: disk.sync_folder(path.parent))
    is_empty = walk.last is None or walk.last.type == RecordType.PLAN_AGAIN
    return ActiveSegment(disk, path, file, end=end, allocated=disk.size(file), is_empty=is_empty)


def _walk(scan: Scan) -> _Walk:
    walk = _Walk()
    for found in scan:
        if isinstance(found, Hole):
            walk.holes.append(found)
            if found.may_hide_plan:
                walk.plan, walk.may_hide_plan = None, True
            continue
        if walk.last is None or found.record.commit != walk.last.commit:
            walk.last_commit = []
        walk.last = found.record
        walk.last_commit.append((found.position, found.end))
        if found.record.type in {RecordType.PLAN, RecordType.PLAN_AGAIN}:
            walk.plan, walk.may_hide_plan = found.record, False
        elif found.record.type == RecordType.TICK:
            walk.tick = found.record
    return walk


def _plan_in_force(disk: Disk, paths: list[Path], header: FileHeader | None, walk: _Walk) -> PlanInForce:
    """Look for the plan from the newest segment back; usually it is told at the head of that one."""
    number: int | None = None
    for path in reversed(paths):
        if path != paths[-1]:
            header = header_of(disk, path)
            with SegmentFile(disk, path) as file:
                walk = _walk(Scan(file, header, until=segment.first_offset_of(paths[paths.index(path) + 1])))
        if number is None and (header is not None or walk.last is not None):
            number = _number(header, walk)
        if number == 0 and header is not None and header.format > 1:
            return PlanInForce()
        if walk.plan is not None:
            fits = walk.plan.plan == number or (walk.plan.commit == 0 and (number or 1) == 1)
            return PlanInForce(number or 1, walk.plan.payload if fits else None, lost=not fits)
        if walk.may_hide_plan:
            break
    return PlanInForce(number or 0, lost=bool(number) or walk.may_hide_plan)


def _number(header: FileHeader | None, walk: _Walk) -> int:
    """Of the plan in force at the end of a segment; 0 = none yet, or format 1."""
    if walk.last is not None:
        return walk.last.plan
    return header.plan if header is not None else 0


def _wall_ns(header: FileHeader | None, walk: _Walk) -> int:
    if walk.tick is not None:
        return msgspec.json.decode(walk.tick.payload, type=Tick).wall_ns
    return header.wall_ns if header is not None else 0


def header_of(disk: Disk, path: Path) -> FileHeader | None:
    """What a segment says of itself; None = damaged, or not written yet.

    Raises:
        JournalError: it is of a newer format.

    """
    with SegmentFile(disk, path) as file:
        return read_header(file)


def kept_segment(disk: Disk, path: Path) -> KeptSegment:
    """A segment as retention sees it."""
    with SegmentFile(disk, path) as file:
        header = read_header(file)
        begun_ns = header.wall_ns if header is not None else 0
        if header is not None and header.format < segment.FORMAT_VERSION:  # it does not say; its first tick does
            begun_ns = _first_tick_ns(Scan(file, header))
        return KeptSegment(path, segment.first_offset_of(path), file.size, begun_ns)


def _first_tick_ns(scan: Scan) -> int:
    for found in scan:
        if isinstance(found, Found) and found.record.type == RecordType.TICK:
            return msgspec.json.decode(found.record.payload, type=Tick).wall_ns
    return 0


def set_aside(disk: Disk, folder: Path, damage: list[Damage]) -> None:
    """Say loudly what is damaged, and copy the bytes, so that whoever looks into it has them whatever comes."""
    for one in damage:
        log.error(
            "journal: damaged",
            file=str(folder / one.segment),
            position=one.position,
            bytes=one.length,
            reason=one.reason.value,
            first_missing=one.gap.first,
            inputs_missing=one.gap.inputs,
        )
        if one.reason is DamageReason.CHECKSUM:
            with SegmentFile(disk, folder / one.segment) as file:
                _keep_aside(disk, file, one.position, one.length, ".bad")


def _keep_aside(disk: Disk, source: SegmentFile, position: int, length: int, suffix: str) -> None:
    """Copy a part of a segment to a file beside it; a full disk means no copy, and must not keep us from going on."""
    folder = source.path.parent
    path = folder / f"{source.path.stem}-{position}{suffix}"
    if suffix == ".bad" and path.name in disk.names(folder):
        return
    try:
        _copy(disk, source, position, length, path)
    except OSError as error:
        if error.errno not in FULL:
            raise
        log.warning("journal: no room to keep what does not read", file=str(path), bytes=length)
        with contextlib.suppress(FileNotFoundError):
            disk.unlink(path)
    old = [name for name in disk.names(folder) if name.endswith((".torn", ".bad"))]
    for name in old[:-ASIDE_FILES_MAX]:
        disk.unlink(folder / name)
    must_sync(folder, lambda: disk.sync_folder(folder))


def _copy(disk: Disk, source: SegmentFile, position: int, length: int, path: Path) -> None:
    file = disk.create(path)
    try:
        for at in range(0, length, _COPY_BYTES):
            write_whole(disk, file, source.bytes_at(position + at, min(_COPY_BYTES, length - at)), at)
        must_sync(path, lambda: disk.sync(file))
    finally:
        disk.close(file)
