"""Paths into JSON: the part of JSONPath that says where something stands, and that one goes over an array.

``$.a.b[0]`` is a place; ``$.data[*].v`` is one for each element of ``data``; ``$.data[*]~`` is the element's own key.
Two paths with the same beginning up to a ``[*]`` go over it together.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Final, TypeAlias

from pydantic import AfterValidator

_STEP = re.compile(r"\.([^.\[\]~*$'\"\s]+)|\[(\d{1,6})\]|\['([^']+)'\]|(\[\*\])")

_REQUIREMENT = "must be a path such as $.a.b[0], $.data[*].v or $.data[*]~"

#: A key or the place in an array.
Step: TypeAlias = str | int


class Missing:
    """What stands where nothing does."""


MISSING: Final = Missing()


@dataclass(frozen=True, slots=True)
class JsonPath:
    """A path, taken apart at its ``[*]``.

    Attributes:
        text: as it is written.
        scopes: the way to each array that it goes over, one after the other.
        rest: the way from there on.
        key: whether the element's own key is meant.

    """

    text: str
    scopes: tuple[tuple[Step, ...], ...]
    rest: tuple[Step, ...]
    key: bool

    @classmethod
    def of(cls, text: str) -> JsonPath:
        """Take a path apart.

        Raises:
            ValueError: it is none.

        """
        requirement = f"{_REQUIREMENT}, got {text!r}"
        key = text.endswith("~")
        body = text[:-1] if key else text
        if not body.startswith("$"):
            raise ValueError(requirement)
        at = 1
        steps: list[Step] = []
        scopes: list[tuple[Step, ...]] = []
        while at < len(body):
            found = _STEP.match(body, at)
            if found is None:
                raise ValueError(requirement)
            name, place, quoted, each = found.groups()
            if each:
                scopes.append(tuple(steps))
                steps = []
            else:
                steps.append(int(place) if place else name or quoted)
            at = found.end()
        if key and (steps or not scopes):
            raise ValueError(requirement)
        return cls(text, tuple(scopes), tuple(steps), key)


def _path(text: str) -> str:
    try:
        JsonPath.of(text)
    except ValueError:
        raise ValueError(_REQUIREMENT) from None
    return text


def _path_or_text(text: str) -> str:
    return _path(text) if text.startswith("$") else text


#: A path in a configuration, and a path or a text that stands for itself.
PathText = Annotated[str, AfterValidator(_path)]
PathOrText = Annotated[str, AfterValidator(_path_or_text)]


def found_at(data: object, steps: Sequence[Step]) -> object:
    """What stands there, or ``MISSING``."""
    for step in steps:
        if isinstance(step, str):
            if not isinstance(data, dict) or step not in data:
                return MISSING
            data = data[step]
        elif isinstance(data, list) and step < len(data):
            data = data[step]
        else:
            return MISSING
    return data
