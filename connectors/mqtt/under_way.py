"""What a connection brought and is not done with: not handed over yet, or handed over and not acknowledged."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from model.connector import Deliveries, Inbox

#: Instead of a QoS: the connection on which a message came is gone, so its acknowledgement means nothing any more.
_VOID = -1
_NEVER = np.iinfo(np.int64).max
_NONE = np.empty(0, np.int64)


@dataclass(frozen=True, slots=True)
class _Marks:
    """By what messages are acknowledged, in order of receipt.

    Attributes:
        receipt: int64 [n].
        mid: int64 [n], packet identifier.
        qos: int64 [n]; ``_VOID`` where the connection on which it came is gone.

    """

    receipt: NDArray[np.int64]
    mid: NDArray[np.int64]
    qos: NDArray[np.int64]

    def cut(self, receipt: int) -> tuple[_Marks, _Marks]:
        """Those before a receipt, and the rest."""
        at = int(np.searchsorted(self.receipt, receipt))
        return (
            _Marks(self.receipt[:at], self.mid[:at], self.qos[:at]),
            _Marks(self.receipt[at:], self.mid[at:], self.qos[at:]),
        )


class UnderWay:
    """Of one source, over all its connections. For the source's own thread alone."""

    def __init__(self) -> None:
        self.held = 0  # messages that are not handed over
        self._held: deque[Deliveries] = deque()
        self._marks: deque[_Marks] = deque()

    def add(
        self,
        deliveries: Deliveries,
        mid: NDArray[np.int64],
        qos: NDArray[np.int64],
        wanted: NDArray[np.bool_] | None = None,
    ) -> None:
        """Acknowledge all of these in their turn, and hand over those that are wanted: bool [n]; None = all."""
        self._marks.append(_Marks(deliveries.receipt, mid, qos))
        held = deliveries if wanted is None else deliveries.take(wanted)
        if len(held):
            self._held.append(held)
            self.held += len(held)

    def hand_over(self, inbox: Inbox) -> None:
        """Give the inbox what it takes, without waiting."""
        while self._held:
            taken = inbox.put(self._held[0], 0.0)
            self.held -= taken
            if taken < len(self._held[0]):
                self._held[0] = self._held[0].take(slice(taken, None))
                return
            self._held.popleft()

    def durable(self, through: int) -> tuple[NDArray[np.int64], NDArray[np.int64], int]:
        """Let go of all up to this receipt; returns the identifiers of QoS 1, those of QoS 2, and how many are void."""
        done: list[_Marks] = []
        while self._marks and self._marks[0].receipt[0] <= through:
            first, rest = self._marks.popleft().cut(through + 1)
            done.append(first)
            if len(rest.receipt):
                self._marks.appendleft(rest)
        if not done:
            return _NONE, _NONE, 0
        mid, qos = np.concatenate([one.mid for one in done]), np.concatenate([one.qos for one in done])
        return mid[qos == 1], mid[qos == 2], int(np.count_nonzero(qos == _VOID))

    def forget(self) -> None:
        """The connection is gone: everything unacknowledged comes again, so what stands for it here is void.

        Messages of QoS 0 do not come again; those that are not handed over yet are kept.
        """
        first_held = int(self._held[0].receipt[0]) if self._held else _NEVER
        handed_over, waiting = (part for part in _together(self._marks).cut(first_held))
        kept = [one.take(waiting.qos[np.searchsorted(waiting.receipt, one.receipt)] == 0) for one in self._held]
        self._held = deque(one for one in kept if len(one))
        self.held = sum(map(len, self._held))
        void = _Marks(handed_over.receipt, handed_over.mid, np.where(handed_over.qos > 0, _VOID, handed_over.qos))
        self._marks = deque([void] if len(void.receipt) else [])
        self._marks.extend(_Marks(one.receipt, *np.zeros((2, len(one)), np.int64)) for one in self._held)

    def drop_held(self) -> None:
        """Throw away what is not handed over: nobody wants it."""
        self._held.clear()
        self.held = 0


def _together(marks: deque[_Marks]) -> _Marks:
    if not marks:
        return _Marks(_NONE, _NONE, _NONE)
    columns = zip(*((one.receipt, one.mid, one.qos) for one in marks), strict=True)
    return _Marks(*map(np.concatenate, columns))
