"""What a subscription to ``sparkplug`` says: which nodes, how metrics become tags, when a rebirth is asked for."""

from __future__ import annotations

import json
import re
from typing import Literal, Self

import msgspec
from pydantic import Field, model_validator

from connectors.requests import Presence
from connectors.topic import OWN_TAG, AnySubscription, TagTemplate, TopicPattern

_TYPES = ("NBIRTH", "NDEATH", "NDATA", "DBIRTH", "DDEATH", "DDATA")


class SparkplugSubscription(AnySubscription):
    """The messages of edge nodes and their devices."""

    format: Literal["sparkplug"] = Field(default="sparkplug", description="How payloads are written.")
    group: str = Field(default="+", min_length=1, description="Group to listen to; `+` is any.")
    node: str = Field(default="+", min_length=1, description="Edge node to listen to; `+` is any.")
    tag: str = Field(
        default="{group}/{node}/{device}/{tag}",
        description="Tag template of devices' metrics; `{tag}` is the metric's name. Blanks become `_`.",
    )
    node_tag: str = Field(default="{group}/{node}/{tag}", description="Tag template of the metrics of the node itself.")
    nodes: list[str] = Field(
        default=[], max_length=1000, description="Nodes (`group/node`) that are asked for a rebirth at our start."
    )
    reorder_timeout_s: float = Field(
        default=2.0, ge=0, le=60, description="How long a missing message may still come before a rebirth is asked for."
    )
    rebirth_every_s: float = Field(
        default=60.0, ge=1, le=86400, description="Least time between two rebirths that a node is asked for."
    )
    unit_property: str = Field(
        default="", description="Property of a metric that holds its unit, e.g. `engUnit`; by default none is read."
    )
    primary_host: str | None = Field(
        default=None, min_length=1, description="Our id as primary host: STATE is published, and nodes wait for us."
    )

    @model_validator(mode="after")
    def _words_fit(self) -> Self:
        for key, text, words in (
            ("tag", self.tag, {"group", "node", "device", OWN_TAG}),
            ("node_tag", self.node_tag, {"group", "node", OWN_TAG}),
        ):
            unknown = [word for word in TagTemplate(text).words if word not in words]
            if unknown:
                raise ValueError(f"{key} may use {', '.join(f'{{{word}}}' for word in sorted(words))}, got {unknown}")
        for key, text in (("group", self.group), ("node", self.node), ("primary_host", self.primary_host or "-")):
            if text != "+" and set("+#/{}\0") & set(text):
                raise ValueError(f"{key} is one name without + # /, or + for any, got {text!r}")
        for name in self.nodes:
            if not re.fullmatch(r"[^+#/]+/[^+#/]+", name):
                raise ValueError(f"nodes are written group/node, got {name!r}")
        return self

    @property
    def routes(self) -> list[tuple[TopicPattern, TagTemplate]]:
        own = TagTemplate(f"{{{OWN_TAG}}}")
        begin = [f"spBv1.0/{self.group}/{kind}/{self.node}" for kind in _TYPES]
        return [(TopicPattern(text + ("/+" if "/D" in text else "")), own) for text in begin]

    @property
    def presence(self) -> Presence | None:
        if self.primary_host is None:
            return None
        return Presence(f"spBv1.0/STATE/{self.primary_host}", _state, _says_gone)


def _state(online: bool, time_ms: int) -> bytes:  # noqa: FBT001 - as ``Presence`` calls it
    return json.dumps({"online": online, "timestamp": time_ms}).encode()


class _State(msgspec.Struct, gc=False):
    online: bool


def _says_gone(payload: bytes) -> bool:
    try:
        return not msgspec.json.decode(payload, type=_State).online
    except msgspec.MsgspecError:
        return False
