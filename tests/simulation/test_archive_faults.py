"""The disk refuses or dies under the archive: after any call of a cut or a merge, each reading is there once.

The same simulated disk as under the journal: it drops, tears and reorders what was not synced.
"""

from __future__ import annotations

import errno
import random
from pathlib import Path

import pytest

from model.errors import FengsuiError
from store.archive.archiver import Archiver
from store.archive.layout import all_files
from store.archive.merge import days_to_merge, merge
from store.archive.reader import ArchiveReader
from tests.simulation.disk import SimulatedDisk, failing
from tests.store.archive.worlds import (
    END_OF_TIME,
    HOUR,
    NOON,
    archive_all,
    day_of_readings,
    held,
    merge_all,
    truth,
    write,
)

ARCHIVE, JOURNAL = Path("/archive"), Path("/journal")
ROWS_MAX = 100


def disk_with_a_journal(seed: int) -> SimulatedDisk:
    disk = SimulatedDisk(seed=seed)
    write(JOURNAL, day_of_readings(NOON + 11 * HOUR, minutes=150, every_s=300), disk=disk, segment_bytes=20_000)
    return disk


def live(disk: SimulatedDisk) -> None:
    """Archive all of the journal, merging as it goes."""
    archiver = Archiver(ARCHIVE, JOURNAL, disk=disk, rows_max=ROWS_MAX)
    while archiver.work() is not None:
        for day in days_to_merge(ARCHIVE, END_OF_TIME, disk=disk):
            merge(ARCHIVE, day, disk=disk, chunk_rows=20)
    archiver.close()


def calls_of_a_life() -> list[str]:
    disk = disk_with_a_journal(0)
    disk.calls.clear()
    live(disk)
    return disk.calls


CALLS = calls_of_a_life()


def numbers() -> list[int]:
    """Some of the many writes, and more of the calls that are rarer and decide."""
    rng = random.Random(5)
    rare = [at + 1 for at, call in enumerate(CALLS) if call != "write"]
    return sorted({*rng.sample(range(1, len(CALLS) + 1), 10), *rng.sample(rare, 30)})


def is_whole(disk: SimulatedDisk) -> None:
    """Look as it is, then let the next archiver put it in order."""
    everything = truth(JOURNAL, disk=disk)
    assert len(everything) == 90
    assert held(ArchiveReader(ARCHIVE, JOURNAL, disk=disk)) == everything
    archive_all(ARCHIVE, JOURNAL, disk=disk, rows_max=ROWS_MAX)
    merge_all(ARCHIVE, disk=disk)
    assert held(ArchiveReader(ARCHIVE, JOURNAL, disk=disk)) == everything
    assert len(list(all_files(ARCHIVE, disk))) == 2
    assert not [path for path in disk.paths() if path.name.endswith(".new")]


def refused_at(number: int, error: int) -> SimulatedDisk:
    disk = disk_with_a_journal(number)
    disk.calls.clear()
    disk.hook = failing(number, error)
    with pytest.raises((FengsuiError, OSError)):
        live(disk)
    disk.hook = None
    disk.kill()
    return disk


@pytest.mark.parametrize("number", numbers())
def test_a_call_that_is_refused_costs_nothing(number: int) -> None:
    is_whole(refused_at(number, errno.EIO if number % 2 else errno.ENOSPC))


@pytest.mark.parametrize("number", numbers())
def test_a_power_cut_at_any_call_costs_nothing(number: int) -> None:
    disk = refused_at(number, errno.EIO)
    rng = random.Random(number)
    is_whole(disk.image(rng))
    is_whole(disk.only_durable())


@pytest.mark.prove
def test_no_call_of_a_life_is_one_at_which_a_power_cut_costs_anything() -> None:
    for number in range(1, len(CALLS) + 1):
        disk = refused_at(number, errno.EIO)
        rng = random.Random(number)
        for _ in range(5):
            is_whole(disk.image(rng))
