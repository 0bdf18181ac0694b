"""Contracts at the edge: what comes in, what goes out, and what a connector promises."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol, TypeVar, runtime_checkable

import numpy as np
from numpy.typing import NDArray

Item = TypeVar("Item", contravariant=True)

#: Refusals of one message that are kept one by one; those beyond are counted.
REFUSALS_EACH_MAX = 100


@dataclass(slots=True)
class Delivery:
    """One message as it came, not yet acknowledged."""

    source: str  # name of the source in the configuration
    topic: str
    payload: bytes
    received_ns: int
    retained: bool  # last known state, not an event
    receipt: int  # the source's own mark, rising; see ``Source.acknowledge``


@dataclass(frozen=True, slots=True)
class Deliveries:
    """Messages of one source in order of receipt, in columns: thousands of them cost no object each.

    Attributes:
        source: name of the source in the configuration.
        data: where the topics and payloads stand.
        topic_at, topic_end: int64 [n], a message's topic in ``data``, UTF-8 where the sender keeps to its protocol.
        payload_at, payload_end: int64 [n], its payload.
        received_ns: int64 [n], wall clock at receipt, ns since 1970 UTC.
        retained: bool [n], last known state, not an event.
        receipt: int64 [n], the source's own marks, rising.

    """

    source: str
    data: bytes
    topic_at: NDArray[np.int64]
    topic_end: NDArray[np.int64]
    payload_at: NDArray[np.int64]
    payload_end: NDArray[np.int64]
    received_ns: NDArray[np.int64]
    retained: NDArray[np.bool_]
    receipt: NDArray[np.int64]

    @classmethod
    def of(cls, deliveries: Sequence[Delivery]) -> Deliveries:
        """Columns of some messages of one source."""
        pieces = [piece for one in deliveries for piece in (one.topic.encode(errors="replace"), one.payload)]
        ends = np.cumsum([0, *map(len, pieces)], dtype=np.int64)
        return cls(
            deliveries[0].source if deliveries else "",
            b"".join(pieces),
            ends[0:-1:2].copy(),
            ends[1::2].copy(),
            ends[1::2].copy(),
            ends[2::2].copy(),
            np.array([one.received_ns for one in deliveries], np.int64),
            np.array([one.retained for one in deliveries], np.bool_),
            np.array([one.receipt for one in deliveries], np.int64),
        )

    def __len__(self) -> int:
        return len(self.receipt)

    def __getitem__(self, row: int) -> Delivery:
        return Delivery(
            self.source,
            self.topic(row),
            self.data[self.payload_at[row] : self.payload_end[row]],
            int(self.received_ns[row]),
            bool(self.retained[row]),
            int(self.receipt[row]),
        )

    def topic(self, row: int) -> str:
        """Readable also where it is not UTF-8, so that it can be refused by name."""
        return self.data[self.topic_at[row] : self.topic_end[row]].decode(errors="replace")

    @property
    def payload_bytes(self) -> int:
        return int((self.payload_end - self.payload_at).sum())

    def take(self, rows: NDArray[np.intp] | NDArray[np.bool_] | slice) -> Deliveries:
        return Deliveries(
            self.source,
            self.data,
            self.topic_at[rows],
            self.topic_end[rows],
            self.payload_at[rows],
            self.payload_end[rows],
            self.received_ns[rows],
            self.retained[rows],
            self.receipt[rows],
        )


@dataclass(slots=True)
class Refusal:
    """A message, or one reading of it, that cannot be used."""

    delivery: Delivery
    reason: str  # stable label, for counting
    detail: str  # what, where, how to mend
    payload: bytes  # the part that is refused
    count: int = 1  # readings it stands for; a message that was not read is one


class Refusals:
    """What of some deliveries cannot be used: the first parts of a message one by one, the others counted by reason.

    A message of a hundred thousand faults costs no more memory than one of a hundred.
    """

    def __init__(self, deliveries: Deliveries) -> None:
        self._deliveries = deliveries
        self._made: list[tuple[int, int, Refusal]] = []
        self._messages: dict[int, Delivery] = {}
        self._kept: dict[int, int] = {}
        self._beyond: dict[tuple[int, str], Refusal] = {}

    def room(self, message: int) -> int:
        """How many refusals of this message are still kept one by one."""
        return max(REFUSALS_EACH_MAX - self._kept.get(message, 0), 0)

    def add(self, message: int, element: int, fault: tuple[str, str], part: bytes | None, count: int = 1) -> None:
        """Refuse a part of a message.

        Args:
            message: which of the deliveries.
            element: which part of it; parts are listed in this order.
            fault: reason and detail.
            part: the bytes that are refused; None = the whole payload.
            count: readings it stands for.

        """
        beyond = self._beyond.get((message, fault[0]))
        if beyond is not None:
            beyond.count += count
            return
        delivery = self._messages.get(message)
        if delivery is None:
            delivery = self._messages[message] = self._deliveries[message]
        part = delivery.payload if part is None else part
        if self.room(message) > 0:
            self._kept[message] = self._kept.get(message, 0) + 1
            self._made.append((message, element, Refusal(delivery, *fault, part, count)))
            return
        detail = f"and more of the same message; the next one: {fault[1]}"
        refusal = self._beyond[message, fault[0]] = Refusal(delivery, fault[0], detail, part, count)
        self._made.append((message, element, refusal))

    def __iter__(self) -> Iterator[Refusal]:
        """In order of message and element."""
        return iter([refusal for _, __, refusal in sorted(self._made, key=lambda one: one[:2])])


@dataclass(slots=True)
class Readings:
    """Decoded rows by tag, before the registry is asked.

    Attributes:
        names: tags. A decoder that hands over the same list again has only added to it, so that what is looked up
            for a place in it holds for ever.
        tag: int32 [n], place in ``names``.
        time_ns: int64 [n]; ``NO_TIME`` where the device gave none.
        value: float64 [n], in its unit.
        quality: uint8 [n].
        units: unit names, the first one empty: the unit of the sensor's kind. Only added to, like ``names``.
        unit: int32 [n], place in ``units``.
        delivery: int32 [n], which of the deliveries handed in the row came from, rising.
        left_out: what is no reading and no fault, such as a text beside the measurements, counted by a stable label.

    """

    names: list[str]
    tag: NDArray[np.int32]
    time_ns: NDArray[np.int64]
    value: NDArray[np.float64]
    quality: NDArray[np.uint8]
    units: list[str]
    unit: NDArray[np.int32]
    delivery: NDArray[np.int32]
    left_out: dict[str, int] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.tag)

    @property
    def tags(self) -> list[str]:
        """The tag of each row."""
        return [self.names[place] for place in self.tag.tolist()]


class Decoder(Protocol):
    """Turns the payloads of one subscription into rows. Never raises on a payload."""

    def decode(self, deliveries: Deliveries) -> tuple[Readings, list[Refusal]]: ...


@dataclass(frozen=True, slots=True)
class Probe:
    """What a connector found when it was asked to try its other side."""

    ok: bool
    message: str
    warnings: tuple[str, ...] = ()  # it works, and somebody should look


class Inbox(Protocol):
    """Where a source puts what it received. Bounded; order is kept."""

    def put(self, deliveries: Deliveries, wait_s: float) -> int:
        """Hand deliveries over, first ones first; returns how many were taken.

        Waits up to ``wait_s`` for room while there is none, never longer, so that the source's thread can go on
        writing acknowledgements. What was not taken stays with the source, which offers it again.
        """
        ...


class Source(Protocol):
    """Receives messages and acknowledges them when it is told to, never before.

    What it observes of the other side itself, such as a device that is lost, it hands over as a delivery like any
    other.
    """

    name: str

    def probe(self) -> Probe: ...

    def run(self, inbox: Inbox) -> None:
        """Receive until ``stop`` is called; reconnects by itself. Runs on a thread of its own."""
        ...

    def acknowledge(self, through: int) -> None:
        """All messages up to this receipt are durable. Called from the pipeline's thread; returns at once."""
        ...

    def connected(self) -> bool:
        """True while messages can come: it has its connection, or listens for those of others."""
        ...

    def stop(self) -> None:
        """Make ``run`` return soon; thread-safe."""
        ...


class GapReason(StrEnum):
    """How it is known that something was lost before it came to us; the values are stable labels."""

    SESSION_LOST = "session_lost"  # the broker forgot what it kept for us
    SESSION_NEW = "session_new"  # the same at the first connection of this program: no loss for a new source
    BROKER_DROPPED = "broker_dropped"  # by the broker's own count, whoever's messages they were


@dataclass(frozen=True, slots=True)
class Gap:
    """Messages that were sent and will not come."""

    source: str
    reason: GapReason
    messages: int | None  # None = nobody knows how many
    detail: str
    noticed_ns: int


@runtime_checkable
class Watchful(Protocol):
    """A source that knows how its other side stands."""

    def gaps(self) -> list[Gap]:
        """What was found lost since the last call; thread-safe."""
        ...

    def figures(self) -> Mapping[str, float]:
        """What the other side tells of itself: ``dropped``, ``stored`` (messages), ``stored_bytes``; thread-safe."""
        ...


@runtime_checkable
class Turning(Protocol):
    """A loop that shows that it goes on: ``turns`` rises at least once in some seconds while it does."""

    @property
    def turns(self) -> int: ...


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
