"""The payload of Sparkplug B (3.0, chapter 6) as protobuf: what of it readings need, and the rebirth command.

The descriptor is built here, field by field, so that neither a compiler nor a copied file is needed. Fields that are
left out of it (data sets, templates, metadata) are passed over unread.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Protocol, cast

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from google.protobuf.message import DecodeError

from connectors.formats.contract import Fault
from model.batch import BAD, GOOD, UNCERTAIN

#: What a metric may hold that is a number, by its datatype; bits of a signed integer, 0 of an unsigned one.
SIGNED_BITS = {1: 8, 2: 16, 3: 32, 4: 64}
UNSIGNED = frozenset((5, 6, 7, 8))
FLOAT, DOUBLE, BOOLEAN = 9, 10, 11
NUMBERS = frozenset((*SIGNED_BITS, *UNSIGNED, FLOAT, DOUBLE, BOOLEAN))

#: The fields of a metric that may hold such a number, in the order in which they count.
_FIELDS_OF = {
    **dict.fromkeys((*SIGNED_BITS, *UNSIGNED), ("int_value", "long_value")),
    DOUBLE: ("double_value", "float_value"),
    FLOAT: ("float_value", "double_value"),
    BOOLEAN: ("boolean_value",),
}

#: What else there is, by name; 22 to 34 are arrays.
OTHERS = {
    0: "unknown",
    12: "string",
    13: "datetime",
    14: "text",
    15: "uuid",
    16: "dataset",
    17: "bytes",
    18: "file",
    19: "template",
    20: "property_set",
    21: "property_set_list",
    **dict.fromkeys(range(22, 35), "array"),
}

REBIRTH = "Node Control/Rebirth"
BD_SEQ = b"bdSeq"

_MESSAGES: dict[str, dict[str, tuple[int, str, bool]]] = {  # field -> number, type or message, repeated
    "PropertyValue": {"int_value": (3, "uint32", False), "string_value": (8, "bytes", False)},
    "PropertySet": {"keys": (1, "bytes", True), "values": (2, "PropertyValue", True)},
    "Metric": {
        "name": (1, "bytes", False),  # text; bytes, because what is not UTF-8 is refused here
        "alias": (2, "uint64", False),
        "timestamp": (3, "uint64", False),
        "datatype": (4, "uint32", False),
        "is_historical": (5, "bool", False),
        "is_null": (7, "bool", False),
        "properties": (9, "PropertySet", False),
        "int_value": (10, "uint32", False),
        "long_value": (11, "uint64", False),
        "float_value": (12, "float", False),
        "double_value": (13, "double", False),
        "boolean_value": (14, "bool", False),
    },
    "Payload": {
        "timestamp": (1, "uint64", False),
        "metrics": (2, "Metric", True),
        "seq": (3, "uint64", False),
    },
}
_PACKAGE = "fengsui.sparkplug"


class PropertySet(Protocol):
    """What is said of a metric beside its value."""

    keys: list[bytes]
    values: list[PropertyValue]


class PropertyValue(Protocol):
    int_value: int
    string_value: bytes

    def HasField(self, name: str) -> bool: ...  # noqa: N802 - protobuf's own name


class Metric(Protocol):
    """One metric as it came."""

    name: bytes
    alias: int
    timestamp: int
    datatype: int
    is_historical: bool
    is_null: bool
    properties: PropertySet
    int_value: int
    long_value: int
    float_value: float
    double_value: float
    boolean_value: bool

    def HasField(self, name: str) -> bool: ...  # noqa: N802 - protobuf's own name

    def SerializeToString(self) -> bytes: ...  # noqa: N802


class Payload(Protocol):
    """One message as it came."""

    timestamp: int
    metrics: Metrics
    seq: int

    def HasField(self, name: str) -> bool: ...  # noqa: N802 - protobuf's own name

    def ParseFromString(self, data: bytes) -> int: ...  # noqa: N802

    def SerializeToString(self) -> bytes: ...  # noqa: N802


class Metrics(Protocol):
    def __len__(self) -> int: ...

    def __iter__(self) -> Iterator[Metric]: ...

    def __getitem__(self, at: int) -> Metric: ...

    def add(self, **fields: object) -> Metric: ...


def _payload_class() -> type[Payload]:
    file = descriptor_pb2.FileDescriptorProto(name="fengsui/sparkplug.proto", package=_PACKAGE, syntax="proto2")
    kinds = descriptor_pb2.FieldDescriptorProto
    for name, fields in _MESSAGES.items():
        message = file.message_type.add(name=name)
        for field, (number, kind, repeated) in fields.items():
            label = kinds.LABEL_REPEATED if repeated else kinds.LABEL_OPTIONAL
            own = message.field.add(name=field, number=number, label=label)
            if kind in _MESSAGES:
                own.type, own.type_name = kinds.TYPE_MESSAGE, f".{_PACKAGE}.{kind}"
            else:
                own.type = kinds.Type.Value(f"TYPE_{kind.upper()}")
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    made = message_factory.GetMessageClass(pool.FindMessageTypeByName(f"{_PACKAGE}.Payload"))
    return cast("type[Payload]", made)


_Payload = _payload_class()


def new_payload(**fields: object) -> Payload:
    return _Payload(**fields)


def read_payload(data: bytes) -> Payload | Fault:
    """Read a message, or say that it is none."""
    payload = _Payload()
    try:
        payload.ParseFromString(data)
    except DecodeError as error:
        return Fault("not_protobuf", f"a payload is protobuf as of Sparkplug B 3.0, got: {error}")
    return payload


def number_of(metric: Metric, datatype: int) -> float | None:
    """The value of a metric that holds a number; NaN where it is null, None where it holds nothing of its type."""
    if metric.is_null:
        return math.nan
    for field in _FIELDS_OF[datatype]:
        if metric.HasField(field):
            given: float = getattr(metric, field)
            bits = SIGNED_BITS.get(datatype)
            return float(given) if bits is None else _signed(int(given), bits)
    return None


def _signed(given: int, bits: int) -> float:
    """Two's complement, in 8, 32 or 64 bits as the sender likes."""
    given &= (1 << bits) - 1
    return float(given - (1 << bits) if given >> (bits - 1) else given)


def datatype_of(metric: Metric) -> int | None:
    """The datatype of a metric that was never announced, where the value leaves no doubt."""
    if metric.HasField("datatype"):
        return metric.datatype
    if metric.HasField("float_value") or metric.HasField("double_value"):
        return DOUBLE
    return BOOLEAN if metric.HasField("boolean_value") else None


def property_of(metric: Metric, key: bytes) -> PropertyValue | None:
    """A property by its key, of a metric that has properties."""
    for own, value in zip(metric.properties.keys, metric.properties.values, strict=False):
        if own == key:
            return value
    return None


def quality_of(metric: Metric) -> int:
    """Good, unless the property ``Quality`` (6.4.6) says something else; stale is as good as bad."""
    if not metric.HasField("properties"):
        return GOOD
    found = property_of(metric, b"Quality")
    if found is None or not found.HasField("int_value"):
        return GOOD
    code = found.int_value
    return GOOD if 192 <= code < 256 else UNCERTAIN if 64 <= code < 128 else BAD


def bd_seq_of(payload: Payload) -> int | None:
    """Number of the session that a birth or death belongs to."""
    for metric in payload.metrics:
        if metric.name == BD_SEQ:
            found = number_of(metric, 8)
            return None if found is None or math.isnan(found) else int(found)
    return None


def rebirth_command(now_ms: int) -> bytes:
    """Ask a node to announce all that it has (5.9)."""
    payload = new_payload(timestamp=now_ms)
    payload.metrics.add(name=REBIRTH.encode(), timestamp=now_ms, datatype=BOOLEAN, boolean_value=True)
    return payload.SerializeToString()
