"""The step's state as arrays and one JSON text, and back; by tag, never by index, and never by pickle."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from model.alarm import Alarm
from model.errors import FengsuiError, StoreError
from model.flag import Flag
from model.inputs import PlanChange, Proposal
from model.plan import Plan
from model.state import ADDED, ADDED_FIELDS
from pipeline.process.admission import FIELDS as ADMISSION_FIELDS
from pipeline.process.assets import AssetProgram, BoundAssetDetector
from pipeline.process.binding import BoundDetector, KindProgram, settle
from pipeline.process.bound_rule import BoundRule
from pipeline.process.carry import follow_flags, keep_on
from pipeline.process.gateways import keep_silent
from pipeline.process.recent import RING_FIELDS
from pipeline.process.reorder import Waiting
from pipeline.process.step import Clock, Counts, State, begin
from pipeline.process.windows import Series
from rules.alarm_machine import AlarmMachine
from rules.flags import Flags
from rules.incidents.correlation import Kept
from rules.language import source_of
from rules.terms import Terms
from rules.timers import Waits
from store.snapshots import Snapshot

FORMAT_VERSION = 1


class _Format(msgspec.Struct):
    """Read first: the rest means what this number says."""

    format: int


class _Meta(_Format):
    """What is not an array."""

    plan: Plan
    clock: Clock
    counts: Counts
    commands: list[str]
    open_alarms: list[tuple[Alarm, bool, int]]
    episodes: list[tuple[str, str, int]]
    waiting: dict[str, list[Waiting]]
    newest_ns: dict[str, int]
    arrivals: int
    detector_versions: dict[str, int]
    flags: list[Flag] = []
    flags_begun: int = 0
    flag_waits: Waits = []
    realarm_waits: Waits = []
    stale_waits: Waits = []
    incidents: Kept = msgspec.field(default_factory=Kept)
    proposal: Proposal | None = None


def take(state: State) -> Snapshot:
    open_alarms, episodes = state.alarms.snapshot()
    flags, flags_begun, flag_waits = state.alarms.flags.snapshot()
    realarm_waits, stale_waits = state.alarms.waits()
    tags = [sensor.tag for sensor in state.bound.plan.sensors]
    meta = _Meta(
        format=FORMAT_VERSION,
        plan=state.bound.plan,
        clock=state.clock,
        counts=state.counts,
        commands=list(state.commands),
        open_alarms=open_alarms,
        episodes=episodes,
        waiting={tags[s]: heap for s, heap in state.reorder.waiting.items()},
        newest_ns={tags[s]: t for s, t in state.reorder.newest_ns.items()},
        arrivals=state.reorder.arrivals,
        detector_versions=_versions(state),
        flags=flags,
        flags_begun=flags_begun,
        flag_waits=flag_waits,
        realarm_waits=realarm_waits,
        stale_waits=stale_waits,
        incidents=state.incidents.keep(),
        proposal=state.proposal,
    )
    arrays = {name: np.array(array) for name, array in _arrays(state)}
    return Snapshot(state.next_offset, msgspec.json.encode(meta, order="deterministic"), arrays)


def restore(snapshot: Snapshot) -> State:
    """``load`` for those who do not ask what begins anew."""
    return load(snapshot)[0]


def load(snapshot: Snapshot) -> tuple[State, list[str]]:
    """Rebuild the state.

    Returns:
        the state, and which detectors and rules begin anew, because their state has changed its meaning or form since.
        As after a change of plan, alarms that are on stay on.

    Raises:
        StoreError: the snapshot is of another format, or does not fit this version in what belongs to no detector or
            rule.

    """
    meta = _read_meta(snapshot)
    try:
        state = begin(PlanChange(meta.plan, 0), snapshot.offset - 1)
    except FengsuiError as error:
        raise StoreError(f"snapshot at offset {snapshot.offset} has a plan of another version: {error}") from error
    arrays = _in_records(snapshot.arrays)
    for prefix, part in (("admission", state.admission), ("recent", state.recent)):
        if misfit := _fill(part, prefix, arrays):
            raise StoreError(f"snapshot at offset {snapshot.offset} lacks {misfit} in the shape needed")
    state.clock, state.counts = meta.clock, meta.counts
    settle(state.bound, state.clock.settled_ns)
    state.commands = dict.fromkeys(meta.commands)
    state.alarms = AlarmMachine.restore(
        meta.open_alarms,
        meta.episodes,
        terms=Terms(meta.plan.alarms, meta.plan.rules),
        flags=Flags.restore(meta.flags, meta.flags_begun, meta.flag_waits),
        waits=(meta.realarm_waits, meta.stale_waits),
    )
    state.incidents.restore(meta.incidents)
    index = state.bound.tag_index
    state.reorder.waiting = {index[tag]: heap for tag, heap in meta.waiting.items()}
    state.reorder.newest_ns = {index[tag]: t for tag, t in meta.newest_ns.items()}
    state.reorder.arrivals = meta.arrivals
    state.proposal = meta.proposal
    anew = [name for program in state.bound.programs for name in _fill_program(program, snapshot, meta)]
    if len(state.bound.others.sensors) and _fill(state.bound.others.state, "others", arrays):
        anew.append("others")
    anew += [name for program in state.bound.asset_programs for name in _fill_assets(program, snapshot, meta)]
    if state.bound.gateways.ids and _fill(state.gateways, "gateways", arrays):
        anew.append("gateways")
    if anew:
        keep_on(state.bound, state.alarms.judged_alarms())
        follow_flags(state.bound, state.alarms.flags.all(), state.clock.live_ns)
        keep_silent(state.bound.gateways, state.gateways, state.alarms.judged_alarms())
    return state, anew


def _in_records(arrays: Mapping[str, NDArray[Any]]) -> Mapping[str, NDArray[Any]]:
    """The arrays of admission and of the last readings as records, also where a version kept each field by itself."""
    if "recent/at" in arrays:
        arrays = {**arrays, "recent/rings": _records("recent", RING_FIELDS, arrays)}
    if "admission/last_ns" in arrays:
        arrays = {**arrays, "admission/sensors": _records("admission", ADMISSION_FIELDS, arrays)}
    return arrays


def _records(prefix: str, wanted: np.dtype[np.void], arrays: Mapping[str, NDArray[Any]]) -> NDArray[np.void]:
    given = {name: arrays.get(f"{prefix}/{name}") for name in wanted.names or ()}
    made = np.zeros(len(arrays[f"{prefix}/{next(iter(given))}"]), wanted)
    for name, column in given.items():
        # The first versions kept no time of receipt and no time of the last good row: the newest row stands for both.
        made[name] = arrays["admission/last_ns"] if column is None else column
    return made


def _read_meta(snapshot: Snapshot) -> _Meta:
    try:
        found = msgspec.json.decode(snapshot.meta, type=_Format).format
        if found != FORMAT_VERSION:
            raise StoreError(
                f"snapshot at offset {snapshot.offset} has format {found}; this version reads {FORMAT_VERSION}"
            )
        return msgspec.json.decode(snapshot.meta, type=_Meta)
    except msgspec.DecodeError as error:
        raise StoreError(f"snapshot at offset {snapshot.offset} does not read: {error}") from error


def _fill_program(program: KindProgram, snapshot: Snapshot, meta: _Meta) -> list[str]:
    """Give detectors and rules of a kind their state back; returns the names of those that begin anew."""
    anew = []
    fresh = set()
    for bound in program.detectors:
        name = _detector_name(program, bound)
        known = meta.detector_versions.get(f"{program.kind.id}/{bound.spec.id}")
        if known != bound.detector.state_version or _fill(bound.state, name, snapshot.arrays):
            fresh.add(bound.spec.id)
            anew.append(name)
    lost = set()
    for series in program.series:
        name = _series_name(program, series)
        if series.base in fresh or _fill(series.state, name, snapshot.arrays):
            lost |= set(series.operands)
            anew.append(name)
    if program.last.rules and _fill(program.last.state, _last_name(program), snapshot.arrays):
        anew.append(_last_name(program))
    for rule in program.rules:
        name = _rule_name(program, rule)
        from_fresh = {source_of(operand) for operand in rule.operands} & fresh or rule.operands & lost
        if from_fresh or _fill(rule.state, name, snapshot.arrays):
            anew.append(name)
        rule.state.recount()
        if rule.suppression is not None:
            name = _suppression_name(program, rule)
            anew += [name] if _fill(rule.suppression.state, name, snapshot.arrays) else []
    return anew


def _fill_assets(program: AssetProgram, snapshot: Snapshot, meta: _Meta) -> list[str]:
    """Give the assets of a kind their state back; returns the names of detectors and rules that begin anew."""
    lost = _fill(program.grid_state, program.id, snapshot.arrays)
    anew, fresh = [], set()
    for bound in program.detectors:
        known = meta.detector_versions.get(f"{program.id}/{bound.spec.id}")
        parts = [
            (part, _asset_name(program, bound, slot)) for slot, part in enumerate(bound.states) if part is not None
        ]
        misfits = [name for part, name in parts if _fill(part, name, snapshot.arrays)]
        if lost or known != bound.detector.state_version or misfits:
            fresh.add(bound.spec.id)
            anew.append(f"{program.id}/{bound.spec.id}")
    for rule in program.rules:
        name = f"{program.id}/rule/{rule.spec.id}"
        if {operand.partition(".")[0] for operand in rule.operands} & fresh or _fill(rule.state, name, snapshot.arrays):
            anew.append(name)
        rule.state.recount()
    return anew


def _fill(part: Any, prefix: str, arrays: Mapping[str, NDArray[Any]]) -> str:
    """Copy the kept arrays of one state dataclass into it, all or none; returns the name of one that does not fit."""
    pairs = []
    for item in fields(part):
        name, wanted = f"{prefix}/{item.name}", getattr(part, item.name)
        kept = arrays.get(name)
        if kept is None and ADDED in item.metadata:
            kept = arrays.get(f"{prefix}/{item.metadata[ADDED]}", wanted)
        if kept is not None and ADDED_FIELDS in item.metadata:
            kept = _with_fields(kept, wanted, item.metadata[ADDED_FIELDS])
        if kept is None or kept.shape != wanted.shape or kept.dtype != wanted.dtype:
            return name
        pairs.append((wanted, kept))
    for wanted, kept in pairs:
        wanted[...] = kept
    return ""


def _with_fields(kept: NDArray[Any], fresh: NDArray[Any], added: Sequence[str]) -> NDArray[Any]:
    """Records of an older snapshot with the fields that were added since, as they are in fresh ones."""
    names, wanted = kept.dtype.names or (), fresh.dtype.names or ()
    lacks = set(wanted) - set(names)
    fits = lacks <= set(added) and names == tuple(name for name in wanted if name not in lacks)
    if not (lacks and fits and kept.shape == fresh.shape):
        return kept
    made = fresh.copy()
    for name in names:
        made[name] = kept[name]
    return made


def _versions(state: State) -> dict[str, int]:
    return {
        f"{program.kind.id}/{bound.spec.id}": bound.detector.state_version
        for program in state.bound.programs
        for bound in program.detectors
    } | {
        f"{of_assets.id}/{one.spec.id}": one.detector.state_version
        for of_assets in state.bound.asset_programs
        for one in of_assets.detectors
    }


def _arrays(state: State) -> Iterator[tuple[str, NDArray[Any]]]:
    """Every array of the state, named by what it belongs to; axis 0 follows the plan's sensors of that kind."""
    yield from _fields("admission", state.admission)
    yield from _fields("recent", state.recent)
    if state.bound.gateways.ids:
        yield from _fields("gateways", state.gateways)
    if len(state.bound.others.sensors):
        yield from _fields("others", state.bound.others.state)
    for program in state.bound.programs:
        yield from _of_kind(program)
    for of_assets in state.bound.asset_programs:
        yield from _fields(of_assets.id, of_assets.grid_state)
        for one in of_assets.detectors:
            for slot, part in enumerate(one.states):
                if part is not None:
                    yield from _fields(_asset_name(of_assets, one, slot), part)
        for rule in of_assets.rules:
            yield from _fields(f"{of_assets.id}/rule/{rule.spec.id}", rule.state)


def _of_kind(program: KindProgram) -> Iterator[tuple[str, NDArray[Any]]]:
    for bound in program.detectors:
        yield from _fields(_detector_name(program, bound), bound.state)
    for series in program.series:
        yield from _fields(_series_name(program, series), series.state)
    if program.last.rules:
        yield from _fields(_last_name(program), program.last.state)
    for rule in program.rules:
        yield from _fields(_rule_name(program, rule), rule.state)
        if rule.suppression is not None:
            yield from _fields(_suppression_name(program, rule), rule.suppression.state)


def _asset_name(program: AssetProgram, bound: BoundAssetDetector, slot: int) -> str:
    return f"{program.id}/detector/{bound.spec.id}/{program.names[slot]}"


def _detector_name(program: KindProgram, bound: BoundDetector) -> str:
    return f"{program.kind.id}/detector/{bound.spec.id}"


def _suppression_name(program: KindProgram, rule: BoundRule) -> str:
    return f"{program.kind.id}/suppression/{rule.spec.id}"


def _last_name(program: KindProgram) -> str:
    return f"{program.kind.id}/last"


def _series_name(program: KindProgram, series: Series) -> str:
    return f"{program.kind.id}/windows/{series.base}"


def _rule_name(program: KindProgram, rule: BoundRule) -> str:
    return f"{program.kind.id}/rule/{rule.spec.id}"


def _fields(prefix: str, part: Any) -> Iterator[tuple[str, NDArray[Any]]]:
    for item in fields(part):
        yield f"{prefix}/{item.name}", getattr(part, item.name)
