"""Flags through the runner: journaled, stored, and the same after any end of the process."""

from __future__ import annotations

from pathlib import Path

import pytest

from model.flag import Flag, FlagState
from model.inputs import HumanAct, Input
from pipeline.process.step import Outcome, State, step
from store.pipeline_reader import PipelineReader
from tests.pipeline.plans import ns
from tests.pipeline.sources import message, reading
from tests.pipeline.test_runner import Parts, PowerCut, parts, play

#: (second, value of a, act or none); the shelf of 5 s ends at the tick of second 8.
STORY: list[tuple[int, float, str]] = [
    (1, 30.0, ""),
    (2, 30.0, "acknowledge"),
    (3, 30.0, "shelve"),
    (4, 30.0, "comment"),
    (5, 1.0, ""),
    (6, 30.0, ""),
    (7, 30.0, ""),
    (8, 30.0, ""),
    (9, 30.0, ""),
]


def one_round(opened: Parts, second: int, value: float, act: str) -> None:
    deliveries = [message(10 * second, reading(second, value), "a", second)]
    play(opened, second, deliveries)
    if act:
        alarm = next(one for one in opened.runner.state.alarms.open_alarms() if one.tag == "a")
        wanted = HumanAct(f"{act} {second}", act, alarm.id, "Wang", "because", ns(second), duration_s=5.0)
        opened.runner.hand_in(wanted)
        opened.runner.round([])


def kept(folder: Path) -> tuple[object, ...]:
    reader = PipelineReader(folder / "pipeline.db")
    found = reader.event_bodies(), reader.flags(ended=True), reader.alarms(open_only=False), reader.outbox_after(0, 999)
    reader.close()
    return found


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory: pytest.TempPathFactory) -> tuple[object, ...]:
    folder = tmp_path_factory.mktemp("uninterrupted")
    with parts(folder) as opened:
        for second, value, act in STORY:
            one_round(opened, second, value, act)
    found = kept(folder)
    (flag,) = found[1]
    assert isinstance(flag, Flag)
    assert (flag.state, flag.why_ended, flag.ended_ns) == (FlagState.ENDED, "time", ns(8))
    return found


@pytest.mark.parametrize("every", [1, 4])
def test_a_restart_after_every_round_leaves_the_same_flags(
    every: int, tmp_path: Path, uninterrupted: tuple[object, ...]
) -> None:
    for number, (second, value, act) in enumerate(STORY):
        with parts(tmp_path) as opened:
            one_round(opened, second, value, act)
            if number % every == 0:
                opened.runner.save_snapshot()
    assert kept(tmp_path) == uninterrupted


@pytest.mark.parametrize("cut_at", range(len(STORY)))
def test_an_end_before_anything_is_stored_loses_no_flag_and_doubles_none(
    cut_at: int, tmp_path: Path, uninterrupted: tuple[object, ...]
) -> None:
    def cut(state: State, offset: int, item: Input) -> Outcome:
        if isinstance(item, HumanAct) or not STORY[cut_at][2]:
            step(state, offset, item)
            raise PowerCut
        return step_plainly(state, offset, item)

    opened = Parts(tmp_path)
    for number, story in enumerate(STORY):
        if number == cut_at:
            step_plainly, opened.runner._step = opened.runner._step, cut
            with pytest.raises(PowerCut):
                one_round(opened, *story)
            opened.close()
            opened = Parts(tmp_path)
        else:
            one_round(opened, *story)
    opened.runner.writer.flush()
    opened.close()
    assert kept(tmp_path) == uninterrupted
