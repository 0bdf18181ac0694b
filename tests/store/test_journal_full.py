"""A full disk: nothing is handed back, nothing is lost, and the same commit goes through once there is room."""

from __future__ import annotations

import contextlib
import errno
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from model.errors import JournalError, JournalFull, StoreError
from model.inputs import Tick
from store import snapshots
from store.disk import LOCAL_DISK, LocalDisk
from store.journal.entries import Entry, Gap
from store.journal.reader import JournalReader, segments
from store.journal.writer import Journal
from tests.servers import REAL_REQUIRED
from tests.simulation.disk import SimulatedDisk
from tests.store.inputs import batch_of
from tests.store.test_snapshots import snapshot

FOLDER = Path("/data/journal")
MEGABYTE = 1_000_000


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 3 MB; only root may mount one."""
    folder = tmp_path / "small"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=3m", "tmpfs", folder], check=False, capture_output=True, text=True
    )
    if mounted.returncode:
        if REAL_REQUIRED and os.geteuid() == 0:
            pytest.fail(f"root may not mount a tmpfs here: {mounted.stderr}")
        pytest.skip("only root may mount a small file system")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", folder], check=True)


class GrowingDisk(LocalDisk):
    """A file system that cannot take room beforehand, so that the write itself finds it full, often half way."""

    def allocate(self, _file: int, _size: int) -> bool:
        return False


def fill(journal: Journal, rows: int = 1000) -> int:
    """Commit rows until the disk is full; returns the offset of the commit that was refused."""
    for _ in range(10_000):
        offset = journal.append(batch_of(rows, journal.next_offset))
        try:
            assert journal.commit()[0].offset == offset
        except JournalFull:
            return offset
    raise AssertionError("never full")


def fill_up(folder: Path) -> None:
    """Another program takes the last byte."""
    with (folder / "other").open("wb", buffering=0) as other, contextlib.suppress(OSError):
        while other.write(bytes(4096)):
            pass


@pytest.mark.parametrize("disk", [LOCAL_DISK, GrowingDisk()], ids=["beforehand", "growing"])
def test_a_real_full_disk_refuses_without_loss_and_takes_the_same_commit_when_there_is_room(
    small_disk: Path, disk: LocalDisk
) -> None:
    other = small_disk / "other"
    other.write_bytes(bytes(MEGABYTE))
    folder = small_disk / "journal"
    journal = Journal(folder, segment_bytes=400_000, disk=disk)
    refused = fill(journal)
    sizes = [path.stat().st_size for path in segments(folder)]
    for _ in range(3):
        with pytest.raises(JournalFull, match=r"no room for the journal: .*No space left on device"):
            journal.commit()
    assert [path.stat().st_size for path in segments(folder)][:-1] == sizes[:-1]
    assert journal.append(Tick(1, 1)) == refused + 1000
    other.unlink()
    assert [entry.offset for entry in journal.commit()] == [refused, refused + 1000]
    assert fill(journal) > refused
    found = list(JournalReader(folder, 0).read_with_gaps())
    assert not [one for one in found if isinstance(one, Gap)]
    assert sum(len(one.item) for one in found if not isinstance(one.item, Tick)) == found[-1].next_offset - 1
    journal.close()


def test_a_journal_opens_on_a_full_disk_and_waits_there(small_disk: Path) -> None:
    folder = small_disk / "journal"
    journal = Journal(folder, segment_bytes=400_000)
    refused = fill(journal)
    path = segments(folder)[-1]
    journal.close()
    with path.open("ab") as file:  # torn, and no room to keep it aside
        file.write(b"torn" * 100)
    fill_up(small_disk)
    again = Journal(folder, segment_bytes=400_000)
    assert (again.next_offset, again.torn_bytes) == (refused, 400)
    again.append(batch_of(20_000, refused))
    with pytest.raises(JournalFull):
        again.commit()
    (small_disk / "other").unlink()
    trim_first(again, folder)
    assert again.commit()[0].offset == refused
    again.close()


def trim_first(journal: Journal, folder: Path) -> None:
    from store.journal.retention import KeepLimits

    while journal.trim(KeepLimits(bytes=500_000), lambda: 10**9):
        pass
    assert len(segments(folder)) < 4


def test_the_reserve_gives_room_for_what_the_system_has_to_say_itself(small_disk: Path) -> None:
    folder = small_disk / "journal"
    journal = Journal(folder, segment_bytes=400_000, reserve_bytes=500_000)
    assert (folder / "reserve").stat().st_size == 500_000
    refused = fill(journal)
    journal.release_reserve()
    assert journal.commit()[0].offset == refused
    assert not journal.restore_reserve()
    assert not (folder / "reserve").exists()
    trim_first(journal, folder)
    assert journal.restore_reserve()
    assert (folder / "reserve").stat().st_size == 500_000
    journal.close()


def test_a_snapshot_that_does_not_fit_leaves_the_older_ones_and_no_half_of_itself(small_disk: Path) -> None:
    folder = small_disk / "snapshots"
    kept = snapshots.save(folder, snapshot(5))
    fill_up(small_disk)
    with pytest.raises(StoreError, match="no room for a snapshot"):
        snapshots.save(folder, snapshot(10**5))
    assert [path.name for path in folder.iterdir()] == [kept.name]


def test_room_is_taken_in_smaller_pieces_where_a_whole_segment_does_not_fit_any_more() -> None:
    disk = SimulatedDisk(capacity=10_000)
    journal = Journal(FOLDER, segment_bytes=8000, disk=disk)
    rows = fill(journal, rows=10)
    assert sum(len(disk.content(path)) for path in disk.paths()) <= 10_000
    assert rows * 29 + rows // 10 * 32 > 9000
    assert len(list(JournalReader(FOLDER, 0, disk=disk).read())) == rows // 10


def test_a_commit_refused_half_way_leaves_the_last_good_end() -> None:
    disk = SimulatedDisk(capacity=4000)
    disk.can_allocate = False
    journal = Journal(FOLDER, disk=disk)
    journal.append(Tick(1, 1))
    journal.commit()
    good = disk.content(disk.paths()[0])
    journal.append(batch_of(1000, 1))
    with pytest.raises(JournalFull):
        journal.commit()
    assert disk.calls[-1] == "truncate"
    assert disk.content(disk.paths()[0]) == good
    journal.close()


def test_a_full_disk_found_out_by_the_sync_is_the_end_like_any_failed_sync(tmp_path: Path) -> None:
    class LateDisk(LocalDisk):
        syncs = 0

        def sync(self, file: int) -> None:
            self.syncs += 1
            if self.syncs == 2:
                raise OSError(errno.ENOSPC, "No space left on device")
            super().sync(file)

    journal = Journal(tmp_path, disk=LateDisk())
    journal.append(Tick(1, 1))
    with pytest.raises(JournalError) as refused:
        journal.commit()
    assert not isinstance(refused.value, JournalFull)
    with pytest.raises(JournalError, match="restart to recover"):
        journal.commit()
    journal.close()


def test_a_reserve_of_a_process_that_was_killed_is_taken_over(tmp_path: Path) -> None:
    Journal(tmp_path, reserve_bytes=5000).close()
    before = (tmp_path / "reserve").stat()
    Journal(tmp_path, reserve_bytes=5000).close()
    assert (tmp_path / "reserve").stat() == before
    journal = Journal(tmp_path, reserve_bytes=7000)
    assert (tmp_path / "reserve").stat().st_size == 7000
    journal.append(Tick(1, 1))
    assert journal.commit() == [Entry(0, Tick(1, 1))]
    journal.close()
