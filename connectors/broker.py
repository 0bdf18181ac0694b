"""Connecting to an MQTT broker: the settings that every use of one shares, and a client made of them."""

from __future__ import annotations

import random
import socket
import ssl
import struct
import time
from collections.abc import Callable, Sequence
from typing import Annotated, Literal, Self, TypeAlias, TypeVar

from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from pydantic import BeforeValidator, Field, model_validator

from connectors.settings import LocalPath, SettingsModel, read_secret

#: What a connection may raise: the network, TLS, a host name that is none, a broker that does not keep to the protocol.
NETWORK_ERRORS = (OSError, ValueError, struct.error, IndexError)

SomeClient = TypeVar("SomeClient", bound=Client)

_PUBACK = struct.Struct("!BBH")
_READ_AHEAD_BYTES = 65536


class BrokerSettings(SettingsModel):
    """Where the broker is and who we are to it."""

    host: str = Field(min_length=1, description="Broker's host name or address.")
    port: int = Field(default=1883, ge=1, le=65535, description="Broker's port; usually 8883 with TLS.")
    version: Annotated[Literal["3.1.1", "5"], BeforeValidator(str)] = Field(
        default="5", description="MQTT version: 5 or 3.1.1."
    )
    client_id: str = Field(
        default="", max_length=200, description="Fixed client id; by default `fengsui-` and the name."
    )
    username: str | None = Field(default=None, description="User name at the broker.")
    password_file: LocalPath | None = Field(default=None, description="File that holds the password.")
    tls: bool = Field(default=False, description="Encrypt; implied by any of the three files below.")
    ca_file: LocalPath | None = Field(
        default=None, description="Certificates to trust, PEM; by default those of the system."
    )
    cert_file: LocalPath | None = Field(default=None, description="Our own certificate, PEM.")
    key_file: LocalPath | None = Field(default=None, description="Key of our own certificate, PEM.")
    keepalive_s: int = Field(
        default=30, ge=1, le=65535, description="A silent connection is given up after 1.5 times this."
    )
    connect_timeout_s: float = Field(default=5.0, gt=0, le=60, description="Time to connect and to be let in.")

    @model_validator(mode="after")
    def _pairs(self) -> Self:
        if (self.cert_file is None) != (self.key_file is None):
            raise ValueError("cert_file and key_file go together, got only one of them")
        if self.password_file is not None and self.username is None:
            raise ValueError("password_file needs a username, got none")
        return self


#: Topic, payload, message id, QoS, retained.
OnReading: TypeAlias = Callable[[bytes, bytes, int, int, bool], None]


class BufferedClient(Client):
    """A paho client that reads ahead, takes a PUBLISH apart itself and writes acknowledgements together.

    paho asks the socket three times for each message, makes several objects of it and writes each PUBACK on its own,
    which costs more than all the rest. These shortcuts lean on private methods; a paho that no longer has them goes
    its own way through ``on_message``, and all still works.
    """

    _ahead: bytes = b""
    _at: int = 0
    heard_s: float = 0.0  # monotonic time of the last byte
    on_reading: OnReading | None = None  # called instead of on_message for QoS 0 and 1, where paho lets us

    def _sock_recv(self, bufsize: int) -> bytes:
        if self._at == len(self._ahead):
            self._ahead, self._at = b"", 0
            self._ahead = super()._sock_recv(_READ_AHEAD_BYTES)
            self.heard_s = time.monotonic()
        chunk = self._ahead[self._at : self._at + bufsize]
        self._at += len(chunk)
        return chunk

    def _handle_publish(self) -> MQTTErrorCode:
        command, qos = self._in_packet["command"], self._in_packet["command"] >> 1 & 3
        if self.on_reading is None or qos > 1:
            return super()._handle_publish()
        packet = bytes(self._in_packet["packet"])
        five = self.protocol == MQTTProtocolVersion.MQTTv5
        topic_end = 2 + int.from_bytes(packet[:2])
        payload_at = topic_end + 2 * qos
        if five:
            payload_at = _after_properties(packet, payload_at)
        if payload_at > len(packet) or (topic_end == 2 and not five):
            return MQTTErrorCode.MQTT_ERR_PROTOCOL
        mid = int.from_bytes(packet[topic_end : topic_end + 2]) if qos else 0
        self.on_reading(packet[2:topic_end], packet[payload_at:], mid, qos, bool(command & 1))
        return MQTTErrorCode.MQTT_ERR_SUCCESS

    def buffered(self) -> bool:
        """True while there is more to read without asking the socket's readiness."""
        sock = self.socket()
        return self._at < len(self._ahead) or (isinstance(sock, ssl.SSLSocket) and sock.pending() > 0)

    def puback(self, mids: Sequence[int]) -> MQTTErrorCode:
        """Acknowledge QoS 1 messages in this order (MQTT-4.6.0-2)."""
        if not hasattr(self, "_packet_queue"):
            return max((self.ack(mid, 1) for mid in mids), default=MQTTErrorCode.MQTT_ERR_SUCCESS)
        return self._packet_queue(0x40, b"".join(_PUBACK.pack(0x40, 2, mid) for mid in mids), mids[-1], 1)

    def drop(self) -> None:
        """Close the socket without a word."""
        sock = self.socket()
        if isinstance(sock, socket.socket):
            sock.close()


def new_client(
    kind: type[SomeClient], settings: BrokerSettings, client_id: str, *, keep_session: bool, manual_ack: bool = False
) -> SomeClient:
    """Make a client that is not yet connected.

    Args:
        kind: ``BufferedClient``, whose owner reads and reconnects by itself, or paho's ``Client``, which does that on a
            thread of its own.
        settings: where and as whom.
        client_id: who we are.
        keep_session: whether the broker keeps our session while we are away.
        manual_ack: whether the owner acknowledges what it receives.

    Raises:
        FengsuiError: the password cannot be read.
        OSError: a certificate cannot be read (``ssl.SSLError`` where it is none).

    """
    five = settings.version == "5"
    client = kind(
        CallbackAPIVersion.VERSION2,
        client_id=client_id,
        clean_session=None if five else not keep_session,
        protocol=MQTTProtocolVersion.MQTTv5 if five else MQTTProtocolVersion.MQTTv311,
        reconnect_on_failure=not issubclass(kind, BufferedClient),
        manual_ack=manual_ack,
    )
    client.connect_timeout = settings.connect_timeout_s
    if settings.username is not None:
        file = settings.password_file
        password = None if file is None else read_secret(file, "password_file")
        client.username_pw_set(settings.username, password)
    if settings.tls or settings.ca_file or settings.cert_file:
        context = ssl.create_default_context(cafile=settings.ca_file)
        if settings.cert_file:
            context.load_cert_chain(settings.cert_file, settings.key_file)
        client.tls_set_context(context)
    return client


def connect_properties(settings: BrokerSettings, **properties: int) -> Properties | None:
    """CONNECT properties, for MQTT 5 alone."""
    if settings.version != "5":
        return None
    made = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
    for name, value in properties.items():
        setattr(made, name, value)
    return made


def _after_properties(packet: bytes, at: int) -> int:
    """Where the payload begins: properties stand before it with their length (MQTT 5, 2.2.2), and we need none."""
    length = shift = 0
    for place in range(at, min(at + 4, len(packet))):
        length |= (packet[place] & 127) << shift
        if packet[place] < 128:
            return place + 1 + length
        shift += 7
    return len(packet) + 1


def topic_of(message: MQTTMessage) -> bytes:
    """Topic of a message as it came, UTF-8 or not."""
    try:
        return message.topic.encode()
    except UnicodeDecodeError as error:
        return error.object


def back_off_s(attempt: int, delay_s_min: float, delay_s_max: float) -> float:
    """Delay before a reconnection: doubled each time, and spread so that clients do not come back together."""
    return min(delay_s_max, delay_s_min * 2.0 ** min(attempt, 30)) * random.uniform(0.5, 1.0)
