"""Readings in columns: the one shape in which values travel from the journal to the detectors."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

#: OPC UA quality, reduced to its severity bits (OPC UA Part 8).
GOOD, UNCERTAIN, BAD = 0, 1, 2

#: ``time_ns`` of a reading whose device gave no time of its own.
NO_TIME = np.iinfo(np.int64).min


@dataclass(frozen=True, slots=True)
class Batch:
    """Rows in order of arrival; a sensor may stand in many of them.

    Attributes:
        sensor: int32 [n], index into the plan's sensors.
        time_ns: int64 [n], device time, ns since 1970 UTC; ``NO_TIME`` where the device gave none.
        received_ns: int64 [n], wall clock at receipt, ns since 1970 UTC.
        value: float64 [n], unit of the sensor's kind; NaN = no usable value.
        quality: uint8 [n], ``GOOD``, ``UNCERTAIN`` or ``BAD``.

    """

    sensor: NDArray[np.int32]
    time_ns: NDArray[np.int64]
    received_ns: NDArray[np.int64]
    value: NDArray[np.float64]
    quality: NDArray[np.uint8]

    def __len__(self) -> int:
        return len(self.sensor)

    @classmethod
    def empty(cls) -> Batch:
        return cls(
            np.empty(0, np.int32),
            np.empty(0, np.int64),
            np.empty(0, np.int64),
            np.empty(0, np.float64),
            np.empty(0, np.uint8),
        )

    def take(self, rows: NDArray[np.intp] | NDArray[np.bool_] | slice) -> Batch:
        return Batch(
            self.sensor[rows],
            self.time_ns[rows],
            self.received_ns[rows],
            self.value[rows],
            self.quality[rows],
        )


def concatenate(batches: list[Batch]) -> Batch:
    if not batches:
        return Batch.empty()
    if len(batches) == 1:
        return batches[0]
    return Batch(
        np.concatenate([b.sensor for b in batches]),
        np.concatenate([b.time_ns for b in batches]),
        np.concatenate([b.received_ns for b in batches]),
        np.concatenate([b.value for b in batches]),
        np.concatenate([b.quality for b in batches]),
    )
