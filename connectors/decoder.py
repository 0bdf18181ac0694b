"""From messages to readings by tag: the topic says how a payload is written and, with it, which sensor it is of.

What a topic means is worked out once and remembered as numbers, so that a batch of messages is decoded without a loop
over them in Python.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from connectors.formats import FORMATS
from connectors.formats.contract import (
    PAYLOAD_BYTES_MAX,
    WHOLE,
    Context,
    Fault,
    Faults,
    Format,
    Rows,
    fault_of_each,
    in_order,
    parts_in,
    refuse_rows,
)
from connectors.interning import UNKNOWN, Interning, Vocabulary
from connectors.topic import JOINT, AnySubscription, TagTemplate, tag_fault
from model.connector import Deliveries, Readings, Refusal, Refusals

#: Topics and tags that are remembered; a flood of new ones costs time, not memory.
_REMEMBERED_MAX = 200_000

#: ``_Route.tag`` where the reading's own name makes the tag.
_OWN = -1

#: A route and a name, looked up together.
_KEY = struct.Struct("=ii")


@dataclass(frozen=True, slots=True)
class _Route:
    """What a topic says."""

    format: int  # place of its subscription, -1 = none fits
    tag: int = _OWN  # place in the tags where the topic alone gives it
    template: TagTemplate | None = None  # of the reading's own name, where it is more than that name
    words: Mapping[str, str] = field(default_factory=dict)
    own_words: tuple[str, ...] = ()
    around: tuple[str, ...] = ("", "")  # what stands around the name, where it is one word
    fault: Fault | None = None

    def tag_of(self, name: str) -> str:
        """The tag that a reading's own name makes; empty where the name has not the words that it should."""
        if self.template is None or len(self.own_words) == 1:
            return name.join(self.around)
        own = name.split(JOINT)
        if len(own) != len(self.own_words):
            return ""
        return self.template.render({**self.words, **dict(zip(self.own_words, own, strict=True))})


class MessageDecoder:
    """Decoder of the messages of these subscriptions; ``decode`` never raises on a payload or a topic.

    Every delivery ends in at least one row or one refusal, or is counted as left out, and every reading in exactly one
    of them.
    """

    def __init__(
        self,
        subscriptions: Sequence[AnySubscription],
        payload_bytes_max: int = PAYLOAD_BYTES_MAX,
        context: Context | None = None,
    ) -> None:
        context = context or Context()
        self._routes_of = [(place, route) for place, one in enumerate(subscriptions) for route in one.routes]
        self._own_words = [one.own_words for one in subscriptions]
        self._formats: list[Format] = [FORMATS[one.format](one, context) for one in subscriptions]
        self._payload_bytes_max = payload_bytes_max
        self._tags = Vocabulary()
        self._units = Vocabulary("")
        self._topics = Interning()
        self._made = Interning()  # tags by route and name, where both take part
        self._routes: list[_Route] = []
        self._format_of = self._tag_of = np.empty(0, np.int32)  # of each route
        self._seen: dict[int, _Translation] = {}

    def decode(self, deliveries: Deliveries) -> tuple[Readings, list[Refusal]]:
        if len(self._routes) + len(self._tags) + len(self._units) + len(self._made) > _REMEMBERED_MAX:
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
        refusals = Refusals(deliveries)
        self._refuse_whole(deliveries, topic, (format_of < 0) | ~fits, refusals)
        parts = [
            self._read(int(which), deliveries, (format_of == which) & fits, topic, refusals)
            for which in np.unique(format_of[fits & (format_of >= 0)])
        ]
        rows = in_order(parts or [_none(self._tags.words, self._units.words)])
        readings = Readings(
            rows.names,
            rows.name,
            rows.time_ns,
            rows.value,
            rows.quality,
            rows.units,
            rows.unit,
            rows.delivery,
            rows.left_out,
        )
        return readings, list(refusals)

    def _forget(self) -> None:
        self._topics.clear()
        self._made.clear()
        self._tags.clear()
        self._units.clear()
        self._routes = []
        self._format_of = self._tag_of = np.empty(0, np.int32)
        self._seen = {}

    def _new_topic(self, topic: bytes) -> int:
        self._routes.append(self._route(topic.decode(errors="replace")))
        return len(self._routes) - 1

    def _route(self, topic: str) -> _Route:
        for place, (pattern, template) in self._routes_of:
            words = pattern.match(topic)
            if words is None:
                continue
            own_words = self._own_words[place]
            if template.only_own and len(own_words) == 1:
                return _Route(place)
            if not set(own_words).isdisjoint(template.words):
                around = template.render({**words, **dict.fromkeys(own_words, JOINT)}).split(JOINT)
                return _Route(place, template=template, words=words, own_words=own_words, around=tuple(around))
            tag = template.render(words)
            fault = tag_fault(tag)
            if fault is not None:
                return _Route(-1, fault=Fault("bad_tag", f"{fault}; it comes from the topic"))
            return _Route(place, self._tags.place(tag))
        fault = f"no topic of the subscriptions fits {topic[:200]!r}"
        return _Route(-1, fault=Fault("no_subscription", fault))

    def _refuse_whole(
        self, deliveries: Deliveries, topic: NDArray[np.int32], which: NDArray[np.bool_], refusals: Refusals
    ) -> None:
        for message in np.flatnonzero(which).tolist():
            at, end = int(deliveries.payload_at[message]), int(deliveries.payload_end[message])
            fault = self._routes[topic[message]].fault or Fault(
                "too_large",
                f"a payload has at most {self._payload_bytes_max} bytes (payload_bytes_max), got {end - at}",
            )
            refusals.add(message, WHOLE, fault, deliveries.data[at : min(end, at + self._payload_bytes_max)])

    def _read(
        self,
        which: int,
        deliveries: Deliveries,
        wanted: NDArray[np.bool_],
        topic: NDArray[np.int32],
        refusals: Refusals,
    ) -> Rows:
        """Rows of one format, with tags for names."""
        rows = self._formats[which].read(deliveries, wanted, refusals)
        seen = self._seen.get(which)
        if seen is None or seen.names is not rows.names or seen.units is not rows.units:
            seen = self._seen[which] = _Translation(rows.names, rows.units)
            self._made.clear()
        tag = self._tags_of(rows, topic, np.unique(topic[wanted]), seen)
        unit = seen.unit_places(self._units)[rows.unit] if rows.unit.any() else rows.unit
        columns = rows.value, rows.time_ns, rows.quality, rows.delivery, rows.element, rows.left_out
        whole = Rows(self._tags.words, tag, self._units.words, unit, *columns)
        tagged = tag != UNKNOWN
        if tagged.all():
            return whole
        faulty = np.flatnonzero(~tagged)
        faults = self._tag_faults(rows, faulty, topic)
        refuse_rows(refusals, faults, rows.delivery, rows.element, parts_in(deliveries, self._formats[which].parts))
        return whole.take(tagged)

    def _tags_of(
        self, rows: Rows, topic: NDArray[np.int32], routes: NDArray[np.int32], seen: _Translation
    ) -> NDArray[np.int32]:
        """Places of the rows' tags; ``UNKNOWN`` where a reading's own name makes none."""
        own = [one for one in routes.tolist() if self._tag_of[one] == _OWN]
        plain = [one for one in own if self._routes[one].template is None]
        made = [one for one in own if self._routes[one].template is not None]
        if len(plain) == len(routes):
            return seen.name_places(self._plain_tag)[rows.name]
        route = topic[rows.delivery]
        tag: NDArray[np.int32] = self._tag_of[route]
        if plain:
            mine = np.flatnonzero(np.isin(route, plain))
            tag[mine] = seen.name_places(self._plain_tag)[rows.name[mine]]
        if made:
            mine = np.flatnonzero(np.isin(route, made))
            tag[mine] = self._made_tags(route[mine], rows.name[mine], rows.names)
        return tag

    def _made_tags(self, route: NDArray[np.int32], name: NDArray[np.int32], names: list[str]) -> NDArray[np.int32]:
        """Places of the tags that topic and name make together."""
        key = np.stack([route, name], axis=1).view(np.uint8).reshape(-1)
        begin = np.where(name >= 0, np.arange(len(name)) * _KEY.size, UNKNOWN)
        found = np.empty(len(name), np.int32)

        def make(text: bytes) -> int:
            its_route, its_name = _KEY.unpack(text)
            return self._plain_tag(self._routes[its_route].tag_of(names[its_name]))

        self._made.learn(key, begin, begin + _KEY.size, found, make)
        return found

    def _plain_tag(self, tag: str) -> int:
        return self._tags.place(tag) if tag_fault(tag) is None else UNKNOWN

    def _tag_faults(self, rows: Rows, faulty: NDArray[np.intp], topic: NDArray[np.int32]) -> Faults:
        """Why these rows have no tag."""

        def route(row: int) -> _Route:
            return self._routes[int(topic[rows.delivery[row]])]

        def no_tag(row: int) -> Fault:
            template = route(row).template
            text = "{tag}" if template is None else template.text
            return Fault("no_tag", f"a reading names its own tag for the template {text!r}, got none")

        def bad_tag(row: int) -> Fault:
            return Fault("bad_tag", tag_fault(route(row).tag_of(rows.names[rows.name[row]])) or "")

        unnamed = rows.name[faulty] < 0
        faults = fault_of_each(faulty[unnamed].tolist(), no_tag)
        return {**faults, **fault_of_each(faulty[~unnamed].tolist(), bad_tag)}


class _Translation:
    """From the words of one format to the decoder's own, as arrays that grow with the format's lists."""

    def __init__(self, names: list[str], units: list[str]) -> None:
        self.names, self.units = names, units
        self._names = np.array([UNKNOWN], np.int32)
        self._units = np.empty(0, np.int32)

    def name_places(self, place: Callable[[str], int]) -> NDArray[np.int32]:
        """Place of each name; the last one, which is also that of no name (-1), is unknown."""
        known = len(self._names) - 1
        if known < len(self.names):
            new = [place(name) for name in self.names[known:]]
            self._names = np.concatenate([self._names[:-1], np.array([*new, UNKNOWN], np.int32)])
        return self._names

    def unit_places(self, units: Vocabulary) -> NDArray[np.int32]:
        if len(self._units) < len(self.units):
            new = [units.place(unit) for unit in self.units[len(self._units) :]]
            self._units = np.concatenate([self._units, np.array(new, np.int32)])
        return self._units


def _none(names: list[str], units: list[str]) -> Rows:
    no = np.empty(0, np.int32)
    return Rows(names, no, units, no, np.empty(0), np.empty(0, np.int64), np.empty(0, np.uint8), no, no)
