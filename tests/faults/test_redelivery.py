"""What comes a second time after a kill changes nothing, and shows nothing else, however it is cut into batches."""

from __future__ import annotations

import itertools
from pathlib import Path

import msgspec
import numpy as np

from app import configured
from config.plan import load_plan
from model.alarm import AlarmEvent
from model.batch import Batch
from model.inputs import PlanChange
from pipeline.process.step import begin, step
from tests.faults.harness.site import make_site

START_NS = 1_795_478_400 * 10**9


def rows(times_s: list[float], values: list[float]) -> Batch:
    time_ns = START_NS + (np.array(times_s) * 1e9).astype(np.int64)
    received_ns = np.full(len(time_ns), time_ns.max(), np.int64)
    quality = np.zeros(len(time_ns), np.uint8)
    return Batch(np.zeros(len(time_ns), np.int32), time_ns, received_ns, np.array(values), quality)


def judged(folder: Path, cuts: list[int]) -> list[AlarmEvent]:
    """Twelve quiet readings, the first four of them again, then one above the limit; cut at the given rows."""
    times = [*range(12), 0, 1, 2, 3, 12]
    batch = rows([float(t) for t in times], [*([1.0] * 12), 1.0, 1.0, 1.0, 1.0, 30.0])
    plan = load_plan(configured.read(make_site(folder, 1883).config))
    state = begin(PlanChange(plan, START_NS), 0)
    events: list[AlarmEvent] = []
    bounds = [0, *cuts, len(batch)]
    for start, end in itertools.pairwise(bounds):
        events += step(state, 1 + start, batch.take(slice(start, end))).events
    return events


def test_given_readings_delivered_twice_when_an_alarm_rises_its_evidence_shows_each_once(tmp_path: Path) -> None:
    raised = next(event for event in judged(tmp_path, []) if event.rule == "spine.level")
    assert raised.why is not None
    assert [(e.time_ns - START_NS) // 10**9 for e in raised.why.readings] == [5, 6, 7, 8, 9, 10, 11, 12]


def test_given_readings_delivered_twice_the_events_do_not_depend_on_the_cut(tmp_path: Path) -> None:
    whole = msgspec.json.encode(judged(tmp_path, []))
    for cuts in ([12], [14], [16], [3, 13, 15], list(range(1, 17))):
        assert msgspec.json.encode(judged(tmp_path, cuts)) == whole, cuts
