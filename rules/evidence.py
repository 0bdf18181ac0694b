"""What rows say about a condition: it begins to hold, it stays, it is over, or nothing.

Three-valued (Kleene 1952, strong): a comparison with NaN is neither true nor false, so a reading that is not
there can neither raise nor clear an alarm.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from model.batch import GOOD
from model.condition import AllOf, AnyOf, Comparison, Condition, Not

#: Codes of evidence, int8.
ENTERS, HOLDS, CLEARS, SAYS_NOTHING = 1, 0, -1, -2
#: Late news of a limit that was passed: begins an alarm unless a later change of level is known already.
ENTERED_LATE = 2

#: Operands that are codes: a deadband means nothing to them, and would keep an alarm on for ever.
_CODES = frozenset({"quality", "clock_fault"})

Columns = Mapping[str, NDArray[np.float64]]
_Mask = NDArray[np.bool_]


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

    def begins(self, columns: Columns) -> NDArray[np.bool_]:
        """Where the grade begins: its condition is known to hold. bool [n]; cheaper than ``evidence``."""
        holds = _truth(self.condition, columns, 0.0)[0]
        return holds if self.off is None else holds & ~self.off

    def evidence(self, columns: Columns, quality: NDArray[np.uint8]) -> NDArray[np.int8]:
        """Judge rows.

        Args:
            columns: operand -> float64 [n], NaN = unknown.
            quality: uint8 [n]. A reading that is not good may begin an alarm, but never clears one.

        Returns:
            int8 [n] of ``ENTERS``, ``HOLDS`` (inside the deadband), ``CLEARS`` or ``SAYS_NOTHING``.

        """
        begins, not_begins = _truth(self.condition, columns, 0.0)
        over = not_begins if not np.any(self.deadband) else _truth(self.condition, columns, self.deadband)[1]
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


def _truth(condition: Condition, columns: Columns, slack: float | NDArray[np.float64]) -> tuple[_Mask, _Mask]:
    """Where the condition, loosened by ``slack``, is true, and where it is false; NaN is neither."""
    match condition:
        case Comparison():
            measured = condition.operand not in _CODES
            return _compare(condition, columns[condition.operand], slack if measured else 0.0)
        case Not(part):
            true, false = _truth(part, columns, -slack)
            return false, true
        case AllOf(parts) | AnyOf(parts):
            true, false = _truth(parts[0], columns, slack)
            for part in parts[1:]:
                other_true, other_false = _truth(part, columns, slack)
                if isinstance(condition, AllOf):
                    true, false = true & other_true, false | other_false
                else:
                    true, false = true | other_true, false & other_false
            return true, false


def _compare(comparison: Comparison, x: NDArray[np.float64], slack: float | NDArray[np.float64]) -> tuple[_Mask, _Mask]:
    limit = comparison.limit
    match comparison.operator:
        case ">":
            return x > limit - slack, x <= limit - slack
        case ">=":
            return x >= limit - slack, x < limit - slack
        case "<":
            return x < limit + slack, x >= limit + slack
        case "<=":
            return x <= limit + slack, x > limit + slack
        case "==":
            return x == limit, (x < limit) | (x > limit)
        case _:
            return (x < limit) | (x > limit), x == limit
