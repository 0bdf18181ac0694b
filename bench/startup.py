"""How long until the pipeline receives: with 10,000 sensors, and after a kill with five minutes of journal behind."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from pathlib import Path

from app.configured import Paths, read
from bench import servers, workload
from bench.figures import Effort, Figure, Report
from config.plan import load_plan
from model.inputs import PlanChange, Tick
from store.journal.writer import Journal

SENSORS = 10_000
JOURNAL_S = 300
ROUNDS_PER_S = 20  # what a second of arrivals is committed in


def run(effort: Effort) -> Report:
    report = Report("startup", f"{SENSORS:,} sensors; from the start of the process until its source is connected")
    seconds = effort.count(JOURNAL_S, 30)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "broker").mkdir()
        with servers.broker(folder / "broker") as broker:
            imports = [_import_s() for _ in range(effort.runs)]
            fresh, memory = [], []
            for number in range(effort.runs):
                config = servers.configure(folder / f"fresh-{number}", port=broker.port, sensors=SENSORS)
                taken_s, used = _start_s(config.parent, config)
                fresh.append(taken_s)
                memory.append(used / 1e6)
            crashed = []
            for number in range(effort.runs):
                config = servers.configure(folder / f"crashed-{number}", port=broker.port, sensors=SENSORS)
                _write_journal(config, seconds)
                crashed.append(_start_s(config.parent, config)[0])
    report.figures += [
        Figure("start to ready", "s", fresh, "<= 5"),
        Figure(f"after a crash with {seconds} s of journal at 1 Hz", "s", crashed, "<= 15"),
        Figure("  import of what the pipeline needs", "s", imports),
        Figure("  memory of the pipeline when ready", "MB", memory, "<= 400 (all packs)"),
    ]
    report.detail["readings in that journal"] = f"{seconds * SENSORS:,}, no snapshot"
    return report


def _import_s() -> float:
    begun_s = time.perf_counter()
    subprocess.run([sys.executable, "-c", "import app.compose, connectors.mqtt.readings"], cwd=servers.ROOT, check=True)
    return time.perf_counter() - begun_s


def _start_s(folder: Path, config: Path) -> tuple[float, int]:
    begun_s = time.perf_counter()
    running = servers.start_pipeline(folder, config)
    try:
        servers.wait_ready(running)
        return time.perf_counter() - begun_s, running.server.memory_bytes()
    finally:
        running.server.kill()


def _write_journal(config: Path, seconds: int) -> None:
    """Write what a killed pipeline leaves: the plan, rows and ticks, and no snapshot."""
    configured = read(config)
    journal = Journal(Paths.under(configured.data_dir).journal)
    journal.append(PlanChange(load_plan(configured), workload.START_NS))
    each = SENSORS // ROUNDS_PER_S
    for number, batch in enumerate(workload.scattered(SENSORS, SENSORS * seconds, each)):
        journal.append(batch)
        if number % ROUNDS_PER_S == 0:
            at_ns = number // ROUNDS_PER_S * workload.SECOND_NS
            journal.append(Tick(workload.START_NS + at_ns, at_ns))
            journal.commit()
    journal.commit()
    journal.close()
