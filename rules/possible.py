"""Which conditions any row of a batch can meet at all: one question for all rows, so that a quiet batch costs little.

Only the lowest and the highest value of each operand are asked. "Possible" may be wrong, and costs a closer look;
"impossible" is always right. All conditions of a kind are one list of operations in postfix order, which a compiled
loop evaluates twice over: whether a condition can be true, and whether it can be false (for ``not``).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TypeAlias

import numpy as np
from numba import from_dtype, njit, types
from numpy.typing import NDArray

from model.condition import AllOf, AnyOf, Comparison, Condition, Not
from rules.language import comparisons

_AND, _OR, _NOT, _COMPARE = range(4)
_OPERATORS = (">", ">=", "<", "<=", "==", "!=")
_DEPTH_MAX = 64  # a condition has at most 16 comparisons and 8 levels

_OPERATION = np.dtype([("code", "i8"), ("operand", "i8"), ("operator", "i8"), ("lowest", "f8"), ("highest", "f8")])


#: Lowest and highest limit of one comparison.
Span: TypeAlias = tuple[float, float]


class Possible:
    """The conditions of one kind's rules, in order.

    Args:
        conditions: resolved, their limits in the units of the operands.
        operands: names, in the order in which ``asked`` is given their columns.
        spans: lowest and highest limit of each comparison, in order, where it is not one for all; None = it is.

    """

    def __init__(
        self, conditions: Sequence[Condition], operands: Sequence[str], spans: Sequence[Span] | None = None
    ) -> None:
        self.operands = tuple(operands)
        place = {name: at for at, name in enumerate(operands)}
        operations: list[tuple[int, int, int, float, float]] = []
        ends = []
        given = spans if spans is not None else [(c.limit, c.limit) for one in conditions for c in comparisons(one)]
        limits = iter(given)
        for condition in conditions:
            _compile(condition, place, limits, operations)
            ends.append(len(operations))
        self._ends = np.array(ends, np.int64)
        self._operations = np.array(operations, _OPERATION)

    def asked(
        self, columns: Mapping[str, NDArray[np.float64]], most: Mapping[str, NDArray[np.float64]] | None = None
    ) -> list[bool]:
        """Whether any row can meet each condition.

        Args:
            columns: operand -> float64 [n], NaN = unknown.
            most: the same of operands of which ``columns`` holds only the least that they can be.

        """
        low, high = np.empty(len(self.operands)), np.empty(len(self.operands))
        for at, name in enumerate(self.operands):
            low[at], high[at] = _extremes(columns[name])
            if most and name in most:
                high[at] = max(high[at], _extremes(most[name])[1])
        found = np.empty(len(self._ends), np.bool_)
        _possible(self._operations, self._ends, low, high, found)
        answers: list[bool] = found.tolist()
        return answers


def _compile(
    condition: Condition,
    place: Mapping[str, int],
    limits: Iterator[Span],
    operations: list[tuple[int, int, int, float, float]],
) -> None:
    match condition:
        case Comparison():
            operator = _OPERATORS.index(condition.operator)
            operations.append((_COMPARE, place[condition.operand], operator, *next(limits)))
        case Not(part):
            _compile(part, place, limits, operations)
            operations.append((_NOT, 0, 0, 0.0, 0.0))
        case AllOf(parts) | AnyOf(parts):
            _compile(parts[0], place, limits, operations)
            for part in parts[1:]:
                _compile(part, place, limits, operations)
                operations.append((_AND if isinstance(condition, AllOf) else _OR, 0, 0, 0.0, 0.0))


@njit(cache=True, nogil=True)
def _extremes(x: NDArray[np.float64]) -> tuple[float, float]:
    """Lowest and highest value, NaN left out; (inf, -inf) where there is none."""
    low, high = np.inf, -np.inf
    for i in range(len(x)):
        low = min(low, x[i])
        high = max(high, x[i])
    return low, high


@njit(cache=True, nogil=True)
def _can_be(operator: int, lowest: float, highest: float, low: float, high: float) -> tuple[bool, bool]:
    """Whether a comparison can be true, and whether it can be false.

    For values from ``low`` to ``high`` and limits from ``lowest`` to ``highest``.
    """
    if operator == 0:  # >
        return high > lowest, low <= highest
    if operator == 1:  # >=
        return high >= lowest, low < highest
    if operator == 2:  # <
        return low < highest, high >= lowest
    if operator == 3:  # <=
        return low <= highest, high > lowest
    same, other = low <= highest and lowest <= high, low < highest or high > lowest
    return (same, other) if operator == 4 else (other, same)


@njit(
    types.void(
        types.Array(from_dtype(_OPERATION), 1, "C"),
        types.Array(types.int64, 1, "C"),
        types.Array(types.float64, 1, "C"),
        types.Array(types.float64, 1, "C"),
        types.Array(types.boolean, 1, "C"),
    ),
    cache=True,
    nogil=True,
)
def _possible(
    operations: NDArray[np.void],
    ends: NDArray[np.int64],
    low: NDArray[np.float64],
    high: NDArray[np.float64],
    found: NDArray[np.bool_],
) -> None:
    true, false = np.empty(_DEPTH_MAX, np.bool_), np.empty(_DEPTH_MAX, np.bool_)
    at = 0
    for condition in range(len(ends)):
        top = -1
        while at < ends[condition]:
            own = operations[at]
            at += 1
            if own.code == _COMPARE:
                top += 1
                true[top], false[top] = _can_be(
                    own.operator, own.lowest, own.highest, low[own.operand], high[own.operand]
                )
            elif own.code == _NOT:
                true[top], false[top] = false[top], true[top]
            else:
                top -= 1
                both = own.code == _AND
                true[top] = true[top] and true[top + 1] if both else true[top] or true[top + 1]
                false[top] = false[top] or false[top + 1] if both else false[top] and false[top + 1]
        found[condition] = true[0]
