"""Which channels of a recording are sensors, of which kind, and how they are called: data beside the packs."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import BeforeValidator, Field, ValidationError, model_validator
from pydantic_core import ErrorDetails
from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from connectors.settings import SettingsModel
from connectors.topic import TagTemplate
from model.errors import ConfigError, ConfigErrors, Place
from model.sensor import Position
from model.text import Text

_WORD = re.compile(r"\{([a-z][a-z0-9_]*)\}")
#: What a word with a meaning of its own looks like: the place along a line is a number.
_WORDS = {"along_m": r"[+-]?\d+(?:\.\d+)?"}
_NOT_IN_A_TAG = re.compile(r"[\s+#/]+")


class _Name(SettingsModel):
    zh: str
    en: str


class ChannelRule(SettingsModel):
    """What the channels that fit a pattern are."""

    channel: str = Field(min_length=1, description="Column name; `*` is any text, `{word}` any text with a name.")
    skip: bool = Field(default=False, description="These channels are no sensors.")
    kind: str = Field(default="", description="Sensor kind.")
    tag: str = Field(
        default="{series}/{channel}", description="Tag template of {series}, {channel} and the pattern's words."
    )
    unit: str = Field(default="", description="Unit of the column; empty is the unit of the kind.")
    scale: float = Field(default=1.0, description="Values are multiplied by this.")
    name: _Name | None = Field(
        default=None, description="What people call it, as a template like the tag; else the channel."
    )

    @model_validator(mode="after")
    def _is_complete(self) -> Self:
        if self.skip == bool(self.kind):
            raise ValueError(f"a channel has either a kind or skip: true, got kind {self.kind!r}, skip {self.skip}")
        own = _WORD.findall(self.channel)
        if len(own) > len(set(own)) or {"series", "channel"} & set(own):
            raise ValueError(f"the words of a channel must differ, and be others than series and channel, got {own}")
        words = {"series", "channel", *own}
        for text in (self.tag, *((self.name.zh, self.name.en) if self.name else ())):
            unknown = set(TagTemplate(text).words) - words
            if unknown:
                raise ValueError(f"a template may use {sorted(words)}, got {sorted(unknown)} in {text!r}")
        return self

    def match(self, channel: str) -> dict[str, str] | None:
        parts = _WORD.split(self.channel)
        regex = "".join(
            f"(?P<{part}>{_WORDS.get(part, '.+')})" if i % 2 else re.escape(part).replace(r"\*", ".*")
            for i, part in enumerate(parts)
        )
        found = re.fullmatch(regex, channel, re.DOTALL)
        return None if found is None else found.groupdict()


class SeriesAsset(SettingsModel):
    """What each series is a recording of."""

    kind: str = Field(default="", description="Kind of asset; detectors on whole assets go by it.")
    attributes: dict[str, float] = Field(default_factory=dict, description="SI, such as wave_speed_m_s.")


class PlacesFile(SettingsModel):
    """Where the places of the channels stand: a CSV file beside the series."""

    file: str = Field(min_length=1, description="Its name in the folder of the recording.")
    channel: str = Field(min_length=1, description="Template of its columns that gives the channel.")
    lat: str = Field(default="", description="Column of the latitude, WGS 84 degrees.")
    lon: str = Field(default="", description="Column of the longitude.")
    along_m: str = Field(default="", description="Column of the place along a line, m.")


class Training(SettingsModel):
    """Rows of a series that belong to every other series: what its system did before."""

    series: str = Field(min_length=1, description="Pattern of the series.")
    rows: int = Field(default=0, ge=0, description="So many of its first instants; 0 = all.")


class ChannelMap(SettingsModel):
    """The sensors of a set of recordings. The first rule that fits a channel counts."""

    site: str = Field(default="recording", description="Site to which the series belong, one asset each.")
    asset: SeriesAsset = Field(default_factory=SeriesAsset, description="What each series is a recording of.")
    places: PlacesFile | None = Field(default=None, description="Where the places of the channels stand.")
    train: Training | None = Field(
        default=None, description="`fengsui evaluate` lets every other series begin with these rows."
    )
    time: str = Field(default="timestamp", description="Column of the time.")
    zone: Annotated[Literal["UTC", "Asia/Shanghai"], BeforeValidator(str)] = Field(
        default="UTC", description="What times without a zone are in."
    )
    channels: list[ChannelRule] = Field(min_length=1, description="Rules from channel to sensor.")

    def find(self, series: str, channel: str) -> Channel | None:
        """The channel as a sensor; None where no rule fits or it is left out."""
        for rule in self.channels:
            words = rule.match(channel)
            if words is not None:
                return None if rule.skip else Channel.of(rule, series, channel, words)
        return None

    def skips(self, channel: str) -> bool:
        rule = next((one for one in self.channels if one.match(channel) is not None), None)
        return rule is not None and rule.skip


class Channel:
    """One column of a recording as a sensor."""

    __slots__ = ("channel", "kind", "name", "position", "scale", "tag", "unit")

    def __init__(self, channel: str, tag: str, name: Text, position: Position, rule: ChannelRule) -> None:
        self.channel = channel
        self.tag = tag
        self.name = name
        self.position = position
        self.kind = rule.kind
        self.unit = rule.unit
        self.scale = rule.scale

    @classmethod
    def of(cls, rule: ChannelRule, series: str, channel: str, words: dict[str, str]) -> Channel:
        words = {**words, "series": series, "channel": channel}
        plain = {word: _NOT_IN_A_TAG.sub("_", text) for word, text in words.items()}
        name = Text(channel, channel)
        if rule.name is not None:
            name = Text(TagTemplate(rule.name.zh).render(words), TagTemplate(rule.name.en).render(words))
        along = words.get("along_m")
        position = Position(along_m=float(along)) if along is not None else Position()
        return cls(channel, TagTemplate(rule.tag).render(plain), name, position, rule)


def load_channel_map(path: Path) -> ChannelMap:
    """Read a channel map.

    Raises:
        ConfigErrors: it cannot be read or does not say what it should.

    """
    try:
        content: object = YAML(typ="rt", pure=True).load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise _refused(path, 0, "", "must be a file that can be read", error.strerror) from error
    except UnicodeDecodeError as error:
        raise _refused(path, 0, "", "must be text in UTF-8", f"byte {error.start}") from error
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise _refused(path, mark.line + 1 if mark else 0, "", "must be YAML", error.problem) from error
    except YAMLError as error:
        raise _refused(path, 0, "", "must be YAML", str(error).splitlines()[0]) from error
    try:
        return ChannelMap.model_validate(content)
    except ValidationError as error:
        raise ConfigErrors([_in_words(path, content, one) for one in error.errors(include_url=False)]) from error


def _refused(path: Path, line: int, key: str, requirement: str, given: object) -> ConfigErrors:
    return ConfigErrors([ConfigError(Place(str(path), line, key), requirement, given)])


def _in_words(path: Path, content: object, detail: ErrorDetails) -> ConfigError:
    given = detail["input"]
    if isinstance(given, dict):
        given = given.get("channel", "a mapping")
    said = str(detail.get("ctx", {}).get("error", detail["msg"]))
    requirement = f"{said[:1].lower()}{said[1:]}"
    return ConfigError(Place(str(path), _line(content, detail["loc"]), _dotted(detail["loc"])), requirement, given)


def _line(content: object, loc: Sequence[str | int]) -> int:
    """Line of what stands at ``loc``; of what is missing, that of the nearest thing around it."""
    line = 1
    for part in loc:
        if isinstance(content, CommentedMap) and part in content:
            line = content.lc.key(part)[0] + 1
        elif isinstance(content, CommentedSeq) and isinstance(part, int):
            line = content.lc.item(part)[0] + 1
        else:
            break
        content = content[part]
    return line


def _dotted(loc: Sequence[str | int]) -> str:
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in loc).lstrip(".")
