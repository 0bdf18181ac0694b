"""Which limit keeps the budget: counted where the quiet readings reach, else by the tail of what was counted."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from model.batch import Batch
from model.plan import Plan
from pipeline.tuning.candidates import Counted, Target, count, limits

#: With so many alarms within the budget the count itself says enough; and where there was none, there may be so many in
#: as long a time (95 %, Poisson).
COUNTED_MIN = 3.0
#: The tail is fitted to candidates with so many alarms, and so many candidates at least.
_TAIL_ALARMS_MIN, _TAIL_ALARMS_MAX, _TAIL_POINTS_MIN = 3, 300, 4
_DIGITS = 3
_CLOSER = 16


class Basis(StrEnum):
    """Where a limit comes from."""

    COUNTED = "counted"  # so few alarms were there
    EXTRAPOLATED = "extrapolated"  # fewer than can be counted in so short a time; from the tail
    TOO_SHORT = "too_short"  # that there was no alarm does not show that the budget is kept
    OUT_OF_REACH = "out_of_reach"  # even the rarest candidate alarms too often


@dataclass(frozen=True, slots=True)
class Choice:
    """A limit, and what it stands on.

    Attributes:
        limit: None where none is within reach.
        expected: alarms a sensor-month, counted or extrapolated; None = not known.
        basis: how it was found.

    """

    limit: float | None
    expected: float | None
    basis: Basis


def tuned(plan: Plan, batch: Batch, one: Target, budget: float) -> tuple[Counted, Choice]:
    """Count the candidates, choose, and where counting was enough look closer between the two that it lies between."""
    counted = count(plan, batch, one, limits(one))
    choice = choose(counted, counted.alarms, budget, counted.months)
    if choice.basis is not Basis.COUNTED or choice.limit is None:
        return counted, choice
    rarest_first = np.maximum.accumulate(counted.alarms[::-1])[::-1]
    first = int(np.flatnonzero(rarest_first <= budget * counted.months)[0])
    if first == 0:
        return counted, choice
    between = np.linspace(counted.limits[first - 1], counted.limits[first], _CLOSER + 1).tolist()
    closer = count(plan, batch, one, between)
    return counted, choose(closer, closer.alarms, budget, closer.months)


def choose(counted: Counted, alarms: NDArray[np.int64], budget: float, months: float) -> Choice:
    """The limit that alarms most and still keeps a budget of alarms a sensor-month.

    Args:
        counted: candidates.
        alarms: int64 [limits], of all sensors or of one.
        budget: alarms a sensor-month.
        months: sensor-months in which they were counted.

    """
    rarest_first = np.maximum.accumulate(alarms[::-1])[::-1]  # a rarer limit may alarm more often by chance
    within = np.flatnonzero(rarest_first <= budget * months)
    if not len(within):
        return Choice(None, None, Basis.OUT_OF_REACH)
    first = int(within[0])
    if budget * months >= COUNTED_MIN:
        return Choice(_rounded(counted, counted.limits[first]), float(alarms[first]) / months, Basis.COUNTED)
    tail = _tail(counted.limits, rarest_first)
    if tail is None:
        return Choice(None, None, Basis.TOO_SHORT)
    slope, level = tail
    wanted = (math.log(budget * months) - level) / slope
    rising = counted.limits[-1] > counted.limits[0]
    limit = max(wanted, counted.limits[first]) if rising else min(wanted, counted.limits[first])
    return Choice(_rounded(counted, limit), math.exp(level + slope * limit) / months, Basis.EXTRAPOLATED)


def _tail(limits: list[float], alarms: NDArray[np.int64]) -> tuple[float, float] | None:
    """Slope and level of log(alarms) against the limit where alarms are rare; None where too little is there.

    Beyond a high limit the excesses of most noise fall off exponentially (Pickands, Annals of Statistics 3 (1975) 119,
    with shape 0). Points weigh by what a count is worth.
    """
    of_tail = np.flatnonzero((alarms >= _TAIL_ALARMS_MIN) & (alarms <= _TAIL_ALARMS_MAX))
    if len(of_tail) < _TAIL_POINTS_MIN:
        return None
    x, y = np.array(limits)[of_tail], np.log(alarms[of_tail])
    slope, level = np.polyfit(x, y, 1, w=np.sqrt(alarms[of_tail]))
    falls = slope < 0 if limits[-1] > limits[0] else slope > 0
    return (float(slope), float(level)) if falls else None


def _rounded(counted: Counted, limit: float) -> float:
    """To a number that a person would write, away from alarming more often."""
    if limit == 0:
        return 0.0
    size = 10.0 ** (math.floor(math.log10(abs(limit))) - _DIGITS + 1)
    up = counted.limits[-1] > counted.limits[0]
    return float(f"{(math.ceil(limit / size - 1e-9) if up else math.floor(limit / size + 1e-9)) * size:.12g}")
