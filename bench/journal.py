"""The journal alone: readings appended and committed a second, and beside it what the disk asks for one fdatasync."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from bench import workload
from bench.figures import Effort, Figure, Report
from model.batch import Batch
from store.journal.writer import Journal

SENSORS = 10_000
BATCHES = (1_000, 10_000)
ROW_BYTES = 29


def run(effort: Effort) -> Report:
    report = Report("journal", "append and commit each batch; beside it the same bytes by write and fdatasync")
    for batch_rows in BATCHES:
        count = effort.count(400, 40)
        batches = workload.scattered(SENSORS, count * batch_rows, batch_rows)
        runs = [_run(batches) for _ in range(effort.runs)]
        name = f"batches of {batch_rows:,}"
        largest = batch_rows == max(BATCHES)
        report.figures += [
            Figure(name, "readings/s", [one.readings_per_s for one in runs], ">= 5 M" if largest else ""),
            Figure("  commit p50", "ms", [_ms(one.commits_s, 50) for one in runs]),
            Figure("  commit p99", "ms", [_ms(one.commits_s, 99) for one in runs], "<= 30"),
            Figure("  write and fdatasync p50", "ms", [_ms(one.disk_s, 50) for one in runs], role="limit"),
            Figure("  write and fdatasync p99", "ms", [_ms(one.disk_s, 99) for one in runs], role="limit"),
        ]
    return report


@dataclass(frozen=True, slots=True)
class _Run:
    readings_per_s: float
    commits_s: list[float]
    disk_s: list[float]  # the same bytes without the journal


def _run(batches: Sequence[Batch]) -> _Run:
    with tempfile.TemporaryDirectory() as folder:
        journal = Journal(Path(folder) / "journal")
        commits_s = []
        begun_s = time.perf_counter()
        for batch in batches:
            journal.append(batch)
            at_s = time.perf_counter()
            journal.commit()
            commits_s.append(time.perf_counter() - at_s)
        taken_s = time.perf_counter() - begun_s
        journal.close()
        disk_s = _disk(Path(folder) / "plain", len(batches[0]) * ROW_BYTES, len(batches))
    return _Run(sum(map(len, batches)) / taken_s, commits_s, disk_s)


def _ms(taken_s: list[float], share: int) -> float:
    return float(np.percentile(taken_s, share)) * 1e3


def _disk(path: Path, size: int, count: int) -> list[float]:
    """Seconds of each write and sync of so many bytes."""
    data = os.urandom(size)
    file = os.open(path, os.O_WRONLY | os.O_CREAT)
    taken_s = []
    for _ in range(count):
        begun_s = time.perf_counter()
        os.write(file, data)
        os.fdatasync(file)
        taken_s.append(time.perf_counter() - begun_s)
    os.close(file)
    return taken_s
