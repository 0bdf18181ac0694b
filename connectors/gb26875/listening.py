"""Readiness of many sockets without a thread for each: the listener, the connections, and the pipe that wakes us.

Connections are watched for reading in a selector of their own, which itself is watched, so that all of them are left
alone at once while there is no room for what they send.
"""

from __future__ import annotations

import selectors
import socket
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

from connectors.gb26875.connection import Connection
from connectors.gb26875.frames import Command, FrameBuffer, encode
from connectors.gb26875.settings import Settings
from model.connector import Probe

_BACKLOG = 1024
_ACCEPTED_AT_ONCE = 64
_PROBE_S = 3.0


@dataclass(frozen=True, slots=True)
class Stranger:
    """A connection that was just made to us."""

    sock: socket.socket
    host: str
    port: int


@dataclass(slots=True)
class Ready:
    """What can be done now."""

    strangers: list[Stranger] = field(default_factory=list)
    readable: list[Connection] = field(default_factory=list)
    writable: set[Connection] = field(default_factory=set)


class Listener:
    """See the module.

    Raises:
        OSError: the address cannot be listened on.

    """

    def __init__(self, settings: Settings, wake: socket.socket) -> None:
        self._wake = wake
        self._server = _open(settings.host, settings.port)
        self._all = selectors.EpollSelector()
        self._readers = selectors.EpollSelector()
        self._reading, self._accepting = False, True
        self._resting: set[Connection] = set()
        self._writing: set[Connection] = set()
        self._all.register(self._server, selectors.EVENT_READ)
        self._all.register(wake, selectors.EVENT_READ)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, _: type[BaseException] | None, __: BaseException | None, ___: TracebackType | None) -> None:
        self._server.close()
        self._all.close()
        self._readers.close()

    @property
    def port(self) -> int:
        return int(self._server.getsockname()[1])

    def add(self, connection: Connection) -> None:
        self._readers.register(connection.sock, selectors.EVENT_READ, connection)

    def remove(self, connection: Connection) -> None:
        if connection in self._resting:
            self._resting.discard(connection)
        else:
            self._readers.unregister(connection.sock)
        if connection in self._writing:
            self._writing.discard(connection)
            self._all.unregister(connection.sock)

    def rest(self, connection: Connection) -> None:
        """Do not read this one for a while."""
        if connection not in self._resting:
            self._resting.add(connection)
            self._readers.unregister(connection.sock)

    def rests(self, connection: Connection) -> bool:
        return connection in self._resting

    def resume(self, connection: Connection) -> None:
        if connection in self._resting:
            self._resting.discard(connection)
            self.add(connection)

    def watch(self, *, reading: bool) -> None:
        """Read connections from now on, or none of them."""
        if reading and not self._reading:
            self._all.register(self._readers, selectors.EVENT_READ)
        elif not reading and self._reading:
            self._all.unregister(self._readers)
        self._reading = reading

    def write_when_possible(self, connection: Connection) -> None:
        """Watch a connection for room to write while it has something left to send."""
        if connection.unsent and not connection.ended and connection not in self._writing:
            self._writing.add(connection)
            self._all.register(connection.sock, selectors.EVENT_WRITE, connection)
        elif not connection.unsent and connection in self._writing:
            self._writing.discard(connection)
            self._all.unregister(connection.sock)

    def wait(self, timeout_s: float) -> Ready:
        """What can be done, at the latest after ``timeout_s``."""
        ready = Ready()
        for key, _ in self._all.select(timeout_s):
            if key.fileobj is self._wake:
                self._wake.recv(4096)
            elif key.fileobj is self._server:
                self._accept(ready)
            elif key.fileobj is self._readers:
                ready.readable = [reader.data for reader, _ in self._readers.select(0)]
            else:
                ready.writable.add(key.data)
        return ready

    def accept_again(self) -> None:
        """Look after those who wait outside, if there was no room for them."""
        if not self._accepting:
            self._all.register(self._server, selectors.EVENT_READ)
            self._accepting = True

    def _accept(self, ready: Ready) -> None:
        try:
            for _ in range(_ACCEPTED_AT_ONCE):
                sock, (host, port, *_) = self._server.accept()
                ready.strangers.append(Stranger(sock, host, port))
        except BlockingIOError:
            return
        except ConnectionError:  # one who left before it was his turn
            return
        except OSError:  # this process can open no more; asking again at once would not help
            self._all.unregister(self._server)
            self._accepting = False


def probe(settings: Settings) -> Probe:
    """Whether the address can be listened on, or is by one who speaks the protocol, which a running Fengsui does."""
    place = f"{settings.host}:{settings.port}"
    try:
        _open(settings.host, settings.port).close()
    except OSError as error:
        if settings.port and _is_a_centre(settings):
            return Probe(ok=True, message=f"{place}: a centre of GB/T 26875.3 listens there already, as Fengsui does")
        return Probe(ok=False, message=f"{place}: {error.strerror or error}")
    return Probe(ok=True, message=f"{place}: may be listened on")


def _is_a_centre(settings: Settings) -> bool:
    """Send a frame with a wrong checksum: a centre answers that it refuses it, and nothing comes of it."""
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(settings.host, settings.host)  # noqa: S104 - what was configured
    damaged = bytearray(encode(b"\0\0", b"\1\1", bytes(6), bytes(6), bytes(6), Command.SEND))
    damaged[-3] ^= 0xFF
    buffer = FrameBuffer()
    try:
        with socket.create_connection((host, settings.port), timeout=_PROBE_S) as sock:
            sock.sendall(damaged)
            buffer.feed(sock.recv(4096))
    except OSError:
        return False
    return any(getattr(found, "command", None) == Command.DENY for found in buffer.take())


def _open(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    server = socket.create_server((host, port), family=family, backlog=_BACKLOG)
    server.setblocking(False)  # noqa: FBT003 - the socket's own signature
    return server
