"""A writer's life from a seed: appends, commits in one piece and in two, rolls, snapshots, retention, restarts, kills.

``Life`` keeps beside the journal what must be true of it: what was appended, how far it was handed back as durable,
what retention removed. ``check`` holds an image of the disk against that.
"""

from __future__ import annotations

import contextlib
import random
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from model.batch import Batch
from model.errors import JournalFull, StoreError
from model.inputs import HumanAct, Input, PlanChange, Tick
from store import snapshots
from store.journal.entries import Entry
from store.journal.reader import JournalReader
from store.journal.retention import KeepLimits
from store.journal.writer import Journal
from store.snapshots import Snapshot
from tests.pipeline.plans import grade, plan, rule
from tests.simulation.disk import SimulatedDisk
from tests.store.inputs import batch_of, count, plain

FOLDER, SNAPSHOTS = Path("/data/journal"), Path("/data/snapshots")
SEGMENT_BYTES = 6000
PLANS = [plan(rule(f"r{number}", grade("red", "value >= 50"))) for number in range(3)]


@dataclass
class Truth:
    """What must be so whatever the disk does."""

    appended: dict[int, tuple[int, object]] = field(default_factory=dict)  # offset -> inputs, the item comparably
    next_offset: int = 0
    durable_to: int = 0  # handed back by a commit
    removed_to: int = 0  # retention may have removed what is below
    snapshot: int = 0  # offset of the newest whose saving came back
    snapshot_begun: int = 0

    def note(self, offset: int, item: Input) -> None:
        self.appended[offset] = (count(item), plain(item))
        self.next_offset = offset + count(item)

    def forget_unwritten(self, next_offset: int) -> None:
        """After an end: what was not durable may be gone, and its offsets are given anew."""
        for offset in [offset for offset in self.appended if offset >= next_offset]:
            del self.appended[offset]
        self.next_offset = self.durable_to = next_offset


class Life:
    """One writer over one disk."""

    def __init__(self, seed: int, disk: SimulatedDisk, *, segment_bytes: int = SEGMENT_BYTES) -> None:
        self.rng = random.Random(seed)
        self.disk, self.segment_bytes = disk, segment_bytes
        self.truth = Truth()
        self.is_open = False
        self._ticks = 0
        self.journal = self._opened()
        self._append(PlanChange(PLANS[0], 1))

    def live(self, steps: int) -> None:
        """Do so many things; what a full disk refuses is left for later."""
        acts = [self._append_some, self._commit, self._commit_in_halves, self._save_snapshot, self._trim, self._restart]
        for _ in range(steps):
            with contextlib.suppress(JournalFull, StoreError):
                self.rng.choices(acts, (6, 5, 5, 2, 2, 1))[0]()

    def end(self) -> None:
        self.journal.close()

    def kill(self) -> None:
        """Another process takes over; the kernel has all that was written."""
        self.disk.kill()
        self._take_over()

    def lose_power(self, rng: random.Random) -> None:
        """Go on from one of the disks that a power cut could leave."""
        hook = self.disk.hook
        self.disk = self.disk.image(rng)
        self.disk.hook = hook
        self._take_over()

    def _take_over(self) -> None:
        truth = self.truth
        self.journal = self._opened()
        assert truth.durable_to <= self.journal.next_offset <= truth.next_offset
        assert self.journal.damage == []
        truth.forget_unwritten(self.journal.next_offset)
        if not truth.next_offset:
            self._append(PlanChange(PLANS[0], 1))

    def _opened(self) -> Journal:
        opened = Journal(FOLDER, segment_bytes=self.segment_bytes, reserve_bytes=500, disk=self.disk)
        self.is_open = True
        return opened

    def _append(self, item: Input) -> None:
        self.truth.note(self.truth.next_offset, item)
        self.journal.append(item)

    def _append_some(self) -> None:
        for _ in range(self.rng.randint(1, 3)):
            self._append(self._item())

    def _item(self) -> Input:
        kind = self.rng.choices(("rows", "tick", "act", "plan"), (6, 3, 1, 0.3))[0]
        self._ticks += 1
        if kind == "rows":
            return _rows(self.rng, self.truth.next_offset)
        if kind == "tick":
            return Tick(self._ticks * 10**9, self._ticks * 10**9)
        if kind == "act":
            return HumanAct(
                str(self._ticks), "acknowledge", "alarm", "Wang", "x" * self.rng.randint(0, 300), self._ticks
            )
        return PlanChange(self.rng.choice(PLANS), self._ticks)

    def _commit(self) -> None:
        self._handed_back(self.journal.commit())

    def _commit_in_halves(self) -> None:
        self.journal.begin_commit()
        for _ in range(self.rng.randint(0, 2)):
            self._append(self._item())
        self._handed_back(self.journal.finish_commit())

    def _handed_back(self, entries: list[Entry]) -> None:
        for entry in entries:
            assert self.truth.appended[entry.offset] == (count(entry.item), plain(entry.item))
        if entries:
            self.truth.durable_to = entries[-1].next_offset

    def _save_snapshot(self) -> None:
        offset = self.truth.durable_to
        self.truth.snapshot_begun = max(self.truth.snapshot_begun, offset)
        arrays = {"a": np.arange(self.rng.randint(1, 100))}
        snapshots.save(SNAPSHOTS, Snapshot(offset, b"%d" % offset, arrays), disk=self.disk)
        self.truth.snapshot = max(self.truth.snapshot, offset)

    def _trim(self) -> None:
        behind = self.rng.choice((0, 0, 300))
        self.journal.hold("cursor", max(self.truth.removed_to, self.truth.durable_to - behind))
        limits = KeepLimits(bytes=self.rng.randint(0, 3) * self.segment_bytes, bytes_max=4 * self.segment_bytes)
        floor = snapshots.oldest_usable(SNAPSHOTS, disk=self.disk)
        self.truth.removed_to = max(self.truth.removed_to, floor or 0)
        while self.journal.trim(limits, lambda: floor) is not None:
            pass

    def _restart(self) -> None:
        self.is_open = False
        self.journal.close()
        self.truth.forget_unwritten(self.truth.durable_to)
        self.journal = self._opened()
        assert self.journal.next_offset == self.truth.next_offset
        assert self.journal.torn_bytes == 0
        if not self.truth.next_offset:
            self._append(PlanChange(PLANS[0], 1))


def check(image: SimulatedDisk, truth: Truth, *, again: bool = True) -> None:
    """Recover from an image, and compare all that is there with what must be."""
    journal = Journal(FOLDER, segment_bytes=SEGMENT_BYTES, reserve_bytes=500, disk=image)
    assert journal.damage == [], "a power cut is no damage"
    assert truth.durable_to <= journal.next_offset <= truth.next_offset, "lost, or made up"
    assert not journal.needs_plan
    _check_entries(image, truth, journal.next_offset)
    _check_snapshots(image, truth)
    if again:
        _check_going_on(image, truth, journal)
    else:
        journal.close()


def _check_entries(image: SimulatedDisk, truth: Truth, next_offset: int) -> None:
    first = min([int(path.stem) for path in image.paths() if path.suffix == ".seg"], default=0)
    assert first <= max(truth.removed_to, 0), "more is gone than was removed"
    reader = JournalReader(FOLDER, first, disk=image)
    offset = first
    for entry in reader.read_with_gaps():
        assert isinstance(entry, Entry), f"a gap: {entry}"
        assert entry.offset == offset, "a hole or an overlap"
        assert truth.appended[offset] == (count(entry.item), plain(entry.item)), "not what was appended"
        offset = entry.next_offset
    assert offset == next_offset
    assert reader.damage == []


def _check_snapshots(image: SimulatedDisk, truth: Truth) -> None:
    newest, damaged = snapshots.load_newest(SNAPSHOTS, disk=image)
    assert damaged == [], "a snapshot is whole or not there"
    offset = newest.offset if newest else 0
    assert truth.snapshot <= offset <= truth.snapshot_begun
    assert newest is None or newest.meta == b"%d" % newest.offset


def _check_going_on(image: SimulatedDisk, truth: Truth, journal: Journal) -> None:
    """What is committed after a recovery survives the next power cut."""
    offset = journal.append(Tick(10**15, 10**15))
    for _ in journal.commit():
        after = Truth(dict(truth.appended), snapshot=truth.snapshot, snapshot_begun=truth.snapshot_begun)
        after.removed_to = truth.removed_to
        after.forget_unwritten(offset)
        after.note(offset, Tick(10**15, 10**15))
        after.durable_to = after.next_offset
        check(image.only_durable(), after, again=False)


def _rows(rng: random.Random, first: int) -> Batch:
    return batch_of(rng.choice((1, 2, 5, 40)), first)
