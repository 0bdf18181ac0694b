"""Readings a second through the decoder, for each format that has a target; JSON beside json.loads and a plain loop.

Figures of CPU time, so that other work on the machine shows little.
"""

from __future__ import annotations

import json
import struct
import time
import zlib
from collections.abc import Callable, Iterator, Sequence
from functools import partial

import numpy as np

from bench.figures import Effort, Figure, Report
from connectors.decoder import MessageDecoder
from connectors.formats.columnar import ColumnsSubscription
from connectors.formats.senml import SenmlSubscription
from connectors.topic import AnySubscription, Subscription
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


JSON = Subscription(topic="district/{site}/{sensor}", tag="{site}/{sensor}")
COLUMNS = ColumnsSubscription(topic="gateways/{gateway}", tag="{tag}")
SENML = SenmlSubscription(topic="gateways/{gateway}", tag="{tag}")


def packs(readings_each: int) -> Iterator[bytes]:
    """SenML with the names of 500 sensors."""
    for n in range(READINGS // readings_each):
        records = [{"n": f"s-{(n + k) % 500}", "v": 20 + k / 8, "t": -k} for k in range(readings_each)]
        head = {"bn": "urn:dev:mac:0024befffe804ff1/", "bt": 1_700_000_000 + n}
        yield json.dumps([{**head, **records[0]}, *records[1:]]).encode()


def grids(tags: int, times: int, *, packed: bool) -> Iterator[bytes]:
    """Columns of so many sensors at so many times."""
    names = [f"site-{n % 50}/sensor-{n}" for n in range(tags)]
    table = b"".join(struct.pack("<HB", len(name), 0) + name.encode() for name in names)
    for n in range(READINGS // (tags * times)):
        at_ms = [1_700_000_000_000 + n * 1000 * times + 1000 * k for k in range(times)]
        values = [[20 + (n * 7 + k * tags + t) % 100 / 8 for t in range(tags)] for k in range(times)]
        if not packed:
            yield json.dumps({"v": 1, "tags": names, "time": at_ms, "value": values}).encode()
            continue
        body = struct.pack("<4sBBBBIII", b"FSC1", 0, 2, 0, 0, len(table), tags, times) + table
        body += (np.array(at_ms, "<i8") * 10**6).tobytes() + np.array(values, "<f8").tobytes()
        yield body + struct.pack("<I", zlib.crc32(body))


def gateway(payloads: Iterator[bytes]) -> list[Deliveries]:
    made = [Delivery("bench", "gateways/g", payload, 0, False, n) for n, payload in enumerate(payloads)]  # noqa: FBT003
    return [Deliveries.of(made[begin : begin + BATCH_MESSAGES]) for begin in range(0, len(made), BATCH_MESSAGES)]


def ours(batches: Sequence[Deliveries], subscription: AnySubscription = JSON) -> int:
    decoder = MessageDecoder([subscription])
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
    report = Report("decode", "payloads to columns, one core, CPU time; beside JSON json.loads and a loop")
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
    for name, made, subscription, target in (
        ("SenML, 50 a message", gateway(packs(50)), SENML, ">= 1 M/s"),
        ("columns as JSON, 100 sensors at 10 times", gateway(grids(100, 10, packed=False)), COLUMNS, ">= 5 M/s"),
        ("columns packed, 100 sensors at 10 times", gateway(grids(100, 10, packed=True)), COLUMNS, ">= 20 M/s"),
    ):
        found = [rate for _ in range(effort.runs) for rate in rates(partial(ours, made, subscription))]
        report.figures.append(Figure(name, "readings/s", found, target, "ours"))
    return report
