"""What rows say about a condition: it begins to hold, it stays, it is over, or nothing.

Three-valued (Kleene 1952, strong): a comparison with NaN is neither true nor false, so a reading that is not
there can neither raise nor clear an alarm.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

import numpy as np
from numba import njit
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
#: Operand -> its lowest and highest value in a batch; (inf, -inf) where all are NaN.
Extremes: TypeAlias = Mapping[str, tuple[float, float]]
May: TypeAlias = Callable[[Extremes], bool]
_Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class GradeTest:
    """The condition of one grade, with the slack that the deadband grants it once the grade is on."""

    condition: Condition  # resolved: limits in the units of the operands
    deadband: float
    #: False only where no row of the batch can meet the condition: one question for all rows of a quiet batch.
    may_begin: May = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "may_begin", _possible(self.condition)[0])

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


def extremes(columns: Columns) -> Extremes:
    """Lowest and highest value of every column, NaN left out."""
    return {name: _extremes(column) for name, column in columns.items()}


@njit(cache=True)
def _extremes(x: NDArray[np.float64]) -> tuple[float, float]:
    low, high = np.inf, -np.inf
    for i in range(len(x)):
        low = min(low, x[i])
        high = max(high, x[i])
    return low, high


def _possible(condition: Condition) -> tuple[May, May]:
    """Whether any row can make the condition true, and whether any can make it false, as far as extremes tell."""
    match condition:
        case Comparison():
            return _possible_comparison(condition)
        case Not(part):
            true, false = _possible(part)
            return false, true
        case AllOf(parts):
            trues, falses = zip(*map(_possible, parts), strict=True)
            return _all(trues), _any(falses)
        case AnyOf(parts):
            trues, falses = zip(*map(_possible, parts), strict=True)
            return _any(trues), _all(falses)


def _all(questions: tuple[May, ...]) -> May:
    return lambda found: all(may(found) for may in questions)


def _any(questions: tuple[May, ...]) -> May:
    return lambda found: any(may(found) for may in questions)


def _possible_comparison(comparison: Comparison) -> tuple[May, May]:
    name, limit = comparison.operand, comparison.limit
    above: May = lambda found: found[name][1] > limit  # noqa: E731 - six questions, one line each
    at_least: May = lambda found: found[name][1] >= limit  # noqa: E731
    below: May = lambda found: found[name][0] < limit  # noqa: E731
    at_most: May = lambda found: found[name][0] <= limit  # noqa: E731
    same: May = lambda found: found[name][0] <= limit <= found[name][1]  # noqa: E731
    other: May = lambda found: found[name][0] < limit or found[name][1] > limit  # noqa: E731
    answers = {
        ">": (above, at_most),
        ">=": (at_least, below),
        "<": (below, at_least),
        "<=": (at_most, above),
        "==": (same, other),
    }
    return answers.get(comparison.operator, (other, same))


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
