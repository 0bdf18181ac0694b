"""``fengsui check``: packs read, cross-checked, and their own tests run through the real step."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from app.parent import end_with_parent
from config.incident_tests import judge_incidents
from config.pack_test_readings import readings
from config.pack_tests import START_NS, PackTest, judge
from config.packs import Packs, check_packs
from model.alarm import AlarmEvent
from model.errors import ConfigError, FengsuiError
from model.incident import IncidentEvent
from model.inputs import Input, PlanChange, Tick
from model.plan import AlarmPolicy, Plan
from model.sensor import Asset, Enterprise, GridCell, Position, Sensor, Site
from model.text import Text
from pipeline.correlate.stage import step_and_correlate
from pipeline.process.step import begin

_NAME = Text("测试", "test")

#: Fewer ticks than this are over before another process has started.
_TICKS_ALONE_MAX = 20_000


@dataclass(frozen=True, slots=True)
class TestResult:
    """One pack test and what did not meet its expectations."""

    test: PackTest
    complaints: tuple[str, ...]

    @property
    def ok(self) -> bool:
        return not self.complaints


@dataclass(frozen=True, slots=True)
class CheckReport:
    packs: Packs
    warnings: list[ConfigError]
    results: list[TestResult]

    @property
    def ok(self) -> bool:
        return all(result.ok for result in self.results)


def check(names: Sequence[str], base: Path, *, progress: Callable[[int, int], None] | None = None) -> CheckReport:
    """Check packs together.

    Raises:
        ConfigErrors: all that is wrong with their files.

    """
    packs, warnings = check_packs(names, base)
    complaints: dict[int, list[str]] = {}
    for at, found in _played(packs):
        complaints[at] = found
        if progress is not None:
            progress(len(complaints), len(packs.tests))
    results = [TestResult(test, tuple(complaints[at])) for at, test in enumerate(packs.tests)]
    return CheckReport(packs, warnings, results)


def _played(packs: Packs) -> Iterator[tuple[int, list[str]]]:
    """Place of each test and what is to complain about, as they are done; many tests share the processors."""
    workers = min(os.cpu_count() or 1, len(packs.tests))
    if workers < 2 or sum(test.duration_s / test.tick_s for test in packs.tests) < _TICKS_ALONE_MAX:
        for at, test in enumerate(packs.tests):
            yield at, _play(packs, test)
        return
    # Spawned, not forked: the screen's thread may hold a lock at the moment of a fork.
    spawning = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, mp_context=spawning, initializer=end_with_parent) as pool:
        longest_first = sorted(
            enumerate(packs.tests), key=lambda numbered: -numbered[1].duration_s / numbered[1].tick_s
        )
        waiting = {pool.submit(_play, packs, test): at for at, test in longest_first}
        try:
            for done in as_completed(waiting):
                yield waiting[done], done.result()
        except BrokenProcessPool as error:
            raise FengsuiError(
                "a process that played pack tests must not be ended from outside, got no answer"
            ) from error
        finally:
            pool.shutdown(cancel_futures=True)


def _play(packs: Packs, test: PackTest) -> list[str]:
    events, incidents = played(packs, test)
    return judge(test, events) + judge_incidents(test.incident, incidents, START_NS)


def played(packs: Packs, test: PackTest) -> tuple[list[AlarmEvent], list[IncidentEvent]]:
    """Play one test: the readings of a tick, then the tick, as often as the test needs it."""
    state, batch = begin(PlanChange(_plan(packs, test), START_NS), 0), readings(test)
    tick_ns = round(test.tick_s * 1e9)
    elapsed_ns = np.arange(0, round(test.duration_s * 1e9) + tick_ns, tick_ns)
    ends = np.searchsorted(batch.received_ns, START_NS + elapsed_ns, side="right")
    events: list[AlarmEvent] = []
    incidents: list[IncidentEvent] = []
    offset, row = 1, 0
    for now_ns, end in zip(elapsed_ns.tolist(), ends.tolist(), strict=True):
        inputs: list[Input] = [batch.take(slice(row, end))] if end > row else []
        for item in [*inputs, Tick(START_NS + now_ns, now_ns)]:
            outcome = step_and_correlate(state, offset, item)
            events += outcome.events
            incidents += outcome.incidents
            offset = state.next_offset
        row = end
    return events, incidents


def _plan(packs: Packs, test: PackTest) -> Plan:
    sensors = [
        Sensor(
            one.tag,
            one.kind.id,
            "test",
            _NAME,
            Position(along_m=one.along_m),
            one.period_s,
            calibrated_until=one.calibrated_until,
        )
        for one in test.sensors
    ]
    return Plan(
        version="test",
        enterprises=(Enterprise("test", _NAME),),
        grid_cells=(GridCell("test", _NAME),),
        sites=(Site("test", _NAME, "test", "test"),),
        assets=(Asset("test", _NAME, "test", test.asset, test.attributes),),
        kinds=packs.kinds,
        sensors=tuple(sensors),
        detectors=packs.detectors,
        rules=tuple(replace(rule, where=None) for rule in packs.rules),  # the sensors of a test stand nowhere
        alarms=AlarmPolicy(),
        incidents=packs.incidents,
    )
