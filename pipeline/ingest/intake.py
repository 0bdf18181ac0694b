"""From deliveries to a batch: decode, look the sensor up, convert the unit, check the physical range.

Nothing disappears: every reading ends in the batch, among the poison, or on the list of unregistered tags.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby, repeat
from operator import attrgetter

import numpy as np
from numpy.typing import NDArray

from model.batch import Batch, concatenate
from model.connector import Decoder, Delivery, Readings, Refusal
from model.errors import UnitError
from model.plan import Plan
from model.sensor import range_quality
from model.unit import factor_and_offset
from store.pipeline_store import UnregisteredTag


@dataclass(slots=True)
class Intake:
    """What one round of deliveries came to. received = journaled + refused + unregistered, in readings."""

    batch: Batch
    refusals: list[Refusal] = field(default_factory=list)
    unregistered: dict[str, UnregisteredTag] = field(default_factory=dict)
    journaled: dict[str, int] = field(default_factory=dict)  # source -> rows of the batch
    retained: int = 0  # last known state, shown to nobody as an event


class Ingest:
    """Knows the plan's sensors and each source's decoder; keeps no other state."""

    def __init__(self, plan: Plan, decoders: Mapping[str, Decoder]) -> None:
        kinds = {kind.id: kind for kind in plan.kinds}
        of = [kinds[sensor.kind] for sensor in plan.sensors]
        self._decoders = decoders
        self._index = {sensor.tag: index for index, sensor in enumerate(plan.sensors)}
        self._units = [kind.unit for kind in of]
        self._low = np.array([kind.low for kind in of], np.float64)
        self._high = np.array([kind.high for kind in of], np.float64)
        self._below = np.array([kind.beyond_low.quality for kind in of], np.uint8)
        self._above = np.array([kind.beyond_high.quality for kind in of], np.uint8)
        self._conversions: dict[tuple[str, str], tuple[float, float] | None] = {}

    def take_in(self, deliveries: Sequence[Delivery]) -> Intake:
        """Decode deliveries in their order, source by source where several sources are mixed."""
        intake = Intake(Batch.empty())
        batches = []
        for source, part in _runs(deliveries):
            events = [delivery for delivery in part if not delivery.retained]
            intake.retained += len(part) - len(events)
            readings, refusals = self._decoders[source].decode(events)
            intake.refusals += refusals
            batch = self._look_up(readings, events, intake)
            intake.journaled[source] = intake.journaled.get(source, 0) + len(batch)
            batches.append(batch)
        intake.batch = concatenate(batches)
        return intake

    def _look_up(self, readings: Readings, deliveries: Sequence[Delivery], intake: Intake) -> Batch:
        rows = len(readings.tags)
        sensor = np.fromiter(map(self._index.get, readings.tags, repeat(-1)), np.int32, rows)
        for row in np.flatnonzero(sensor < 0):
            _note_unregistered(intake, readings, int(row), deliveries[readings.delivery[row]])
        value = readings.value.copy()
        usable = sensor >= 0
        if any(readings.units):
            self._convert(readings, deliveries, sensor, value, usable, intake)
        received_ns = np.array([delivery.received_ns for delivery in deliveries], np.int64)[readings.delivery]
        quality = self._range_checked(sensor, value, readings.quality)
        return Batch(sensor, readings.time_ns, received_ns, value, quality).take(usable)

    def _range_checked(
        self, sensor: NDArray[np.int32], value: NDArray[np.float64], quality: NDArray[np.uint8]
    ) -> NDArray[np.uint8]:
        """Quality after the physical range; NaN is bad. Rows of unknown sensors are judged too, and dropped later."""
        if not len(self._low):
            return quality
        judged = range_quality(value, self._low[sensor], self._high[sensor], self._below[sensor], self._above[sensor])
        checked: NDArray[np.uint8] = np.maximum(quality, judged)
        return checked

    def _convert(
        self,
        readings: Readings,
        deliveries: Sequence[Delivery],
        sensor: NDArray[np.int32],
        value: NDArray[np.float64],
        usable: NDArray[np.bool_],
        intake: Intake,
    ) -> None:
        for row, unit in enumerate(readings.units):
            if not unit or sensor[row] < 0 or unit == self._units[sensor[row]]:
                continue
            wanted = self._units[sensor[row]]
            conversion = self._conversion(unit, wanted)
            if conversion is None:
                usable[row] = False
                delivery = deliveries[readings.delivery[row]]
                detail = f"{readings.tags[row]}: unit {unit!r} cannot be turned into {wanted!r}; send {wanted!r}"
                intake.refusals.append(Refusal(delivery, "bad_unit", detail, delivery.payload))
            else:
                value[row] = value[row] * conversion[0] + conversion[1]

    def _conversion(self, given: str, wanted: str) -> tuple[float, float] | None:
        key = (given, wanted)
        if key not in self._conversions:
            if len(self._conversions) > 1000:  # strange units must not fill the memory
                self._conversions.clear()
            try:
                self._conversions[key] = factor_and_offset(given, wanted)
            except UnitError:
                self._conversions[key] = None
        return self._conversions[key]


def _runs(deliveries: Sequence[Delivery]) -> list[tuple[str, list[Delivery]]]:
    """Deliveries in order, cut where the source changes."""
    return [(source, list(run)) for source, run in groupby(deliveries, attrgetter("source"))]


def _note_unregistered(intake: Intake, readings: Readings, row: int, delivery: Delivery) -> None:
    tag = readings.tags[row]
    value = float(readings.value[row])
    last_value = value if np.isfinite(value) else None
    known = intake.unregistered.get(tag)
    if known is None:
        at = delivery.received_ns
        intake.unregistered[tag] = UnregisteredTag(tag, delivery.source, delivery.topic, at, at, 1, last_value)
        return
    known.last_ns, known.last_value = delivery.received_ns, last_value
    known.count += 1
