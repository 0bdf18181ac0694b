"""How long readings stand still before they move, measured on the whole fleet; pure.

A run is what the flatline detector scores: from one move to the last reading before the next. The detector itself
scores, so that what is measured is what a rule will see.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from detectors.parameters import build
from model.batch import BAD, Batch
from model.condition import AllOf, Comparison, Condition
from model.detector import SensorGroup
from model.plan import DetectorSpec, Plan
from model.unit import factor_and_offset
from rules.language import comparisons, parse, resolve

#: Runs are counted in bins, each this much longer than the one before.
BIN_RATIO = 1.05
_BIN_S_MIN = 1e-3
_BINS = 600
_NO_RUN = -1.0


@dataclass(frozen=True, slots=True)
class Usage:
    """A grade of a rule that a detector's runs raise.

    Attributes:
        when: its condition, as parsed.
        limit_s: from which on.

    """

    rule: str
    grade: str
    when: Condition
    limit_s: float


@dataclass(frozen=True, slots=True)
class Fleet:
    """Sensors of one kind whose runs are measured together.

    Attributes:
        detector: of the plan.
        only: what must hold of the value, in the kind's unit, for a reading to count; as the rule has it.
        usages: what the runs raise.
        sensors: int32 [m], index into the plan's.
        period_s: float64 [m].

    """

    kind: str
    detector: DetectorSpec
    only: tuple[Comparison, ...]
    usages: tuple[Usage, ...]
    tags: tuple[str, ...]
    sensors: NDArray[np.int32]
    period_s: NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Runs:
    """What was measured.

    Attributes:
        counts: int64 [m, bins], runs of each sensor by length; the first bin holds those of one reading.
        longest_s: float64 [m]; negative = the sensor had none.

    """

    counts: NDArray[np.int64]
    longest_s: NDArray[np.float64]


def fleets(plan: Plan) -> list[Fleet]:
    """All that flatline detectors look at; one for each kind, detector, and condition on the value beside it."""
    found = []
    for spec in plan.detectors:
        if spec.detector == "flatline" and not spec.assets:
            for kind in plan.kinds:
                if kind.id in spec.kinds:
                    found += list(_fleets(plan, spec, kind.id))
    return found


def _fleets(plan: Plan, spec: DetectorSpec, kind: str) -> Iterator[Fleet]:
    of = next(one for one in plan.kinds if one.id == kind)
    sensors = [at for at, one in enumerate(plan.sensors) if one.kind == kind]
    periods = [of.period_s if (own := plan.sensors[at].period_s) is None else own for at in sensors]
    by_filter: dict[tuple[Comparison, ...], list[Usage]] = {}
    for usage in _usages(plan, spec, kind):
        by_filter.setdefault(_only(usage.when, of.unit), []).append(usage)
    for only, usages in (by_filter or {(): []}).items():
        yield Fleet(
            kind,
            spec,
            only,
            tuple(usages),
            tuple(plan.sensors[at].tag for at in sensors),
            np.array(sensors, np.int32),
            np.array(periods, np.float64),
        )


def _usages(plan: Plan, spec: DetectorSpec, kind: str) -> Iterator[Usage]:
    for rule in plan.rules:
        if kind in rule.kinds:
            for grade in rule.grades:
                when = parse(grade.when)
                limits_s = [
                    one.limit * factor_and_offset(one.unit or "s", "s")[0]
                    for one in comparisons(when)
                    if one.operand == spec.id and one.operator in {">", ">="}
                ]
                if limits_s:
                    yield Usage(rule.id, grade.grade.name.lower(), when, min(limits_s))


def _only(when: Condition, unit: str) -> tuple[Comparison, ...]:
    """What a condition asks of the value itself, beside the run."""
    parts = when.parts if isinstance(when, AllOf) else ()
    asked = (part for part in parts if isinstance(part, Comparison) and part.operand == "value")
    return tuple(one for part in asked if isinstance(one := resolve(part, {"value": unit}), Comparison))


class RunGauge:
    """Takes readings of a fleet as they are read, and counts its runs."""

    def __init__(self, fleet: Fleet, sensors: int) -> None:
        """Begin.

        Args:
            fleet: to measure.
            sensors: how many the plan has.

        """
        self._fleet = fleet
        self._slot = np.full(sensors, -1, np.int32)
        self._slot[fleet.sensors] = np.arange(len(fleet.sensors), dtype=np.int32)
        self._detector = build(fleet.detector.detector, fleet.detector.parameters)
        self._group = SensorGroup(fleet.tags, fleet.period_s)
        self._state = self._detector.init(self._group)
        self._counts = np.zeros((len(fleet.sensors), _BINS), np.int64)
        self._longest_s = np.full(len(fleet.sensors), _NO_RUN)
        self._open_s = np.full(len(fleet.sensors), _NO_RUN)

    def forget(self, sensors: NDArray[np.int32]) -> None:
        """Begin anew with some sensors of the plan."""
        slots = self._slot[sensors]
        slots = slots[slots >= 0]
        fresh = self._detector.init(self._group)
        for one in fields(fresh):
            getattr(self._state, one.name)[slots] = getattr(fresh, one.name)[slots]
        self._counts[slots] = 0
        self._longest_s[slots] = self._open_s[slots] = _NO_RUN

    def take(
        self,
        sensor: NDArray[np.int32],
        time_ns: NDArray[np.int64],
        value: NDArray[np.float64],
        quality: NDArray[np.uint8],
    ) -> None:
        """Take readings; a sensor's stand together, and its times rise strictly.

        Args:
            sensor: int32 [n], of the plan.
            time_ns: int64 [n].
            value: float64 [n], unit of the kind.
            quality: uint8 [n].

        """
        mine = self._slot[sensor] >= 0
        if not mine.any():
            return
        slot, time_ns, quality = self._slot[sensor[mine]], time_ns[mine], quality[mine]
        value = np.where(quality >= BAD, np.nan, value[mine])
        score_s = self._detector.update(self._state, Batch(slot, time_ns, time_ns, value, quality))
        said = np.isfinite(score_s)
        if said.any():
            counted_s = np.where(self._counts_at(value), score_s, _NO_RUN)
            self._runs(slot[said], score_s[said], counted_s[said])

    def result(self) -> Runs:
        """What was measured so far, with the runs that have not ended; changes nothing."""
        counts, longest_s = self._counts.copy(), np.maximum(self._longest_s, self._open_s)
        running = np.flatnonzero(self._open_s >= 0)
        counts[running, _bin(self._open_s[running])] += 1
        return Runs(counts, longest_s)

    def _counts_at(self, value: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Whether a reading meets what the rule asks of the value."""
        counts = np.ones(len(value), np.bool_)
        for one in self._fleet.only:
            counts &= _OPERATORS[one.operator](value, one.limit)
        return counts

    def _runs(self, slot: NDArray[np.int32], score_s: NDArray[np.float64], counted_s: NDArray[np.float64]) -> None:
        is_first = np.diff(slot, prepend=-1) != 0
        begin = np.flatnonzero(is_first | (score_s == 0))
        of, length_s = slot[begin], np.maximum.reduceat(counted_s, begin)
        first = np.flatnonzero(is_first[begin])
        goes_on = first[score_s[begin[first]] > 0]
        length_s[goes_on] = np.maximum(length_s[goes_on], self._open_s[of[goes_on]])
        ended = first[score_s[begin[first]] == 0]
        self._record(of[ended], self._open_s[of[ended]])
        is_last = np.append(is_first[begin][1:], True)
        self._record(of[~is_last], length_s[~is_last])
        self._open_s[of[is_last]] = length_s[is_last]

    def _record(self, slot: NDArray[np.int32], length_s: NDArray[np.float64]) -> None:
        is_run = length_s >= 0
        slot, length_s = slot[is_run], length_s[is_run]
        key, count = np.unique(slot.astype(np.int64) * _BINS + _bin(length_s), return_counts=True)
        self._counts.reshape(-1)[key] += count
        np.maximum.at(self._longest_s, slot, length_s)


_OPERATORS = {
    ">": np.greater,
    ">=": np.greater_equal,
    "<": np.less,
    "<=": np.less_equal,
    "==": np.equal,
    "!=": np.not_equal,
}


def _bin(length_s: NDArray[np.float64]) -> NDArray[np.int64]:
    """Which bin holds runs of that length; none is longer than its bin's end."""
    steps = np.log(np.maximum(length_s, _BIN_S_MIN) / _BIN_S_MIN) / np.log(BIN_RATIO)
    place = np.clip(np.ceil(steps - 1e-9), 1, _BINS - 1).astype(np.int64)
    return np.where(length_s <= 0, 0, place)


def bin_end_s(place: int) -> float:
    return float(_BIN_S_MIN * BIN_RATIO**place) if place else 0.0
