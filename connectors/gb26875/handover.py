"""Deliveries on their way into the inbox and from there to the disk, and who waits to hear that one is durable."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from connectors.gb26875.connection import Connection
from connectors.gb26875.frames import Frame
from model.connector import Deliveries, Delivery, Inbox

#: Deliveries that wait for room in the inbox; then nothing more is read.
_HELD_MAX = 2000


@dataclass(frozen=True, slots=True)
class Waiting:
    """A frame whose device waits for its confirmation."""

    connection: Connection
    frame: Frame


class Handover:
    """Gives each delivery its receipt, in order."""

    def __init__(self, source: str) -> None:
        self._source = source
        self._receipt = 0
        self._under_way: deque[tuple[int, Waiting]] = deque()
        self._fresh: list[Delivery] = []
        self._held: deque[Deliveries] = deque()
        self._held_count = 0

    def __len__(self) -> int:
        """How many deliveries wait for room."""
        return self._held_count + len(self._fresh)

    @property
    def full(self) -> bool:
        return len(self) >= _HELD_MAX

    def add(self, topic: str, payload: bytes, received_ns: int, waiting: Waiting | None) -> None:
        self._receipt += 1
        if waiting is not None:
            self._under_way.append((self._receipt, waiting))
        self._fresh.append(Delivery(self._source, topic, payload, received_ns, False, self._receipt))  # noqa: FBT003

    def offer(self, inbox: Inbox) -> None:
        """Put what there is room for; the rest is offered the next time."""
        if self._fresh:
            self._held.append(Deliveries.of(self._fresh))
            self._held_count += len(self._fresh)
            self._fresh = []
        while self._held:
            taken = inbox.put(self._held[0], 0.0)
            self._held_count -= taken
            if taken < len(self._held[0]):
                self._held[0] = self._held[0].take(slice(taken, None))
                return
            self._held.popleft()

    def through(self, receipt: int) -> list[Waiting]:
        """Frames that are durable now, because everything up to this receipt is."""
        durable = []
        while self._under_way and self._under_way[0][0] <= receipt:
            durable.append(self._under_way.popleft()[1])
        return durable
