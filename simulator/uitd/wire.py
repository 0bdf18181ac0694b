"""GB/T 26875.3 as a device writes and reads it. Written apart from the receiver's, so that each checks the other."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone

SHANGHAI = timezone(timedelta(hours=8))

CONTROL, SEND, CONFIRM, REQUEST, RESPONSE, DENY = 1, 2, 3, 4, 5, 6
SET_CLOCK, CHECK_DUTY = 90, 91
HEARTBEAT, HEARTBEAT_ANSWER = b"\x16", b"\x17"
OBJECTS_MAX = 22  # states of components in one frame

STATES = {
    "normal": 0,
    "fire": 1,
    "fault": 2,
    "disabled": 3,
    "supervisory": 4,
    "activated": 5,
    "feedback": 6,
    "delay": 7,
    "power_fault": 8,
}
SYSTEM_STATES = {
    **{name: bit for name, bit in STATES.items() if name != "power_fault"},
    "mains_fault": 8,
    "battery_fault": 9,
    "bus_fault": 10,
    "manual": 11,
    "config_changed": 12,
    "reset": 13,
}
DEVICE_STATES = {
    "normal": 0,
    "fire": 1,
    "fault": 2,
    "mains_fault": 3,
    "battery_fault": 4,
    "channel_fault": 5,
    "line_fault": 6,
}
OPERATIONS = {"reset": 0, "silence": 1, "manual_alarm": 2, "cleared": 3, "self_test": 4, "duty": 5, "test": 6}
#: Analog type -> counts in one unit.
COUNTS = {1: 1, 2: 100, 3: 10, 4: 10, 5: 10, 6: 10, 7: 1, 8: 10, 9: 10, 10: 10, 11: 10, 12: 1}

_HEAD = struct.Struct("<2sHBB6s6s6sHB")


@dataclass(frozen=True, slots=True)
class Component:
    """A component of a fire system.

    Attributes:
        system, system_address: of what it belongs to.
        component: its type, e.g. 42 for an optical smoke detector.
        address: as tags write it, e.g. 0x00030007 for point 7 of loop 3.
        text: where it hangs.

    """

    system: int
    system_address: int
    component: int
    address: int
    text: str = ""

    def place(self) -> bytes:
        return struct.pack("<BBBI", self.system, self.system_address, self.component, self.address)


@dataclass(frozen=True, slots=True)
class Heard:
    """A frame from the centre."""

    sequence: int
    command: int
    data: bytes
    raw: bytes


def label(moment: datetime) -> bytes:
    """Six bytes of a moment, in Chinese time."""
    at = moment.astimezone(SHANGHAI)
    return bytes((at.second, at.minute, at.hour, at.day, at.month, at.year - 2000))


def frame(
    command: int, data: bytes, *, sequence: int, source: int, destination: int, at: datetime, version: int = 1
) -> bytes:
    """One frame of version 1.``version``."""
    head = _HEAD.pack(
        b"@@",
        sequence,
        1,
        version,
        label(at),
        source.to_bytes(6, "little"),
        destination.to_bytes(6, "little"),
        len(data),
        command,
    )
    body = head + data
    return body + bytes((sum(body[2:]) % 256,)) + b"##"


def read(stream: bytearray) -> list[Heard]:
    """Take whole frames from what came; the centre is trusted to send nothing else but answers to heartbeats."""
    heard = []
    del stream[: len(stream) - len(stream.lstrip(HEARTBEAT_ANSWER))]
    while len(stream) >= _HEAD.size:
        _, sequence, *_, length, command = _HEAD.unpack_from(stream)
        end = _HEAD.size + length + 3
        if len(stream) < end:
            break
        raw = bytes(stream[:end])
        heard.append(Heard(sequence, command, raw[_HEAD.size : -3], raw))
        del stream[:end]
    return heard


def component_states(items: Sequence[tuple[Component, Sequence[str]]], at: datetime) -> bytes:
    """Data of type 2: what each component says of itself."""
    bodies = [
        component.place() + _bits(states, STATES).to_bytes(2, "little") + _text(component.text) + label(at)
        for component, states in items
    ]
    return bytes((2, len(bodies))) + b"".join(bodies)


def analog(component: Component, kind: int, value: float, at: datetime) -> bytes:
    """Data of type 3: one measured value."""
    raw = round(value * COUNTS.get(kind, 1))
    return bytes((3, 1)) + component.place() + struct.pack("<Bh", kind, raw) + label(at)


def system_state(system: int, address: int, states: Sequence[str], at: datetime) -> bytes:
    """Data of type 1."""
    return struct.pack("<BBBBH", 1, 1, system, address, _bits(states, SYSTEM_STATES)) + label(at)


def device_state(states: Sequence[str], at: datetime) -> bytes:
    """Data of type 21."""
    return bytes((21, 1, _bits(states, DEVICE_STATES))) + label(at)


def device_operation(done: Sequence[str], at: datetime, operator: int = 1) -> bytes:
    """Data of type 24."""
    return bytes((24, 1, _bits(done, OPERATIONS), operator)) + label(at)


def _bits(names: Sequence[str], bits: dict[str, int]) -> int:
    return sum(1 << bits[name] for name in set(names))


def _text(text: str) -> bytes:
    return text.encode("gb18030")[:31].ljust(31, b"\0")
