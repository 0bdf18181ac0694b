"""Single readings that jump away and come straight back: a loose contact, moisture, a disturbed line."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from numba import njit, types

from detectors.declaration import KIND_UNIT, check, declare
from detectors.kernels import (
    AHEAD,
    F64,
    GAP_PERIODS,
    SENSOR,
    TIME,
    VALUE,
    Floats,
    Integers,
    Records,
    Slots,
    columns,
    prefetch,
    records,
)
from model.batch import Batch
from model.detector import SensorGroup
from model.explanation import Explanation
from model.inputs import Tick
from model.scores import Scores
from model.state import added

_VALUE_MAX = 1e100
_UNSET_NS = np.iinfo(np.int64).min

SPIKE_FIELDS = np.dtype(
    [
        ("gap_ns", "i8"),  # rows further apart are not neighbours
        ("known", "i8"),  # rows before this one that follow each other without a gap: 0, 1 or 2
        ("last_ns", "i8"),  # event time of the row before
        ("last", "f8"),  # its value, unit of the kind
        ("before", "f8"),  # the value before that
        ("judged", "i8"),  # 1 = three neighbours have been seen
        ("count", "f8"),  # spikes, the older the less, at ``counted_ns``
        ("counted_ns", "i8"),
    ]
)

#: The last spike; touched at spikes alone, so it stands apart from what every row touches.
LAST_FIELDS = np.dtype(
    [
        ("since_ns", "i8"),  # event time of the first spike of those that followed each other within the window
        ("at_ns", "i8"),  # of the last one; the smallest int64 = none yet
        ("value", "f8"),  # of the last one, unit of the kind
        ("usual", "f8"),  # mean of its neighbours
    ]
)


class Last(Protocol):
    """One sensor's record of ``LAST_FIELDS``."""

    since_ns: int
    at_ns: int
    value: float
    usual: float


class Neighbours(Protocol):
    """One sensor's record of ``SPIKE_FIELDS``."""

    gap_ns: int
    known: int
    last_ns: int
    last: float
    before: float
    judged: int
    count: float
    counted_ns: int


@dataclass(slots=True)
class SpikeState:
    """The last two readings of each sensor, and its spikes.

    Attributes:
        sensors: records [m] of ``SPIKE_FIELDS``, which gives the meaning and unit of each field.
        last: records [m] of ``LAST_FIELDS``.

    """

    sensors: Records
    last: Records = field(metadata=added())


@dataclass(frozen=True, slots=True, kw_only=True)
class Spike:
    """How many spikes a sensor had lately: each counts one, and fades with ``window_s``.

    A reading is a spike when it lies ``height`` or more above both its neighbours, or as far below both. So it is known
    with the reading after it::

        score = sum over spikes of exp(-(now - time of the spike) / window_s)

    Readings more than three scan periods apart are no neighbours. The score abstains until three neighbours have been
    seen.

    Use it: to find a sick sensor before it is taken for a dangerous one, in a rule of its own with a low grade. Choose
    ``height`` above what the quantity itself can do and undo in one scan.

    Fails: on spikes that last two scans or more (they are steps: see ``rate``), and where the quantity really jumps
    within a scan, such as a pressure at 1 min when a pump starts.

    Source: the spike test of the U.S. IOOS QARTOD manuals for real-time quality control, with the lower of the two
    sides in place of the mean of the neighbours, so that a step is none.
    """

    height: float = field(metadata=declare(unit=KIND_UNIT, doc="how far beyond both neighbours", low=0))
    window_s: float = field(
        default=3600.0, metadata=declare(unit="s", doc="time in which a spike fades to a third", low=0.01, high=604800)
    )

    state_version = 1
    state_outlasts_settings = False

    def __post_init__(self) -> None:
        check("spike", self)

    def score_unit(self, unit: str) -> str:  # noqa: ARG002
        return ""

    def init(self, sensors: SensorGroup) -> SpikeState:
        made = np.zeros(len(sensors), SPIKE_FIELDS)
        made["gap_ns"] = np.round(GAP_PERIODS * sensors.period_s * 1e9)
        last = np.zeros(len(sensors), LAST_FIELDS)
        last["at_ns"] = _UNSET_NS
        return SpikeState(made, last)

    def update(self, state: SpikeState, batch: Batch) -> Scores:
        """Score rows: float64 [n], spikes.

        Raises:
            IndexError: a row names no slot of the state.

        """
        scores = np.empty(len(batch))
        _update(*columns(batch), scores, state.sensors, state.last, float(self.height), self.window_s * 1e9)
        return scores

    def advance(self, state: SpikeState, tick: Tick) -> Scores | None:  # noqa: ARG002
        return None

    def explain(self, state: SpikeState, slot: int, score: float) -> Explanation:  # noqa: ARG002
        """The last spike against the mean of its neighbours, and since when spikes come within the window."""
        last = state.last[slot]
        if last["at_ns"] == _UNSET_NS:
            return Explanation()
        usual = float(last["usual"])
        return Explanation(
            observed=float(last["value"]),
            expected=usual,
            low=usual - self.height,
            high=usual + self.height,
            since_ns=int(last["since_ns"]),
        )


@njit(nogil=True, error_model="numpy")
def _is_spike(own: Neighbours, now: float, height: float) -> bool:
    """Whether the row before stands out from its neighbours on both sides, in the same direction."""
    rise, fall = own.last - own.before, own.last - now
    return (rise >= height and fall >= height) or (rise <= -height and fall <= -height)


@njit(nogil=True, error_model="numpy")
def _keep(last: Last, own: Neighbours, now: float, window_ns: float) -> None:
    """Keep the spike that the row before turns out to be."""
    if last.at_ns == _UNSET_NS or own.last_ns - last.at_ns > window_ns:
        last.since_ns = own.last_ns
    last.at_ns, last.value, last.usual = own.last_ns, own.last, 0.5 * (own.before + now)


@njit(
    types.void(SENSOR, TIME, VALUE, F64, records(SPIKE_FIELDS), records(LAST_FIELDS), types.float64, types.float64),
    cache=True,
    nogil=True,
    error_model="numpy",
)
def _update(
    sensor: Slots,
    time_ns: Integers,
    value: Floats,
    scores: Floats,
    state: Records,
    last: Records,
    height: float,
    window_ns: float,
) -> None:
    rows = len(sensor)
    for row in range(rows):
        if row + AHEAD < rows:
            prefetch(state, sensor[row + AHEAD])
        slot, now_ns, now = sensor[row], time_ns[row], value[row]
        scores[row] = np.nan
        if slot < 0 or slot >= len(state):
            raise IndexError("a row names no slot of the detector's state")
        if not abs(now) <= _VALUE_MAX:
            continue
        own = state[slot]
        if own.known > 0 and now_ns - own.last_ns > own.gap_ns:
            own.known = 0
        if own.count > 0.0:
            own.count *= math.exp(-(now_ns - own.counted_ns) / window_ns)
            own.counted_ns = now_ns
        if own.known == 2:
            own.judged = 1
            if _is_spike(own, now, height):
                own.count += math.exp(-(now_ns - own.last_ns) / window_ns)
                own.counted_ns = now_ns
                _keep(last[slot], own, now, window_ns)
        own.before, own.last, own.last_ns = own.last, now, now_ns
        own.known = min(own.known + 1, 2)
        if own.judged == 1:
            scores[row] = own.count
