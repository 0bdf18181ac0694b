"""One sensor or many of equal settings, fed at a steady rate."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from detectors import AnyDetector
from detectors.parameters import build
from model.batch import Batch
from model.detector import SensorGroup
from model.plan import Parameter

START_NS = 1_700_000_000_000_000_000


class Fed:
    """A detector with its state and the clock of its sensors."""

    def __init__(self, name: str, parameters: Mapping[str, Parameter], *, sensors: int = 1, period_s: float = 1.0):
        self.detector: AnyDetector = build(name, parameters)
        self.sensors = sensors
        self.period_s = period_s
        self.now_s = 0.0
        tags = tuple(f"s{slot}" for slot in range(sensors))
        self.state: Any = self.detector.init(SensorGroup(tags, np.full(sensors, period_s)))

    def rows(self, values: ArrayLike) -> NDArray[np.float64]:
        """Scores of one sensor's values, or of a table [times, sensors]."""
        table = np.asarray(values, float)
        wide = table.reshape(len(table), self.sensors)
        at_s = self.now_s + self.period_s * np.arange(len(wide))
        self.now_s += self.period_s * len(wide)
        time_ns = np.repeat(START_NS + np.rint(at_s * 1e9).astype(np.int64), self.sensors)
        sensor = np.tile(np.arange(self.sensors, dtype=np.int32), len(wide))
        batch = Batch(sensor, time_ns, time_ns, wide.ravel(), np.zeros(len(sensor), np.uint8))
        return self.detector.update(self.state, batch).reshape(table.shape)

    def wait(self, seconds: float) -> None:
        """No rows for a while."""
        self.now_s += seconds
