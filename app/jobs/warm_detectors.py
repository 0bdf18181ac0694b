"""Warms the detectors that a change begins anew, in a process of its own beside the pipeline."""

from __future__ import annotations

import time
from collections.abc import Iterator

import numpy as np

from app.config_files import Warmed
from app.configured import Paths
from app.jobs.backtest import running_plan
from config.settings import Settings
from model.batch import Batch
from model.inputs import Tick
from model.plan import Plan
from pipeline.changes.difference import difference
from pipeline.changes.warming import only, played_s, to_warm, warm
from pipeline.hindsight.play import slices
from store import warmed
from store.archive.reader import ArchiveReader

_BATCH_ROWS = 2000


def warm_detectors(settings: Settings, new: Plan) -> Warmed:
    """Play the kept past for the detectors of a proposed plan that would begin anew, and keep their state."""
    anew = to_warm(new, difference(running_plan(settings), new).anew)
    names = [one.detector for one in anew]
    if not names:
        return Warmed()
    plan, now_ns = only(new, names), time.time_ns()
    begin_ns = now_ns - round(played_s(anew) * 1e9)
    paths = Paths.under(settings.data_dir)
    reader = ArchiveReader(settings.archive_folder, paths.journal if paths.journal.is_dir() else None)
    readings = 0

    def inputs() -> Iterator[Batch | Tick]:
        nonlocal readings
        for part in slices(reader.batches(plan, begin_ns, now_ns, rows_max=_BATCH_ROWS), begin_ns, now_ns):
            if len(part.rows):
                readings += len(part.rows)
                yield part.rows
                yield Tick(part.end_ns, part.end_ns - begin_ns)

    arrays = warm(plan, names, inputs())
    if not readings or not any(np.size(one) for one in arrays.values()):
        return Warmed()
    return Warmed(warmed.save(paths.warmed, arrays), tuple(names), readings)
