"""Whole assets: their detectors on a grid of event time, and the rules on what those find."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from detectors.parameters import build_for_assets
from model.batch import GOOD, UNCERTAIN, Batch
from model.detector import (
    CONTRIBUTOR,
    MOST,
    AssetDetector,
    AssetInput,
    AssetView,
    Columns,
    Confirming,
    operand,
    operand_units,
)
from model.inputs import Tick
from model.plan import DetectorSpec, Plan
from model.sensor import Asset, Kind
from pipeline.process.bound_rule import BoundRule, bind_rule, damping_of
from pipeline.process.change import About, Facts, LevelChange, changes_of, known
from pipeline.process.explain import explained_by_columns
from pipeline.process.grid import RING, Grid, GridState, Instants, instants
from rules.grading import NEVER, grade_rows, grade_time
from rules.language import operands, parse
from rules.words import Words

#: An asset is not held up by a sensor that lags for longer than this, nor by more scans of its slowest one.
PATIENCE_S = 2.0
PATIENCE_PERIODS = 2.0
#: A value stands for its sensor for so many scan periods.
STALE_PERIODS = 3.0
STALE_S_MIN = 5.0


@dataclass(slots=True)
class BoundAssetDetector:
    """A detector on the assets of one program; ``inputs`` and ``states`` are None where it does not fit the asset.

    Attributes:
        inputs: of each asset the columns of the grid's values that it looks at, intp [i].

    """

    spec: DetectorSpec
    detector: AssetDetector[Any]
    units: dict[str, str]  # of the columns of its scores
    views: list[AssetView]
    inputs: list[NDArray[np.intp] | None]
    states: list[Any]


@dataclass(slots=True)
class AssetProgram:
    """All that happens to the assets of one kind on one grid.

    Attributes:
        assets: int32 [a], index into the plan's assets, by slot.
        input_of: int32 [sensors], the grid's input of a sensor; -1 = none.
        offline_ns: int64 [a], age at receipt from which news is of the past.

    """

    kind: str
    every_s: float
    names: list[str]
    views: list[AssetView]
    assets: NDArray[np.int32]
    input_of: NDArray[np.int32]
    grid: Grid
    grid_state: GridState
    detectors: list[BoundAssetDetector]
    rules: list[BoundRule]
    offline_ns: NDArray[np.int64]

    @property
    def id(self) -> str:
        return f"{self.kind}@{self.every_s:g}s"

    def inputs_of(self, slot: int) -> list[int]:
        """Of one asset, in the grid."""
        return list(range(int(self.grid.first_input[slot]), int(self.grid.first_input[slot + 1])))

    def about(self, slot: int) -> About:
        return About(self.names[slot], self.names[slot], "", int(self.offline_ns[slot]), ())


def bind_assets(plan: Plan, periods_s: NDArray[np.float64], offline_ns: NDArray[np.int64]) -> list[AssetProgram]:
    """Make the programs of a plan, with fresh state.

    Args:
        plan: as configured.
        periods_s: float64 [n], scan period of each sensor.
        offline_ns: int64 [n], of each sensor.

    """
    made = []
    built = [(spec, build_for_assets(spec.detector, spec.parameters)) for spec in plan.detectors if spec.assets]
    for kind in dict.fromkeys(kind for spec, _ in built for kind in spec.assets):
        own = [(spec, detector) for spec, detector in built if kind in spec.assets]
        for every_s in dict.fromkeys(detector.every_s for _, detector in own):
            together = [(spec, detector) for spec, detector in own if detector.every_s == every_s]
            made.append(_program(plan, kind, every_s, together, periods_s, offline_ns))
    return made


def _program(
    plan: Plan,
    kind: str,
    every_s: float,
    built: Sequence[tuple[DetectorSpec, AssetDetector[Any]]],
    periods_s: NDArray[np.float64],
    offline_ns: NDArray[np.int64],
) -> AssetProgram:
    kinds = {name for spec, _ in built for name in spec.kinds}
    assets = [at for at, asset in enumerate(plan.assets) if asset.kind == kind]
    slot_of = {plan.assets[at].id: slot for slot, at in enumerate(assets)}
    sensors: list[list[int]] = [[] for _ in slot_of]
    for index, sensor in enumerate(plan.sensors):
        if sensor.kind in kinds and sensor.asset in slot_of:
            sensors[slot_of[sensor.asset]].append(index)
    for of_asset in sensors:
        of_asset.sort(key=lambda index: _place(plan, index))
    flat = [index for of_asset in sensors for index in of_asset]
    input_of = np.full(len(plan.sensors), -1, np.int32)
    input_of[flat] = np.arange(len(flat), dtype=np.int32)
    measured = {kind.id: kind for kind in plan.kinds}
    views = [_view(plan, plan.assets[at], own, measured, periods_s) for at, own in zip(assets, sensors, strict=True)]
    detectors = [_bound(spec, detector, _unit(plan, spec), views) for spec, detector in built]
    units = {name: unit for bound in detectors for name, unit in operand_units(bound.spec.id, bound.units).items()}
    rules = [
        bind_rule(spec, order, Words(units, {}), {}, len(slot_of), damping_of(spec, plan.alarms.chatter))
        for order, spec in enumerate(plan.rules)
        if kind in spec.assets and {name for g in spec.grades for name in operands(parse(g.when))} <= units.keys()
    ]
    return AssetProgram(
        kind=kind,
        every_s=every_s,
        names=list(slot_of),
        views=views,
        assets=np.array(assets, np.int32),
        input_of=input_of,
        grid=_grid(every_s, sensors, periods_s),
        grid_state=GridState.fresh(len(flat)),
        detectors=detectors,
        rules=rules,
        offline_ns=np.array([max((int(offline_ns[i]) for i in own), default=0) for own in sensors], np.int64),
    )


def _place(plan: Plan, index: int) -> tuple[float, str]:
    sensor = plan.sensors[index]
    return (np.inf if sensor.position.along_m is None else sensor.position.along_m, sensor.tag)


def _view(
    plan: Plan, asset: Asset, sensors: Sequence[int], kinds: Mapping[str, Kind], periods_s: NDArray[np.float64]
) -> AssetView:
    inputs = [
        AssetInput(one.tag, one.kind, kinds[one.kind].unit, one.position, float(periods_s[index]))
        for index, one in ((index, plan.sensors[index]) for index in sensors)
    ]
    return AssetView(asset.id, asset.attributes, tuple(inputs))


def confirmed(programs: Sequence[AssetProgram], plan: Plan, detectors: Sequence[str]) -> NDArray[np.bool_]:
    """Which sensors detectors on assets can confirm by the others of their asset: bool [sensors]."""
    own: set[str] = set()
    for bound in (bound for program in programs for bound in program.detectors if bound.spec.id in detectors):
        if isinstance(bound.detector, Confirming):
            for view, inputs in zip(bound.views, bound.inputs, strict=True):
                if inputs is not None:
                    own |= {one.tag for one in view.inputs if bound.detector.confirms(view, one.kind)}
    return np.array([sensor.tag in own for sensor in plan.sensors], np.bool_)


def _unit(plan: Plan, spec: DetectorSpec) -> str:
    """The unit that all its sensors measure in; empty = there are several."""
    units = {kind.unit for kind in plan.kinds if kind.id in spec.kinds}
    return units.pop() if len(units) == 1 else ""


def _bound(
    spec: DetectorSpec, detector: AssetDetector[Any], unit: str, views: Sequence[AssetView]
) -> BoundAssetDetector:
    own: list[AssetView] = []
    inputs: list[NDArray[np.intp] | None] = []
    states: list[Any] = []
    for view in views:
        columns = [at for at, one in enumerate(view.inputs) if one.kind in spec.kinds]
        part = AssetView(view.id, view.attributes, tuple(view.inputs[at] for at in columns))
        fits = bool(columns) and detector.fits(part)
        own.append(part)
        inputs.append(np.array(columns, np.intp) if fits else None)
        states.append(detector.init(part) if fits else None)
    return BoundAssetDetector(spec, detector, detector.units(unit), own, inputs, states)


def _grid(every_s: float, sensors: Sequence[Sequence[int]], periods_s: NDArray[np.float64]) -> Grid:
    flat = [index for own in sensors for index in own]
    slowest_s = float(periods_s[flat].max(initial=0.0)) if flat else 0.0
    patience = round(max(PATIENCE_S, PATIENCE_PERIODS * slowest_s) / every_s)
    counts = [len(own) for own in sensors]
    return Grid(
        every_ns=round(every_s * 1e9),
        patience=min(max(patience, 1), RING - 2),
        pause_ns=round(STALE_PERIODS * max(every_s, slowest_s, STALE_S_MIN / STALE_PERIODS) * 1e9),
        first_input=np.concatenate([[0], np.cumsum(counts)]).astype(np.int32),
        asset_of=np.repeat(np.arange(len(counts)), counts).astype(np.int32),
        stale_ns=(np.maximum(STALE_S_MIN, STALE_PERIODS * periods_s[flat]) * 1e9).astype(np.int64),
    )


def judge_assets(programs: Sequence[AssetProgram], rows: Batch, fresh: NDArray[np.bool_]) -> list[LevelChange]:
    """Judge the instants that rows bring; ``row`` of a change is the row that brought its instant.

    Args:
        programs: changed in place.
        rows: admitted.
        fresh: bool [n], the others are late and say nothing about a whole asset.

    """
    changes: list[LevelChange] = []
    for program in programs:
        source = program.input_of[rows.sensor]
        some = np.flatnonzero((source >= 0) & fresh)
        if not len(some):
            continue
        # A clock that runs ahead must not carry the asset away from its other sensors.
        time_ns = np.minimum(rows.time_ns[some], rows.received_ns[some])
        taken = source[some], time_ns, rows.value[some], rows.quality[some]
        for reached in instants(program.grid, program.grid_state, *taken):
            changes.extend(_judge(program, reached, some))
    return changes


def judge_assets_over_time(programs: Sequence[AssetProgram], tick: Tick) -> list[LevelChange]:
    """What is pending for its on-delay while no sensor speaks. Time alone never clears an alarm."""
    changes: list[LevelChange] = []
    for program in programs:
        for rule in program.rules:
            due = grade_time(rule.state, rule.delays, tick.elapsed_ns, damping=rule.damping)
            if len(due.row):
                slots = np.arange(len(program.names), dtype=np.int32)
                by_time = np.full(len(slots), -1)
                changes.extend(changes_of(rule, program.about, due, {}, slots, by_time, lambda _: Facts({}, {})))
    return changes


def _judge(program: AssetProgram, reached: Instants, some: NDArray[np.intp]) -> Iterator[LevelChange]:
    columns, most = _scores(program, reached)
    quality = np.where(reached.doubtful, UNCERTAIN, GOOD).astype(np.uint8)
    for rule in program.rules:
        # What some sensors say counts only where the silent ones could not make it otherwise.
        tests = rule.tests_at(reached.asset)
        evidence = np.stack([test.evidence(columns, quality, most) for test in tests], axis=1)
        moved = grade_rows(
            rule.state,
            rule.delays,
            reached.asset,
            reached.time_ns,
            evidence,
            NEVER,
            paused=reached.paused,
            damping=rule.damping,
        )
        if len(moved.row):
            facts = partial(_facts, program, rule, reached, columns)
            yield from changes_of(rule, program.about, moved, {}, reached.asset, some[reached.row], facts)


def _facts(program: AssetProgram, rule: BoundRule, reached: Instants, columns: Columns, at: int) -> Facts:
    """All that the rule's detectors found there, and what each of their sensors said."""
    named = {name.partition(".")[0] for name in rule.operands}
    facts = known(columns, [name for name in columns if name.partition(".")[0] in named], at)
    slot, told = int(reached.asset[at]), {}
    for bound in program.detectors:
        inputs = bound.inputs[slot]
        if bound.spec.id in named and inputs is not None:
            said = zip((one.tag for one in bound.views[slot].inputs), reached.value[at][inputs].tolist(), strict=True)
            facts |= {tag: value for tag, value in said if not np.isnan(value)}
            told[bound.spec.id] = explained_by_columns(bound, columns, at, bound.views[slot], int(reached.time_ns[at]))
            facts = _named(facts, operand(bound.spec.id, CONTRIBUTOR), bound.views[slot])
    return Facts(facts, told)


def _named(facts: dict[str, float], column: str, asset: AssetView) -> dict[str, float]:
    """The foremost sensor by its tag, where the detector says which it is."""
    if column not in facts:
        return facts
    place = int(facts[column]) - 1
    return {name: value for name, value in facts.items() if name != column} | {
        f"{column} {asset.inputs[place].tag}": facts[column]
    }


def _scores(program: AssetProgram, reached: Instants) -> tuple[Columns, Columns]:
    """The operands of the program's rules at each instant, and of those that are lower bounds the most there can be."""
    columns: Columns = {}
    of_assets = _by_asset(reached.asset)
    for bound in program.detectors:
        found = {name: np.full(len(reached.asset), np.nan) for name in bound.units}
        for at in of_assets:
            slot = int(reached.asset[at[0]])
            inputs = bound.inputs[slot]
            if inputs is not None:
                value = np.ascontiguousarray(reached.value[at][:, inputs])
                scored = bound.detector.update(bound.states[slot], bound.views[slot], reached.time_ns[at], value)
                for name, column in scored.items():
                    found[name][at] = column
        columns |= {operand(bound.spec.id, name): column for name, column in found.items()}
    ids = [bound.spec.id for bound in program.detectors if MOST in bound.units]
    return columns, {name: columns.pop(operand(name, MOST)) for name in ids}


def _by_asset(asset: NDArray[np.int32]) -> list[NDArray[np.intp]]:
    """Where each asset stands, in order."""
    order = np.argsort(asset, kind="stable")
    return np.split(order, np.flatnonzero(np.diff(asset[order])) + 1)
