"""What each Mosquitto configuration loses and how fast it is: its defaults, and the two that are shipped.

Three questions: we are away while a gateway publishes; the broker is killed while a gateway publishes; how many
messages a second one gateway gets acknowledged, with a slow receiver and with none. Lost is what the broker
acknowledged and never handed over.
"""

from __future__ import annotations

import contextlib
import itertools
import socket
import struct
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion

from bench import servers
from bench.figures import Effort, Figure, Report

PROFILES = ("defaults", "fast", "safe")
TOPIC = b"district/gas-station-1/ch4-01"
WINDOW = 200
ABSENCE_MESSAGES = 2_000  # twice what the defaults keep
KILL_AFTER_S = 1.0
QUIET_S = 1.0  # nothing came for so long: that was all


def run(effort: Effort) -> Report:
    report = Report("broker", "one gateway at QoS 1, 100 bytes a message; lost = acknowledged and never handed over")
    seconds = effort.count(5, 1)
    for profile in PROFILES:
        absences, kills, rates = [], [], []
        for _ in range(effort.runs):
            absences.append(absence(profile))
            kills.append(kill(profile))
            rates.append(_rate(profile, seconds))
        report.figures += [
            Figure(
                f"{profile}: lost of {ABSENCE_MESSAGES:,} while we are away", "messages", [a.lost for a in absences]
            ),
            Figure("  broker killed while publishing: acknowledged", "messages", [k.acknowledged for k in kills]),
            Figure("  of these lost", "messages", [k.lost for k in kills]),
            Figure("  acknowledged while we are there", "messages/s", [r.rate for r in rates]),
            Figure("  of these lost", "% of all", [100 * r.lost / r.acknowledged for r in rates]),
            Figure("  acknowledged while we are away", "messages/s", [a.rate for a in absences]),
        ]
    return report


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a gateway was promised, and what became of it."""

    acknowledged: float
    lost: float
    rate: float  # messages/s, acknowledged


def absence(profile: str, messages: int = ABSENCE_MESSAGES) -> Outcome:
    """We have a session and are away; then we come back and take what is there."""
    with running(profile) as broker:
        _subscribe(broker.port)
        with Gateway(broker.port) as gateway:
            begun_s = time.perf_counter()
            gateway.publish(messages)
            rate = messages / (time.perf_counter() - begun_s)
        return Outcome(messages, messages - len(_received(broker.port)), rate)


def kill(profile: str) -> Outcome:
    """Killed while messages are under way; counted is only what was acknowledged before."""
    with running(profile) as broker:
        _subscribe(broker.port)
        with Gateway(broker.port) as gateway:
            begun_s = time.perf_counter()
            while time.perf_counter() - begun_s < KILL_AFTER_S:
                gateway.step()
            rate = len(gateway.acknowledged) / (time.perf_counter() - begun_s)
            broker.kill()
            with contextlib.suppress(OSError):
                gateway.take()
        broker.start()
        lost = gateway.acknowledged - _received(broker.port)
        return Outcome(len(gateway.acknowledged), len(lost), rate)


def _rate(profile: str, seconds: float) -> Outcome:
    """As fast as it goes, with a receiver in this same process that cannot keep up."""
    with running(profile) as broker, _consumer(broker.port) as (_, received):
        with Gateway(broker.port) as gateway:
            begun_s = time.perf_counter()
            while time.perf_counter() - begun_s < seconds:
                gateway.step()
            gateway.drain()
            taken_s = time.perf_counter() - begun_s
        _settle(received)
        acknowledged = len(gateway.acknowledged)
        return Outcome(acknowledged, acknowledged - len(received), acknowledged / taken_s)


class Killable:
    """Mosquitto with one configuration over one folder."""

    def __init__(self, profile: str, folder: Path) -> None:
        self.port = servers.free_port()
        self._folder, self._server = folder, None
        self._command = servers.broker_command(None if profile == "defaults" else profile, folder, self.port)

    _server: servers.Server | None

    def start(self) -> None:
        self._server = servers.start(self._command, self._folder / "mosquitto.log")
        servers.until(lambda: servers.listens(self.port), "mosquitto")

    def kill(self) -> None:
        if self._server is not None:
            self._server.kill()

    def end(self) -> None:
        if self._server is not None:
            self._server.end()


@contextlib.contextmanager
def running(profile: str) -> Iterator[Killable]:
    with tempfile.TemporaryDirectory() as folder:
        broker = Killable(profile, Path(folder))
        broker.start()
        try:
            yield broker
        finally:
            broker.end()


class Gateway:
    """Publishes numbered messages at QoS 1, ``WINDOW`` under way, on a plain socket: no client library is the limit.

    Attributes:
        acknowledged: numbers whose PUBACK came.

    """

    def __init__(self, port: int) -> None:
        self.acknowledged: set[int] = set()
        self._next = itertools.count()
        self._number_of: dict[int, int] = {}
        self._rest = b""
        self._socket = socket.create_connection(("127.0.0.1", port))
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._socket.sendall(b"\x10\x13\x00\x04MQTT\x04\x02\x00\x3c\x00\x07gateway")
        if self._socket.recv(4)[3]:
            raise ConnectionRefusedError("the broker refused the gateway")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    def publish(self, messages: int) -> None:
        """Publish so many, and wait until all are acknowledged."""
        while len(self.acknowledged) + len(self._number_of) < messages:
            self.step(messages - len(self.acknowledged) - len(self._number_of))
        self.drain()

    def step(self, messages_max: int = WINDOW) -> None:
        """Fill the window, and take what has been acknowledged."""
        room = min(WINDOW - len(self._number_of), messages_max)
        self._socket.sendall(b"".join(self._packet() for _ in range(room)))
        self.take()

    def drain(self) -> None:
        while self._number_of:
            self.take()

    def take(self) -> None:
        """Wait for acknowledgements.

        Raises:
            ConnectionResetError: the broker is gone.

        """
        data = self._socket.recv(65536)
        if not data:
            raise ConnectionResetError("the broker closed the connection")
        data = self._rest + data
        whole = len(data) // 4 * 4
        for (packet,) in struct.iter_unpack("!2xH", data[:whole]):
            self.acknowledged.add(self._number_of.pop(packet))
        self._rest = data[whole:]

    def _packet(self) -> bytes:
        number = next(self._next)
        packet = number % 65535 + 1
        self._number_of[packet] = number
        body = struct.pack("!H", len(TOPIC)) + TOPIC + struct.pack("!H", packet) + b"%-100d" % number
        return b"\x32" + bytes([len(body) & 127 | 128, len(body) >> 7]) + body


@contextlib.contextmanager
def _consumer(port: int) -> Iterator[tuple[Client, set[int]]]:
    """Our session: connected, subscribed, with what it has received."""
    received: set[int] = set()
    granted: list[bool] = []

    def take(_: Client, __: object, message: MQTTMessage) -> None:
        received.add(int(message.payload))

    client = Client(CallbackAPIVersion.VERSION2, client_id="fengsui", clean_session=False)
    client.on_message = take
    client.on_subscribe = lambda *_: granted.append(True)
    client.connect("127.0.0.1", port)
    client.subscribe("district/#", qos=1)
    client.loop_start()
    try:
        servers.until(lambda: granted, "the subscription")
        yield client, received
    finally:
        client.disconnect()
        client.loop_stop()


def _subscribe(port: int) -> None:
    """Leave a session that waits for us."""
    with _consumer(port):
        return


def _received(port: int) -> set[int]:
    """What the broker hands over when we are back."""
    with _consumer(port) as (_, received):
        _settle(received)
        return received


def _settle(received: set[int]) -> None:
    """Until nothing more comes."""
    count, since_s = -1, time.monotonic()
    while time.monotonic() - since_s < QUIET_S:
        if len(received) != count:
            count, since_s = len(received), time.monotonic()
        time.sleep(0.02)
