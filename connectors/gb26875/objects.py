"""Takes the data of a frame apart into its objects: which system or component, what of it, and when.

Vendors leave event times out, and lengthen descriptions. What stands first in an object is what matters, so an object
of an odd length is still read as far as it is known, and marked: a fire is not thrown away for the length of a text.
"""

from __future__ import annotations

from dataclasses import dataclass

from connectors.formats.contract import Fault
from connectors.gb26875.codes import Type

TIME_BYTES = 6
SYSTEM_BYTES = 2  # type, address
COMPONENT_BYTES = 7  # system, component type, address of four bytes
TEXT_BYTES = 31


@dataclass(frozen=True, slots=True)
class Object:
    """One object as it stands on the wire.

    Attributes:
        type: of information.
        place: bytes that name a system (2) or a component (7); empty: the device itself.
        body: what is said of it.
        time: when, empty where the device does not say.
        whole: False where the length was odd, so that only the beginning was understood.

    """

    type: int
    place: bytes
    body: bytes
    time: bytes
    whole: bool = True

    @property
    def text(self) -> str:
        """Text behind what is fixed, GB 18030."""
        begin = {Type.COMPONENT_STATE: 2, Type.COMPONENT_CONFIGURATION: 0}.get(Type(self.type), 1)
        return self.body[begin:].split(b"\0")[0].decode("gb18030", errors="replace")


@dataclass(frozen=True, slots=True)
class _Layout:
    """Bytes of an object: its place, all of its body, and what of the body must be there to be of use."""

    place: int
    body: int
    needed: int


_LAYOUTS: dict[int, _Layout] = {
    Type.SYSTEM_STATE: _Layout(SYSTEM_BYTES, 2, 2),
    Type.COMPONENT_STATE: _Layout(COMPONENT_BYTES, 2 + TEXT_BYTES, 2),
    Type.COMPONENT_ANALOG: _Layout(COMPONENT_BYTES, 3, 3),
    Type.SYSTEM_OPERATION: _Layout(SYSTEM_BYTES, 2, 1),
    Type.SYSTEM_VERSION: _Layout(SYSTEM_BYTES, 2, 2),
    Type.COMPONENT_CONFIGURATION: _Layout(COMPONENT_BYTES, TEXT_BYTES, 0),
    Type.SYSTEM_TIME: _Layout(SYSTEM_BYTES, TIME_BYTES, TIME_BYTES),
    Type.DEVICE_STATE: _Layout(0, 1, 1),
    Type.DEVICE_OPERATION: _Layout(0, 2, 1),
    Type.DEVICE_VERSION: _Layout(0, 2, 2),
    Type.DEVICE_TIME: _Layout(0, TIME_BYTES, TIME_BYTES),
}
#: Length of the place in front of a text that says its own length.
_TEXTS: dict[int, int] = {Type.SYSTEM_CONFIGURATION: SYSTEM_BYTES, Type.DEVICE_CONFIGURATION: 0}


def objects(data: bytes) -> tuple[list[Object], Fault | None]:
    """Objects of a frame's data, and what is wrong with it: both where it is of an odd length."""
    if len(data) < 2 or data[1] == 0:
        return [], Fault("no_objects", f"data holds a type, a number and at least one object, got {data[:8].hex()!r}")
    kind, count, rest = data[0], data[1], data[2:]
    if kind in _LAYOUTS:
        return _fixed(kind, count, rest)
    if kind in _TEXTS:
        return _texts(kind, count, rest)
    return [], Fault("unknown_type", _why_unknown(kind))


def _why_unknown(kind: int) -> str:
    if kind in Type.__members__.values():
        return f"type {kind} ({Type(kind).name.lower()}) goes from the centre to a device, not to the centre"
    whose = "the vendor's own" if kind >= 128 else "reserved"
    return f"type {kind} is {whose}: GB/T 26875.3-2011 does not say what it means"


def _fixed(kind: int, count: int, rest: bytes) -> tuple[list[Object], Fault | None]:
    layout = _LAYOUTS[kind]
    plain = layout.place + layout.body
    stride, odd = divmod(len(rest), count)
    whole = not odd and stride in {plain, plain + TIME_BYTES}
    needed = layout.place + layout.needed
    fault = None if whole else _wrong_length(kind, count, rest)
    if not whole and (odd or stride < needed):  # where objects end is not known: the first alone can be read
        stride, count = len(rest), 1
    if stride < needed:
        return [], fault
    found = []
    for begin in range(0, stride * count, stride):
        one = rest[begin : begin + stride]
        time = one[plain:] if whole else b""
        found.append(Object(kind, one[: layout.place], one[layout.place : plain], time, whole))
    return found, fault


def _texts(kind: int, count: int, rest: bytes) -> tuple[list[Object], Fault | None]:
    for time_bytes in (0, TIME_BYTES):
        found, at = [], 0
        for _ in range(count):
            body_at = at + _TEXTS[kind]
            end = body_at + 1 + rest[body_at] if body_at < len(rest) else len(rest) + 1
            found.append(Object(kind, rest[at:body_at], rest[body_at:end], rest[end : end + time_bytes]))
            at = end + time_bytes
        if at == len(rest):
            return found, None
    return [], _wrong_length(kind, count, rest)


def _wrong_length(kind: int, count: int, rest: bytes) -> Fault:
    layout = _LAYOUTS.get(kind)
    plain = "a text of the length it names" if layout is None else f"{layout.place + layout.body} bytes"
    wanted = f"{count} objects of type {kind} have {plain} each, {TIME_BYTES} more with event time"
    return Fault("wrong_length", f"{wanted}; got {len(rest)} bytes in all")
