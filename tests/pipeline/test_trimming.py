"""Retention beside the rounds: what a recovery or a sink needs stays, the rest goes, and whoever loses is named."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from model.errors import StoreError
from model.inputs import PlanChange, Tick
from pipeline.metrics import PipelineMetrics
from pipeline.process import snapshot
from pipeline.process.step import begin, step
from pipeline.runners.trimming import Trimmer
from store import snapshots
from store.delivery_store import CursorRow, DeliveryStore, cursor_offsets
from store.journal.reader import JournalReader, segments
from store.journal.retention import KeepLimits
from store.journal.writer import Journal
from tests.pipeline.plans import plan

PLAN = plan()


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    """A plan and nineteen ticks, a segment each."""
    opened = Journal(tmp_path / "journal", segment_bytes=1)
    opened.append(PlanChange(PLAN, 1))
    opened.commit()
    for at in range(1, 20):
        opened.append(Tick(at * 10**9, at * 10**9))
        opened.commit()
    yield opened
    opened.close()


def save_snapshot(folder: Path, offset: int) -> None:
    """The state as it was after so many inputs."""
    state = begin(PlanChange(PLAN, 1), 0)
    for entry in JournalReader(folder / "journal", 1).read():
        if entry.offset < offset:
            step(state, entry.offset, entry.item)
    assert state.next_offset == offset
    snapshots.save(folder / "snapshots", snapshot.take(state))


def trimmer(folder: Path, journal: Journal, limits: KeepLimits, **cursors: int) -> tuple[Trimmer, PipelineMetrics]:
    metrics = PipelineMetrics()
    made = Trimmer(journal, limits, snapshot_folder=folder / "snapshots", cursors=lambda: cursors, metrics=metrics)
    return made, metrics


def oldest(folder: Path) -> int:
    return int(segments(folder / "journal")[0].stem)


def test_without_a_snapshot_nothing_goes(tmp_path: Path, journal: Journal) -> None:
    trimmer(tmp_path, journal, KeepLimits(bytes=0))[0].trim()
    assert oldest(tmp_path) == 0


def test_the_oldest_snapshot_that_can_be_used_decides(tmp_path: Path, journal: Journal) -> None:
    for offset in (5, 9, 15):
        save_snapshot(tmp_path, offset)
    made, metrics = trimmer(tmp_path, journal, KeepLimits(bytes=0))
    made.trim()
    assert oldest(tmp_path) == 5
    min((tmp_path / "snapshots").glob("*.npz")).write_bytes(b"damaged")
    made.trim()
    assert oldest(tmp_path) == 9
    assert metrics.registry.get_sample_value("fengsui_journal_removed_bytes_total") > 0


def test_what_is_left_is_enough_for_every_snapshot_that_is_left(tmp_path: Path, journal: Journal) -> None:
    for offset in (5, 9, 15):
        save_snapshot(tmp_path, offset)
    trimmer(tmp_path, journal, KeepLimits(bytes=0, bytes_max=0))[0].trim()
    for path in (tmp_path / "snapshots").glob("*.npz"):
        offset = int(path.name[:20])
        assert [entry.offset for entry in journal.replay(offset)] == list(range(offset, 20))


def test_a_sink_that_is_behind_holds_the_journal_until_the_hard_limit_and_is_then_named(
    tmp_path: Path, journal: Journal
) -> None:
    save_snapshot(tmp_path, 15)
    trimmer(tmp_path, journal, KeepLimits(bytes=0), history=7, fast=20)[0].trim()
    assert oldest(tmp_path) == 7
    made, metrics = trimmer(tmp_path, journal, KeepLimits(bytes_max=journal.bytes_written - 1), history=7, fast=20)
    made.trim()
    assert oldest(tmp_path) == 8
    overrun = metrics.registry.get_sample_value("fengsui_journal_overrun_total", {"cursor": "history"})
    assert overrun == 1
    assert metrics.registry.get_sample_value("fengsui_journal_overrun_total", {"cursor": "fast"}) is None


def test_the_cursors_of_the_delivery_are_read_from_its_file_and_count_as_nothing_read_without_it(
    tmp_path: Path,
) -> None:
    path = tmp_path / "delivery.db"
    assert cursor_offsets(path, ["a", "b"]) == {"a": 0, "b": 0}
    store = DeliveryStore(path)
    store.move_cursor("a", CursorRow(journal_offset=42))
    assert cursor_offsets(path, ["a", "b"]) == {"a": 42, "b": 0}
    store.close()
    path.write_bytes(b"no database" * 100)
    with pytest.raises(StoreError, match=r"delivery.db: cannot be read: .*file is not a database"):
        cursor_offsets(path, ["a"])


def test_a_reader_that_is_behind_is_named_as_soon_as_the_journal_is_larger_than_it_should_be(
    tmp_path: Path, journal: Journal, capsys: pytest.CaptureFixture[str]
) -> None:
    save_snapshot(tmp_path, 15)
    made, metrics = trimmer(tmp_path, journal, KeepLimits(bytes=0), archive=7, fast=20)
    made.trim()
    made.trim()
    assert capsys.readouterr().out.count("a reader is behind") == 1
    held = {
        name: metrics.registry.get_sample_value("fengsui_journal_held_bytes", {"cursor": name})
        for name in ("archive", "fast")
    }
    assert held == {"archive": journal.bytes_written, "fast": 0}
