"""What a reading costs in each detector: ns a row, for sensors in turn, scattered, and one sensor filling the batch.

    python -m bench.detectors [--sensors 1000 10000 100000] [--repeat 5] [--json]

Times are the best and the median of ``--repeat`` passes over a million rows in batches of ``--batch`` rows, after a
pass that is not counted. The machine's other work shows in the distance between the two.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from dataclasses import asdict, dataclass

import numpy as np

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
}
ROWS = 1_000_000
SECOND_NS = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Figure:
    detector: str
    sensors: int
    order: str
    batch_rows: int
    best_ns: float
    median_ns: float


def batches(sensors: int, order: str, batch_rows: int) -> list[Batch]:
    """One pass: a million rows, one a second from each sensor, noise with a deviation of 1."""
    rng = np.random.default_rng(1)
    sensor = {
        "in turn": np.arange(ROWS) % sensors,
        "scattered": rng.integers(0, sensors, ROWS),
        "one sensor": np.zeros(ROWS, int),
    }[order].astype(np.int32)
    earlier = np.empty(ROWS, np.int64)  # rows of the same sensor before this one
    by_sensor = np.argsort(sensor, kind="stable")
    first = np.searchsorted(sensor[by_sensor], np.arange(sensors))
    earlier[by_sensor] = np.arange(ROWS) - first[sensor[by_sensor]]
    time_ns = earlier * SECOND_NS
    rows = Batch(sensor, time_ns, time_ns, rng.normal(0.0, 1.0, ROWS), np.zeros(ROWS, np.uint8))
    return [rows.take(slice(begin, begin + batch_rows)) for begin in range(0, ROWS, batch_rows)]


def measure(name: str, sensors: int, order: str, batch_rows: int, repeat: int) -> Figure:
    detector = build(name, PARAMETERS.get(name, {}))
    group = SensorGroup(tuple(str(slot) for slot in range(sensors)), np.ones(sensors))
    state = detector.init(group)
    made = batches(sensors, order, batch_rows)
    passes_ns = []
    for number in range(repeat + 1):
        for batch in made:
            batch.time_ns[:] += (number > 0) * (ROWS + 1) * SECOND_NS
        begin_ns = time.perf_counter_ns()
        for batch in made:
            detector.update(state, batch)
        passes_ns.append((time.perf_counter_ns() - begin_ns) / ROWS)
    return Figure(name, sensors, order, batch_rows, min(passes_ns[1:]), statistics.median(passes_ns[1:]))


def ticks(detector: AnyDetector, sensors: int, repeat: int) -> float:
    """Measure one ``advance`` of all sensors: ns a sensor, best of the repeats."""
    state = detector.init(SensorGroup(tuple(str(slot) for slot in range(sensors)), np.ones(sensors)))
    best_ns = np.inf
    for second in range(repeat + 1):
        begin_ns = time.perf_counter_ns()
        detector.advance(state, Tick(0, second * SECOND_NS))
        best_ns = min(best_ns, time.perf_counter_ns() - begin_ns)
    return float(best_ns) / sensors


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sensors", type=int, nargs="+", default=[1_000, 10_000, 100_000])
    parser.add_argument("--batch", type=int, default=10_000, help="rows a batch")
    parser.add_argument("--repeat", type=int, default=5, help="counted passes over a million rows")
    parser.add_argument("--json", action="store_true", help="one JSON document instead of a table")
    given = parser.parse_args()
    figures = [
        measure(name, sensors, order, given.batch, given.repeat)
        for name in DETECTORS
        for sensors in given.sensors
        for order in ("in turn", "scattered", "one sensor")
    ]
    silent_ns = {sensors: ticks(build("silence", {}), sensors, given.repeat) for sensors in given.sensors}
    if given.json:
        print(json.dumps({"rows": [asdict(figure) for figure in figures], "silence_tick_ns": silent_ns}, indent=2))
        return
    print(f"{'detector':<10}{'sensors':>9}  {'order':<12}{'best ns':>9}{'median ns':>11}")
    for f in figures:
        print(f"{f.detector:<10}{f.sensors:>9,}  {f.order:<12}{f.best_ns:>9.1f}{f.median_ns:>11.1f}")
    for sensors, cost_ns in silent_ns.items():
        print(f"silence, one tick over {sensors:,} sensors: {cost_ns:.1f} ns a sensor")


if __name__ == "__main__":
    main()
