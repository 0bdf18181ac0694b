"""What a reading costs in each detector: ns a row, for full and scattered rows, and one sensor filling the batch.

Each figure is taken over passes of a million rows in batches of 10,000, after a pass that is not counted.
"""

from __future__ import annotations

import time
from dataclasses import fields
from typing import Any

import numpy as np

from bench.figures import Effort, Figure, Report
from detectors import DETECTORS, AnyDetector
from detectors.parameters import build
from model.batch import Batch
from model.detector import SensorGroup
from model.inputs import Tick
from model.plan import Parameter

PARAMETERS: dict[str, dict[str, Parameter]] = {
    "limit": {"low": -5.0, "high": 5.0},
    "ewma": {"warmup_s": 0.0, "smooth_s": 0.0},
    "cusum": {"warmup_s": 0.0},
    "change": {"warmup_s": 0.0},
    "spike": {"height": 3.0},
    "spectrum": {"warmup_s": 0.0},
    "rise": {"warmup_s": 0.0},
    "time_to_limit": {"limit": 50.0, "window_s": 600.0},
    "rarity": {"warmup_s": 0.0},
    "trend": {"warmup_s": 0.0, "cycle_s": 24.0},
    "seasonal": {"warmup_s": 0.0, "cycle_s": 24.0},
}
ROWS = 1_000_000
BATCH_ROWS = 10_000
SECOND_NS = 1_000_000_000


def batches(sensors: int, order: str, batch_rows: int) -> list[Batch]:
    """One pass: a million rows, one a second from each sensor, noise with a deviation of 1."""
    rng = np.random.default_rng(1)
    sensor = {
        "scattered": rng.integers(0, sensors, ROWS),
        "full": np.arange(ROWS) % sensors,
        "one sensor": np.zeros(ROWS, int),
    }[order].astype(np.int32)
    earlier = np.empty(ROWS, np.int64)  # rows of the same sensor before this one
    by_sensor = np.argsort(sensor, kind="stable")
    first = np.searchsorted(sensor[by_sensor], np.arange(sensors))
    earlier[by_sensor] = np.arange(ROWS) - first[sensor[by_sensor]]
    time_ns = earlier * SECOND_NS
    rows = Batch(sensor, time_ns, time_ns, rng.normal(0.0, 1.0, ROWS), np.zeros(ROWS, np.uint8))
    return [rows.take(slice(begin, begin + batch_rows)) for begin in range(0, ROWS, batch_rows)]


def measure(name: str, sensors: int, order: str, repeat: int) -> list[float]:
    """Cost of ``update``: ns a row, one figure a pass."""
    detector = build(name, PARAMETERS.get(name, {}))
    group = SensorGroup(tuple(str(slot) for slot in range(sensors)), np.ones(sensors))
    state = detector.init(group)
    made = batches(sensors, order, BATCH_ROWS)
    passes_ns = []
    for number in range(repeat + 1):
        for batch in made:
            batch.time_ns[:] += (number > 0) * (ROWS + 1) * SECOND_NS
        begin_ns = time.perf_counter_ns()
        for batch in made:
            detector.update(state, batch)
        passes_ns.append((time.perf_counter_ns() - begin_ns) / ROWS)
    return passes_ns[1:]


def bytes_a_sensor(name: str) -> float:
    """Memory of the state, by what a thousand sensors more take."""
    small, large = (_state_bytes(name, sensors) for sensors in (1000, 2000))
    return (large - small) / 1000


def _state_bytes(name: str, sensors: int) -> int:
    group = SensorGroup(tuple(str(slot) for slot in range(sensors)), np.ones(sensors))
    return state_bytes(build(name, PARAMETERS.get(name, {})).init(group))


def state_bytes(state: Any) -> int:
    """All arrays of a detector's state."""
    return int(sum(getattr(state, one.name).nbytes for one in fields(state)))


def ticks(detector: AnyDetector, sensors: int, repeat: int) -> list[float]:
    """Cost of one ``advance`` of all sensors: ns a sensor, one figure a tick."""
    state = detector.init(SensorGroup(tuple(str(slot) for slot in range(sensors)), np.ones(sensors)))
    taken_ns = []
    for second in range(repeat + 1):
        begin_ns = time.perf_counter_ns()
        detector.advance(state, Tick(0, second * SECOND_NS))
        taken_ns.append((time.perf_counter_ns() - begin_ns) / sensors)
    return taken_ns[1:]


def run(effort: Effort) -> Report:
    how = f"update of full and scattered rows, and of one sensor; {ROWS:,} rows in batches of {BATCH_ROWS:,}"
    report = Report("detectors", how)
    sizes = (1_000,) if effort.quick else (1_000, 10_000, 100_000)
    for name in DETECTORS:
        for sensors in sizes:
            for order in ("full", "scattered"):
                found = measure(name, sensors, order, effort.runs)
                report.figures.append(Figure(f"{name}, {sensors:,} sensors, {order} rows", "ns/reading", found))
        found = measure(name, 1_000, "one sensor", effort.runs)
        report.figures.append(Figure(f"{name}, one sensor fills the batch", "ns/reading", found))
        report.figures.append(Figure(f"{name}, state", "bytes/sensor", [bytes_a_sensor(name)]))
    for sensors in sizes:
        found = ticks(build("silence", {}), sensors, effort.runs)
        report.figures.append(Figure(f"silence, one tick over {sensors:,} sensors", "ns/sensor", found))
    return report
