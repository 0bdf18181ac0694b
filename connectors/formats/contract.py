"""What a payload format promises to the decoder."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from connectors.topic import Subscription
from model.connector import Deliveries, Refusal

#: ``element`` of a row that is a message of its own.
WHOLE = -1

#: Which delivery, which element of it, and why.
Refused: TypeAlias = tuple[int, int, Refusal]


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
        refused: what of the wanted messages is no row.

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
    refused: list[Refused] = field(default_factory=list)

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
            self.refused,
        )


def in_order(parts: Iterable[Rows]) -> Rows:
    """Rows that share their lists of names and units, one after the other by message."""
    given = list(parts)
    if len(given) == 1:
        return given[0]
    columns = {
        column: np.concatenate([getattr(part, column) for part in given])
        for column in ("name", "unit", "value", "time_ns", "quality", "delivery", "element")
    }
    whole = Rows(
        names=given[0].names,
        units=given[0].units,
        refused=[one for part in given for one in part.refused],
        **columns,
    )
    return whole.take(np.argsort(whole.delivery, kind="stable"))


class Format(Protocol):
    """Reads payloads; never raises on one. Every message ends in at least one row or one refusal.

    Args:
        subscription: where the messages come from, with the format's own settings.
        depth_max: payloads nested deeper are refused.

    """

    def __init__(self, subscription: Subscription, depth_max: int) -> None: ...

    def read(self, deliveries: Deliveries, wanted: NDArray[np.bool_]) -> Rows:
        """Rows of the wanted messages: bool [n]; the others are somebody else's."""
        ...

    def part(self, payload: bytes, element: int) -> bytes:
        """What of a payload is this element, to be kept with a refusal."""
        ...
