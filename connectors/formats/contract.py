"""What a payload format promises to the decoder."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from connectors.requests import Requests
from connectors.topic import AnySubscription
from model.connector import Deliveries, Refusals

#: ``element`` of a row that is a message of its own.
WHOLE = -1

PAYLOAD_BYTES_MAX = 262144
DEPTH_MAX = 8
READINGS_MAX = 5_000

#: Faults of one kind in a batch that are told in full; those beyond are told as the next one is.
FAULTS_TOLD_MAX = 1000


class Fault(NamedTuple):
    """Why a row cannot be used."""

    reason: str
    detail: str


#: Row -> why it cannot be used.
Faults: TypeAlias = dict[int, Fault]

#: Which message and which elements of it -> their bytes, to be kept with a refusal.
Parts: TypeAlias = Callable[[int, Sequence[int]], Sequence[bytes]]


@dataclass(frozen=True, slots=True)
class Context:
    """What a format is given beside its subscription."""

    depth_max: int = DEPTH_MAX  # payloads nested deeper are refused
    readings_max: int = READINGS_MAX  # so are those of more readings, where each costs a step in Python
    requests: Requests = field(default_factory=Requests)


@dataclass(slots=True)
class Rows:
    """Readings as payloads write them, in columns.

    Attributes:
        names: what payloads call sensors. Only added to, until a new list begins.
        name: int32 [n], place in ``names``; -1 = the payload names none.
        units: unit names, the first one empty. Only added to, until a new list begins.
        unit: int32 [n], place in ``units``.
        value: float64 [n], NaN = no usable value.
        time_ns: int64 [n], ``NO_TIME`` where the device gave none.
        quality: uint8 [n].
        delivery: int32 [n], which message, rising.
        element: int32 [n], place in the message; ``WHOLE`` = it is all of it.
        left_out: what is no row and no fault, counted by a stable label.

    """

    names: list[str]
    name: NDArray[np.int32]
    units: list[str]
    unit: NDArray[np.int32]
    value: NDArray[np.float64]
    time_ns: NDArray[np.int64]
    quality: NDArray[np.uint8]
    delivery: NDArray[np.int32]
    element: NDArray[np.int32]
    left_out: dict[str, int] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.name)

    def take(self, rows: NDArray[np.intp] | NDArray[np.bool_]) -> Rows:
        return Rows(
            self.names,
            self.name[rows],
            self.units,
            self.unit[rows],
            self.value[rows],
            self.time_ns[rows],
            self.quality[rows],
            self.delivery[rows],
            self.element[rows],
            self.left_out,
        )


def payloads(deliveries: Deliveries, wanted: NDArray[np.bool_]) -> Iterator[tuple[int, bytes]]:
    """The wanted messages and their payloads, one by one."""
    messages = np.flatnonzero(wanted)
    begins, ends = deliveries.payload_at[messages].tolist(), deliveries.payload_end[messages].tolist()
    for message, begin, end in zip(messages.tolist(), begins, ends, strict=True):
        yield message, deliveries.data[begin:end]


def in_order(parts: Iterable[Rows]) -> Rows:
    """Rows that share their lists of names and units, one after the other by message."""
    given = list(parts)
    if len(given) == 1:
        return given[0]
    columns = {
        column: np.concatenate([getattr(part, column) for part in given])
        for column in ("name", "unit", "value", "time_ns", "quality", "delivery", "element")
    }
    left_out: dict[str, int] = {}
    for part in given:
        for label, count in part.left_out.items():
            left_out[label] = left_out.get(label, 0) + count
    whole = Rows(names=given[0].names, units=given[0].units, left_out=left_out, **columns)
    return whole.take(np.argsort(whole.delivery, kind="stable"))


def parts_in(deliveries: Deliveries, parts: Callable[[bytes, Sequence[int]], Sequence[bytes]]) -> Parts:
    """Parts of a message, from those of its payload."""

    def found(message: int, elements: Sequence[int]) -> Sequence[bytes]:
        return parts(deliveries.data[deliveries.payload_at[message] : deliveries.payload_end[message]], elements)

    return found


def refuse_rows(
    refusals: Refusals,
    faults: Mapping[int, Fault],
    delivery: Sequence[int] | NDArray[np.int32],
    element: Sequence[int] | NDArray[np.int32],
    parts: Parts,
) -> None:
    """Refuse rows, with the bytes of those that are kept one by one."""
    of: dict[int, list[int]] = {}
    for row in faults:
        of.setdefault(int(delivery[row]), []).append(row)
    for message, rows in of.items():
        shown = rows[: refusals.room(message)]
        for row, part in zip(shown, parts(message, [int(element[row]) for row in shown]), strict=True):
            refusals.add(message, int(element[row]), faults[row], part)
        beyond: dict[str, list[int]] = {}
        for row in rows[len(shown) :]:
            beyond.setdefault(faults[row].reason, []).append(row)
        for alike in beyond.values():
            refusals.add(message, int(element[alike[0]]), faults[alike[0]], b"", len(alike))


def usable(rows: Rows, faults: Mapping[int, Fault], refusals: Refusals, parts: Parts) -> Rows:
    """Rows without those at fault, which are refused."""
    if not faults:
        return rows
    refuse_rows(refusals, faults, rows.delivery, rows.element, parts)
    kept = np.ones(len(rows), np.bool_)
    kept[list(faults)] = False
    return rows.take(kept)


def fault_of_each(rows: Sequence[int], fault: Callable[[int], Fault]) -> Faults:
    """Faults of rows that have one for the same reason; in full for as many as may be shown."""
    shown = {row: fault(row) for row in rows[:FAULTS_TOLD_MAX]}
    if len(rows) > FAULTS_TOLD_MAX:
        shown.update(dict.fromkeys(rows[FAULTS_TOLD_MAX:], fault(rows[FAULTS_TOLD_MAX])))
    return shown


class Format(Protocol):
    """Reads payloads; never raises on one.

    Every message ends in at least one row or one refusal, or is counted as left out; every reading in exactly one of
    them.
    """

    def __init__(self, subscription: AnySubscription, context: Context) -> None: ...

    def read(self, deliveries: Deliveries, wanted: NDArray[np.bool_], refusals: Refusals) -> Rows:
        """Rows of the wanted messages: bool [n]; the others are somebody else's. What is none goes to ``refusals``."""
        ...

    def parts(self, payload: bytes, elements: Sequence[int]) -> Sequence[bytes]:
        """What of a payload these elements are, to be kept with a refusal."""
        ...
