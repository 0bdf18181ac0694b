"""What a message costs as the rate grows: CPU of the pipeline and the delay to the alarm, from 1,000 messages/s up.

Each rate is held for some seconds, one reading a message at QoS 1, over the whole way (``bench.trials``). The plot
shows CPU a second against the rate: in proportion means that a message costs the same at every rate; below it, that a
busy system is the more economical one.
"""

from __future__ import annotations

import statistics
import tempfile
from pathlib import Path

from bench import servers
from bench.figures import Effort, Figure, Report
from bench.load import Load
from bench.plot import Curve, exponent, plot
from bench.trials import Ours, Trial

RATES = (1_000, 2_000, 4_000, 8_000, 16_000)
SENSORS = 10_000


def run(effort: Effort) -> Report:
    report = Report("rates", f"one reading a message, QoS 1, {SENSORS:,} sensors, each rate by itself")
    seconds = effort.seconds(6, 1.5)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "broker").mkdir()
        with (
            servers.broker(folder / "broker") as broker,
            servers.pipeline(folder / "pipeline", port=broker.port, sensors=SENSORS) as pipeline,
        ):
            ours = Ours(broker, pipeline)
            trials = {
                rate: [ours(Load(0, rate=rate, seconds=seconds, sensors=SENSORS)) for _ in range(effort.runs)]
                for rate in RATES
            }
    for rate, runs in trials.items():
        report.figures += [
            Figure(f"{rate:,} msg/s: CPU of the pipeline", "us/msg", [trial.receiver_us for trial in runs]),
            Figure(f"{rate:,} msg/s: publish->alarm p99", "ms", [trial.p99_ms for trial in runs]),
        ]
    cost_ms = [_busy_ms(rate, runs) for rate, runs in trials.items()]
    report.figures.append(Figure("exponent of cost against rate", "", [exponent(RATES, cost_ms)], "<= 1.1"))
    report.detail["readings or alarms lost"] = sum(trial.lost for runs in trials.values() for trial in runs)
    if not effort.quick:
        plot("rates", Curve("The pipeline at so many messages a second", "messages/s", "CPU, ms/s", RATES, cost_ms))
    return report


def _busy_ms(rate: int, runs: list[Trial]) -> float:
    """CPU in a second."""
    return rate * statistics.median(trial.receiver_us for trial in runs) / 1e3
