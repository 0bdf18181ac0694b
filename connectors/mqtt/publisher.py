"""Publishes many messages to a broker with QoS 1, with a bound on those under way, and counts what it acknowledged."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Self

from paho.mqtt.client import Client, ConnectFlags
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from connectors.mqtt.broker import NETWORK_ERRORS, BrokerSettings, new_client
from model.errors import FengsuiError

#: Without an acknowledgement for this long, the broker is taken for gone.
STALLED_S_MAX = 60.0


class Publisher:
    """A connection on paho's own thread, which reconnects and sends again what was not acknowledged.

    Used as a context; leaving it closes the connection.

    Attributes:
        acknowledged: messages.
        readings_acknowledged: readings in them.

    Raises:
        FengsuiError: the broker cannot be reached, refuses us, or acknowledges nothing for ``STALLED_S_MAX``.

    """

    def __init__(self, broker: BrokerSettings, client_id: str, under_way_max: int, stopping: threading.Event) -> None:
        self.acknowledged = 0
        self.readings_acknowledged = 0
        self._stopping = stopping
        self._place = f"{broker.host}:{broker.port}"
        self._broker = broker
        self._under_way_max = under_way_max
        self._under_way: dict[int, int] = {}  # message id -> readings
        self._early: set[int] = set()  # acknowledged before ``send`` had noted them
        self._changed = threading.Condition()
        self._admitted = False
        self._refusal = ""
        self._client = new_client(Client, broker, broker.client_id or client_id, keep_session=False)
        self._client.max_inflight_messages_set(under_way_max)
        self._client.on_connect = self._on_connect
        self._client.on_publish = self._on_publish

    def __enter__(self) -> Self:
        try:
            self._client.connect(self._broker.host, self._broker.port, self._broker.keepalive_s)
        except NETWORK_ERRORS as error:
            raise FengsuiError(f"{self._place}: the broker must be reachable, got: {error}") from error
        self._client.loop_start()
        return self

    def __exit__(self, *_: object) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def send(self, topic: str, payload: bytes, readings: int) -> bool:
        """Send when there is room for one more under way; False when it is time to stop."""
        with self._changed:
            self._wait_for(lambda: self._admitted and len(self._under_way) < self._under_way_max)
        if self._stopping.is_set():
            return False
        mid = self._client.publish(topic, payload, qos=1).mid
        with self._changed:
            if mid in self._early:
                self._early.remove(mid)
                self.readings_acknowledged += readings
            else:
                self._under_way[mid] = readings
        return True

    def drain(self) -> None:
        """Wait until everything sent is acknowledged, or it is time to stop."""
        with self._changed:
            self._wait_for(lambda: not self._under_way)

    def _wait_for(self, met: Callable[[], bool]) -> None:
        while not met() and not self._stopping.is_set():
            moved = self._changed.wait_for(self._news(met), STALLED_S_MAX)
            if self._refusal:
                raise FengsuiError(f"{self._place}: the broker must let us publish, got: {self._refusal}")
            if not moved:
                raise FengsuiError(
                    f"{self._place}: the broker must acknowledge within {STALLED_S_MAX:g} s, got nothing"
                )

    def _news(self, met: Callable[[], bool]) -> Callable[[], bool]:
        before = self.acknowledged
        return lambda: met() or bool(self._refusal) or self.acknowledged > before or self._stopping.is_set()

    def _on_connect(
        self, _: Client, __: object, ___: ConnectFlags, reason: ReasonCode, given: Properties | None
    ) -> None:
        with self._changed:
            if reason.is_failure:
                self._refusal = str(reason)
            # paho does not keep to what an MQTT 5 broker allows under way, and would be thrown out
            self._under_way_max = min(self._under_way_max, getattr(given, "ReceiveMaximum", self._under_way_max))
            self._admitted = not reason.is_failure
            self._changed.notify_all()

    def _on_publish(self, _: Client, __: object, mid: int, reason: ReasonCode, ____: Properties | None) -> None:
        with self._changed:
            if reason.is_failure:
                self._refusal = f"message refused: {reason}"
            self.acknowledged += 1
            if mid in self._under_way:
                self.readings_acknowledged += self._under_way.pop(mid)
            else:
                self._early.add(mid)
            self._changed.notify_all()
