"""What rows say about a condition: it begins to hold, it stays, it is over, or nothing.

Three-valued (Kleene 1952, strong): a comparison with NaN is neither true nor false, so a reading that is not
there can neither raise nor clear an alarm.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

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
    """The condition of one grade, with the slack that the deadband grants it once the grade is on."""

    condition: Condition  # resolved: limits in the units of the operands
    deadband: float

    def begins(self, columns: Columns) -> NDArray[np.bool_]:
        """Where the condition is known to hold, bool [n]; cheaper than ``evidence``."""
        return _truth(self.condition, columns, 0.0)[0]

    def evidence(self, columns: Columns, quality: NDArray[np.uint8]) -> NDArray[np.int8]:
        """Judge rows.

        Args:
            columns: operand -> float64 [n], NaN = unknown.
            quality: uint8 [n]. A reading that is not good may begin an alarm, but never clears one.

        Returns:
            int8 [n] of ``ENTERS``, ``HOLDS`` (inside the deadband), ``CLEARS`` or ``SAYS_NOTHING``.

        """
        begins, not_begins = _truth(self.condition, columns, 0.0)
        over = not_begins if self.deadband == 0 else _truth(self.condition, columns, self.deadband)[1]
        code = np.full(len(quality), SAYS_NOTHING, np.int8)
        code[not_begins] = HOLDS
        code[over] = CLEARS
        code[(quality != GOOD) & (code != SAYS_NOTHING)] = SAYS_NOTHING
        code[begins] = ENTERS
        return code


def _truth(condition: Condition, columns: Columns, slack: float) -> tuple[_Mask, _Mask]:
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


def _compare(comparison: Comparison, x: NDArray[np.float64], slack: float) -> tuple[_Mask, _Mask]:
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
