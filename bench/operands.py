"""What rules cost that look back in windows and beside their sensor: 100,000 sensors, 50 rules, batches of 1,000."""

from __future__ import annotations

import gc
import time
from dataclasses import replace

import numpy as np

from bench import workload
from bench.figures import Effort, Figure, Report
from bench.sensors import KIND
from model.alarm import Grade
from model.batch import GOOD, Batch
from model.inputs import PlanChange, Tick
from model.plan import GradeSpec, Plan, RuleSpec
from model.sensor import Asset, Sensor, Site
from model.text import Text
from pipeline.process.step import State, begin, step

#: Of each room: sensors of gas, a fan that reports changes only, and a count of people; a wind sensor a site.
GAS_EACH = 8
ROOMS_EACH = 100
BATCH_ROWS = 1_000
WARM_ROWS = 30  # of each sensor
PLAIN, RULES = 40, 50
TARGET_MS = 5.0

_NAME = Text("测试", "Bench")
_OWN = (
    "mean(value, 1 min) >= 25 %LEL",
    "count(value >= 25 %LEL, 1 min) >= 3",
    "held(value >= 20 %LEL) >= 30 s",
    "rate(value, 1 min) >= 200 %LEL/min and value >= 10",
    "max(shift, 1 min) >= 200 sigma",
)
_BESIDE = (
    f"value >= 25 %LEL and asset.{KIND}_fan == 0 and asset.{KIND}_people >= 1",
    f"count(asset.{KIND} >= 25 %LEL, 2 min) >= 3",
    f"value >= 20 %LEL and site.{KIND}_wind < 1 m/s",
    f"max(asset.{KIND}) >= 40 %LEL and min(asset.{KIND}) >= 10 %LEL",
    "value >= 15 %LEL and (hour >= 22 or hour < 6)",
)


def plan(sensors: int, *, beside: bool) -> Plan:
    """So many sensors in rooms; 40 rules of the bench pack, and 10 that look back or beside, or 10 more of the pack."""
    made = workload.plan(1, rules=PLAIN if beside else RULES)
    gas = made.kinds[0]
    kinds = (
        gas,
        replace(gas, id=f"{KIND}_fan", unit="1", low=0, high=1, period_s=3600.0, on_change=True),
        replace(gas, id=f"{KIND}_people", unit="1", low=0, high=500, period_s=10.0),
        replace(gas, id=f"{KIND}_wind", unit="m/s", low=0, high=60, period_s=10.0),
    )
    rooms = sensors // (GAS_EACH + 2)
    sites = tuple(Site(f"site-{at}", _NAME, "bench", "bench") for at in range(-(-rooms // ROOMS_EACH)))
    assets = tuple(Asset(f"room-{at}", _NAME, sites[at // ROOMS_EACH].id) for at in range(rooms))
    whose = [*[KIND] * GAS_EACH, f"{KIND}_fan", f"{KIND}_people"]
    of_rooms = [Sensor(f"{room.id}/{at}", kind, room.id, _NAME) for room in assets for at, kind in enumerate(whose)]
    wind = [
        Sensor(f"{site.id}/wind", f"{KIND}_wind", f"room-{at * ROOMS_EACH}", _NAME) for at, site in enumerate(sites)
    ]
    rules = made.rules + (tuple(_rule(at, when) for at, when in enumerate(_OWN + _BESIDE)) if beside else ())
    return replace(made, sites=sites, assets=assets, kinds=kinds, sensors=(*of_rooms, *wind), rules=rules)


def _rule(number: int, when: str) -> RuleSpec:
    return RuleSpec(f"bench.beside.{number}", _NAME, (KIND,), (GradeSpec(Grade.YELLOW, when),), _NAME)


class Rooms:
    """A state under way; readings come a second apart for each sensor, in a new random order every second."""

    def __init__(self, made: Plan) -> None:
        self.state: State = begin(PlanChange(made, workload.START_NS), 0)
        self.second = 0
        kinds = [kind.id for kind in made.kinds]
        self._of = np.array([kinds.index(sensor.kind) for sensor in made.sensors])
        self._random = np.random.default_rng(1)

    def readings(self, rows: int) -> list[Batch]:
        sensors = len(self._of)
        out = []
        while rows > 0:
            sensor = self._random.permutation(sensors)[:rows].astype(np.int32)
            at = workload.START_NS + self.second * workload.SECOND_NS
            time_ns = at + np.arange(len(sensor), dtype=np.int64) * (workload.SECOND_NS // sensors)
            value = np.round(self._random.normal(5.0, 0.5, len(sensor)), 2)
            value = np.choose(self._of[sensor], [value, np.ones(len(sensor)), np.full(len(sensor), 2.0), value])
            whole = Batch(sensor, time_ns, time_ns, value, np.full(len(sensor), GOOD, np.uint8))
            out += [whole.take(slice(at, at + BATCH_ROWS)) for at in range(0, len(sensor), BATCH_ROWS)]
            rows -= len(sensor)
            self.second += 1
        return out

    def batch_ms(self, rows: int) -> list[float]:
        """CPU time of each batch, ms."""
        taken = []
        for batch in self.readings(rows):
            begun_s = time.thread_time()
            events = step(self.state, self.state.next_offset, batch).events
            taken.append((time.thread_time() - begun_s) * 1e3)
            if events:
                raise AssertionError(f"quiet readings must not raise alarms, got {events[0].rule}")
        return taken

    def tick_ms(self) -> float:
        """CPU time of the tick after a second of readings, ms."""
        wall_ns = workload.START_NS + self.second * workload.SECOND_NS
        begun_s = time.thread_time()
        step(self.state, self.state.next_offset, Tick(wall_ns, self.second * workload.SECOND_NS))
        return (time.thread_time() - begun_s) * 1e3


def run(effort: Effort) -> Report:
    sensors = effort.count(100_000, 10_000)
    rows = effort.count(100_000, 10_000)
    report = Report(
        "operands",
        f"{sensors:,} sensors in rooms, {RULES} rules, quiet batches of {BATCH_ROWS:,} scattered rows, CPU time",
    )
    for beside in (False, True):
        gc.collect()
        site = Rooms(plan(sensors, beside=beside))
        for _ in range(WARM_ROWS):
            site.batch_ms(len(site.state.bound.plan.sensors))
            site.tick_ms()
        runs, worst, ticks = [], [], []
        for _ in range(effort.runs):
            taken = site.batch_ms(rows)
            runs.append(float(np.median(taken)))
            worst.append(float(np.percentile(taken, 99)))
            ticks.append(site.tick_ms())
        name = f"{PLAIN} rules and 10 that look back or beside" if beside else f"{RULES} rules on readings and scores"
        report.figures.append(Figure(f"{name}: a batch", "ms", runs, f"<= {TARGET_MS:g}"))
        report.figures.append(Figure(f"{name}: a batch, p99", "ms", worst))
        report.figures.append(Figure(f"{name}: the tick", "ms", ticks))
    return report
