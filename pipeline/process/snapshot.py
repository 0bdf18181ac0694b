"""The step's state as arrays and one JSON text, and back; by tag, never by index, and never by pickle."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import fields
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from model.alarm import Alarm
from model.errors import FengsuiError, StoreError
from model.inputs import PlanChange
from model.plan import Plan
from pipeline.process.recent import RING_FIELDS, rings_of
from pipeline.process.reorder import Waiting
from pipeline.process.step import Clock, Counts, State, begin
from rules.alarm_machine import AlarmMachine
from store.snapshots import Snapshot

FORMAT_VERSION = 1


class _Meta(msgspec.Struct):
    """What is not an array."""

    format: int
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


def take(state: State) -> Snapshot:
    open_alarms, episodes = state.alarms.snapshot()
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
    )
    arrays = {name: np.array(array) for name, array in _arrays(state)}
    return Snapshot(state.next_offset, msgspec.json.encode(meta, order="deterministic"), arrays)


def restore(snapshot: Snapshot) -> State:
    """Rebuild the state.

    Raises:
        StoreError: the snapshot is of another format, or a detector's state has changed its meaning since. The
            journal is then replayed from its beginning.

    """
    try:
        meta = msgspec.json.decode(snapshot.meta, type=_Meta)
    except msgspec.DecodeError as error:
        raise StoreError(f"snapshot at offset {snapshot.offset} does not read: {error}") from error
    try:
        state = begin(PlanChange(meta.plan, 0), snapshot.offset - 1)
    except FengsuiError as error:
        raise StoreError(f"snapshot at offset {snapshot.offset} has a plan of another version: {error}") from error
    if meta.format != FORMAT_VERSION or meta.detector_versions != _versions(state):
        raise StoreError(f"snapshot at offset {snapshot.offset} was made by another version")
    arrays = _with_rings(snapshot.arrays)
    for name, array in _arrays(state):
        kept = arrays.get(name)
        if kept is None or kept.shape != array.shape or kept.dtype != array.dtype:
            raise StoreError(f"snapshot at offset {snapshot.offset} lacks {name} in the shape needed")
        array[...] = kept
    for program in state.bound.programs:
        for rule in program.rules:
            rule.state.recount()
    state.clock, state.counts = meta.clock, meta.counts
    state.commands = dict.fromkeys(meta.commands)
    state.alarms = AlarmMachine.restore(meta.open_alarms, meta.episodes)
    index = state.bound.tag_index
    state.reorder.waiting = {index[tag]: heap for tag, heap in meta.waiting.items()}
    state.reorder.newest_ns = {index[tag]: t for tag, t in meta.newest_ns.items()}
    state.reorder.arrivals = meta.arrivals
    return state


def _with_rings(arrays: Mapping[str, NDArray[Any]]) -> Mapping[str, NDArray[Any]]:
    """The arrays with the last readings as records, also where an earlier version kept them in three arrays."""
    if "recent/at" not in arrays:
        return arrays
    return {**arrays, "recent/rings": rings_of({name: arrays[f"recent/{name}"] for name in RING_FIELDS.names or ()})}


def _versions(state: State) -> dict[str, int]:
    return {
        f"{program.kind.id}/{bound.spec.id}": bound.detector.state_version
        for program in state.bound.programs
        for bound in program.detectors
    }


def _arrays(state: State) -> Iterator[tuple[str, NDArray[Any]]]:
    """Every array of the state, named by what it belongs to; axis 0 follows the plan's sensors of that kind."""
    yield from _fields("admission", state.admission)
    yield from _fields("recent", state.recent)
    for program in state.bound.programs:
        for bound in program.detectors:
            yield from _fields(f"{program.kind.id}/detector/{bound.spec.id}", bound.state)
        for rule in program.rules:
            yield from _fields(f"{program.kind.id}/rule/{rule.spec.id}", rule.state)


def _fields(prefix: str, part: Any) -> Iterator[tuple[str, NDArray[Any]]]:
    for item in fields(part):
        yield f"{prefix}/{item.name}", getattr(part, item.name)
