"""The embedded runner: durable, then acknowledged, then stepped, then stored; and the same after any end."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
import pytest

from model.batch import Batch
from model.connector import Deliveries, Delivery
from model.errors import JournalError, StoreError
from model.inputs import HumanAct, Input, PlanChange, Tick
from model.plan import Plan
from pipeline.correlate.stage import step_and_correlate
from pipeline.metrics import PipelineMetrics
from pipeline.process.step import Outcome, State, step
from pipeline.runners.embedded import EmbeddedRunner, Limits
from store.journal.reader import JournalReader
from store.journal.writer import Journal
from store.pipeline_reader import PipelineReader
from store.pipeline_store import PipelineStore
from tests.pipeline.plans import grade, kind, ns, plan, rule
from tests.pipeline.sources import DECODERS, CountingClock, MemorySource, message, reading

LIMITS = rule(
    "r",
    grade("blue", "value >= 10", 2.0),
    grade("yellow", "value >= 25", 0.0, 3.0),
    grade("red", "value >= 50"),
    kinds=("gas", "slow"),
)
PLAN = plan(LIMITS, kinds=[kind("gas"), kind("slow", lateness_s=2.0)], sensors=[("a", "gas"), ("b", "slow")])

#: Rounds of a story with alarms, poison and unknown tags, in which each sensor's last reading is normal.
VALUES = [1, 12, 12, 60, 60, 30, 30, 1, 1, 1, 55, 1, 20, 20, 20, 1]
ROUNDS = [
    [
        message(10 * at, reading(at, value), "a", at),
        message(10 * at + 1, [reading(at, value), reading(at, value)], "b", at),
        *([message(10 * at + 2, b"{poison", "a", at), message(10 * at + 3, reading(at, 1), "new", at)] * (at % 4 == 0)),
    ]
    for at, value in enumerate(VALUES)
]


class Parts:
    """A runner with everything it owns, over one folder."""

    def __init__(
        self,
        folder: Path,
        *,
        source: MemorySource | None = None,
        made: Plan = PLAN,
        now_s: float = 0.0,
        step: Callable[[State, int, Input], Outcome] = step_and_correlate,
    ) -> None:
        self.folder, self.source = folder, source or MemorySource()
        self.store = PipelineStore(folder / "pipeline.db")
        self.journal = Journal(folder / "journal", segment_bytes=2000)
        try:
            self.runner = EmbeddedRunner(
                made,
                sources=[self.source],
                decoders=DECODERS,
                journal=self.journal,
                journal_folder=folder / "journal",
                store=self.store,
                snapshot_folder=folder / "snapshots",
                clock=CountingClock(now_s),
                metrics=PipelineMetrics(),
                limits=Limits(wait_s=0.01),
                step=step,
            )
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        self.journal.close()
        self.store.close()


@contextmanager
def parts(folder: Path, **more: object) -> Iterator[Parts]:
    opened = Parts(folder, **more)
    try:
        yield opened
    finally:
        opened.close()


def play(opened: Parts, at: int, deliveries: list[Delivery]) -> None:
    opened.source.waiting |= {delivery.receipt: delivery for delivery in deliveries}
    given = [Deliveries.of(deliveries)] if deliveries else []
    opened.runner.round(given, [Tick(ns(at), 10**9 * (100 + at))])


def journaled(folder: Path) -> list[Input]:
    return [entry.item for entry in JournalReader(folder / "journal", 0).read()]


def contents(folder: Path) -> tuple[object, ...]:
    reader = PipelineReader(folder / "pipeline.db")
    found = reader.event_bodies(), reader.outbox_after(0, 10**6), reader.alarms(open_only=False), reader.unregistered()
    reader.close()
    return found


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory: pytest.TempPathFactory) -> tuple[object, ...]:
    folder = tmp_path_factory.mktemp("uninterrupted")
    with parts(folder) as opened:
        for at, deliveries in enumerate(ROUNDS):
            play(opened, at, deliveries)
    found = contents(folder)
    assert len(found[0]) > 10
    return found


def test_nothing_is_acknowledged_before_it_is_in_the_journal_and_its_refusals_are_kept(tmp_path: Path) -> None:
    seen: list[int] = []

    def look(receipts: list[int]) -> None:
        seen.extend(receipts)
        rows = sum(len(item) for item in journaled(tmp_path) if isinstance(item, Batch))
        reader = PipelineReader(tmp_path / "pipeline.db")
        kept = len(reader.poison()), sum(tag.count for tag in reader.unregistered())
        reader.close()
        kinds = [receipt % 10 for receipt in seen]
        assert rows == kinds.count(0) + 2 * kinds.count(1)
        assert kept == (kinds.count(2), kinds.count(3))

    with parts(tmp_path, source=MemorySource(on_acknowledge=look)) as opened:
        for at, deliveries in enumerate(ROUNDS):
            play(opened, at, deliveries)
    assert seen == [delivery.receipt for deliveries in ROUNDS for delivery in deliveries]


def test_when_the_disk_refuses_nothing_is_acknowledged_or_stepped(tmp_path: Path) -> None:
    with parts(tmp_path) as opened:
        before = opened.runner.state.next_offset
        full = os.open("/dev/full", os.O_WRONLY)
        os.dup2(full, opened.journal._active.file)
        os.close(full)
        for _ in range(2):
            with pytest.raises(JournalError):
                play(opened, 0, ROUNDS[3])
        assert opened.source.acknowledged == []
        assert opened.runner.state.next_offset == before
    assert contents(tmp_path)[0] == []


@pytest.mark.parametrize("rounds_per_snapshot", [3, 1000])
def test_a_restart_after_every_round_leaves_the_same_store(
    rounds_per_snapshot: int,
    tmp_path: Path,
    uninterrupted: tuple[object, ...],
) -> None:
    for at, deliveries in enumerate(ROUNDS):
        with parts(tmp_path) as opened:
            play(opened, at, deliveries)
            if at % rounds_per_snapshot == rounds_per_snapshot - 1:
                opened.runner.save_snapshot()
    assert contents(tmp_path) == uninterrupted


class PowerCut(Exception):
    """The process ends here."""


def test_an_end_between_the_acknowledgement_and_the_store_loses_and_doubles_nothing(
    tmp_path: Path, uninterrupted: tuple[object, ...]
) -> None:
    def cut(state: State, offset: int, item: Input) -> Outcome:
        step(state, offset, item)
        raise PowerCut

    for at, deliveries in enumerate(ROUNDS):
        with parts(tmp_path) as opened:
            opened.runner._step = cut
            with pytest.raises(PowerCut):
                play(opened, at, deliveries)
            assert opened.source.acknowledged == [delivery.receipt for delivery in deliveries]
    with parts(tmp_path):
        assert contents(tmp_path) == uninterrupted


def test_an_end_before_the_acknowledgement_redelivers_and_has_one_effect(
    tmp_path: Path, uninterrupted: tuple[object, ...]
) -> None:
    def cut(_: list[int]) -> None:
        raise PowerCut

    for at, deliveries in enumerate(ROUNDS):
        with parts(tmp_path, source=MemorySource(on_acknowledge=cut)) as opened, pytest.raises(PowerCut):
            play(opened, at, deliveries)
        with parts(tmp_path) as opened:
            opened.runner.round([Deliveries.of([d for d in deliveries if d.receipt % 10 == 0])])

    def told(bodies: list[bytes]) -> list[tuple[str, ...]]:
        events = [msgspec.json.decode(body) for body in bodies]
        return [(e["id"], e["tag"], e["transition"], e["grade"], e["time_ns"], e["offline"]) for e in events]

    with parts(tmp_path):
        assert told(contents(tmp_path)[0]) == told(uninterrupted[0])


def test_a_new_plan_is_journaled_once_and_its_sensors_leave_the_unknown(tmp_path: Path) -> None:
    wider = plan(LIMITS, kinds=PLAN.kinds, sensors=[("a", "gas"), ("b", "slow"), ("new", "gas")])
    with parts(tmp_path) as opened:
        play(opened, 0, ROUNDS[0])
        assert [tag.tag for tag in contents(tmp_path)[3]] == ["new"]
    for _ in range(2):
        with parts(tmp_path, made=wider):
            pass
    versions = [item.plan.version for item in journaled(tmp_path) if isinstance(item, PlanChange)]
    assert versions == [PLAN.version, wider.version]
    assert contents(tmp_path)[3] == []


def test_a_journal_lost_behind_the_store_is_refused(tmp_path: Path) -> None:
    with parts(tmp_path) as opened:
        for at, deliveries in enumerate(ROUNDS):
            play(opened, at, deliveries)
    for path in (tmp_path / "journal").glob("*.seg"):
        path.unlink()
    with pytest.raises(StoreError, match=r"events are stored up to offset \d+, but the journal ends at 0"):
        Parts(tmp_path)


def test_a_journal_lost_behind_a_snapshot_is_refused(tmp_path: Path) -> None:
    with parts(tmp_path) as opened:
        play(opened, 0, [])
        opened.runner.save_snapshot()
    for path in (tmp_path / "journal").glob("*.seg"):
        path.unlink()
    with pytest.raises(StoreError, match="the snapshot stands at offset 2, but the journal ends at 0"):
        Parts(tmp_path)


def test_a_journal_that_does_not_begin_with_a_plan_is_refused(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal")
    journal.append(Tick(1, 1))
    journal.commit()
    journal.close()
    with pytest.raises(StoreError, match="a journal begins with a plan, got Tick"):
        Parts(tmp_path)


def test_damaged_snapshots_cost_time_and_nothing_else(tmp_path: Path, uninterrupted: tuple[object, ...]) -> None:
    for at, deliveries in enumerate(ROUNDS):
        with parts(tmp_path) as opened:
            play(opened, at, deliveries)
            opened.runner.save_snapshot()
        for path in (tmp_path / "snapshots").glob("*.npz"):
            path.write_bytes(b"damaged")
    assert contents(tmp_path) == uninterrupted


def test_a_refused_act_says_why_and_the_same_command_twice_has_one_effect(tmp_path: Path) -> None:
    with parts(tmp_path) as opened:
        play(opened, 3, ROUNDS[3])
        alarm = opened.runner.state.alarms.open_alarms()[0]
        command = opened.runner.hand_in(HumanAct("c1", "acknowledge", alarm.id, "Wang", "", ns(4)))
        again = opened.runner.hand_in(HumanAct("c1", "acknowledge", alarm.id, "Wang", "", ns(4)))
        other = opened.runner.hand_in(HumanAct("c2", "acknowledge", alarm.id, "Li", "", ns(4)))
        events = opened.runner.round([])
        assert [(event.transition, event.by) for event in events] == [("acknowledged", "Wang")]
        assert [c.get(timeout=1) for c in (command, again)] == ["", ""]
        assert "is acknowledged; it cannot be given the signal acknowledge" in other.get(timeout=1)
