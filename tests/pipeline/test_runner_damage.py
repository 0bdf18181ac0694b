"""A start over a journal that lacks something: it comes up by itself, says what is missing, and goes on."""

from __future__ import annotations

from pathlib import Path

from model.batch import Batch
from model.inputs import PlanChange, Tick
from store.journal import segment
from store.journal.entries import Gap
from store.journal.reader import JournalReader, segments
from tests.pipeline.plans import ns, plan
from tests.pipeline.test_runner import LIMITS, PLAN, ROUNDS, journaled, parts, play

WIDER = plan(LIMITS, kinds=PLAN.kinds, sensors=[("b", "slow"), ("a", "gas"), ("new", "gas")])


def played(folder: Path, rounds: int = 12) -> None:
    with parts(folder) as opened:
        for at, deliveries in enumerate(ROUNDS[:rounds]):
            play(opened, at, deliveries)
        opened.runner.save_snapshot()


def spoil(folder: Path, text: bytes) -> None:
    """A bit of the record that holds ``text``."""
    for path in segments(folder / "journal"):
        data = bytearray(path.read_bytes())
        at = data.find(text)
        if at >= 0:
            data[at] ^= 1
            path.write_bytes(data)
            return
    raise AssertionError(text)


def forget_snapshots(folder: Path) -> None:
    for path in (folder / "snapshots").glob("*.npz"):
        path.unlink()


def value(opened: object, name: str, **labels: str) -> float | None:
    return opened.runner.metrics.registry.get_sample_value(name, labels)


def test_damage_in_the_middle_costs_its_inputs_and_the_start_counts_them(tmp_path: Path) -> None:
    played(tmp_path)
    forget_snapshots(tmp_path)
    spoil(tmp_path, b'"wall_ns":%d' % ns(5))
    with parts(tmp_path) as opened:
        assert value(opened, "fengsui_journal_lost_inputs_total") == 1
        assert value(opened, "fengsui_journal_damage_total", reason="checksum") == 1
        before = opened.runner.state.next_offset
        play(opened, 100, ROUNDS[0])
        assert opened.runner.state.next_offset > before
    assert list((tmp_path / "journal").glob("*.bad"))
    assert Tick(ns(100), 10**9 * 200) in journaled(tmp_path)


def test_where_the_plan_in_force_is_lost_a_start_journals_it_anew(tmp_path: Path) -> None:
    played(tmp_path, 2)
    with parts(tmp_path, made=WIDER):
        pass
    forget_snapshots(tmp_path)
    spoil(tmp_path, b'"version":"%s"' % WIDER.version.encode())
    path = segments(tmp_path / "journal")[-1]
    rows = segment.pack(
        segment.Record(2, int(path.stem) + 1, 1, b'{"wall_ns":1,"elapsed_ns":1}', 2, path.stat().st_size)
    )
    path.write_bytes(path.read_bytes() + rows)  # proof that the plan was durable
    with parts(tmp_path, made=WIDER) as opened:
        assert opened.runner.state.bound.plan.version == WIDER.version
        play(opened, 100, ROUNDS[0])
    found = list(JournalReader(tmp_path / "journal", 0).read_with_gaps())
    plans = [one.item.plan.version for one in found if not isinstance(one, Gap) and isinstance(one.item, PlanChange)]
    assert plans == [PLAN.version, WIDER.version]
    assert isinstance(found[-2].item, Batch)


def test_without_a_snapshot_and_without_the_beginning_a_start_replays_what_is_kept(tmp_path: Path) -> None:
    played(tmp_path)
    forget_snapshots(tmp_path)
    first, second, *_ = segments(tmp_path / "journal")
    first.unlink()
    with parts(tmp_path) as opened:
        assert opened.runner.state.bound.plan.version == PLAN.version
        end = opened.runner.state.next_offset
        play(opened, 100, ROUNDS[0])
        assert opened.runner.state.next_offset > end > int(second.stem)
