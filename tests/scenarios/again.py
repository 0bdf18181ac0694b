"""Each scenario once more: cut by a restart after every input, its rows in larger batches, and beside the model."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TypeAlias

import numpy as np

from model.alarm import AlarmEvent
from model.batch import Batch
from model.flag import FlagEvent
from model.inputs import Finding, HumanAct, Input, PlanChange
from pipeline.process import snapshot
from pipeline.process.step import Outcome, begin, step
from tests.naive.alarm_twin import NotModelledError, Twin

CUTS_MAX = 60  # of a long scenario only so many, and those at acts and plans


Told: TypeAlias = tuple[list[AlarmEvent], list[FlagEvent]]


def restarted_everywhere(first: PlanChange, items: list[Input]) -> Told:
    """What is told when the state goes through a snapshot after every input."""
    state, outcomes = begin(first, 0), []
    every = 1 + len(items) // CUTS_MAX
    for number, item in enumerate(items):
        outcomes.append(step(state, state.next_offset, item))
        if number % every == 0 or isinstance(item, HumanAct | PlanChange):
            state = snapshot.restore(snapshot.take(state))
    return _told(outcomes)


def in_one_piece(first: PlanChange, items: list[Input]) -> Told:
    """What is told when rows that follow each other come in one batch."""
    state = begin(first, 0)
    return _told([step(state, state.next_offset, item) for item in _joined(items)])


def beside_the_model(first: PlanChange, items: list[Input]) -> bool:
    """False: the model does not know everything of this scenario."""
    if any(isinstance(item, Finding) for item in items):
        return False
    try:
        twin = Twin(first.plan)
        for item in items:
            if isinstance(item, PlanChange):
                Twin(item.plan)
    except NotModelledError:
        return False
    state = begin(first, 0)
    for item in items:
        twin.put(item, step(state, state.next_offset, item), state)
    return True


def _told(outcomes: list[Outcome]) -> Told:
    return [e for one in outcomes for e in one.events], [told for one in outcomes for told in one.flags]


def _joined(items: Iterable[Input]) -> Iterator[Input]:
    waiting: list[Batch] = []
    for item in items:
        if isinstance(item, Batch):
            waiting.append(item)
            continue
        yield from _one(waiting)
        waiting = []
        yield item
    yield from _one(waiting)


def _one(batches: list[Batch]) -> list[Batch]:
    if not batches:
        return []
    columns = [np.concatenate([getattr(batch, name) for batch in batches]) for name in Batch.__dataclass_fields__]
    return [Batch(*columns)]
