"""What readings could be received with at the most, and with what comes to hand: peers of ``bench.ingest``.

``minimal``: one loop on a socket that finds each PUBLISH, reads the time of the last reading and acknowledges what one
``recv`` brought in one ``send``: no JSON, no journal, no rule. ``paho``: the program one would write first, paho-mqtt
with ``json.loads`` for each message, compared with a limit, acknowledged by paho at once; nothing is durable.

A receiver ends after ``messages``, or after a silence, and prints what it got and how late.

    python -m bench.receivers '{"kind": "paho", "port": 1883, "messages": 100000}'
"""

from __future__ import annotations

import json
import socket
import struct
import sys
import time
from dataclasses import asdict, dataclass, field

import numpy as np
import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

from bench.load import PEER_PREFIX, remaining_length

SILENCE_S = 3.0
GATHER_S = 0.001  # the broker writes each message on its own; a pause lets many be read at once
_TIME_KEY = b'"time":'
_COLUMNS = b"FSC1"
_CONNACK_AND_SUBACK_BYTES = 9


@dataclass(slots=True)
class Received:
    messages: int = 0
    begun_ns: int = 0
    ended_ns: int = 0
    p50_ms: float = 0.0
    p99_ms: float = 0.0
    cpu_s: float = 0.0
    alarms: int = 0


@dataclass(slots=True)
class _Tally:
    """Counts and delays; sampled, so that keeping them costs next to nothing."""

    wanted: int
    received: Received = field(default_factory=Received)
    delays_ns: list[int] = field(default_factory=list)
    begun_cpu_s: float = 0.0

    def note(self, messages: int, time_ns: int) -> bool:
        """Take so many messages, the last of them from ``time_ns``; False when all are here."""
        now_ns = time.time_ns()
        got = self.received
        got.begun_ns = got.begun_ns or now_ns
        got.messages += messages
        got.ended_ns = now_ns
        self.delays_ns.append(now_ns - time_ns)
        return got.messages < self.wanted

    def start(self) -> None:
        """Subscribed: from here on it counts."""
        self.begun_cpu_s = time.process_time()
        print("ready", flush=True)

    def result(self) -> Received:
        if self.delays_ns:
            delays_ms = np.array(self.delays_ns) / 1e6
            self.received.p50_ms, self.received.p99_ms = (float(np.percentile(delays_ms, p)) for p in (50, 99))
        self.received.cpu_s = time.process_time() - self.begun_cpu_s
        return self.received


def minimal(port: int, wanted: int) -> Received:
    tally = _Tally(wanted)
    with socket.create_connection(("127.0.0.1", port), timeout=SILENCE_S) as sock:
        sock.sendall(_connect() + _subscribe())
        answered = b""
        while len(answered) < _CONNACK_AND_SUBACK_BYTES:
            answered += sock.recv(_CONNACK_AND_SUBACK_BYTES - len(answered))
        tally.start()
        data, going = bytearray(), True
        sock.settimeout(30)
        while going:
            try:
                data += sock.recv(262_144)
            except TimeoutError:
                break
            sock.settimeout(SILENCE_S)
            time.sleep(GATHER_S)
            acknowledgements, used, time_ns = take_apart(data)
            if acknowledgements:
                sock.sendall(b"".join(acknowledgements))
                going = tally.note(len(acknowledgements), time_ns)
            del data[:used]
    return tally.result()


def paho(port: int, wanted: int) -> Received:
    tally = _Tally(wanted)
    client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id="bench-paho", protocol=mqtt.MQTTv311)
    high = 25.0

    def on_message(_: mqtt.Client, __: object, message: mqtt.MQTTMessage) -> None:
        found = json.loads(message.payload)
        readings = found if isinstance(found, list) else [found]
        tally.received.alarms += sum(reading["value"] >= high for reading in readings)
        if not tally.note(1, readings[-1]["time"]):
            client.disconnect()

    def on_connect(*_: object) -> None:
        client.subscribe(f"{PEER_PREFIX}#", 1)

    client.on_message = on_message
    client.on_connect = on_connect
    client.on_subscribe = lambda *_: tally.start()
    client.connect("127.0.0.1", port)
    idle_s = time.monotonic() + 30
    before = 0
    while client.loop(1.0) == mqtt.MQTT_ERR_SUCCESS and time.monotonic() < idle_s:
        if tally.received.messages != before:
            before, idle_s = tally.received.messages, time.monotonic() + SILENCE_S
    return tally.result()


def take_apart(data: bytearray) -> tuple[list[bytes], int, int]:
    """PUBACKs for the whole packets in ``data``, how many bytes those are, and the last reading's time."""
    acknowledgements: list[bytes] = []
    at, end, last = 0, len(data), -1
    while at + 2 <= end:
        length, shift, body = 0, 0, at + 1
        while body < end:
            length |= (data[body] & 127) << shift
            shift += 7
            body += 1
            if data[body - 1] < 128:
                break
        else:
            break
        if body + length > end:
            break
        if data[at] >> 4 == 3:
            mid_at = body + 2 + (data[body] << 8) + data[body + 1]
            acknowledgements.append(b"\x40\x02" + data[mid_at : mid_at + 2])
            last = at
        at = body + length
    return acknowledgements, at, _last_time_ns(data, last, at) if last >= 0 else 0


def _last_time_ns(data: bytearray, begin: int, end: int) -> int:
    head_at = data.find(_COLUMNS, begin, end)
    if head_at < 0:
        time_at = data.rfind(_TIME_KEY, begin, end) + len(_TIME_KEY)
        return int(data[time_at : time_at + 19])
    table_bytes, _, times = struct.unpack_from("<III", data, head_at + 8)
    return int.from_bytes(data[head_at + 12 + table_bytes + 8 * times :][:8], "little")


def _connect() -> bytes:
    body = b"\0\4MQTT\4\2\0\0\0\rbench-minimal"
    return b"\x10" + remaining_length(len(body)) + body


def _subscribe() -> bytes:
    topic = f"{PEER_PREFIX}#".encode()
    body = b"\0\1" + len(topic).to_bytes(2) + topic + b"\1"
    return b"\x82" + remaining_length(len(body)) + body


def main() -> None:
    given = json.loads(sys.argv[1])
    kinds = {"minimal": minimal, "paho": paho}
    print(json.dumps(asdict(kinds[given["kind"]](given["port"], given["messages"]))), flush=True)


if __name__ == "__main__":
    main()
