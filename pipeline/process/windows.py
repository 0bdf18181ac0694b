"""What conditions ask of a sensor's own last readings: means, counts and the like over a window of event time.

Each sensor has a ring of its last usable fresh readings. What a window says is known between two bounds: where readings
are missing in it, a count can only be higher, a highest value higher, a lowest one lower, and what has held may have
held for longer. A mean, a share, a rate is known once readings account for half of the window.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numba import njit, types
from numpy.typing import NDArray

from detectors.kernels import F64, I64, SENSOR, TIME, VALUE, Floats, Integers, Slots, prefetch, records
from model.batch import GOOD, Batch
from model.condition import Comparison
from rules.evidence import Known
from rules.operands import HELD, PERIODS_MAX, Call

NEVER = np.iinfo(np.int64).min
#: Of a sensor that reports changes only: no pause between two readings is a gap.
NO_GAP_NS = 2**62
#: A ring holds what a sensor that is a quarter too quick sends in the longest window, and what came before it.
_ROOM = 1.25
_BEFORE = 4

_FUNCTIONS = ("mean", "min", "max", "rate", "change", "count", "share", HELD)
OPERATORS = (">", ">=", "<", "<=", "==", "!=")

#: One window: what is asked (place in ``_FUNCTIONS``), how far back, and the comparison of a tally.
WINDOW_FIELDS = np.dtype([("function", "i8"), ("span_ns", "i8"), ("operator", "i8"), ("limit", "f8"), ("held", "i8")])


class Window(Protocol):
    """One record of ``WINDOW_FIELDS``."""

    function: int
    span_ns: int
    operator: int
    limit: float
    held: int


@dataclass(slots=True)
class WindowState:
    """Of all ``m`` sensors of a kind; rings of ``r`` readings, ``h`` conditions that may have held.

    Attributes:
        at: int64 [m], next place in the ring.
        time_ns: int64 [m, r], ``NEVER`` = empty.
        value: float64 [m, r].
        doubtful: uint8 [m, r], 1 = the reading was uncertain.
        since_ns: int64 [m, h], since when the condition has held; ``NEVER`` = it does not.
        longer: uint8 [m, h], 1 = it may have held for longer.

    """

    at: NDArray[np.int64]
    time_ns: NDArray[np.int64]
    value: NDArray[np.float64]
    doubtful: NDArray[np.uint8]
    since_ns: NDArray[np.int64]
    longer: NDArray[np.uint8]

    @classmethod
    def fresh(cls, sensors: int, readings: int, conditions: int) -> WindowState:
        return cls(
            np.zeros(sensors, np.int64),
            np.full((sensors, readings), NEVER, np.int64),
            np.full((sensors, readings), np.nan),
            np.zeros((sensors, readings), np.uint8),
            np.full((sensors, conditions), NEVER, np.int64),
            np.zeros((sensors, conditions), np.uint8),
        )


@dataclass(slots=True)
class Series:
    """The windows on one number of the sensors of a kind: its value, or a detector's score.

    Attributes:
        operands: their canonical texts, in the order of ``windows``: by how far they look back.
        windows: records of ``WINDOW_FIELDS``.
        pause_ns: int64 [m], longest time between two readings that leaves no gap.

    """

    base: str
    operands: tuple[str, ...]
    windows: NDArray[np.void]
    pause_ns: NDArray[np.int64]
    state: WindowState

    @classmethod
    def of(cls, base: str, calls: Sequence[Call], period_s: NDArray[np.float64], pause_ns: NDArray[np.int64]) -> Series:
        """Make ready, with fresh state.

        Args:
            base: what the windows are on.
            calls: resolved, in any order.
            period_s: float64 [m], scan periods.
            pause_ns: int64 [m].

        """
        named = dict(sorted(((str(call), call) for call in calls), key=lambda pair: (pair[1].span_ns, pair[0])))
        windows = np.zeros(len(named), WINDOW_FIELDS)
        held = 0
        for own, call in zip(windows, named.values(), strict=True):
            own["function"], own["span_ns"] = _FUNCTIONS.index(call.function), call.span_ns
            if isinstance(call.argument, Comparison):
                own["operator"], own["limit"] = OPERATORS.index(call.argument.operator), call.argument.limit
            if call.function == HELD:
                own["held"] = held
                held += 1
        state = WindowState.fresh(len(period_s), ring_of(int(windows["span_ns"].max()), period_s), held)
        return cls(base, tuple(named), windows, pause_ns, state)

    def held(self) -> list[str]:
        """The operands of ``since_ns``, in its order."""
        return [name for name, own in zip(self.operands, self.windows, strict=True) if own["function"] == _HELD]

    def read(self, rows: Batch, value: NDArray[np.float64]) -> Known:
        """Take fresh rows in, in their order, and say what stands at each.

        Args:
            rows: ``sensor`` is the slot; event time rises for each.
            value: float64 [n], NaN = nothing is known, and nothing is remembered.

        """
        shape = len(self.operands), len(rows)
        low, high, doubtful = np.full(shape, np.nan), np.full(shape, np.nan), np.zeros(shape, np.bool_)
        state = self.state
        _read(
            np.ascontiguousarray(rows.sensor), np.ascontiguousarray(rows.time_ns), np.ascontiguousarray(value),
            np.ascontiguousarray(rows.quality != GOOD), state.at, state.time_ns, state.value, state.doubtful,
            state.since_ns, state.longer, state.time_ns.reshape(-1), state.value.reshape(-1),
            self.pause_ns, self.windows, low, high, doubtful,
        )  # fmt: skip
        return known_of(self.operands, low, high, doubtful)

    def take_over(self, old: Series, sources: Sequence[int], targets: Sequence[int]) -> None:
        """Go on from another series on the same number, slot by slot: its newest readings, and what has held."""
        given, own = old.state, self.state
        room, kept = own.time_ns.shape[1], given.time_ns.shape[1]
        count = min(room, kept)
        there = np.array(sources, np.intp)
        newest = (given.at[there][:, None] - count + np.arange(count)) % kept
        for name in ("time_ns", "value", "doubtful"):
            getattr(own, name)[targets, :count] = getattr(given, name)[there[:, None], newest]
        own.at[targets] = count % room
        before = old.held()
        for place, name in enumerate(self.held()):
            if name in before:
                own.since_ns[targets, place] = given.since_ns[sources, before.index(name)]
                own.longer[targets, place] = given.longer[sources, before.index(name)]


def known_of(
    operands: Sequence[str], low: NDArray[np.float64], high: NDArray[np.float64], doubtful: NDArray[np.bool_]
) -> Known:
    """What arrays [operands, n] say, as columns; bounds and doubts only where there are any."""
    bounded = np.flatnonzero(((low != high) & ~np.isnan(low)).any(axis=1))
    doubted = np.flatnonzero(doubtful.any(axis=1))
    return Known(
        dict(zip(operands, low, strict=True)),
        {operands[k]: high[k] for k in bounded.tolist()},
        {operands[k]: doubtful[k] for k in doubted.tolist()},
    )


def ring_of(span_ns: int, period_s: NDArray[np.float64]) -> int:
    """How many readings a ring holds."""
    periods = min(float(np.max(span_ns / 1e9 / period_s, initial=0.0)), PERIODS_MAX)
    return int(periods * _ROOM) + _BEFORE


_HELD = _FUNCTIONS.index(HELD)
_MEAN, _MIN, _MAX, _RATE, _CHANGE, _COUNT, _SHARE = range(7)


@njit(cache=True, nogil=True)
def _meets(operator: int, limit: float, x: float) -> bool:
    if operator == 0:
        return x > limit
    if operator == 1:
        return x >= limit
    if operator == 2:
        return x < limit
    if operator == 3:
        return x <= limit
    return x == limit if operator == 4 else x != limit


@njit(cache=True, nogil=True)
def _held_for(
    since_ns: Integers, longer: NDArray[np.uint8], place: int, now_ns: int, meets: int, uncertain: int, gap: int
) -> tuple[float, float]:
    """For how long (s) a condition has held; a reading in doubt that says it does not leaves it open."""
    if meets:
        if since_ns[place] == NEVER:
            since_ns[place] = now_ns
            longer[place] = 1 if gap else longer[place]
        elif gap:
            since_ns[place], longer[place] = now_ns, 1
        low = (now_ns - since_ns[place]) / 1e9
        return low, np.inf if longer[place] == 1 else low
    since_ns[place], longer[place] = NEVER, uncertain
    return 0.0, np.inf if uncertain else 0.0


@njit(cache=True, nogil=True)
def _reach_back(time_ns: Integers, newest: int, begin_ns: int, pause_ns: int) -> tuple[int, int, int, int]:
    """How many readings of a ring lie in a window.

    Returns:
        their count; the place of the last one before them, -1 = the ring has none; 1 where no gap is between them all;
        for how much of the window they account, ns.

    """
    room, whole, accounted_ns, later_ns = len(time_ns), 1, 0, time_ns[newest]
    for k in range(room):
        at = newest - k if newest >= k else newest - k + room
        t = time_ns[at]
        if t == NEVER:
            return k, -1, 0, accounted_ns
        if later_ns - t > pause_ns:
            whole = 0
        accounted_ns += min(later_ns - max(t, begin_ns), pause_ns)
        if t <= begin_ns:
            return k, at, whole, accounted_ns
        later_ns = t
    return room, -1, 0, accounted_ns


@njit(cache=True, nogil=True)
def _any(doubtful: NDArray[np.uint8], newest: int, count: int) -> int:
    found = 0
    for k in range(count):
        found |= doubtful[newest - k if newest >= k else newest - k + len(doubtful)]
    return found


@njit(cache=True, nogil=True)
def _tally(value: Floats, newest: int, count: int, operator: int, limit: float) -> int:
    met = 0
    for k in range(count):
        at = newest - k if newest >= k else newest - k + len(value)
        met += 1 if _meets(operator, limit, value[at]) else 0
    return met


@njit(cache=True, nogil=True)
def _amounts(value: Floats, newest: int, count: int) -> tuple[float, float, float]:
    """Sum, least and most."""
    total, least, most = 0.0, np.inf, -np.inf
    for k in range(count):
        x = value[newest - k if newest >= k else newest - k + len(value)]
        total, least, most = total + x, min(least, x), max(most, x)
    return total, least, most


@njit(cache=True, nogil=True)
def _slope(time_ns: Integers, value: Floats, newest: int, count: int) -> float:
    """Of the least-squares line, a minute; NaN where there are too few readings."""
    sum_t, sum_x, sum_tt, sum_tx = 0.0, 0.0, 0.0, 0.0
    for k in range(count):
        at = newest - k if newest >= k else newest - k + len(value)
        t, x = (time_ns[at] - time_ns[newest]) / 1e9, value[at] - value[newest]
        sum_t, sum_x, sum_tt, sum_tx = sum_t + t, sum_x + x, sum_tt + t * t, sum_tx + t * x
    spread = sum_tt - sum_t * sum_t / count
    return 60.0 * (sum_tx - sum_t * sum_x / count) / spread if count > 1 and spread > 0.0 else np.nan


@njit(cache=True, nogil=True)
def _over_window(
    own: Window,
    newest: int,
    time_ns: Integers,
    value: Floats,
    doubtful: NDArray[np.uint8],
    pause_ns: int,
    reach: tuple[int, int, int, int],
) -> tuple[float, float, int]:
    """(low, high, doubtful) at the newest reading of a ring."""
    count, before, whole, accounted_ns = reach
    if own.function == _CHANGE:
        if before < 0 or time_ns[newest] - own.span_ns - time_ns[before] > pause_ns:
            return np.nan, np.nan, 0
        change = value[newest] - value[before]
        return change, change, doubtful[newest] | doubtful[before]
    doubt = _any(doubtful, newest, count)
    if own.function in (_COUNT, _SHARE):
        met = float(_tally(value, newest, count, own.operator, own.limit))
        if own.function == _COUNT:
            return met, met if whole else np.inf, doubt
        found = met / count
    else:
        total, least, most = _amounts(value, newest, count)
        if own.function == _MAX:
            return most, most if whole else np.inf, doubt
        if own.function == _MIN:
            return least if whole else -np.inf, least, doubt
        found = total / count if own.function == _MEAN else _slope(time_ns, value, newest, count)
    if 2 * accounted_ns < own.span_ns:
        found = np.nan
    return found, found, doubt


#: Rows ahead of which, and numbers after which, memory is asked for.
_AHEAD, _LINE = 4, 8
_TIMES = types.Array(types.int64, 2, "C")
_NUMBERS = types.Array(types.float64, 2, "C")
_FLAGS = types.Array(types.uint8, 2, "C")


@njit(
    types.void(
        SENSOR,
        TIME,
        VALUE,
        types.Array(types.boolean, 1, "C"),
        I64,
        _TIMES,
        _NUMBERS,
        _FLAGS,
        _TIMES,
        _FLAGS,
        I64,
        F64,
        I64,
        records(WINDOW_FIELDS),
        _NUMBERS,
        _NUMBERS,
        types.Array(types.boolean, 2, "C"),
    ),
    cache=True,
    nogil=True,
)
def _read(
    slot: Slots,
    time_ns: Integers,
    value: Floats,
    uncertain: NDArray[np.bool_],
    at: Integers,
    ring_ns: Integers,
    ring: Floats,
    ring_doubtful: NDArray[np.uint8],
    since_ns: Integers,
    longer: NDArray[np.uint8],
    flat_ns: Integers,
    flat: Floats,
    pause_ns: Integers,
    windows: NDArray[np.void],
    low: Floats,
    high: Floats,
    doubtful: NDArray[np.bool_],
) -> None:
    room, rows = ring_ns.shape[1], len(slot)
    for i in range(rows):
        if i + _AHEAD < rows:
            for line in range(slot[i + _AHEAD] * room, (slot[i + _AHEAD] + 1) * room, _LINE):
                prefetch(flat_ns, line)
                prefetch(flat, line)
        s, x, now_ns = slot[i], value[i], time_ns[i]
        if np.isnan(x):
            continue
        newest = at[s]
        last_ns = ring_ns[s, newest - 1 if newest > 0 else room - 1]
        gap = 1 if last_ns == NEVER or now_ns - last_ns > pause_ns[s] else 0
        doubt = 1 if uncertain[i] else 0
        ring_ns[s, newest], ring[s, newest], ring_doubtful[s, newest] = now_ns, x, doubt
        at[s] = newest + 1 if newest + 1 < room else 0
        span_ns, reach = 0, (0, 0, 0, 0)
        for w in range(len(windows)):
            own = windows[w]
            if own.function == _HELD:
                meets = 1 if _meets(own.operator, own.limit, x) else 0
                low[w, i], high[w, i] = _held_for(since_ns[s], longer[s], own.held, now_ns, meets, doubt, gap)
                doubtful[w, i] = doubt
            else:
                if own.span_ns != span_ns:
                    span_ns = own.span_ns
                    reach = _reach_back(ring_ns[s], newest, now_ns - span_ns, pause_ns[s])
                low[w, i], high[w, i], doubtful[w, i] = _over_window(
                    own, newest, ring_ns[s], ring[s], ring_doubtful[s], pause_ns[s], reach
                )
