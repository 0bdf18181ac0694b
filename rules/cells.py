"""What can be proved of conditions without any reading.

The limits that conditions compare an operand with cut its values into points and the gaps between them; within one of
these, no comparison changes. One value for each point and gap of each operand, in every combination, is therefore all
there is to try. Operands are taken to be free of each other, which makes more combinations than there are: what holds
in all of them holds.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce

import numpy as np
from numpy.typing import NDArray

from model.condition import AllOf, AnyOf, Comparison, Condition, Not
from rules.language import comparisons

#: More combinations than this are not tried: nothing is claimed then.
CELLS_MAX = 20_000


@dataclass(frozen=True, slots=True)
class Domain:
    """What values an operand can have: from ``low`` to ``high``, or only ``values``."""

    low: float = -math.inf
    high: float = math.inf
    values: tuple[float, ...] = ()

    def samples(self, limits: Iterable[float]) -> list[float]:
        """One value for each part into which limits cut it."""
        if self.values:
            return sorted(self.values)
        inner = sorted({limit for limit in limits if self.low <= limit <= self.high})
        ends = [end for end in (self.low, self.high) if math.isfinite(end)]
        points = sorted({*inner, *ends}) or [0.0]
        between = [low + (high - low) / 2 for low, high in itertools.pairwise(points)]
        below = [] if math.isfinite(self.low) else [points[0] - max(1.0, abs(points[0]))]
        above = [] if math.isfinite(self.high) else [points[-1] + max(1.0, abs(points[-1]))]
        return sorted({*below, *points, *between, *above})


def truths(conditions: Sequence[Condition], domains: Mapping[str, Domain]) -> list[NDArray[np.bool_]] | None:
    """Where each condition holds, over all combinations that make a difference to any of them.

    Args:
        conditions: resolved.
        domains: operand -> what it can be; those that are not named can be anything.

    Returns:
        bool [combinations] of each; None = there are too many.

    """
    limits: dict[str, set[float]] = {}
    for condition in conditions:
        for one in comparisons(condition):
            limits.setdefault(one.operand, set()).add(one.limit)
    names = sorted(limits)
    samples = [domains.get(name, Domain()).samples(limits[name]) for name in names]
    if math.prod(map(len, samples)) > CELLS_MAX:
        return None
    grids = np.meshgrid(*samples, indexing="ij") if samples else []
    columns = {name: grid.ravel() for name, grid in zip(names, grids, strict=True)}
    return [_holds(condition, columns) for condition in conditions]


def _holds(condition: Condition, columns: Mapping[str, NDArray[np.float64]]) -> NDArray[np.bool_]:
    match condition:
        case Comparison(operand, operator, limit):
            return _OPERATORS[operator](columns[operand], limit)
        case Not(part):
            return ~_holds(part, columns)
        case AllOf(parts):
            return reduce(np.logical_and, (_holds(part, columns) for part in parts))
        case AnyOf(parts):
            return reduce(np.logical_or, (_holds(part, columns) for part in parts))


_OPERATORS = {
    ">": np.greater,
    ">=": np.greater_equal,
    "<": np.less,
    "<=": np.less_equal,
    "==": np.equal,
    "!=": np.not_equal,
}
