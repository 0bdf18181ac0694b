"""Publishes readings at a fixed rate, as a process of its own: MQTT 3.1.1, QoS 1, packets made before they are due.

Made to cost far less than what it measures: packets are rows of one byte matrix in which only packet id, time and value
change, a burst is one ``send``, and PUBACKs are counted, not parsed (nothing else comes to this client).

Each reading's time is the instant at which its message was *due*. A publisher that is held up makes the measured delay
longer, not the load smaller. With rate 0 it sends as fast as the broker acknowledges and time is that of sending.

    python -m bench.load '{"port": 1883, "rate": 30000, "seconds": 15}'
"""

from __future__ import annotations

import json
import os
import select
import socket
import struct
import sys
import time
import zlib
from dataclasses import asdict, dataclass, field
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from bench.sensors import NOISE, PROBE, QUIET, tag

TOPIC_PREFIX = "bench/"
PEER_PREFIX = "peers/"  # what the pipeline does not listen to
BURST_MESSAGES = 512
COLUMN_EVERY_NS = 1_000_000  # between the times of a message of columns
_VALUE, _TIME = b"5.00", b"0" * 19
_CONNACK_BYTES = 4
_PUBACK_BYTES = 4
_STALL_S = 20.0
Bytes = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Load:
    """What to publish.

    ``readings`` > 1: each message comes from a gateway that names the tag in each reading; with ``times`` > 1 it comes
    as packed columns, so many times of ``readings`` / ``times`` sensors.
    """

    port: int
    rate: float = 0.0  # messages/s; 0 = as fast as the broker takes them
    seconds: float = 0.0
    messages: int = 0  # where there is no rate
    readings: int = 1  # a message
    times: int = 1
    sensors: int = 10_000
    probes_per_s: float = 20.0  # readings that cross the limit; where there is no rate: none
    window: int = 2_000  # messages without PUBACK
    every_ms: float = 1.0  # a burst
    prefix: str = TOPIC_PREFIX

    @property
    def units(self) -> int:
        """How many sensors or gateways publish."""
        return self.sensors * self.times // self.readings


class Messages(Protocol):
    """Packets made before they are due."""

    def burst(self, first: int, time_ns: NDArray[np.int64], probe_every: int) -> tuple[bytes, int]:
        """Bytes of the messages ``first``, ``first`` + 1, ... and how many readings of them are probes."""


@dataclass(slots=True)
class Sent:
    """What became of it."""

    messages: int = 0
    acknowledged: int = 0
    readings: int = 0
    probes: int = 0
    begun_ns: int = 0
    ended_ns: int = 0
    late_ms_max: float = 0.0  # how far behind schedule the publisher ever was
    cpu_s: float = 0.0
    fault: str = ""


@dataclass(slots=True)
class Packets:
    """All messages there are, one a row, and where the bytes that change stand."""

    base: Bytes  # [units, bytes]
    mid_at: int
    value_at: NDArray[np.int64]  # of each reading
    time_at: NDArray[np.int64]
    values: Bytes = field(init=False)  # [65536, 4] texts of quiet values

    def __post_init__(self) -> None:
        noise = np.random.default_rng(1).normal(QUIET, NOISE, 65_536)
        texts = b"".join(b"%4.2f" % value for value in np.clip(noise, 1.0, 9.99))
        self.values = np.frombuffer(texts, np.uint8).reshape(-1, 4)

    def burst(self, first: int, time_ns: NDArray[np.int64], probe_every: int) -> tuple[bytes, int]:
        """Bytes of the messages ``first``, ``first`` + 1, ... and how many readings of them are probes."""
        number = first + np.arange(len(time_ns))
        out = self.base[number * 7919 % len(self.base)]
        mid = number % 65_535 + 1
        out[:, self.mid_at], out[:, self.mid_at + 1] = mid >> 8, mid & 255
        digits = _digits(time_ns)
        for at in self.time_at:
            out[:, at : at + 19] = digits
        for reading, at in enumerate(self.value_at):
            out[:, at : at + 4] = self.values[(number * 31 + reading * 17) & 65_535]
        probes = np.flatnonzero(number % probe_every == probe_every - 1) if probe_every else number[:0]
        out[probes, self.value_at[-1] : self.value_at[-1] + 4] = np.frombuffer(b"%4.1f" % PROBE, np.uint8)
        return out.tobytes(), len(probes)


@dataclass(slots=True)
class ColumnPackets:
    """Packed columns (docs/connectors.md) of each gateway; times, values and checksum are put in as it is sent."""

    load: Load
    values: NDArray[np.float64] = field(init=False)  # [times, sensors] and more of them, to begin anywhere in
    heads: list[tuple[bytes, bytes]] = field(init=False)  # topic, and payload up to the times

    def __post_init__(self) -> None:
        self.values = np.round(np.random.default_rng(1).normal(QUIET, NOISE, 65_536 + self.load.readings), 2)
        self.heads = [self._head(unit) for unit in range(self.load.units)]

    def burst(self, first: int, time_ns: NDArray[np.int64], probe_every: int) -> tuple[bytes, int]:
        out, probes = bytearray(), 0
        before_ns = np.arange(1 - self.load.times, 1) * COLUMN_EVERY_NS
        for number, last_ns in enumerate(time_ns.tolist(), first):
            topic, head = self.heads[number % len(self.heads)]
            begin = number * 31 & 65_535
            values = self.values[begin : begin + self.load.readings]
            if probe_every and number % probe_every == probe_every - 1:
                values = values.copy()
                values[-1] = PROBE
                probes += 1
            body = head + (last_ns + before_ns).tobytes() + values.tobytes()
            packet = len(topic).to_bytes(2) + topic + (number % 65_535 + 1).to_bytes(2)
            packet += body + zlib.crc32(body).to_bytes(4, "little")
            out += b"\x32" + remaining_length(len(packet)) + packet
        return bytes(out), probes

    def _head(self, unit: int) -> tuple[bytes, bytes]:
        load = self.load
        sensors = load.readings // load.times
        names = [tag(sensor).encode() for sensor in range(unit * sensors, (unit + 1) * sensors)]
        table = b"".join(struct.pack("<HB", len(name), 0) + name for name in names)
        head = struct.pack("<4sBBBBIII", b"FSC1", 0, 2, 0, 0, len(table), sensors, load.times)
        return f"{load.prefix}columns/all/{unit:06d}".encode(), head + table


def packets(load: Load) -> Messages:
    if load.times > 1:
        return ColumnPackets(load)
    made = [_publish(load, unit) for unit in range(load.units)]
    whole = made[0]
    mid_at = whole.index(load.prefix.encode()) + len(_topic(load, 0))
    base = np.frombuffer(b"".join(made), np.uint8).reshape(len(made), -1)
    return Packets(base, mid_at, _places(whole, b'"value":'), _places(whole, b'"time":'))


def run(load: Load) -> Sent:
    sent = Sent()
    made = packets(load)
    begun_s = time.process_time()
    with _connect(load.port) as sock:
        sent.begun_ns = time.time_ns()
        publisher = _Publisher(sock, load, made, sent)
        (publisher.at_rate if load.rate else publisher.flood)()
        publisher.drain()
        sent.ended_ns = time.time_ns()
        sock.send(b"\xe0\x00")
    sent.cpu_s = time.process_time() - begun_s
    return sent


class _Publisher:
    def __init__(self, sock: socket.socket, load: Load, made: Messages, sent: Sent) -> None:
        self._sock, self._load, self._made, self._sent = sock, load, made, sent
        self._acknowledged_bytes = 0
        self._probe_every = int(load.rate / load.probes_per_s) | 1 if load.rate and load.probes_per_s else 0

    def at_rate(self) -> None:
        load, sent = self._load, self._sent
        total = int(load.rate * load.seconds)
        period_ns = 1e9 / load.rate
        begun_ns = sent.begun_ns
        while sent.messages < total and not sent.fault:
            now_ns = time.time_ns()
            due = min(int((now_ns - begun_ns) / period_ns) + 1, total) - sent.messages
            count = min(due, BURST_MESSAGES, self._room())
            if count > 0:
                time_ns = begun_ns + ((sent.messages + np.arange(count)) * period_ns).astype(np.int64)
                sent.late_ms_max = max(sent.late_ms_max, (now_ns - int(time_ns[0])) / 1e6)
                self._send(time_ns)
            self._read(0.0 if count < due else load.every_ms / 1e3)

    def flood(self) -> None:
        load, sent = self._load, self._sent
        while sent.messages < load.messages and not sent.fault:
            burst = min(BURST_MESSAGES, load.window // 4, load.units, load.messages - sent.messages)
            if self._room() >= burst:
                self._send(time.time_ns() + np.arange(burst))
            self._read(load.every_ms / 1e3)

    def drain(self) -> None:
        while self._sent.acknowledged < self._sent.messages and not self._sent.fault:
            self._read(_STALL_S)

    def _room(self) -> int:
        return self._load.window - (self._sent.messages - self._sent.acknowledged)

    def _send(self, time_ns: NDArray[np.int64]) -> None:
        data, probes = self._made.burst(self._sent.messages, time_ns, self._probe_every)
        self._sock.sendall(data)
        self._sent.messages += len(time_ns)
        self._sent.readings += len(time_ns) * self._load.readings
        self._sent.probes += probes

    def _read(self, wait_s: float) -> None:
        """Count the PUBACKs that are there; waits for the first, or no longer than ``wait_s``.

        A broker writes each of them on its own: a pause after the first lets many be read at once.
        """
        stalled = self._room() <= 0
        ready, _, _ = select.select([self._sock], [], [], _STALL_S if stalled else wait_s)
        if not ready:
            if stalled or wait_s >= _STALL_S:
                self._sent.fault = f"no PUBACK for {_STALL_S:g} s"
            return
        found = len(self._sock.recv(65_536))
        if not found:
            self._sent.fault = "the broker closed the connection"
        self._acknowledged_bytes += found
        self._sent.acknowledged = self._acknowledged_bytes // _PUBACK_BYTES
        time.sleep(min(self._load.every_ms / 1e3, wait_s) if not stalled else self._load.every_ms / 1e3)


def _topic(load: Load, unit: int) -> str:
    return f"{load.prefix}{tag(unit)}" if load.readings == 1 else f"{load.prefix}gateways/all/{unit:06d}"


def _publish(load: Load, unit: int) -> bytes:
    topic = _topic(load, unit).encode()
    if load.readings == 1:
        payload = b'{"value":%b,"time":%b}' % (_VALUE, _TIME)
    else:
        first = unit * load.readings
        names = [tag(sensor).encode() for sensor in range(first, first + load.readings)]
        payload = b"[%b]" % b",".join(b'{"tag":"%b","value":%b,"time":%b}' % (name, _VALUE, _TIME) for name in names)
    body = len(topic).to_bytes(2) + topic + b"\0\0" + payload
    return b"\x32" + remaining_length(len(body)) + body


def remaining_length(number: int) -> bytes:
    """Remaining length, MQTT 3.1.1, 2.2.3."""
    out = bytearray()
    while True:
        number, digit = number >> 7, number & 127
        out.append(digit | 128 if number else digit)
        if not number:
            return bytes(out)


def _places(whole: bytes, key: bytes) -> NDArray[np.int64]:
    found, at = [], whole.find(key)
    while at >= 0:
        found.append(at + len(key))
        at = whole.find(key, at + 1)
    return np.array(found, np.int64)


def _digits(time_ns: NDArray[np.int64]) -> Bytes:
    """Nineteen decimal digits of each, uint8 [n, 19]."""
    out = np.empty((len(time_ns), 19), np.uint8)
    rest = time_ns
    for place in range(18, -1, -1):
        rest, digit = np.divmod(rest, 10)
        out[:, place] = digit + 48
    return out


def _connect(port: int) -> socket.socket:
    name = f"bench-load-{os.getpid()}".encode()
    body = b"\0\4MQTT\4\2\0\0" + len(name).to_bytes(2) + name
    sock = socket.create_connection(("127.0.0.1", port), timeout=5)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    sock.sendall(b"\x10" + remaining_length(len(body)) + body)
    answer = sock.recv(_CONNACK_BYTES, socket.MSG_WAITALL)
    if answer[3:] != b"\0":
        raise ConnectionError(f"the broker must accept the load generator (CONNACK 0), got {answer!r}")
    return sock


def main() -> None:
    print(json.dumps(asdict(run(Load(**json.loads(sys.argv[1]))))))


if __name__ == "__main__":
    main()
