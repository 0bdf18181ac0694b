"""What every sink must do, whatever it speaks; ``tests/connectors/test_sinks.py`` runs it on each of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

import pytest

from model.connector import Sink
from model.errors import RetryableError

Item = TypeVar("Item")


@dataclass
class Rig(Generic[Item]):
    """A sink under test and its other side.

    Attributes:
        sink: under test.
        items: makes this many different items.
        arrived: what arrived at the other side and belongs to these items, without repetitions.
        interrupt: takes the other side away.
        restore: brings it back, with what it had.

    """

    sink: Sink[Item]
    items: Callable[[int], list[Item]]
    arrived: Callable[[Sequence[Item]], int]
    interrupt: Callable[[], None]
    restore: Callable[[], None]


def probes(rig: Rig[Item]) -> None:
    found = rig.sink.probe()
    assert found.ok, found.message
    rig.interrupt()
    found = rig.sink.probe()
    assert not found.ok
    assert found.message
    rig.restore()


def writes_nothing(rig: Rig[Item]) -> None:
    rig.sink.write([])


def writes_all(rig: Rig[Item]) -> None:
    items = rig.items(50)
    rig.sink.write(items)
    assert rig.arrived(items) == 50


def may_be_offered_the_same_again(rig: Rig[Item]) -> None:
    items = rig.items(10)
    rig.sink.write(items)
    rig.sink.write(items)
    assert rig.arrived(items) == 10


def says_that_it_may_be_tried_again(rig: Rig[Item]) -> None:
    before, after = rig.items(1), rig.items(3)
    rig.sink.write(before)
    rig.interrupt()
    for _ in range(2):
        with pytest.raises(RetryableError) as refused:
            rig.sink.write(after)
        assert "127.0.0.1" in str(refused.value)
    rig.restore()
    rig.sink.write(after)
    assert rig.arrived(after) == 3


def may_be_closed_twice(rig: Rig[Item]) -> None:
    rig.sink.write(rig.items(1))
    rig.sink.close()
    rig.sink.close()


EVERY_SINK = [
    probes,
    writes_nothing,
    writes_all,
    may_be_offered_the_same_again,
    says_that_it_may_be_tried_again,
    may_be_closed_twice,
]
