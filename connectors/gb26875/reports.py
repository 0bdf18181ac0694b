"""What the receiver itself knows of a device: it goes through the inbox like a frame, so that a rule can judge it."""

from __future__ import annotations

import msgspec


class Report(msgspec.Struct):
    """Signals of one device, by the receiver's own observation.

    Attributes:
        device: six bytes of its address, in hex.
        signals: ``link``, ``clock_offset`` (s, device less ours), ``resends`` (since the last report), ``duty_missed``.

    """

    device: str
    signals: dict[str, float]


_DECODER = msgspec.json.Decoder(Report)


def encode(report: Report) -> bytes:
    return msgspec.json.encode(report, order="deterministic")


def decode(payload: bytes) -> Report | None:
    """None where it is no report."""
    try:
        report = _DECODER.decode(payload)
        return report if len(bytes.fromhex(report.device)) == 6 else None
    except (msgspec.MsgspecError, ValueError):
        return None
