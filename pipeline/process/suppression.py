"""Suppression by design: while a rule's own condition is known to hold for a sensor, its alarms mean nothing.

What is not known keeps what was, for a while. Only readings that are good begin a suppression; any ends it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from model.batch import GOOD
from model.condition import Not
from model.plan import RuleSpec
from rules.evidence import GradeTest, Known
from rules.language import base_of, operands, parse, resolve
from rules.operands import CALENDAR, is_of_others
from rules.words import Words

#: A suppression of which nothing is known for so long is over.
UNKNOWN_NS = 300 * 10**9


@dataclass(slots=True)
class SuppressionState:
    """Of ``m`` slots.

    Attributes:
        on: int8 [m], 1 = suppressed.
        known_ns: int64 [m], elapsed time without own outages when it was last known that the condition holds.

    """

    on: NDArray[np.int8]
    known_ns: NDArray[np.int64]


@dataclass(slots=True)
class Suppression:
    """The condition of one rule."""

    text: str
    holds: GradeTest
    ends: GradeTest
    operands: frozenset[str]
    asks_itself: bool  # it names a reading of the sensor itself
    state: SuppressionState

    @classmethod
    def of(cls, spec: RuleSpec, words: Words, slots: int) -> Suppression | None:
        """Make ready, with fresh state; None = the rule has none.

        Raises:
            ConditionError: the condition names what is not there.

        """
        if not spec.suppress_when:
            return None
        condition = resolve(parse(spec.suppress_when), words.units, words.states)
        named = frozenset(operands(condition))
        own = any(not is_of_others(base_of(name)) and name not in CALENDAR for name in named)
        state = SuppressionState(np.zeros(slots, np.int8), np.zeros(slots, np.int64))
        return cls(spec.suppress_when, GradeTest(condition, 0.0), GradeTest(Not(condition), 0.0), named, own, state)

    def changes(
        self, known: Known, quality: NDArray[np.uint8], slots: NDArray[np.int32], live_ns: int
    ) -> Iterator[tuple[int, bool]]:
        """Take in what is known at rows, in their order: (row, whether it is suppressed from there on).

        Args:
            known: of all operands.
            quality: uint8 [n], of the sensor's own reading.
            slots: int32 [n].
            live_ns: elapsed time of the last tick.

        """
        state = self.state
        doubts = {name: known.doubtful[name] for name in sorted(self.operands) if name in known.doubtful}
        sure = known.without(doubts) if doubts else known
        begins = self.holds.begins(sure.low, sure.high)
        if self.asks_itself:
            begins &= quality == GOOD
        ends = self.ends.begins(known.low, known.high)
        state.known_ns[slots[begins]] = live_ns
        moved = (begins & (state.on[slots] == 0)) | (ends & (state.on[slots] == 1))
        if not moved.any():
            return
        for row in np.flatnonzero((begins | ends) & np.isin(slots, slots[moved])).tolist():
            slot, on = int(slots[row]), bool(begins[row])
            if state.on[slot] != on:
                state.on[slot] = on
                yield row, on

    def expired(self, live_ns: int) -> list[int]:
        """Slots of which for too long nothing is known; they are not suppressed any more."""
        if not self.state.on.any():
            return []
        over = np.flatnonzero((self.state.on == 1) & (live_ns - self.state.known_ns > UNKNOWN_NS))
        self.state.on[over] = 0
        return [int(slot) for slot in over]

    def set_on(self, slots: Iterable[int], live_ns: int) -> None:
        """Let exactly these be suppressed, as people were told."""
        self.state.on[:] = 0
        some = list(slots)
        self.state.on[some], self.state.known_ns[some] = 1, live_ns


#: (rule, tag) -> the suppression of the rule and the sensor's slot in it; None = it has none.
Find = Callable[[str, str], tuple[Suppression, int] | None]


def follow(all_: Iterable[Suppression], flags: Iterable[tuple[str, str]], find: Find, live_ns: int) -> None:
    """Bring what is suppressed to the flags, (rule, tag), that are on."""
    slots: dict[int, tuple[Suppression, list[int]]] = {id(one): (one, []) for one in all_}
    for rule, tag in flags:
        found = find(rule, tag)
        if found is not None:
            slots[id(found[0])][1].append(found[1])
    for one, own in slots.values():
        one.set_on(own, live_ns)
