"""Takes inputs out of a journal for people and other programs: JSON lines, CSV or Parquet."""

from __future__ import annotations

import csv
import fnmatch
import itertools
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import BinaryIO, NamedTuple, TextIO

import msgspec

from model.batch import NO_TIME, Batch
from model.inputs import Finding, HumanAct, PlanChange, Proposal, Tick
from model.plan import Plan
from store.disk import LOCAL_DISK, Disk
from store.journal import segment
from store.journal.entries import Entry, Gap
from store.journal.reader import JournalReader, segments
from store.journal.scan import SegmentFile, read_header

TYPES = ("reading", "tick", "act", "plan", "proposal", "finding", "gap")
_KINDS = {Tick: "tick", HumanAct: "act", PlanChange: "plan", Proposal: "proposal", Finding: "finding"}
QUALITIES = ("good", "uncertain", "bad")
#: Inputs stand in order of arrival; a clock that was set back puts some this far from where they are looked for.
CLOCK_SLACK_NS = 3600 * 10**9
_CHUNK_ROWS = 50_000


class Row(NamedTuple):
    """One input, or a gap; what does not apply is None."""

    offset: int
    type: str
    time_ns: int | None = None  # device time of a reading, else wall time
    received_ns: int | None = None
    tag: str | None = None
    value: float | None = None  # NaN: the reading had none that could be used
    quality: str | None = None
    detail: str | None = None  # JSON of what is no reading


@dataclass(frozen=True, slots=True)
class Selection:
    """What is taken out; None = no bound.

    Attributes:
        first: offset to begin at.
        next: offset to end before.
        from_ns: earliest time of arrival (of other inputs: wall time).
        to_ns: time to end before.
        tags: patterns (``*`` and ``?``) of which a reading's tag must fit one; none = all.
        types: of rows.

    """

    first: int | None = None
    next: int | None = None
    from_ns: int | None = None
    to_ns: int | None = None
    tags: tuple[str, ...] = ()
    types: frozenset[str] = frozenset(TYPES)


def rows(
    folder: Path, chosen: Selection, *, progress: Callable[[int], None] = lambda _: None, disk: Disk = LOCAL_DISK
) -> Iterator[Row]:
    """Yield what is chosen, in order; may run beside the writer.

    Args:
        folder: of the journal.
        chosen: which inputs.
        progress: told the offset that it has come to.
        disk: that it is on.

    Raises:
        JournalError: a file is of a newer format.

    """
    begin = _begin(folder, chosen, disk)
    names: _Names | None = None
    for found in JournalReader(folder, begin, tell_plan=begin > 0, disk=disk).read_with_gaps():
        if isinstance(found, Entry) and isinstance(found.item, PlanChange):
            names = _Names(found.item.plan, chosen.tags)
        if _is_behind(found, chosen):
            return
        if isinstance(found, Gap):
            yield from _gap(found, chosen)
        elif not found.again:
            yield from _rows(found, names, chosen)
        progress(found.next if isinstance(found, Gap) else found.next_offset)


def offset_before(folder: Path, at_ns: int, disk: Disk = LOCAL_DISK) -> int:
    """Where to begin to read so that nothing from a moment on is left out; such a file tells its plan."""
    return _begin(folder, Selection(from_ns=at_ns), disk)


def write_json_lines(taken: Iterable[Row], out: BinaryIO) -> int:
    """An object a line, without what does not apply; returns how many."""
    count = 0
    for row in taken:
        said = {key: value for key, value in row._asdict().items() if value is not None and key != "detail"}
        if row.detail is not None:
            said["detail"] = msgspec.Raw(row.detail.encode())
        out.write(msgspec.json.encode(said) + b"\n")
        count += 1
    return count


def write_csv(taken: Iterable[Row], out: TextIO) -> int:
    """A line a row; times in UTC, ISO 8601, to the nanosecond."""
    writer = csv.writer(out)
    writer.writerow(["offset", "type", "time", "received", "tag", "value", "quality", "detail"])
    count = 0
    for row in taken:
        writer.writerow([row.offset, row.type, _iso(row.time_ns), _iso(row.received_ns), *row[4:]])
        count += 1
    return count


def write_parquet(taken: Iterable[Row], out: BinaryIO) -> int:
    """Columns as in CSV, times as timestamps in UTC."""
    import pyarrow as pa  # noqa: PLC0415 - slow to import, and the runner that imports this room must start fast
    import pyarrow.parquet as pq  # noqa: PLC0415

    time, word = pa.timestamp("ns", tz="UTC"), pa.dictionary(pa.int32(), pa.string())
    types = (pa.int64(), word, time, time, word, pa.float64(), word, pa.string())
    names = ("offset", "type", "time", "received", "tag", "value", "quality", "detail")
    count, rest = 0, iter(taken)
    with pq.ParquetWriter(out, pa.schema(list(zip(names, types, strict=True))), compression="zstd") as writer:
        while chunk := list(itertools.islice(rest, _CHUNK_ROWS)):
            columns = [pa.array(column, kind) for column, kind in zip(zip(*chunk, strict=True), types, strict=True)]
            writer.write_table(pa.table(dict(zip(names, columns, strict=True))))
            count += len(chunk)
    return count


def _begin(folder: Path, chosen: Selection, disk: Disk) -> int:
    """First offset of the segment from which on there may be something chosen."""
    begin = 0
    for at, path in enumerate(segments(folder, disk)):
        first = segment.first_offset_of(path)
        with SegmentFile(disk, path) as file:
            header = read_header(file)
        tells_plan = header is not None and header.format == segment.FORMAT_VERSION
        is_before = (chosen.first is not None and first <= chosen.first) or (
            chosen.from_ns is not None and header is not None and 0 < header.wall_ns <= chosen.from_ns - CLOCK_SLACK_NS
        )
        if at == 0 or (tells_plan and is_before):
            begin = first
    return begin


def _is_behind(found: Entry | Gap, chosen: Selection) -> bool:
    """Whether nothing that is chosen can come any more."""
    if chosen.next is not None and (found.first if isinstance(found, Gap) else found.offset) >= chosen.next:
        return True
    if chosen.to_ns is None or isinstance(found, Gap) or not isinstance(found.item, Tick):
        return False
    return found.item.wall_ns > chosen.to_ns + CLOCK_SLACK_NS


def _gap(gap: Gap, chosen: Selection) -> Iterator[Row]:
    first = max(gap.first, chosen.first or 0)
    following = gap.next if chosen.next is None else min(gap.next, chosen.next)
    if "gap" in chosen.types and first < following:
        yield Row(first, "gap", detail=msgspec.json.encode({"inputs": following - first}).decode())


def _rows(entry: Entry, names: _Names | None, chosen: Selection) -> Iterator[Row]:
    match entry.item:
        case Batch() as batch if "reading" in chosen.types and names is not None:
            yield from _readings(entry.offset, batch, names, chosen)
        case Tick() | HumanAct() | PlanChange() | Proposal() | Finding() as item:
            kind = _KINDS[type(item)]
            if kind in chosen.types and _is_chosen(entry.offset, item.wall_ns, chosen):
                yield Row(entry.offset, kind, item.wall_ns, detail=msgspec.json.encode(item).decode())


def _readings(offset: int, batch: Batch, names: _Names, chosen: Selection) -> Iterator[Row]:
    columns = zip(
        range(offset, offset + len(batch)),
        batch.sensor.tolist(),
        batch.time_ns.tolist(),
        batch.received_ns.tolist(),
        batch.value.tolist(),
        batch.quality.tolist(),
        strict=True,
    )
    for at, sensor, time_ns, received_ns, value, quality in columns:
        tag = names.tag(sensor)
        if tag is not None and _is_chosen(at, received_ns, chosen):
            device_ns = None if time_ns == NO_TIME else time_ns
            yield Row(at, "reading", device_ns, received_ns, tag, value, QUALITIES[quality])


def _is_chosen(offset: int, at_ns: int, chosen: Selection) -> bool:
    return (
        (chosen.first is None or offset >= chosen.first)
        and (chosen.next is None or offset < chosen.next)
        and (chosen.from_ns is None or at_ns >= chosen.from_ns)
        and (chosen.to_ns is None or at_ns < chosen.to_ns)
    )


class _Names:
    """The tags of a plan's sensors; None for those that are not chosen."""

    def __init__(self, plan: Plan, patterns: tuple[str, ...]) -> None:
        self._tags = [
            sensor.tag if not patterns or any(fnmatch.fnmatchcase(sensor.tag, one) for one in patterns) else None
            for sensor in plan.sensors
        ]

    def tag(self, sensor: int) -> str | None:
        return self._tags[sensor]


def _iso(time_ns: int | None) -> str | None:
    if time_ns is None:
        return None
    seconds, ns = divmod(time_ns, 10**9)
    moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{ns:09d}Z"
