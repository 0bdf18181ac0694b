"""Decodes JSON readings: an object ``{"value": ..., "time": ...}`` or an array of such objects.

All messages of a batch are parsed in one call. Where that fails, each message is parsed alone, and where that fails,
each reading alone, so that a bad reading costs time but never its neighbours. Between the joined messages stands a
random number that no sender can know: two messages that only together make sense are found out and parsed alone.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import repeat
from typing import TypeAlias

import msgspec
import numpy as np

from connectors.columns import Fault, Faults, RawQuality, RawTime, RawValue, quality_column, time_column, value_column
from connectors.topic import OWN_TAG, Subscription, TagTemplate, TopicPattern, tag_fault
from model.batch import BAD
from model.connector import Delivery, Readings, Refusal

PAYLOAD_BYTES_MAX = 262144
DEPTH_MAX = 8

#: Topics and tags whose check is remembered; a flood of new ones costs time, not memory.
_REMEMBERED_MAX = 200_000

_NOT_BRACKETS = bytes(set(range(256)) - set(b"[]{}"))
_ALIKE = bytes.maketrans(b"{}", b"[]")
_WHOLE = -1  # element of a payload that is not an array
_PARSE_ERRORS = (msgspec.MsgspecError, ValueError, RecursionError)
_AT_KEY = re.compile(r"at `\$\.(\w+)")


class _Reading(msgspec.Struct, gc=False):
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


_Message: TypeAlias = _Reading | list[_Reading]
_Refused: TypeAlias = tuple[int, int, Refusal]  # delivery, element, for the order

_EMPTY = Fault("wrong_shape", "an array holds at least one reading, got an empty one")
_SHAPE = '{"value": number, "time": number or text, "tag": text, "unit": text, "quality": text or number}'
_REASON_OF_KEY = {
    "value": "bad_value",
    "time": "bad_time",
    "quality": "bad_quality",
    "tag": "bad_tag",
    "unit": "bad_unit",
}


@dataclass(frozen=True, slots=True)
class _Route:
    """What a topic says about the tags of its readings."""

    tag: str  # where the topic alone gives it
    template: TagTemplate | None  # where the reading's own tag takes part
    words: dict[str, str]


@dataclass(slots=True)
class _Parsed:
    """Readings in order, and where each stands: delivery and place in its array."""

    readings: list[_Reading] = field(default_factory=list)
    delivery: list[int] = field(default_factory=list)
    element: list[int] = field(default_factory=list)

    def add(self, delivery: int, message: _Message) -> None:
        if isinstance(message, list):
            self.readings += message
            self.delivery += repeat(delivery, len(message))
            self.element += range(len(message))
        else:
            self.readings.append(message)
            self.delivery.append(delivery)
            self.element.append(_WHOLE)


class JsonReadings:
    """Decoder of the messages of these subscriptions; ``decode`` never raises on a payload or a topic.

    Every delivery ends in at least one row or one refusal, and every reading in exactly one of the two.
    """

    def __init__(
        self,
        subscriptions: Sequence[Subscription],
        payload_bytes_max: int = PAYLOAD_BYTES_MAX,
        depth_max: int = DEPTH_MAX,
    ) -> None:
        self._routes = [(TopicPattern(one.topic), TagTemplate(one.tag)) for one in subscriptions]
        self._payload_bytes_max = payload_bytes_max
        self._depth_max = depth_max
        self._mark = secrets.randbits(62)
        self._separator = f",{self._mark},".encode()
        self._joined = msgspec.json.Decoder(list[_Reading | list[_Reading] | int])
        self._message = msgspec.json.Decoder(_Reading | list[_Reading])
        self._reading = msgspec.json.Decoder(_Reading)
        self._unparsed_value = msgspec.json.Decoder(_UnparsedValue)
        self._elements = msgspec.json.Decoder(list[msgspec.Raw])
        self._known_topics: dict[str, _Route | Fault] = {}
        self._known_tags: dict[str, str | None] = {}

    def decode(self, deliveries: Sequence[Delivery]) -> tuple[Readings, list[Refusal]]:
        refused: list[_Refused] = []
        known = self._known_topics
        routes = [known.get(one.topic) or self._route(one.topic) for one in deliveries]
        usable = []
        for index, (delivery, route) in enumerate(zip(deliveries, routes, strict=True)):
            if isinstance(route, _Route) and len(delivery.payload) <= self._payload_bytes_max:
                usable.append(index)
            else:
                fault = route if isinstance(route, Fault) else self._too_large_fault(delivery)
                payload = delivery.payload[: self._payload_bytes_max]
                refused.append((index, _WHOLE, Refusal(delivery, *fault, payload)))
        parsed = self._parse(deliveries, usable, refused)
        readings = self._columns(deliveries, routes, parsed, refused)
        refused.sort(key=lambda one: one[:2])
        return readings, [refusal for _, __, refusal in refused]

    def _route(self, topic: str) -> _Route | Fault:
        if len(self._known_topics) >= _REMEMBERED_MAX:
            self._known_topics.clear()
        route = self._known_topics[topic] = self._find_route(topic)
        return route

    def _find_route(self, topic: str) -> _Route | Fault:
        for pattern, template in self._routes:
            words = pattern.match(topic)
            if words is None:
                continue
            if template.own:
                return _Route("", template, words)
            tag = template.render(words)
            fault = tag_fault(tag)
            return _Route(tag, None, words) if fault is None else Fault("bad_tag", f"{fault}; it comes from the topic")
        return Fault("no_subscription", f"no topic of the subscriptions fits {topic[:200]!r}")

    def _too_large_fault(self, delivery: Delivery) -> Fault:
        return Fault(
            "too_large",
            f"a payload has at most {self._payload_bytes_max} bytes (payload_bytes_max), got {len(delivery.payload)}",
        )

    def _too_deep(self, payload: bytes, levels: int) -> bool:
        """Whether brackets nest deeper, told without parsing.

        Brackets inside strings can hide depth; the parser's own limit on recursion stands behind this.
        """
        brackets = payload.translate(_ALIKE, _NOT_BRACKETS)
        for _ in range(levels):
            if not brackets:
                return False
            brackets = brackets.replace(b"[]", b"")  # takes the innermost level away
        return b"[]" in brackets

    def _parse(self, deliveries: Sequence[Delivery], usable: list[int], refused: list[_Refused]) -> _Parsed:
        parsed = _Parsed()
        messages = self._parse_joined([deliveries[index].payload for index in usable])
        if messages is not None and set(map(type, messages)) == {_Reading}:  # the usual case, without a loop
            readings = [one for one in messages if isinstance(one, _Reading)]
            return _Parsed(readings, list(usable), [_WHOLE] * len(usable))
        for place, index in enumerate(usable):
            message = self._parse_message(deliveries[index].payload) if messages is None else messages[place]
            if message is None:
                self._parse_elements(index, deliveries[index], parsed, refused)
            elif message == []:
                refused.append((index, _WHOLE, Refusal(deliveries[index], *_EMPTY, deliveries[index].payload)))
            else:
                parsed.add(index, message)
        return parsed

    def _parse_joined(self, payloads: list[bytes]) -> list[_Message] | None:
        """All messages at once; None where one of them is not as it should be, or not on its own."""
        joined = b"[" + self._separator.join(payloads) + b"]"
        if self._too_deep(joined, self._depth_max + 1):
            return None
        try:
            found = self._joined.decode(joined)
        except _PARSE_ERRORS:
            return None
        if found[1::2] != [self._mark] * (len(payloads) - 1):
            return None
        messages = [one for one in found[0::2] if not isinstance(one, int)]
        return messages if len(messages) == len(payloads) else None

    def _parse_message(self, payload: bytes) -> _Message | None:
        if self._too_deep(payload, self._depth_max):
            return None
        try:
            message: _Message = self._message.decode(payload)
        except _PARSE_ERRORS:
            return None
        return message

    def _parse_elements(self, index: int, delivery: Delivery, parsed: _Parsed, refused: list[_Refused]) -> None:
        """Parse one reading at a time, of a message that did not parse in one piece."""
        payload = delivery.payload
        if self._too_deep(payload, self._depth_max):
            refused.append((index, _WHOLE, Refusal(delivery, *self._too_deep_fault(), payload)))
            return
        elements: list[tuple[int, bytes]] = [(_WHOLE, payload)]
        if payload.lstrip()[:1] == b"[":
            try:
                elements = [(place, bytes(raw)) for place, raw in enumerate(self._elements.decode(payload))]
            except _PARSE_ERRORS as error:
                refused.append((index, _WHOLE, Refusal(delivery, *self._fault(error), payload)))
                return
        for place, raw in elements:
            reading = self._parse_reading(raw)
            if isinstance(reading, Fault):
                refused.append((index, place, Refusal(delivery, *reading, raw)))
            else:
                parsed.readings.append(reading)
                parsed.delivery.append(index)
                parsed.element.append(place)

    def _parse_reading(self, raw: bytes) -> _Reading | Fault:
        try:
            return self._reading.decode(raw)
        except _PARSE_ERRORS as error:
            if "out of range" not in str(error) or not _names_key(error, "value"):
                return self._fault(error)
        try:  # a number too large for a float: a reading without a usable value
            rest = self._unparsed_value.decode(raw)
        except _PARSE_ERRORS as error:
            return self._fault(error)
        return _Reading(None, rest.time, rest.tag, rest.unit, rest.quality)

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

    def _columns(
        self,
        deliveries: Sequence[Delivery],
        routes: Sequence[_Route | Fault],
        parsed: _Parsed,
        refused: list[_Refused],
    ) -> Readings:
        readings = parsed.readings
        faults: Faults = {}
        tags = self._tags(routes, parsed, faults)
        value = value_column([one.value for one in readings], faults)
        time_ns = time_column([one.time for one in readings], faults)
        quality = quality_column([one.quality for one in readings], faults)
        quality[np.isnan(value)] = BAD
        units = [one.unit or "" for one in readings]
        delivery = np.array(parsed.delivery, np.int32)
        if faults:
            refused += self._refuse(deliveries, parsed, faults)
            kept = [row for row in range(len(readings)) if row not in faults]
            tags, units = [tags[row] for row in kept], [units[row] for row in kept]
            rows = np.array(kept, np.intp)
            time_ns, value, quality, delivery = time_ns[rows], value[rows], quality[rows], delivery[rows]
        return Readings(tags, time_ns, value, quality, units, delivery)

    def _refuse(self, deliveries: Sequence[Delivery], parsed: _Parsed, faults: Faults) -> list[_Refused]:
        refused: list[_Refused] = []
        cut: dict[int, list[msgspec.Raw]] = {}
        for row, fault in faults.items():
            index, element = parsed.delivery[row], parsed.element[row]
            payload = deliveries[index].payload
            if element != _WHOLE:
                if index not in cut:
                    cut[index] = self._elements.decode(payload)
                payload = bytes(cut[index][element])
            refused.append((index, element, Refusal(deliveries[index], *fault, payload)))
        return refused

    def _tags(self, routes: Sequence[_Route | Fault], parsed: _Parsed, faults: Faults) -> list[str]:
        if not any(isinstance(route, _Route) and route.template for route in routes):
            fixed = [route.tag if isinstance(route, _Route) else "" for route in routes]
            return [fixed[index] for index in parsed.delivery]
        tags = []
        for row, (reading, index) in enumerate(zip(parsed.readings, parsed.delivery, strict=True)):
            route = routes[index]
            tag = self._tag(route, reading.tag) if isinstance(route, _Route) else ""
            if isinstance(tag, Fault):
                faults[row] = tag
                tag = ""
            tags.append(tag)
        return tags

    def _tag(self, route: _Route, own: str | None) -> str | Fault:
        if route.template is None:
            return route.tag
        if own is None:
            return Fault("no_tag", f"a reading names its own tag for the template {route.template.text!r}, got none")
        tag = own if route.template.only_own else route.template.render({**route.words, OWN_TAG: own})
        if tag not in self._known_tags:
            if len(self._known_tags) >= _REMEMBERED_MAX:
                self._known_tags.clear()
            self._known_tags[tag] = tag_fault(tag)
        fault = self._known_tags[tag]
        return tag if fault is None else Fault("bad_tag", fault)


def _names_key(error: Exception, key: str) -> bool:
    found = _AT_KEY.search(str(error))
    return found is not None and found.group(1) == key
