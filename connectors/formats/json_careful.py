"""Reads JSON readings one message at a time and says of each that cannot be used what is wrong with it.

Where a message does not parse in one piece, each reading is parsed alone, so that a bad reading costs time but never
its neighbours.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import repeat
from typing import TypeAlias

import msgspec

from connectors.formats.columns import Fault, RawQuality, RawTime, RawValue
from connectors.formats.contract import WHOLE

_NOT_BRACKETS = bytes(set(range(256)) - set(b"[]{}"))
_ALIKE = bytes.maketrans(b"{}", b"[]")
_PARSE_ERRORS = (msgspec.MsgspecError, ValueError, RecursionError)
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
    """Readings in order and where each stands; faults with the bytes that are refused."""

    readings: list[Reading] = field(default_factory=list)
    delivery: list[int] = field(default_factory=list)
    element: list[int] = field(default_factory=list)
    faults: list[tuple[int, int, Fault, bytes]] = field(default_factory=list)


class CarefulReader:
    """Knows how deep a payload may nest; keeps nothing else."""

    def __init__(self, depth_max: int) -> None:
        self._depth_max = depth_max
        self._message = msgspec.json.Decoder(Reading | list[Reading])
        self._reading = msgspec.json.Decoder(Reading)
        self._unparsed_value = msgspec.json.Decoder(_UnparsedValue)
        self._elements = msgspec.json.Decoder(list[msgspec.Raw])

    def read(self, index: int, payload: bytes, parsed: Parsed) -> None:
        """Add one message to what is parsed."""
        if self._too_deep(payload):
            parsed.faults.append((index, WHOLE, self._too_deep_fault(), payload))
            return
        message = self._parse(payload)
        if message == []:
            parsed.faults.append((index, WHOLE, _EMPTY, payload))
        elif isinstance(message, list):
            parsed.readings += message
            parsed.delivery += repeat(index, len(message))
            parsed.element += range(len(message))
        elif message is not None:
            _add(parsed, index, WHOLE, message)
        else:
            for element, part, raw in self._each(payload):
                if isinstance(part, Fault):
                    parsed.faults.append((index, element, part, raw))
                else:
                    _add(parsed, index, element, part)

    def part(self, payload: bytes, element: int) -> bytes:
        """The bytes of one element of an array that parses."""
        return payload if element == WHOLE else bytes(self._elements.decode(payload)[element])

    def _too_deep(self, payload: bytes) -> bool:
        """Whether brackets nest deeper, told without parsing.

        Brackets inside strings can hide depth; the parser's own limit on recursion stands behind this.
        """
        brackets = payload.translate(_ALIKE, _NOT_BRACKETS)
        for _ in range(self._depth_max):
            if not brackets:
                return False
            brackets = brackets.replace(b"[]", b"")  # takes the innermost level away
        return b"[]" in brackets

    def _parse(self, payload: bytes) -> _Message | None:
        try:
            message: _Message = self._message.decode(payload)
        except _PARSE_ERRORS:
            return None
        return message

    def _each(self, payload: bytes) -> Iterator[tuple[int, Reading | Fault, bytes]]:
        """One reading at a time, of a message that did not parse in one piece."""
        elements: list[tuple[int, bytes]] = [(WHOLE, payload)]
        if payload.lstrip()[:1] == b"[":
            try:
                elements = [(place, bytes(raw)) for place, raw in enumerate(self._elements.decode(payload))]
            except _PARSE_ERRORS as error:
                yield WHOLE, self._fault(error), payload
                return
        for place, raw in elements:
            yield place, self._parse_reading(raw), raw

    def _parse_reading(self, raw: bytes) -> Reading | Fault:
        try:
            return self._reading.decode(raw)
        except _PARSE_ERRORS as error:
            if "out of range" not in str(error) or not _names_key(error, "value"):
                return self._fault(error)
        try:  # a number too large for a float: a reading without a usable value
            rest = self._unparsed_value.decode(raw)
        except _PARSE_ERRORS as error:
            return self._fault(error)
        return Reading(None, rest.time, rest.tag, rest.unit, rest.quality)

    def _too_deep_fault(self) -> Fault:
        return Fault("too_deep", f"a payload nests at most {self._depth_max} levels (depth_max), got more")

    def _fault(self, error: Exception) -> Fault:
        if isinstance(error, RecursionError):
            return self._too_deep_fault()
        if not isinstance(error, msgspec.ValidationError):
            return Fault("not_json", f"a payload is JSON in UTF-8 (RFC 8259), got: {error}")
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
