"""One Sparkplug message on its way into readings, and the readings of a batch."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from connectors.formats.contract import WHOLE, Fault
from connectors.formats.sparkplug_payload import Payload
from model.batch import BAD, NO_TIME
from model.connector import Refusals


@dataclass(frozen=True, slots=True)
class Topic:
    """Who says something, and what of."""

    kind: str
    node: str  # group/node
    device: str  # empty = the node itself
    around: tuple[str, ...]  # what stands around a metric's name in its tag


@dataclass(slots=True)
class Found:
    """Readings of a batch, each a row: tag, unit, value, time_ns, quality, delivery, element."""

    rows: list[tuple[int, int, float, int, int, int, int]] = field(default_factory=list)
    left_out: Counter[str] = field(default_factory=Counter)

    def add_dead(self, tags: Sequence[int], at: int) -> None:
        """Sensors that a death makes bad at once, without a value, as of its receipt."""
        if not tags:
            self.left_out["death"] += 1
        self.rows += [(tag, 0, np.nan, NO_TIME, BAD, at, WHOLE) for tag in tags]


@dataclass(frozen=True, slots=True)
class Message:
    """One message on its way into readings."""

    at: int  # place among the deliveries
    topic: Topic
    payload: Payload
    sent_ms: int | None
    received_ns: int
    readings: Found
    refusals: Refusals

    def refuse(self, element: int, fault: Fault) -> None:
        shown = element != WHOLE and self.refusals.room(self.at) > 0
        part = self.payload.metrics[element].SerializeToString() if shown else b""
        self.refusals.add(self.at, element, fault, None if element == WHOLE else part)
