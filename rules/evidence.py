"""What rows say about a condition: it begins to hold, it stays, it is over, or nothing.

Three-valued (Kleene 1952, strong): a comparison with NaN is neither true nor false, so a reading that is not
there can neither raise nor clear an alarm. Where an operand is only known to lie between two bounds, a comparison is
true or false if it is so for all that lies between.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from model.batch import GOOD
from model.condition import AllOf, AnyOf, Comparison, Condition, Not
from rules.operands import CALENDAR

#: Codes of evidence, int8.
ENTERS, HOLDS, CLEARS, SAYS_NOTHING = 1, 0, -1, -2
#: Late news of a limit that was passed: begins an alarm unless a later change of level is known already.
ENTERED_LATE = 2

#: Operands that are codes: a deadband means nothing to them, and would keep an alarm on for ever.
CODES = frozenset({"quality", "clock_fault"}) | CALENDAR

Columns = Mapping[str, NDArray[np.float64]]
_Mask = NDArray[np.bool_]
_NONE: Columns = {}


@dataclass(frozen=True, slots=True)
class Known:
    """What operands are known to be at rows; NaN = nothing is known.

    Attributes:
        low: operand -> float64 [n], the least that it can be.
        high: the most that it can be; only of operands that are not known exactly.
        doubtful: operand -> bool [n], where it rests on readings that are not good; only of those that somewhere do.

    """

    low: Columns
    high: Columns = field(default_factory=dict)
    doubtful: Mapping[str, NDArray[np.bool_]] = field(default_factory=dict)

    def without(self, doubts: Mapping[str, NDArray[np.bool_]]) -> Known:
        """The same as if what is in doubt were not known at all."""
        low = {name: np.where(doubt, np.nan, self.low[name]) for name, doubt in doubts.items()}
        high = {name: np.where(doubts[name], np.nan, self.high[name]) for name in doubts if name in self.high}
        return Known({**self.low, **low}, {**self.high, **high})

    def at(self, rows: NDArray[np.intp] | NDArray[np.int32], names: Iterable[str]) -> Known:
        """The same at some of the rows, for some of the operands."""
        names = list(names)
        return Known(
            {name: self.low[name][rows] for name in names},
            {name: self.high[name][rows] for name in names if name in self.high},
            {name: self.doubtful[name][rows] for name in names if name in self.doubtful},
        )


@dataclass(frozen=True, slots=True)
class GradeTest:
    """The condition of one grade, with the slack that the deadband grants it once the grade is on.

    Attributes:
        condition: resolved, its limits in the units of the operands; arrays by row after ``limited``.
        deadband: in the unit of the operand; or float64 [n].
        off: bool [n], True = the grade begins nothing for the row; None = nowhere.

    """

    condition: Condition
    deadband: float | NDArray[np.float64]
    off: NDArray[np.bool_] | None = None

    def begins(self, columns: Columns, high: Columns = _NONE) -> NDArray[np.bool_]:
        """Where the grade begins: its condition is known to hold. bool [n]; cheaper than ``evidence``."""
        holds = _truth(self.condition, (columns, high), 0.0)[0]
        return holds if self.off is None else holds & ~self.off

    def evidence(self, columns: Columns, quality: NDArray[np.uint8], high: Columns = _NONE) -> NDArray[np.int8]:
        """Judge rows.

        Args:
            columns: operand -> float64 [n], NaN = unknown.
            quality: uint8 [n]. A reading that is not good may begin an alarm, but never clears one.
            high: the most that operands can be, where ``columns`` holds only the least.

        Returns:
            int8 [n] of ``ENTERS``, ``HOLDS`` (inside the deadband), ``CLEARS`` or ``SAYS_NOTHING``.

        """
        bounds = columns, high
        begins, not_begins = _truth(self.condition, bounds, 0.0)
        over = not_begins if not np.any(self.deadband) else _truth(self.condition, bounds, self.deadband)[1]
        code = np.full(len(quality), SAYS_NOTHING, np.int8)
        code[not_begins] = HOLDS
        code[over] = CLEARS
        code[(quality != GOOD) & (code != SAYS_NOTHING)] = SAYS_NOTHING
        code[begins] = ENTERS
        if self.off is not None:
            code[begins & self.off] = HOLDS
        return code


def limited(condition: Condition, limits: Iterator[NDArray[np.float64]]) -> Condition:
    """The condition with limits that differ from row to row, taken for its comparisons in order."""
    match condition:
        case Comparison():
            by_row: Any = next(limits)
            return replace(condition, limit=by_row)
        case Not(part):
            return Not(limited(part, limits))
        case AllOf(parts):
            return AllOf(tuple(limited(part, limits) for part in parts))
        case AnyOf(parts):
            return AnyOf(tuple(limited(part, limits) for part in parts))


def _truth(
    condition: Condition, bounds: tuple[Columns, Columns], slack: float | NDArray[np.float64]
) -> tuple[_Mask, _Mask]:
    """Where the condition, loosened by ``slack``, is true, and where it is false; NaN is neither."""
    match condition:
        case Comparison(operand):
            low, high = bounds[0][operand], bounds[1].get(operand)
            return _compare(condition, low, low if high is None else high, 0.0 if operand in CODES else slack)
        case Not(part):
            true, false = _truth(part, bounds, -slack)
            return false, true
        case AllOf(parts) | AnyOf(parts):
            true, false = _truth(parts[0], bounds, slack)
            for part in parts[1:]:
                other_true, other_false = _truth(part, bounds, slack)
                if isinstance(condition, AllOf):
                    true, false = true & other_true, false | other_false
                else:
                    true, false = true | other_true, false & other_false
            return true, false


def _compare(
    comparison: Comparison,
    low: NDArray[np.float64],
    high: NDArray[np.float64],
    slack: float | NDArray[np.float64],
) -> tuple[_Mask, _Mask]:
    limit = comparison.limit
    match comparison.operator:
        case ">":
            return low > limit - slack, high <= limit - slack
        case ">=":
            return low >= limit - slack, high < limit - slack
        case "<":
            return high < limit + slack, low >= limit + slack
        case "<=":
            return high <= limit + slack, low > limit + slack
        case "==":
            return (low == limit) & (high == limit), (high < limit) | (low > limit)
        case _:
            return (high < limit) | (low > limit), (low == limit) & (high == limit)
