"""From the readings of an asset's sensors to the state of the whole asset at instants of a grid of event time.

At each instant every sensor stands with its last value before it. An instant is reached when all sensors have come past
it, or when one of them is ``patience`` instants ahead: one that lags or fell silent holds the others up no longer.
Rows decide alone, one after the other, so the result does not depend on how they are cut into batches.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numba import njit, types
from numpy.typing import NDArray

from detectors.kernels import I64, TIME, VALUE, Records, records

#: Instants for which rows can wait; a patience is below it.
RING = 128
#: So many instants come to the detectors at once.
CHUNK = 4096
NEVER = np.iinfo(np.int64).min
_UNCERTAIN = 1  # as model.batch has it

#: One input: ``reached``, number of the asset's last instant that was given out, and ``told_ns``, the last at which a
#: sensor of it had said anything (both the same for all inputs of an asset); ``passed``, number of the newest instant
#: that this sensor has come past; the newest row at or before ``reached``; and for each of the next instants the row
#: that waits for it (``cell``: its number). ``NEVER`` stands for none yet.
INPUT_FIELDS = np.dtype(
    [
        ("reached", "i8"),
        ("told_ns", "i8"),
        ("passed", "i8"),
        ("last_ns", "i8"),
        ("last", "f8"),
        ("last_quality", "u1"),
        ("cell", "i8", RING),
        ("cell_ns", "i8", RING),
        ("cell_value", "f8", RING),
        ("cell_quality", "u1", RING),
    ]
)
#: One instant that was reached: of which asset, by which row, when; whether some of its values are uncertain, and
#: whether it comes after a pause of the whole asset.
INSTANT_FIELDS = np.dtype([("asset", "i4"), ("row", "i8"), ("time_ns", "i8"), ("doubtful", "?"), ("paused", "?")])


@dataclass(frozen=True, slots=True)
class Grid:
    """What does not change.

    Attributes:
        every_ns: between two instants.
        patience: instants.
        pause_ns: longest time between two instants at which the asset is still heard without a pause.
        first_input: int32 [a + 1], inputs of asset i are first_input[i] to first_input[i + 1].
        asset_of: int32 [m], the asset of each input.
        stale_ns: int64 [m], a value that is older says nothing about now.

    """

    every_ns: int
    patience: int
    pause_ns: int
    first_input: NDArray[np.int32]
    asset_of: NDArray[np.int32]
    stale_ns: NDArray[np.int64]

    @property
    def width(self) -> int:
        """Most inputs of one asset."""
        return int(np.diff(self.first_input).max(initial=0))


@dataclass(slots=True)
class GridState:
    """Of all ``m`` inputs of the assets of one grid.

    Attributes:
        inputs: records [m] of ``INPUT_FIELDS``.

    """

    inputs: Records

    @classmethod
    def fresh(cls, inputs: int) -> GridState:
        made = np.zeros(inputs, INPUT_FIELDS)
        for name in ("reached", "told_ns", "passed", "last_ns", "cell", "cell_ns"):
            made[name] = NEVER
        for name in ("last", "cell_value"):
            made[name] = np.nan
        return cls(made)


@dataclass(frozen=True, slots=True)
class Instants:
    """Instants that were reached, in the order in which they were.

    Attributes:
        asset: int32 [n], index of the asset in the grid.
        row: int64 [n], which row brought it.
        time_ns: int64 [n].
        value: float64 [n, width], NaN where a sensor's last row is bad or old, and beyond the asset's inputs.
        doubtful: bool [n], some of the values are uncertain.
        paused: bool [n], after a pause of the whole asset.

    """

    asset: NDArray[np.int32]
    row: NDArray[np.int64]
    time_ns: NDArray[np.int64]
    value: NDArray[np.float64]
    doubtful: NDArray[np.bool_]
    paused: NDArray[np.bool_]


def instants(
    grid: Grid,
    state: GridState,
    source: NDArray[np.int32],
    time_ns: NDArray[np.int64],
    value: NDArray[np.float64],
    quality: NDArray[np.uint8],
) -> Iterator[Instants]:
    """Take rows in, in their order; give out what they bring, ``CHUNK`` instants at a time.

    Args:
        grid: of these inputs.
        state: changed in place, and only while the result is read.
        source: int32 [n], input of each row.
        time_ns: int64 [n], rising for each input.
        value: float64 [n], NaN = bad.
        quality: uint8 [n].

    """
    done = np.zeros(1, np.int64)
    times = np.array([grid.every_ns, grid.patience, grid.pause_ns])
    while done[0] < len(source):
        found, values = np.zeros(CHUNK + RING, INSTANT_FIELDS), np.full((CHUNK + RING, grid.width), np.nan)
        count = _offer(
            source, time_ns, value, quality, done, times, grid.first_input, grid.asset_of, grid.stale_ns, state.inputs,
            found, values,
        )  # fmt: skip
        if count:
            columns = {name: np.ascontiguousarray(found[name][:count]) for name in INSTANT_FIELDS.names or ()}
            yield Instants(value=values[:count], **columns)


@njit(cache=True, nogil=True)
def _take_over(inputs: Records, at: int, place: int) -> None:
    """Make the row that waits in a place the sensor's last one, unless a newer one is; the place is free then."""
    own = inputs[at]
    if own.cell_ns[place] > own.last_ns:
        own.last_ns, own.last = own.cell_ns[place], own.cell_value[place]
        own.last_quality = own.cell_quality[place]
    own.cell[place], own.cell_ns[place] = NEVER, NEVER


@njit(cache=True, nogil=True)
def _until(inputs: Records, begin: int, end: int, patience: int) -> int:
    """The instant that all have come past, or one of them by ``patience``."""
    least, most = inputs[begin].passed, inputs[begin].passed
    for i in range(begin + 1, end):
        least, most = min(least, inputs[i].passed), max(most, inputs[i].passed)
    until: int = max(least, most - patience)
    return until


@njit(cache=True, nogil=True)
def _leap(inputs: Records, begin: int, end: int, instant: int) -> None:
    """Over a gap: what waited from before it is old by now."""
    for i in range(begin, end):
        inputs[i].reached = instant
        for place in range(RING):
            if inputs[i].cell[place] != NEVER and inputs[i].cell[place] <= instant:
                _take_over(inputs, i, place)


@njit(cache=True, nogil=True)
def _reach(
    inputs: Records,
    begin: int,
    end: int,
    instant: int,
    every_ns: int,
    stale_ns: NDArray[np.int64],
    value: NDArray[np.float64],
) -> tuple[bool, bool]:
    """Fill in the values at an instant; returns whether any sensor says anything, and whether one is uncertain."""
    heard, doubtful = False, False
    for i in range(begin, end):
        inputs[i].reached = instant
        if inputs[i].cell[instant % RING] == instant:
            _take_over(inputs, i, instant % RING)
        own = inputs[i]
        fresh = own.last_ns != NEVER and instant * every_ns - own.last_ns <= stale_ns[i]
        value[i - begin] = own.last if fresh else np.nan
        heard = heard or fresh
        doubtful = doubtful or (fresh and own.last_quality == _UNCERTAIN)
    return heard, doubtful


@njit(cache=True, nogil=True)
def _give_out(
    inputs: Records,
    begin: int,
    end: int,
    instant: int,
    times: NDArray[np.int64],
    stale_ns: NDArray[np.int64],
    found: Records,
    values: NDArray[np.float64],
    count: int,
    asset: int,
    row: int,
) -> int:
    """Returns 1 where there is something to give out at the instant."""
    heard, doubtful = _reach(inputs, begin, end, instant, times[0], stale_ns, values[count])
    if not heard:
        return 0
    own, now_ns, told_ns = found[count], instant * times[0], inputs[begin].told_ns
    own.asset, own.row, own.time_ns, own.doubtful = asset, row, now_ns, doubtful
    own.paused = told_ns == NEVER or now_ns - told_ns > times[2]
    for i in range(begin, end):
        inputs[i].told_ns = now_ns
    return 1


@njit(
    types.int64(
        types.Array(types.int32, 1, "C", readonly=True),
        TIME,
        VALUE,
        types.Array(types.uint8, 1, "C", readonly=True),
        I64,
        I64,
        types.Array(types.int32, 1, "C"),
        types.Array(types.int32, 1, "C"),
        I64,
        records(INPUT_FIELDS),
        records(INSTANT_FIELDS),
        types.Array(types.float64, 2, "C"),
    ),
    cache=True,
    nogil=True,
)
def _offer(
    source: NDArray[np.int32],
    time_ns: NDArray[np.int64],
    value: NDArray[np.float64],
    quality: NDArray[np.uint8],
    done: NDArray[np.int64],
    times: NDArray[np.int64],
    first_input: NDArray[np.int32],
    asset_of: NDArray[np.int32],
    stale_ns: NDArray[np.int64],
    inputs: Records,
    found: Records,
    values: NDArray[np.float64],
) -> int:
    """Returns how many instants came; ``done`` = rows taken in. Stops when there may be no room for the next row's."""
    every_ns, patience = times[0], times[1]
    count = 0
    while done[0] < len(source) and count < len(found) - RING:
        row, own, now_ns = done[0], inputs[source[done[0]]], time_ns[done[0]]
        done[0] += 1
        asset = asset_of[source[row]]
        begin, end = first_input[asset], first_input[asset + 1]
        instant = -(-now_ns // every_ns)  # the first at or after the row
        if own.reached == NEVER:
            for i in range(begin, end):
                inputs[i].reached = instant - 1
        own.passed = max(own.passed, now_ns // every_ns)
        until = _until(inputs, begin, end, patience)
        if until - own.reached > RING:
            _leap(inputs, begin, end, until - RING)
        if instant <= own.reached and now_ns > own.last_ns:  # late for its instant, still news for the next
            own.last_ns, own.last, own.last_quality = now_ns, value[row], quality[row]
        before = min(instant - 1, until)  # the row itself must find a place that is free
        for at in range(own.reached + 1, before + 1):
            count += _give_out(inputs, begin, end, at, times, stale_ns, found, values, count, asset, row)
        if instant > own.reached:
            place = instant % RING
            own.cell[place], own.cell_ns[place] = instant, now_ns
            own.cell_value[place], own.cell_quality[place] = value[row], quality[row]
        for at in range(own.reached + 1, until + 1):
            count += _give_out(inputs, begin, end, at, times, stale_ns, found, values, count, asset, row)
    return count
