"""JSON readings: an object ``{"value": ..., "time": ...}`` or an array of such objects.

The compiled reader takes what is plain; the careful one takes the rest, one message at a time. A message that only one
of them has seen is read the same by both.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from connectors.formats import json_kernel
from connectors.formats.columns import Faults, quality_column, time_column, value_column
from connectors.formats.contract import Rows, in_order
from connectors.formats.json_careful import CarefulReader, Parsed
from connectors.interning import UNKNOWN, Vocabulary
from connectors.topic import Subscription
from model.batch import BAD
from model.connector import Deliveries, Refusal

#: Names that are remembered; a flood of new ones costs time, not memory.
_REMEMBERED_MAX = 200_000


class JsonReadings:
    """The format ``json``."""

    def __init__(self, subscription: Subscription, depth_max: int) -> None:  # noqa: ARG002 - it has no settings
        self._careful = CarefulReader(depth_max)
        self._names = Vocabulary()
        self._units = Vocabulary("")

    def read(self, deliveries: Deliveries, wanted: NDArray[np.bool_]) -> Rows:
        if len(self._names) + len(self._units) > _REMEMBERED_MAX:
            self._names.clear()
            self._units.clear()
        plain, left = self._plain(deliveries, wanted)
        return plain if not left.any() else in_order([plain, self._others(deliveries, np.flatnonzero(left))])

    def part(self, payload: bytes, element: int) -> bytes:
        return self._careful.part(payload, element)

    def _plain(self, deliveries: Deliveries, wanted: NDArray[np.bool_]) -> tuple[Rows, NDArray[np.bool_]]:
        data = np.frombuffer(deliveries.data, np.uint8)
        read, left = json_kernel.read(data, deliveries.payload_at, deliveries.payload_end, wanted)
        name = self._places(self._names, data, read, "tag", left)
        unit = self._places(self._units, data, read, "unit", left)
        unit[unit == UNKNOWN] = 0
        rows = Rows(
            self._names.words,
            name,
            self._units.words,
            unit,
            read["value"].copy(),
            read["time_ns"].copy(),
            read["quality"].astype(np.uint8),
            read["delivery"].copy(),
            read["element"].copy(),
        )
        return (rows.take(~left[rows.delivery]) if left.any() else rows), left

    @staticmethod
    def _places(
        words: Vocabulary, data: NDArray[np.uint8], read: NDArray[np.void], key: str, left: NDArray[np.bool_]
    ) -> NDArray[np.int32]:
        """Places of one key's words; a message with a word that is not UTF-8 is left to the careful reader."""
        begin = read[f"{key}_at"]
        if not len(begin) or begin.max() < 0:
            return np.full(len(begin), UNKNOWN, np.int32)
        place = words.places(data, begin, read[f"{key}_end"])
        left[read["delivery"][(place == UNKNOWN) & (begin >= 0)]] = True
        return place

    def _others(self, deliveries: Deliveries, rows: NDArray[np.intp]) -> Rows:
        parsed = Parsed()
        for row in rows.tolist():
            self._careful.read(row, deliveries.data[deliveries.payload_at[row] : deliveries.payload_end[row]], parsed)
        refused = [
            (index, element, Refusal(deliveries[index], *fault, raw)) for index, element, fault, raw in parsed.faults
        ]
        faults: Faults = {}
        readings = parsed.readings
        value = value_column([one.value for one in readings], faults)
        time_ns = time_column([one.time for one in readings], faults)
        quality = quality_column([one.quality for one in readings], faults)
        quality[np.isnan(value)] = BAD
        for row, fault in faults.items():
            delivery = deliveries[parsed.delivery[row]]
            raw = self.part(delivery.payload, parsed.element[row])
            refused.append((parsed.delivery[row], parsed.element[row], Refusal(delivery, *fault, raw)))
        kept = np.array([row not in faults for row in range(len(readings))], np.bool_)
        return Rows(
            self._names.words,
            np.array([UNKNOWN if one.tag is None else self._names.place(one.tag) for one in readings], np.int32),
            self._units.words,
            np.array([self._units.place(one.unit or "") for one in readings], np.int32),
            value,
            time_ns,
            quality,
            np.array(parsed.delivery, np.int32),
            np.array(parsed.element, np.int32),
            refused,
        ).take(kept)
