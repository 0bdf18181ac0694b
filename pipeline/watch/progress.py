"""Which loops go on. Each counts its turns; one that has work and has not counted on for its limit stands.

A counter says more than "the thread is alive": a thread that waits for ever in a lock, a system call or somebody's
server is alive, too.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass


def always() -> bool:
    """Most loops turn also when there is nothing to do."""
    return True


@dataclass(slots=True)
class _Loop:
    name: str
    turns: Callable[[], int]
    has_work: Callable[[], bool]
    counted: int
    since_s: float  # when it was last seen to have counted on


class Loops:
    """The loops of this process. ``standing`` must be asked more often than the limit is long."""

    def __init__(self, limit_s: float) -> None:
        self.limit_s = limit_s
        self._loops: list[_Loop] = []

    def watch(
        self, name: str, turns: Callable[[], int], *, now_s: float, has_work: Callable[[], bool] = always
    ) -> None:
        """Watch one from now on.

        Args:
            name: as people are told of it.
            turns: a counter that rises with every turn of the loop.
            now_s: monotonic time.
            has_work: False while the loop rightly rests.

        """
        self._loops.append(_Loop(name, turns, has_work, turns(), now_s))

    def standing_s(self, now_s: float) -> dict[str, float]:
        """Every loop by name, with how long it has stood: 0 while it goes on."""
        found: dict[str, float] = {}
        for loop in self._loops:
            turns = loop.turns()
            if turns != loop.counted or not loop.has_work():
                loop.counted, loop.since_s = turns, now_s
            stood_s = now_s - loop.since_s
            found[loop.name] = stood_s if stood_s > self.limit_s else 0.0
        return found


class Turns:
    """A loop's own counter, for loops that have to wait longer than they may stand."""

    #: A wait is cut into such pieces, and each piece is a turn.
    PIECE_S = 0.5

    def __init__(self) -> None:
        self.count = 0

    def __call__(self) -> int:
        return self.count

    def turn(self) -> None:
        self.count += 1

    def rest(self, stop: threading.Event, wait_s: float) -> bool:
        """Wait like ``stop.wait``, and go on counting."""
        left_s = wait_s
        while left_s > 0:
            if stop.wait(min(left_s, self.PIECE_S)):
                return True
            left_s -= self.PIECE_S
            self.count += 1
        return stop.is_set()
