"""Receives fire alarms from user information transmission devices (用户信息传输装置), GB/T 26875.3-2011 over TCP.

The devices connect to us. What a device sends is confirmed to it only when it is durable here; until then it sends
again. ``frames`` and ``objects`` know the wire, ``codes`` what its numbers mean, ``decoder`` makes readings of it;
``receiver`` is the source with its sockets, ``exchange`` what we say to a device, and when.
"""

from __future__ import annotations

from connectors.contract import Role
from connectors.gb26875.decoder import FrameDecoder
from connectors.gb26875.receiver import Receiver
from connectors.gb26875.settings import Settings
from model.connector import Decoder, Source

__all__ = ["ROLE", "Settings", "build", "decoder"]

ROLE: Role = "source"


def build(name: str, settings: Settings) -> Source:
    return Receiver(name, settings)


def decoder(settings: Settings) -> Decoder:
    return FrameDecoder(settings)
