"""What the district sends as batches of a plan, for those who judge its days without a broker between."""

from __future__ import annotations

import numpy as np

from model.batch import Batch
from model.plan import Plan
from model.sensor import range_quality
from simulator.district import District


class Batches:
    """Readings of a district as a plan takes them in: sensors by their place in it, quality by the physical range."""

    def __init__(self, district: District, plan: Plan) -> None:
        self._district = district
        index = {sensor.tag: at for at, sensor in enumerate(plan.sensors)}
        self._place = np.array([index[sensor.tag] for sensor in district.sensors], np.int32)
        kinds = {kind.id: kind for kind in plan.kinds}
        of_each = [kinds[sensor.kind] for sensor in plan.sensors]
        self._low, self._high = np.array([kind.low for kind in of_each]), np.array([kind.high for kind in of_each])
        self._below = np.array([kind.beyond_low.quality for kind in of_each], np.uint8)
        self._above = np.array([kind.beyond_high.quality for kind in of_each], np.uint8)

    def span(self, begin_s: int, end_s: int) -> Batch:
        """Readings of some seconds after the start, received when they are taken."""
        rows = self._district.rows(begin_s, end_s)
        sensor = self._place[rows.sensor]
        limits = (self._low[sensor], self._high[sensor], self._below[sensor], self._above[sensor])
        received_ns = self._district.clock.start_ns + rows.t_ms * 10**6
        return Batch(sensor, rows.time_ns, received_ns, rows.value, range_quality(rows.value, *limits))
