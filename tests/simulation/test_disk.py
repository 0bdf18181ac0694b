"""The simulated disk does what the real one does as long as nothing goes wrong, and forgets only what it may."""

from __future__ import annotations

import errno
import random
from pathlib import Path

import pytest

from store.disk import Disk, LocalDisk, write_whole
from tests.simulation.disk import SimulatedDisk


@pytest.fixture(params=[LocalDisk, SimulatedDisk])
def disk(request: pytest.FixtureRequest) -> Disk:
    return request.param()


def test_both_disks_do_the_same(disk: Disk, tmp_path: Path) -> None:
    folder = tmp_path / "a" / "b"
    assert disk.names(folder) == []
    disk.make_folder(folder)
    file = disk.create(folder / "x")
    assert disk.allocate(file, 100)
    write_whole(disk, file, b"hello", 10)
    assert disk.size(file) == 100
    assert disk.read(file, 1000, 8) == b"\0\0hello" + bytes(85)
    disk.truncate(file, 13)
    assert disk.allocate(file, 5)  # never smaller
    assert disk.read(file, 100, 0) == bytes(10) + b"hel"
    write_whole(disk, file, b"far", 20)
    disk.sync(file)
    disk.close(file)
    disk.rename(folder / "x", folder / "y")
    disk.close(disk.create(folder / "z"))
    assert disk.names(folder) == ["y", "z"]
    disk.unlink(folder / "z")
    disk.sync_folder(folder)
    reading = disk.open_to_read(folder / "y")
    disk.unlink(folder / "y")
    assert disk.read(reading, 100, 10) == b"hel" + bytes(7) + b"far"
    disk.close(reading)
    assert disk.names(folder) == []
    for gone in (lambda: disk.open(folder / "y"), lambda: disk.unlink(folder / "y")):
        with pytest.raises(FileNotFoundError):
            gone()


def test_an_open_that_makes_anew_empties_the_file(disk: Disk, tmp_path: Path) -> None:
    file = disk.create(tmp_path / "x")
    write_whole(disk, file, b"old", 0)
    disk.close(file)
    file = disk.create(tmp_path / "x")
    assert disk.size(file) == 0
    disk.close(file)


def test_a_lock_is_held_until_it_is_closed(disk: Disk, tmp_path: Path) -> None:
    lock = disk.lock(tmp_path / "lock")
    with pytest.raises(BlockingIOError):
        disk.lock(tmp_path / "lock")
    disk.close(lock)
    disk.close(disk.lock(tmp_path / "lock"))


def test_a_disk_that_takes_nothing_and_says_no_reason_is_an_error() -> None:
    class Dead(SimulatedDisk):
        def write(self, _file: int, _data: bytes | memoryview, _position: int) -> int:
            return 0

    dead = Dead()
    with pytest.raises(OSError, match="took nothing"):
        write_whole(dead, dead.create(Path("/x")), b"data", 0)


def images(disk: SimulatedDisk, path: Path, count: int = 300) -> set[bytes | None]:
    """What a power cut may leave of a file; None = its name is gone."""
    left = [disk.image(random.Random(seed)) for seed in range(count)]
    return {one.content(path) if path in one.paths() else None for one in left}


def test_what_is_synced_is_in_every_image() -> None:
    disk, path = SimulatedDisk(), Path("/f/x")
    file = disk.create(path)
    write_whole(disk, file, b"kept", 0)
    disk.sync(file)
    disk.sync_folder(path.parent)
    assert images(disk, path) == {b"kept"}


def test_without_a_sync_of_the_folder_the_name_may_be_gone_and_without_one_of_the_file_its_content() -> None:
    disk, path = SimulatedDisk(), Path("/f/x")
    file = disk.create(path)
    write_whole(disk, file, b"text", 0)
    found = images(disk, path)
    assert {None, b"", b"text", b"te", bytes(4)} <= found
    assert all(one is None or all(a in (0, b) for a, b in zip(one, b"text", strict=False)) for one in found)


def test_unsynced_writes_survive_in_any_order() -> None:
    disk, path = SimulatedDisk(), Path("/f/x")
    file = disk.create(path)
    disk.sync_folder(path.parent)
    write_whole(disk, file, b"aa", 0)
    write_whole(disk, file, b"bb", 2)
    assert {b"aa", b"\0\0bb", b"aabb", b""} <= images(disk, path)


def test_after_a_failed_sync_everything_can_be_read_and_some_of_it_will_never_be_durable() -> None:
    path = Path("/f/x")
    lost = 0
    for seed in range(30):
        disk = SimulatedDisk(seed=seed)
        file = disk.create(path)
        disk.sync_folder(path.parent)
        write_whole(disk, file, b"text", 0)
        disk.hook = lambda _call, name: (_ for _ in ()).throw(OSError(errno.EIO, "x")) if name == "sync" else None
        with pytest.raises(OSError, match="x"):
            disk.sync(file)
        disk.hook = None
        disk.sync(file)  # says that all is well
        assert disk.content(path) == b"text"
        lost += images(disk, path, 1) != {b"text"}
        write_whole(disk, file, b"text", 0)
        disk.sync(file)
        assert images(disk, path) == {b"text"}
    assert lost > 5


def test_a_full_disk_takes_what_fits_and_then_says_so() -> None:
    disk = SimulatedDisk(capacity=10)
    file = disk.create(Path("/x"))
    assert disk.write(file, b"12345678", 0) == 8
    assert disk.write(file, b"12345678", 8) == 2
    for full in (lambda: disk.write(file, b"1", 10), lambda: disk.allocate(file, 11)):
        with pytest.raises(OSError, match="full") as refused:
            full()
        assert refused.value.errno == errno.ENOSPC
    assert disk.write(file, b"over", 0) == 4
