"""What overrides cost in ``step``: the same scattered readings without and with a thousand of them, by turns."""

from __future__ import annotations

import statistics
import time
from dataclasses import replace
from datetime import date

from bench import workload
from bench.figures import Effort, Figure, Report
from bench.step import Warm
from model.inputs import PlanChange, Tick
from model.override import GradeChange, LimitChange, Override, Where
from model.plan import Plan
from model.text import Text
from pipeline.process.binding import NEVER_SETTLED, settle
from pipeline.process.step import begin
from rules.language import comparisons, parse

SENSORS = 100_000
OVERRIDES = 1_000
BATCH_ROWS = 1_000
WARM_S = 4


def run(effort: Effort) -> Report:
    sensors = effort.count(SENSORS, SENSORS // 10)
    rows = effort.count(1_000_000, 100_000)
    report = Report(
        "overrides", f"{workload.RULES} rules, {sensors:,} sensors, {rows:,} quiet rows a run, by turns, CPU time"
    )
    plain = workload.plan(sensors)
    both = {"none": _warm(plain), f"{OVERRIDES:,} overrides": _warm(_with_overrides(plain))}
    runs: dict[str, list[float]] = {name: [] for name in both}
    for _ in range(effort.runs):
        for name, on in both.items():
            batches = workload.scattered(sensors, rows, BATCH_ROWS, first_second=on.second, seed=on.second)
            on.second += rows // sensors + 1
            runs[name].append(on.readings_per_s(batches))
    for name, found in runs.items():
        report.figures.append(Figure(f"{sensors:,} sensors scattered, {name}", "readings/s", found))
    without, with_them = (statistics.median(found) for found in runs.values())
    report.figures.append(Figure("with them, of without", "", [with_them / without], ">= 0.9"))
    anew = [_settled_ms(on) for on in list(both.values())[1:] for _ in range(effort.runs)]
    report.figures.append(Figure("settings anew, once where a day begins or ends one", "ms", anew, "<= 1,000"))
    return report


def _warm(plan: Plan) -> Warm:
    sensors = len(plan.sensors)
    made = Warm(begin(PlanChange(plan, workload.START_NS), 0), WARM_S, 0.0)
    for batch in workload.scattered(sensors, sensors * WARM_S, sensors):
        made.judge(batch)
    made.judge(Tick(workload.START_NS, 0))
    return made


def _with_overrides(plan: Plan) -> Plan:
    """Each changes the limit of the lowest grade of one rule for one sensor, a little differently from the next."""
    sensors = len(plan.sensors)
    made = []
    for at in range(OVERRIDES):
        rule = plan.rules[at % len(plan.rules)]
        grade = rule.grades[0]
        one = next(comparisons(parse(grade.when)))
        further = 1.0 + at / OVERRIDES
        limit = one.limit * further if one.operator.startswith(">") else one.limit / further
        change = GradeChange(grade.grade, (LimitChange(one.operand, limit, one.unit, one.operator),))
        where = Where(tags=(plan.sensors[at * 97 % sensors].tag,))
        made.append(Override(f"o{at}", rule.id, where, "bench", date(2020, 1, 1), None, Text("试", "trial"), (change,)))
    return replace(plan, overrides=tuple(made))


def _settled_ms(on: Warm) -> float:
    on.state.bound.settled = NEVER_SETTLED
    begun_s = time.thread_time()
    settle(on.state.bound, on.state.clock.settled_ns)
    return (time.thread_time() - begun_s) * 1e3
