"""Kinds whose readings are codes: the names of the codes, by which conditions speak of them."""

from __future__ import annotations

import re
from collections.abc import Mapping

from pydantic import Field

from config.findings import NOTHING, Plain
from config.shape import Shape
from config.yaml_file import Document
from model.errors import Place
from model.sensor import State
from model.text import Text

_WORD = re.compile(r"[a-z][a-z0-9_]*\Z")
_NUMBER = re.compile(r"(0|-?[1-9][0-9]{0,8})\Z")
#: Words that mean something else where the name of a state may stand.
_TAKEN = frozenset({"and", "or", "not", "good", "uncertain", "bad"})


class StateShape(Shape):
    name: str = Field(description="The word for it in conditions.")
    zh: str = Field(min_length=1)
    en: str = Field(min_length=1)


def states_of(given: Mapping[str, StateShape]) -> tuple[State, ...]:
    numbered = sorted(((int(number), shape) for number, shape in given.items()), key=lambda pair: pair[0])
    return tuple(State(number, shape.name, Text(shape.zh, shape.en)) for number, shape in numbered)


def fault_of_states(
    document: Document, kind: str, given: Mapping[str, StateShape], *, mode: bool
) -> tuple[Place, str, object] | None:
    """Place, requirement and what was given, of the first thing that is wrong with the states of a kind."""
    if mode and not given:
        return document.place("kinds", kind, "mode"), "must have states, which are the modes", NOTHING
    names: set[str] = set()
    for number, shape in given.items():
        if not _NUMBER.match(number):
            return document.place("kinds", kind, "states", number), "must be the whole number that is read", number
        place = document.place("kinds", kind, "states", number, "name")
        if not _WORD.match(shape.name) or shape.name in _TAKEN:
            return place, "must be a word of lower-case letters, digits and _, and none of conditions", shape.name
        if shape.name in names:
            return place, "must be another name than those of the other states", shape.name
        names.add(shape.name)
    if len(given) == 1:
        return document.place("kinds", kind, "states"), "must name at least two states", Plain("one")
    return None
