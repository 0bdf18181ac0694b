"""Publishes each message to an MQTT topic and waits until the broker has it (QoS 1)."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from typing import Annotated

from paho.mqtt.client import Client, ConnectFlags, MQTTMessageInfo
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode
from pydantic import AfterValidator, Field

from connectors.contract import Role
from connectors.mqtt.broker import NETWORK_ERRORS, BrokerSettings, new_client
from connectors.topic import TagTemplate
from model.connector import Message, Probe, Sink
from model.errors import FengsuiError, PermanentError, RetryableError

ROLE: Role = "events"

WORDS = ("site", "asset", "tag", "rule", "grade")

_NOT_IN_A_TOPIC = str.maketrans("+#\0", "___")


def _topic(text: str) -> str:
    unknown = [word for word in TagTemplate(text).words if word not in WORDS]
    if unknown or set("+#\0") & set(text):
        raise ValueError(f"topic may use the words {', '.join(WORDS)} and no wildcards, got {text!r}")
    return text


class Settings(BrokerSettings):
    """An MQTT topic as a receiver of alarm events."""

    topic: Annotated[str, AfterValidator(_topic)] = Field(
        description="Topic template of {site}, {asset}, {tag}, {rule} and {grade}."
    )
    timeout_s: float = Field(default=10.0, gt=0, le=300, description="Time in which the broker must acknowledge.")


def build(name: str, settings: Settings) -> Sink[Message]:
    """Make the sink; it connects when it first has something to say.

    Raises:
        FengsuiError: the password cannot be read.
        OSError: a certificate cannot be read.

    """
    sink = MqttAlarms(name, settings)
    sink.check()
    return sink


class MqttAlarms:
    """See the module. After any failure the connection is made anew, so that nothing old waits in it.

    Attributes:
        published: messages that the broker acknowledged.

    """

    def __init__(self, name: str, settings: Settings) -> None:
        self.name = name
        self.published = 0
        self._settings = settings
        self._template = TagTemplate(settings.topic)
        self._place = f"{settings.host}:{settings.port}"
        self._client: Client | None = None
        self._answered = threading.Event()
        self._refusal = ""
        self._refused: set[int] = set()
        self._under_way_max = 1

    def check(self) -> None:
        """Read every file that a connection needs, so that a wrong one is known at once."""
        self._new_client()

    def probe(self) -> Probe:
        self.close()  # a connection that stands need not be a connection that works
        try:
            self._connect()
        except (RetryableError, FengsuiError) as error:
            return Probe(ok=False, message=str(error))
        return Probe(ok=True, message=f"{self._place}: connected with MQTT {self._settings.version}")

    def write(self, items: Sequence[Message]) -> None:
        """Publish messages in their order.

        Raises:
            RetryableError: the broker is away or did not acknowledge in time.
            PermanentError: the messages at ``items`` lack a word of the topic or the broker refuses them; the others
                were published.

        """
        client = self._connect()
        refused: dict[int, str] = {}
        sent: dict[int, MQTTMessageInfo] = {}
        for place, message in enumerate(items):
            missing = [word for word in self._template.words if word not in message.topic]
            if missing:
                refused[place] = f"the topic needs {missing}, got {sorted(message.topic)}"
                continue
            words = {word: text.translate(_NOT_IN_A_TOPIC) for word, text in message.topic.items()}
            sent[place] = client.publish(self._template.render(words), message.body, qos=1)
            if len(sent) >= self._under_way_max:
                self._await(sent, refused)
        self._await(sent, refused)
        if refused:
            first = next(iter(refused.values()))
            raise PermanentError(f"{self._place}: {len(refused)} messages refused: {first}", items=sorted(refused))

    def close(self) -> None:
        client, self._client = self._client, None
        if client is not None:
            client.disconnect()
            client.loop_stop()

    def _await(self, sent: dict[int, MQTTMessageInfo], refused: dict[int, str]) -> None:
        give_up_s = time.monotonic() + self._settings.timeout_s
        for place, info in sent.items():
            try:
                info.wait_for_publish(max(0.0, give_up_s - time.monotonic()))
                acknowledged = info.is_published()
            except (ValueError, RuntimeError) as error:
                self.close()
                raise RetryableError(f"{self._place}: not published: {error}") from error
            if not acknowledged:
                self.close()
                raise RetryableError(f"{self._place}: no acknowledgement within {self._settings.timeout_s:g} s")
            if info.mid in self._refused:
                self._refused.remove(info.mid)
                refused[place] = "the broker does not let us publish to the topic"
            else:
                self.published += 1
        sent.clear()

    def _new_client(self) -> Client:
        client_id = self._settings.client_id or f"fengsui-{self.name}"
        client = new_client(Client, self._settings, client_id, keep_session=False)
        client.on_connect = self._on_connect
        client.on_publish = self._on_publish
        return client

    def _connect(self) -> Client:
        if self._client is not None and self._client.is_connected():
            return self._client
        self.close()
        self._answered.clear()
        self._refusal, self._under_way_max = "", 20
        self._refused.clear()
        try:
            client = self._new_client()
            client.connect(self._settings.host, self._settings.port, self._settings.keepalive_s)
        except NETWORK_ERRORS as error:
            raise RetryableError(f"{self._place}: {error}") from error
        self._client = client
        client.loop_start()
        if not self._answered.wait(self._settings.connect_timeout_s):
            self._refusal = "the broker did not let us in in time"
        if self._refusal:
            self.close()
            raise RetryableError(f"{self._place}: {self._refusal}")
        return client

    def _on_connect(
        self, _: Client, __: object, ___: ConnectFlags, reason: ReasonCode, given: Properties | None
    ) -> None:
        if reason.is_failure:
            self._refusal = f"the broker refused us: {reason}"
        self._under_way_max = min(self._under_way_max, getattr(given, "ReceiveMaximum", self._under_way_max))
        self._answered.set()

    def _on_publish(self, _: Client, __: object, mid: int, reason: ReasonCode, ____: Properties | None) -> None:
        if reason.is_failure:
            self._refused.add(mid)
