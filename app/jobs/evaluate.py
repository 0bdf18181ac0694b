"""``fengsui evaluate``: recordings through the product's own path, out as a list of alarms that somebody can judge.

Source, decoder, intake, journal, ``step``, rules and store are those of ``fengsui run``; only the broker is left out.
Which pack judges follows from the names of the channels, through the channel maps that come with the packs.
"""

from __future__ import annotations

import csv
import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatch
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from app.configured import Paths
from app.jobs import recorded_registry
from config.packs import folder_of, shipped
from config.plan import plan_over
from connectors import replay
from connectors.channel_map import ChannelMap, Training, load_channel_map
from connectors.formats.columns import SHANGHAI
from connectors.recording import Recording, channels_of, load_recording
from model.alarm import AlarmEvent, Grade, Transition
from model.errors import FengsuiError
from model.plan import Plan
from pipeline.metrics import PipelineMetrics
from pipeline.runners.clock import SystemClock
from pipeline.runners.embedded import EmbeddedRunner
from store.journal.writer import Journal
from store.pipeline_reader import PipelineReader
from store.pipeline_store import PipelineStore

#: Columns of the list of alarms. The last ones stand where a detector on the asset has found a place.
PLACES = ("position_m", "position_error_m", "x_m", "y_m", "lat", "lon")
COLUMNS = ("series", "sensor", "start", "end", "grade", "rule", *PLACES)

#: Times before this are moved on by whole weeks, for a device time before 2000 counts as a wrong clock.
_OLDEST_NS = int(np.datetime64("2001-01-01", "ns").astype(np.int64))
_MOVED_NS = 1044 * 7 * 86_400 * 10**9
_GROUP = 500  # readings a message
_POLL_S = 0.05
_PAUSE_STEPS = 10  # between training and series, so that no detector takes them for one stretch

Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Family:
    """What recordings are judged by.

    Attributes:
        pack: its name, or its folder.
        channels: file of the channel map.

    """

    pack: str
    channels: Path


class Found(NamedTuple):
    """One alarm of a recording, in the recording's own time.

    Attributes:
        sensor: channel; empty for an alarm of the whole asset.
        place: by the names of ``PLACES``.

    """

    series: str
    sensor: str
    start_ns: int
    end_ns: int
    grade: Grade
    rule: str
    place: dict[str, float]


@dataclass(frozen=True, slots=True)
class Evaluation:
    """What came of it.

    Attributes:
        found: alarms about what is measured, by time.
        diagnostic: alarms about the instruments, which are not listed.
        unmapped: channels without a rule in the channel map.

    """

    family: Family
    readings: int
    found: tuple[Found, ...]
    diagnostic: int
    unmapped: tuple[str, ...]
    bad_rows: int


def families(pack: str, base: Path) -> list[Family]:
    """The channel maps of a pack, or of all shipped ones."""
    names = [pack] if pack else shipped()
    return [
        Family(name, file) for name in names for file in sorted((folder_of(name, base) / "recordings").glob("*.yaml"))
    ]


def family_of(path: Path, pack: str, channels: Path | None, base: Path) -> Family:
    """By what a recording is judged: as somebody says, or what fits it.

    Args:
        path: the recording.
        pack: name or folder; empty = any of the shipped ones.
        channels: channel map; None = one of the pack's.
        base: folder that the name of a pack's folder starts from.

    Raises:
        FengsuiError: nothing fits, or a channel map is named without its pack.

    """
    if channels is None:
        return fitting(path, families(pack, base))
    if not pack:
        raise FengsuiError(f"--map {channels}: must be given together with --pack, got none")
    return Family(pack, channels)


def fitting(path: Path, candidates: Sequence[Family]) -> Family:
    """The family whose channel map knows most of the recording's channels.

    Raises:
        FengsuiError: none knows half of them, or two know as many.

    """
    channels = channels_of(path)
    share = {one: _share_known(load_channel_map(one.channels), channels) for one in candidates}
    best = max(share.values(), default=0.0)
    winners = [one for one in candidates if share[one] == best]
    if best < 0.5:
        raise FengsuiError(
            f"{path}: a channel map must know most of its channels, got none for {channels[:8]}; "
            "name one with --map, or the pack that has it with --pack"
        )
    if len(winners) > 1:
        names = ", ".join(f"{one.pack} ({one.channels.name})" for one in winners)
        raise FengsuiError(f"{path}: one channel map must fit best, got {names}; choose with --map or --pack")
    return winners[0]


def evaluate(path: Path, family: Family, base: Path, progress: Progress) -> Evaluation:
    """Play a folder of series through a system of its own.

    Args:
        path: folder laid out as recordings are; labels in it are not read.
        family: pack and channel map.
        base: folder that the name of a pack's folder starts from.
        progress: called with readings taken in and readings in all.

    Raises:
        FengsuiError: the recording cannot be read or does not fit.

    """
    ready = prepared(path, family)
    recording, shift_ns = ready.recording, ready.shift_ns
    with tempfile.TemporaryDirectory(prefix="fengsui-evaluate-") as folder:
        plan = plan_of(family, base, recording)
        settings = replay.Settings(path=path, map=family.channels, speed=0, group=_GROUP)
        events = _play(plan, recording, settings, Path(folder), progress)
    diagnostic = {rule.id for rule in plan.rules if rule.diagnostic}
    begins_ns = {name: begin_ns for name, (begin_ns, _) in ready.spans_ns.items()}
    alarms = list(alarms_of(events, recording, {name: end for name, (_, end) in ready.spans_ns.items()}, shift_ns))
    found = [one for one in alarms if one.rule not in diagnostic and one.end_ns >= begins_ns[one.series]]
    clipped = [one._replace(start_ns=max(one.start_ns, begins_ns[one.series])) for one in found]
    return Evaluation(
        family,
        ready.readings,
        tuple(sorted(clipped, key=lambda one: (one.series, one.start_ns, one.sensor))),
        sum(one.rule in diagnostic for one in alarms),
        recording.unmapped,
        recording.bad_rows.count,
    )


@dataclass(frozen=True, slots=True)
class Prepared:
    """A recording as it is played.

    Attributes:
        recording: each series with its training rows before it, all moved on in time.
        shift_ns: by how much.
        spans_ns: first and last time of each series itself, in the recording's own time.
        readings: of the series themselves.

    """

    recording: Recording
    shift_ns: int
    spans_ns: dict[str, tuple[int, int]]
    readings: int


def prepared(path: Path, family: Family) -> Prepared:
    """Read a recording and make it ready.

    Raises:
        FengsuiError: it cannot be read or holds nothing.

    """
    channel_map = load_channel_map(family.channels)
    recording = load_recording(path, channel_map)
    if not len(recording):
        raise FengsuiError(f"{path}: must have readings, got none")
    trained = with_training(recording, channel_map.train)
    shift_ns = _MOVED_NS if int(trained.time_ns[0]) < _OLDEST_NS else 0
    moved = replace(trained, time_ns=trained.time_ns + shift_ns)
    return Prepared(moved, shift_ns, _spans(recording), len(recording))


def write(found: Sequence[Found], file: Path, *, local: bool) -> None:
    """Write the alarms as CSV, times as they stand in the recording."""
    offset_ns = int(SHANGHAI.utcoffset(None).total_seconds()) * 10**9 if local else 0
    with file.open("w", encoding="utf-8", newline="") as out:
        writer = csv.writer(out)
        writer.writerow(COLUMNS)
        for one in found:
            times = (str(np.datetime64((at + offset_ns) // 10**6, "ms")) for at in (one.start_ns, one.end_ns))
            places = (f"{one.place[name]:.9g}" if name in one.place else "" for name in PLACES)
            writer.writerow([one.series, one.sensor, *times, one.grade.name.lower(), one.rule, *places])


def with_training(recording: Recording, training: Training | None) -> Recording:
    """Let every series begin with the rows of the training series, as if they had come shortly before.

    A training series itself, and a series that lacks the channels, stay as they are.
    """
    if training is None:
        return recording
    spans = _spans(recording)
    teacher = next((name for name in spans if fnmatch(name, training.series)), None)
    if teacher is None:
        return recording
    taught = _rows_of(recording, teacher)
    instants = np.unique(recording.time_ns[taught])[: training.rows or None]
    taught = taught[recording.time_ns[taught] <= instants[-1]]
    step_ns = int(np.median(np.diff(instants))) if len(instants) > 1 else 10**9
    parts = [(recording.sensor, recording.time_ns, recording.value)]
    for name in (name for name in spans if not fnmatch(name, training.series)):
        pupil = _counterparts(recording, teacher, name)[recording.sensor[taught]]
        rows = taught[pupil >= 0]
        moved_ns = spans[name][0] - _PAUSE_STEPS * step_ns - int(instants[-1])
        parts.append((pupil[pupil >= 0], recording.time_ns[rows] + moved_ns, recording.value[rows]))
    sensor, time_ns, value = (np.concatenate(column) for column in zip(*parts, strict=True))
    order = np.argsort(time_ns, kind="stable")
    return replace(recording, sensor=sensor[order], time_ns=time_ns[order], value=value[order])


def _counterparts(recording: Recording, series: str, other: str) -> NDArray[np.int32]:
    """For each sensor of a series the one of the same channel in another series; -1 = there is none."""
    at = {(one.series, one.channel): place for place, one in enumerate(recording.sensors)}
    pairs = (at.get((other, one.channel), -1) if one.series == series else -1 for one in recording.sensors)
    return np.fromiter(pairs, np.int32, len(recording.sensors))


def alarms_of(
    events: Sequence[AlarmEvent], recording: Recording, ends_ns: dict[str, int], shift_ns: int
) -> Iterator[Found]:
    """One alarm from each raise to its return; what is open at the end ends with its series."""
    where = {one.sensor.tag: (one.series, one.channel) for one in recording.sensors}
    where |= {one.sensor.asset: (one.series, "") for one in recording.sensors}
    begun: dict[str, list[AlarmEvent]] = {}
    for event in events:
        if event.tag not in where:
            continue
        if event.transition in (Transition.RAISED, Transition.RERAISED):
            begun[event.alarm_id] = [event]
        elif event.alarm_id in begun:
            begun[event.alarm_id].append(event)
            if event.transition is Transition.RETURNED:
                yield _found(begun.pop(event.alarm_id), where, event.time_ns, shift_ns)
    for history in begun.values():
        series = where[history[0].tag][0]
        yield _found(history, where, ends_ns[series] + shift_ns, shift_ns)


def _found(history: Sequence[AlarmEvent], where: dict[str, tuple[str, str]], end_ns: int, shift_ns: int) -> Found:
    first = history[0]
    highest = max(event.grade for event in history)
    return Found(*where[first.tag], first.time_ns - shift_ns, end_ns - shift_ns, highest, first.rule, _place(history))


def _place(history: Sequence[AlarmEvent]) -> dict[str, float]:
    """The first place that the alarm told."""
    for event in history:
        scores = event.why.scores if event.why else {}
        named = {name.rpartition(".")[2]: value for name, value in scores.items() if "." in name}
        place = {name: named[name] for name in PLACES if name in named}
        if place:
            return place
    return {}


def plan_of(family: Family, base: Path, recording: Recording) -> Plan:
    """The pack over the sensors of a recording.

    Raises:
        ConfigErrors: the pack is faulty, or has no such kinds.

    """
    with tempfile.TemporaryDirectory(prefix="fengsui-registry-") as folder:
        registry_file = Path(folder) / "registry.yaml"
        recorded_registry.write(replay.registry(recording), registry_file)
        return plan_over([family.pack], base, registry_file)


def _play(
    plan: Plan, recording: Recording, settings: replay.Settings, folder: Path, progress: Progress
) -> list[AlarmEvent]:
    """Through source, intake, journal, step, rules and store; returns what the store holds then."""
    paths = Paths.under(folder)
    source = replay.ReplaySource("recording", settings, recording)
    store = PipelineStore(paths.pipeline_db)
    runner = EmbeddedRunner(
        plan,
        sources=[source],
        decoders={source.name: replay.decoder(settings)},
        journal=Journal(paths.journal),
        journal_folder=paths.journal,
        store=store,
        snapshot_folder=paths.snapshots,
        clock=SystemClock(),
        metrics=PipelineMetrics(),
    )
    faults: list[BaseException] = []

    def run() -> None:
        try:
            runner.run()
        except Exception as error:  # noqa: BLE001 - told to the caller's thread, which raises it
            faults.append(error)

    thread = threading.Thread(target=run, name="evaluate", daemon=True)
    thread.start()
    while thread.is_alive() and not (source.finished and source.acknowledged == source.received):
        progress(min(source.acknowledged * _GROUP, len(recording)), len(recording))
        thread.join(_POLL_S)
    runner.stop()
    thread.join()
    if faults:
        raise faults[0]
    runner.journal.close()
    reader = PipelineReader(paths.pipeline_db)
    events = [event for _, event in reader.events_after(0, limit=2**31)]
    reader.close()
    store.close()
    return events


def _share_known(channel_map: ChannelMap, channels: Sequence[str]) -> float:
    sensors = [name for name in channels if name != channel_map.time]
    known = sum(channel_map.find("series", name) is not None or channel_map.skips(name) for name in sensors)
    return known / len(sensors) if sensors and channel_map.time in channels else 0.0


def _rows_of(recording: Recording, series: str) -> NDArray[np.intp]:
    of = np.array([one.series == series for one in recording.sensors])
    return np.flatnonzero(of[recording.sensor])


def _spans(recording: Recording) -> dict[str, tuple[int, int]]:
    """First and last time of each series that has readings."""
    told = np.unique(recording.sensor)
    names = dict.fromkeys(recording.sensors[at].series for at in told.tolist())
    rows = {name: _rows_of(recording, name) for name in names}
    return {name: (int(recording.time_ns[own[0]]), int(recording.time_ns[own[-1]])) for name, own in rows.items()}
