"""The whole way at the highest rate: Mosquitto, journal with sync, 5 detectors, 20 rules, alarms; beside it two peers.

A rate counts as sustained when every message sent was judged and every probe's alarm event can be read in
pipeline.db, p99 at most 250 ms after the reading was due to be published. ``bench.trials`` says how it is found.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from bench import servers
from bench.figures import Effort, Figure, Report
from bench.load import Load
from bench.trials import Ours, Peer, Trial, sustained

SENSORS = 10_000
STEP, STEP_QUICK = 0.93, 0.8  # from one rate to the next lower one
HOW = f"{SENSORS:,} sensors, MQTT QoS 1, one publisher, highest rate with p99 publish->alarm <= 250 ms and no loss"


def run(effort: Effort) -> Report:
    report = Report("ingest", HOW)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "broker").mkdir()
        with (
            servers.broker(folder / "broker") as broker,
            servers.pipeline(folder / "pipeline", port=broker.port, sensors=SENSORS) as pipeline,
        ):
            ours, limit, plain = Ours(broker, pipeline), Peer(broker, "minimal"), Peer(broker, "paho")
            _single(report, effort, ours, limit, plain)
            _gateways(report, effort, ours, limit)
            report.detail["memory of the pipeline"] = f"{pipeline.server.memory_bytes() / 1e6:.0f} MB"
        report.detail["broker"] = "Mosquitto with the settings of deploy/mosquitto/fast.conf, local, no accounts"
    return report


def _single(report: Report, effort: Effort, ours: Ours, limit: Peer, plain: Peer) -> None:
    """In each run one after the other, so that what else the machine does falls on all of them."""
    load = Load(0, sensors=SENSORS)
    flood = effort.count(120_000, 30_000)
    step = STEP_QUICK if effort.quick else STEP
    short_s, long_s = effort.seconds(4, 1.5), effort.seconds(15, 0)
    found: dict[str, list[Trial]] = {"ours": [], "flood": [], "limit": [], "peer": []}
    for _ in range(effort.runs):
        most, best = sustained(ours, load, flood=flood, short_s=short_s, long_s=long_s, step=step)
        found["flood"].append(most)
        found["ours"].append(best)
        found["limit"].append(sustained(limit, load, flood=flood, short_s=short_s, long_s=0, step=step)[1])
        found["peer"].append(sustained(plain, load, flood=flood // 2, short_s=short_s, long_s=0, step=step)[1])
    rates = {name: [trial.rate for trial in trials] for name, trials in found.items()}
    held = f"held {long_s or short_s:g} s"
    report.figures += [
        Figure("one reading a message, sustained", "msg/s", rates["ours"], ">= 30 k", note=held),
        Figure("  the same, flood until all is judged", "msg/s", rates["flood"]),
        Figure("  the limit: receive loop, nothing else", "msg/s", rates["limit"], role="limit"),
        Figure("  plain paho-mqtt and json.loads, nothing durable", "msg/s", rates["peer"], role="peer"),
        Figure("  publish->alarm p50 at that rate", "ms", [trial.p50_ms for trial in found["ours"]]),
        Figure("  publish->alarm p99 at that rate", "ms", [trial.p99_ms for trial in found["ours"]], "<= 250"),
        Figure("  CPU of the pipeline", "us/msg", [trial.receiver_us for trial in found["flood"]]),
        Figure("  CPU of the broker", "us/msg", [trial.broker_us for trial in found["flood"]]),
        Figure("  CPU of plain paho", "us/msg", [trial.receiver_us for trial in found["peer"]], role="peer"),
        Figure("  CPU of the load generator", "us/msg", [trial.load_us for trial in found["flood"]]),
    ]


def _gateways(report: Report, effort: Effort, ours: Ours, limit: Peer) -> None:
    """Messages of many readings: 50 that each name their tag, then packed columns of 100 sensors at 10 times."""
    for name, load, target in (
        ("50 readings a message", Load(0, sensors=SENSORS, readings=50, window=500), ">= 600 k"),
        ("1,000 in packed columns", Load(0, sensors=SENSORS, readings=1_000, times=10, window=200), ">= 1.5 M"),
    ):
        flood = effort.count(1_000_000, 150_000) // load.readings
        step = STEP_QUICK if effort.quick else STEP
        short_s, long_s = effort.seconds(4, 1.5), effort.seconds(15, 0)
        found: list[tuple[Trial, Trial]] = []
        peers: list[Trial] = []
        for _ in range(effort.runs):
            found.append(sustained(ours, load, flood=flood, short_s=short_s, long_s=long_s, step=step))
            peers.append(sustained(limit, load, flood=flood, short_s=short_s, long_s=0, step=step)[1])
        rates = [best.rate * load.readings for _, best in found]
        held = f"held {long_s or short_s:g} s"
        report.figures += [
            Figure(f"{name}, sustained", "readings/s", rates, target, note=held),
            Figure("  the same, flood until all is judged", "readings/s", [t.rate * load.readings for t, _ in found]),
            Figure(
                "  the limit: receive loop, nothing parsed",
                "readings/s",
                [t.rate * load.readings for t in peers],
                role="limit",
            ),
            Figure("  publish->alarm p99 at that rate", "ms", [best.p99_ms for _, best in found], "<= 250"),
            Figure("  CPU of the pipeline", "us/reading", [most.receiver_us / load.readings for most, _ in found]),
        ]
