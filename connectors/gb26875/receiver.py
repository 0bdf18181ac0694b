"""The source: reads all connections on one thread, and confirms a frame only when it is told that it is durable.

What is confirmed too early is lost in a crash, for the device then forgets it. So a frame waits for its confirmation
until ``acknowledge`` covers it; while the inbox is full nothing is read, and TCP holds the devices back. What comes
again before that on the same connection is not handed over twice. A connection that breaks leaves its confirmations
void, and the device sends those frames again on the next one.
"""

from __future__ import annotations

import random
import socket
import threading
import time
from collections import deque
from functools import lru_cache
from ipaddress import IPv6Address, ip_address

import structlog

from connectors.gb26875 import reports, times
from connectors.gb26875.connection import Connection
from connectors.gb26875.exchange import Exchange, answers_duty
from connectors.gb26875.frames import Broken, Command, Frame
from connectors.gb26875.handover import Handover, Waiting
from connectors.gb26875.listening import Listener, Stranger, probe
from connectors.gb26875.settings import Settings
from connectors.gb26875.tags import device_name
from model.connector import Inbox, Probe

_log = structlog.get_logger(__name__)

_FULL_INBOX_POLL_S = 0.01
_REVIEW_S = 0.25
_LISTEN_AGAIN_S = 1.0
#: Devices that are remembered; a flood of invented addresses costs no memory, and those known go on.
_DEVICES_MAX = 10_000


class Receiver:
    """See the module. The plain attributes are for the metrics; only the thread of ``run`` writes them.

    Attributes:
        port: on which it listens; 0 while it does not.
        connects, disconnects: of devices.
        received: frames that were handed over to be confirmed.
        acknowledged: frames confirmed because they were durable.
        repeated: frames confirmed once more because they came again.
        void: confirmations that came after their connection was gone.
        denied: damaged frames that were refused (command 6).
        refused: connections, and frames of devices, that do not belong here.
        turns: of the loop; it stands when they no longer rise.
        last_error: why it does not listen; empty while it does.

    """

    _listener: Listener  # while ``run`` does its work

    def __init__(self, name: str, settings: Settings) -> None:
        self.name = name
        self.port = self.connects = self.disconnects = self.received = self.acknowledged = 0
        self.repeated = self.void = self.denied = self.refused = self.turns = 0
        self.last_error = ""
        self._settings = settings
        self._chance = random.Random()
        self._devices: dict[bytes, Exchange] = {}
        self._lines: dict[bytes, Connection] = {}  # on which a device spoke last
        self._connections: set[Connection] = set()
        self._unflushed: set[Connection] = set()
        self._handover = Handover(name)
        self._durable = 0  # set by acknowledge
        self._duty_checks: deque[bytes] = deque()
        self._stopping = threading.Event()
        self._wake_reader, self._wake_writer = socket.socketpair()
        self._wake_reader.settimeout(0)
        self._wake_writer.settimeout(0)

    def probe(self) -> Probe:
        return probe(self._settings)

    def connected(self) -> bool:
        """True while it listens; which devices are there is said by their ``link``."""
        return self.port > 0

    def acknowledge(self, through: int) -> None:
        self._durable = max(self._durable, through)
        self._wake()

    def check_duty(self, device: int) -> None:
        """Check the duty room behind a device as soon as it is connected (查岗); thread-safe.

        Whether somebody answered comes as the reading ``duty_missed``.
        """
        self._duty_checks.append(device.to_bytes(6, "little"))
        self._wake()

    def stop(self) -> None:
        self._stopping.set()
        self._wake()

    def run(self, inbox: Inbox) -> None:
        while not self._stopping.is_set():
            self.turns += 1
            try:
                with Listener(self._settings, self._wake_reader) as self._listener:
                    self._serve(inbox)
            except OSError as error:
                reason = f"{self._settings.host}:{self._settings.port}: {error.strerror or error}"
                if reason != self.last_error:
                    _log.error("gb26875_not_listening", source=self.name, reason=reason)
                self.last_error = reason
                self._stopping.wait(_LISTEN_AGAIN_S)
        self._wake_reader.close()
        self._wake_writer.close()

    def _wake(self) -> None:
        try:
            self._wake_writer.send(b"\0")
        except OSError:  # full: it wakes anyway; closed: run has ended
            return

    def _serve(self, inbox: Inbox) -> None:
        review_due_s = time.monotonic()
        for address in self._settings.devices:
            self._device(address.to_bytes(6, "little"), review_due_s)
        self.port, self.last_error = self._listener.port, ""
        _log.info("gb26875_listening", source=self.name, host=self._settings.host, port=self.port)
        try:
            while not self._stopping.is_set():
                self.turns += 1
                self._confirm()
                self._handover.offer(inbox)
                self._flush()
                self._wait()
                now_s = time.monotonic()
                if now_s >= review_due_s:
                    review_due_s = now_s + _REVIEW_S
                    self._review(now_s)
            self._confirm()
            self._flush()
        finally:
            self.port = 0
            for connection in list(self._connections):
                self._drop(connection, "we stopped")

    def _wait(self) -> None:
        """Wait for something to do and do it."""
        self._listener.watch(reading=not self._handover.full)
        ready = self._listener.wait(_FULL_INBOX_POLL_S if len(self._handover) else _REVIEW_S)
        now_s, now_ns = time.monotonic(), time.time_ns()
        for stranger in ready.strangers:
            self._welcome(stranger, now_s)
        for connection in ready.readable:
            self._process(connection, connection.read(now_s), now_s, now_ns)
        self._unflushed |= ready.writable

    def _welcome(self, stranger: Stranger, now_s: float) -> None:
        address = ip_address(stranger.host.partition("%")[0])
        if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
            address = address.ipv4_mapped
        networks = self._settings.networks
        allowed = not networks or any(address in network for network in networks)
        if not allowed or len(self._connections) >= self._settings.connections_max:
            self.refused += 1
            stranger.sock.close()
            return
        connection = Connection(stranger.sock, f"{address}:{stranger.port}", self._settings, now_s)
        self._connections.add(connection)
        self._listener.add(connection)

    def _process(self, connection: Connection, found: list[Frame | Broken], now_s: float, now_ns: int) -> None:
        if connection not in self._connections:  # dropped a moment ago, because its device came again
            return
        for one in found:
            if isinstance(one, Broken):
                self.denied += 1
                connection.send(one.head.reply(Command.DENY, self._label(now_ns)))
            else:
                self._frame(connection, one, now_s, now_ns)
        if connection.unsent:
            self._unflushed.add(connection)
        if connection.waiting >= self._settings.unacknowledged_max:
            self._listener.rest(connection)
        if connection.ended:
            self._drop(connection, connection.ended)

    def _frame(self, connection: Connection, frame: Frame, now_s: float, now_ns: int) -> None:
        device = self._device(frame.source, now_s)
        if device is None:
            self.refused += 1
            return
        connection.accept()
        self._hold_line(connection, device, now_s)
        device.heard(frame, now_ns)
        if frame.command in {Command.CONFIRM, Command.DENY}:
            device.answered(frame)
        elif frame.command == Command.RESPONSE:
            device.answered(frame)
            self._handover.add(self._topic(device), frame.raw, now_ns, None)
        elif frame.command == Command.SEND and frame.data in {b"", bytes((self._settings.heartbeat_byte,))}:
            answer = bytes((self._settings.heartbeat_answer,)) if frame.data else b""
            connection.send(frame.reply(Command.CONFIRM, self._label(now_ns), answer))
        else:
            self._take(connection, device, frame, now_ns)

    def _take(self, connection: Connection, device: Exchange, frame: Frame, now_ns: int) -> None:
        """Hand a frame over, unless it is one that came already."""
        durable = device.again(frame)
        if durable:
            self.repeated += 1
            connection.send(self._answer(frame, now_ns))
        elif durable is None:
            device.remember(frame, durable=False)
            connection.waiting += 1
            self.received += 1
            self._handover.add(self._topic(device), frame.raw, now_ns, Waiting(connection, frame))
            if frame.command == Command.SEND and answers_duty(frame):
                device.duty_answered()

    def _device(self, address: bytes, now_s: float) -> Exchange | None:
        """The device of an address; None where it does not belong here."""
        device = self._devices.get(address)
        if device is None:
            known = self._settings.devices
            if (known and int.from_bytes(address, "little") not in known) or len(self._devices) >= _DEVICES_MAX:
                return None
            device = self._devices[address] = Exchange(address, self._settings, now_s, self._chance)
        return device

    def _hold_line(self, connection: Connection, device: Exchange, now_s: float) -> None:
        """A device is where it spoke last: it may have come again before its old connection was known to be dead."""
        before = self._lines.get(device.address)
        if before is connection:
            return
        if before is None:
            self.connects += 1
            _log.info("gb26875_device_connected", source=self.name, device=self._name(device), peer=connection.peer)
        else:
            before.devices.discard(device.address)
            device.disconnect(now_s)
        self._lines[device.address] = connection
        connection.devices.add(device.address)
        device.connect(now_s)
        if before is not None and not before.devices:
            self._drop(before, "its device came again")

    def _drop(self, connection: Connection, reason: str) -> None:
        self._connections.discard(connection)
        self._unflushed.discard(connection)
        self._listener.remove(connection)
        connection.close()
        for address in connection.devices:
            self.disconnects += 1
            del self._lines[address]
            device = self._devices[address]
            device.disconnect(time.monotonic())
            name = self._name(device)
            _log.warning("gb26875_device_lost", source=self.name, device=name, peer=connection.peer, reason=reason)

    def _confirm(self) -> None:
        """Answer every frame that has become durable."""
        now_ns = time.time_ns()
        for one in self._handover.through(self._durable):
            one.connection.waiting -= 1
            if one.connection.ended:
                self.void += 1
                continue
            self.acknowledged += 1
            self._devices[one.frame.source].remember(one.frame, durable=True)
            one.connection.send(self._answer(one.frame, now_ns))
            self._unflushed.add(one.connection)
            if one.connection.waiting < self._settings.unacknowledged_max:
                self._listener.resume(one.connection)

    def _answer(self, frame: Frame, now_ns: int) -> bytes:
        """Nobody commands or asks the centre; everything else is confirmed, so that no device sends it for ever."""
        ours = frame.command in {Command.CONTROL, Command.REQUEST}
        return frame.reply(Command.DENY if ours else Command.CONFIRM, self._label(now_ns))

    def _flush(self) -> None:
        for connection in self._unflushed:
            connection.flush()
            self._listener.write_when_possible(connection)
        self._unflushed.clear()

    def _review(self, now_s: float) -> None:
        """What is due by the passing of time, for every connection and device."""
        now_ns = time.time_ns()
        reading = not self._handover.full
        for connection in list(self._connections):
            is_read = reading and not self._listener.rests(connection)
            self._process(connection, connection.review(now_s, is_read=is_read), now_s, now_ns)
        while self._duty_checks:
            asked = self._devices.get(self._duty_checks.popleft())
            if asked is not None:
                asked.check_duty(now_s)
        for device in self._devices.values():
            self._attend(device, now_s, now_ns)
        self._listener.accept_again()

    def _attend(self, device: Exchange, now_s: float, now_ns: int) -> None:
        line = self._lines.get(device.address)
        for frame in device.due(now_s, now_ns):
            if line is not None:
                line.send(frame)
                self._unflushed.add(line)
        for signals in () if self._handover.full else device.news(now_s):
            report = reports.encode(reports.Report(device.address.hex(), signals))
            self._handover.add(f"{self._topic(device)}/report", report, now_ns, None)

    def _topic(self, device: Exchange) -> str:
        return f"uitd/{self._name(device)}"

    def _name(self, device: Exchange) -> str:
        return device_name(device.address, self._settings.device_address)

    def _label(self, now_ns: int) -> bytes:
        return _label_of_second(now_ns // 10**9, self._settings.time_zone, self._settings.time_format)


@lru_cache(maxsize=16)
def _label_of_second(second: int, zone: str, written: times.TimeFormat) -> bytes:
    return times.label(second * 10**9, zone, written)
