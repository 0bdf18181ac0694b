"""Readings on their way into and out of archive files: columns, and series that name them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from model.batch import Batch

#: Device times that can be; others are filed under the receive time, as they are judged.
TIME_NS_MIN = 946_684_800 * 10**9  # 2000-01-01
AHEAD_NS_MAX = 300 * 10**9
_INT64 = np.iinfo(np.int64)


class Series(NamedTuple):
    """What readings belong to. A sensor whose kind or unit changes begins another series under the same tag."""

    tag: str
    kind: str
    unit: str


@dataclass(frozen=True, slots=True)
class Rows:
    """Readings as they are archived.

    Attributes:
        series: int32 [n], index into a list of ``Series`` that stands beside.
        at_ns: int64 [n], the time they are filed under: the device's, or that of receipt where the device's cannot be.
        time_ns: int64 [n], device time as it came; ``NO_TIME`` where the device gave none.
        received_ns: int64 [n].
        value: float64 [n], unit of the series.
        quality: uint8 [n].
        offset: int64 [n], in the journal; no two readings share one.

    """

    series: NDArray[np.int32]
    at_ns: NDArray[np.int64]
    time_ns: NDArray[np.int64]
    received_ns: NDArray[np.int64]
    value: NDArray[np.float64]
    quality: NDArray[np.uint8]
    offset: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.series)

    def take(self, rows: NDArray[np.intp] | NDArray[np.bool_] | slice) -> Rows:
        return Rows(
            self.series[rows],
            self.at_ns[rows],
            self.time_ns[rows],
            self.received_ns[rows],
            self.value[rows],
            self.quality[rows],
            self.offset[rows],
        )

    def renumbered(self, place: NDArray[np.int32]) -> Rows:
        """Whose ``series`` count in another list; ``place`` says where each of the old one stands there."""
        return Rows(
            place[self.series],
            self.at_ns,
            self.time_ns,
            self.received_ns,
            self.value,
            self.quality,
            self.offset,
        )

    def with_value(self, value: NDArray[np.float64]) -> Rows:
        return Rows(self.series, self.at_ns, self.time_ns, self.received_ns, value, self.quality, self.offset)

    def by_series(self) -> Rows:
        """Sorted by series, time and offset: the order of a file."""
        return self.take(np.lexsort((self.offset, self.at_ns, self.series)))

    def by_time(self) -> Rows:
        """Sorted by time and offset."""
        order = np.argsort(self.at_ns)
        at_ns = self.at_ns[order]
        same = np.flatnonzero(at_ns[1:] == at_ns[:-1])
        if len(same):  # few as a rule; only among these the offsets decide
            tied = np.union1d(same, same + 1)
            order[tied] = order[tied][np.lexsort((self.offset[order[tied]], at_ns[tied]))]
        return self.take(order)

    def between(self, from_ns: int, to_ns: int) -> Rows:
        """Those filed under a time from the first on and before the second."""
        rows = self
        if from_ns > _INT64.min:
            rows = rows.take(rows.at_ns >= min(from_ns, _INT64.max))
        if to_ns <= _INT64.max:
            rows = rows.take(rows.at_ns < max(to_ns, _INT64.min))
        return rows


def from_batch(batch: Batch, series: NDArray[np.int32], offset: int) -> Rows:
    """Journaled readings, filed.

    Args:
        batch: as journaled.
        series: int32 [m], of each sensor of the plan in force.
        offset: of its first row.

    """
    return Rows(
        series[batch.sensor],
        filed_under(batch.time_ns, batch.received_ns),
        batch.time_ns,
        batch.received_ns,
        batch.value,
        batch.quality,
        np.arange(offset, offset + len(batch), dtype=np.int64),
    )


def filed_under(time_ns: NDArray[np.int64], received_ns: NDArray[np.int64]) -> NDArray[np.int64]:
    """Device time where it can be, else receive time; int64 [n]."""
    latest_ns = np.where(received_ns > _INT64.max - AHEAD_NS_MAX, received_ns, received_ns + AHEAD_NS_MAX)
    return np.where((time_ns >= TIME_NS_MIN) & (time_ns <= latest_ns), time_ns, received_ns)


def together(parts: Sequence[Rows]) -> Rows:
    """All of them, one behind the other."""
    if not parts:
        return from_batch(Batch.empty(), np.empty(0, np.int32), 0)
    if len(parts) == 1:
        return parts[0]
    return Rows(
        np.concatenate([one.series for one in parts]),
        np.concatenate([one.at_ns for one in parts]),
        np.concatenate([one.time_ns for one in parts]),
        np.concatenate([one.received_ns for one in parts]),
        np.concatenate([one.value for one in parts]),
        np.concatenate([one.quality for one in parts]),
        np.concatenate([one.offset for one in parts]),
    )
