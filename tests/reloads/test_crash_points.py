"""An end of the process at any write or sync of an apply leaves the old configuration or the new one, whole."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any

import msgspec
import pytest

from model.connector import Deliveries
from model.inputs import PlanChange
from model.plan import Plan
from pipeline.metrics import PipelineMetrics
from pipeline.runners.embedded import EmbeddedRunner
from store.disk import LocalDisk
from store.journal.writer import Journal
from store.pipeline_reader import PipelineReader
from store.pipeline_store import PipelineStore
from tests.pipeline.plans import grade, ns, plan, rule
from tests.pipeline.sources import DECODERS, CountingClock, MemorySource, message, reading

OLD = plan(
    rule("r", grade("blue", "value >= 10")),
    rule("s", grade("red", "value >= 50")),
    sensors=[("a", "gas"), ("b", "gas")],
)
NEW = plan(
    rule("r", grade("blue", "value >= 20")),
    rule("s", grade("red", "value >= 50")),
    sensors=[("b", "gas"), ("a", "gas")],
)
POINTS_MAX = 60


class Cut(BaseException):
    """The process ends here."""


class CutDisk(LocalDisk):
    """Ends the process before its n-th change of the disk, and does nothing any more."""

    def __init__(self, cut_at: int) -> None:
        self.left = cut_at

    def _change(self) -> None:
        self.left -= 1
        if self.left < 0:
            raise Cut

    def write(self, file: int, data: bytes | memoryview, position: int) -> int:
        self._change()
        return super().write(file, data, position)

    def sync(self, file: int) -> None:
        self._change()
        super().sync(file)

    def rename(self, old: Path, new: Path) -> None:
        self._change()
        super().rename(old, new)

    def create(self, path: Path) -> int:
        self._change()
        return super().create(path)

    def unlink(self, path: Path) -> None:
        self._change()
        super().unlink(path)


@contextmanager
def runner(folder: Path, disk: LocalDisk, made: Callable[[Plan | None], PlanChange | None]) -> Iterator[EmbeddedRunner]:
    with closing(PipelineStore(folder / "pipeline.db")) as store:
        journal = Journal(folder / "journal", segment_bytes=3000, disk=disk)
        yield EmbeddedRunner(
            made,
            sources=[MemorySource()],
            decoders=DECODERS,
            journal=journal,
            journal_folder=folder / "journal",
            store=store,
            snapshot_folder=folder / "snapshots",
            clock=CountingClock(0.0),
            metrics=PipelineMetrics(),
            disk=disk,
        )
        with suppress(Cut):
            journal.close()


def keeps(in_force: Plan | None) -> PlanChange | None:
    return PlanChange(OLD, 0) if in_force is None else None


def read(running: EmbeddedRunner, at: int, tag: str, value: float) -> None:
    running.round([Deliveries.of([message(at, reading(at, value), tag, at)])])


def before(running: EmbeddedRunner) -> None:
    read(running, 1, "a", 60.0)
    read(running, 2, "b", 15.0)
    running.save_snapshot()


def apply(running: EmbeddedRunner) -> None:
    if running.state.bound.plan.version != NEW.version:
        change = PlanChange(NEW, ns(3), "Wang", "", "Li")
        running.in_force.hand_in(running.in_force.make_ready(change))


def after(running: EmbeddedRunner) -> None:
    """Sent again after an end, as the broker would."""
    read(running, 3, "a", 61.0)
    running.save_snapshot()
    read(running, 4, "b", 25.0)
    read(running, 5, "a", 1.0)


def told(folder: Path) -> list[tuple[Any, ...]]:
    with closing(PipelineReader(folder / "pipeline.db")) as reader:
        events = [msgspec.json.decode(body) for body in reader.event_bodies()]
        assert reader.plan().version == NEW.version
        return [(e["id"], e["tag"], e["rule"], e["transition"], e["grade"], e["time_ns"]) for e in events]


def test_every_point_of_an_apply_leaves_the_old_or_the_new_whole(tmp_path: Path) -> None:
    with runner(tmp_path / "plain", LocalDisk(), keeps) as running:
        before(running)
        apply(running)
        after(running)
        running.note_plan(running.state)
    expected = told(tmp_path / "plain")
    assert len(expected) > 4
    found: list[str] = []
    for point in range(POINTS_MAX):
        folder, copied = tmp_path / f"cut-{point}", tmp_path / f"again-{point}"
        disk = CutDisk(10**9)
        with runner(folder, disk, keeps) as running:
            before(running)
            apply(running)
            disk.left = point
            with suppress(Cut):
                after(running)
            is_over = disk.left >= 0
            running.writer.flush()
        shutil.copytree(folder, copied)
        with runner(copied, LocalDisk(), keeps) as again:
            version = again.state.bound.plan.version
            assert version in {OLD.version, NEW.version}
            found.append(version)
            apply(again)
            after(again)
            again.note_plan(again.state)
        assert told(copied) == expected, f"cut at change {point}"
        shutil.rmtree(folder)
        if is_over:
            break
    else:
        pytest.fail("more points than are tried")
    assert found.count(OLD.version) >= 2
    assert found == sorted(found, key=[OLD.version, NEW.version].index), "once new, it stays"
