"""The archiver's loop: what it does by itself as the journal grows, and that no error ends it."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from model.errors import StoreError
from model.inputs import Tick
from pipeline.metrics import ArchiveMetrics
from pipeline.runners.archiving import ArchiveWorker
from store.archive.layout import all_files, archived_to
from store.archive.reader import ArchiveReader
from store.archive.retention import ArchiveLimits
from store.disk import LOCAL_DISK, LocalDisk
from tests.servers import until
from tests.store.archive.worlds import DAY, HOUR, MINUTE, NOON, day_of_readings, held, truth, write


def worker(folder: Path, disk: LocalDisk = LOCAL_DISK, **limits: int) -> tuple[ArchiveWorker, ArchiveMetrics]:
    metrics = ArchiveMetrics()
    made = ArchiveWorker(
        folder / "archive",
        folder / "journal",
        ArchiveLimits(**limits),
        free_bytes_min=1000,
        metrics=metrics,
        disk=disk,
    )
    return made, metrics


def figures(metrics: ArchiveMetrics, *names: str) -> list[float | None]:
    return [metrics.registry.get_sample_value(f"fengsui_archive_{name}") for name in names]


def names(folder: Path) -> list[str]:
    return [file.path.name.split(".")[0] for file in all_files(folder / "archive", LOCAL_DISK)]


def test_as_the_journal_grows_it_cuts_and_merges_a_day_an_hour_after_its_end(tmp_path: Path) -> None:
    write(tmp_path / "journal", day_of_readings(NOON, minutes=25))
    made, metrics = worker(tmp_path)
    while made.work():
        pass
    assert names(tmp_path) == ["1200-1209", "1210-1219"]
    assert figures(metrics, "readings_total", "files", "merges_total") == [60, 2, 0]
    write(tmp_path / "journal", [Tick(NOON + 12 * HOUR + 50 * MINUTE, 0), Tick(NOON + 13 * HOUR - MINUTE, 0)])
    while made.work():
        pass
    assert names(tmp_path) == ["1200-1209", "1210-1219", "1220-1224"]
    write(tmp_path / "journal", [Tick(NOON + 13 * HOUR, 0), Tick(NOON + 13 * HOUR + 11 * MINUTE, 0)])
    while made.work():
        pass
    made.close()
    assert names(tmp_path) == ["day"]
    assert figures(metrics, "readings_total", "files", "merges_total") == [75, 1, 1]
    assert held(ArchiveReader(tmp_path / "archive")) == truth(tmp_path / "journal")
    position = NOON + 13 * HOUR
    assert figures(metrics, "position_timestamp_seconds") == [position / 1e9]


def test_days_that_are_too_old_go_by_the_journals_own_clock(tmp_path: Path) -> None:
    items = [item for day in range(4) for item in day_of_readings(NOON + day * DAY, minutes=12)]
    write(tmp_path / "journal", items)
    made, metrics = worker(tmp_path, ns=DAY)
    while made.work():
        pass
    made.close()
    folders = [path.name for path in sorted((tmp_path / "archive").glob("2*"))]
    assert folders == ["2026-11-28", "2026-11-29"]
    assert figures(metrics, "removed_bytes_total")[0] > 0


def test_a_disk_that_is_nearly_full_is_left_to_the_journal_and_the_archive_goes_on_by_itself(tmp_path: Path) -> None:
    class FullDisk(LocalDisk):
        free = 999

        def free_bytes(self, folder: Path) -> int:
            assert folder.is_dir()
            return self.free

    write(tmp_path / "journal", day_of_readings(NOON, minutes=25))
    disk = FullDisk()
    made, metrics = worker(tmp_path, disk)
    with pytest.raises(StoreError, match=r"999 bytes are free on its disk, and archive\.free_bytes_min leaves 1000"):
        made.work()
    made.close()
    stop = threading.Event()
    thread = threading.Thread(target=made.run, args=(stop,))
    thread.start()
    try:
        until(lambda: made.fault, "the fault to be known")
        assert archived_to(tmp_path / "archive") == 0
        disk.free = 1000
        until(lambda: archived_to(tmp_path / "archive"), "the archive to go on", 30)
        until(lambda: not made.fault, "the fault to be forgotten")
    finally:
        stop.set()
        thread.join()
    assert figures(metrics, "errors_total")[0] >= 1
    made, _ = worker(tmp_path)
    made.work()  # the lock was let go
    made.close()
