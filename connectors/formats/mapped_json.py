"""The format ``mapped-json``: readings out of JSON that is laid out as somebody else likes, by paths.

What the paths mean stands in ``connectors.formats.json_path``, what can be set in
``connectors.formats.mapped_settings``.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field

import msgspec
import numpy as np
from numpy.typing import NDArray

from connectors.formats.columns import RawQuality, RawValue, judge, quality_column, value_column
from connectors.formats.contract import WHOLE, Context, Fault, Faults, Rows, payloads, usable
from connectors.formats.json_path import MISSING, JsonPath, Step, found_at
from connectors.formats.json_text import PARSE_ERRORS, JsonText
from connectors.formats.mapped_settings import Fields, MappedJsonSubscription, QualityField, TimeField
from connectors.formats.time_form import TimeForm
from connectors.interning import Words
from connectors.topic import JOINT, OWN_TAG, TagTemplate
from model.connector import Deliveries, Refusals

_INTEGER_DIGITS_MAX = 18


@dataclass(frozen=True, slots=True)
class _Scope:
    """Values that stand in the same objects, and what belongs to them.

    Attributes:
        arrays: the way to each array that is gone over.
        wanted: for the message and for an element of each array: paths of what stands there.
        values: place of each value among those of the subscription, and its path.

    """

    arrays: tuple[tuple[Step, ...], ...]
    wanted: list[list[JsonPath]]
    values: list[tuple[int, JsonPath]]


@dataclass(slots=True)
class _Found:
    """Readings as they stand in messages, as lists that become columns."""

    value: list[object] = field(default_factory=list)
    of: list[int] = field(default_factory=list)  # place of the value among those of the subscription
    beside: list[dict[str, object]] = field(default_factory=list)  # path -> what stands there
    inside: list[object] = field(default_factory=list)  # the object that holds the value
    delivery: list[int] = field(default_factory=list)
    element: list[int] = field(default_factory=list)
    visited: int = 0  # elements of arrays


class MappedJson:
    """The format ``mapped-json``."""

    def __init__(self, subscription: MappedJsonSubscription, context: Context) -> None:
        fields = self._fields = subscription.fields
        self._values = fields.all_values
        self._scopes = _scopes(fields)
        self._time = fields.time or TimeForm()
        self._scale = np.array([one.scale for one in self._values])
        self._offset = np.array([one.offset for one in self._values])
        self._tag_words = [(OWN_TAG, fields.tag), *fields.words.items()]
        self._unit_of = [one.unit or fields.unit for one in self._values]
        self._needed = set(TagTemplate(subscription.tag).words)
        self._text = JsonText(context.depth_max)
        self._readings_max = context.readings_max
        self._words = Words()

    def read(self, deliveries: Deliveries, wanted: NDArray[np.bool_], refusals: Refusals) -> Rows:
        self._words.forget_if_many()
        found = _Found()
        for message, payload in payloads(deliveries, wanted):
            own = self._find(payload)
            if isinstance(own, Fault):
                refusals.add(message, WHOLE, own, payload)
                continue
            found.value += own.value
            found.of += own.of
            found.beside += own.beside
            found.inside += own.inside
            found.delivery += [message] * len(own.value)
            found.element += range(len(own.value))
        return self._rows(found, refusals)

    def parts(self, payload: bytes, elements: Sequence[int]) -> list[bytes]:
        """The objects that the readings stand in."""
        found = self._find(payload)
        if isinstance(found, Fault):
            return [payload] * len(elements)
        return _as_json([found.inside[element] for element in elements])

    def _find(self, payload: bytes) -> _Found | Fault:
        """Readings of one message, or why there are none."""
        fault = self._text.depth_fault(payload)
        if fault is not None:
            return fault
        try:
            data = _parsed(payload)
        except PARSE_ERRORS as error:
            return self._text.text_fault(error)
        found = _Found()
        for scope in self._scopes:
            fault = self._walk(scope, data, 0, "", {}, found)
            if fault is not None:
                return fault
        if not found.value:
            paths = ", ".join(one.path for one in self._values)
            return Fault("no_value", f"a message holds a value at {paths[:200]}, got none")
        return found

    def _walk(
        self, scope: _Scope, data: object, level: int, key: str, beside: dict[str, object], found: _Found
    ) -> Fault | None:
        """Go over the arrays of a scope; ``beside`` is what was found on the way."""
        wanted = scope.wanted[level]
        if wanted:
            beside = {**beside, **{path.text: key if path.key else found_at(data, path.rest) for path in wanted}}
        if level == len(scope.arrays):
            _collect(scope, data, key, beside, found)
            return None
        array = found_at(data, scope.arrays[level])
        if array is MISSING or array is None:
            return None
        fault = self._visit(array, found)
        if fault is not None or not isinstance(array, list | dict):
            return fault
        members = array.items() if isinstance(array, dict) else ((str(at), one) for at, one in enumerate(array))
        if level + 1 == len(scope.arrays) and not scope.wanted[level + 1]:
            for name, member in members:
                _collect(scope, member, name, beside, found)
        else:
            for name, member in members:
                fault = fault or self._walk(scope, member, level + 1, name, beside, found)
        return fault

    def _visit(self, array: object, found: _Found) -> Fault | None:
        """Why an array is not to be gone over."""
        if not isinstance(array, list | dict):
            return Fault("wrong_shape", f"[*] goes over an array or an object, got {str(array)[:60]!r}")
        found.visited += len(array)
        limit, got = self._readings_max, found.visited
        if got <= limit:
            return None
        return Fault("too_many", f"a message holds at most {limit} readings (readings_max), got {got} elements")

    def _rows(self, found: _Found, refusals: Refusals) -> Rows:
        faults: Faults = {}
        of = np.array(found.of, np.int64)
        value = value_column([_cell(one, row, faults) for row, one in enumerate(found.value)], faults)
        with np.errstate(over="ignore"):
            value = value * self._scale[of] + self._offset[of]
        time_ns = self._time.column(self._beside(found, self._fields.time), faults)
        quality = self._quality(self._beside(found, self._fields.quality), faults)
        judge(value, quality)
        rows = Rows(
            self._words.names.words,
            np.array(self._words.names.places_of(self._name_column(found, faults)), np.int32),
            self._words.units.words,
            np.array(self._words.units.places_of(self._unit_column(found, faults)), np.int32),
            value,
            time_ns,
            quality,
            np.array(found.delivery, np.int32),
            np.array(found.element, np.int32),
        )
        first = dict(zip(*(column.tolist() for column in np.unique(rows.delivery, return_index=True)), strict=True))

        def parts(message: int, elements: Sequence[int]) -> list[bytes]:
            return _as_json([found.inside[first[message] + element] for element in elements])

        return usable(rows, faults, refusals, parts)

    @staticmethod
    def _beside(found: _Found, place: TimeField | QualityField | None) -> list[object]:
        """What stands at a path, None where nothing does, for each reading."""
        if place is None:
            return [None] * len(found.value)
        given = [beside.get(place.path, MISSING) for beside in found.beside]
        return [None if one is MISSING else one for one in given]

    def _quality(self, raw: list[object], faults: Faults) -> NDArray[np.uint8]:
        place = self._fields.quality
        words: list[RawQuality] = []
        for row, one in enumerate(raw):
            if one is None:
                words.append(None)
            elif place is not None and (place.map or place.otherwise):
                word = place.map.get(_key(one)) or place.otherwise
                if word is None:
                    known = ", ".join(place.map)[:100]
                    faults.setdefault(row, Fault("bad_quality", f"quality is one of {known}, got {_key(one)[:60]!r}"))
                words.append(word)
            elif isinstance(one, int | str) and not isinstance(one, bool):
                words.append(one)
            else:
                faults.setdefault(row, Fault("bad_quality", f"quality is a word or a number, got {str(one)[:60]!r}"))
                words.append(None)
        return quality_column(words, faults)

    def _name_column(self, found: _Found, faults: Faults) -> list[str]:
        """The words that readings give to the tag template."""
        made: dict[tuple[int, int], tuple[str, Fault | None]] = {}  # readings of one object share what is beside them
        names = []
        for row, (of, beside) in enumerate(zip(found.of, found.beside, strict=True)):
            key = of, id(beside)
            if key not in made:
                made[key] = self._name(of, beside)
            name, fault = made[key]
            names.append(name)
            if fault is not None:
                faults.setdefault(row, fault)
        return names

    def _name(self, of: int, beside: dict[str, object]) -> tuple[str, Fault | None]:
        words, fault = [], None
        for word, text in self._tag_words:
            own = self._values[of].name if word == OWN_TAG else ""
            given = own or (_written(beside[text]) if text.startswith("$") else text)
            if not given and word in self._needed:
                fault = Fault("no_tag", f"{{{word}}} of the tag stands at {text}, got no text there")
            words.append(given)
        return JOINT.join(words), fault

    def _unit_column(self, found: _Found, faults: Faults) -> list[str]:
        units = []
        for row, (of, beside) in enumerate(zip(found.of, found.beside, strict=True)):
            unit = self._unit_of[of]
            given = beside[unit] if unit[:1] == "$" else unit
            if given is MISSING or given is None:
                given = ""
            if not isinstance(given, str):
                faults.setdefault(row, Fault("bad_unit", f"a unit is text, got {str(given)[:60]!r} at {unit}"))
                given = ""
            units.append(given)
        return units


def _as_json(objects: Sequence[object]) -> list[bytes]:
    return [json.dumps(one, ensure_ascii=False).encode(errors="replace") for one in objects]


def _collect(scope: _Scope, data: object, key: str, beside: dict[str, object], found: _Found) -> None:
    """Take the values of one object."""
    for place, path in scope.values:
        value = key if path.key else found_at(data, path.rest)
        if value is not MISSING:
            found.value.append(value)
            found.of.append(place)
            found.beside.append(beside)
            found.inside.append(data)


def _scopes(fields: Fields) -> list[_Scope]:
    """Values by the arrays that they stand in."""
    scopes: dict[tuple[tuple[Step, ...], ...], _Scope] = {}
    for place, value in enumerate(fields.all_values):
        path = JsonPath.of(value.path)
        scope = scopes.setdefault(path.scopes, _Scope(path.scopes, [[] for _ in range(len(path.scopes) + 1)], []))
        scope.values.append((place, path))
        for text in fields.others(value).values():
            other = JsonPath.of(text)
            if other not in scope.wanted[len(other.scopes)]:
                scope.wanted[len(other.scopes)].append(other)
    return list(scopes.values())


def _parsed(payload: bytes) -> object:
    """Any JSON; numbers that no float holds are infinite.

    Raises:
        PARSE_ERRORS: it is none.

    """
    try:
        return msgspec.json.decode(payload)
    except msgspec.MsgspecError as error:
        if "out of range" not in str(error):
            raise
    return json.loads(payload, parse_int=_integer, parse_constant=_no_number)


def _integer(digits: str) -> float:
    return int(digits) if len(digits) <= _INTEGER_DIGITS_MAX else float(digits)


def _no_number(word: str) -> float:
    raise ValueError(f"{word} is no number")


def _cell(one: object, row: int, faults: Faults) -> RawValue:
    if one is None or isinstance(one, float | int | str):
        return one
    faults[row] = Fault("bad_value", f"value must be a number, got {str(one)[:60]}")
    return None


def _key(one: object) -> str:
    """How a value is written in the map of qualities."""
    return {True: "true", False: "false"}[one] if isinstance(one, bool) else str(one)


def _written(one: object) -> str:
    """A word of a tag; empty where there is none."""
    return str(one) if isinstance(one, str | int | float) and not isinstance(one, bool) else ""
