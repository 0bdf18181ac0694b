"""Rows of kinds that are allowed to come late wait here and leave sorted by time.

A slow path on purpose: only kinds with ``lateness_s`` > 0 pass through it, outside the latency target.
"""

from __future__ import annotations

import heapq
import math
from dataclasses import dataclass

import numpy as np

from model.batch import NO_TIME, Batch

#: More rows of one sensor than this do not wait: the oldest leave early.
WAITING_MAX = 4096


@dataclass(order=True, slots=True)
class Waiting:
    """One row; ordered by time, then by arrival."""

    time_ns: int
    arrival: int
    received_ns: int
    value: float | None  # None = not usable; JSON has no NaN, and a snapshot must read back
    quality: int
    elapsed_ns: int  # elapsed clock at arrival


class Reorder:
    """Waiting rows of each sensor; the sensor's own newest time drives its watermark."""

    def __init__(self) -> None:
        self.waiting: dict[int, list[Waiting]] = {}
        self.newest_ns: dict[int, int] = {}
        self.arrivals = 0

    def offer(self, batch: Batch, row: int, lateness_ns: int, elapsed_ns: int) -> list[Waiting]:
        """Take one row; returns the rows of its sensor that need wait no longer, sorted."""
        sensor = int(batch.sensor[row])
        received_ns = int(batch.received_ns[row])
        given_ns = int(batch.time_ns[row])
        # A row without a time cannot be sorted; a wild time must not push the watermark: admission judges both.
        time_ns = received_ns if given_ns == NO_TIME else min(given_ns, received_ns)
        self.arrivals += 1
        heap = self.waiting.setdefault(sensor, [])
        value = float(batch.value[row])
        usable = value if math.isfinite(value) else None
        entry = Waiting(given_ns, self.arrivals, received_ns, usable, int(batch.quality[row]), elapsed_ns)
        heapq.heappush(heap, entry)
        newest = max(self.newest_ns.get(sensor, time_ns), time_ns)
        self.newest_ns[sensor] = newest
        out = []
        while heap and (heap[0].time_ns <= newest - lateness_ns or len(heap) > WAITING_MAX):
            out.append(heapq.heappop(heap))
        return out

    def due(self, lateness_ns: dict[int, int], elapsed_ns: int) -> list[tuple[int, Waiting]]:
        """Rows (with their sensor) that have waited for their lateness on the elapsed clock, sorted per sensor.

        Older rows leave before them, however short they have waited. A sensor that a new plan gave no lateness to lets
        all its rows go.
        """
        out = []
        for sensor in sorted(self.waiting):
            heap, wait_ns = self.waiting[sensor], lateness_ns.get(sensor, 0)
            newest = max((entry for entry in heap if elapsed_ns - entry.elapsed_ns >= wait_ns), default=None)
            while newest is not None and heap and heap[0] <= newest:
                out.append((sensor, heapq.heappop(heap)))
        return out


def to_batch(rows: list[tuple[int, Waiting]]) -> Batch:
    return Batch(
        np.array([sensor for sensor, _ in rows], np.int32),
        np.array([row.time_ns for _, row in rows], np.int64),
        np.array([row.received_ns for _, row in rows], np.int64),
        np.array([math.nan if row.value is None else row.value for _, row in rows], np.float64),
        np.array([row.quality for _, row in rows], np.uint8),
    )
