"""One sensor out of an archive of 10,000 at 1 Hz, an hour and a day; what a reading costs there; a backtest from it.

The hour is what the archiver leaves within a day: unmerged files, all readings in them. The day is a merged file with
every one of its series and row groups; the sensors that are read, and their neighbours, have all 86,400 readings, the
others one an hour: what is read and the file's directory are as in the whole file, which would be 864 M readings.
"""

from __future__ import annotations

import random
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from bench import workload
from bench.figures import Effort, Figure, Report
from bench.sensors import KIND, NOISE, QUIET, tag
from model.inputs import PlanChange, Tick
from model.plan import Plan
from pipeline.process.step import begin, step
from store.archive import parquet, writing
from store.archive.archiver import ROWS_MAX, Archiver
from store.archive.layout import DAY_NS, SECOND_NS, day_name, merged_name, part_name
from store.archive.merge import DAY_GROUP_ROWS, merge
from store.archive.reader import ArchiveReader
from store.archive.retention import size
from store.archive.rows import Rows, Series
from store.disk import LOCAL_DISK
from store.journal.writer import Journal

SENSORS = 10_000
DAY = workload.START_NS // DAY_NS
DAY_S, HOUR_S = 86_400, 3_600
FULL_GROUPS = 40
READS = 30


def run(effort: Effort) -> Report:
    sensors = effort.count(SENSORS, 1_000)
    report = Report(
        "archive", f"{sensors:,} sensors at 1 Hz, two decimals; files in the page cache, opened anew for each read"
    )
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        _written(report, effort, folder, sensors)
        _backtest(report, effort, folder, sensors)
        _hour(report, effort, folder / "hour", sensors)
        _day(report, effort, folder / "day", sensors)
    return report


def _written(report: Report, effort: Effort, folder: Path, sensors: int) -> None:
    """Journal to files, as the archiver does it, then the day's merge."""
    seconds = effort.count(310, 70)
    journal = Journal(folder / "journal")
    journal.append(PlanChange(workload.plan(sensors), workload.START_NS))
    for at, batch in enumerate(workload.scattered(sensors, seconds * sensors, sensors)):
        journal.append(batch)
        journal.append(Tick(workload.START_NS + (at + 1) * SECOND_NS, at * SECOND_NS))
        journal.commit()
    journal.append(Tick(workload.START_NS + HOUR_S * SECOND_NS, HOUR_S * SECOND_NS))
    journal.append(Tick(workload.START_NS + (HOUR_S + 1) * SECOND_NS, (HOUR_S + 1) * SECOND_NS))
    journal.commit()
    journal.close()
    rates = []
    for at in range(effort.runs):
        archiver = Archiver(folder / f"archive-{at}", folder / "journal")
        begun_s, rows = time.perf_counter(), 0
        while (cut := archiver.work()) is not None:
            rows += cut.rows
        rates.append(rows / (time.perf_counter() - begun_s))
        archiver.close()
    archive = folder / "archive-0"
    each = [size(archive, LOCAL_DISK).bytes / rows]
    begun_s = time.perf_counter()
    done = merge(archive, DAY)
    report.figures += [
        Figure("journal to files", "readings/s", rates),
        Figure("  a reading in them", "bytes", each),
        Figure("merge of them", "readings/s", [done.rows / (time.perf_counter() - begun_s)] if done.rows else []),
        Figure("  a reading in the merged file", "bytes", [size(archive, LOCAL_DISK).bytes / rows]),
    ]
    report.detail["written"] = f"{rows:,} readings"


def _backtest(report: Report, effort: Effort, folder: Path, sensors: int) -> None:
    """The merged readings in time order, alone and through ``step``."""
    plan: Plan = workload.plan(sensors)
    end_ns = workload.START_NS + HOUR_S * SECOND_NS
    alone, through = [], []
    for _ in range(effort.runs):
        reader = ArchiveReader(folder / "archive-0")
        begun_s = time.perf_counter()
        rows = sum(map(len, reader.batches(plan, workload.START_NS, end_ns)))
        alone.append(rows / (time.perf_counter() - begun_s))
        state = begin(PlanChange(plan, workload.START_NS), 0)
        begun_s = time.perf_counter()
        for batch in reader.batches(plan, workload.START_NS, end_ns):
            step(state, state.next_offset, batch)
        through.append(rows / (time.perf_counter() - begun_s))
    report.figures += [
        Figure("archive through step, in time order", "readings/s", through, ">= 2 M"),
        Figure("  reading the archive alone", "readings/s", alone, role="limit"),
    ]


def _hour(report: Report, effort: Effort, archive: Path, sensors: int) -> None:
    seconds = ROWS_MAX // sensors if sensors == SENSORS else 600
    offset = 0
    names = [Series(tag(one), KIND, "%LEL") for one in range(sensors)]
    for first_s in range(0, HOUR_S, seconds):
        offset += seconds * sensors
        begin_ns = workload.START_NS + first_s * SECOND_NS
        name = part_name(begin_ns, begin_ns + (seconds - 1) * SECOND_NS, offset, is_late=False)
        chunks = (_rows(range(at, at + 500), seconds, begin_ns, 1) for at in range(0, sensors, 500))
        _put(archive / day_name(DAY) / name, names, chunks, offset)
    tags = [one.tag for one in names]
    times = _reads(archive, tags, workload.START_NS, HOUR_S, HOUR_S, effort)
    target = "<= 50" if sensors == SENSORS else ""
    files = HOUR_S // seconds
    report.figures.append(Figure("one sensor, one hour, within the day", "ms", times, target, note=f"{files} files"))


def _day(report: Report, effort: Effort, archive: Path, sensors: int) -> None:
    names = sorted(Series(tag(one), KIND, "%LEL") for one in range(sensors))
    each = DAY_GROUP_ROWS // DAY_S
    groups = [range(at, min(at + each, sensors)) for at in range(0, sensors, each)]
    full = set(random.Random(1).sample(range(len(groups)), min(FULL_GROUPS, len(groups))))
    rows = [DAY_S if at in full else 24 for at in range(len(groups))]
    chunks = (_rows(group, count, DAY * DAY_NS, DAY_S // count) for group, count in zip(groups, rows, strict=True))
    _put(archive / day_name(DAY) / merged_name(10**9, (), is_late=False), names, chunks, 10**9)
    tags = [names[one].tag for at in full for one in groups[at]]
    day_ms = _reads(archive, tags, DAY * DAY_NS, DAY_S, DAY_S, effort)
    hour_ms = _reads(archive, tags, DAY * DAY_NS + 8 * HOUR_S * SECOND_NS, HOUR_S, HOUR_S, effort)
    is_whole = sensors == SENSORS
    report.figures += [
        Figure("one sensor, one day, merged", "ms", day_ms, "<= 100" if is_whole else ""),
        Figure("one sensor, one hour of a merged day", "ms", hour_ms, "<= 50" if is_whole else ""),
    ]
    report.detail["day"] = f"{len(groups):,} row groups, {len(full)} of them full: {sum(rows) * each:,} readings"


def _put(path: Path, names: list[Series], chunks: Iterator[Rows], next_offset: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    writing.write(
        path,
        names,
        chunks,
        next_offset=next_offset,
        wall_ns=0,
        disk=LOCAL_DISK,
        group_rows=DAY_GROUP_ROWS if path.name.startswith("day") else parquet.GROUP_ROWS,
    )


def _rows(sensors: range, count: int, begin_ns: int, every_s: int) -> Rows:
    """Readings of some sensors, one every so many seconds, that arrive some milliseconds later."""
    rng = np.random.default_rng(sensors.start)
    n = count * len(sensors)
    place = np.tile(np.arange(count, dtype=np.int64), len(sensors))
    number = np.repeat(np.arange(sensors.start, sensors.stop, dtype=np.int32), count)
    at_ns = begin_ns + place * every_s * SECOND_NS + number.astype(np.int64) * 90_000
    return Rows(
        number,
        at_ns,
        at_ns,
        at_ns + rng.integers(1_000_000, 20_000_000, n),
        np.round(rng.normal(QUIET, NOISE, n), 2),
        np.zeros(n, np.uint8),
        place * SENSORS + rng.integers(0, SENSORS, n),
    )


def _reads(archive: Path, tags: list[str], from_ns: int, seconds: int, expected: int, effort: Effort) -> list[float]:
    """Milliseconds of reading one sensor, each time another one: the median of a run."""
    rng = random.Random(7)
    medians = []
    for _ in range(effort.runs):
        taken = []
        for one in rng.choices(tags, k=effort.count(READS, 5)):
            begun_s = time.perf_counter()
            found = ArchiveReader(archive).readings(one, from_ns, from_ns + seconds * SECOND_NS)
            taken.append((time.perf_counter() - begun_s) * 1e3)
            if len(found) != expected:
                raise AssertionError(f"{one}: {expected} readings were written, {len(found)} were read")
        medians.append(float(np.median(taken)))
    return medians
