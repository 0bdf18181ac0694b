"""Receives readings from an MQTT broker and acknowledges each only when it is told to.

Everything the broker sent and we did not acknowledge is sent again after a reconnection, so nothing is lost between
the broker and the journal (MQTT 4.4). One thread owns the connection: it reads, it hands over, it writes the
acknowledgements that ``acknowledge`` left for it. It never waits for the inbox: while that is full it keeps what it
read, at most ``receive_maximum`` messages, and stops reading, which in turn stops the broker.
"""

from __future__ import annotations

import select
import socket
import threading
import time

import numpy as np
import structlog
from numpy.typing import NDArray
from paho.mqtt.client import Client, ConnectFlags, DisconnectFlags, MQTTMessage
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode
from paho.mqtt.subscribeoptions import SubscribeOptions

from connectors.mqtt.broker import NETWORK_ERRORS, FramedClient, back_off_s, connect_properties, new_client, topic_of
from connectors.mqtt.care import BrokerCare, is_old, minimum
from connectors.mqtt.frames import Frames
from connectors.mqtt.settings import Settings
from connectors.mqtt.under_way import UnderWay
from connectors.mqtt.voice import Voice
from connectors.requests import Requests
from model.connector import Deliveries, Gap, Inbox, Probe
from model.errors import FengsuiError

#: A connection that lasted this long was a good one: the next attempt follows at once.
_STEADY_S = 10.0
_FULL_INBOX_POLL_MS = 10
#: What has been read is handed over at once; then the next messages may find company, for a round costs as much with
#: one message in it as with twenty.
_COMPANY_S = 0.002
_RETAIN_NEVER = 2  # what happened before we listened is no event (MQTT 5, 3.8.3.1)
_SYS_WAIT_S = 1.0  # for what a broker tells of itself, when it is tried out
_HANG_UP = select.POLLHUP | select.POLLERR
#: Header, topic and properties of a packet, beside its payload.
_TOPIC_ROOM_BYTES = 131_072

_log = structlog.get_logger(__name__)


class MqttSource:
    """See the module. The plain attributes are for the metrics; only the thread of ``run`` writes them.

    Attributes:
        connects: connections on which the broker let us in.
        disconnects: connections lost after that.
        received: messages.
        acknowledged: messages of QoS 1 whose acknowledgement was written.
        turns: of the loop; it stands when they no longer rise.
        void: acknowledgements that came after their connection was gone; the broker sends those messages again.
        session_present: whether the broker still knew us at the last connection; None before the first.
        last_error: why the last connection was lost or refused; empty while all is well.
        care: what is known of the broker itself.

    """

    def __init__(self, name: str, settings: Settings, client_id: str, requests: Requests) -> None:
        self.name = name
        self.connects = 0
        self.disconnects = 0
        self.received = 0
        self.acknowledged = 0
        self.void = 0
        self.turns = 0
        self.session_present: bool | None = None
        self.last_error = ""
        self._settings = settings
        self._client_id = client_id
        self.care = BrokerCare(
            name,
            watch=settings.watch_broker,
            session_kept=settings.session_is_kept,
            sys_is_wanted=any(topic.startswith("$SYS/") for topic, _ in settings.filters),
        )
        self._voice = Voice(settings.presence, requests)
        self._under_way = UnderWay()
        self._durable = 0  # set by acknowledge: the last receipt that is durable
        self._stopping = threading.Event()
        self._subscribed = False
        self._admitted = False
        self._answered = False  # the subscription, granted or not
        self._woken = False
        self._logged_error = ""
        self._wake_reader, self._wake_writer = socket.socketpair()
        self._wake_reader.settimeout(0)
        self._wake_writer.settimeout(0)

    def check(self) -> None:
        """Read every file that a connection needs, so that a wrong one is known at once."""
        self._new_client()

    @property
    def asked(self) -> int:
        """Requests that were published, such as rebirths."""
        return self._voice.requests.published

    def gaps(self) -> list[Gap]:
        return self.care.gaps()

    def figures(self) -> dict[str, float]:
        return self.care.figures()

    def connected(self) -> bool:
        """True while the broker has let us in and granted every subscription."""
        return self._subscribed

    def acknowledge(self, through: int) -> None:
        self._durable = max(self._durable, through)
        self._wake()

    def stop(self) -> None:
        self._stopping.set()
        self._wake()

    def run(self, inbox: Inbox) -> None:
        attempt = 0
        delays = self._settings.reconnect_delay_s_min, self._settings.reconnect_delay_s_max
        while not self._stopping.is_set():
            begun_s = time.monotonic()
            self.turns += 1
            self._connect_once(inbox)
            attempt = 0 if time.monotonic() - begun_s > _STEADY_S and self._admitted else attempt + 1
            self._rest(back_off_s(attempt, *delays))
        self._close_wake()

    def _rest(self, wait_s: float) -> None:
        """Wait before the next attempt, in pieces: the loop goes on meanwhile."""
        until_s = time.monotonic() + wait_s
        while (left_s := until_s - time.monotonic()) > 0 and not self._stopping.wait(min(left_s, 1.0)):
            self.turns += 1

    def probe(self) -> Probe:
        """Connect beside the running session and ask for the subscriptions."""
        place = f"{self._settings.host}:{self._settings.port}"
        trial = MqttSource(
            self.name,
            self._settings.model_copy(update={"session_expiry_s": 0}),
            f"{self._client_id}-probe",
            Requests(),
        )
        try:
            fault = trial.try_out()
        except (*NETWORK_ERRORS, FengsuiError) as error:
            fault = str(error)
        if fault:
            return Probe(ok=False, message=f"{place}: {fault}")
        filters = ", ".join(name for name, _ in self._settings.filters)
        found = f"{place}: connected with MQTT {self._settings.version}, may read {filters}"
        warnings = _warnings(trial.care)
        about = [said for said in (trial.care.version, *warnings) if said]
        return Probe(ok=True, message="; ".join([found, *about]), warnings=warnings)

    def try_out(self) -> str:
        """Connect once without keeping a session; returns what went wrong.

        Raises:
            OSError: there is no connection; ``NETWORK_ERRORS`` names what else a broker can cause.
            FengsuiError: the password cannot be read.

        """
        client = self._new_client(keep_session=False)
        give_up_s = time.monotonic() + self._settings.connect_timeout_s
        try:
            self._open(client, clean_start=True)
            while client.socket() is not None and not self._tried_out() and time.monotonic() < give_up_s:
                self._wait(client, 0.1)
                self._under_way.drop_held()
                if self._answered:
                    give_up_s = min(give_up_s, time.monotonic() + _SYS_WAIT_S)
            granted = self._subscribed
            client.disconnect()
        finally:
            client.drop()
            self._close_wake()
        return "" if granted else self.last_error or "the broker did not answer"

    def _tried_out(self) -> bool:
        """Nothing more is to come: the subscription was refused, or granted and the broker has said what it is."""
        no_word = not self._settings.watch_broker or self.care.granted is False
        return self._answered and (not self._subscribed or no_word or bool(self.care.version and self.care.figures()))

    def _wake(self) -> None:
        if self._woken:
            return
        self._woken = True
        try:
            self._wake_writer.send(b"\0")
        except OSError:  # full: it wakes anyway; closed: run has ended
            return

    def _close_wake(self) -> None:
        self._wake_reader.close()
        self._wake_writer.close()

    def _new_client(self, *, keep_session: bool = True) -> FramedClient:
        client = new_client(FramedClient, self._settings, self._client_id, keep_session=keep_session, manual_ack=True)
        client.on_connect = self._on_connect
        client.on_subscribe = self._on_subscribe
        client.on_disconnect = self._on_disconnect
        client.on_message = self._on_message
        if keep_session:
            self._voice.prepare(client)
        if self._settings.receive_path == "framed":
            client.frame(self._take, self._settings.payload_bytes_max + _TOPIC_ROOM_BYTES)
        return client

    def _open(self, client: FramedClient, *, clean_start: bool = False) -> None:
        settings = self._settings
        client.connect_async(
            settings.host,
            settings.port,
            keepalive=settings.keepalive_s,
            clean_start=clean_start,
            properties=connect_properties(
                settings, SessionExpiryInterval=settings.session_expiry_s, ReceiveMaximum=settings.receive_maximum
            ),
        )
        client.reconnect()

    def _connect_once(self, inbox: Inbox) -> None:
        self._admitted = False
        try:
            client = self._new_client()
            try:
                self._open(client)
                self._serve(client, inbox)
            finally:
                client.drop()
        except (*NETWORK_ERRORS, FengsuiError) as error:
            self.last_error = f"{self._settings.host}:{self._settings.port}: {error}"
        self._forget()
        if not self._stopping.is_set() and self.last_error != self._logged_error:
            _log.warning("mqtt_disconnected", source=self.name, reason=self.last_error, after_admission=self._admitted)
        self._logged_error = self.last_error

    def _forget(self) -> None:
        self.disconnects += self._admitted
        self._subscribed = False
        self.care.disconnected()
        self._under_way.forget()

    def _serve(self, client: FramedClient, inbox: Inbox) -> None:
        admitted_by_s = time.monotonic() + self._settings.connect_timeout_s
        tick_s = min(1.0, self._settings.keepalive_s / 8)
        misc_due_s = time.monotonic()
        received = self.received
        while client.socket() is not None and not self._stopping.is_set():
            self.turns += 1
            self._write_acknowledgements(client)
            self._under_way.hand_over(inbox)
            if self._subscribed:
                self._voice.speak(client)
            if client.drained and self.received > received:
                time.sleep(_COMPANY_S)
            received = self.received
            if not self._wait(client, tick_s):
                return
            now_s = time.monotonic()
            if not self._admitted and now_s > admitted_by_s:
                self.last_error = f"the broker did not let us in within {self._settings.connect_timeout_s:g} s"
                return
            if now_s >= misc_due_s:
                misc_due_s = now_s + tick_s
                client.loop_misc()
                if self._silent(client, now_s):
                    return
        if client.socket() is not None:
            self._write_acknowledgements(client)
            self._voice.end(client)
            client.disconnect()

    def _silent(self, client: FramedClient, now_s: float) -> bool:
        """A half-open connection: pinged at the keep-alive, and still no byte. While we do not read it says nothing."""
        limit_s = 1.5 * client.keepalive
        if not self._admitted or self._full() or client.heard_s == 0.0 or now_s - client.heard_s <= limit_s:
            return False
        self.last_error = f"the broker has been silent for {limit_s:g} s"
        return True

    def _full(self) -> bool:
        return self._under_way.held >= self._settings.receive_maximum

    def _wait(self, client: FramedClient, tick_s: float) -> bool:
        """Wait for something to do and do it; False when the connection ended while there was no room to read."""
        sock = client.socket()
        if sock is None:
            return True
        room = not self._full()
        poll = select.poll()
        poll.register(self._wake_reader, select.POLLIN)
        poll.register(sock.fileno(), (select.POLLIN if room else 0) | (select.POLLOUT if client.want_write() else 0))
        timeout_ms = (
            0.0 if room and client.buffered() else _FULL_INBOX_POLL_MS if self._under_way.held else tick_s * 1000
        )
        ready = dict(poll.poll(timeout_ms))
        if self._wake_reader.fileno() in ready:
            self._wake_reader.recv(4096)
            self._woken = False
        events = ready.get(sock.fileno(), 0)
        if events & select.POLLOUT:
            client.loop_write()
        if room and (events & (select.POLLIN | _HANG_UP) or client.buffered()):
            self._read(client)
        return room or not events & _HANG_UP

    def _read(self, client: FramedClient) -> None:
        client.read()
        while client.socket() is not None and client.buffered() and not self._full():
            client.read()

    def _write_acknowledgements(self, client: FramedClient) -> None:
        ready, of_qos_2, void = self._under_way.durable(self._durable)
        self.void += void
        for mid in of_qos_2.tolist():  # left in the session by an older subscription
            client.ack(mid, 2)
        if len(ready):
            client.puback(ready)
            self.acknowledged += len(ready)

    def _on_connect(
        self, client: Client, _: object, flags: ConnectFlags, reason: ReasonCode, __: Properties | None
    ) -> None:
        if reason.is_failure:
            self.last_error = f"the broker refused us: {reason}"
            return
        self._admitted = True
        self.connects += 1
        self.session_present = flags.session_present
        self.care.admitted(session_present=flags.session_present, again=self.connects > 1)
        plain = self._settings.filters
        topics = [(topic, SubscribeOptions(qos=qos, retainHandling=_RETAIN_NEVER)) for topic, qos in plain]
        client.subscribe(topics if self._settings.version == "5" else plain)

    def _on_subscribe(
        self, client: Client, _: object, packet: int, reasons: list[ReasonCode], __: Properties | None
    ) -> None:
        if self.care.answers(packet, reasons):
            return
        refused = [
            f"{topic} ({reason})"
            for (topic, _), reason in zip(self._settings.filters, reasons, strict=False)
            if reason.is_failure
        ]
        self._answered = True
        self._subscribed = not refused
        self._logged_error = ""
        self.last_error = f"the broker refused the subscription of {', '.join(refused)}" if refused else ""
        lost = self.connects > 1 and not self.session_present  # what came meanwhile is gone
        log = _log.error if refused else _log.warning if lost else _log.info
        log("mqtt_subscribed", source=self.name, session_present=self.session_present, refused=refused)
        if not refused:
            self.care.ask(client)

    def _on_disconnect(
        self, _: Client, __: object, ___: DisconnectFlags, reason: ReasonCode, ____: Properties | None
    ) -> None:
        self._subscribed = False
        if not self._stopping.is_set() and not self.last_error:
            self.last_error = f"the connection ended: {reason}"

    def _on_message(self, _: Client, __: object, message: MQTTMessage) -> None:
        topic, payload = topic_of(message), bytes(message.payload)
        ends = np.array([[0], [len(topic)], [len(topic)], [len(topic) + len(payload)]], np.int64)
        flags = np.array([[message.mid], [message.qos], [message.retain]], np.int64)
        self._take(Frames(topic + payload, *ends, *flags))

    def _take(self, frames: Frames) -> None:
        receipt = self.received + 1 + np.arange(len(frames), dtype=np.int64)
        self.received += len(frames)
        now_ns = np.full(len(frames), time.time_ns(), np.int64)
        places = frames.topic_at, frames.topic_end, frames.payload_at, frames.payload_end
        deliveries = Deliveries(self.name, frames.data, *places, now_ns, frames.retained > 0, receipt)
        wanted = _both(self._voice.listen(deliveries), self.care.listen(deliveries))
        self._under_way.add(deliveries, frames.mid, frames.qos, wanted)


def _both(one: NDArray[np.bool_] | None, other: NDArray[np.bool_] | None) -> NDArray[np.bool_] | None:
    if one is None or other is None:
        return other if one is None else one
    return one & other


def _warnings(care: BrokerCare) -> tuple[str, ...]:
    """What the broker said of itself that somebody should look at."""
    found = []
    if is_old(care.version):
        found.append(f"{care.version} is older than {minimum()}: it can be brought down from outside, upgrade it")
    dropped = care.figures().get("dropped", 0)
    if dropped:
        found.append(f"it has dropped {dropped:.0f} messages since its start: set its max_queued_messages to 0")
    return tuple(found)
