"""What all compiled kernels have in common: their array types and the way in for a batch.

Signatures are given, so a kernel is compiled when its module is imported (or loaded from the cache), never
while readings wait. Numba's cache watches only the file of the compiled function itself: a kernel therefore
uses no function or constant of another file of ours, or an old one would live on in the cache.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from llvmlite import ir
from numba import from_dtype, types
from numba.core import cgutils
from numba.extending import intrinsic
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


#: How many rows ahead a kernel asks for a sensor's record: enough to hide one access to memory behind the work.
AHEAD = 16
_CACHE_LINE_BYTES = 64


def _prefetch(_: Any, state: types.Array, slot: types.Integer) -> tuple[Any, Any]:
    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        kind = signature.args[0]
        array = context.make_array(kind)(context, builder, arguments[0])
        place = cgutils.get_item_pointer(context, builder, kind, array, [arguments[1]])  # type: ignore[no-untyped-call]
        flag, byte = ir.IntType(32), ir.IntType(8).as_pointer()
        wanted = ir.FunctionType(ir.VoidType(), [byte, flag, flag, flag])
        function = cgutils.get_or_insert_function(builder.module, wanted, "llvm.prefetch.p0i8")  # type: ignore[no-untyped-call]
        record_bytes = kind.dtype.size if isinstance(kind.dtype, types.Record) else kind.dtype.bitwidth // 8
        for offset in range(0, record_bytes, _CACHE_LINE_BYTES):
            line = builder.gep(builder.bitcast(place, byte), [ir.IntType(64)(offset)])
            builder.call(function, [line, flag(1), flag(3), flag(1)])  # for writing, to be kept, data
        return context.get_dummy_value()

    return types.void(state, slot), generate


if TYPE_CHECKING:

    def prefetch(state: NDArray[Any], slot: int) -> None:
        """In a kernel: have the record of a slot brought into the cache meanwhile.

        With more sensors than the cache holds, a scattered row waits for memory longer than it computes: this makes a
        kernel three to four times as fast at 100,000 sensors. It is a hint and changes no result.
        """
else:
    prefetch = intrinsic(_prefetch)


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
