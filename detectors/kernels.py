"""What all compiled kernels have in common: their array types and the way in for a batch.

Signatures are given, so a kernel is compiled when its module is imported (or loaded from the cache), never
while readings wait. Numba's cache watches only the file of the compiled function itself: a kernel therefore
uses no function or constant of another file of ours, or an old one would live on in the cache.
"""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
from numba import from_dtype, types
from numpy.typing import NDArray

from model.batch import Batch

Floats: TypeAlias = NDArray[np.float64]
Integers: TypeAlias = NDArray[np.int64]
Slots: TypeAlias = NDArray[np.int32]
Records: TypeAlias = NDArray[np.void]

#: Columns of a batch: read-only, which lets in arrays that point into a received buffer.
SENSOR = types.Array(types.int32, 1, "C", readonly=True)
TIME = types.Array(types.int64, 1, "C", readonly=True)
VALUE = types.Array(types.float64, 1, "C", readonly=True)

#: Columns of a state, changed in place.
F64 = types.Array(types.float64, 1, "C")
I64 = types.Array(types.int64, 1, "C")

#: Finite values beyond this are taken as no value, so that squares and sums stay finite.
VALUE_MAX = 1e100

#: A row stands for at most this many scan periods: a gap in the data is no evidence.
GAP_PERIODS = 3.0


def columns(batch: Batch) -> tuple[Slots, Integers, Floats]:
    """Give slot, event time (ns) and value as the kernels take them; copies only what is not contiguous."""
    return (
        np.ascontiguousarray(batch.sensor),
        np.ascontiguousarray(batch.time_ns),
        np.ascontiguousarray(batch.value),
    )


def tuple_type(of: type[tuple[object, ...]], *members: types.Type) -> types.Type:
    """Type of a ``NamedTuple`` as a kernel's argument."""
    made: types.Type = types.BaseTuple.from_types(members, of)  # type: ignore[no-untyped-call]
    return made


def records(fields: np.dtype[np.void]) -> types.Type:
    """Type of a structured array [m], one record a slot, changed in place."""
    return types.Array(from_dtype(fields), 1, "C")


def nanoseconds(seconds: float) -> int:
    return round(seconds * 1e9)
