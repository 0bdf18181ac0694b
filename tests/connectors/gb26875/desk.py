"""A receiver on a real socket, and lines to it, for tests of both."""

from __future__ import annotations

import contextlib
import json
import socket
from collections.abc import Iterator
from typing import Self

from connectors import gb26875
from connectors.gb26875.frames import Frame, FrameBuffer
from connectors.gb26875.receiver import Receiver
from model.connector import Delivery
from tests.checks.sources import BoundedInbox, running
from tests.connectors.gb26875 import worked
from tests.servers import until
from tests.uitd import Fleet, fleet

ADDRESS = 330_100_001
WAIT_S = 30.0


def receiver(**changed: object) -> Receiver:
    given = {"host": "127.0.0.1", "port": 0, "clock_sync_every_s": 0} | changed
    source = gb26875.build("panels", gb26875.Settings.model_validate(given))
    assert isinstance(source, Receiver)
    return source


@contextlib.contextmanager
def listening(**changed: object) -> Iterator[tuple[Receiver, BoundedInbox]]:
    source, inbox = receiver(**changed), BoundedInbox()
    with running(source, inbox):
        until(source.connected, "the receiver to listen")
        yield source, inbox


@contextlib.contextmanager
def at_work(**changed: object) -> Iterator[tuple[Receiver, BoundedInbox, Fleet]]:
    with listening(**changed) as (source, inbox), fleet(source.port) as devices:
        yield source, inbox, devices


class Line:
    """A connection of our own, byte by byte."""

    def __init__(self, port: int, host: str = "127.0.0.1") -> None:
        self._sock = socket.create_connection((host, port), timeout=WAIT_S)
        self._buffer = FrameBuffer()
        self._frames: list[Frame] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._sock.close()

    def send(self, raw: bytes) -> None:
        self._sock.sendall(raw)

    def send_until_held_back(self) -> int:
        """Send frames until the other side takes no more for a second; returns how many it was sent, whole."""
        self._sock.settimeout(1)
        number = 0
        try:
            while True:
                frame = bytearray(worked.E)
                frame[2:4] = (number & 0xFFFF).to_bytes(2, "little")
                frame[7] = number >> 16
                frame[-3] = sum(frame[2:-3]) & 0xFF
                self._sock.sendall(frame)
                number += 1
        except TimeoutError:
            return number

    def read(self) -> bytes:
        """Bytes; empty when the other side closed."""
        try:
            return self._sock.recv(4096)
        except ConnectionError:
            return b""

    def frame(self) -> Frame:
        while not self._frames:
            data = self.read()
            assert data, "the receiver closed the connection"
            self._buffer.feed(data)
            self._frames += [one for one in self._buffer.take() if isinstance(one, Frame)]
        return self._frames.pop(0)

    def is_closed(self) -> bool:
        while self.read():
            continue
        return True


def frames(inbox: BoundedInbox) -> list[Delivery]:
    return [one for one in inbox.taken if not one.topic.endswith("/report")]


def reported(inbox: BoundedInbox, signal: str, device: int = ADDRESS) -> list[float]:
    reports = [json.loads(one.payload) for one in list(inbox.taken) if one.topic == f"uitd/{device}/report"]
    return [one["signals"][signal] for one in reports if signal in one["signals"]]


def confirm_all(source: Receiver, inbox: BoundedInbox) -> None:
    source.acknowledge(inbox.receipts()[-1])
