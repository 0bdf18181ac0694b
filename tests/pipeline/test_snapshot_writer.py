"""Snapshots beside the rounds: one at a time; a refusal, a full disk and a disk that hangs can be seen."""

from __future__ import annotations

import errno
import threading
from pathlib import Path

import numpy as np
import pytest

from pipeline.runners.snapshot_writer import SnapshotWriter
from store import snapshots
from store.disk import LocalDisk
from store.snapshots import Snapshot

END_S = 10.0


class Moody(LocalDisk):
    """A disk that refuses to create files, or holds on until it is let go."""

    def __init__(self) -> None:
        self.refuses, self.reached, self.may_go_on = 0, threading.Event(), threading.Event()
        self.may_go_on.set()

    def create(self, path: Path) -> int:
        self.reached.set()
        assert self.may_go_on.wait(END_S)
        if self.refuses:
            raise OSError(self.refuses, "refused")
        return super().create(path)


def taken(offset: int) -> Snapshot:
    return Snapshot(offset, b"{}", {"a": np.arange(3)})


def test_what_is_put_is_saved(tmp_path: Path) -> None:
    writer = SnapshotWriter(tmp_path / "s", LocalDisk(), on_full=pytest.fail)
    writer.put(taken(5))
    writer.put(taken(7))
    writer.close()
    assert [snapshots.offset_of(path) for path in snapshots.files(tmp_path / "s")] == [5, 7]


def test_while_the_disk_hangs_it_is_busy_and_no_turn_goes_by(tmp_path: Path) -> None:
    disk = Moody()
    writer = SnapshotWriter(tmp_path / "s", disk, on_full=pytest.fail)
    disk.may_go_on.clear()
    writer.put(taken(5))
    assert disk.reached.wait(END_S)
    assert (writer.is_busy, writer.turns) == (True, 1)
    writer.check()  # does not wait
    disk.may_go_on.set()
    writer.wait()
    assert (writer.is_busy, writer.turns) == (False, 1)
    writer.close()


def test_a_refusal_is_told_at_the_next_look(tmp_path: Path) -> None:
    disk = Moody()
    disk.refuses = errno.EIO
    writer = SnapshotWriter(tmp_path / "s", disk, on_full=pytest.fail)
    writer.put(taken(5))
    with pytest.raises(OSError, match="refused"):
        writer.wait()
    writer.check()
    writer.close()


def test_a_full_disk_is_told_and_the_next_snapshot_is_another_try(tmp_path: Path) -> None:
    disk, told = Moody(), list[str]()
    disk.refuses = errno.ENOSPC
    writer = SnapshotWriter(tmp_path / "s", disk, on_full=told.append)
    writer.put(taken(5))
    writer.wait()
    assert len(told) == 1
    disk.refuses = 0
    writer.put(taken(7))
    writer.close()
    assert [snapshots.offset_of(path) for path in snapshots.files(tmp_path / "s")] == [7]
