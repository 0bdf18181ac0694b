"""Topic templates: which topics a source listens to and how a topic becomes a sensor's tag.

``district/{site}/{sensor}`` subscribes to ``district/+/+`` and gives the words *site* and *sensor*, of which the tag
template ``{site}/{sensor}`` makes the tag. In a tag template ``{tag}`` stands for the tag that a reading names itself.
Nothing here knows MQTT's wire format, so every source with topics uses it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Literal, Self

from pydantic import Field, model_validator

from connectors.requests import Presence
from connectors.settings import SettingsModel

#: The word of a tag template that stands for the reading's own tag.
OWN_TAG = "tag"

#: Between the words of a reading that gives several; no tag may hold it.
JOINT = "\x1f"

TAG_LENGTH_MAX = 200
TOPIC_BYTES_MAX = 65535

_WORD = re.compile(r"\{([a-z][a-z0-9_]*)\}")


class TopicPattern:
    """A topic template, compiled.

    Raises:
        ValueError: the template is not a topic filter once its words are wildcards.

    """

    def __init__(self, text: str) -> None:
        self.text = text
        self.words = tuple(_WORD.findall(text))
        self.filter = "/".join(_filter_level(level, text) for level in text.split("/"))
        _check(self)
        self._regex = re.compile(_regex(text), re.DOTALL)

    def match(self, topic: str) -> dict[str, str] | None:
        """Words of a topic, or None where it does not fit."""
        found = self._regex.fullmatch(topic)
        return None if found is None else found.groupdict()


class TagTemplate:
    """How words become a tag.

    Raises:
        ValueError: the template is empty or has a brace that belongs to no word.

    """

    def __init__(self, text: str) -> None:
        self.text = text
        self.words = tuple(_WORD.findall(text))
        self._parts = _WORD.split(text)
        if not text or set("{}") & set(_WORD.sub("", text)):
            raise ValueError(f"a tag template is text and {{words}} of lower-case letters, got {text!r}")

    @property
    def only_own(self) -> bool:
        """True where the reading's tag is taken as it is."""
        return self.text == f"{{{OWN_TAG}}}"

    def render(self, words: Mapping[str, str]) -> str:
        return "".join([words[part] if at % 2 else part for at, part in enumerate(self._parts)])


def tag_fault(tag: str) -> str | None:
    """What is wrong with a tag, or None. Tags travel in topics, file lines and labels, so they stay printable."""
    if not tag:
        return "a tag must not be empty"
    if len(tag) > TAG_LENGTH_MAX:
        return f"a tag has at most {TAG_LENGTH_MAX} characters, got {len(tag)}"
    if not tag.isprintable() or " " in tag:
        return f"a tag has no blanks and no control characters, got {tag[:60]!a}"
    return None


class AnySubscription(SettingsModel):
    """What every kind of subscription says; ``format`` names the kind."""

    qos: Literal[0, 1] = Field(default=1, description="1: kept by the broker until it is durable here. 0: may be lost.")
    format: str = Field(default="json", description="How payloads are written: the name of a format.")

    @property
    def routes(self) -> list[tuple[TopicPattern, TagTemplate]]:
        """Topics to listen to, each with the template of its tags."""
        raise NotImplementedError

    @property
    def own_words(self) -> tuple[str, ...]:
        """Words of the tag template that readings give themselves; their format joins several with ``JOINT``."""
        return (OWN_TAG,)

    @property
    def presence(self) -> Presence | None:
        """What we say of ourselves while we listen."""
        return None


class Subscription(AnySubscription):
    """One kind of topic, how its messages are written, and how they name their sensors."""

    topic: str = Field(
        description="Topic template: words in braces stand for one level, e.g. `district/{site}/{sensor}`."
    )
    tag: str = Field(description="Tag template of its words; `{tag}` takes the reading's own tag.")

    @property
    def routes(self) -> list[tuple[TopicPattern, TagTemplate]]:
        return [(TopicPattern(self.topic), TagTemplate(self.tag))]

    @model_validator(mode="after")
    def _words_fit(self) -> Self:
        pattern, template = TopicPattern(self.topic), TagTemplate(self.tag)
        for word in self.own_words:
            if word in pattern.words:
                raise ValueError(
                    f"topic must not use the word {{{word}}}, which is the reading's own, got {self.topic!r}"
                )
        allowed = (*pattern.words, *self.own_words)
        unknown = [word for word in template.words if word not in allowed]
        if unknown:
            own = " and ".join(f"{{{word}}}" for word in self.own_words)
            raise ValueError(f"tag may use the topic's words {list(pattern.words)} and {own}, got {unknown}")
        return self


def _filter_level(level: str, text: str) -> str:
    if level in {"+", "#"}:
        return level
    outside = _WORD.sub("", level)
    if set("+#{}\0") & set(outside):
        raise ValueError(f"+ and # stand alone between slashes and words are lower-case {{letters}}, got {text!r}")
    return "+" if outside != level else level


def _regex(text: str) -> str:
    levels = text.split("/")
    if levels[-1] != "#":
        return "/".join(map(_regex_level, levels))
    head = "/".join(map(_regex_level, levels[:-1]))
    return f"{head}(?:/.*)?" if head else ".*"  # ``a/#`` matches ``a`` too (MQTT 4.7.1.2)


def _regex_level(level: str) -> str:
    if level == "+":
        return "[^/]*"
    parts = _WORD.split(level)
    return "".join(f"(?P<{part}>[^/]+)" if i % 2 else re.escape(part) for i, part in enumerate(parts))


def _check(pattern: TopicPattern) -> None:
    text = pattern.text
    if not text or len(text.encode()) > TOPIC_BYTES_MAX:
        raise ValueError(f"a topic has 1 to {TOPIC_BYTES_MAX} bytes, got {len(text.encode())}")
    if "#" in pattern.filter[:-1]:
        raise ValueError(f"# stands last, got {text!r}")
    if text.startswith("$share/"):
        raise ValueError(f"shared subscriptions would break a sensor's order, got {text!r}")
    if len(set(pattern.words)) != len(pattern.words):
        raise ValueError(f"a word stands once in a topic, got {text!r}")
