"""One TCP connection: frames in, bytes out, and how to tell one that is no good."""

from __future__ import annotations

import contextlib
import socket

from connectors.gb26875.frames import Broken, Frame, FrameBuffer
from connectors.gb26875.settings import Settings

_READ_BYTES = 16_384
#: A peer that does not read its confirmations, or sends so much that is no frame, is sent away.
_UNREAD_BYTES_MAX = GARBAGE_BYTES_MAX = 65_536
_KEEPALIVE_PROBES, _KEEPALIVE_INTERVAL_S = 3, 20


class Connection:
    """See the module.

    Attributes:
        sock: not blocking.
        peer: address and port, for people.
        devices: addresses of the devices that spoke on it; a gateway may speak for several.
        waiting: frames that came on it and are not durable yet.
        ended: why it is over; empty while it is not.

    """

    def __init__(self, sock: socket.socket, peer: str, settings: Settings, now_s: float) -> None:
        self.sock = sock
        self.peer = peer
        self.devices: set[bytes] = set()
        self.waiting = 0
        self.ended = ""
        self._settings = settings
        self._buffer = FrameBuffer()
        self._out = bytearray()
        self._opened_s = self._heard_s = now_s
        self._partial_s: float | None = None  # since when a beginning waits, with what stood behind it then
        self._old_bytes = 0
        self._good = False
        sock.setblocking(False)  # noqa: FBT003 - the socket's own signature
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, settings.keepalive_s)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, _KEEPALIVE_INTERVAL_S)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPCNT, _KEEPALIVE_PROBES)

    @property
    def unsent(self) -> bool:
        return bool(self._out)

    def read(self, now_s: float) -> list[Frame | Broken]:
        """Take what the peer sent; a heartbeat of single bytes is answered here."""
        try:
            data = self.sock.recv(_READ_BYTES)
        except BlockingIOError:
            return []
        except OSError as error:
            self.ended = error.strerror or str(error)
            return []
        if not data:
            self.ended = "the device closed it"
            return []
        self._heard_s = now_s
        if not len(self._buffer) and set(data) == {self._settings.heartbeat_byte}:
            self._good = True
            self.send(bytes((self._settings.heartbeat_answer,)) * len(data))
            return []
        self._buffer.feed(data)
        return self._noted(self._buffer.take(), now_s)

    def accept(self) -> None:
        """Note that a frame of a known device came: this is no stranger."""
        self._good = True

    def send(self, data: bytes) -> None:
        """Leave bytes for ``flush``."""
        self._out += data

    def flush(self) -> None:
        """Write what the socket takes; the rest stays."""
        try:
            del self._out[: self.sock.send(self._out)]
        except BlockingIOError:
            pass
        except OSError as error:
            self.ended = self.ended or error.strerror or str(error)
        if len(self._out) > _UNREAD_BYTES_MAX:
            self.ended = self.ended or f"the device has not read {len(self._out)} bytes"

    def review(self, now_s: float, *, is_read: bool) -> list[Frame | Broken]:
        """What time alone changes: silence, strangers, a beginning that never becomes a frame.

        Args:
            now_s: monotonic.
            is_read: False while we do not read it, for then its silence is ours.

        """
        found: list[Frame | Broken] = []
        if not self._good and now_s - self._opened_s > self._settings.first_frame_s_max:
            self.ended = f"no good frame within {self._settings.first_frame_s_max:g} s"
        elif not is_read:
            self._heard_s = now_s
        elif now_s - self._heard_s > self._settings.silent_s_max:
            self.ended = f"not a byte for {self._settings.silent_s_max:g} s"
        elif self._partial_s is not None and now_s - self._partial_s > self._settings.frame_s_max:
            self._partial_s = None
            found = self._noted(self._buffer.give_up(self._old_bytes), now_s)
        return found

    def close(self) -> None:
        self.ended = self.ended or "we closed it"
        with contextlib.suppress(OSError):
            self.sock.close()

    def _noted(self, found: list[Frame | Broken], now_s: float) -> list[Frame | Broken]:
        """Keep in mind since when what is left in the buffer waits."""
        if not len(self._buffer):
            self._partial_s = None
        elif found or self._partial_s is None:
            self._partial_s, self._old_bytes = now_s, len(self._buffer)
        if self._buffer.dropped > GARBAGE_BYTES_MAX:
            self.ended = f"{self._buffer.dropped} bytes that are no frames"
        return found
