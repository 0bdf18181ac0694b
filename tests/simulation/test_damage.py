"""A disk that spoils what was durable: nothing is made up, nothing else is lost, and writing goes on."""

from __future__ import annotations

import random

import pytest

from model.batch import Batch
from model.errors import FengsuiError
from model.inputs import PlanChange, Tick
from store.journal import segment
from store.journal.entries import Entry, Gap
from store.journal.reader import JournalReader
from store.journal.writer import Journal
from tests.simulation.disk import SimulatedDisk
from tests.simulation.workload import FOLDER, PLANS, SEGMENT_BYTES, Life, Truth
from tests.store.inputs import count, plain


def harm(disk: SimulatedDisk, rng: random.Random) -> None:
    """One thing that goes wrong within the files of the journal."""
    paths = [path for path in disk.paths() if path.suffix == ".seg"]
    if not paths:
        return
    path = rng.choice(paths)
    data = bytearray(disk.content(path))
    used = len(data.rstrip(b"\0")) or 1
    at = rng.randrange(used)
    match rng.choice(("bit", "bytes", "zeros", "block", "cut", "gone", "copied")):
        case "bit":
            data[at] ^= 1 << rng.randrange(8)
        case "bytes":
            data[at : at + 16] = rng.randbytes(len(data[at : at + 16]))
        case "zeros":
            data[at : at + 512] = bytes(len(data[at : at + 512]))
        case "block":
            disk.unreadable.add((path.name, at // 4096))
        case "cut":
            del data[at:]
        case "gone":
            disk.unlink(path)
            return
        case "copied":
            other = disk.content(rng.choice(paths))
            data[at : at + 2000] = other[: len(data[at : at + 2000])]
    disk.put(path, bytes(data))


@pytest.mark.parametrize("disks", [200, pytest.param(5_000, marks=pytest.mark.prove)])
def test_whatever_is_spoilt_costs_that_and_is_told(disks: int) -> None:
    for seed in range(disks):
        rng = random.Random(seed)
        life = Life(seed, SimulatedDisk(seed=seed))
        life.live(rng.randint(5, 80))
        life.end()
        for _ in range(rng.randint(1, 3)):
            harm(life.disk, rng)
        try:
            check_spoilt(life.disk, life.truth, is_known=bool(seed % 2))
        except (AssertionError, FengsuiError) as error:
            error.add_note(f"disk {seed}")
            raise


def check_spoilt(disk: SimulatedDisk, truth: Truth, *, is_known: bool) -> None:
    """``is_known``: a store beside the journal knows how far it was durable."""
    journal = Journal(FOLDER, segment_bytes=SEGMENT_BYTES, durable_to=truth.durable_to if is_known else 0, disk=disk)
    assert journal.next_offset <= truth.durable_to
    if journal.needs_plan:
        journal.append(PlanChange(PLANS[0], 1))
    offset = journal.append(Tick(10**15, 10**15))
    assert journal.commit()[-1].offset == offset
    first = min(segment.first_offset_of(path) for path in disk.paths() if path.suffix == ".seg")
    reader = JournalReader(FOLDER, first, disk=disk)
    found = list(reader.read_with_gaps())
    check_sequence(found, first, offset + 1)
    check_truth([one for one in found if isinstance(one, Entry) and one.offset < journal.next_offset - 2], truth, first)
    missing = {at for one in found if isinstance(one, Gap) for at in range(one.first, one.next)}
    assert missing == {at for one in reader.damage for at in range(one.gap.first, one.gap.next)}
    journal.close()
    again = Journal(FOLDER, segment_bytes=SEGMENT_BYTES, disk=disk)
    assert (again.next_offset, again.torn_bytes, again.damage) == (offset + 1, 0, [])
    again.close()


def check_sequence(found: list[Entry | Gap], offset: int, until: int) -> None:
    for one in found:
        begin, following = (one.first, one.next) if isinstance(one, Gap) else (one.offset, one.next_offset)
        assert begin == offset, "left out, or said twice"
        offset = following
    assert offset == until


def check_truth(entries: list[Entry], truth: Truth, first: int) -> None:
    """What is given out is what was appended, and rows stand under their own plan."""
    told = plan_before(truth, first)
    for entry in entries:
        if isinstance(entry.item, PlanChange):
            told = entry.item
        elif isinstance(entry.item, Batch):
            assert told == plan_before(truth, entry.offset), "rows of another plan"
        if not entry.again:
            assert truth.appended[entry.offset] == (count(entry.item), plain(entry.item))


def plan_before(truth: Truth, offset: int) -> object:
    return next(
        (
            item
            for at, (_, item) in sorted(truth.appended.items(), reverse=True)
            if at < offset and isinstance(item, PlanChange)
        ),
        None,
    )
