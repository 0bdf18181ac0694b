"""Snapshot files: whole or not there, and never trusted unchecked."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from store.snapshots import KEPT, Snapshot, load_newest, save


def snapshot(offset: int) -> Snapshot:
    records = np.zeros(2, np.dtype([("rows", "i8", 3), ("mean", "f8")]))
    records["mean"] = [offset, np.nan]
    arrays = {"kind/a": np.arange(offset, dtype=np.int64), "shared": np.array(offset), "records": records}
    return Snapshot(offset, b'{"offset":%d}' % offset, arrays)


def same(one: Snapshot, other: Snapshot) -> bool:
    def bits(s: Snapshot) -> dict[str, tuple[object, ...]]:
        return {name: (array.dtype, array.shape, array.tobytes()) for name, array in s.arrays.items()}

    return (one.offset, one.meta, bits(one)) == (other.offset, other.meta, bits(other))


def newest(folder: Path) -> tuple[Snapshot, list[str]]:
    found, damaged = load_newest(folder)
    assert found is not None
    return found, [path.name for path in damaged]


def test_a_snapshot_reads_back_bit_for_bit(tmp_path: Path) -> None:
    save(tmp_path, snapshot(5))
    found, damaged = newest(tmp_path)
    assert same(found, snapshot(5))
    assert damaged == []


def test_the_same_state_gives_the_same_bytes(tmp_path: Path) -> None:
    one, other = save(tmp_path / "a", snapshot(5)), save(tmp_path / "b", snapshot(5))
    assert one.name == other.name
    assert one.read_bytes() == other.read_bytes()


def test_the_newest_counts_and_only_a_reserve_is_kept(tmp_path: Path) -> None:
    for offset in (9, 10, 100, 1000, 20):
        save(tmp_path, snapshot(offset))
    assert newest(tmp_path)[0].offset == 1000
    assert len(list(tmp_path.iterdir())) == KEPT


@pytest.mark.parametrize("harm", ["cut", "flip", "empty", "renamed"])
def test_a_damaged_newest_is_reported_and_the_older_one_used(harm: str, tmp_path: Path) -> None:
    save(tmp_path, snapshot(5))
    path = save(tmp_path, snapshot(6))
    data = path.read_bytes()
    harmed = {"cut": data[:-1], "flip": data[:50] + bytes([data[50] ^ 1]) + data[51:], "empty": b"", "renamed": data}
    path.write_bytes(harmed[harm])
    if harm == "renamed":
        path = path.rename(tmp_path / f"{6:020d}.{'0' * 16}.npz")
    found, damaged = newest(tmp_path)
    assert same(found, snapshot(5))
    assert damaged == [path.name]


def test_a_file_that_was_not_finished_and_files_of_others_are_ignored(tmp_path: Path) -> None:
    path = save(tmp_path, snapshot(5))
    (tmp_path / f"{9:020d}.{'1' * 16}.part").write_bytes(path.read_bytes())
    (tmp_path / "readme.npz").write_bytes(b"not ours")
    found, damaged = newest(tmp_path)
    assert (found.offset, damaged) == (5, [])


def test_without_any_snapshot_there_is_none(tmp_path: Path) -> None:
    assert load_newest(tmp_path) == (None, [])
    assert load_newest(tmp_path / "not there") == (None, [])


def test_when_all_are_damaged_all_are_reported(tmp_path: Path) -> None:
    for offset in (5, 6):
        save(tmp_path, snapshot(offset)).write_bytes(b"")
    found, damaged = load_newest(tmp_path)
    assert found is None
    assert len(damaged) == 2
