"""``fengsui check``: packs read, cross-checked, and their own tests run through the real step."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from config.pack_tests import START_NS, PackTest, judge, readings
from config.packs import Packs, check_packs
from model.alarm import AlarmEvent
from model.errors import ConfigError
from model.inputs import PlanChange, Tick
from model.plan import Plan
from model.sensor import Asset, Enterprise, GridCell, Sensor, Site
from model.text import Text
from pipeline.process import begin, step

_NAME = Text("测试", "test")


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
    results = []
    for number, test in enumerate(packs.tests):
        results.append(TestResult(test, tuple(judge(test, events_of(packs, test)))))
        if progress is not None:
            progress(number + 1, len(packs.tests))
    return CheckReport(packs, warnings, results)


def events_of(packs: Packs, test: PackTest) -> list[AlarmEvent]:
    """Play one test: its readings, and a tick every second."""
    state = begin(PlanChange(_plan(packs, test), START_NS), 0)
    batch = readings(test)
    order = batch.received_ns
    events: list[AlarmEvent] = []
    offset, row = 1, 0
    for second in range(int(test.duration_s) + 1):
        now_ns = START_NS + second * 10**9
        until = row + int((order[row:] <= now_ns).sum()) if row < len(batch) else row
        part = batch.take(slice(row, until))
        events += step(state, offset, part).events
        events += step(state, offset + len(part), Tick(now_ns, second * 10**9)).events
        offset, row = offset + len(part) + 1, until
    return events


def _plan(packs: Packs, test: PackTest) -> Plan:
    sensor = Sensor("test/sensor", test.kind, "test", _NAME, period_s=test.period_s)
    return Plan(
        version="test",
        enterprises=(Enterprise("test", _NAME),),
        grid_cells=(GridCell("test", _NAME),),
        sites=(Site("test", _NAME, "test", "test"),),
        assets=(Asset("test", _NAME, "test"),),
        kinds=packs.kinds,
        sensors=(sensor,),
        detectors=packs.detectors,
        rules=packs.rules,
    )
