"""The format ``senml``: Sensor Measurement Lists (RFC 8428), JSON or CBOR, told apart by the first byte.

Base fields are added to what follows them in the pack. Times below 2^28 count from the receipt. A sum (``s``) is a
reading of its own, its name longer by a suffix.

Most packs hold numbers alone, with their base fields in the first record. Those are resolved together, column by
column; all others record by record.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import chain, repeat
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from connectors.formats.columns import VALUE_MAX, judge, scaled_column
from connectors.formats.contract import WHOLE, Context, Fault, Faults, Rows, in_order, parts_in, payloads, usable
from connectors.formats.senml_records import VERSIONS, Number, PackReader, Record, first_and_others
from connectors.formats.senml_units import OURS, SUMMED
from connectors.interning import Words
from connectors.topic import Subscription
from model.batch import GOOD, NO_TIME
from model.connector import REFUSALS_EACH_MAX, Deliveries, Refusals

#: Instead of a place, where a record has no unit of its own.
_NO_UNIT = -1

#: Smaller times count from the receipt (RFC 8428, section 4.5.3).
_RELATIVE_BELOW_S = float(2**28)


class SenmlSubscription(Subscription):
    """Messages of SenML packs, JSON or CBOR."""

    format: Literal["senml"] = Field(default="senml", description="How payloads are written.")
    sum_suffix: str = Field(
        default="/sum", min_length=1, max_length=20, description="What the name of a sum (`s`) ends with."
    )


@dataclass(slots=True)
class _Numbers:
    """Packs of numbers, their records one after the other, and what is added to those of each."""

    messages: list[int] = field(default_factory=list)
    sizes: list[int] = field(default_factory=list)
    bases: list[_Bases] = field(default_factory=list)
    records: list[Record | Number] = field(default_factory=list)

    def add(self, message: int, first: Record, others: Sequence[Record | Number]) -> None:
        bases = _Bases()
        bases.take(first)
        self.messages.append(message)
        self.sizes.append(1 + len(others))
        self.bases.append(bases)
        self.records.append(first)
        self.records += others


@dataclass(slots=True)
class _Readings:
    """Readings as lists that become columns, and the rows of them that are at fault."""

    name: list[str] = field(default_factory=list)
    unit: list[str] = field(default_factory=list)
    value: list[float | None] = field(default_factory=list)
    base_value: list[float] = field(default_factory=list)
    time_s: list[float | None] = field(default_factory=list)
    base_s: list[float] = field(default_factory=list)
    delivery: list[int] = field(default_factory=list)
    element: list[int] = field(default_factory=list)
    faults: Faults = field(default_factory=dict)


@dataclass(slots=True)
class _Bases:
    """What is added to the fields of a record."""

    name: str = ""
    time_s: float = 0.0
    unit: str = ""
    value: float = 0.0
    sum: float = 0.0

    def take(self, record: Record) -> None:
        self.name = self.name if record.bn is None else record.bn
        self.time_s = self.time_s if record.bt is None else record.bt
        self.unit = self.unit if record.bu is None else record.bu
        self.value = self.value if record.bv is None else record.bv
        self.sum = self.sum if record.bs is None else record.bs


class Senml:
    """The format ``senml``."""

    def __init__(self, subscription: SenmlSubscription, context: Context) -> None:
        self._packs = PackReader(context.depth_max, context.readings_max)
        self._sum_suffix = subscription.sum_suffix
        self._words = Words()
        self._ours: dict[str | None, int] = {}  # unit as written -> place of ours

    def read(self, deliveries: Deliveries, wanted: NDArray[np.bool_], refusals: Refusals) -> Rows:
        if self._words.forget_if_many():
            self._ours.clear()
        numbers, others = _Numbers(), _Readings()
        for message, payload in payloads(deliveries, wanted):
            found = self._packs.numbers(payload)
            if found is not None:
                numbers.add(message, *found)
                continue
            fault = self._add_pack(message, payload, numbers, others, refusals)
            if fault is not None:
                refusals.add(message, WHOLE, fault, payload)
        rows = self._rows_of_numbers(numbers, deliveries)
        return in_order([rows, self._rows(others, deliveries, refusals)]) if others.name else rows

    def parts(self, payload: bytes, elements: Sequence[int]) -> list[bytes]:
        return self._packs.parts(payload, elements)

    def _add_pack(
        self, message: int, payload: bytes, numbers: _Numbers, others: _Readings, refusals: Refusals
    ) -> Fault | None:
        """Add the readings of a pack; a fault is one of all of it, and then nothing was added."""
        pack = self._packs.read(payload)
        if isinstance(pack, Fault):
            return pack
        records = [one for one in pack if isinstance(one, Record)]
        wrong = next((one.bver for one in records if one.bver is not None and one.bver not in VERSIONS), None)
        if wrong is not None:
            return Fault("bad_version", f"bver is at most 10, or 26 (RFC 9100), got {wrong}")
        found = first_and_others(records) if len(records) == len(pack) else None
        if found is not None:
            numbers.add(message, *found)
            return None
        bases, before = _Bases(), len(others.name)
        faults: list[tuple[int, Fault, int]] = []
        for element, one in enumerate(pack):
            if isinstance(one, Record):
                bases.take(one)
                self._add(one, element, bases, message, others)
            else:
                faults.append((element, *one))
        shown = self.parts(payload, [element for element, *_ in faults[: REFUSALS_EACH_MAX + 1]])
        for at, (element, fault, count) in enumerate(faults):
            refusals.add(message, element, fault, shown[at] if at < len(shown) else b"", count)
        if len(others.name) == before and not faults:
            return Fault("no_value", "a pack holds at least one record with a value, got base fields alone")
        return None

    def _add(self, record: Record, element: int, bases: _Bases, message: int, readings: _Readings) -> None:
        """Add a record that may be more or less than a number."""
        given = sum(value is not None for value in (record.v, record.vb, record.vs, record.vd))
        fault = _fault_of(record, given)
        name, unit = bases.name + record.n, bases.unit if record.u is None else record.u
        found: list[tuple[str, str, float | None, float]] = []
        if fault is not None:
            readings.faults[len(readings.name)] = fault
            found.append((name, unit, None, 0.0))
        elif record.v is not None:
            found.append((name, unit, record.v, bases.value))
        elif record.vb is not None:
            found.append((name, unit, float(record.vb), 0.0))
        if record.s is not None:
            ours = OURS.get(unit, unit)
            found.append((name + self._sum_suffix, SUMMED.get(ours, f"{ours}*s"), record.s, bases.sum))
        for one in found:
            name, unit, value, base = one
            readings.name.append(name)
            readings.unit.append(unit)
            readings.value.append(value)
            readings.base_value.append(base)
            readings.time_s.append(record.t)
            readings.base_s.append(bases.time_s)
            readings.delivery.append(message)
            readings.element.append(element)

    def _rows_of_numbers(self, numbers: _Numbers, deliveries: Deliveries) -> Rows:
        records, bases, sizes = numbers.records, numbers.bases, np.array(numbers.sizes, np.int64)
        begins = np.cumsum(sizes) - sizes
        names = chain.from_iterable(map(repeat, [one.name for one in bases], numbers.sizes))
        delivery = np.repeat(np.array(numbers.messages, np.int32), sizes)
        base_s = np.repeat(np.array([one.time_s for one in bases], np.float64), sizes)
        base_value = np.repeat(np.array([one.value for one in bases], np.float64), sizes)
        value, quality = _values(np.array([one.v for one in records], np.float64), base_value)
        name = self._words.names.places_of([base + one.n for base, one in zip(names, records, strict=True)])
        return Rows(
            self._words.names.words,
            np.array(name, np.int32),
            self._words.units.words,
            self._units_of_numbers(numbers, sizes),
            value,
            _times(np.array([one.t for one in records], np.float64), base_s, deliveries.received_ns[delivery]),
            quality,
            delivery,
            (np.arange(len(records)) - np.repeat(begins, sizes)).astype(np.int32),
        )

    def _units_of_numbers(self, numbers: _Numbers, sizes: NDArray[np.int64]) -> NDArray[np.int32]:
        """A record's own unit, else the base unit of its pack: int32 [n]."""
        base = np.array(self._unit_places([one.unit for one in numbers.bases]), np.int32)
        own = np.array(self._unit_places([one.u for one in numbers.records]), np.int32)
        return np.where(own == _NO_UNIT, np.repeat(base, sizes), own)

    def _rows(self, readings: _Readings, deliveries: Deliveries, refusals: Refusals) -> Rows:
        delivery = np.array(readings.delivery, np.int32)
        time_s, base_s = np.array(readings.time_s, np.float64), np.array(readings.base_s, np.float64)
        value, quality = _values(np.array(readings.value, np.float64), np.array(readings.base_value, np.float64))
        rows = Rows(
            self._words.names.words,
            np.array(self._words.names.places_of(readings.name), np.int32),
            self._words.units.words,
            np.array(self._unit_places(readings.unit), np.int32),
            value,
            _times(time_s, base_s, deliveries.received_ns[delivery]),
            quality,
            delivery,
            np.array(readings.element, np.int32),
        )
        return usable(rows, readings.faults, refusals, parts_in(deliveries, self.parts))

    def _unit_places(self, units: Sequence[str | None]) -> list[int]:
        for unit in set(units).difference(self._ours):
            self._ours[unit] = _NO_UNIT if unit is None else self._words.units.place(OURS.get(unit, unit))
        return [self._ours[unit] for unit in units]


def _fault_of(record: Record, given: int) -> Fault | None:
    """Why a record is no reading, where it is none and not one of base fields alone."""
    if given > 1:
        return Fault("two_values", "a record has one of v, vb, vs and vd, got several")
    if record.vs is not None:
        return Fault("text_value", f"a reading is a number or a truth, got the text {record.vs[:60]!r} (vs)")
    if record.vd is not None:
        return Fault("data_value", "a reading is a number or a truth, got data (vd)")
    if given == 0 and record.s is None and (record.n or record.u is not None or record.t is not None):
        return Fault("no_value", f"a record has a value (v, vb) or a sum (s), got none for {record.n[:60]!r}")
    return None


def _values(own: NDArray[np.float64], base: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.uint8]]:
    """Values with their bases, and the qualities that this gives them: float64 [n], uint8 [n]."""
    with np.errstate(over="ignore", invalid="ignore"):
        value: NDArray[np.float64] = own + base
    quality = np.full(len(value), GOOD, np.uint8)
    judge(value, quality)
    return value, quality


def _times(
    own_s: NDArray[np.float64], base_s: NDArray[np.float64], received_ns: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Times of measurement: int64 [n]; ``NO_TIME`` where the device says roughly now. NaN stands for none."""
    with np.errstate(over="ignore", invalid="ignore"):
        time_s = np.where(np.isnan(own_s), 0.0, own_s) + base_s
    time_s = np.clip(np.nan_to_num(time_s), -VALUE_MAX, VALUE_MAX)
    time_ns = scaled_column(time_s, 1e6)
    relative = time_s < _RELATIVE_BELOW_S
    time_ns[relative] += received_ns[relative]
    time_ns[time_s == 0.0] = NO_TIME
    return time_ns
