"""Settings that differ from sensor to sensor within one bound rule: tables by variant, and whose is which."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from rules.evidence import GradeTest, limited
from rules.grading import NEVER, Delays, GradingState
from rules.language import comparisons, parse, resolve
from rules.variants import Variant
from rules.words import Words

Slots: TypeAlias = Sequence[int] | NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class OwnSettings:
    """Of one rule. v variants, m slots, g grades.

    Attributes:
        variants: [0] is the pack's.
        of: int32 [m].
        limits: of each grade float64 [v, comparisons].
        deadband: float64 [v, g].
        off: bool [v, g].
        every: the tests as they stand for all slots in order.

    """

    variants: tuple[Variant, ...]
    of: NDArray[np.int32]
    limits: tuple[NDArray[np.float64], ...]
    deadband: NDArray[np.float64]
    off: NDArray[np.bool_]
    every: tuple[GradeTest, ...]

    @classmethod
    def made(
        cls,
        variants: Sequence[Variant],
        of: NDArray[np.int32],
        words: Words,
        tests: Sequence[GradeTest],
    ) -> OwnSettings:
        """Tables of the variants.

        Args:
            variants: of one rule.
            of: int32 [m].
            words: that conditions may name.
            tests: as the pack has them.

        """
        by_grade = zip(*(one.grades for one in variants), strict=True)
        limits = tuple(
            np.array(
                [
                    [c.limit for c in comparisons(resolve(parse(spec.when), words.units, words.states))]
                    for spec in specs
                ],
                np.float64,
            )
            for specs in by_grade
        )
        deadband = np.array([[spec.deadband for spec in one.grades] for one in variants], np.float64)
        off = np.array([one.off for one in variants], np.bool_)
        every = _tests(tests, limits, deadband, off, of)
        return cls(tuple(variants), of, limits, deadband, off, every)

    def tests(self, plain: Sequence[GradeTest], slots: NDArray[np.int32]) -> tuple[GradeTest, ...]:
        """The tests as they stand for rows of these slots."""
        own = self.of[slots]
        return _tests(plain, self.limits, self.deadband, self.off, own) if own.any() else tuple(plain)

    def spans(self) -> list[tuple[float, float]]:
        """Lowest and highest limit of each comparison of each grade, in order."""
        return [(float(column.min()), float(column.max())) for table in self.limits for column in table.T]

    def delays(self) -> Delays:
        on_s = np.array([[spec.on_delay_s for spec in one.grades] for one in self.variants])
        off_s = np.array([[spec.off_delay_s for spec in one.grades] for one in self.variants])
        return Delays(_ns(on_s), _ns(off_s), self.of)


def _ns(seconds: NDArray[np.float64]) -> NDArray[np.int64]:
    return np.array([[round(one * 1e9) for one in row] for row in seconds.tolist()], np.int64)


def _tests(
    plain: Sequence[GradeTest],
    limits: Sequence[NDArray[np.float64]],
    deadband: NDArray[np.float64],
    off: NDArray[np.bool_],
    own: NDArray[np.int32],
) -> tuple[GradeTest, ...]:
    return tuple(
        GradeTest(limited(test.condition, iter(table[own].T)), deadband[own, grade], off[own, grade])
        for grade, (test, table) in enumerate(zip(plain, limits, strict=True))
    )


def begin_over(state: GradingState, off: NDArray[np.bool_], slots: NDArray[np.intp]) -> None:
    """Let what was under way by other settings begin anew: what is on stays on, and is over by the new settings alone.

    Args:
        state: changed in place.
        off: bool [n, g], grades that begin nothing now.
        slots: whose settings changed, [n].

    """
    state.over_ns[slots] = NEVER
    pending = off & (state.on[slots] == 0)
    state.begun_ns[slots] = np.where(pending, NEVER, state.begun_ns[slots])
    state.begun_elapsed_ns[slots] = np.where(pending, NEVER, state.begun_elapsed_ns[slots])
    state.recount()


def changed_slots(
    old: OwnSettings | None, new: OwnSettings | None, plain: Variant, pairs: tuple[Slots, Slots]
) -> list[int]:
    """Of the new slots of pairs (in old, in new) those whose settings are others than before.

    Args:
        old: None = all had ``plain``.
        new: None = all have ``plain``.
        plain: the pack's, the same in both.
        pairs: slots.

    """
    if old is None and new is None:
        return []
    numbers: dict[object, int] = {}
    sources, targets = np.array(pairs[0], np.intp), np.array(pairs[1], np.intp)
    differs = _numbered(old, plain, numbers, sources) != _numbered(new, plain, numbers, targets)
    found: list[int] = targets[differs].tolist()
    return found


def _numbered(
    own: OwnSettings | None, plain: Variant, numbers: dict[object, int], slots: NDArray[np.intp]
) -> NDArray[np.int64]:
    """A number for the settings of each slot, the same for the same settings."""
    variants = (plain,) if own is None else own.variants
    by_variant = np.array([numbers.setdefault((one.grades, one.off), len(numbers)) for one in variants], np.int64)
    return by_variant[np.zeros(len(slots), np.int32) if own is None else own.of[slots]]
