"""What breaks readers of payloads: small pieces that mean something to one of them, and the worst of messages."""

from __future__ import annotations

from connectors.formats.contract import PAYLOAD_BYTES_MAX, READINGS_MAX
from tests.connectors.formats.gateway import packed

TRICKS = [
    b"null", b"true", b"1e400", b"-0.0", b"9" * 400, b'"x"', b"[]", b"{}", b"NaN", b'"a_":1,', b"\\u0041", b"\xff\xff",
    b"\x00", b"\x9f", b"\xff", b"\xfb\x7f\xf0\x00\x00\x00\x00\x00\x00", b"\xf9\x7e\x00", b"\x1f", b"\n", b";", b'"',
    b",", b"\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01", b"[[[[", b'{"a":', b"\xd8\x1c", b"\xc2\x49\x01" + b"\x00" * 8,
]  # fmt: skip


def largest(part: bytes, before: bytes = b"[", after: bytes = b"]", between: bytes = b",") -> bytes:
    count = (PAYLOAD_BYTES_MAX - len(before) - len(after)) // (len(part) + len(between))
    return before + between.join([part] * count) + after


def many(pattern: str) -> bytes:
    """As many different parts as fit."""
    parts: list[bytes] = []
    room = PAYLOAD_BYTES_MAX - 2
    while (part := (pattern % len(parts)).encode()) and room > len(part):
        parts.append(part)
        room -= len(part) + 1
    return b"[" + b",".join(parts) + b"]"


#: So many readings are looked at one by one.
FEW = READINGS_MAX - 100

WORST: dict[str, list[bytes]] = {
    "json": [
        largest(b"1"),
        largest(b'{"value":1}'),
        largest(b'{"value":"x"}'),
        largest(b'{"value":1,"tag":" "}'),
        many('{"value":1,"tag":"%x"}'),
        many('{"value":1,"tag":"\\\\u0041%x"}'),
        b"[" * PAYLOAD_BYTES_MAX,
    ],
    "senml": [
        largest(b'{"v":1}'),
        largest(b"1"),
        largest(b'{"vs":""}'),
        largest(b'{"a_":1}'),
        largest(b'{"v":"x"}'),
        many('{"n":"%x","v":1}'),
        many('{"bn":"%x","v":1}'),
        b"\x9f" + b"\xa1\x02\x01" * 87_000 + b"\xff",
        b"\x99" + READINGS_MAX.to_bytes(2, "big") + b"\xa1\x02\x01" * READINGS_MAX,
        b"\x99" + READINGS_MAX.to_bytes(2, "big") + b"\xa1\x02\x60" * READINGS_MAX,
        b"\x9f" + b"\xa0" * 262_000 + b"\xff",
        b"\x9f" + b"\x00" * 262_000 + b"\xff",
        b"\x9b" + b"\xff" * 8,
        b"\x81\xd8\x23\x7a\x00\x03\xff\x00" + b"(a*)*" * 52_000,
        b"\x81\xc2\x5a\x00\x03\xf0\x00" + b"\xff" * 0x3F000,
    ],
    "columns": [
        largest(b"1", b'{"v":1,"tags":["a"],"tag":[', b'],"value":[1]}'),
        b'{"v":1,"tags":["a"],"tag":[%s],"value":[%s]}' % (b",".join([b"0"] * 65_000), b",".join([b"1"] * 65_000)),
        b'{"v":1,"tags":["a"],"tag":[%s],"value":[%s]}' % (b",".join([b"7"] * 50_000), b",".join([b'"x"'] * 40_000)),
        b'{"v":1,"tags":["a"],"tag":[%s],"value":[%s]}' % (b",".join([b"0"] * 40_000), b",".join([b'"x"'] * 40_000)),
        b'{"v":1,"tags":%s,"value":[1]}' % many('"%x"')[: PAYLOAD_BYTES_MAX - 40],
        largest(b"[1]", b'{"v":1,"tags":["a"],"value":[', b"]}"),
        largest(b"[]", b'{"v":1,"tags":["a"],"value":[', b"]}"),
        packed([f"{n:x}" for n in range(10_000)], [1.0] * 10_000),
        packed(["a"], [1.0] * 40_000, places=[0] * 40_000, single=True),
        packed(["a"], [1.0] * 40_000, places=[9] * 40_000, single=True),
        b"FSC1" + b"\x00" * 4 + b"\xff" * 12 + b"\x00" * 40,
        packed(["a"], [1.0], rows=2**32 - 1),
        packed([], [], rows=2**32 - 1),
    ],
    "mapped-json": [
        largest(b"[1,2]", b'{"line":1,"rows":[', b"]}"),
        largest(b"[1,{}]", b'{"line":1,"id":1,"rows":[', b"]}"),
        largest(b"0", b'{"rows":[', b"]}"),
        b'{"params":' + largest(b'"k":{"value":1}', b"{", b"}") + b"}",
        b'{"line":1,"id":"x","rows":[' + b",".join([b'[0,"x"]'] * FEW) + b"]}",
    ],
    "csv": [
        b"\n" * PAYLOAD_BYTES_MAX,
        b"1\n" * FEW,
        b"1\n" * 131_000,
        b'"\n' * FEW,
        b"".join(b"%x;;1;;;\n" % n for n in range(FEW)),
        b"a;x;y;;z;\n" * FEW,
    ],
}


def birth(metrics: bytes) -> bytes:
    return b"\x18\x00" + metrics


SPARKPLUG_WORST = [
    birth(b"\x12\x00" * 131_000),
    birth(b"\x12\x00" * FEW),
    birth(b"".join(b"\x12\x0b\x0a\x05%05x\x20\x03\x50\x01" % n for n in range(FEW))),
    birth(b"".join(b"\x12\x09\x0a\x05%05x\x20\x0c" % n for n in range(FEW))),
    b"\x12" + b"\xff" * 1000,
    b"\x4b" * 200_000,
]
