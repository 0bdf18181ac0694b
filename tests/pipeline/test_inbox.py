"""The bounded queue between sources and the loop: order kept, bounds held, nobody left asleep."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor

from hypothesis import given, settings
from hypothesis import strategies as st

from model.connector import Deliveries, Delivery
from pipeline.ingest.inbox import BoundedInbox

LONG_S = 30.0  # a wait that a working inbox never needs


def deliveries(*sizes: int, source: str = "s", first: int = 0) -> Deliveries:
    return Deliveries.of(
        [
            Delivery(source, "t", bytes(size), 0, retained=False, receipt=number)
            for number, size in enumerate(sizes, first)
        ]
    )


def receipts(taken: list[Deliveries]) -> list[int]:
    return [receipt for part in taken for receipt in part.receipt.tolist()]


def test_what_comes_first_leaves_first() -> None:
    inbox = BoundedInbox()
    assert inbox.put(deliveries(1, 1, 1), 0) == 3
    assert inbox.put(deliveries(1, first=3), 0) == 1
    assert [receipts(inbox.take(3, 0)), receipts(inbox.take(3, 0)), receipts(inbox.take(3, 0))] == [[0, 1, 2], [3], []]


def test_a_full_inbox_takes_the_first_ones_and_leaves_the_rest_with_the_source() -> None:
    inbox = BoundedInbox(deliveries_max=2)
    assert inbox.put(deliveries(1, 1, 1), 0) == 2
    assert inbox.put(deliveries(1), 0) == 0
    assert receipts(inbox.take(1, 0)) == [0]
    assert inbox.put(deliveries(1, 1, first=2), 0) == 1


def test_bytes_are_bounded_and_one_large_payload_fits_when_it_is_alone() -> None:
    inbox = BoundedInbox(bytes_max=10)
    assert inbox.put(deliveries(1000), 0) == 1
    assert inbox.put(deliveries(1), 0) == 0
    assert len(inbox.take(1, 0)) == 1
    assert inbox.put(deliveries(6, 6, 6), 0) == 2


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(st.booleans(), st.integers(1, 5), st.integers(0, 6)), max_size=30))
def test_order_and_bounds_hold_whatever_is_put_and_taken(steps: list[tuple[bool, int, int]]) -> None:
    inbox, put, taken = BoundedInbox(deliveries_max=7, bytes_max=12), 0, []
    for is_put, number, size in steps:
        if is_put:
            put += inbox.put(deliveries(*[size] * number, first=put), 0)
        else:
            taken += receipts(inbox.take(number, 0))
        waiting = put - len(taken)
        assert len(inbox) == waiting <= 7
    assert taken + receipts(inbox.take(100, 0)) == list(range(put))


def test_a_take_that_waits_is_ended_by_a_delivery_or_by_wake() -> None:
    inbox = BoundedInbox()
    with ThreadPoolExecutor() as pool:
        waiting = pool.submit(inbox.take, 10, LONG_S)
        inbox.put(deliveries(1), 0)
        assert receipts(waiting.result(LONG_S)) == [0]
        waiting = pool.submit(inbox.take, 10, LONG_S)
        inbox.wake()
        assert waiting.result(LONG_S) == []


def test_a_wake_before_the_take_is_not_lost_and_counts_once() -> None:
    inbox = BoundedInbox()
    inbox.wake()
    begun_s = time.monotonic()
    assert inbox.take(1, LONG_S) == []
    assert time.monotonic() - begun_s < LONG_S / 2
    assert inbox.take(1, 0.01) == []


def test_a_put_that_waits_goes_on_as_soon_as_there_is_room() -> None:
    inbox = BoundedInbox(deliveries_max=1)
    inbox.put(deliveries(1), 0)
    with ThreadPoolExecutor() as pool:
        waiting = pool.submit(inbox.put, deliveries(1, first=1), LONG_S)
        assert receipts(inbox.take(1, 0)) == [0]
        assert waiting.result(LONG_S) == 1


def test_several_sources_lose_nothing_and_keep_their_own_order() -> None:
    inbox, sources, each = BoundedInbox(deliveries_max=5), ("a", "b", "c"), 200

    def send(source: str) -> None:
        left = deliveries(*[1] * each, source=source)
        while len(left):
            left = left.take(slice(inbox.put(left, LONG_S), None))

    threads = [threading.Thread(target=send, args=(source,)) for source in sources]
    for thread in threads:
        thread.start()
    taken: list[Deliveries] = []
    while sum(map(len, taken)) < each * len(sources):
        taken += inbox.take(3, LONG_S)
    for thread in threads:
        thread.join(LONG_S)
    for source in sources:
        assert receipts([one for one in taken if one.source == source]) == list(range(each))
