"""Sends the story to the broker at a steady rate, and knows which readings the broker has taken over."""

from __future__ import annotations

import threading
import time
from types import TracebackType
from typing import Self

from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from tests.faults.harness.story import Reading, values
from tests.servers import until

BURST = 8


class Publisher:
    """A thread that publishes with QoS 1 until the context is left; then every reading is with the broker."""

    def __init__(self, port: int, *, seed: int, rate_hz: float) -> None:
        self.sent: list[Reading] = []
        self.acknowledged = 0
        self._port, self._seed, self._rate_hz = port, seed, rate_hz
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._publish, name="publisher")
        self._client = Client(CallbackAPIVersion.VERSION2, client_id="story")
        self._client.max_queued_messages_set(0)
        self._client.max_inflight_messages_set(1000)
        self._client.on_publish = self._on_publish

    def __enter__(self) -> Self:
        self._client.connect("127.0.0.1", self._port)
        self._client.loop_start()
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.finish()

    def finish(self) -> None:
        """Send nothing more; wait until the broker has acknowledged everything."""
        self._stop.set()
        self._thread.join()
        until(lambda: self.acknowledged == len(self.sent), "the broker's acknowledgement of every reading", 30)
        self._client.disconnect()
        self._client.loop_stop()

    def identities(self) -> set[tuple[str, int]]:
        return {(reading.tag, reading.time_ns) for reading in self.sent}

    def _publish(self) -> None:
        story = values(self._seed)
        while not self._stop.wait(BURST / self._rate_hz):
            for _ in range(BURST):
                tag, value = next(story)
                reading = Reading(tag, time.time_ns(), value)
                self.sent.append(reading)
                self._client.publish(reading.topic, reading.payload, qos=1)

    def _on_publish(self, _: Client, __: object, ___: int, ____: ReasonCode, _____: Properties | None) -> None:
        self.acknowledged += 1
