"""Connecting to an MQTT broker: the settings that every use of one shares, and a client made of them."""

from __future__ import annotations

import random
import socket
import ssl
import struct
import time
from collections.abc import Callable
from typing import Annotated, Literal, Self, TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray
from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from pydantic import BeforeValidator, Field, model_validator

from connectors.mqtt.frames import FAULT, OTHER, FrameBuffer, Frames
from connectors.settings import LocalPath, SettingsModel, read_secret

#: What a connection may raise: the network, TLS, a host name that is none, a broker that does not keep to the protocol.
NETWORK_ERRORS = (OSError, ValueError, struct.error, IndexError)

SomeClient = TypeVar("SomeClient", bound=Client)

_READ_BYTES = 262_144


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
        default=10, ge=1, le=65535, description="A silent connection is given up after 1.5 times this."
    )
    connect_timeout_s: float = Field(default=5.0, gt=0, le=60, description="Time to connect and to be let in.")

    @model_validator(mode="after")
    def _pairs(self) -> Self:
        if (self.cert_file is None) != (self.key_file is None):
            raise ValueError("cert_file and key_file go together, got only one of them")
        if self.password_file is not None and self.username is None:
            raise ValueError("password_file needs a username, got none")
        return self


#: PUBLISH packets of QoS 0 and 1, in order.
OnFrames: TypeAlias = Callable[[Frames], None]

#: What of paho the framed receive path leans on.
_PRIVATE = ("_sock_recv", "_loop_rc_handle", "_packet_queue")


def reads_frames() -> bool:
    """Whether this paho has what taking packets apart many at a time leans on."""
    return all(hasattr(Client, name) for name in _PRIVATE)


class FramedClient(Client):
    """A paho client that takes PUBLISH packets apart many at a time and writes acknowledgements together.

    paho asks the socket three times for each message, makes several objects of it and writes each PUBACK on its own,
    which costs more than all the rest. This one reads what is there, hands runs of PUBLISH packets on as columns, and
    lets paho see everything else. It leans on private methods: a paho that no longer has them, or an owner that asks
    for ``stock``, goes paho's own way through ``on_message``, and all still works.
    """

    on_frames: OnFrames | None = None
    heard_s: float = 0.0  # monotonic time of the last byte
    drained: bool = False  # the last read took all that there was; not known on paho's own way
    _frames: FrameBuffer | None = None
    _other: bytes = b""  # a packet that is paho's, on its way through ``_sock_recv``
    _at: int = 0

    def frame(self, on_frames: OnFrames, packet_bytes_max: int) -> None:
        """Hand PUBLISH packets to ``on_frames``, where this paho lets us."""
        self.on_frames = on_frames
        if reads_frames():
            five = self.protocol == MQTTProtocolVersion.MQTTv5
            self._frames = FrameBuffer(five=five, packet_bytes_max=packet_bytes_max)

    def read(self) -> None:
        """Take what the socket has."""
        if self._frames is None:
            self.heard_s = time.monotonic()
            self.loop_read()
            return
        try:
            data = super()._sock_recv(_READ_BYTES)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self._loop_rc_handle(MQTTErrorCode.MQTT_ERR_CONN_LOST)
            return
        self.heard_s = time.monotonic()
        self._last_bytes_received = self.heard_s
        self.drained = len(data) < _READ_BYTES
        self._frames.feed(data)
        self._take_apart(self._frames)

    def buffered(self) -> bool:
        """True while there is more to read without asking the socket's readiness."""
        sock = self.socket()
        return isinstance(sock, ssl.SSLSocket) and sock.pending() > 0

    def puback(self, mids: NDArray[np.int64]) -> MQTTErrorCode:
        """Acknowledge QoS 1 messages in this order (MQTT-4.6.0-2)."""
        if self._frames is None:
            return max((self.ack(mid, 1) for mid in mids.tolist()), default=MQTTErrorCode.MQTT_ERR_SUCCESS)
        packets = np.empty((len(mids), 4), np.uint8)
        packets[:, 0], packets[:, 1] = 0x40, 2
        packets[:, 2], packets[:, 3] = mids >> 8, mids & 255
        return self._packet_queue(0x40, packets.tobytes(), int(mids[-1]), 1)

    def drop(self) -> None:
        """Close the socket without a word."""
        sock = self.socket()
        if isinstance(sock, socket.socket):
            sock.close()

    def _take_apart(self, buffer: FrameBuffer) -> None:
        while self.socket() is not None and self.on_frames is not None:
            frames, why = buffer.take()
            if len(frames):
                self.on_frames(frames)
            elif why == OTHER:
                packet = buffer.other()
                if packet is None:
                    return
                self._other, self._at = packet, 0
                self.loop_read()
            elif why == FAULT:
                self._loop_rc_handle(MQTTErrorCode.MQTT_ERR_PROTOCOL)
            else:
                return

    def _sock_recv(self, bufsize: int) -> bytes:
        if self._frames is None:
            return super()._sock_recv(bufsize)
        if self._at == len(self._other):
            raise BlockingIOError
        chunk = self._other[self._at : self._at + bufsize]
        self._at += len(chunk)
        return chunk


def new_client(
    kind: type[SomeClient], settings: BrokerSettings, client_id: str, *, keep_session: bool, manual_ack: bool = False
) -> SomeClient:
    """Make a client that is not yet connected.

    Args:
        kind: ``FramedClient``, whose owner reads and reconnects by itself, or paho's ``Client``, which does that on a
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
        reconnect_on_failure=not issubclass(kind, FramedClient),
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


def topic_of(message: MQTTMessage) -> bytes:
    """Topic of a message as it came, UTF-8 or not."""
    try:
        return message.topic.encode()
    except UnicodeDecodeError as error:
        return error.object


def back_off_s(attempt: int, delay_s_min: float, delay_s_max: float) -> float:
    """Delay before a reconnection: doubled each time, and spread so that clients do not come back together."""
    return min(delay_s_max, delay_s_min * 2.0 ** min(attempt, 30)) * random.uniform(0.5, 1.0)
