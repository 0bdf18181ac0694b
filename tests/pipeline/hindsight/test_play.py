"""Recorded time: second by second, the same alarms as when it was live."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from config.heartbeat import with_heartbeat
from model.batch import Batch
from model.inputs import PlanChange, Tick
from model.plan import DetectorSpec
from pipeline.hindsight.play import Play, playable, slices
from pipeline.process.step import begin
from tests.pipeline.plans import START_NS, Row, grade, ns, plan, play, rows, rule

PLAN = plan(
    rule("gas.high", grade("blue", "value >= 10", on_s=3.0, off_s=5.0), latching=True),
    rule("gas.silent", grade("yellow", "quiet >= 30 s")),
    sensors=[("a", "gas"), ("b", "gas")],
    detectors=(DetectorSpec("quiet", "silence", ("gas",), {}),),
)
READINGS = [Row(n % 2, 0.7 * n, 20.0 if 30 < n < 60 else 1.0) for n in range(100)]
READINGS += [Row(0, 100.0 + n, 1.0) for n in range(60)]  # the other one falls silent


def parts(batch: Batch, *cuts: int) -> list[Batch]:
    edges = [0, *sorted(set(cuts)), len(batch)]
    return [batch.take(slice(first, last)) for first, last in pairwise(edges)]


def judged(*cuts: int, tick_s: int = 1) -> list[tuple[str, str, int]]:
    made = Play(playable(PLAN), START_NS)
    for part in slices(parts(rows(READINGS), *cuts), START_NS, ns(200), tick_s=tick_s):
        made.judge(part)
    return [(event.rule, event.transition, event.time_ns) for event in made.events]


def test_no_second_is_left_out_and_no_reading_is_lost() -> None:
    found = list(slices([rows(READINGS)], START_NS, ns(200)))
    assert [part.end_ns for part in found] == [ns(second + 1) for second in range(200)]
    assert np.array_equal(np.concatenate([part.rows.time_ns for part in found]), rows(READINGS).time_ns)
    assert all((part.rows.time_ns < part.end_ns).all() for part in found)


@settings(deadline=None, max_examples=30)
@given(st.lists(st.integers(0, len(READINGS)), max_size=5))
def test_however_the_archive_cuts_it_the_alarms_are_the_same(cuts: list[int]) -> None:
    assert judged(*cuts) == judged()


def test_with_fewer_ticks_the_alarms_are_the_same_and_none_is_a_tick_off() -> None:
    fine, coarse = judged(), judged(tick_s=10)
    assert [one[:2] for one in coarse] == [one[:2] for one in fine]
    off = [abs(theirs - ours) for (_, _, ours), (_, _, theirs) in zip(fine, coarse, strict=True)]
    assert max(off) <= 10 * 10**9


def test_it_gives_what_was_given_when_it_was_live() -> None:
    live = replace(PLAN, rules=tuple(replace(one, latching=False) for one in PLAN.rules))
    state = begin(PlanChange(live, START_NS), 0)
    batch = rows(READINGS)
    items: list[Batch | Tick] = []
    for second in range(200):
        items.append(batch.take((batch.time_ns >= ns(second)) & (batch.time_ns < ns(second + 1))))
        items.append(Tick(ns(second + 1), (second + 1) * 10**9))
    events = play(state, items)
    assert [(one.rule, one.transition, one.time_ns) for one in events] == judged()
    assert {"gas.high", "gas.silent"} == {one.rule for one in events}


def test_the_synthetic_sensor_is_left_out_and_nothing_latches() -> None:
    made = playable(with_heartbeat(PLAN))
    assert [one.tag for one in made.sensors] == ["a", "b"]
    assert [one.id for one in made.rules] == ["gas.high", "gas.silent"]
    assert not any(one.latching for one in made.rules)
    assert made.detectors == PLAN.detectors
