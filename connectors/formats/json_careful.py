"""Reads JSON readings one message at a time and says of each that cannot be used what is wrong with it.

Where a message does not parse in one piece, each reading is parsed alone, so that a bad reading costs time but never
its neighbours.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import repeat
from typing import TypeAlias

import msgspec

from connectors.formats.columns import RawQuality, RawTime, RawValue
from connectors.formats.contract import WHOLE, Fault
from connectors.formats.json_text import PARSE_ERRORS, JsonText, elements_of
from model.connector import Refusals

#: Readings of one message that may fail to parse one by one; behind them the rest is refused unread.
UNPARSED_MAX = 1000

_AT_KEY = re.compile(r"at `\$\.(\w+)")


class Reading(msgspec.Struct, gc=False):
    """One reading as written."""

    value: RawValue = msgspec.UNSET
    time: RawTime = None
    tag: str | None = None
    unit: str | None = None
    quality: RawQuality = None


class _UnparsedValue(msgspec.Struct, gc=False):
    value: msgspec.Raw
    time: RawTime = None
    tag: str | None = None
    unit: str | None = None
    quality: RawQuality = None


_Message: TypeAlias = Reading | list[Reading]

_EMPTY = Fault("wrong_shape", "an array holds at least one reading, got an empty one")
_SHAPE = '{"value": number, "time": number or text, "tag": text, "unit": text, "quality": text or number}'
_REASON_OF_KEY = {
    "value": "bad_value",
    "time": "bad_time",
    "quality": "bad_quality",
    "tag": "bad_tag",
    "unit": "bad_unit",
}


@dataclass(slots=True)
class Parsed:
    """Readings in order and where each stands."""

    readings: list[Reading] = field(default_factory=list)
    delivery: list[int] = field(default_factory=list)
    element: list[int] = field(default_factory=list)


class CarefulReader:
    """Knows how deep a payload may nest; keeps nothing else."""

    def __init__(self, depth_max: int) -> None:
        self._text = JsonText(depth_max)
        self._message = msgspec.json.Decoder(Reading | list[Reading])
        self._reading = msgspec.json.Decoder(Reading)
        self._unparsed_value = msgspec.json.Decoder(_UnparsedValue)

    def read(self, index: int, payload: bytes, parsed: Parsed, refusals: Refusals) -> None:
        """Add one message to what is parsed, what does not parse to the refusals."""
        fault = self._text.depth_fault(payload)
        message = self._parse(payload) if fault is None else None
        if fault is not None or message == []:
            refusals.add(index, WHOLE, fault or _EMPTY, payload)
        elif isinstance(message, list):
            parsed.readings += message
            parsed.delivery += repeat(index, len(message))
            parsed.element += range(len(message))
        elif message is not None:
            _add(parsed, index, WHOLE, message)
        else:
            self._each(index, payload, parsed, refusals)

    def _parse(self, payload: bytes) -> _Message | None:
        try:
            message: _Message = self._message.decode(payload)
        except PARSE_ERRORS:
            return None
        return message

    def _each(self, index: int, payload: bytes, parsed: Parsed, refusals: Refusals) -> None:
        """One reading at a time, of a message that did not parse in one piece."""
        elements: Sequence[msgspec.Raw | bytes] = [payload]
        listed = payload.lstrip()[:1] == b"["
        if listed:
            try:
                elements = elements_of(payload)
            except PARSE_ERRORS as error:
                refusals.add(index, WHOLE, self._text.text_fault(error), payload)
                return
        unparsed = 0
        for place, raw in enumerate(elements, 0 if listed else WHOLE):
            reading = self._parse_reading(raw)
            if isinstance(reading, Reading):
                _add(parsed, index, place, reading)
                continue
            unparsed += 1
            rest = len(elements) - place if unparsed == UNPARSED_MAX else 1
            refusals.add(index, place, reading, bytes(raw), rest)
            if unparsed == UNPARSED_MAX:
                return

    def _parse_reading(self, raw: msgspec.Raw | bytes) -> Reading | Fault:
        try:
            return self._reading.decode(raw)
        except PARSE_ERRORS as error:
            if "out of range" not in str(error) or not _names_key(error, "value"):
                return self._fault(error)
        try:  # a number too large for a float: a reading without a usable value
            rest = self._unparsed_value.decode(raw)
        except PARSE_ERRORS as error:
            return self._fault(error)
        return Reading(None, rest.time, rest.tag, rest.unit, rest.quality)

    def _fault(self, error: Exception) -> Fault:
        if not isinstance(error, msgspec.ValidationError):
            return self._text.text_fault(error)
        key = _AT_KEY.search(str(error))
        reason = _REASON_OF_KEY.get(key.group(1), "wrong_shape") if key else "wrong_shape"
        return Fault(reason, f"a reading is {_SHAPE}, got: {error}")


def _add(parsed: Parsed, index: int, element: int, reading: Reading) -> None:
    parsed.readings.append(reading)
    parsed.delivery.append(index)
    parsed.element.append(element)


def _names_key(error: Exception, key: str) -> bool:
    found = _AT_KEY.search(str(error))
    return found is not None and found.group(1) == key
