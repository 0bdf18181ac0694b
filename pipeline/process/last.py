"""What was known of each sensor at its last reading, for rules that are judged between its readings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from model.batch import BAD, Batch
from pipeline.process.bound_rule import BoundRule
from pipeline.process.windows import known_of
from rules.evidence import Known

NEVER = np.iinfo(np.int64).min

Pairs: TypeAlias = tuple[Sequence[int], Sequence[int]]


@dataclass(slots=True)
class LastState:
    """Of the ``m`` sensors of a kind; ``q`` operands.

    Attributes:
        time_ns: int64 [m], event time of the last reading; ``NEVER`` = none.
        quality: uint8 [m].
        low, high: float64 [m, q], between which each operand was known.
        doubtful: uint8 [m, q], 1 = it rested on readings that were not good.

    """

    time_ns: NDArray[np.int64]
    quality: NDArray[np.uint8]
    low: NDArray[np.float64]
    high: NDArray[np.float64]
    doubtful: NDArray[np.uint8]

    @classmethod
    def fresh(cls, sensors: int, operands: int) -> LastState:
        return cls(
            np.full(sensors, NEVER, np.int64),
            np.full(sensors, BAD, np.uint8),
            np.full((sensors, operands), np.nan),
            np.full((sensors, operands), np.nan),
            np.zeros((sensors, operands), np.uint8),
        )


@dataclass(slots=True)
class Last:
    """Of one kind.

    Attributes:
        operands: own ones that the rules name, in the order of the state.
        rules: those that look beside the sensor; where it reports changes only, all that readings decide.
        stale_ns: int64 [m], a reading that is further away says nothing.
        carrier: int32 [m], the gateway without which a sensor that reports changes only says nothing; -1 = none.

    """

    operands: tuple[str, ...]
    rules: tuple[BoundRule, ...]
    stale_ns: NDArray[np.int64]
    carrier: NDArray[np.int32]
    state: LastState

    @classmethod
    def none(cls) -> Last:
        """Of a kind whose rules look at their sensor alone."""
        return cls((), (), np.empty(0, np.int64), np.empty(0, np.int32), LastState.fresh(0, 0))

    @property
    def names(self) -> frozenset[str]:
        return frozenset(self.operands)

    def remember(self, rows: Batch, slots: NDArray[np.int32], fresh: NDArray[np.bool_], known: Known) -> None:
        """Take fresh rows in; of several rows of a sensor the last one stays.

        Args:
            rows: of the kind.
            slots: int32 [n].
            fresh: bool [n].
            known: of all operands at the rows.

        """
        if not self.rules:
            return
        some = slice(None) if fresh.all() else np.flatnonzero(fresh)
        own, state = slots[some], self.state
        state.time_ns[own] = np.minimum(rows.time_ns, rows.received_ns)[some]
        state.quality[own] = rows.quality[some]
        for k, name in enumerate(self.operands):
            low = known.low[name]
            state.low[own, k] = low[some]
            state.high[own, k] = known.high.get(name, low)[some]
            doubtful = known.doubtful.get(name)
            state.doubtful[own, k] = 0 if doubtful is None else doubtful[some]

    def as_of(self, slots: NDArray[np.int32], time_ns: NDArray[np.int64], silent: NDArray[np.int8]) -> Known:
        """What was known at the last reading of some sensors, where that still says something about a time.

        Args:
            slots: int32 [n].
            time_ns: int64 [n].
            silent: int8 [gateways], 1 = nothing is heard of it.

        """
        state = self.state
        last_ns, carrier = state.time_ns[slots], self.carrier[slots]
        lost = np.append(silent, 0).astype(np.bool_)[carrier]  # -1 is the last place
        apart_ns = np.abs(time_ns - np.where(last_ns == NEVER, time_ns, last_ns))
        stands = (last_ns != NEVER) & (apart_ns <= self.stale_ns[slots]) & ~lost
        low = np.where(stands[:, None], state.low[slots], np.nan)
        high = np.where(stands[:, None], state.high[slots], np.nan)
        doubtful = state.doubtful[slots] == 1
        found = known_of(self.operands, *(np.ascontiguousarray(one.T) for one in (low, high, doubtful)))
        quality = np.where(stands, state.quality[slots], np.nan)
        value = found.low.get("value", np.full(len(slots), np.nan))
        return Known({**found.low, "value": value, "quality": quality}, found.high, found.doubtful)

    def take_over(self, old: Last, every: Pairs, known: Mapping[str, Pairs]) -> None:
        """Go on over a change of plan; other operands are known from the next reading on.

        Args:
            old: of the plan before.
            every: slots of the sensors that both have, in the old one and here.
            known: the same by operand, where it still means what it meant.

        """
        own, given = self.state, old.state
        sources, targets = every
        own.time_ns[targets], own.quality[targets] = given.time_ns[sources], given.quality[sources]
        for k, name in enumerate(self.operands):
            if name in old.operands and name in known:
                before = old.operands.index(name)
                sources, targets = known[name]
                for part in ("low", "high", "doubtful"):
                    getattr(own, part)[targets, k] = getattr(given, part)[sources, before]
