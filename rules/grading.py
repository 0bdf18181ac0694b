"""From evidence to grades: on-delay, off-delay and which colour is on, sensor by sensor, in event time.

The state is a dataclass of arrays, axis 0 = slot (the sensors of one kind), so that it can be kept tag by tag.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numba import njit
from numpy.typing import NDArray

from model.state import added, sized
from rules.evidence import CLEARS, ENTERED_LATE, ENTERS, HOLDS

NEVER = np.iinfo(np.int64).min


@dataclass(frozen=True, slots=True)
class Damping:
    """What a rule's alarms chatter by.

    Attributes:
        times: rises of level, at least 2 ...
        within_ns: ... from the first to the last in so much event time, or less.
        hold_ns: for so long good readings must then say that it is over.

    """

    times: int
    within_ns: int
    hold_ns: int


@dataclass(slots=True)
class GradingState:
    """Of one rule on the ``m`` sensors of one kind; ``g`` counts the rule's grades, lowest first.

    Attributes:
        on: int8 [m, g], 1 = this grade is on.
        begun_ns: int64 [m, g], event time at which its condition began to hold; ``NEVER`` = does not hold.
        begun_elapsed_ns: int64 [m, g], elapsed clock at the first tick after that; ``NEVER`` = none came yet.
        over_ns: int64 [m, g], event time since which fresh good readings say it is over; ``NEVER`` = they do not.
        level: int8 [m], 0 = none, else 1 + the highest grade that is on.
        settled_ns: int64 [m], event time of the last change of level; older news is history.
        begun_count: int64 [1], how many ``begun_ns`` are set: 0 = nothing is on or pending anywhere.
        rises_ns: int64 [m, times - 1], event times of the last rises of level, oldest first; ``NEVER`` = none yet.
        chattering: int8 [m], 1 = it rose so often in so short a time that it is damped until it has returned.

    """

    on: NDArray[np.int8]
    begun_ns: NDArray[np.int64]
    begun_elapsed_ns: NDArray[np.int64]
    over_ns: NDArray[np.int64]
    level: NDArray[np.int8]
    settled_ns: NDArray[np.int64]
    begun_count: NDArray[np.int64]
    rises_ns: NDArray[np.int64] = field(metadata=sized())
    chattering: NDArray[np.int8] = field(metadata=added())

    @classmethod
    def fresh(cls, sensors: int, grades: int, damping: Damping | None = None) -> GradingState:
        return cls(
            np.zeros((sensors, grades), np.int8),
            np.full((sensors, grades), NEVER, np.int64),
            np.full((sensors, grades), NEVER, np.int64),
            np.full((sensors, grades), NEVER, np.int64),
            np.zeros(sensors, np.int8),
            np.full(sensors, NEVER, np.int64),
            np.zeros(1, np.int64),
            np.full((sensors, 0 if damping is None else damping.times - 1), NEVER, np.int64),
            np.zeros(sensors, np.int8),
        )

    def recount(self) -> None:
        """Bring ``begun_count`` up to date after ``begun_ns`` was set from outside."""
        self.begun_count[0] = np.count_nonzero(self.begun_ns != NEVER)


@dataclass(frozen=True, slots=True)
class Delays:
    """Of one rule.

    Attributes:
        on_ns, off_ns: int64 [g]; or [v, g], by variant.
        variant: int32 [m], the variant of each slot; None = all have the same delays.

    """

    on_ns: NDArray[np.int64]
    off_ns: NDArray[np.int64]
    variant: NDArray[np.int32] | None = None

    def on_of(self, slots: NDArray[np.int32]) -> NDArray[np.int64]:
        """On-delays of slots: int64 [g] where all have the same, else [n, g]."""
        return self.on_ns if self.variant is None else self.on_ns[self.variant[slots]]


@dataclass(frozen=True, slots=True)
class Changes:
    """Changes of level, in the order in which they came about.

    Attributes:
        row: int64 [k], index into the rows that were graded (or the slot, for ``grade_time``).
        before, after: int8 [k], levels.
        time_ns: int64 [k], event time of the change.
        since_ns: int64 [k], when the condition of the new (or, on return, the old) level began.
        chattering: int8 [k], 1 = the alarm chatters; still of the return that ends it.

    """

    row: NDArray[np.int64]
    before: NDArray[np.int8]
    after: NDArray[np.int8]
    time_ns: NDArray[np.int64]
    since_ns: NDArray[np.int64]
    chattering: NDArray[np.int8]


_ALL_THE_SAME = np.empty(0, np.int32)
_NONE_YET, _NOTHING = np.empty(0, np.int64), np.empty(0, np.int8)
_NO_CHANGES = Changes(_NONE_YET, _NOTHING, _NOTHING, _NONE_YET, _NONE_YET, _NOTHING)


def grade_rows(
    state: GradingState,
    delays: Delays,
    slot: NDArray[np.int32],
    time_ns: NDArray[np.int64],
    evidence: NDArray[np.int8],
    elapsed_ns: int,
    *,
    paused: NDArray[np.bool_] | None = None,
    damping: Damping | None = None,
) -> Changes:
    """Apply rows one after the other.

    Args:
        state: changed in place.
        delays: of the rule.
        slot: int32 [n].
        time_ns: int64 [n], strictly rising per slot.
        evidence: int8 [n, g].
        elapsed_ns: the elapsed clock where a tick is graded; ``NEVER`` for rows, which come between two ticks.
        paused: bool [n], True = before this row the sensor gave nothing good for so long that what it said before does
            not count for the off-delay; None where no row is.
        damping: None = nothing chatters.

    """
    room = len(slot)
    row, before, after = np.empty(room, np.int64), np.empty(room, np.int8), np.empty(room, np.int8)
    since, chatters = np.empty(room, np.int64), np.empty(room, np.int8)
    count = _grade_rows(
        state.on,
        state.begun_ns,
        state.begun_elapsed_ns,
        state.over_ns,
        state.level,
        state.settled_ns,
        state.begun_count,
        state.rises_ns,
        state.chattering,
        0 if damping is None else damping.within_ns,
        0 if damping is None else damping.hold_ns,
        np.atleast_2d(delays.on_ns),
        np.atleast_2d(delays.off_ns),
        _ALL_THE_SAME if delays.variant is None else delays.variant,
        slot,
        time_ns,
        evidence,
        np.zeros(room, np.bool_) if paused is None else paused,
        elapsed_ns,
        row,
        before,
        after,
        since,
        chatters,
    )
    return Changes(row[:count], before[:count], after[:count], time_ns[row[:count]], since[:count], chatters[:count])


def grade_time(
    state: GradingState,
    delays: Delays,
    elapsed_ns: int,
    patience_ns: int = 0,
    *,
    damping: Damping | None = None,
) -> Changes:
    """Turn on what has been pending for its on-delay though no row came; ``row`` of the result is the slot.

    The delay counts from the first tick after the beginning: never too short, or the tick would overtake the very row
    that says it is over. Rows that wait to be sorted are given ``patience_ns`` more to say so.
    """
    if state.begun_count[0] == 0:
        return _NO_CHANGES
    on_ns = delays.on_ns if delays.variant is None else delays.on_ns[delays.variant]
    waiting = (state.begun_ns != NEVER) & (state.on == 0)
    state.begun_elapsed_ns[waiting & (state.begun_elapsed_ns == NEVER)] = elapsed_ns
    due = waiting & (elapsed_ns - state.begun_elapsed_ns >= on_ns + patience_ns) & (on_ns > 0)
    slots = np.flatnonzero(due.any(axis=1))
    before = state.level[slots]
    state.on[due] = 1
    ranks = np.arange(1, state.on.shape[1] + 1, dtype=np.int8)
    after = (state.on[slots] * ranks).max(axis=1, initial=0).astype(np.int8)
    changed = after > before
    slots, before, after = slots[changed], before[changed], after[changed]
    since = state.begun_ns[slots, after - 1]
    time_ns = since + (on_ns[after - 1] if delays.variant is None else on_ns[slots, after - 1])
    state.level[slots] = after
    state.settled_ns[slots] = np.maximum(state.settled_ns[slots], time_ns)
    if damping is not None:
        for k, slot in enumerate(slots):
            rises_ns = state.rises_ns[slot]
            _note_rise(rises_ns, state.chattering, slot, before[k], after[k], time_ns[k], damping.within_ns)
    return Changes(slots.astype(np.int64), before, after, time_ns, since, state.chattering[slots])


def rows_begun(state: GradingState, slot: NDArray[np.int32]) -> NDArray[np.bool_]:
    """Where a condition of the row's sensor began before: bool [n]."""
    begun = np.zeros(len(slot), np.bool_)
    _rows_begun(state.begun_ns, slot, begun)
    return begun


@njit(cache=True)
def _rows_begun(begun_ns: NDArray[np.int64], slot: NDArray[np.int32], begun: NDArray[np.bool_]) -> None:
    for i in range(len(slot)):
        for g in range(begun_ns.shape[1]):
            begun[i] |= begun_ns[slot[i], g] != NEVER


@njit(cache=True)
def _grade_rows(
    on: NDArray[np.int8],
    begun_ns: NDArray[np.int64],
    begun_elapsed_ns: NDArray[np.int64],
    over_ns: NDArray[np.int64],
    level: NDArray[np.int8],
    settled_ns: NDArray[np.int64],
    begun_count: NDArray[np.int64],
    rises_ns: NDArray[np.int64],
    chattering: NDArray[np.int8],
    within_ns: int,
    hold_ns: int,
    on_delay_ns: NDArray[np.int64],
    off_delay_ns: NDArray[np.int64],
    variant: NDArray[np.int32],
    slot: NDArray[np.int32],
    time_ns: NDArray[np.int64],
    evidence: NDArray[np.int8],
    paused: NDArray[np.bool_],
    elapsed_ns: int,
    row: NDArray[np.int64],
    before: NDArray[np.int8],
    after: NDArray[np.int8],
    since: NDArray[np.int64],
    chatters: NDArray[np.int8],
) -> int:
    count = 0
    for i in range(len(slot)):
        s, t = slot[i], time_ns[i]
        highest, ended_ns = 0, NEVER
        own = variant[s] if len(variant) > 0 else 0
        longer_ns = hold_ns if chattering[s] == 1 else 0
        for g in range(evidence.shape[1]):
            was_on, was_begun, code = on[s, g], begun_ns[s, g], evidence[i, g]
            if code == ENTERED_LATE:
                if was_on == 0 and t >= settled_ns[s]:
                    on[s, g], begun_ns[s, g], over_ns[s, g] = 1, t, NEVER
            else:
                on[s, g], begun_ns[s, g], over_ns[s, g] = _grade_one(
                    code,
                    t,
                    was_on,
                    was_begun,
                    NEVER if paused[i] else over_ns[s, g],
                    on_delay_ns[own, g],
                    max(off_delay_ns[own, g], longer_ns),
                )
            if was_begun == NEVER and begun_ns[s, g] != NEVER:
                begun_elapsed_ns[s, g] = elapsed_ns
                begun_count[0] += 1
            elif was_begun != NEVER and begun_ns[s, g] == NEVER:
                begun_count[0] -= 1
            if on[s, g] == 1:
                highest = g + 1
            elif was_on == 1:
                ended_ns = was_begun
        _note_rise(rises_ns[s], chattering, s, level[s], highest, t, within_ns)
        if highest != level[s]:
            row[count], before[count], after[count] = i, level[s], highest
            since[count] = begun_ns[s, highest - 1] if highest > 0 else ended_ns
            chatters[count] = chattering[s]
            chattering[s] = chattering[s] if highest > 0 else 0
            count += 1
            level[s], settled_ns[s] = highest, max(settled_ns[s], t)
    return count


@njit(cache=True)
def _note_rise(
    rises_ns: NDArray[np.int64], chattering: NDArray[np.int8], s: int, before: int, after: int, t: int, within_ns: int
) -> None:
    """Where the level of slot ``s`` rises: whether it chatters from now on."""
    if after <= before or len(rises_ns) == 0:
        return
    if rises_ns[0] != NEVER and t - rises_ns[0] <= within_ns:
        chattering[s] = 1
    rises_ns[:-1] = rises_ns[1:]
    rises_ns[-1] = t


@njit(cache=True)
def _grade_one(
    code: int, t: int, on: int, begun_ns: int, over_ns: int, on_delay_ns: int, off_delay_ns: int
) -> tuple[int, int, int]:
    """One grade of one sensor meets one reading: new (on, begun, over)."""
    if code == ENTERS:
        begun_ns = t if begun_ns == NEVER else begun_ns
        return (1 if t - begun_ns >= on_delay_ns else on), begun_ns, NEVER
    if code == HOLDS:
        return on, (begun_ns if on == 1 else NEVER), NEVER
    if code == CLEARS:
        if on == 0:
            return 0, NEVER, NEVER
        over_ns = t if over_ns == NEVER else over_ns
        if t - over_ns >= off_delay_ns:
            return 0, NEVER, NEVER
    return on, begun_ns, over_ns
