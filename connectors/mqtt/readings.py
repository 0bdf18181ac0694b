"""An MQTT broker as a source of readings: how it is made. What it does stands in ``connectors.mqtt.source``."""

from __future__ import annotations

from connectors.contract import Role
from connectors.decoder import MessageDecoder
from connectors.formats.contract import Context
from connectors.mqtt.settings import Settings
from connectors.mqtt.source import MqttSource
from connectors.requests import Requests
from model.connector import Decoder, Source

__all__ = ["ROLE", "MqttSource", "Settings", "build", "decoder", "together"]

ROLE: Role = "source"


def build(name: str, settings: Settings) -> Source:
    """Make the source.

    Raises:
        FengsuiError: the password cannot be read.
        OSError: a certificate cannot be read.

    """
    return together(name, settings)[0]


def decoder(settings: Settings) -> Decoder:
    return _decoder(settings, Requests())


def together(name: str, settings: Settings) -> tuple[Source, Decoder]:
    """Make the source and the decoder of what it brings, which asks it for rebirths; raises as ``build`` does."""
    requests = Requests()
    source = MqttSource(name, settings, settings.client_id or f"fengsui-{name}", requests)
    source.check()
    return source, _decoder(settings, requests)


def _decoder(settings: Settings, requests: Requests) -> Decoder:
    context = Context(settings.depth_max, settings.readings_max, requests)
    return MessageDecoder(settings.subscriptions, settings.payload_bytes_max, context)
