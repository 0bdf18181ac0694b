"""The thread that stores events: in order, together where they wait, and never failing in silence."""

from __future__ import annotations

import threading
from collections.abc import Sequence

import pytest

from model.alarm import AlarmEvent, AlarmState, Grade, Transition
from model.errors import StoreError
from pipeline.runners.store_writer import StoreWriter

LONG_S = 30.0


def event(number: int) -> AlarmEvent:
    return AlarmEvent(
        id=f"e{number}", alarm_id="a", offset=number, rule="r", tag="t", asset="s", transition=Transition.RAISED,
        state=AlarmState.UNACKNOWLEDGED, grade=Grade.RED, previous_grade=Grade.NONE, time_ns=number, at_ns=number,
        offline=False, by="", note="", why=None,
    )  # fmt: skip


class Store:
    """Remembers its transactions; waits in each for ``go``."""

    def __init__(self, fault: Exception | None = None) -> None:
        self.transactions: list[tuple[list[str], int]] = []
        self.go = threading.Semaphore(0)
        self.entered = threading.Semaphore(0)
        self.fault = fault

    def record(self, new_events: Sequence[AlarmEvent], _: object, next_offset: int, *__: object) -> int:
        self.entered.release()
        assert self.go.acquire(timeout=LONG_S)
        if self.fault:
            raise self.fault
        self.transactions.append(([one.id for one in new_events], next_offset))
        return len(new_events)


def test_what_waits_while_the_store_is_busy_goes_into_one_transaction_in_order() -> None:
    store = Store()
    writer = StoreWriter(store)
    writer.put([event(1)], [], 2)
    assert store.entered.acquire(timeout=LONG_S)
    writer.put([event(2)], [], 3)
    writer.put([event(3), event(4)], [], 5)
    store.go.release(2)
    writer.flush()
    assert store.transactions == [(["e1"], 2), (["e2", "e3", "e4"], 5)]
    writer.close()


def test_close_stores_what_was_put() -> None:
    store = Store()
    writer = StoreWriter(store)
    store.go.release()
    writer.put([event(1)], [], 2)
    writer.close()
    assert store.transactions == [(["e1"], 2)]


def test_a_store_that_fails_is_told_to_whoever_comes_next() -> None:
    store = Store(OSError("disk full"))
    writer = StoreWriter(store)
    store.go.release()
    writer.put([event(1)], [], 2)
    with pytest.raises(StoreError, match="events cannot be stored: disk full"):
        writer.flush()
    for use in (writer.check, writer.flush, lambda: writer.put([event(2)], [], 3)):
        with pytest.raises(StoreError, match="disk full"):
            use()
    writer.close()
