"""The same rows give the same events, byte for byte, however they are cut into batches."""

from __future__ import annotations

from itertools import repeat

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from model.alarm import Transition
from tests.pipeline.plans import canonical
from tests.pipeline.runs import follow, long_run, merged, same_state, singly, started, whole_plan
from tests.pipeline.worlds import Event, World, happenings, worlds

PLAN = whole_plan()


@pytest.mark.parametrize("seed", range(12))
def test_a_run_over_all_detectors_is_the_same_however_it_is_cut(seed: int) -> None:
    events = long_run(seed)
    rng = np.random.default_rng(seed + 1000)
    whole, one_by_one, mixed = started(PLAN), started(PLAN), started(PLAN)
    expected = canonical(follow(whole, merged(events, repeat(10**6))))
    assert canonical(follow(one_by_one, singly(events))) == expected
    assert canonical(follow(mixed, merged(events, iter(lambda: int(rng.integers(1, 6)), 0)))) == expected
    assert same_state(whole, one_by_one)
    assert same_state(whole, mixed)


def test_the_runs_make_every_rule_and_every_transition_happen() -> None:
    events = [event for seed in range(12) for event in follow(started(PLAN), long_run(seed))]
    assert {event.rule for event in events} == {rule.id for rule in PLAN.rules} | {"system.data_gap"}
    assert {event.transition for event in events} == set(Transition)
    assert {event.offline for event in events} == {True, False}


@settings(max_examples=60, deadline=None)
@given(happenings(4, acts=True), st.lists(st.integers(1, 7), min_size=1))
def test_hard_rows_are_the_same_however_they_are_cut(events: list[Event], sizes: list[int]) -> None:
    whole, parts = started(PLAN), started(PLAN)
    expected = canonical(follow(whole, merged(events, repeat(10**6))))
    assert canonical(follow(parts, merged(events, _for_ever(sizes)))) == expected
    assert same_state(whole, parts)


@settings(max_examples=60, deadline=None)
@given(worlds())
def test_any_rules_give_the_same_events_however_rows_are_cut(world: World) -> None:
    whole, parts = started(world.plan), started(world.plan)
    assert canonical(follow(whole, merged(world.events, repeat(10**6)))) == canonical(
        follow(parts, singly(world.events))
    )
    assert same_state(whole, parts)


def _for_ever(sizes: list[int]):
    while True:
        yield from sizes
