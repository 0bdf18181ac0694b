"""Recorded readings once more through ``step``: read from the journal, checked, judged."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

from bench import workload
from bench.figures import Effort, Figure, Report
from model.inputs import PlanChange
from pipeline.process.step import begin, step
from store.journal.reader import JournalReader
from store.journal.writer import Journal

SENSORS = 10_000
BATCH_ROWS = 1_000


def run(effort: Effort) -> Report:
    rows = effort.count(2_000_000, 200_000)
    report = Report(
        "replay", f"{rows:,} readings of {SENSORS:,} sensors, records of {BATCH_ROWS:,}, 5 detectors, 20 rules"
    )
    plan = workload.plan(SENSORS)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        journal = Journal(folder)
        journal.append(PlanChange(plan, workload.START_NS))
        for batch in workload.scattered(SENSORS, rows, BATCH_ROWS):
            journal.append(batch)
        journal.commit()
        journal.close()
        whole, reading = [], []
        for _ in range(effort.runs):
            begun_s = time.perf_counter()
            state = None
            for entry in JournalReader(folder, 0).read():
                if isinstance(entry.item, PlanChange):
                    state = begin(entry.item, entry.offset)
                elif state is not None:
                    step(state, entry.offset, entry.item)
            whole.append(rows / (time.perf_counter() - begun_s))
            begun_s = time.perf_counter()
            for _entry in JournalReader(folder, 0).read():
                pass
            reading.append(rows / (time.perf_counter() - begun_s))
    report.figures += [
        Figure("journal through step", "readings/s", whole, ">= 2 M"),
        Figure("  reading the journal alone", "readings/s", reading, role="limit"),
    ]
    return report
