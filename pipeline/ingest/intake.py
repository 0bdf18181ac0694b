"""From deliveries to a batch: decode, look the sensor up, convert the unit, check the physical range.

Nothing disappears: every reading ends in the batch, among the poison, or on the list of unregistered tags.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from model.batch import Batch, concatenate
from model.connector import Decoder, Deliveries, Readings, Refusal, Refusals
from model.errors import UnitError
from model.plan import Plan
from model.sensor import range_quality
from model.unit import factor_and_offset
from store.pipeline_store import UnregisteredTag

_UNREGISTERED = -1


@dataclass(slots=True)
class Intake:
    """What one round of deliveries came to. received = journaled + refused + unregistered + left out, in readings."""

    batch: Batch
    refusals: list[Refusal] = field(default_factory=list)
    unregistered: dict[str, UnregisteredTag] = field(default_factory=dict)
    journaled: dict[str, int] = field(default_factory=dict)  # source -> rows of the batch
    retained: int = 0  # last known state, shown to nobody as an event
    left_out: Counter[str] = field(default_factory=Counter)  # no readings, and no faults either, by label


@dataclass(slots=True)
class _Known:
    """What was looked up for a source's lists of names and units, which are only added to.

    Attributes:
        sensor: int32, of each name; ``_UNREGISTERED`` = the registry does not know it.
        factor, offset: float64 [units, units of the plan], NaN where the one cannot be turned into the other.

    """

    names: list[str]
    units: list[str]
    sensor: NDArray[np.int32]
    factor: NDArray[np.float64]
    offset: NDArray[np.float64]


class Ingest:
    """Knows the plan's sensors and each source's decoder; keeps no other state."""

    def __init__(self, plan: Plan, decoders: Mapping[str, Decoder]) -> None:
        kinds = {kind.id: kind for kind in plan.kinds}
        of = [kinds[sensor.kind] for sensor in plan.sensors]
        self._decoders = decoders
        self._index = {sensor.tag: index for index, sensor in enumerate(plan.sensors)}
        self._units = sorted({kind.unit for kind in plan.kinds})
        self._unit_of = np.array([self._units.index(kind.unit) for kind in of], np.int32)
        self._low = np.array([kind.low for kind in of], np.float64)
        self._high = np.array([kind.high for kind in of], np.float64)
        self._below = np.array([kind.beyond_low.quality for kind in of], np.uint8)
        self._above = np.array([kind.beyond_high.quality for kind in of], np.uint8)
        self._known: dict[str, _Known] = {}

    def take_in(self, deliveries: Sequence[Deliveries]) -> Intake:
        """Decode deliveries in their order."""
        intake = Intake(Batch.empty())
        batches = []
        for part in deliveries:
            retained = int(np.count_nonzero(part.retained))
            intake.retained += retained
            events = part.take(~part.retained) if retained else part
            readings, refusals = self._decoders[part.source].decode(events)
            intake.refusals += refusals
            intake.left_out.update(readings.left_out)
            batch = self._look_up(readings, events, intake)
            intake.journaled[part.source] = intake.journaled.get(part.source, 0) + len(batch)
            batches.append(batch)
        intake.batch = concatenate(batches)
        return intake

    def _look_up(self, readings: Readings, deliveries: Deliveries, intake: Intake) -> Batch:
        known = self._looked_up(deliveries.source, readings)
        sensor = known.sensor[readings.tag]
        usable = sensor != _UNREGISTERED
        all_known = bool(usable.all())
        if not all_known:
            _note_unregistered(intake, readings, np.flatnonzero(~usable), deliveries)
        value = readings.value
        if readings.unit.any():
            value = self._converted(readings, deliveries, known, sensor, usable, intake)
            all_known = False
        received_ns = deliveries.received_ns[readings.delivery]
        quality = self._range_checked(sensor, value, readings.quality)
        batch = Batch(sensor, readings.time_ns, received_ns, value, quality)
        return batch if all_known else batch.take(usable)

    def _looked_up(self, source: str, readings: Readings) -> _Known:
        """Sensors of the source's names, with those that are new to the list."""
        known = self._known.get(source)
        if known is None or known.names is not readings.names or known.units is not readings.units:
            none = np.empty((0, len(self._units)))
            known = self._known[source] = _Known(readings.names, readings.units, np.empty(0, np.int32), none, none)
        if len(known.sensor) < len(known.names):
            new = [self._index.get(tag, _UNREGISTERED) for tag in known.names[len(known.sensor) :]]
            known.sensor = np.concatenate([known.sensor, np.array(new, np.int32)])
        if len(known.factor) < len(known.units):
            pairs = [[_conversion(unit, own) for own in self._units] for unit in known.units[len(known.factor) :]]
            table = np.array(pairs, np.float64).reshape(-1, len(self._units), 2)
            known.factor = np.concatenate([known.factor, table[:, :, 0]])
            known.offset = np.concatenate([known.offset, table[:, :, 1]])
        return known

    def _range_checked(
        self, sensor: NDArray[np.int32], value: NDArray[np.float64], quality: NDArray[np.uint8]
    ) -> NDArray[np.uint8]:
        """Quality after the physical range; NaN is bad. Rows of unknown sensors are judged too, and dropped later."""
        if not len(self._low):
            return quality
        judged = range_quality(value, self._low[sensor], self._high[sensor], self._below[sensor], self._above[sensor])
        checked: NDArray[np.uint8] = np.maximum(quality, judged)
        return checked

    def _converted(
        self,
        readings: Readings,
        deliveries: Deliveries,
        known: _Known,
        sensor: NDArray[np.int32],
        usable: NDArray[np.bool_],
        intake: Intake,
    ) -> NDArray[np.float64]:
        """Values in the units of their kinds; rows whose unit does not fit are refused and marked in ``usable``."""
        if not len(self._unit_of):
            return readings.value
        own = self._unit_of[sensor]
        factor, offset = known.factor[readings.unit, own], known.offset[readings.unit, own]
        misfit = np.flatnonzero(usable & np.isnan(factor))
        if len(misfit):
            usable[misfit] = False
            intake.refusals += self._misfits(readings, deliveries, known, misfit, own)
        # A value that needs no conversion is left bit for bit as it came.
        plain = (factor == 1.0) & (offset == 0.0)
        converted: NDArray[np.float64] = np.where(plain, readings.value, readings.value * factor + offset)
        return converted

    def _misfits(
        self,
        readings: Readings,
        deliveries: Deliveries,
        known: _Known,
        rows: NDArray[np.intp],
        own: NDArray[np.int32],
    ) -> Refusals:
        """One refusal for all readings of a message that have the same unit where another one is needed."""
        refusals = Refusals(deliveries)
        alike = np.stack([readings.delivery[rows], readings.unit[rows], own[rows]])
        _, first, counts = np.unique(alike, axis=1, return_index=True, return_counts=True)
        for row, count in zip(rows[first].tolist(), counts.tolist(), strict=True):
            tag, unit = readings.names[readings.tag[row]], known.units[readings.unit[row]]
            wanted = self._units[own[row]]
            detail = f"{tag}: unit {unit!r} cannot be turned into {wanted!r}; send {wanted!r}"
            refusals.add(int(readings.delivery[row]), 0, ("bad_unit", detail), None, count)
        return refusals


def _conversion(given: str, wanted: str) -> tuple[float, float]:
    if not given:
        return 1.0, 0.0
    try:
        return factor_and_offset(given, wanted)
    except UnitError:
        return np.nan, np.nan


def _note_unregistered(intake: Intake, readings: Readings, rows: NDArray[np.intp], deliveries: Deliveries) -> None:
    """List these rows' tags, each with its first and its last reading."""
    tags = readings.tag[rows]
    order = np.argsort(tags, kind="stable")
    first = np.flatnonzero(np.diff(tags[order], prepend=-1))
    counts = np.diff(first, append=len(rows))
    firsts, lasts = rows[order[first]], rows[order[first + counts - 1]]
    for begin, end, count in zip(firsts.tolist(), lasts.tolist(), counts.tolist(), strict=True):
        tag, value = readings.names[readings.tag[end]], float(readings.value[end])
        last_value = value if np.isfinite(value) else None
        last_ns = int(deliveries.received_ns[readings.delivery[end]])
        known = intake.unregistered.get(tag)
        if known is None:
            first_ns = int(deliveries.received_ns[readings.delivery[begin]])
            topic = deliveries.topic(int(readings.delivery[begin]))
            known = UnregisteredTag(tag, deliveries.source, topic, first_ns, last_ns, 0, last_value)
            intake.unregistered[tag] = known
        known.last_ns, known.last_value = last_ns, last_value
        known.count += count
