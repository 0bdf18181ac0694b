"""Takes the bytes of an MQTT connection apart: runs of PUBLISH packets become columns, all else is left to the client.

Python objects for each packet cost more than everything that happens to a reading afterwards, so one compiled loop
finds all messages that a ``recv`` brought. A packet longer than what anybody will read keeps its head; the rest is
let go by as it comes, so that no sender can fill the memory.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numba import njit, types
from numpy.typing import NDArray

#: Why ``take`` stopped.
MORE, OTHER, FAULT = 0, 1, 2
_PUBLISH_BITS, _QOS_2_BITS = 0x30, 0x04
_MESSAGES_MAX = 8192
_PACKET_BYTES_MIN = 5  # a PUBLISH of QoS 0 with a topic of one letter

_BYTES = types.Array(types.uint8, 1, "C", readonly=True)
_I64 = types.Array(types.int64, 1, "C")
_PAIR = types.UniTuple(types.int64, 2)  # type: ignore[no-untyped-call]
_THREE = types.UniTuple(types.int64, 3)  # type: ignore[no-untyped-call]


@dataclass(frozen=True, slots=True)
class Frames:
    """PUBLISH packets, in columns.

    Attributes:
        data: the bytes in which they stand.
        topic_at, topic_end, payload_at, payload_end: int64 [n], places in ``data``.
        mid: int64 [n], packet identifier, 0 at QoS 0.
        qos: int64 [n], 0 or 1.
        retained: int64 [n], 0 or 1.

    """

    data: bytes
    topic_at: NDArray[np.int64]
    topic_end: NDArray[np.int64]
    payload_at: NDArray[np.int64]
    payload_end: NDArray[np.int64]
    mid: NDArray[np.int64]
    qos: NDArray[np.int64]
    retained: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.mid)


class FrameBuffer:
    """Bytes as they came, of which whole packets are taken.

    Args:
        five: MQTT 5, where properties stand before the payload.
        packet_bytes_max: of a longer packet only so much is kept; its payload then is cut short.

    """

    def __init__(self, *, five: bool, packet_bytes_max: int) -> None:
        self._five = five
        self._packet_bytes_max = packet_bytes_max
        self._bytes = bytearray()
        self._skip = 0  # of a packet whose head was handed out

    def __len__(self) -> int:
        return len(self._bytes)

    def feed(self, data: bytes) -> None:
        if self._skip:
            gone = min(self._skip, len(data))
            self._skip -= gone
            data = data[gone:]
        self._bytes += data

    def take(self) -> tuple[Frames, int]:
        """Take the PUBLISH packets of QoS 0 and 1 that stand first.

        Returns:
            them, and why no more: ``MORE`` bytes are needed, an ``OTHER`` packet stands first now, or the bytes are no
            MQTT (``FAULT``).

        """
        data = bytes(self._bytes)
        rows = np.empty((7, min(_MESSAGES_MAX, len(data) // _PACKET_BYTES_MIN + 1)), np.int64)
        count, used, why = _take(np.frombuffer(data, np.uint8), self._five, *rows)
        del self._bytes[:used]
        frames = Frames(data, *rows[:, :count])
        if count == 0 and why == MORE and len(self._bytes) > self._packet_bytes_max:
            return self._head()
        return frames, why

    def other(self) -> bytes | None:
        """The packet that stands first, whole; None while bytes of it are missing."""
        length, head = _length(np.frombuffer(bytes(self._bytes[:5]), np.uint8), 0)
        if head == 0 or len(self._bytes) < head + length:
            return None
        packet = bytes(self._bytes[: head + length])
        del self._bytes[: head + length]
        return packet

    def _head(self) -> tuple[Frames, int]:
        """A PUBLISH too long to wait for, cut short."""
        first = np.frombuffer(bytes(self._bytes[:5]), np.uint8)
        length, head = _length(first, 0)
        if first[0] & 0xF0 != _PUBLISH_BITS or first[0] & _QOS_2_BITS:
            return _NONE, MORE
        kept = self._packet_bytes_max - 5
        body = bytes(self._bytes[head : head + kept])
        self._skip = max(0, head + length - len(self._bytes))
        del self._bytes[: head + length]
        short = FrameBuffer(five=self._five, packet_bytes_max=self._packet_bytes_max)
        short.feed(bytes([first[0]]) + _remaining_length(len(body)) + body)
        return short.take()


def _remaining_length(length: int) -> bytes:
    """MQTT 3.1.1, 2.2.3."""
    out = bytearray()
    while True:
        length, digit = length >> 7, length & 127
        out.append(digit | 128 if length else digit)
        if not length:
            return bytes(out)


@njit(_PAIR(_BYTES, types.int64), cache=True, nogil=True)
def _length(data: NDArray[np.uint8], at: int) -> tuple[int, int]:
    """Remaining length of the packet at ``at`` and the size of its fixed header.

    (0, 0): bytes are missing; (-1, -1): it has more than four digits.
    """
    length = 0
    for digit in range(4):
        place = at + 1 + digit
        if place >= len(data):
            return 0, 0
        length |= (data[place] & 127) << (7 * digit)
        if data[place] < 128:
            return length, digit + 2
    return -1, -1


@njit(nogil=True)
def _after_properties(data: NDArray[np.uint8], at: int, end: int) -> int:
    """Where the payload begins: properties stand before it with their length (MQTT 5, 2.2.2), and we need none."""
    length = 0
    for digit in range(4):
        place = at + digit
        if place >= end:
            return end + 1
        length |= (data[place] & 127) << (7 * digit)
        if data[place] < 128:
            return int(place + 1 + length)
    return end + 1


@njit(
    _THREE(_BYTES, types.boolean, _I64, _I64, _I64, _I64, _I64, _I64, _I64),
    cache=True,
    nogil=True,
)
def _take(
    data: NDArray[np.uint8],
    five: bool,  # noqa: FBT001 - a kernel has no keywords
    topic_at: NDArray[np.int64],
    topic_end: NDArray[np.int64],
    payload_at: NDArray[np.int64],
    payload_end: NDArray[np.int64],
    mids: NDArray[np.int64],
    qos: NDArray[np.int64],
    retained: NDArray[np.int64],
) -> tuple[int, int, int]:
    """Fill the columns; returns how many, the bytes used, and why no more."""
    at, count = 0, 0
    while at < len(data) and count < len(mids):
        first = data[at]
        length, head = _length(data, at)
        if head < 0:
            return count, at, FAULT
        if first & 0xF0 != _PUBLISH_BITS or first & _QOS_2_BITS:
            return count, at, OTHER
        begin, end = at + head, at + head + length
        if head == 0 or end > len(data):
            return count, at, MORE
        level = (first >> 1) & 1
        if begin + 2 > end:
            return count, at, FAULT
        topic = begin + 2
        after = topic + ((int(data[begin]) << 8) | data[begin + 1])
        payload = after + 2 * level
        if payload <= end and five:
            payload = _after_properties(data, payload, end)
        if payload > end or (after == topic and not five):
            return count, at, FAULT
        topic_at[count], topic_end[count] = topic, after
        payload_at[count], payload_end[count] = payload, end
        mids[count] = ((int(data[after]) << 8) | data[after + 1]) if level else 0
        qos[count], retained[count] = level, first & 1
        count += 1
        at = end
    return count, at, MORE


_NONE = Frames(b"", *np.empty((7, 0), np.int64))


def kernels_from_cache() -> bool:
    """Whether a start found its kernels compiled; false where it had to compile them."""
    return bool(_take.stats.cache_hits) and not _take.stats.cache_misses
