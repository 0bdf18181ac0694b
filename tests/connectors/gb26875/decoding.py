"""Frames made and decoded in one line, for tests of the decoder."""

from __future__ import annotations

from connectors import gb26875
from connectors.gb26875.frames import Command, encode
from model.connector import Deliveries, Delivery, Readings, Refusal
from tests.connectors.gb26875 import worked

SECOND_NS = 10**9
ALL_SIGNALS = [
    "fire", "fault", "disabled", "supervisory", "activated", "feedback", "delay", "power_fault", "mains_fault",
    "battery_fault", "bus_fault", "channel_fault", "line_fault", "manual", "config_changed", "reset", "test",
    "manual_alarm", "operation", "analog", "link", "clock_offset", "resends", "duty_missed",
]  # fmt: skip
SMOKE_AT = bytes((1, 1, 42)) + (0x00030007).to_bytes(4, "little")
PUMP_AT = bytes((11, 1, 91)) + (0x00010001).to_bytes(4, "little")
TEXT = "3层东走廊烟感".encode("gb18030").ljust(31, b"\0")


def settings_with(**changed: object) -> gb26875.Settings:
    return gb26875.Settings.model_validate({"port": 0, "signals": ALL_SIGNALS} | changed)


def decoded(
    *payloads: bytes, received_ns: int = worked.SENT_NS, decoder: object = None, **changed: object
) -> tuple[Readings, list[Refusal]]:
    deliveries = [
        Delivery("panels", "uitd/330100001", payload, received_ns, retained=False, receipt=n)
        for n, payload in enumerate(payloads, 1)
    ]
    return (decoder or gb26875.decoder(settings_with(**changed))).decode(Deliveries.of(deliveries))


def values(readings: Readings, under: str = "330100001/") -> dict[str, float]:
    assert all(tag.startswith(under) for tag in readings.tags)
    return dict(zip((tag.removeprefix(under) for tag in readings.tags), readings.value.tolist(), strict=True))


def frame(
    data: bytes, *, command: int = Command.SEND, sequence: int = 1, label: bytes = worked.LABEL, order: str = "little"
) -> bytes:
    made = encode(sequence.to_bytes(2, order), b"\1\1", label, worked.DEVICE, worked.CENTRE, Command.SEND, data)  # type: ignore[call-overload]
    changed = bytearray(made)
    changed[26] = command
    changed[-3] = sum(changed[2:-3]) & 0xFF
    return bytes(changed)
