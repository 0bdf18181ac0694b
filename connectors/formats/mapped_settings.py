"""What a subscription to ``mapped-json`` says: where in somebody else's JSON the readings and their parts stand."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from connectors.formats.json_path import JsonPath, PathOrText, PathText
from connectors.formats.time_form import TimeForm
from connectors.settings import SettingsModel
from connectors.topic import OWN_TAG, Subscription

QualityWord = Literal["good", "uncertain", "bad"]

_WORD = re.compile(r"[a-z][a-z0-9_]*")


class ValueField(SettingsModel):
    """One value of an object that holds several."""

    path: PathText = Field(description="Where the value stands; where it does not, there is no reading.")
    name: str = Field(default="", description="What `{tag}` stands for in the tag template.")
    unit: PathOrText = Field(default="", description="Its unit, or a path to it.")
    scale: float = Field(default=1.0, description="The value is multiplied by this,")
    offset: float = Field(default=0.0, description="and this is added.")


class TimeField(TimeForm):
    """Where the time stands, and how it is written."""

    path: PathText = Field(description="Where the time stands.")


class QualityField(SettingsModel):
    """Where the quality stands, and what its words mean."""

    path: PathText = Field(description="Where the quality stands; where it does not, it is good.")
    map: dict[str, QualityWord] = Field(default={}, description='What is found there -> quality, e.g. {"0": good}.')
    otherwise: QualityWord | None = Field(
        default=None, description="Quality of what is not in the map; else such a reading is refused."
    )


def _as_path(given: object) -> object:
    return {"path": given} if isinstance(given, str) else given


class Fields(SettingsModel):
    """Where things stand in a message. A path begins with `$`; other text stands for itself."""

    value: PathText | None = Field(default=None, description="Where the value stands, or")
    values: list[ValueField] = Field(default=[], max_length=200, description="several values, each with its name.")
    tag: PathOrText = Field(default="", description="What `{tag}` stands for where the value has no name.")
    time: Annotated[TimeField, BeforeValidator(_as_path)] | None = Field(
        default=None, description="Path of the time, or `{path, form, zone}`; left out: the time of receipt."
    )
    unit: PathOrText = Field(default="", description="Unit of values that have none of their own.")
    quality: Annotated[QualityField, BeforeValidator(_as_path)] | None = Field(
        default=None, description="Path of the quality, or `{path, map, otherwise}`; left out: good."
    )
    words: dict[str, PathOrText] = Field(default={}, description="More words for the tag template -> path or text.")

    @model_validator(mode="after")
    def _fit_together(self) -> Self:
        if (self.value is None) != bool(self.values):
            raise ValueError("fields has value, or values, got both or none")
        for word in self.words:
            if not _WORD.fullmatch(word) or word == OWN_TAG:
                raise ValueError(f"words are lower-case letters, digits and _, and not {OWN_TAG}, got {word!r}")
        for one in self.all_values:
            over = JsonPath.of(one.path).scopes
            for name, text in self.others(one).items():
                scopes = JsonPath.of(text).scopes
                if scopes != over[: len(scopes)]:
                    raise ValueError(f"{name} goes over an array that the value {one.path} does not, got {text!r}")
        return self

    @property
    def all_values(self) -> list[ValueField]:
        return self.values if self.value is None else [ValueField(path=self.value)]

    def others(self, value: ValueField) -> Mapping[str, str]:
        """Paths of all that belongs to a value."""
        given = {"tag": self.tag, "unit": value.unit or self.unit, **{f"words.{n}": p for n, p in self.words.items()}}
        found = {name: text for name, text in given.items() if text.startswith("$")}
        if self.time is not None:
            found["time"] = self.time.path
        if self.quality is not None:
            found["quality"] = self.quality.path
        return found


class MappedJsonSubscription(Subscription):
    """Messages of JSON that is laid out as somebody else likes."""

    format: Literal["mapped-json"] = Field(default="mapped-json", description="How payloads are written.")
    fields: Fields = Field(description="Where things stand in a message.")

    @property
    def own_words(self) -> tuple[str, ...]:
        return (OWN_TAG, *self.fields.words)

    @model_validator(mode="after")
    def _tag_is_given(self) -> Self:
        if f"{{{OWN_TAG}}}" in self.tag and not self.fields.tag and not all(one.name for one in self.fields.all_values):
            raise ValueError(
                f"the tag template uses {{{OWN_TAG}}}: fields needs tag, or values with names, got neither"
            )
        return self
