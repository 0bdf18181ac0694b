"""Where the time of a reading goes: each stage of the way in by itself, CPU time, on the bytes that the load sends.

The stages are those of a round in the runner: the stream of the broker taken apart, decoded and made rows of the
registry, appended to the journal and committed, judged by 5 detectors and 20 rules.
"""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

import numpy as np

from bench import workload
from bench.figures import Effort, Figure, Report
from bench.load import TOPIC_PREFIX, Load, Messages, packets
from connectors.decoder import MessageDecoder
from connectors.formats.columnar import ColumnsSubscription
from connectors.mqtt.frames import FrameBuffer, Frames
from connectors.topic import Subscription
from model.connector import Deliveries
from model.inputs import PlanChange
from pipeline.ingest.intake import Ingest
from pipeline.process.step import begin, step
from store.journal.writer import Journal

SENSORS = 10_000
LOADS = {
    "one a message": Load(0, sensors=SENSORS),
    "50 a message": Load(0, sensors=SENSORS, readings=50),
    "1,000 in packed columns": Load(0, sensors=SENSORS, readings=1_000, times=10),
}
ROUND_MESSAGES = {1: 500, 50: 50, 1_000: 10}
PACKET_BYTES_MAX = 1 << 20
#: Between two messages: far enough for the ten times that a message of columns holds.
MESSAGES_APART_NS = 20_000_000
PAST_NS = 3_600 * 10**9


def run(effort: Effort) -> Report:
    report = Report("stages", "CPU time of each stage of the way in, ns a reading; rounds as under load")
    rounds = effort.count(60, 15)
    for name, load in LOADS.items():
        found: dict[str, list[float]] = {}
        for _ in range(effort.runs):
            for stage, spent_ns in _once(load, rounds).items():
                found.setdefault(stage, []).append(spent_ns)
        found["together"] = [sum(each) for each in zip(*found.values(), strict=True)]
        report.figures += [Figure(f"{name}: {stage}", "ns/reading", runs) for stage, runs in found.items()]
    return report


def _once(load: Load, rounds: int) -> dict[str, float]:
    """CPU time of each stage, ns a reading, over so many rounds; those in which names are new go before."""
    made, ingest = packets(load), _ingest()
    state = begin(PlanChange(workload.plan(SENSORS), workload.START_NS), 0)
    spent_ns, readings = np.zeros(4), 0
    with tempfile.TemporaryDirectory() as folder:
        journal = Journal(Path(folder))
        journal.append(PlanChange(workload.plan(SENSORS), workload.START_NS))
        journal.commit()
        first_sight = load.units // ROUND_MESSAGES[load.readings] + 2
        for number in range(first_sight + rounds):
            data = _bytes(made, load, number)
            marks = [time.thread_time_ns()]
            frames = _frames(data)
            marks.append(time.thread_time_ns())
            batch = ingest.take_in([_deliveries(data, frames)]).batch
            marks.append(time.thread_time_ns())
            journal.append(batch)
            journal.commit()
            marks.append(time.thread_time_ns())
            step(state, state.next_offset, batch)
            marks.append(time.thread_time_ns())
            if number >= first_sight:
                spent_ns += np.diff(marks)
                readings += len(batch)
        journal.close()
    return dict(zip(("packets apart", "decode", "journal", "step"), (spent_ns / readings).tolist(), strict=True))


def _ingest() -> Ingest:
    json = Subscription(topic=f"{TOPIC_PREFIX}{{site}}/{{sensor}}", tag="{site}/{sensor}")
    gateway = Subscription(topic=f"{TOPIC_PREFIX}gateways/all/{{unit}}", tag="{tag}")
    columns = ColumnsSubscription(topic=f"{TOPIC_PREFIX}columns/all/{{unit}}", tag="{tag}")
    return Ingest(workload.plan(SENSORS), {"bench": MessageDecoder([columns, gateway, json])})


def _bytes(made: Messages, load: Load, number: int) -> bytes:
    """What a broker sends for one round: its packets are those of the load, which came as it got them."""
    messages = ROUND_MESSAGES[load.readings]
    numbers = number * messages + np.arange(messages)
    return made.burst(int(numbers[0]), time.time_ns() - PAST_NS + numbers * MESSAGES_APART_NS, 0)[0]


def _frames(data: bytes) -> Frames:
    buffer = FrameBuffer(five=False, packet_bytes_max=PACKET_BYTES_MAX)
    buffer.feed(data)
    return buffer.take()[0]


def _deliveries(data: bytes, frames: Frames) -> Deliveries:
    """As the source hands them on."""
    now_ns = np.full(len(frames), time.time_ns(), np.int64)
    places = frames.topic_at, frames.topic_end, frames.payload_at, frames.payload_end
    return Deliveries("bench", data, *places, now_ns, frames.retained > 0, np.arange(len(frames)))
