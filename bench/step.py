"""What a reading costs in ``step``: 5 detectors and 20 rules over scattered rows, no alarms; and how the cost grows."""

from __future__ import annotations

import gc
import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bench import workload
from bench.figures import Effort, Figure, Report
from bench.plot import Curve, exponent, plot
from model.batch import Batch
from model.inputs import Input, PlanChange, Tick
from pipeline.process.step import State, begin, step

SENSORS = 100_000
SIZES = (1_000, 10_000, 100_000, 300_000)
RULE_COUNTS = (5, 10, 20, 40)
RULES_SENSORS = 10_000
BATCH_ROWS = (1_000, 10_000)
WARM_ROWS = 20  # of each sensor before anything is measured: all detectors score by then


@dataclass(slots=True)
class Warm:
    """A state in which every detector scores."""

    state: State
    second: int  # that the next reading may stand at
    bytes_each: float  # resident memory for each sensor, plan included

    def judge(self, item: Input) -> None:
        events = step(self.state, self.state.next_offset, item).events
        if events:
            raise AssertionError(f"quiet readings must not raise alarms, got {events[0].rule} on {events[0].tag}")

    def readings_per_s(self, batches: Sequence[Batch]) -> float:
        """Of CPU time: what one core can do, whatever else runs on the machine."""
        begun_s = time.thread_time()
        for batch in batches:
            self.judge(batch)
        return sum(map(len, batches)) / (time.thread_time() - begun_s)


def warm(sensors: int, *, rules: int = workload.RULES) -> Warm:
    gc.collect()
    before = _resident_bytes()
    made = Warm(begin(PlanChange(workload.plan(sensors, rules=rules), workload.START_NS), 0), WARM_ROWS, 0.0)
    gc.collect()
    made.bytes_each = (_resident_bytes() - before) / sensors
    for batch in workload.scattered(sensors, sensors * WARM_ROWS, 100_000):
        made.judge(batch)
    made.judge(Tick(workload.START_NS, 0))
    return made


def run(effort: Effort) -> Report:
    rows = effort.count(2_000_000, 300_000)
    report = Report("step", f"5 detectors, {workload.RULES} rules, {rows:,} quiet rows a run, one thread, CPU time")
    sizes = SIZES[: effort.count(len(SIZES), 3)]
    second_ms: list[float] = []  # CPU for one second of readings and the tick
    for sensors in sizes:
        on = warm(sensors)
        for batch_rows in BATCH_ROWS:
            runs = [_scattered(on, sensors, rows, batch_rows) for _ in range(effort.runs)]
            name = f"{sensors:,} sensors scattered, batches of {batch_rows:,}"
            report.figures.append(Figure(name, "readings/s", runs, ">= 5 M" if sensors == SENSORS else ""))
        ticks_ms = [_tick_ms(on) for _ in range(effort.runs + 2)]
        report.figures.append(Figure(f"{sensors:,} sensors: one tick", "ms", ticks_ms))
        second_ms.append(sensors / statistics.median(runs) * 1e3 + statistics.median(ticks_ms))
        if sensors == SENSORS:
            fast = statistics.median(runs)
            report.figures += _one_sensor(on, rows, effort, fast)
        if sensors >= SENSORS:
            report.detail[f"memory, {sensors:,} sensors"] = f"{on.bytes_each:,.0f} bytes each (target <= 2,000)"
    _growth(report, effort, sizes, second_ms, rows)
    return report


def _scattered(on: Warm, sensors: int, rows: int, batch_rows: int) -> float:
    batches = workload.scattered(sensors, rows, batch_rows, first_second=on.second, seed=on.second)
    on.second += rows // sensors + 1
    return on.readings_per_s(batches)


def _one_sensor(on: Warm, rows: int, effort: Effort, scattered: float) -> list[Figure]:
    runs = []
    for _ in range(effort.runs):
        batches = workload.one_sensor(rows // 4, 1_000, first_second=on.second)
        on.second += rows // 4
        runs.append(on.readings_per_s(batches))
    note = f"{scattered / statistics.median(runs):.1f} times as slow as scattered"
    return [Figure("one sensor fills the batch (1,000 rows)", "readings/s", runs, "within 3x", note=note)]


def _tick_ms(on: Warm) -> float:
    clock = on.state.clock
    begun_s = time.thread_time()
    on.judge(Tick(clock.wall_ns + workload.SECOND_NS, (clock.elapsed_ns or 0) + workload.SECOND_NS))
    return (time.thread_time() - begun_s) * 1e3


def _growth(report: Report, effort: Effort, sizes: Sequence[int], second_ms: list[float], rows: int) -> None:
    """How the cost grows with sensors and with rules: fitted exponents, and a plot of each."""
    row_ns = []
    for rules in RULE_COUNTS:
        on = warm(RULES_SENSORS, rules=rules)
        runs = [_scattered(on, RULES_SENSORS, rows // 4, 1_000) for _ in range(effort.runs)]
        row_ns.append(1e9 / statistics.median(runs))
    curves = {
        "sensors": Curve("One second of readings (1 Hz) and the tick", "sensors", "CPU, ms", sizes, second_ms),
        "rules": Curve("One reading, batches of 1,000", "rules", "CPU, ns", RULE_COUNTS, row_ns),
    }
    for what, curve in curves.items():
        report.figures.append(Figure(f"exponent of cost against {what}", "", [exponent(curve.x, curve.y)], "<= 1.1"))
        if not effort.quick:
            plot(f"step-{what}", curve)


def _resident_bytes() -> int:
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * 4096
