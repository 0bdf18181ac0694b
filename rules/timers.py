"""Waits that end by the passing of time. Ten thousand that run cost a tick nothing; only those that end do."""

from __future__ import annotations

import heapq
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

#: Since when each key waits; None = no tick came since.
Waits: TypeAlias = list[tuple[str, int | None]]

#: Entries of waits that were stopped are swept out when there are so many more than waits.
_LEFT_OVER_MAX = 1000


@dataclass(slots=True)
class _Wait:
    begun_ns: int | None  # None = no tick came yet
    duration_ns: int  # 0 = it never ends by itself


class Timers:
    """One wait a key, on a clock that only ticks tell: each counts from the first tick after its beginning."""

    def __init__(self) -> None:
        self._waits: dict[str, _Wait] = {}
        self._fresh: dict[str, None] = {}
        self._heap: list[tuple[int, str]] = []

    def start(self, key: str, duration_ns: int) -> None:
        """Begin a wait, anew where one runs."""
        self._waits[key] = _Wait(None, duration_ns)
        self._fresh[key] = None

    def stop(self, key: str) -> None:
        self._waits.pop(key, None)
        self._fresh.pop(key, None)

    def advance(self, now_ns: int) -> list[str]:
        """Go on to ``now_ns``; returns the keys whose wait is over, in no particular order. They wait no more."""
        for key in self._fresh:
            self._waits[key].begun_ns = now_ns
            self._push(key)
        self._fresh.clear()
        over = []
        while self._heap and self._heap[0][0] <= now_ns:
            due_ns, key = heapq.heappop(self._heap)
            if self._due_ns(key) == due_ns:
                del self._waits[key]
                over.append(key)
        return over

    def retime(self, duration_ns: Callable[[str], int]) -> None:
        """Give every wait another duration; what has passed counts."""
        for key, wait in self._waits.items():
            wait.duration_ns = duration_ns(key)
        self._sweep()

    def snapshot(self) -> Waits:
        """Since when each waits, by key."""
        return sorted((key, wait.begun_ns) for key, wait in self._waits.items())

    def restore(self, waits: Waits, duration_ns: Callable[[str], int]) -> None:
        """Take waits as ``snapshot`` gave them, in place of those that run under their keys."""
        for key, begun_ns in waits:
            self.start(key, duration_ns(key))
            if begun_ns is not None:
                self._waits[key].begun_ns = begun_ns
                del self._fresh[key]
        self._sweep()

    def _due_ns(self, key: str) -> int | None:
        wait = self._waits.get(key)
        if wait is None or wait.begun_ns is None or wait.duration_ns == 0:
            return None
        return wait.begun_ns + wait.duration_ns

    def _push(self, key: str) -> None:
        due_ns = self._due_ns(key)
        if due_ns is not None:
            heapq.heappush(self._heap, (due_ns, key))
        if len(self._heap) > 2 * len(self._waits) + _LEFT_OVER_MAX:
            self._sweep()

    def _sweep(self) -> None:
        self._heap = [(due_ns, key) for key in self._waits if (due_ns := self._due_ns(key)) is not None]
        heapq.heapify(self._heap)
