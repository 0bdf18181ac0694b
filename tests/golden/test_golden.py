"""Snapshots and journals of earlier versions: restored, replayed, and leading to the same events as then.

An upgrade must never lose an alarm. Where a later version means to judge otherwise, its change of ``events.txt``
shows it.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import pytest

from model.inputs import PlanChange
from pipeline.process import snapshot
from pipeline.process.step import State, begin, step
from store import snapshots
from store.journal.entries import Entry
from store.journal.reader import JournalReader
from tests.golden.make import line

FOLDERS = sorted(path.parent for path in Path(__file__).parent.glob("*/events.txt"))


def expected(folder: Path, from_offset: int) -> list[str]:
    lines = (folder / "events.txt").read_text(encoding="utf-8").splitlines()
    return [one for one in lines if int(one.split()[0]) >= from_offset]


def replayed(state: State, entries: Iterable[Entry]) -> list[str]:
    return [line(event) for entry in entries for event in step(state, entry.offset, entry.item).events]


def restored(folder: Path) -> State:
    kept, damaged = snapshots.load_newest(folder / "snapshots")
    assert kept is not None
    assert not damaged
    return snapshot.restore(kept)


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_a_snapshot_of_an_earlier_version_is_restored_and_goes_on_as_it_did_then(folder: Path) -> None:
    state = restored(folder)
    lines = expected(folder, state.next_offset)
    assert len(lines) > 10
    assert replayed(state, JournalReader(folder / "journal", state.next_offset).read()) == lines


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_a_journal_of_an_earlier_version_is_replayed_to_the_same_events(folder: Path) -> None:
    first, *rest = JournalReader(folder / "journal", 0).read()
    assert isinstance(first.item, PlanChange)
    state = begin(first.item, first.offset)
    assert replayed(state, rest) == expected(folder, 0)


def test_the_golden_snapshot_holds_what_an_upgrade_could_lose() -> None:
    state = restored(Path(__file__).parent / "spine-1")
    alarms = state.alarms.open_alarms()
    assert {alarm.rule for alarm in alarms} == {rule.id for rule in state.bound.plan.rules} | {"system.data_gap"}
    assert len({alarm.state for alarm in alarms}) == 4
    assert state.clock.in_gap
    assert sum(map(len, state.reorder.waiting.values())) > 0
    assert sum(path.stat().st_size for path in Path(__file__).parent.rglob("spine-1/**/*") if path.is_file()) < 50_000
