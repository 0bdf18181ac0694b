"""Sends the district's readings to a broker, each when its moment has come."""

from __future__ import annotations

import json
import math
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from paho.mqtt.client import MQTT_ERR_QUEUE_SIZE, Client, ConnectFlags, DisconnectFlags, MQTTMessageInfo
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from simulator.district import District
from simulator.faults import Rows

#: Readings of so much wall time go out together.
SLICE_S = 0.1

#: Messages that wait for the broker; more are refused and counted.
QUEUED_MAX = 20_000
IN_FLIGHT_MAX = 500

CONNECT_S_MAX = 30.0
FLUSH_S_MAX = 10.0


@dataclass(frozen=True, slots=True)
class Message:
    topic: str
    payload: bytes


@dataclass(slots=True)
class Played:
    """What became of the messages."""

    sent: int = 0
    acknowledged: int = 0
    refused: int = 0  # the queue was full
    behind_s_max: float = 0.0  # how far the sending fell behind its clock


def messages(district: District, rows: Rows) -> Iterator[Message]:
    """Turn rows into one message each; a value that is no number becomes ``null``."""
    topics = ["district/" + sensor.tag for sensor in district.sensors]
    columns = zip(rows.sensor.tolist(), rows.time_ns.tolist(), rows.value.tolist(), strict=True)
    for sensor, time_ns, value in columns:
        reading = {"value": None if math.isnan(value) else value, "time": time_ns // 1_000_000}
        yield Message(topics[sensor], json.dumps(reading, separators=(",", ":")).encode())


class Publisher:
    """One MQTT client, QoS 1. It reconnects by itself; what the queue cannot hold meanwhile is refused."""

    def __init__(self, host: str, port: int) -> None:
        self._host, self._port = host, port
        self.played = Played()
        self._connected = threading.Event()
        self._changed = threading.Condition()
        self._client = Client(CallbackAPIVersion.VERSION2, client_id="fengsui-simulator")
        self._client.max_inflight_messages_set(IN_FLIGHT_MAX)
        self._client.max_queued_messages_set(QUEUED_MAX)
        self._client.on_connect = self._on_connect
        self._client.on_disconnect = self._on_disconnect
        self._client.on_publish = self._on_publish

    def _on_connect(
        self, _client: Client, _data: None, _flags: ConnectFlags, reason: ReasonCode, _properties: Properties | None
    ) -> None:
        if not reason.is_failure:
            self._connected.set()

    def _on_disconnect(
        self, _client: Client, _data: None, _flags: DisconnectFlags, _reason: ReasonCode, _properties: Properties | None
    ) -> None:
        self._connected.clear()

    def _on_publish(
        self, _client: Client, _data: None, _mid: int, _reason: ReasonCode, _properties: Properties | None
    ) -> None:
        with self._changed:
            self.played.acknowledged += 1
            self._changed.notify_all()

    def open(self) -> None:
        """Connect.

        Raises:
            ConnectionError: no broker within ``CONNECT_S_MAX``.

        """
        self._client.connect_async(self._host, self._port)
        self._client.loop_start()
        if not self._connected.wait(CONNECT_S_MAX):
            self._client.loop_stop()
            message = f"{self._host}:{self._port}: must be an MQTT broker, got no answer within {CONNECT_S_MAX:.0f} s"
            raise ConnectionError(message)

    def publish(self, message: Message) -> None:
        info: MQTTMessageInfo = self._client.publish(message.topic, message.payload, qos=1)
        # Without a connection the client still keeps the message; only a full queue turns it away.
        if info.rc == MQTT_ERR_QUEUE_SIZE:
            self.played.refused += 1
        else:
            self.played.sent += 1

    def close(self) -> None:
        """Wait until all that was sent is acknowledged, at most ``FLUSH_S_MAX``, and leave."""
        with self._changed:
            self._changed.wait_for(lambda: self.played.acknowledged >= self.played.sent, FLUSH_S_MAX)
        self._client.disconnect()
        self._client.loop_stop()


def play(
    district: District,
    publisher: Publisher,
    *,
    speed: float,
    duration_s: float,
    stop: threading.Event,
    now_s: Callable[[], float] = time.monotonic,
) -> Played:
    """Play until ``duration_s`` of scenario time is over or ``stop`` is set.

    Args:
        district: what is played.
        publisher: opened by the caller, and closed by the caller.
        speed: scenario seconds a second.
        duration_s: inf = endless.
        stop: may be set from a signal handler.
        now_s: monotonic clock.

    """
    began_s = now_s()
    done_s = 0.0
    while done_s < duration_s and not stop.is_set():
        upto_s = min(done_s + SLICE_S * speed, duration_s)
        rows = district.rows(done_s, upto_s)
        wait_s = began_s + upto_s / speed - now_s()
        if wait_s > 0.0 and stop.wait(wait_s):
            break
        publisher.played.behind_s_max = max(publisher.played.behind_s_max, -wait_s)
        for message in messages(district, rows):
            publisher.publish(message)
        done_s = upto_s
    return publisher.played
