"""The bounded queue between the sources' threads and the pipeline's loop: what is full holds the broker back."""

from __future__ import annotations

import threading
from collections import deque

from model.connector import Deliveries


class BoundedInbox:
    """Holds at most ``deliveries_max`` deliveries and ``bytes_max`` bytes of payload."""

    def __init__(self, *, deliveries_max: int = 20_000, bytes_max: int = 64 * 1024 * 1024) -> None:
        self._deliveries_max = deliveries_max
        self._bytes_max = bytes_max
        self._queue: deque[Deliveries] = deque()
        self._count = 0
        self._bytes = 0
        self._lock = threading.Lock()
        self._room = threading.Condition(self._lock)
        self._some = threading.Condition(self._lock)
        self._woken = False

    def __len__(self) -> int:
        return self._count

    def put(self, deliveries: Deliveries, wait_s: float) -> int:
        """Take what fits, first ones first; see ``model.connector.Inbox``."""
        with self._room:
            if not self._fits():
                self._room.wait_for(self._fits, wait_s)
            taken = self._fitting(deliveries)
            if taken:
                part = deliveries if taken == len(deliveries) else deliveries.take(slice(taken))
                self._queue.append(part)
                self._count += taken
                self._bytes += part.payload_bytes
                self._some.notify()
            return taken

    def take(self, deliveries_max: int, wait_s: float) -> list[Deliveries]:
        """What is there, oldest first; waits up to ``wait_s`` for the first, or until ``wake``."""
        with self._some:
            self._some.wait_for(lambda: self._queue or self._woken, wait_s)
            self._woken = False
            taken: list[Deliveries] = []
            left = deliveries_max
            while left > 0 and self._queue:
                part = self._queue.popleft()
                if len(part) > left:
                    self._queue.appendleft(part.take(slice(left, None)))
                    part = part.take(slice(left))
                taken.append(part)
                left -= len(part)
                self._bytes -= part.payload_bytes
            if taken:
                self._count -= deliveries_max - left
                self._room.notify_all()
            return taken

    def wake(self) -> None:
        """Make a waiting ``take`` return now: something else is to be done."""
        with self._some:
            self._woken = True
            self._some.notify()

    def _fits(self) -> bool:
        # One payload always fits into an empty inbox, however large the source's own limit lets it be.
        return self._count < self._deliveries_max and (self._bytes < self._bytes_max or not self._queue)

    def _fitting(self, deliveries: Deliveries) -> int:
        """How many of them there is room for: the one that crosses the bound of bytes is the last."""
        if not self._fits():
            return 0
        room = min(len(deliveries), self._deliveries_max - self._count)
        if self._bytes + deliveries.payload_bytes <= self._bytes_max:
            return room
        so_far = self._bytes
        for at in range(room):
            so_far += int(deliveries.payload_end[at] - deliveries.payload_at[at])
            if so_far >= self._bytes_max:
                return at + 1
        return room
