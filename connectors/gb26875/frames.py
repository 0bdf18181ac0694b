"""Takes a stream of GB/T 26875.3 apart into frames, and writes frames.

A frame is ``@@``, a control unit of 25 bytes (sequence, version, time, source, destination, length, command), up to
1,024 bytes of data, a checksum and ``##``. Both marks may stand inside data, so a candidate that does not hold costs
one byte and the search goes on behind it: whatever came before, the next good frame is found. What waits is never
longer than one frame.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

START, END = b"@@", b"##"
HEAD_BYTES = 27  # start mark and control unit
TAIL_BYTES = 3  # checksum and end mark
DATA_BYTES_MAX = 1024
FRAME_BYTES_MAX = HEAD_BYTES + DATA_BYTES_MAX + TAIL_BYTES

_LENGTH_AT, _COMMAND_AT = 24, 26


class Command(IntEnum):
    """What a frame is for; the other numbers are reserved (0, 7 to 127) or the vendors' own (128 to 255)."""

    CONTROL = 1
    SEND = 2
    CONFIRM = 3
    REQUEST = 4
    RESPONSE = 5
    DENY = 6


@dataclass(frozen=True, slots=True)
class Frame:
    """One frame, whole; its fields as they stand on the wire."""

    raw: bytes

    @property
    def sequence(self) -> bytes:
        return self.raw[2:4]

    @property
    def version(self) -> bytes:
        return self.raw[4:6]

    @property
    def time(self) -> bytes:
        return self.raw[6:12]

    @property
    def source(self) -> bytes:
        return self.raw[12:18]

    @property
    def destination(self) -> bytes:
        return self.raw[18:24]

    @property
    def command(self) -> int:
        return self.raw[_COMMAND_AT]

    @property
    def data(self) -> bytes:
        return self.raw[HEAD_BYTES:-TAIL_BYTES]

    def reply(self, command: Command, time: bytes, data: bytes = b"") -> bytes:
        """The answer to this frame: same sequence and version, addresses exchanged."""
        return encode(self.sequence, self.version, time, self.destination, self.source, command, data)


@dataclass(frozen=True, slots=True)
class Broken:
    """A frame that came damaged, as far as it can be answered: its head, and what is wrong."""

    head: Frame
    reason: str


def encode(
    sequence: bytes,
    version: bytes,
    time: bytes,
    source: bytes,
    destination: bytes,
    command: Command,
    data: bytes = b"",
) -> bytes:
    """Write a frame; all fields as they stand on the wire.

    Raises:
        ValueError: the data is too long for a frame.

    """
    if len(data) > DATA_BYTES_MAX:
        raise ValueError(f"data of a frame has at most {DATA_BYTES_MAX} bytes, got {len(data)}")
    length = len(data).to_bytes(2, "little")
    body = b"".join((sequence, version, time, source, destination, length, bytes((command,)), data))
    return b"".join((START, body, bytes((sum(body) & 0xFF,)), END))


def is_frame(raw: bytes) -> bool:
    """Whether these bytes are one whole, sound frame."""
    return (
        len(raw) >= HEAD_BYTES + TAIL_BYTES
        and raw.startswith(START)
        and len(raw) == HEAD_BYTES + int.from_bytes(raw[_LENGTH_AT:_COMMAND_AT], "little") + TAIL_BYTES
        and len(raw) <= FRAME_BYTES_MAX
        and _sound(raw)
    )


class FrameBuffer:
    """Bytes of one connection as they came, of which whole frames are taken.

    Attributes:
        dropped: bytes that belonged to no frame, since the last good one.

    """

    def __init__(self) -> None:
        self._bytes = bytearray()
        self.dropped = 0

    def __len__(self) -> int:
        return len(self._bytes)

    def feed(self, data: bytes) -> None:
        self._bytes += data

    def take(self) -> list[Frame | Broken]:
        """Frames that are whole, and damaged ones that can be answered; what is left waits for more bytes."""
        found: list[Frame | Broken] = []
        data = bytes(self._bytes)
        at = 0
        while (begin := data.find(START, at)) >= 0:
            self.dropped += begin - at
            at = begin
            if len(data) - at < HEAD_BYTES:
                break
            length = data[at + _LENGTH_AT] | data[at + _LENGTH_AT + 1] << 8
            end = at + HEAD_BYTES + length + TAIL_BYTES
            if length <= DATA_BYTES_MAX and end > len(data):
                break
            raw = data[at:end]
            if length <= DATA_BYTES_MAX and _sound(raw):
                self.dropped = 0
                at = end
                found.append(Frame(raw))
                continue
            if (broken := _broken(raw, length)) is not None:
                found.append(broken)
            self.dropped += 1
            at += 1
        else:  # no beginning any more, unless the last byte is half of one
            rest = len(data) - data.endswith(START[:1], at)
            self.dropped += rest - at
            at = rest
        del self._bytes[:at]
        return found

    def give_up(self, old_bytes: int) -> list[Frame | Broken]:
        """Search again behind beginnings that never became frames.

        Args:
            old_bytes: so many of the bytes that wait have waited long enough; the others may still become a frame.

        """
        found: list[Frame | Broken] = []
        fresh_bytes = len(self._bytes) - old_bytes
        while len(self._bytes) > fresh_bytes and not found:
            del self._bytes[:1]
            self.dropped += 1
            found = self.take()
        return found


def _sound(raw: bytes) -> bool:
    return raw.endswith(END) and sum(raw[2:-TAIL_BYTES]) & 0xFF == raw[-TAIL_BYTES]


def _broken(raw: bytes, length: int) -> Broken | None:
    """What to answer where a frame was surely meant; None for bytes that merely look like a beginning."""
    if length > DATA_BYTES_MAX:
        known = Command.CONTROL <= raw[_COMMAND_AT] <= Command.DENY
        return Broken(Frame(raw[:HEAD_BYTES]), f"data of {length} bytes") if known else None
    return Broken(Frame(raw[:HEAD_BYTES]), "checksum") if raw.endswith(END) else None
