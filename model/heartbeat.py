"""The synthetic sensor that crosses every stage: its names, by which every stage that shows things passes it over."""

from __future__ import annotations

from dataclasses import dataclass

#: Of the source, the sensor's tag, its kind, its detector, its asset, and the rule.
HEARTBEAT = "system.heartbeat"


@dataclass(frozen=True, slots=True)
class Pulse:
    """What came out at the end, in place of a notice: the newest event of the synthetic sensor."""

    event_id: str
    offset: int  # of the input that caused it; rises with every pulse
    at_ns: int  # wall clock, when that input was received
