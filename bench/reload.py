"""How long a round stands still for a change of configuration, and what is done beforehand beside the rounds."""

from __future__ import annotations

import time
from dataclasses import replace

from bench import workload
from bench.figures import Effort, Figure, Report
from model.inputs import PlanChange
from pipeline.process.binding import bind
from pipeline.process.step import begin, step

SENSORS = (10_000, 100_000)
RULES = 50


def run(effort: Effort) -> Report:
    report = Report("reload", f"{RULES} rules, 5 detectors; one rule less, everything else goes on")
    for sensors in SENSORS:
        plan = workload.plan(sensors, rules=RULES)
        changed = replace(plan, version="changed", rules=plan.rules[:-1])
        beforehand, stands = [], []
        for _ in range(effort.runs):
            state = begin(PlanChange(plan, workload.START_NS), 0)
            begun_s = time.perf_counter()
            state.prepared = bind(changed, workload.START_NS)
            beforehand.append(time.perf_counter() - begun_s)
            begun_s = time.perf_counter()
            step(state, state.next_offset, PlanChange(changed, workload.START_NS))
            stands.append((time.perf_counter() - begun_s) * 1e3)
        report.figures += [
            Figure(f"{sensors:,} sensors: the round of the change", "ms", stands),
            Figure("  bound beforehand, on a thread", "s", beforehand),
        ]
    return report
