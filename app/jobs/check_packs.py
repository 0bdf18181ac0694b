"""``fengsui check``: packs read, cross-checked, and their own tests run through the real step."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from config.pack_tests import ROWS_MAX, START_NS, PackTest, judge, readings
from config.packs import Packs, check_packs
from model.alarm import AlarmEvent
from model.batch import Batch, concatenate
from model.errors import ConfigError, FengsuiError
from model.inputs import PlanChange, Tick
from model.plan import Plan
from model.sensor import Asset, Enterprise, GridCell, Sensor, Site
from model.text import Text
from pipeline.process.step import begin, step

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
    for group, found in _played(packs):
        complaints |= dict(zip(group, found, strict=True))
        if progress is not None:
            progress(len(complaints), len(packs.tests))
    results = [TestResult(test, tuple(complaints[at])) for at, test in enumerate(packs.tests)]
    return CheckReport(packs, warnings, results)


def _played(packs: Packs) -> Iterator[tuple[list[int], list[list[str]]]]:
    """Places of tests and what is to complain about each, as they are done; long work shares the processors."""
    groups = [(group, [packs.tests[at] for at in group]) for group in _groups(packs.tests)]
    ticks = {group[0]: len(_elapsed_ns(tests)) for group, tests in groups}
    workers = min(os.cpu_count() or 1, len(groups))
    if workers == 1 or sum(ticks.values()) < _TICKS_ALONE_MAX:
        for group, tests in groups:
            yield group, _complaints(packs, tests)
        return
    # Spawned, not forked: the screen's thread may hold a lock at the moment of a fork.
    with ProcessPoolExecutor(workers, mp_context=multiprocessing.get_context("spawn")) as pool:
        groups.sort(key=lambda work: -ticks[work[0][0]])
        waiting = {pool.submit(_complaints, packs, tests): group for group, tests in groups}
        try:
            for done in as_completed(waiting):
                yield waiting[done], done.result()
        except BrokenProcessPool as error:
            raise FengsuiError(
                "a process that plays pack tests must not be ended from outside, got no answer"
            ) from error
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


def _groups(tests: Sequence[PackTest]) -> Iterator[list[int]]:
    """Places of tests that are played side by side: of one kind, ticked equally often, no more than fits in memory."""
    rooms: dict[tuple[str, float], tuple[list[int], float]] = {}
    for at, test in enumerate(tests):
        key, rows = (test.kind, test.tick_s), test.duration_s / test.period_s
        group, taken = rooms.get(key, ([], 0.0))
        if group and taken + rows > ROWS_MAX:
            yield group
            group, taken = [], 0.0
        rooms[key] = ([*group, at], taken + rows)
    for group, _ in rooms.values():
        yield group


def _complaints(packs: Packs, tests: Sequence[PackTest]) -> list[list[str]]:
    return [judge(test, events) for test, events in zip(tests, play(packs, tests), strict=True)]


def play(packs: Packs, tests: Sequence[PackTest]) -> list[list[AlarmEvent]]:
    """Play tests side by side, a sensor each: the readings of a tick, then the tick, as often as the tests need it.

    Args:
        packs: whose rules judge.
        tests: with the same ``tick_s``.

    Returns:
        The events of each test. They are the same as if the test were played alone.

    """
    state, batch = begin(PlanChange(_plan(packs, tests), START_NS), 0), _side_by_side(tests)
    elapsed_ns = _elapsed_ns(tests)
    ends = np.searchsorted(batch.received_ns, START_NS + elapsed_ns, side="right")
    events: list[AlarmEvent] = []
    offset, row = 1, 0
    for now_ns, end in zip(elapsed_ns.tolist(), ends.tolist(), strict=True):
        if end > row:
            events += step(state, offset, batch.take(slice(row, end))).events
            offset, row = offset + end - row, end
        events += step(state, offset, Tick(START_NS + now_ns, now_ns)).events
        offset += 1
    return [_events_of(events, at, test) for at, test in enumerate(tests)]


def _elapsed_ns(tests: Sequence[PackTest]) -> NDArray[np.int64]:
    """Ticks from the beginning to the first one at or after the end of the longest test."""
    tick_ns = round(tests[0].tick_s * 1e9)
    longest_ns = max(round(test.duration_s * 1e9) for test in tests)
    return np.arange(-(-longest_ns // tick_ns) + 1, dtype=np.int64) * tick_ns


def _side_by_side(tests: Sequence[PackTest]) -> Batch:
    """Readings of all tests in the order in which they are received."""
    batch = concatenate([readings(test, sensor=at) for at, test in enumerate(tests)])
    return batch.take(np.argsort(batch.received_ns, kind="stable"))


def _events_of(events: Sequence[AlarmEvent], at: int, test: PackTest) -> list[AlarmEvent]:
    """Events of one test's sensor up to the tick that ends the test; longer tests go on."""
    end_ns = START_NS + int(_elapsed_ns([test])[-1])
    return [event for event in events if event.tag == _tag(at) and event.at_ns <= end_ns]


def _tag(at: int) -> str:
    return f"test/{at}"


def _plan(packs: Packs, tests: Sequence[PackTest]) -> Plan:
    return Plan(
        version="test",
        enterprises=(Enterprise("test", _NAME),),
        grid_cells=(GridCell("test", _NAME),),
        sites=(Site("test", _NAME, "test", "test"),),
        assets=tuple(Asset(_tag(at), _NAME, "test") for at in range(len(tests))),
        kinds=packs.kinds,
        sensors=tuple(
            Sensor(_tag(at), test.kind, _tag(at), _NAME, period_s=test.period_s) for at, test in enumerate(tests)
        ),
        detectors=packs.detectors,
        rules=packs.rules,
    )
