"""What an MQTT source says itself: that it is there, and what its decoder asks for."""

from __future__ import annotations

import time

import numpy as np
from numpy.typing import NDArray
from paho.mqtt.client import Client

from connectors.requests import Presence, Requests
from model.connector import Deliveries


class Voice:
    """Speaks on the thread of the source alone, and only while the source may read.

    Attributes:
        overheard: messages on our own presence, which are nobody's reading.

    """

    def __init__(self, presence: Presence | None, requests: Requests) -> None:
        self.presence = presence
        self.requests = requests
        self.overheard = 0
        self._connected_ms = 0
        self._said = False  # that we are there, on this connection

    def prepare(self, client: Client) -> None:
        """Leave the broker what it shall say when we are gone."""
        self._said = False
        if self.presence is not None:
            self._connected_ms = time.time_ns() // 10**6
            client.will_set(self.presence.topic, self.presence.payload(False, self._connected_ms), qos=1, retain=True)  # noqa: FBT003

    def speak(self, client: Client) -> None:
        """Say that we are there, where that is not said yet, and what was asked for and is due."""
        if self.presence is not None and not self._said:
            self._said = True
            client.publish(self.presence.topic, self.presence.payload(True, self._connected_ms), qos=1, retain=True)  # noqa: FBT003
        for request in self.requests.take():
            client.publish(request.topic, request.payload(time.time_ns() // 10**6), qos=0)

    def end(self, client: Client) -> None:
        """Say that we go; a broker keeps the will of who leaves in order to itself."""
        if self.presence is not None and self._said:
            client.publish(self.presence.topic, self.presence.payload(False, self._connected_ms), qos=1, retain=True)  # noqa: FBT003

    def listen(self, deliveries: Deliveries) -> NDArray[np.bool_] | None:
        """Which of these are meant for others: bool [n]; None = all.

        Where somebody says that we are gone, an older will of ours as a rule, we say again that we are not.
        """
        if self.presence is None:
            return None
        topic = np.frombuffer(self.presence.topic.encode(), np.uint8)
        alike = np.flatnonzero(deliveries.topic_end - deliveries.topic_at == len(topic))
        places = deliveries.topic_at[alike, None] + np.arange(len(topic))
        own = alike[(np.frombuffer(deliveries.data, np.uint8)[places] == topic).all(axis=1)]
        if not len(own):
            return None
        for at in own.tolist():
            payload = deliveries.data[deliveries.payload_at[at] : deliveries.payload_end[at]]
            self._said = self._said and not self.presence.gone(payload)
        self.overheard += len(own)
        others = np.ones(len(deliveries), np.bool_)
        others[own] = False
        return others
