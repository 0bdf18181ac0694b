"""A small Sparkplug edge node for tests: it numbers its messages and builds births, data and deaths."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from connectors.formats.sparkplug_payload import BOOLEAN, DOUBLE, FLOAT, new_payload

INT8, INT16, INT32, INT64, UINT8, UINT16, UINT32, UINT64, STRING = 1, 2, 3, 4, 5, 6, 7, 8, 12
_VALUE_FIELD = {
    **dict.fromkeys((INT8, INT16, INT32, UINT8, UINT16, UINT32), "int_value"),
    **dict.fromkeys((INT64, UINT64, 13), "long_value"),
    FLOAT: "float_value",
    DOUBLE: "double_value",
    BOOLEAN: "boolean_value",
}


def varint(number: int) -> bytes:
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*out, number])


def text_metric(name: str, text: str, alias: int | None = None) -> bytes:
    """A String metric by hand, for the product's descriptor does not know their value: name, alias, datatype 12, 15."""
    number = b"" if alias is None else b"\x10" + varint(alias)
    own = b"\x0a" + varint(len(name)) + name.encode() + number + b"\x20\x0c\x7a" + varint(len(text)) + text.encode()
    return b"\x12" + varint(len(own)) + own


@dataclass(frozen=True)
class M:
    """A metric to send."""

    name: str | None = None
    value: float | int | bool | None = None
    datatype: int | None = None
    alias: int | None = None
    time_ms: int | None = None
    more: dict[str, Any] = field(default_factory=dict)

    def add_to(self, payload: Any, datatype: int) -> None:
        fields: dict[str, Any] = dict(self.more)
        if self.name is not None:
            fields["name"] = self.name.encode()
        if self.alias is not None:
            fields["alias"] = self.alias
        if self.datatype is not None:
            fields["datatype"] = self.datatype
        if self.time_ms is not None:
            fields["timestamp"] = self.time_ms
        if self.value is not None:
            given: Any = self.value
            if datatype in {INT8, INT16, INT32}:
                given = int(given) & 0xFFFFFFFF
            elif datatype == INT64:
                given = int(given) & 0xFFFFFFFFFFFFFFFF
            key = _VALUE_FIELD[datatype]
            fields[key] = {"int_value": int, "long_value": int, "boolean_value": bool}.get(key, float)(given)
        payload.metrics.add(**fields)


@dataclass
class EdgeNode:
    """``messages`` of it are (topic, payload), in the order of their numbers."""

    group: str = "plant"
    node: str = "edge-1"
    bd_seq: int = 0
    seq: int = 0
    datatypes: dict[object, int] = field(default_factory=dict)

    def birth(self, *metrics: M, time_ms: int = 1000, tail: bytes = b"") -> tuple[str, bytes]:
        self.seq = 0
        own = [
            M("bdSeq", self.bd_seq, INT64, time_ms=time_ms),
            M("Node Control/Rebirth", value=False, datatype=BOOLEAN, time_ms=time_ms),
        ]
        return self._message("NBIRTH", [*own, *metrics], time_ms, tail)

    def death(self, bd_seq: int | None = None) -> tuple[str, bytes]:
        payload: Any = new_payload()
        M("bdSeq", self.bd_seq if bd_seq is None else bd_seq, INT64).add_to(payload, INT64)
        return f"spBv1.0/{self.group}/NDEATH/{self.node}", payload.SerializeToString()

    def data(self, *metrics: M, time_ms: int | None = 2000) -> tuple[str, bytes]:
        return self._message("NDATA", metrics, time_ms)

    def device_birth(self, device: str, *metrics: M, time_ms: int = 1000, tail: bytes = b"") -> tuple[str, bytes]:
        return self._message("DBIRTH", metrics, time_ms, tail, device)

    def device_data(self, device: str, *metrics: M, time_ms: int | None = 2000) -> tuple[str, bytes]:
        return self._message("DDATA", metrics, time_ms, device=device)

    def device_death(self, device: str, time_ms: int = 3000) -> tuple[str, bytes]:
        return self._message("DDEATH", [], time_ms, device=device)

    def _message(
        self, kind: str, metrics: Sequence[M], time_ms: int | None, tail: bytes = b"", device: str = ""
    ) -> tuple[str, bytes]:
        payload: Any = new_payload(seq=self.seq)
        if time_ms is not None:
            payload.timestamp = time_ms
        self.seq = (self.seq + 1) % 256
        for one in metrics:
            for key in (one.name, one.alias):
                if key is not None and one.datatype is not None:
                    self.datatypes[device, key] = one.datatype
            known = self.datatypes.get((device, one.name), self.datatypes.get((device, one.alias), DOUBLE))
            one.add_to(payload, one.datatype or known)
        topic = f"spBv1.0/{self.group}/{kind}/{self.node}"
        return f"{topic}/{device}" if device else topic, payload.SerializeToString() + tail


#: A Sparkplug payload worked out by hand: timestamp 1000, seq 1, one metric: alias 7, timestamp 999, float 21.5.
GOLDEN = (
    b"\x08\xe8\x07"  # 1, varint 1000
    b"\x12\x0a"  # 2, ten bytes
    b"\x10\x07"  # 2, varint 7
    b"\x18\xe7\x07"  # 3, varint 999
    b"\x65"
    + struct.pack("<f", 21.5)  # 12, four bytes
    + b"\x18\x01"  # 3, varint 1
)
