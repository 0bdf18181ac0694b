"""JSON readings: an object ``{"value": ..., "time": ...}`` or an array of such objects.

The compiled reader takes what is plain; the careful one takes the rest, one message at a time. A message that only one
of them has seen is read the same by both.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from connectors.formats import json_kernel
from connectors.formats.columns import quality_column, time_column, value_column
from connectors.formats.contract import Context, Faults, Rows, in_order, parts_in, usable
from connectors.formats.json_careful import CarefulReader, Parsed
from connectors.formats.json_text import parts_of
from connectors.interning import UNKNOWN, Vocabulary, Words
from connectors.topic import Subscription
from model.batch import BAD
from model.connector import Deliveries, Refusals


class JsonSubscription(Subscription):
    """Messages of JSON readings."""

    format: Literal["json"] = Field(default="json", description="How payloads are written.")


class JsonReadings:
    """The format ``json``."""

    def __init__(self, subscription: Subscription, context: Context) -> None:  # noqa: ARG002 - it has no settings
        self._careful = CarefulReader(context.depth_max)
        self._words = Words()

    def read(self, deliveries: Deliveries, wanted: NDArray[np.bool_], refusals: Refusals) -> Rows:
        self._words.forget_if_many()
        plain, left = self._plain(deliveries, wanted)
        if not left.any():
            return plain
        return in_order([plain, self._others(deliveries, np.flatnonzero(left), refusals)])

    def parts(self, payload: bytes, elements: Sequence[int]) -> list[bytes]:
        return parts_of(payload, elements)

    def _plain(self, deliveries: Deliveries, wanted: NDArray[np.bool_]) -> tuple[Rows, NDArray[np.bool_]]:
        data = np.frombuffer(deliveries.data, np.uint8)
        read, left = json_kernel.read(data, deliveries.payload_at, deliveries.payload_end, wanted)
        name = self._places(self._words.names, data, read, "tag", left)
        unit = self._places(self._words.units, data, read, "unit", left)
        unit[unit == UNKNOWN] = 0
        rows = Rows(
            self._words.names.words,
            name,
            self._words.units.words,
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

    def _others(self, deliveries: Deliveries, rows: NDArray[np.intp], refusals: Refusals) -> Rows:
        parsed = Parsed()
        for row in rows.tolist():
            payload = deliveries.data[deliveries.payload_at[row] : deliveries.payload_end[row]]
            self._careful.read(row, payload, parsed, refusals)
        faults: Faults = {}
        readings = parsed.readings
        value = value_column([one.value for one in readings], faults)
        time_ns = time_column([one.time for one in readings], faults)
        quality = quality_column([one.quality for one in readings], faults)
        quality[np.isnan(value)] = BAD
        found = Rows(
            self._words.names.words,
            np.array([UNKNOWN if one.tag is None else self._words.names.place(one.tag) for one in readings], np.int32),
            self._words.units.words,
            np.array([self._words.units.place(one.unit or "") for one in readings], np.int32),
            value,
            time_ns,
            quality,
            np.array(parsed.delivery, np.int32),
            np.array(parsed.element, np.int32),
        )
        return usable(found, faults, refusals, parts_in(deliveries, self.parts))
