"""The readings of a pack's test: constants, ramps, swings and noise, one a scan period of each sensor."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from config.pack_tests import START_NS, PackTest, Stretch, TestedSensor
from model.batch import Batch, concatenate
from model.sensor import range_quality


def readings(test: PackTest, *, start_ns: int = START_NS) -> Batch:
    """Make the readings of a test, one a period, received when they are due, as they would be journaled.

    Args:
        test: as loaded; its sensors stand in the plan in their order.
        start_ns: receive time of the test's second 0.

    """
    random = np.random.default_rng(test.seed)
    each = [_readings(sensor, index, random, start_ns) for index, sensor in enumerate(test.sensors)]
    whole = concatenate(each)
    return whole if len(each) == 1 else whole.take(np.argsort(whole.received_ns, kind="stable"))


def _readings(sensor: TestedSensor, index: int, random: np.random.Generator, start_ns: int) -> Batch:
    kind = sensor.kind
    parts = [_columns(stretch, sensor.period_s, random) for stretch in sensor.given if not stretch.missing]
    at_ns = np.concatenate([part[0] for part in parts] or [np.empty(0, np.int64)])
    ahead_ns = np.concatenate([part[1] for part in parts] or [np.empty(0, np.int64)])
    value = np.concatenate([part[2] for part in parts] or [np.empty(0)])
    quality = np.concatenate([part[3] for part in parts] or [np.empty(0, np.uint8)])
    return Batch(
        np.full(len(at_ns), index, np.int32),
        start_ns + at_ns + ahead_ns,
        start_ns + at_ns,
        value,
        np.maximum(
            quality, range_quality(value, kind.low, kind.high, kind.beyond_low.quality, kind.beyond_high.quality)
        ),
    )


def _columns(
    stretch: Stretch, period_s: float, random: np.random.Generator
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64], NDArray[np.uint8]]:
    period_ns = round(period_s * 1e9)
    first = -(-round(stretch.from_s * 1e9) // period_ns)
    last = -(-round(stretch.until_s * 1e9) // period_ns)
    at_ns = np.arange(first, last, dtype=np.int64) * period_ns
    at_s = at_ns / 1e9
    part = (at_s - stretch.from_s) / (stretch.until_s - stretch.from_s)
    value = stretch.value + (stretch.to - stretch.value) * part
    value += stretch.swing * np.sin(2 * np.pi * at_s / stretch.every_s)
    value += stretch.noise * random.standard_normal(len(at_ns))
    if stretch.resolution:
        value = np.round(value / stretch.resolution) * stretch.resolution
    ahead_ns = np.full(len(at_ns), round(stretch.clock_ahead_s * 1e9), np.int64)
    return at_ns, ahead_ns, value, np.full(len(at_ns), stretch.quality, np.uint8)
