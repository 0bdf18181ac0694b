"""A source of our own for tests, true to the contract: what is not acknowledged is sent again to the next one."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Sequence

from connectors.decoder import MessageDecoder
from connectors.topic import Subscription
from model.connector import Deliveries, Delivery, Inbox, Probe
from model.inputs import Tick
from tests.pipeline.plans import SECOND_NS, START_NS, ns

NAME = "memory"
DECODERS = {NAME: MessageDecoder([Subscription(topic="d/{sensor}", tag="{sensor}")])}


def message(number: int, body: object, sensor: str = "a", received_s: float = 0.0) -> Delivery:
    payload = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Delivery(NAME, f"d/{sensor}", payload, ns(received_s), retained=False, receipt=number)


def reading(at_s: float, value: float) -> dict[str, object]:
    return {"value": value, "time": (START_NS + round(at_s * SECOND_NS)) // 10**6}


class MemorySource:
    """Holds messages until they are acknowledged.

    Args:
        messages: sent once each time that ``run`` begins, unless acknowledged.
        on_acknowledge: called with the receipts, on the pipeline's thread, before they are forgotten.
        deaths: so often ``run`` dies before it sends anything.

    """

    name = NAME

    def __init__(
        self,
        messages: Sequence[Delivery] = (),
        *,
        on_acknowledge: Callable[[list[int]], None] = lambda _: None,
        deaths: int = 0,
    ) -> None:
        self.waiting = {message.receipt: message for message in messages}
        self.acknowledged: list[int] = []
        self._on_acknowledge = on_acknowledge
        self._deaths = deaths
        self._stopped = threading.Event()

    def probe(self) -> Probe:
        return Probe(ok=True, message="in memory")

    def run(self, inbox: Inbox) -> None:
        if self._deaths > 0:
            self._deaths -= 1
            return
        left = list(self.waiting.values())
        while left and not self._stopped.is_set():
            left = left[inbox.put(Deliveries.of(left), 0.05) :]
        self._stopped.wait()

    def acknowledge(self, through: int) -> None:
        receipts = [receipt for receipt in self.waiting if receipt <= through]
        self._on_acknowledge(receipts)
        self.acknowledged += receipts
        for receipt in receipts:
            del self.waiting[receipt]

    def connected(self) -> bool:
        return not self._stopped.is_set()

    def stop(self) -> None:
        self._stopped.set()


class CountingClock:
    """A clock that goes on by one second each time it is read."""

    def __init__(self, now_s: float = 0.0) -> None:
        self.now_s = now_s

    def tick(self) -> Tick:
        self.now_s += 1
        return Tick(ns(self.now_s), round(self.now_s * SECOND_NS))
