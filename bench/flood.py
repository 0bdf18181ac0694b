"""A flood: 10,000 alarms in 10 s over a whole district, and what a round costs before, during and after it.

A round is what the runner does with 1,000 readings: journal with its sync, ``step``, incidents, and the store with the
outbox, waited for. The same readings are played by turns with both stages and with ``step`` alone.
"""

from __future__ import annotations

import gc
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import numpy as np

from bench.figures import Effort, Figure, Report
from bench.workload import SECOND_NS, START_NS
from model.alarm import Grade
from model.batch import GOOD, Batch
from model.inputs import Input, Tick
from model.plan import GradeSpec, Plan, RuleSpec
from model.sensor import Asset, Enterprise, GridCell, Kind, Link, Position, Relation, Sensor, Site
from model.text import Text
from pipeline.correlate.stage import correlate
from pipeline.metrics import PipelineMetrics
from pipeline.process.step import Outcome, State, step
from pipeline.runners.clock import SystemClock
from pipeline.runners.embedded import EmbeddedRunner, Step
from store.journal.writer import Journal
from store.pipeline_reader import PipelineReader
from store.pipeline_store import PipelineStore

SENSORS, ASSETS, SITES = 10_000, 1_000, 100
ROUND_ROWS = 1_000
ROUNDS_A_SECOND = SENSORS // ROUND_ROWS
FLOOD_S = 10
CALM_S = 20
STAGES = ("  of it step", "  of it incidents")
_NAME = Text("测试", "Bench")


def plan() -> Plan:
    """A line of assets at each site, 40 m from one to the next; sites stand 1 km apart in a square."""
    a_site = ASSETS // SITES
    assets = []
    for asset in range(ASSETS):
        site, at = divmod(asset, a_site)
        place = Position(30.0 + (site // 10) * 0.009 + at * 0.00036, 120.0 + (site % 10) * 0.0104)
        links = (Link(Relation.DOWNSTREAM, f"a{asset + 1}", 40.0),) if at < a_site - 1 else ()
        assets.append(Asset(f"a{asset}", _NAME, f"s{site}", position=place, links=links))
    grades = (GradeSpec(Grade.YELLOW, "value >= 50"), GradeSpec(Grade.RED, "value >= 90"))
    return Plan(
        version="flood",
        enterprises=(Enterprise("e", _NAME),),
        grid_cells=(GridCell("g", _NAME),),
        sites=tuple(Site(f"s{site}", _NAME, "e", "g") for site in range(SITES)),
        assets=tuple(assets),
        kinds=(Kind("k", _NAME, "%LEL", -10, 100, 1.0),),
        sensors=tuple(Sensor(f"t{at}", "k", f"a{at % ASSETS}", _NAME) for at in range(SENSORS)),
        detectors=(),
        rules=(RuleSpec("bench.limit", _NAME, ("k",), grades, _NAME),),
    )


def second(at: int, alarming: int) -> list[Batch]:
    """One reading of each sensor; the first ``alarming`` ones, in an order that crosses the district, are in alarm."""
    order = np.random.default_rng(7).permutation(SENSORS)
    rank = np.empty(SENSORS, np.int64)
    rank[order] = np.arange(SENSORS)
    value = np.where(rank < alarming, np.where(rank % 100 == 0, 95.0, 60.0), 1.0)
    time_ns = START_NS + at * SECOND_NS + np.arange(SENSORS, dtype=np.int64) * (SECOND_NS // SENSORS)
    whole = Batch(np.arange(SENSORS, dtype=np.int32), time_ns, time_ns, value, np.full(SENSORS, GOOD, np.uint8))
    return [whole.take(slice(begin, begin + ROUND_ROWS)) for begin in range(0, SENSORS, ROUND_ROWS)]


class Timed:
    """Both stages, and what each of them took of the processor since it was asked last."""

    def __init__(self) -> None:
        self.first_ms = self.second_ms = 0.0

    def __call__(self, state: State, offset: int, item: Input) -> Outcome:
        begin_s = time.thread_time()
        outcome = step(state, offset, item)
        between_s = time.thread_time()
        told = correlate(state, offset, item, outcome.events)
        self.first_ms += 1e3 * (between_s - begin_s)
        self.second_ms += 1e3 * (time.thread_time() - between_s)
        return replace(outcome, incidents=told.events)

    def asked(self) -> tuple[float, float]:
        both = self.first_ms, self.second_ms
        self.first_ms = self.second_ms = 0.0
        return both


def play(folder: Path, step: Step, calm_s: int) -> tuple[dict[str, list[float]], PipelineReader]:
    """Milliseconds of each round, by what went on."""
    store = PipelineStore(folder / "pipeline.db")
    journal = Journal(folder / "journal")
    runner = EmbeddedRunner(
        plan(),
        sources=[],
        decoders={},
        journal=journal,
        journal_folder=folder / "journal",
        store=store,
        snapshot_folder=folder / "snapshots",
        clock=SystemClock(),
        metrics=PipelineMetrics(),
        step=step,
    )
    gc.collect()
    gc.freeze()  # as the pipeline's process does at its start
    phases = ("before", "during", "after")
    took: dict[str, list[float]] = {f"round {phase}": [] for phase in phases}
    took |= {f"{stage} {phase}": [] for phase in phases for stage in STAGES if isinstance(step, Timed)}
    for at in range(2 * calm_s + FLOOD_S):
        flooding = at - calm_s
        phase = "before" if flooding < 0 else "during" if flooding < FLOOD_S else "after"
        alarming = min(max(flooding + 1, 0) * (SENSORS // FLOOD_S), SENSORS)
        for number, batch in enumerate(second(at, alarming)):
            inputs: list[Input] = [batch]
            if number == ROUNDS_A_SECOND - 1:
                inputs.append(Tick(START_NS + (at + 1) * SECOND_NS, (at + 1) * SECOND_NS))
            begin = time.perf_counter()
            runner.round([], inputs)
            took[f"round {phase}"].append(1e3 * (time.perf_counter() - begin))
            if isinstance(step, Timed):
                for stage, ms in zip(STAGES, step.asked(), strict=True):
                    took[f"{stage} {phase}"].append(ms)
    journal.close()
    store.close()
    return took, PipelineReader(folder / "pipeline.db")


def run(effort: Effort) -> Report:
    """Both by turns, so that what else the machine does hits both."""
    stages: dict[str, Step] = {"step alone": step, "with incidents": Timed()}
    report = Report(
        "flood", f"{SENSORS:,} alarms in {FLOOD_S} s, rounds of {ROUND_ROWS:,} readings, store and outbox in them"
    )
    measured: dict[str, list[float]] = {}
    for _ in range(effort.runs):
        for name, stage in stages.items():
            with tempfile.TemporaryDirectory() as made:
                took, reader = play(Path(made), stage, effort.count(CALM_S, 3))
                for what, all_ms in took.items():
                    for at in (50, 99):
                        figure = f"{what} the flood, {name}, p{at}"
                        measured.setdefault(figure, []).append(float(np.percentile(all_ms, at)))
                report.detail |= {f"{name}, {what}": count for what, count in _came_of_it(reader).items()}
                reader.close()
    report.figures += [Figure(name, "ms", values) for name, values in sorted(measured.items())]
    return report


def _came_of_it(reader: PipelineReader) -> dict[str, int]:
    outbox = reader.outbox_after(0, 10**6)
    told = sum(row.topic["rule"].startswith("incident.") for _, row in outbox)
    incidents = reader.incidents(limit=10**6)
    return {
        "alarm events stored": reader.counts()["events"],
        "alarm messages": len(outbox) - told,
        "incidents open": len(incidents),
        "alarms in the largest": max((one.alarms for one in incidents), default=0),
        "incident messages": told,
        "incident events": len(reader.incident_event_bodies()),
    }
