"""What a decoder asks its source to publish, such as a rebirth: the one thing that goes against the stream.

The decoder, on the pipeline's thread, leaves a request; the source, on its own, takes what is due when it is connected.
Nothing waits for either. A request is repeated until it is withdrawn, for it may get lost like any message.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

#: Others that may be asked at one time, and whose last request is remembered.
ASKED_MAX = 10_000

#: Times that one request is published at most.
TIMES_MAX = 10


@dataclass(frozen=True, slots=True)
class Request:
    """A message to publish, QoS 0 and not retained.

    Attributes:
        topic: where to.
        payload: wall clock in ms since 1970 -> payload.

    """

    topic: str
    payload: Callable[[int], bytes]


@dataclass(frozen=True, slots=True)
class Presence:
    """What a source says of itself, retained, while it is connected, and its broker when it is gone.

    Attributes:
        topic: where to.
        payload: whether we are there, wall clock of the connection in ms since 1970 -> payload.
        gone: payload -> whether it says that we are not there.

    """

    topic: str
    payload: Callable[[bool, int], bytes]
    gone: Callable[[bytes], bool]


@dataclass(slots=True)
class _Asked:
    request: Request
    due_s: float
    every_s: float
    times: int = 0


@dataclass
class Requests:
    """Bounded, and thread-safe.

    Attributes:
        clock_s: monotonic.
        published: requests that were taken to be published.
        refused: requests for which there was no room.

    """

    clock_s: Callable[[], float] = time.monotonic
    published: int = 0
    refused: int = 0
    _waiting: dict[str, _Asked] = field(default_factory=dict)
    _last_s: dict[str, float] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def ask(self, of: str, request: Request, *, delay_s: float, every_s: float) -> None:
        """Ask for something; while a request of the same one waits, it stands, and the earlier time counts.

        Args:
            of: whom; the request may be withdrawn by this name.
            request: what to publish.
            delay_s: how long it may still turn out not to be needed.
            every_s: least time between two requests of the same one.

        """
        with self._lock:
            waiting = self._waiting.get(of)
            if waiting is None and len(self._waiting) >= ASKED_MAX:
                self.refused += 1
                return
            now_s = self.clock_s()
            due_s = max(now_s + delay_s, self._last_s.get(of, -every_s) + every_s)
            if waiting is None:
                self._waiting[of] = _Asked(request, due_s, every_s)
            else:
                waiting.due_s = min(waiting.due_s, due_s)

    def withdraw(self, of: str) -> None:
        with self._lock:
            self._waiting.pop(of, None)

    def take(self) -> list[Request]:
        """What is due, to be published now."""
        if not self._waiting:
            return []
        with self._lock:
            now_s = self.clock_s()
            due = {of: asked for of, asked in self._waiting.items() if asked.due_s <= now_s}
            for of, asked in due.items():
                asked.due_s, asked.times = now_s + asked.every_s, asked.times + 1
                if asked.times == TIMES_MAX:
                    del self._waiting[of]
                self._last_s.pop(of, None)  # the one asked last stands last
                self._last_s[of] = now_s
            while len(self._last_s) > ASKED_MAX:
                del self._last_s[next(iter(self._last_s))]
            self.published += len(due)
            return [asked.request for asked in due.values()]
