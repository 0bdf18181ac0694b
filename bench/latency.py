"""From publish to an alarm event that can be read, at 10,000 readings/s; and where the time goes."""

from __future__ import annotations

import tempfile
from pathlib import Path

from bench import servers
from bench.figures import Effort, Figure, Report
from bench.load import Load
from bench.trials import Ours, Peer

RATE = 10_000
SENSORS = 10_000


def run(effort: Effort) -> Report:
    report = Report(
        "latency",
        f"{RATE:,} readings/s, one a message, QoS 1; from when a reading is due to be published until its alarm event "
        "is committed to pipeline.db and can be read there (polled every ms)",
    )
    load = Load(0, rate=RATE, seconds=effort.seconds(15, 2), sensors=SENSORS, probes_per_s=50)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "broker").mkdir()
        with servers.broker(folder / "broker") as broker:
            through = [Peer(broker, "minimal")(load) for _ in range(effort.runs)]
            with servers.pipeline(folder / "pipeline", port=broker.port, sensors=SENSORS) as pipeline:
                trials = [Ours(broker, pipeline)(load) for _ in range(effort.runs)]
    lost = sum(trial.lost for trial in trials)
    report.figures += [
        Figure("publish->alarm p50", "ms", [trial.p50_ms for trial in trials], "<= 5"),
        Figure("publish->alarm p99", "ms", [trial.p99_ms for trial in trials], "<= 30"),
        Figure("  broker alone p50 (minimal receive loop)", "ms", [trial.p50_ms for trial in through], role="limit"),
        Figure("  broker alone p99 (minimal receive loop)", "ms", [trial.p99_ms for trial in through], role="limit"),
        Figure("  CPU of the pipeline", "us/msg", [trial.receiver_us for trial in trials]),
    ]
    report.detail["readings or alarms lost"] = lost
    return report
