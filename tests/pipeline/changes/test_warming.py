"""Changed detectors begin with what the past has taught them, live and in every replay of it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from model.connector import Deliveries
from model.errors import FengsuiError, StoreError
from model.inputs import Input, PlanChange, Tick
from model.plan import DetectorSpec, Plan
from pipeline.changes.difference import difference
from pipeline.changes.warming import only, played_s, to_warm, warm
from pipeline.process import warmed
from pipeline.process.binding import Bound, bind
from pipeline.process.step import State, begin, step
from pipeline.runners.retrace import retrace
from store import warmed as kept
from tests.pipeline.plans import START_NS, Row, grade, kind, ns, plan, rows, rule
from tests.pipeline.runs import same_state
from tests.pipeline.sources import message, reading
from tests.pipeline.test_runner import Parts, parts

MEAN = DetectorSpec("mean", "ewma", ("gas",), {"smooth_s": 0.0, "warmup_s": 8.0})
SLOWER = replace(MEAN, parameters={"smooth_s": 0.0, "warmup_s": 12.0})
QUIET = DetectorSpec("quiet", "silence", ("gas",), {})
ODD = rule("odd", grade("blue", "mean >= 3"))
OLD = plan(ODD, kinds=[kind(), kind("heat")], sensors=[("a", "gas"), ("t", "heat"), ("b", "gas")], detectors=[MEAN])
NEW = plan(
    ODD, kinds=[kind(), kind("heat")], sensors=[("b", "gas"), ("new", "gas"), ("a", "gas")], detectors=[SLOWER, QUIET]
)


def past(sensors: tuple[int, ...], until: int = 60) -> list[Input]:
    """A reading a second that wobbles, of each of these sensors."""
    items: list[Input] = []
    for at in range(until):
        items += [rows([Row(one, float(at), 1.0 + at % 2 + one) for one in sensors]), Tick(ns(at), at * 10**9)]
    return items


def learned(bound: Bound, tag: str) -> int:
    program = bound.programs[0]
    (mean,) = (one for one in program.detectors if one.spec.id == "mean")
    return int(mean.state.sensors["rows"][program.group.tags.index(tag)])


def test_only_detectors_on_sensors_that_time_alone_does_not_change_are_warmed() -> None:
    found = difference(OLD, NEW)
    assert [one.detector for one in found.anew] == ["mean", "quiet"]
    chosen = to_warm(NEW, found.anew)
    assert [one.detector for one in chosen] == ["mean"]
    assert played_s(chosen) == 3600.0
    narrow = only(NEW, ["mean"])
    assert ([one.id for one in narrow.kinds], narrow.rules) == (["gas"], ())
    assert [one.tag for one in narrow.sensors] == ["b", "new", "a"]


def test_a_warmed_state_is_that_of_the_detector_had_it_run_all_along() -> None:
    arrays = warm(only(NEW, ["mean"]), ["mean"], past((0, 2)))  # type: ignore[arg-type]
    lived = begin(PlanChange(NEW, START_NS), 0)
    for item in past((0, 2)):
        step(lived, lived.next_offset, item)
    filled = bind(NEW)
    warmed.fill(filled, arrays)
    for tag in ("a", "b", "new"):
        assert learned(filled, tag) == learned(lived.bound, tag)
    assert learned(filled, "b") == 60
    one, other = (
        next(d for d in bound.programs[0].detectors if d.spec.id == "mean").state.sensors
        for bound in (filled, lived.bound)
    )
    assert one.tobytes() == other.tobytes()


def test_a_state_of_another_form_leaves_the_detector_as_it_is() -> None:
    arrays = warm(only(NEW, ["mean"]), ["mean"], past((0,)))  # type: ignore[arg-type]
    broken = {name: array[:, None] if array.ndim and "tags" not in name else array for name, array in arrays.items()}
    bound = bind(NEW)
    warmed.fill(bound, broken)
    assert learned(bound, "b") == 0


def before(opened: Parts) -> None:
    for at in range(20):
        sent = [message(10 * at + n, reading(at, 1.0 + at % 2), tag, at) for n, tag in enumerate("ab")]
        opened.runner.round([Deliveries.of(sent)], [Tick(ns(at), 10**9 * (100 + at))])


def applied(folder: Path, made: Plan = NEW) -> tuple[str, State]:
    """A runner that learned, changed to a warmed plan, and went on."""
    with parts(folder, made=OLD) as opened:
        before(opened)
        opened.runner.save_snapshot()
        sha256 = kept.save(folder / "warmed", warm(only(made, ["mean"]), ["mean"], past((0, 2))))  # type: ignore[arg-type]
        change = PlanChange(made, ns(20), "Wang", warmed=sha256)
        opened.runner.in_force.hand_in(opened.runner.in_force.make_ready(change))
        sent = message(900, reading(61, 40.0), "a", 61)
        events = opened.runner.round([Deliveries.of([sent])])
        assert [(event.rule, event.tag) for event in events] == [("odd", "a")], "it knows what is odd at once"
        kept.settle(folder / "warmed", sha256, opened.runner.state.next_offset)
        return sha256, opened.runner.state


def test_a_replay_has_the_same_state(tmp_path: Path) -> None:
    _, live = applied(tmp_path)
    with parts(tmp_path, made=NEW) as again:
        assert same_state(again.runner.state, live)
        assert learned(again.runner.state.bound, "b") == 60


def test_a_replay_without_the_warmed_state_says_so_and_begins_anew(tmp_path: Path) -> None:
    sha256, _ = applied(tmp_path)
    for path in (tmp_path / "warmed").iterdir():
        path.write_bytes(b"spoilt")
    with parts(tmp_path, made=NEW) as again:
        assert learned(again.runner.state.bound, "b") == 0
        assert [(one.segment, one.reason.value) for one in again.journal.damage] == [(f"{sha256}.npz", "warmed_lost")]
        assert [alarm.tag for alarm in again.runner.state.alarms.open_alarms()] == ["a"], "what was told stays on"
    with pytest.raises(StoreError, match=f"lacks the state {sha256}"):
        retrace(tmp_path, 0)


def test_a_change_whose_state_is_not_there_is_refused_before_it_is_journaled(tmp_path: Path) -> None:
    with parts(tmp_path, made=OLD) as opened:
        before(opened)
        with pytest.raises(FengsuiError, match="is not there"):
            opened.runner.in_force.make_ready(PlanChange(NEW, 0, warmed="0" * 64))


def test_what_the_journal_no_longer_needs_is_removed_and_nothing_else(tmp_path: Path) -> None:
    first = kept.save(tmp_path, {"x": np.arange(3)})
    second = kept.save(tmp_path, {"x": np.arange(4)})
    kept.settle(tmp_path, first, 100)
    assert kept.trim(tmp_path, 100) == []
    assert len(kept.trim(tmp_path, 101)) == 1
    assert kept.load(tmp_path, first) is None
    kept.settle_all(tmp_path, 200)
    assert kept.trim(tmp_path, 200) == []
    found = kept.load(tmp_path, second)
    assert found is not None
    assert found["x"].tolist() == [0, 1, 2, 3]
    assert kept.trim(tmp_path / "none", 5) == []
    assert len(kept.trim(tmp_path, 201)) == 1
