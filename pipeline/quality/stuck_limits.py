"""From measured runs to a proposed limit: who is far beyond the fleet is left out, the rest is normal; pure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from model.condition import AllOf, AnyOf, Comparison, Condition, Not
from pipeline.quality.stuck import Fleet, Runs, bin_end_s
from rules.language import render

#: With fewer sensors nobody can say which of them is the strange one.
SENSORS_MIN = 5
#: Far beyond the fleet: so many times its median longest run, and so many deviations of the logarithm.
BEYOND_TIMES, BEYOND_DEVIATIONS = 5.0, 6.0
#: Median absolute deviation to standard deviation, for a normal distribution (Rousseeuw and Croux 1993, section 1).
_MAD_TO_SIGMA = 1.4826
#: The limit is so many times what one run in a thousand reaches, so many times the longest, and so many scan periods.
QUANTILE_TIMES, LONGEST_TIMES, PERIODS_MIN = 2.0, 1.5, 10.0
#: A run of this share of the period may have been longer: the period says nothing of how long.
_REST_SHARE = 0.5


class Verdict(StrEnum):
    """What can be said of a fleet."""

    PROPOSED = "proposed"
    FEW = "few"  # too few sensors with runs
    RESTS = "rests"  # healthy sensors stand still for much of the period: it is too short, or no limit is right


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A sensor that stood still far longer than its fleet."""

    tag: str
    longest_s: float


@dataclass(frozen=True, slots=True)
class FleetRuns:
    """How long readings of a kind stand still, without what is left out.

    Attributes:
        only: what the rule asks of the value beside, as text.
        sensors: registered.
        measured: with runs.
        runs: of those that are not left out.
        p50_s: of the runs, at most 5 % high, as are ``p99_s`` and ``p999_s``.
        longest_s: exact.
        now_s: lowest limit of the rules; None = no rule looks at it.
        proposed_s: None where the verdict says why.

    """

    kind: str
    detector: str
    only: str
    sensors: int
    measured: int
    runs: int
    p50_s: float | None
    p99_s: float | None
    p999_s: float | None
    longest_s: float | None
    left_out: tuple[LeftOut, ...]
    now_s: float | None
    proposed_s: float | None
    verdict: Verdict


@dataclass(frozen=True, slots=True)
class Change:
    """A condition of a rule, now and with the proposed limit."""

    rule: str
    grade: str
    now: str
    proposed: str


def judged(fleet: Fleet, runs: Runs, length_s: float) -> FleetRuns:
    """Say what is normal, and propose a limit that nothing normal has reached in a period of that length."""
    measured = np.flatnonzero(runs.longest_s >= 0)
    beyond = _beyond(np.maximum(runs.longest_s[measured], fleet.period_s[measured]))
    healthy = measured[~beyond]
    counts = runs.counts[healthy].sum(axis=0)
    longest_s = float(runs.longest_s[healthy].max()) if len(healthy) else None
    p50_s, p99_s, p999_s = (_quantile_s(counts, share, longest_s) for share in (0.5, 0.99, 0.999))
    verdict, proposed_s = Verdict.FEW, None
    if len(measured) >= SENSORS_MIN and longest_s is not None and p999_s is not None:
        verdict = Verdict.RESTS if longest_s >= _REST_SHARE * length_s else Verdict.PROPOSED
    if verdict is Verdict.PROPOSED:
        period_s = float(fleet.period_s[healthy].max())
        reached_s = max(QUANTILE_TIMES * (p999_s or 0.0), LONGEST_TIMES * (longest_s or 0.0))
        proposed_s = rounded_up_s(max(reached_s, PERIODS_MIN * period_s))
    return FleetRuns(
        fleet.kind,
        fleet.detector.id,
        " and ".join(render(one) for one in fleet.only),
        len(fleet.tags),
        len(measured),
        int(counts.sum()),
        p50_s,
        p99_s,
        p999_s,
        longest_s,
        tuple(
            sorted(
                (LeftOut(fleet.tags[at], float(runs.longest_s[at])) for at in measured[beyond].tolist()),
                key=lambda one: (-one.longest_s, one.tag),
            )
        ),
        min((one.limit_s for one in fleet.usages), default=None),
        proposed_s,
        verdict,
    )


def _beyond(longest_s: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Which sensors are far beyond the others; bool [m]. Half of them would have to be stuck to move the bound."""
    if len(longest_s) < SENSORS_MIN:
        return np.zeros(len(longest_s), np.bool_)
    size = np.log(longest_s)
    middle = float(np.median(size))
    deviation = _MAD_TO_SIGMA * float(np.median(np.abs(size - middle)))
    beyond: NDArray[np.bool_] = size > middle + max(math.log(BEYOND_TIMES), BEYOND_DEVIATIONS * deviation)
    return beyond


def _quantile_s(counts: NDArray[np.int64], share: float, longest_s: float | None) -> float | None:
    """End of the bin in which that share of the runs is reached."""
    total = int(counts.sum())
    if total == 0 or longest_s is None:
        return None
    place = int(np.searchsorted(np.cumsum(counts), math.ceil(share * total), side="left"))
    return min(bin_end_s(place), longest_s)


def rounded_up_s(length_s: float) -> float:
    """To what a person would write: whole seconds, minutes, or half hours."""
    step_s = 1.0 if length_s < 120 else 60.0 if length_s < 7_200 else 1_800.0
    return math.ceil(length_s / step_s - 1e-6) * step_s


def written(length_s: float) -> tuple[float, str]:
    """A limit as number and unit of the rule language."""
    if length_s < 120:
        return length_s, "s"
    if length_s < 7_200:
        return length_s / 60, "min"
    return length_s / 3600, "h"


def changes(fleets: Sequence[Fleet], found: Sequence[FleetRuns]) -> list[Change]:
    """What rules would say with the proposed limits.

    A rule on several kinds gets the largest of their limits, higher grades keep their distance from the lowest as a
    multiple. A rule of which a fleet has no proposal stays as it is.
    """
    factor: dict[tuple[str, str], float] = {}
    open_rules: set[tuple[str, str]] = set()
    for fleet, runs in zip(fleets, found, strict=True):
        for usage in fleet.usages:
            key = usage.rule, fleet.detector.id
            if runs.proposed_s is None or not runs.now_s:
                open_rules.add(key)
            else:
                factor[key] = max(factor.get(key, 0.0), runs.proposed_s / runs.now_s)
    made: dict[tuple[str, str], Change] = {}
    for fleet in fleets:
        for usage in fleet.usages:
            key = usage.rule, fleet.detector.id
            if key in factor and key not in open_rules:
                limit, unit = written(rounded_up_s(usage.limit_s * factor[key]))
                when = _with_limit(usage.when, fleet.detector.id, limit, unit)
                change = Change(usage.rule, usage.grade, render(usage.when), render(when))
                if change.now != change.proposed:
                    made[usage.rule, usage.grade] = change
    return list(made.values())


def _with_limit(condition: Condition, operand: str, limit: float, unit: str) -> Condition:
    match condition:
        case Comparison(operand=named, operator=operator) if named == operand and operator in {">", ">="}:
            return replace(condition, limit=limit, unit=unit)
        case AllOf(parts):
            return AllOf(tuple(_with_limit(part, operand, limit, unit) for part in parts))
        case AnyOf(parts):
            return AnyOf(tuple(_with_limit(part, operand, limit, unit) for part in parts))
        case Not(part):
            return Not(_with_limit(part, operand, limit, unit))
        case _:
            return condition
