"""Bringing the state back after any end of the process, and showing how it stands."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import structlog
from numpy.typing import NDArray

from model.alarm import Alarm
from model.batch import NO_TIME
from model.errors import StoreError
from model.flag import HIDING
from model.heartbeat import HEARTBEAT
from model.incident import IncidentEvent
from pipeline.ingest.intake import Intake
from pipeline.metrics import PipelineMetrics
from pipeline.process import snapshot
from pipeline.process.reconcile import reconcile, reconcile_flags
from pipeline.process.step import Counts, State
from store import snapshots
from store.disk import LOCAL_DISK, Disk
from store.journal.entries import Damage, Entry
from store.journal.writer import Journal
from store.pipeline_store import PipelineStore

log = structlog.get_logger("pipeline")


def newest_state(folder: Path, journal_end: int, disk: Disk = LOCAL_DISK) -> State | None:
    """The newest snapshot that can be used, as a state; None = replay from the beginning.

    A detector that has changed since begins anew, and so do the rules that look at it; all else goes on.

    Raises:
        StoreError: the snapshot knows more than the journal holds: the journal was lost or exchanged.

    """
    kept, damaged = snapshots.load_newest(folder, disk=disk)
    for path in damaged:
        log.error("snapshot is damaged, an older one is used", file=str(path))
    if kept is None:
        return None
    if kept.offset > journal_end:
        raise StoreError(
            f"{folder}: the snapshot stands at offset {kept.offset}, but the journal ends at {journal_end}; "
            "restore the journal, or move the snapshots away to begin anew"
        )
    try:
        state, anew = snapshot.load(kept)
    except StoreError as error:
        log.warning("snapshot not used, the journal is replayed", reason=str(error))
        return None
    if anew:
        log.warning("begins anew after a change of program; open alarms stay on", parts=anew)
    return state


def check_journal_reaches(stored_to: int, journal_end: int, journal_folder: Path) -> None:
    """Refuse a journal that ends before what is stored: new events would get the ids of lost ones and vanish.

    Raises:
        StoreError: the journal was lost, cut or exchanged.

    """
    if stored_to > journal_end:
        raise StoreError(
            f"{journal_folder}: events are stored up to offset {stored_to}, but the journal ends at {journal_end}; "
            "restore the journal, or move the whole data_dir away to begin anew"
        )


def entries_behind(
    state: State | None, journal: Journal, snapshot_folder: Path, disk: Disk = LOCAL_DISK
) -> Iterator[Entry]:
    """What the journal holds behind the state; without one, all that is kept of it, a plan first.

    Raises:
        StoreError: the journal's beginning is not kept any more, and there is a snapshot, but of another program.
        JournalError: the journal cannot be read.

    """
    if state is None and journal.oldest_offset and snapshots.load_newest(snapshot_folder, disk=disk)[0] is not None:
        raise StoreError(
            f"{snapshot_folder}: there is no snapshot that this version can use, and the journal's beginning is no "
            "longer kept: start the Fengsui that wrote them, or restore the backup"
        )
    yield from journal.replay(state.next_offset if state else None)


def show_damage(metrics: PipelineMetrics, damage: Sequence[Damage]) -> None:
    """Count what the journal could not give back; it has logged each part itself."""
    for one in damage:
        metrics.journal_damage.labels(one.reason.value).inc()
        metrics.journal_lost.inc(one.gap.inputs)


def hold_to_the_store(
    state: State, store: PipelineStore, metrics: PipelineMetrics, snapshot_folder: Path, disk: Disk = LOCAL_DISK
) -> None:
    """Bring the open alarms to what people were told, and keep that at once; nothing to do unless something changed.

    After another program has judged the journal, or with a damaged store, the two may differ. What stands in the store
    was told, so it counts.
    """
    found = reconcile(state, store.open_alarms())
    flags = reconcile_flags(state, store.flags())
    for difference, flag in flags:
        log.error(
            "what hides alarms was not as people were told; what was told counts",
            difference=difference.value,
            flag=flag.id,
            kind=flag.kind.value,
            covers=flag.cover,
        )
        metrics.reconciled.labels(difference.value).inc()
    over = state.incidents.hold_to(alarm.id for alarm in state.alarms.open_alarms())
    unknown = store.end_incidents(state.incidents.ids())
    if over or unknown:
        log.error("incidents were not as people were told; their alarms count", alarms_over=over, ended=unknown)
    for difference, alarm in found:
        log.error(
            "open alarm was not as people were told; what was told counts",
            difference=difference.value,
            alarm=alarm.id,
            rule=alarm.rule,
            tag=alarm.tag,
            state=alarm.state.value,
            grade=alarm.grade.name.lower(),
        )
        metrics.reconciled.labels(difference.value).inc()
    if found or flags:
        snapshots.save(snapshot_folder, snapshot.take(state), disk=disk)


def sensors_by_state(state: State) -> dict[str, int]:
    """How many sensors report, are silent (nothing received for as long as makes a reading old), or never came.

    Also how many there are that report by the clock, and how many of these never came.

    By the time of receipt: a device whose clock is an hour behind still reports. Rows of a patient kind are received
    when they have waited. Those that report changes only are never silent: what carries them is watched instead.
    """
    heard_ns = _in_the_field(state)["heard_ns"]
    silent = by_clock = never_by_clock = 0
    for program in state.bound.programs:
        if program.kind.on_change:
            continue
        own = state.admission.sensors["heard_ns"][program.sensors]
        patience_ns = state.bound.offline_ns[program.sensors] + round(program.kind.lateness_s * 1e9)
        by_clock += len(own)
        never_by_clock += int(np.count_nonzero(own == NO_TIME))
        silent += int(np.count_nonzero((own != NO_TIME) & (own < state.clock.wall_ns - patience_ns)))
    never = int(np.count_nonzero(heard_ns == NO_TIME))
    return {
        "reporting": len(heard_ns) - never - silent,
        "silent": silent,
        "never": never,
        "by_clock": by_clock,
        "never_by_clock": never_by_clock,
    }


def gateways_by_state(state: State) -> dict[str, int]:
    """How many of the watched gateways are heard or silent, and the silence of how many sensors they hold back."""
    silent = int(np.count_nonzero(state.gateways.silent))
    return {
        "heard": len(state.gateways.silent) - silent,
        "silent": silent,
        "held_back": int(state.gateways.withheld.sum()),
    }


def readings_lag_s(state: State) -> float | None:
    """How old the newest reading is, by the devices' clocks; None before the first."""
    newest = int(_in_the_field(state)["last_ns"].max(initial=NO_TIME))
    return None if newest == NO_TIME else (state.clock.wall_ns - newest) / 1e9


def open_alarms(state: State) -> list[Alarm]:
    """Those that are shown."""
    return [alarm for alarm in state.alarms.open_alarms() if alarm.rule != HEARTBEAT]


def _in_the_field(state: State) -> NDArray[np.void]:
    """What is known of each sensor but the synthetic one, which is the last where there is one."""
    return state.admission.sensors[: -1 if HEARTBEAT in state.bound.tag_index else None]


def has_heard(state: State) -> bool:
    """Whether any sensor was ever heard: whoever begins for the first time has missed nothing."""
    return bool((_in_the_field(state)["heard_ns"] != NO_TIME).any())


def count_intake(metrics: PipelineMetrics, intake: Intake) -> None:
    """Count what one round took in and left out."""
    for source, readings in intake.journaled.items():
        if source == HEARTBEAT:
            continue
        metrics.readings.labels(source).inc(readings)
    for refusal in intake.refusals:
        metrics.poison.labels(refusal.reason).inc(refusal.count)
    for label, count in intake.left_out.items():
        metrics.left_out.labels(label).inc(count)
    metrics.unregistered.inc(sum(tag.count for tag in intake.unregistered.values()))
    metrics.retained.inc(intake.retained)


def count_incidents(metrics: PipelineMetrics, incidents: Sequence[IncidentEvent]) -> None:
    """Count what happened to incidents."""
    for one in incidents:
        metrics.incident_events.labels(one.change, one.incident.grade.name.lower()).inc()


def show_counts(metrics: PipelineMetrics, now: Counts, shown: Counts) -> Counts:
    """Add what came since ``shown``; returns what is shown now."""
    metrics.rows.labels("accepted").inc(now.accepted - shown.accepted)
    metrics.rows.labels("duplicate").inc(now.duplicate - shown.duplicate)
    metrics.rows.labels("late").inc(now.late - shown.late)
    metrics.clock_faults.inc(now.clock_faults - shown.clock_faults)
    return replace(now)


def show_state(metrics: PipelineMetrics, state: State, connected: Mapping[str, bool], inbox_depth: int) -> None:
    """Set the gauges."""
    shown = open_alarms(state)
    alarms = Counter((alarm.grade.name.lower(), alarm.state.value) for alarm in shown)
    metrics.alarms.clear()
    for (grade, alarm_state), count in alarms.items():
        metrics.alarms.labels(grade, alarm_state).set(count)
    hidden = Counter(alarm.hidden for alarm in shown)
    for cause in HIDING:
        metrics.hidden.labels(cause.value).set(hidden[cause.value])
    metrics.incidents.clear()
    of_incidents = Counter((one.kind, one.grade) for one in list(state.incidents.groups.open.values()))
    for (kind, worst), count in of_incidents.items():
        metrics.incidents.labels(kind, worst.name.lower()).set(count)
    metrics.grouping.set(not state.incidents.broken)
    sensors = sensors_by_state(state)
    for name in ("reporting", "silent", "never"):
        metrics.sensors.labels(name).set(sensors[name])
    gateways = gateways_by_state(state)
    for name in ("heard", "silent"):
        metrics.gateways.labels(name).set(gateways[name])
    metrics.held_back.set(gateways["held_back"])
    for name, is_connected in connected.items():
        metrics.connected.labels(name).set(is_connected)
    metrics.inbox_depth.set(inbox_depth)
    metrics.journal_offset.set(state.next_offset)
    metrics.last_tick.set(state.clock.wall_ns / 1e9)
    known = _in_the_field(state)
    newest, heard = (int(known[name].max(initial=NO_TIME)) for name in ("last_ns", "heard_ns"))
    if newest != NO_TIME:
        metrics.watermark_delay.set((state.clock.wall_ns - newest) / 1e9)
        metrics.receipt_delay.set((state.clock.wall_ns - heard) / 1e9)
