"""A week of the simulated district judged by two configurations: how many times faster than it happened.

The district of the shipped packs lives from a seed, its readings go into a journal, and ``backtest`` plays them with
the packs as shipped and with one limit changed: the week with ten seconds judged together, its first hours with one.
"""

from __future__ import annotations

import tempfile
import time
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import cast

from ruamel.yaml import YAML

from app.jobs.backtest import Archived, Span, backtest
from bench.figures import Effort, Figure, Report
from config.packs import folder_of
from config.plan import plan_over
from config.settings import Settings
from model.inputs import PlanChange
from model.plan import Plan
from simulator.batches import Batches
from simulator.district import District, load_district
from store.journal.writer import Journal

PACKS = ("gas", "pipeline", "fire")
BEGIN_NS = 1_768_406_400_000_000_000  # 2026-01-15 00:00 in Shanghai
CHUNK_S = 60
COMMIT_S = 3600
DAY_S = 86_400
FIRST_S = 7200


def district_plan(district: District, base: Path) -> Plan:
    with tempfile.TemporaryDirectory() as folder:
        registry = Path(folder) / "registry.yaml"
        with registry.open("w", encoding="utf-8") as file:
            YAML(typ="safe", pure=True).dump(district.registry(), file)
        return plan_over(PACKS, base, registry)


def record(district: District, plan: Plan, folder: Path, seconds: int) -> int:
    """Journal what the district sends; returns the number of readings."""
    batches = Batches(district, plan)
    journal = Journal(folder)
    journal.append(PlanChange(plan, BEGIN_NS))
    count = 0
    for begin_s in range(0, seconds, CHUNK_S):
        batch = batches.span(begin_s, begin_s + CHUNK_S)
        journal.append(batch)
        count += len(batch)
        if begin_s % COMMIT_S == 0:
            journal.commit()
    journal.commit()
    journal.close()
    return count


def changed(plan: Plan) -> Plan:
    """The blue grade of combustible gas at 15 instead of 10 %LEL."""
    rules = []
    for rule in plan.rules:
        grades = tuple(replace(one, when=one.when.replace("value >= 10", "value >= 15")) for one in rule.grades)
        rules.append(replace(rule, grades=grades) if rule.id == "gas.lel" else rule)
    return replace(plan, rules=tuple(rules), version="changed")


def run(effort: Effort) -> Report:
    seconds = effort.count(7 * DAY_S, 7200)
    base = folder_of("gas", Path.cwd()).parent
    report = Report("backtest", f"{seconds / DAY_S:.3g} days of the simulated district, both configurations")
    district = load_district(base, profile="day-events", seed=1, start_ns=BEGIN_NS)
    plan = district_plan(district, base)
    with tempfile.TemporaryDirectory() as name:
        data = Path(name)
        begun_s = time.perf_counter()
        readings = record(district, plan, data / "journal", seconds)
        report.detail["recorded"] = f"{readings:,} readings of {len(plan.sensors)} sensors in "
        report.detail["recorded"] += f"{time.perf_counter() - begun_s:.0f} s"
        settings = cast("Settings", SimpleNamespace(data_dir=data, archive_folder=data / "archive"))
        for tick_s, length_s in ((10, seconds), (1, min(seconds, FIRST_S))):
            span = Span(BEGIN_NS, BEGIN_NS + length_s * 10**9, 0)
            found = [backtest(Archived(settings, tick_s), plan, changed(plan), span) for _ in range(effort.runs)]
            name_of = f"{length_s / 3600:g} h, ticks of {tick_s} s"
            report.figures.append(Figure(f"{name_of}, one configuration", "x real time", [one.speed for one in found]))
            alarms = [(one.before.episodes, one.after.episodes, one.differences) for one in found]
            counts = ", ".join(f"{len(of)}" for of in alarms[0])
            same = all(one == alarms[0] for one in alarms)
            report.detail[name_of] = f"alarms before, after, differences: {counts}; the same each time: {same}"
    return report
