"""What the module of a connector offers to the composition."""

from __future__ import annotations

from typing import Literal, Protocol, TypeAlias, TypeVar

from connectors.settings import SettingsModel
from model.connector import Decoder, Item, Sink, Source

Role: TypeAlias = Literal["source", "events", "points"]

SettingsType = TypeVar("SettingsType", bound=SettingsModel, contravariant=True)


class SourceModule(Protocol[SettingsType]):
    """A module with ``ROLE = "source"``; its ``Settings`` validate what stands in the configuration."""

    ROLE: Role

    def build(self, name: str, settings: SettingsType) -> Source: ...

    def decoder(self, settings: SettingsType) -> Decoder: ...


class AskingSourceModule(SourceModule[SettingsType], Protocol):
    """A source whose decoder asks the other side for something: the two are made together."""

    def together(self, name: str, settings: SettingsType) -> tuple[Source, Decoder]: ...


class SinkModule(Protocol[SettingsType, Item]):
    """A module with ``ROLE`` "events" (takes ``Message``) or "points" (takes ``Point``)."""

    ROLE: Role

    def build(self, name: str, settings: SettingsType) -> Sink[Item]: ...
