"""What every source must do, whatever it speaks; ``tests/connectors/test_sources.py`` runs it on each of them."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from model.connector import Deliveries, Delivery, Source
from tests.servers import until

STOP_S_MAX = 5.0


def nobody(_: Delivery) -> bool:
    return False


class BoundedInbox:
    """A real inbox with a bound that a test can move.

    Args:
        room: how many deliveries it takes.
        is_own: deliveries that the source made itself: taken, neither counted nor kept.

    """

    def __init__(self, room: int = 10**9, is_own: Callable[[Delivery], bool] = nobody) -> None:
        self.taken: list[Delivery] = []
        self.offers = 0
        self._room = room
        self._is_own = is_own
        self._changed = threading.Condition()

    def put(self, deliveries: Deliveries, wait_s: float) -> int:
        with self._changed:
            self.offers += 1
            self._changed.wait_for(lambda: len(self.taken) < self._room, wait_s)
            for row in range(len(deliveries)):
                delivery = deliveries[row]
                if self._is_own(delivery):
                    continue
                if len(self.taken) >= self._room:
                    return row
                self.taken.append(delivery)
            return len(deliveries)

    def make_room(self, room: int) -> None:
        with self._changed:
            self._room = room
            self._changed.notify_all()

    def payloads(self, begin: int = 0) -> list[bytes]:
        return [delivery.payload for delivery in self.taken[begin:]]

    def receipts(self) -> list[int]:
        return [delivery.receipt for delivery in self.taken]


@dataclass
class Rig:
    """A source under test and its other side.

    Attributes:
        build: makes the source anew, with the same settings.
        send: makes the other side send this many messages; returns their payloads in order.
        break_connection: breaks the connection and lets it come back; None where there is none.
        confirmed: how many acknowledgements the other side has seen; None where it sees none.
        is_own: deliveries that are the source's own words about the other side, not of it.

    """

    build: Callable[[], Source]
    send: Callable[[int], list[bytes]]
    break_connection: Callable[[], None] | None = None
    confirmed: Callable[[], int] | None = None
    is_own: Callable[[Delivery], bool] = nobody

    def inbox(self, room: int = 10**9) -> BoundedInbox:
        return BoundedInbox(room, self.is_own)


@contextmanager
def running(source: Source, inbox: BoundedInbox) -> Iterator[threading.Thread]:
    thread = threading.Thread(target=source.run, args=(inbox,), daemon=True)
    thread.start()
    try:
        yield thread
    finally:
        source.stop()
        thread.join(STOP_S_MAX)
        assert not thread.is_alive(), f"run of {source.name} must return within {STOP_S_MAX:g} s of stop"


def delivers_all_in_order(rig: Rig) -> None:
    source, inbox = rig.build(), rig.inbox()
    with running(source, inbox):
        until(source.connected, "the source to be connected")
        sent = rig.send(500)
        until(lambda: len(inbox.taken) >= len(sent), f"{len(sent)} deliveries")
    assert inbox.payloads() == sent
    assert inbox.receipts() == sorted(set(inbox.receipts()))
    assert {delivery.source for delivery in inbox.taken} == {source.name}
    assert not any(delivery.retained for delivery in inbox.taken)


def bounded_inbox_holds_back(rig: Rig) -> None:
    source, inbox = rig.build(), rig.inbox(room=10)
    with running(source, inbox):
        until(source.connected, "the source to be connected")
        sent = rig.send(200)
        until(lambda: len(inbox.taken) == 10, "a full inbox")
        refused = inbox.offers
        until(lambda: inbox.offers > refused + 1, "the source to offer again")
        assert inbox.payloads() == sent[:10]
        inbox.make_room(10**9)
        until(lambda: len(inbox.taken) >= len(sent), f"{len(sent)} deliveries")
    assert inbox.payloads() == sent


def acknowledges_while_inbox_is_full(rig: Rig) -> None:
    """The thread must not wait in ``put`` for ever: acknowledgements go on."""
    source, inbox = rig.build(), rig.inbox(room=10)
    with running(source, inbox):
        until(source.connected, "the source to be connected")
        rig.send(50)
        until(lambda: len(inbox.taken) == 10, "a full inbox")
        source.acknowledge(inbox.receipts()[-1])
        until(lambda: getattr(source, "acknowledged", 0) == 10, "ten acknowledgements")


def stops_with_full_inbox(rig: Rig) -> None:
    source, inbox = rig.build(), rig.inbox(room=1)
    with running(source, inbox):
        until(source.connected, "the source to be connected")
        rig.send(50)
        until(lambda: len(inbox.taken) == 1, "a full inbox")


def stops_before_it_is_started(rig: Rig) -> None:
    source, inbox = rig.build(), rig.inbox()
    source.stop()
    with running(source, inbox) as thread:
        thread.join(STOP_S_MAX)
        assert not thread.is_alive()
    source.acknowledge(3)


def keeps_the_unacknowledged(rig: Rig) -> None:
    """What was acknowledged does not come again; what was not does, and still in order."""
    source, inbox = rig.build(), rig.inbox()
    with running(source, inbox):
        until(source.connected, "the source to be connected")
        sent = rig.send(100)
        until(lambda: len(inbox.taken) >= 100, "100 deliveries")
        source.acknowledge(inbox.receipts()[39])
        until(lambda: getattr(source, "acknowledged", 0) == 40, "40 acknowledgements")
    again, second = rig.build(), rig.inbox()
    with running(again, second):
        until(lambda: len(second.taken) >= 60, "60 deliveries again")
        more = rig.send(1)
        until(lambda: second.payloads()[-1:] == more, "a new delivery after those")
        assert second.payloads() == sent[40:] + more
        again.acknowledge(second.receipts()[-1])
        until(lambda: getattr(again, "acknowledged", 0) == 61, "61 acknowledgements")


def survives_a_broken_connection(rig: Rig) -> None:
    """Receipts of the connection that is gone acknowledge nothing on the new one."""
    assert rig.break_connection is not None
    source, inbox = rig.build(), rig.inbox()
    with running(source, inbox):
        until(source.connected, "the source to be connected")
        sent = rig.send(30)
        until(lambda: len(inbox.taken) >= 30, "30 deliveries")
        old = inbox.receipts()
        rig.break_connection()
        until(lambda: len(inbox.taken) >= 60, "30 deliveries again")
        assert inbox.payloads(30) == sent
        source.acknowledge(old[-1])
        until(lambda: getattr(source, "void", 0) == 30, "void receipts to be counted")
        assert getattr(source, "acknowledged", None) == 0
        source.acknowledge(inbox.receipts()[-1])
        until(lambda: getattr(source, "acknowledged", 0) == 30, "30 acknowledgements")
        more = rig.send(5)
        until(lambda: len(inbox.taken) >= 65, "5 new deliveries")
        assert inbox.payloads(60) == more


def confirms_nothing_before_it_is_told(rig: Rig) -> None:
    """Seen from the other side: what it was not told to acknowledge, it has not acknowledged."""
    assert rig.confirmed is not None
    confirmed = rig.confirmed
    source, inbox = rig.build(), rig.inbox()
    with running(source, inbox):
        until(source.connected, "the source to be connected")
        rig.send(20)
        until(lambda: len(inbox.taken) >= 20, "20 deliveries")
        source.acknowledge(inbox.receipts()[4])
        until(lambda: confirmed() == 5, "five acknowledgements at the other side")
        rig.send(1)
        until(lambda: len(inbox.taken) >= 21, "a delivery after those")
        assert confirmed() == 5
        source.acknowledge(inbox.receipts()[-1])
        until(lambda: confirmed() == 21, "all acknowledgements at the other side")


EVERY_SOURCE = [
    delivers_all_in_order,
    bounded_inbox_holds_back,
    acknowledges_while_inbox_is_full,
    stops_with_full_inbox,
    stops_before_it_is_started,
]
EVERY_REDELIVERING_SOURCE = [
    confirms_nothing_before_it_is_told,
    keeps_the_unacknowledged,
    survives_a_broken_connection,
]
