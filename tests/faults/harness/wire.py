"""A wire between broker and pipeline that can be listened to: which readings went out, which were acknowledged."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

_PUBLISH, _PUBACK = 3, 4

OnAcknowledged = Callable[[int], None]


@dataclass
class Wire:
    """Forwards one broker's port; ``acknowledged`` is called with the time of each reading, before the broker hears."""

    broker_port: int
    acknowledged: OnAcknowledged
    port: int = 0
    count: int = 0
    listener: socket.socket = field(default_factory=lambda: socket.create_server(("127.0.0.1", 0)))

    def serve(self) -> None:
        while True:
            try:
                pipeline, _ = self.listener.accept()
            except OSError:  # closed: the test is over
                return
            broker = socket.create_connection(("127.0.0.1", self.broker_port))
            _Connection(self, pipeline, broker).start()


class _Connection:
    """Two threads, one a direction."""

    def __init__(self, wire: Wire, pipeline: socket.socket, broker: socket.socket) -> None:
        self._wire, self._pipeline, self._broker = wire, pipeline, broker
        self._time_of: dict[int, int] = {}  # message id under way -> time of its reading

    def start(self) -> None:
        threading.Thread(target=self._down, daemon=True).start()
        threading.Thread(target=self._up, daemon=True).start()

    def _down(self) -> None:
        packets = _Packets()
        with suppress(OSError):
            while data := self._broker.recv(65536):
                for kind, flags, body in packets.feed(data):
                    if kind == _PUBLISH and flags & 0b110:
                        self._note(body)
                self._pipeline.sendall(data)
        self._close()

    def _up(self) -> None:
        packets = _Packets()
        with suppress(OSError):
            while data := self._pipeline.recv(65536):
                for kind, _, body in packets.feed(data):
                    if kind == _PUBACK:
                        self._wire.count += 1
                        self._wire.acknowledged(self._time_of.pop(int.from_bytes(body[:2], "big")))
                self._broker.sendall(data)
        self._close()

    def _note(self, body: bytes) -> None:
        """MQTT 5, 3.3: topic, message id, properties, payload."""
        at = 2 + int.from_bytes(body[:2], "big")
        message_id = int.from_bytes(body[at : at + 2], "big")
        properties, at = _varint(body, at + 2) or (0, 0)
        self._time_of[message_id] = json.loads(body[at + properties :])["time"]

    def _close(self) -> None:
        for side in (self._pipeline, self._broker):
            with suppress(OSError):
                side.shutdown(socket.SHUT_RDWR)
            side.close()


class _Packets:
    """Cuts a stream into MQTT packets."""

    def __init__(self) -> None:
        self._buffer = b""

    def feed(self, data: bytes) -> Iterator[tuple[int, int, bytes]]:
        self._buffer += data
        while len(self._buffer) > 1 and (length := _varint(self._buffer, 1)):
            size, start = length
            if len(self._buffer) < start + size:
                return
            head, body = self._buffer[0], self._buffer[start : start + size]
            self._buffer = self._buffer[start + size :]
            yield head >> 4, head & 0xF, body


def _varint(data: bytes, at: int) -> tuple[int, int] | None:
    """A variable byte integer and the place behind it; None when it has not come whole."""
    value = 0
    for shift, byte in enumerate(data[at : at + 4]):
        value |= (byte & 0x7F) << 7 * shift
        if byte < 0x80:
            return value, at + shift + 1
    return None


@contextmanager
def wire(broker_port: int, acknowledged: OnAcknowledged) -> Iterator[Wire]:
    running = Wire(broker_port, acknowledged)
    running.port = running.listener.getsockname()[1]
    thread = threading.Thread(target=running.serve, daemon=True)
    thread.start()
    try:
        yield running
    finally:
        running.listener.shutdown(socket.SHUT_RDWR)
        running.listener.close()
        thread.join(5)
