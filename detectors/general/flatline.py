"""A value that never moves may come from a dead sensor that still reports."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numba import njit, types
from numpy.typing import NDArray

from detectors.declaration import KIND_UNIT, check, declare
from detectors.kernels import AHEAD, F64, I64, SENSOR, TIME, VALUE, Floats, Integers, Slots, columns, prefetch
from model.batch import Batch
from model.detector import SensorGroup
from model.explanation import Explanation
from model.inputs import Tick
from model.scores import Scores
from model.state import added

_UNSET = np.iinfo(np.int64).min
_NOT_YET = np.iinfo(np.int64).max
_VALUE_MAX = 1e100


@dataclass(slots=True)
class FlatlineState:
    """Where each sensor last moved.

    Attributes:
        moved_ns: int64 [m], event time of the row that last moved.
        anchor: float64 [m], its value, unit of the kind.
        first_move_ns: int64 [m], event time of the first move that was seen; the largest int64 = none yet.

    """

    moved_ns: Integers
    anchor: Floats
    first_move_ns: Integers = field(metadata=added())


@dataclass(frozen=True, slots=True, kw_only=True)
class Flatline:
    """Seconds since the value last moved by more than a tolerance, in event time.

    Each row is compared with the anchor, the value at the last move, not with the row before it: a slow drift therefore
    moves once it adds up to more than ``tolerance``. ``|value - anchor| > tolerance`` sets the anchor and the score to
    0; otherwise ``score = time - time of the anchor``. The first row of a sensor is its first anchor; nobody knows how
    long the value had stood there, so until the first move the score is a lower bound: it raises, and never clears.

    Use it: on anything noisy by nature (pressure, temperature, ppm), with a tolerance below its noise; the default 0
    means bit-for-bit the same value.

    Fails: on sensors that rest on one value when all is well, such as a catalytic bead at 0 %LEL or a coarse display:
    there it says nothing, or only after days. A gap in the data counts as time without a move.

    Source: QARTOD flat line test (US IOOS, Manual for Real-Time Quality Control, test 8 for temperature and salinity).
    """

    tolerance: float = field(
        default=0.0, metadata=declare(unit=KIND_UNIT, doc="the largest difference that is no move", low=0.0)
    )

    state_version = 1
    state_outlasts_settings = True

    def __post_init__(self) -> None:
        check("flatline", self)

    def score_unit(self, unit: str) -> str:  # noqa: ARG002
        return "s"

    def init(self, sensors: SensorGroup) -> FlatlineState:
        slots = len(sensors)
        return FlatlineState(np.full(slots, _UNSET, np.int64), np.zeros(slots), np.full(slots, _NOT_YET, np.int64))

    def update(self, state: FlatlineState, batch: Batch) -> Scores:
        """Score rows: float64 [n], s.

        Raises:
            IndexError: a row names no slot of the state.

        """
        scores = np.empty(len(batch))
        _update(*columns(batch), scores, state.moved_ns, state.anchor, state.first_move_ns, self.tolerance)
        return scores

    def is_lower_bound(self, state: FlatlineState, slot: Slots, time_ns: Integers) -> NDArray[np.bool_]:
        """Say of scored rows whether the value had not been seen to move yet: bool [n]."""
        return time_ns < state.first_move_ns[slot]

    def advance(self, state: FlatlineState, tick: Tick) -> Scores | None:  # noqa: ARG002
        return None

    def explain(self, state: FlatlineState, slot: int, score: float) -> Explanation:  # noqa: ARG002
        """The value on which it stands, and since when."""
        moved_ns = int(state.moved_ns[slot])
        if moved_ns == _UNSET:
            return Explanation()
        return Explanation(observed=float(state.anchor[slot]), since_ns=moved_ns)


@njit(
    types.void(SENSOR, TIME, VALUE, F64, I64, F64, I64, types.float64),
    cache=True,
    nogil=True,
    error_model="numpy",
)
def _update(
    sensor: Slots,
    time_ns: Integers,
    value: Floats,
    scores: Floats,
    moved_ns: Integers,
    anchor: Floats,
    first_move_ns: Integers,
    tolerance: float,
) -> None:
    rows = len(sensor)
    for row in range(rows):
        if row + AHEAD < rows:
            ahead = sensor[row + AHEAD]
            prefetch(moved_ns, ahead)
            prefetch(anchor, ahead)
        slot = sensor[row]
        if slot < 0 or slot >= len(anchor):
            raise IndexError("a row names no slot of the detector's state")
        if not abs(value[row]) <= _VALUE_MAX:
            scores[row] = np.nan
            continue
        first = moved_ns[slot] == _UNSET
        if first or abs(value[row] - anchor[slot]) > tolerance:
            moved_ns[slot] = time_ns[row]
            anchor[slot] = value[row]
            if not first and first_move_ns[slot] == _NOT_YET:
                first_move_ns[slot] = time_ns[row]
        scores[row] = (time_ns[row] - moved_ns[slot]) / 1e9
