"""From messages to readings by tag: the topic says how a payload is written and, with it, which sensor it is of.

What a topic means is worked out once and remembered as numbers, so that a batch of messages is decoded without a loop
over them in Python.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from connectors.formats import FORMATS
from connectors.formats.columns import Fault
from connectors.formats.contract import WHOLE, Format, Refused, Rows, in_order
from connectors.interning import UNKNOWN, Interning, Vocabulary
from connectors.topic import OWN_TAG, Subscription, TagTemplate, TopicPattern, tag_fault
from model.connector import Deliveries, Readings, Refusal

PAYLOAD_BYTES_MAX = 262144
DEPTH_MAX = 8

#: Topics and tags that are remembered; a flood of new ones costs time, not memory.
_REMEMBERED_MAX = 200_000

#: ``_Route.tag`` where the reading's own name makes the tag.
_OWN = -1


@dataclass(frozen=True, slots=True)
class _Route:
    """What a topic says."""

    format: int  # place of its subscription, -1 = none fits
    tag: int  # place in the tags where the topic alone gives it, else ``_OWN``
    template: TagTemplate | None = None  # of the reading's own name, where it is more than that name
    words: dict[str, str] | None = None
    fault: Fault | None = None


class MessageDecoder:
    """Decoder of the messages of these subscriptions; ``decode`` never raises on a payload or a topic.

    Every delivery ends in at least one row or one refusal, and every reading in exactly one of the two.
    """

    def __init__(
        self,
        subscriptions: Sequence[Subscription],
        payload_bytes_max: int = PAYLOAD_BYTES_MAX,
        depth_max: int = DEPTH_MAX,
    ) -> None:
        self._patterns = [(TopicPattern(one.topic), TagTemplate(one.tag)) for one in subscriptions]
        self._formats: list[Format] = [FORMATS[one.format](one, depth_max) for one in subscriptions]
        self._payload_bytes_max = payload_bytes_max
        self._tags = Vocabulary()
        self._units = Vocabulary("")
        self._topics = Interning()
        self._routes: list[_Route] = []
        self._format_of = self._tag_of = np.empty(0, np.int32)  # of each route
        self._seen: dict[int, _Translation] = {}

    def decode(self, deliveries: Deliveries) -> tuple[Readings, list[Refusal]]:
        remembered = len(self._routes) + len(self._tags) + len(self._units)
        if remembered + sum(seen.made for seen in self._seen.values()) > _REMEMBERED_MAX:
            self._forget()
        topic = np.empty(len(deliveries), np.int32)
        data = np.frombuffer(deliveries.data, np.uint8)
        self._topics.learn(data, deliveries.topic_at, deliveries.topic_end, topic, self._new_topic)
        if len(self._format_of) < len(self._routes):
            new = self._routes[len(self._format_of) :]
            self._format_of = np.concatenate([self._format_of, np.array([one.format for one in new], np.int32)])
            self._tag_of = np.concatenate([self._tag_of, np.array([one.tag for one in new], np.int32)])
        format_of = self._format_of[topic]
        fits = deliveries.payload_end - deliveries.payload_at <= self._payload_bytes_max
        refused = self._refuse_whole(deliveries, topic, (format_of < 0) | ~fits)
        parts = [
            self._read(int(which), deliveries, (format_of == which) & fits, topic, refused)
            for which in np.unique(format_of[fits & (format_of >= 0)])
        ]
        rows = in_order(parts or [_none(self._tags.words, self._units.words)])
        refused.sort(key=lambda one: one[:2])
        readings = Readings(
            rows.names, rows.name, rows.time_ns, rows.value, rows.quality, rows.units, rows.unit, rows.delivery
        )
        return readings, [refusal for _, __, refusal in refused]

    def _forget(self) -> None:
        self._topics.clear()
        self._tags.clear()
        self._units.clear()
        self._routes = []
        self._format_of = self._tag_of = np.empty(0, np.int32)
        self._seen = {}

    def _new_topic(self, topic: bytes) -> int:
        self._routes.append(self._route(topic.decode(errors="replace")))
        return len(self._routes) - 1

    def _route(self, topic: str) -> _Route:
        for place, (pattern, template) in enumerate(self._patterns):
            words = pattern.match(topic)
            if words is None:
                continue
            if template.only_own:
                return _Route(place, _OWN)
            if template.own:
                return _Route(place, _OWN, template, words)
            tag = template.render(words)
            fault = tag_fault(tag)
            if fault is not None:
                return _Route(-1, _OWN, fault=Fault("bad_tag", f"{fault}; it comes from the topic"))
            return _Route(place, self._tags.place(tag))
        fault = f"no topic of the subscriptions fits {topic[:200]!r}"
        return _Route(-1, _OWN, fault=Fault("no_subscription", fault))

    def _refuse_whole(
        self, deliveries: Deliveries, topic: NDArray[np.int32], which: NDArray[np.bool_]
    ) -> list[Refused]:
        refused: list[Refused] = []
        for row in np.flatnonzero(which).tolist():
            delivery = deliveries[row]
            fault = self._routes[topic[row]].fault or Fault(
                "too_large",
                f"a payload has at most {self._payload_bytes_max} bytes (payload_bytes_max), "
                f"got {len(delivery.payload)} or more",
            )
            refused.append(
                (row, WHOLE, Refusal(delivery, fault.reason, fault.detail, delivery.payload[: self._payload_bytes_max]))
            )
        return refused

    def _read(
        self,
        which: int,
        deliveries: Deliveries,
        wanted: NDArray[np.bool_],
        topic: NDArray[np.int32],
        refused: list[Refused],
    ) -> Rows:
        """Rows of one format, with tags for names."""
        rows = self._formats[which].read(deliveries, wanted)
        refused += rows.refused
        seen = self._seen.get(which)
        if seen is None or seen.names is not rows.names or seen.units is not rows.units:
            seen = self._seen[which] = _Translation(rows.names, rows.units)
        route = topic[rows.delivery]
        tag = self._tag_of[route]
        own = np.flatnonzero(tag == _OWN)
        if len(own):
            tag[own] = self._own_tags(rows.take(own), route[own], seen)
            faulty = own[tag[own] == UNKNOWN]
            refused += [self._refuse_row(which, deliveries, rows, int(row), self._routes[route[row]]) for row in faulty]
        unit = seen.unit_places(self._units)[rows.unit]
        whole = Rows(
            self._tags.words,
            tag,
            self._units.words,
            unit,
            rows.value,
            rows.time_ns,
            rows.quality,
            rows.delivery,
            rows.element,
        )
        return whole.take(tag != UNKNOWN) if len(own) and len(faulty) else whole

    def _own_tags(self, rows: Rows, route: NDArray[np.int32], seen: _Translation) -> NDArray[np.int32]:
        """Places of the tags that the readings' own names make; ``UNKNOWN`` where they make none."""
        tag = np.full(len(rows), UNKNOWN, np.int32)
        named = rows.name >= 0
        for one in np.unique(route[named]).tolist():
            mine = np.flatnonzero((route == one) & named)
            template, words = self._routes[one].template, self._routes[one].words
            if template is None or words is None:
                tag[mine] = seen.name_places(self._plain_tag)[rows.name[mine]]
                continue
            of = seen.of_route.setdefault(one, {})
            for row, name in zip(mine.tolist(), rows.name[mine].tolist(), strict=True):
                if name not in of:
                    of[name] = self._plain_tag(template.render({**words, OWN_TAG: rows.names[name]}))
                    seen.made += 1
                tag[row] = of[name]
        return tag

    def _plain_tag(self, tag: str) -> int:
        return self._tags.place(tag) if tag_fault(tag) is None else UNKNOWN

    def _refuse_row(self, which: int, deliveries: Deliveries, rows: Rows, row: int, route: _Route) -> Refused:
        index, element, name = int(rows.delivery[row]), int(rows.element[row]), int(rows.name[row])
        delivery = deliveries[index]
        template = route.template or TagTemplate("{tag}")
        if name < 0:
            fault = Fault("no_tag", f"a reading names its own tag for the template {template.text!r}, got none")
        else:
            made = template.render({**(route.words or {}), OWN_TAG: rows.names[name]})
            fault = Fault("bad_tag", tag_fault(made) or "")
        return index, element, Refusal(delivery, *fault, self._formats[which].part(delivery.payload, element))


class _Translation:
    """From the words of one format to the decoder's own, as arrays that grow with the format's lists."""

    def __init__(self, names: list[str], units: list[str]) -> None:
        self.names, self.units = names, units
        self.of_route: dict[int, dict[int, int]] = {}  # topic -> name -> tag, where the topic takes part
        self.made = 0
        self._names = self._units = np.empty(0, np.int32)

    def name_places(self, place: Callable[[str], int]) -> NDArray[np.int32]:
        if len(self._names) < len(self.names):
            new = [place(name) for name in self.names[len(self._names) :]]
            self._names = np.concatenate([self._names, np.array(new, np.int32)])
        return self._names

    def unit_places(self, units: Vocabulary) -> NDArray[np.int32]:
        if len(self._units) < len(self.units):
            new = [units.place(unit) for unit in self.units[len(self._units) :]]
            self._units = np.concatenate([self._units, np.array(new, np.int32)])
        return self._units


def _none(names: list[str], units: list[str]) -> Rows:
    no = np.empty(0, np.int32)
    return Rows(names, no, units, no, np.empty(0), np.empty(0, np.int64), np.empty(0, np.uint8), no, no)
