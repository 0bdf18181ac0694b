"""A plan made ready to run: for every kind its sensors, detectors and rules, with their state.

Sensors of one kind are numbered by slot; detectors and rules see slots only, so that one cannot touch what
belongs to another kind.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from detectors import AnyDetector
from detectors.general.silence import Silence
from detectors.parameters import build
from model.detector import Explaining, Learning, LowerBounding, SensorGroup
from model.plan import DetectorSpec, Plan
from model.sensor import Kind
from model.standing import CALIBRATION_OVERDUE, standing_units
from pipeline.process.assets import AssetProgram, bind_assets, confirmed
from pipeline.process.bound_rule import BoundRule, bind_rule, damping_of
from pipeline.process.calendar import Calendar
from pipeline.process.change import About
from pipeline.process.explain import Doubles
from pipeline.process.gateways import Gateways, bind_gateways
from pipeline.process.last import Last, LastState
from pipeline.process.others import Others, bind_others
from pipeline.process.standing import Standing
from pipeline.process.suppression import Suppression
from pipeline.process.windows import NO_GAP_NS, Series
from rules.grading import NEVER
from rules.language import base_of, call_of, comparisons
from rules.operands import CALENDAR, Call, is_of_others
from rules.possible import Possible
from rules.selection import Selection
from rules.variants import settings_of
from rules.words import words_of

#: A reading older than this at receipt is news about the past; three scan periods where those are longer.
OFFLINE_S = 60.0
#: An off-delay runs through no longer pause between two good readings; three scan periods where those are longer.
PAUSE_S = 5.0
FOREVER = np.iinfo(np.int64).max
NEVER_SETTLED = (FOREVER, FOREVER)


@dataclass(slots=True)
class BoundDetector:
    """A detector on the sensors of one kind; ``state`` is the detector's own dataclass of arrays."""

    spec: DetectorSpec
    detector: AnyDetector
    state: Any


@dataclass(slots=True)
class KindProgram:
    """All that happens to readings of one kind.

    Attributes:
        sensors: int32 [m], index into the plan's sensors, by slot.
        silences: ids of the detectors that score silence.
        explaining: the detectors that a rule names and that explain their scores.
        series: the windows that rules name, on the value and on scores.

    """

    kind: Kind
    sensors: NDArray[np.int32]
    group: SensorGroup
    detectors: list[BoundDetector]
    rules: list[BoundRule]
    possible: Possible  # of the tests of all rules on readings, one after the other
    silences: frozenset[str]
    explaining: tuple[BoundDetector, ...]
    doubles: Doubles
    standing: Standing
    series: tuple[Series, ...]
    calendar: tuple[str, ...]  # operands on the time that rules name
    last: Last

    def silence_s_min(self) -> float:
        """Shortest limit of a rule on silence; inf where there is none."""
        found = (c for rule in self.rules for test in rule.tests for c in comparisons(test.condition))
        return min((c.limit for c in found if c.operand in self.silences), default=np.inf)


@dataclass(slots=True)
class Bound:
    """The plan, ready to run.

    Attributes:
        program_of: int16 [n], which program a sensor belongs to.
        slot_of: int32 [n], its slot there.
        offline_ns: int64 [n], age at receipt from which its readings are news about the past.
        pause_ns: int64 [n], longest time between two good readings through which an off-delay runs.
        lateness_ns: only the sensors that have one.

    """

    plan: Plan
    programs: list[KindProgram]
    program_of: NDArray[np.int16]
    slot_of: NDArray[np.int32]
    offline_ns: NDArray[np.int64]
    pause_ns: NDArray[np.int64]
    lateness_ns: dict[int, int]
    tag_index: dict[str, int]
    asset_programs: list[AssetProgram]
    gateways: Gateways
    others: Others
    calendar: Calendar
    settled: tuple[int, int]  # wall time from which, and until which, the overrides that count are the same
    looks_again: bool = (
        True  # other settings count than before: what sensors said that send no second reading meets them
    )

    def about(self, program: KindProgram, slot: int) -> About:
        """The sensor that a slot of a program stands for."""
        index = int(program.sensors[slot])
        sensor = self.plan.sensors[index]
        return About(sensor.tag, sensor.asset, program.kind.unit, int(self.offline_ns[index]), (index,))

    def judge_of(self, rule: str, tag: str) -> tuple[BoundRule, int] | None:
        """The rule and the slot in it of the sensor or asset; None where the rule does not look at such a one."""
        for program in self.asset_programs:
            own = next((bound for bound in program.rules if bound.spec.id == rule), None)
            if own is not None and tag in program.names:
                return own, program.names.index(tag)
        index = self.tag_index.get(tag)
        if index is None:
            return None
        rules = self.programs[self.program_of[index]].rules
        found = next((bound for bound in rules if bound.spec.id == rule), None)
        return None if found is None else (found, int(self.slot_of[index]))

    def suppressions(self) -> Iterator[Suppression]:
        for program in self.programs:
            for rule in program.rules:
                if rule.suppression is not None:
                    yield rule.suppression

    def suppression_of(self, rule: str, tag: str) -> tuple[Suppression, int] | None:
        """What suppresses the rule's alarms, and the sensor's slot in it."""
        found = self.judge_of(rule, tag)
        return None if found is None or found[0].suppression is None else (found[0].suppression, found[1])

    def keeps_on(self, rule: str, tag: str) -> bool:
        """Whether a grade of the rule is on for the sensor, so that readings can still end its alarm."""
        found = self.judge_of(rule, tag)
        return found is not None and bool(found[0].state.level[found[1]] > 0)


def bind(plan: Plan, wall_ns: int = 0) -> Bound:
    """Make a plan ready, with fresh state.

    Args:
        plan: as configured.
        wall_ns: time as of which its overrides count.

    """
    kind_index = {kind.id: index for index, kind in enumerate(plan.kinds)}
    program_of = np.array([kind_index[sensor.kind] for sensor in plan.sensors], np.int16)
    slot_of = np.zeros(len(plan.sensors), np.int32)
    programs = []
    periods = np.array([_period_s(plan, plan.kinds[p], i) for i, p in enumerate(program_of)], np.float64)
    pause_ns = (np.maximum(PAUSE_S, 3 * periods) * 1e9).astype(np.int64)
    for index, kind in enumerate(plan.kinds):
        sensors = np.flatnonzero(program_of == index).astype(np.int32)
        slot_of[sensors] = np.arange(len(sensors), dtype=np.int32)
        gapless_ns = np.full(len(plan.sensors), NO_GAP_NS) if kind.on_change else pause_ns
        programs.append(_program(plan, kind, sensors, gapless_ns))
    lateness = {i: int(programs[p].kind.lateness_s * 1e9) for i, p in enumerate(program_of)}
    offline_ns = (np.maximum(OFFLINE_S, 3 * periods) * 1e9).astype(np.int64)
    asset_programs = bind_assets(plan, periods, offline_ns)
    _let_rules_yield(plan, programs, asset_programs)
    gateways = bind_gateways(
        plan.sensors,
        periods,
        np.array([not programs[p].kind.on_change for p in program_of], np.bool_),
        np.array([program.silence_s_min() for program in programs])[program_of],
    )
    for program in programs:
        _look_beside(program, offline_ns, gateways)
    bound = Bound(
        plan=plan,
        programs=programs,
        program_of=program_of,
        slot_of=slot_of,
        offline_ns=offline_ns,
        pause_ns=pause_ns,
        lateness_ns={i: late for i, late in lateness.items() if late > 0},
        tag_index={sensor.tag: i for i, sensor in enumerate(plan.sensors)},
        asset_programs=asset_programs,
        gateways=gateways,
        others=bind_others(
            plan,
            [sorted(_on_others(program)) for program in programs],
            offline_ns,
            [program.sensors for program in programs],
            gateways.of,
        ),
        calendar=Calendar.of(plan),
        settled=NEVER_SETTLED,
    )
    settle(bound, wall_ns)
    return bound


def settle(bound: Bound, wall_ns: int) -> None:
    """Let those overrides count that do at a time; where none begins or ends, nothing is done."""
    if bound.settled[0] <= wall_ns < bound.settled[1]:
        return
    plan = bound.plan
    bound.looks_again = True
    spans = [override.span_ns() for override in plan.overrides]
    moments = [moment for span in spans for moment in span if moment is not None]
    bound.settled = (
        max((moment for moment in moments if moment <= wall_ns), default=NEVER),
        min((moment for moment in moments if moment > wall_ns), default=FOREVER),
    )
    counting = [override for override in plan.overrides if override.in_force(wall_ns)]
    selection = Selection(plan)
    of_rule = {rule.id: settings_of(rule, counting, selection) for rule in plan.rules}
    for of_assets in bound.asset_programs:
        for rule in of_assets.rules:
            rule.settle(of_rule[rule.spec.id], of_assets.assets)
    for program in bound.programs:
        moved = [rule for rule in program.rules if of_rule[rule.spec.id] is not None or rule.own is not None]
        for rule in moved:
            rule.settle(of_rule[rule.spec.id], program.sensors)
        if moved:
            program.possible = _possible(program.rules)


def _possible(rules: Sequence[BoundRule]) -> Possible:
    own = [rule for rule in rules if not rule.is_standing]
    return Possible(
        [test.condition for rule in own for test in rule.tests],
        sorted(frozenset[str]().union(*(rule.operands for rule in own))),
        [span for rule in own for span in rule.spans()],
    )


def _on_others(program: KindProgram) -> set[str]:
    named = frozenset[str]().union(*(rule.named_at_all for rule in program.rules))
    return {name for name in named if is_of_others(base_of(name))}


def _look_beside(program: KindProgram, offline_ns: NDArray[np.int64], gateways: Gateways) -> None:
    """Keep what the rules that are judged between its readings need of the sensor itself."""
    lasts = program.kind.on_change
    rules = tuple(rule for rule in program.rules if rule.looks_beside or (lasts and not rule.is_standing))
    named = frozenset[str]().union(*(rule.named_at_all for rule in rules)) - CALENDAR - _on_others(program)
    program.last = Last(
        operands=tuple(sorted(named)),
        rules=rules,
        stale_ns=np.full(len(program.sensors), NO_GAP_NS) if lasts else offline_ns[program.sensors],
        carrier=gateways.of[program.sensors] if lasts else np.full(len(program.sensors), -1, np.int32),
        state=LastState.fresh(len(program.sensors) if rules else 0, len(named)),
    )


def _let_rules_yield(plan: Plan, programs: list[KindProgram], asset_programs: list[AssetProgram]) -> None:
    """Tell rules which of their sensors a detector on the whole asset judges instead."""
    for detectors in {rule.yields_to for rule in plan.rules if rule.yields_to}:
        of_assets = confirmed(asset_programs, plan, detectors)
        for program in programs:
            for rule in program.rules:
                if rule.spec.yields_to == detectors:
                    rule.yields = of_assets[program.sensors]


def _period_s(plan: Plan, kind: Kind, sensor: int) -> float:
    own = plan.sensors[sensor].period_s
    return kind.period_s if own is None else own


def _program(plan: Plan, kind: Kind, sensors: NDArray[np.int32], pause_ns: NDArray[np.int64]) -> KindProgram:
    group = SensorGroup(
        tuple(plan.sensors[i].tag for i in sensors),
        np.array([_period_s(plan, kind, int(i)) for i in sensors], np.float64),
    )
    detectors = []
    for spec in plan.detectors:
        if kind.id in spec.kinds and not spec.assets:
            detector = build(spec.detector, spec.parameters)
            detectors.append(BoundDetector(spec, detector, detector.init(group)))
    scores = {bound.spec.id: bound.detector.score_unit(kind.unit) for bound in detectors}
    learning = (bound.spec.id for bound in detectors if isinstance(bound.detector, Learning))
    standing = {CALIBRATION_OVERDUE: ""} | {
        name: unit for id_ in learning for name, unit in standing_units(id_).items()
    }
    words = words_of(kind, plan.kinds, scores | standing)
    lower_bounds = {
        bound.spec.id: partial(bound.detector.is_lower_bound, bound.state)
        for bound in detectors
        if isinstance(bound.detector, LowerBounding)
    }
    rules = [
        bind_rule(
            spec,
            order,
            words,
            lower_bounds,
            len(sensors),
            damping_of(spec, plan.alarms.chatter, on_change=kind.on_change),
        )
        for order, spec in enumerate(plan.rules)
        if kind.id in spec.kinds
    ]
    silences = frozenset(bound.spec.id for bound in detectors if isinstance(bound.detector, Silence))
    named = frozenset[str]().union(*(rule.named_at_all for rule in rules))
    own = [plan.sensors[i] for i in sensors]
    explaining = [one for one in detectors if isinstance(one.detector, Explaining) and one.spec.id in named]
    doubles = Doubles.of(len(sensors))
    return KindProgram(
        kind,
        sensors,
        group,
        detectors,
        rules,
        _possible(rules),
        silences,
        tuple(explaining),
        doubles,
        Standing.of(named, detectors, own),
        _series(named, group.period_s, pause_ns[sensors]),
        tuple(sorted(named & CALENDAR)),
        Last.none(),
    )


def _series(named: frozenset[str], period_s: NDArray[np.float64], pause_ns: NDArray[np.int64]) -> tuple[Series, ...]:
    """The windows on a sensor's own readings that rules name."""
    calls: dict[str, list[Call]] = {}
    for name in sorted(named):
        call = call_of(name)
        if call is not None and not is_of_others(call.base):
            calls.setdefault(call.base, []).append(call)
    return tuple(Series.of(base, own, period_s, pause_ns) for base, own in calls.items())
