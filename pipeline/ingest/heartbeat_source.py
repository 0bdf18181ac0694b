"""A source of our own: the readings of the synthetic sensor, 1 and 0 by turns, so that each one changes its alarm."""

from __future__ import annotations

import threading
from collections.abc import Callable

from model.connector import Deliveries, Delivery, Inbox, Probe
from model.heartbeat import HEARTBEAT

TOPIC = "system/heartbeat"
_PIECE_S = 0.5


class HeartbeatSource:
    """See the module.

    Attributes:
        turns: of the loop; it stands when they no longer rise.

    """

    name = HEARTBEAT

    def __init__(self, interval_s: float, wall_ns: Callable[[], int]) -> None:
        self.turns = 0
        self._interval_s, self._wall_ns = interval_s, wall_ns
        self._stopping = threading.Event()
        self._beats = 0

    def probe(self) -> Probe:
        return Probe(ok=True, message="our own")

    def connected(self) -> bool:
        return True

    def acknowledge(self, through: int) -> None:
        """Nothing is sent again: an old heartbeat proves nothing."""

    def stop(self) -> None:
        self._stopping.set()

    def run(self, inbox: Inbox) -> None:
        while not self._stopping.is_set():
            self._beat(inbox)
            left_s = self._interval_s
            while left_s > 0 and not self._stopping.wait(min(left_s, _PIECE_S)):
                left_s -= _PIECE_S
                self.turns += 1

    def _beat(self, inbox: Inbox) -> None:
        self._beats += 1
        now_ns = self._wall_ns()
        payload = b'{"value": %d, "time": %d}' % (self._beats % 2, now_ns // 10**6)
        one = Deliveries.of([Delivery(self.name, TOPIC, payload, now_ns, retained=False, receipt=self._beats)])
        inbox.put(one, _PIECE_S)  # what finds no room is not sent: that it is missing is what it is for
