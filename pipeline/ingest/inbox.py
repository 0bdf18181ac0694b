"""The bounded queue between the sources' threads and the pipeline's loop: what is full holds the broker back."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Sequence

from model.connector import Delivery


class BoundedInbox:
    """Holds at most ``deliveries_max`` deliveries and ``bytes_max`` bytes of payload."""

    def __init__(self, *, deliveries_max: int = 20_000, bytes_max: int = 64 * 1024 * 1024) -> None:
        self._deliveries_max = deliveries_max
        self._bytes_max = bytes_max
        self._queue: deque[Delivery] = deque()
        self._bytes = 0
        self._lock = threading.Lock()
        self._room = threading.Condition(self._lock)
        self._some = threading.Condition(self._lock)
        self._woken = False

    def __len__(self) -> int:
        return len(self._queue)

    def put(self, deliveries: Sequence[Delivery], wait_s: float) -> int:
        """Take what fits, first ones first; see ``model.connector.Inbox``."""
        with self._room:
            if not self._fits():
                self._room.wait_for(self._fits, wait_s)
            taken = 0
            for delivery in deliveries:
                if not self._fits():
                    break
                self._queue.append(delivery)
                self._bytes += len(delivery.payload)
                taken += 1
            if taken:
                self._some.notify()
            return taken

    def take(self, deliveries_max: int, wait_s: float) -> list[Delivery]:
        """What is there, oldest first; waits up to ``wait_s`` for the first, or until ``wake``."""
        with self._some:
            self._some.wait_for(lambda: self._queue or self._woken, wait_s)
            self._woken = False
            taken = [self._queue.popleft() for _ in range(min(deliveries_max, len(self._queue)))]
            self._bytes -= sum(len(delivery.payload) for delivery in taken)
            if taken:
                self._room.notify_all()
            return taken

    def wake(self) -> None:
        """Make a waiting ``take`` return now: something else is to be done."""
        with self._some:
            self._woken = True
            self._some.notify()

    def _fits(self) -> bool:
        # One payload always fits into an empty inbox, however large the source's own limit lets it be.
        return len(self._queue) < self._deliveries_max and (self._bytes < self._bytes_max or not self._queue)
