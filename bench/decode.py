"""Readings a second through the JSON decoder, beside json.loads and a loop that does the same work, on the same input.

Figures of CPU time, so that other work on the machine shows little.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from functools import partial

import numpy as np

from bench.figures import Effort, Figure, Report
from connectors.decoder import MessageDecoder
from connectors.topic import Subscription
from model.connector import Deliveries, Delivery

READINGS = 100_000
ROUNDS = 7
BATCH_MESSAGES = 1000


def messages(readings_each: int) -> list[Delivery]:
    made = []
    for n in range(READINGS // readings_each):
        time_ms = 1_700_000_000_000 + n
        readings = [{"value": 20 + (n * 7 + k) % 100 / 8, "time": time_ms + k} for k in range(readings_each)]
        payload = json.dumps(readings[0] if readings_each == 1 else readings).encode()
        made.append(Delivery("bench", f"district/site-{n % 50}/sensor-{n % 500}", payload, time_ms, False, n))  # noqa: FBT003
    return made


def ours(batches: Sequence[Deliveries]) -> int:
    decoder = MessageDecoder([Subscription(topic="district/{site}/{sensor}", tag="{site}/{sensor}")])
    rows = 0
    for batch in batches:
        readings, refused = decoder.decode(batch)
        assert not refused
        rows += len(readings)
    return rows


def plain(batches: Sequence[Sequence[Delivery]]) -> int:
    rows = 0
    for batch in batches:
        tags, times, values, quality = [], [], [], []
        for delivery in batch:
            found = json.loads(delivery.payload)
            _, site, sensor = delivery.topic.split("/")
            for reading in found if isinstance(found, list) else [found]:
                tags.append(f"{site}/{sensor}")
                times.append(int(reading["time"]) * 1_000_000)
                values.append(float(reading["value"]))
                quality.append(0 if reading.get("quality", "good") == "good" else 1)
        columns = np.array(times, np.int64), np.array(values), np.array(quality, np.uint8)
        rows += len(columns[0])
    return rows


def rates(work: Callable[[], int]) -> list[float]:
    found = []
    for _ in range(ROUNDS):
        begun_s = time.process_time()
        rows = work()
        found.append(rows / (time.process_time() - begun_s))
    return sorted(found)


def run(effort: Effort) -> Report:
    report = Report("decode", "JSON readings to columns, one core, CPU time; beside it json.loads and a loop")
    for readings_each in (1, 50):
        made = messages(readings_each)
        each = [made[begin : begin + BATCH_MESSAGES] for begin in range(0, len(made), BATCH_MESSAGES)]
        columns = [Deliveries.of(batch) for batch in each]
        for name, work, role in (
            ("fengsui", partial(ours, columns), "ours"),
            ("json + loop", partial(plain, each), "peer"),
        ):
            target = ">= 1.5 M/s" if role == "ours" else ""
            found = [rate for _ in range(effort.runs) for rate in rates(work)]
            report.figures.append(Figure(f"{readings_each} a message, {name}", "readings/s", found, target, role))
    return report
