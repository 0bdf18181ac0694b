"""Contracts at the edge: what comes in, what goes out, and what a connector promises."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

Item = TypeVar("Item", contravariant=True)


@dataclass(slots=True)
class Delivery:
    """One message as it came, not yet acknowledged."""

    source: str  # name of the source in the configuration
    topic: str
    payload: bytes
    received_ns: int
    retained: bool  # last known state, not an event
    receipt: int  # the source's own mark; handed back to acknowledge


@dataclass(slots=True)
class Refusal:
    """A message, or one reading of it, that cannot be used."""

    delivery: Delivery
    reason: str  # stable label, for counting
    detail: str  # what, where, how to mend
    payload: bytes  # the part that is refused


@dataclass(slots=True)
class Readings:
    """Decoded rows by tag, before the registry is asked.

    Attributes:
        tags: [n].
        time_ns: int64 [n]; ``NO_TIME`` where the device gave none.
        value: float64 [n], in ``units``.
        quality: uint8 [n].
        units: [n]; empty = the unit of the sensor's kind.
        delivery: int32 [n], which of the deliveries handed in the row came from.

    """

    tags: list[str]
    time_ns: NDArray[np.int64]
    value: NDArray[np.float64]
    quality: NDArray[np.uint8]
    units: list[str]
    delivery: NDArray[np.int32]


class Decoder(Protocol):
    """Turns the payloads of one subscription into rows. Never raises on a payload."""

    def decode(self, deliveries: Sequence[Delivery]) -> tuple[Readings, list[Refusal]]: ...


@dataclass(frozen=True, slots=True)
class Probe:
    """What a connector found when it was asked to try its other side."""

    ok: bool
    message: str


class Inbox(Protocol):
    """Where a source puts what it received. Bounded; order is kept."""

    def put(self, deliveries: Sequence[Delivery], wait_s: float) -> int:
        """Hand deliveries over, first ones first; returns how many were taken.

        Waits up to ``wait_s`` for room while there is none, never longer, so that the source's thread can go on
        writing acknowledgements. What was not taken stays with the source, which offers it again.
        """
        ...


class Source(Protocol):
    """Receives messages and acknowledges them when it is told to, never before."""

    name: str

    def probe(self) -> Probe: ...

    def run(self, inbox: Inbox) -> None:
        """Receive until ``stop`` is called; reconnects by itself. Runs on a thread of its own."""
        ...

    def acknowledge(self, receipts: Sequence[int]) -> None:
        """These are durable. Called from the pipeline's thread, in order of receipt; returns at once."""
        ...

    def connected(self) -> bool: ...

    def stop(self) -> None:
        """Make ``run`` return soon; thread-safe."""
        ...


class Sink(Protocol[Item]):
    """Takes items to another system. Idempotent by the items' ids.

    Raises:
        RetryableError: not now; nothing is lost, the same items are offered again.
        PermanentError: never; the items go to the dead letters.

    """

    name: str

    def probe(self) -> Probe: ...

    def write(self, items: Sequence[Item]) -> None: ...

    def close(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Message:
    """One outbox row on its way to an event sink."""

    id: str  # the same over all attempts; receivers drop what they have seen
    alarm_id: str
    time_ns: int  # when the row was made
    topic: dict[str, str]  # words a sink may put into a topic or path: site, asset, tag, rule, grade
    body: bytes  # canonical JSON


@dataclass(frozen=True, slots=True)
class Point:
    """One row for a time-series database."""

    measurement: str
    tags: dict[str, str]
    fields: dict[str, float | int | str | bool]
    time_ns: int
