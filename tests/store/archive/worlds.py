"""Journals for tests of the archive, and what an archive of them must hold, worked out the slow and obvious way."""

from __future__ import annotations

import math
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from hypothesis import strategies as st

from model.batch import NO_TIME, Batch
from model.inputs import Input, PlanChange, Tick
from model.plan import Plan
from store.archive.archiver import Archiver, Cut
from store.archive.merge import days_to_merge, merge
from store.archive.reader import ArchiveReader
from store.disk import LOCAL_DISK, Disk
from store.journal.entries import Entry
from store.journal.reader import JournalReader
from store.journal.writer import Journal
from tests.pipeline.plans import kind, plan

S = 10**9
MINUTE, HOUR, DAY = 60 * S, 3600 * S, 86_400 * S
#: Of 2026-11-26, UTC.
NOON = 1_795_694_400 * S
ALWAYS = (-(2**63), 2**63)
END_OF_TIME = 2**63 // DAY

GAS, BAR = kind("gas", unit="kPa"), kind("gas", unit="bar")
PLANS = (
    plan(kinds=(GAS,), sensors=(("b", "gas"), ("a", "gas"), ("c", "gas"))),
    plan(kinds=(BAR,), sensors=(("a", "gas"), ("d", "gas"), ("b", "gas"))),
)
TAGS = ("a", "b", "c", "d", "nobody")


def readings(*items: tuple[int, int | None, int, float]) -> Batch:
    """Rows of (sensor, device time, receive time, value)."""
    return Batch(
        np.array([one[0] for one in items], np.int32),
        np.array([NO_TIME if one[1] is None else one[1] for one in items], np.int64),
        np.array([one[2] for one in items], np.int64),
        np.array([one[3] for one in items], np.float64),
        np.zeros(len(items), np.uint8),
    )


def day_of_readings(
    begin: int, *, minutes: int, sensors: int = 3, every_s: int = 60, plan: Plan = PLANS[0]
) -> list[Input]:
    """A plan, then a reading of every sensor, with a tick behind them."""
    made: list[Input] = [PlanChange(plan, begin)]
    for at in range(begin, begin + minutes * MINUTE, every_s * S):
        made.append(readings(*((sensor, at, at + 5, float(at // S % 1000 + sensor)) for sensor in range(sensors))))
        made.append(Tick(at + 10, at))
    return made


def write(folder: Path, items: Iterable[Input], *, disk: Disk = LOCAL_DISK, segment_bytes: int = 4000) -> None:
    """Journal them, each in a commit of its own."""
    journal = Journal(folder, segment_bytes=segment_bytes, disk=disk)
    for item in items:
        journal.append(item)
        journal.commit()
    journal.close()


def archive_all(folder: Path, journal: Path, *, disk: Disk = LOCAL_DISK, rows_max: int = 10_000) -> list[Cut]:
    """Everything that can be cut."""
    archiver = Archiver(folder, journal, disk=disk, rows_max=rows_max)
    cuts = []
    while (cut := archiver.work()) is not None:
        cuts.append(cut)
    archiver.close()
    return cuts


def merge_all(folder: Path, *, before: int = END_OF_TIME, disk: Disk = LOCAL_DISK, chunk_rows: int = 7) -> None:
    for day in days_to_merge(folder, before, disk=disk):
        merge(folder, day, disk=disk, chunk_rows=chunk_rows)


def truth(journal: Path, *, disk: Disk = LOCAL_DISK) -> list[tuple]:
    """Every reading of a journal: (offset, tag, unit, filed under, received, value, quality)."""
    return naive(JournalReader(journal, 0, disk=disk).read())


def naive(entries: Iterable[Entry]) -> list[tuple]:
    found: list[tuple] = []
    names: list[tuple[str, str]] = []
    for entry in entries:
        if isinstance(entry.item, PlanChange):
            units = {one.id: one.unit for one in entry.item.plan.kinds}
            names = [(one.tag, units[one.kind]) for one in entry.item.plan.sensors]
        elif isinstance(entry.item, Batch):
            batch = entry.item
            for row in range(len(batch)):
                device, received = int(batch.time_ns[row]), int(batch.received_ns[row])
                can_be = 946_684_800 * S <= device <= received + 300 * S
                value = float(batch.value[row])
                found.append(
                    (
                        entry.offset + row,
                        *names[batch.sensor[row]],
                        device if can_be else received,
                        received,
                        "nan" if math.isnan(value) else value,
                        int(batch.quality[row]),
                    )
                )
    return found


def held(
    reader: ArchiveReader, from_ns: int = ALWAYS[0], to_ns: int = ALWAYS[1], tags: Iterable[str] = TAGS
) -> list[tuple]:
    """The same out of an archive, tag by tag; fails if a tag's readings are not by time."""
    found = []
    for tag in tags:
        got = reader.readings(tag, from_ns, to_ns)
        order = list(zip(got.time_ns.tolist(), got.offset.tolist(), strict=True))
        assert order == sorted(order)
        for row in range(len(got)):
            value = float(got.value[row])
            found.append(
                (
                    int(got.offset[row]),
                    tag,
                    got.units[got.unit[row]],
                    int(got.time_ns[row]),
                    int(got.received_ns[row]),
                    "nan" if math.isnan(value) else value,
                    int(got.quality[row]),
                )
            )
    return sorted(found)


#: Times around a few days, and some that cannot be.
TIMES = st.one_of(
    st.integers(0, 3 * 86_400).map(lambda s: NOON + s * S),
    st.integers(-4000, 4000).map(lambda s: NOON + s * S),
    st.sampled_from([-(2**63), 0, 2**63 - 1, NOON - 400 * DAY]),
)


@st.composite
def batches(draw: st.DrawFn) -> Batch:
    items = draw(
        st.lists(st.tuples(st.integers(0, 2), TIMES, TIMES, st.floats() | st.sampled_from([1.5, 2.5])), max_size=8)
    )
    made = readings(*items)
    quality = np.array(draw(st.lists(st.integers(0, 2), min_size=len(items), max_size=len(items))), np.uint8)
    return Batch(made.sensor, made.time_ns, made.received_ns, made.value, quality)


ITEMS: st.SearchStrategy[Input] = st.one_of(
    batches().filter(len),
    batches().filter(len),
    st.builds(Tick, TIMES, st.just(0)),
    st.sampled_from(PLANS).map(lambda one: PlanChange(one, 7)),
)
