"""A day of readings with disorder, duplicates and doubt, and fifty reloads: every alarm is that of the slow model.

Acceptance figure 5 of the project: 24 h of event time, 100 sensors at 1 Hz, so 8.64 million readings, 1 % twice, 5 %
out of order, 0.1 % with a time from the future or without a value; 50 reloads, of which 10 are invalid. Everything
goes through the shipped runner: decoding, journal, step, store. Only the disk does not sync, for the time of it.
"""

from __future__ import annotations

import os
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest

from model.alarm import AlarmEvent, AlarmState
from model.errors import FengsuiError
from model.inputs import HumanAct, PlanChange, Tick
from pipeline.metrics import PipelineMetrics
from pipeline.runners.embedded import EmbeddedRunner
from store.disk import LocalDisk
from store.journal.writer import Journal
from store.pipeline_store import PipelineStore
from tests.pipeline.plans import SECOND_NS, START_NS
from tests.pipeline.sources import CountingClock, MemorySource
from tests.reloads.day import SOURCE, RowsDecoder, Version, broken, seconds, versions
from tests.reloads.oracle import Acknowledge, Happened, Reload, Row, Sensor

INVALID_EACH = 5  # every fifth reload cannot be used
ACKNOWLEDGED_EACH_S = 600
COMPARED_EACH_S = 600


class HastyDisk(LocalDisk):
    """Does not wait for the platters."""

    def sync(self, file: int) -> None:
        pass

    def sync_folder(self, folder: Path) -> None:
        pass


class Named(MemorySource):
    name = SOURCE


@dataclass
class Day:
    """The runner and the model, over the same day."""

    folder: Path
    sensors: int
    versions: list[Version]
    told: dict[str, list[Happened]] = field(default_factory=lambda: defaultdict(list))
    items: dict[str, list[Row | Reload | Acknowledge]] = field(default_factory=lambda: defaultdict(list))
    compared: int = 0
    readings: int = 0
    busy_s: float = 0.0
    cpu_s: float = 0.0
    rss_mib: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        first, self.tags = self.versions[0], [f"site/{number:03d}" for number in range(self.sensors)]
        self.store, disk = PipelineStore(self.folder / "pipeline.db"), HastyDisk()
        self.journal = Journal(self.folder / "journal", disk=disk)
        self.runner = EmbeddedRunner(
            first.plan,
            sources=[Named()],
            decoders={SOURCE: RowsDecoder(self.tags)},
            journal=self.journal,
            journal_folder=self.folder / "journal",
            store=self.store,
            snapshot_folder=self.folder / "snapshots",
            clock=CountingClock(0.0),
            metrics=PipelineMetrics(),
            disk=disk,
        )
        self.models = {tag: Sensor(tag, SECOND_NS, START_NS, first.oracle) for tag in self.tags}

    def run(self, hours: float, seed: int) -> None:
        total = round(hours * 3600)
        reload_at = {round(total * (at + 0.5) / len(self.versions[1:])): at for at in range(len(self.versions[1:]))}
        for second in seconds(self.sensors, hours, seed):
            if second.number in reload_at:
                self._reload(second.number, self.versions[1 + reload_at[second.number]], reload_at[second.number])
            wall_ns = second.received_ns
            self.readings += len(second.rows)
            begun_s, begun_cpu_s = time.perf_counter(), time.process_time()
            told = self.runner.round([second.deliveries()], [Tick(wall_ns, second.number * SECOND_NS)])
            self.busy_s += time.perf_counter() - begun_s
            self.cpu_s += time.process_time() - begun_cpu_s
            self._note(told)
            for tag, at_ns, value in zip(*(second.rows[n].tolist() for n in ("tag", "time_ns", "value")), strict=True):
                self.items[self.tags[tag]].append(Row(second.number, at_ns, wall_ns, value, 0))
            if (second.number + 1) % ACKNOWLEDGED_EACH_S == 0:
                self._acknowledge(second.number, wall_ns)
            if (second.number + 1) % COMPARED_EACH_S == 0:
                self.compare(second.number + 1)
            if (second.number + 1) % 3600 == 0:
                self.runner.save_snapshot()
                self.rss_mib.append(_rss_mib())
        self.compare(total)

    def compare(self, until_s: int) -> None:
        """What was told since the last time must be what the model tells."""
        for tag in self.tags:
            expected = list(self.models[tag].play(self.items.pop(tag, []), until_s))
            found = self.told.pop(tag, [])
            by_rule = [_by_rule(found), _by_rule(expected)]
            assert by_rule[0] == by_rule[1], f"{tag}, before second {until_s}"
            self.compared += len(expected)
        assert not self.told

    def _reload(self, second: int, new: Version, number: int) -> None:
        before = self.runner.state.bound.plan
        if number % INVALID_EACH == INVALID_EACH - 1:
            with pytest.raises(FengsuiError):
                self.runner.in_force.make_ready(PlanChange(broken(new), 0, "Wang"))
            assert self.runner.state.bound.plan is before
            return
        self.runner.in_force.hand_in(self.runner.in_force.make_ready(PlanChange(new.plan, 0, "Wang")))
        for tag in self.tags:
            self.items[tag].append(Reload(second, new.oracle))

    def _acknowledge(self, second: int, wall_ns: int) -> None:
        waiting = (AlarmState.UNACKNOWLEDGED, AlarmState.RETURNED)
        alarms = [one for one in self.runner.state.alarms.open_alarms() if one.state in waiting]
        for alarm in alarms:
            self.runner.hand_in(HumanAct(f"{second} {alarm.id}", "acknowledge", alarm.id, "Wang", "", wall_ns))
            self.items[alarm.tag].append(Acknowledge(second, alarm.rule, wall_ns))
        self._note(self.runner.round([]))

    def _note(self, told: list[AlarmEvent]) -> None:
        for event in told:
            found = Happened(
                event.rule, event.transition, event.state, event.grade, event.time_ns, event.at_ns, event.offline
            )
            self.told[event.tag].append(found)

    def close(self) -> None:
        self.journal.close()
        self.store.close()


def _by_rule(told: list[Happened]) -> dict[str, list[Happened]]:
    found: dict[str, list[Happened]] = defaultdict(list)
    for one in told:
        found[one.rule].append(one)
    return found


def _rss_mib() -> float:
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


@pytest.mark.parametrize("seed", range(3))
def test_minutes_with_reloads_are_as_the_model_says(tmp_path: Path, seed: int) -> None:
    day = Day(tmp_path, 40, list(versions(40, 31, seed)))
    try:
        day.run(0.25, seed)
        assert day.compared > 20
    finally:
        day.close()


@pytest.mark.prove
def test_a_day_with_fifty_reloads_is_as_the_model_says(tmp_path: Path, tell: Callable[[str], None]) -> None:
    day = Day(tmp_path, 100, list(versions(100, 51, seed=5)))
    try:
        day.run(24.0, seed=5)
    finally:
        day.close()
    slope = float(np.polyfit(np.arange(len(day.rss_mib[4:])), day.rss_mib[4:], 1)[0])
    tell(
        f"{day.readings:,} readings, 40 of 50 reloads in force, {day.compared:,} alarm events as the model has them; "
        f"{day.readings / day.busy_s:,.0f} readings/s through the runner, "
        f"{day.readings / day.cpu_s:,.0f} of CPU time; "
        f"memory {day.rss_mib[4]:.0f} to "
        f"{day.rss_mib[-1]:.0f} MiB, {slope:+.2f} MiB an hour of event time"
    )
    assert day.readings > 8_640_000
    assert slope < 1.0
