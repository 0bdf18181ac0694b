"""Recorded readings through ``step`` under a plan, with a tick for every second between them.

A tick is what makes silence, delays and grids go on, so a second without readings is played like any other. What people
did then is left out: they did it to the alarms of then.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

import numpy as np

from model.alarm import AlarmEvent
from model.batch import Batch, concatenate
from model.heartbeat import HEARTBEAT
from model.inputs import PlanChange, Tick
from model.plan import Plan
from pipeline.process.step import State, begin, step
from store.archive.rows import filed_under

SECOND_NS = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Slice:
    """Some readings, one second's as a rule.

    Attributes:
        end_ns: of the time that they are from.
        rows: may be none.
        ticks: a tick follows the readings. Recordings have none: their series are from different years, and what lies
            between is nobody's silence.

    """

    end_ns: int
    rows: Batch
    ticks: bool = True


def playable(plan: Plan) -> Plan:
    """The plan as recorded readings can be judged by it.

    The synthetic sensor is left out, for it is not recorded, and nothing latches, for nobody is there to reset it: a
    latched alarm counts as over when its condition is.
    """
    return replace(
        plan,
        sensors=tuple(one for one in plan.sensors if one.tag != HEARTBEAT),
        assets=tuple(one for one in plan.assets if one.id != HEARTBEAT),
        kinds=tuple(one for one in plan.kinds if one.id != HEARTBEAT),
        detectors=tuple(one for one in plan.detectors if HEARTBEAT not in one.kinds),
        rules=tuple(replace(one, latching=False) for one in plan.rules if one.id != HEARTBEAT),
    )


class Play:
    """One plan that judges slice after slice."""

    def __init__(self, plan: Plan, begin_ns: int) -> None:
        self._state: State = begin(PlanChange(plan, begin_ns), 0)
        self._begin_ns = begin_ns
        self.events: list[AlarmEvent] = []

    def judge(self, part: Slice) -> None:
        state = self._state
        if len(part.rows):
            self.events += step(state, state.next_offset, part.rows).events
        if part.ticks:
            tick = Tick(part.end_ns, part.end_ns - self._begin_ns)
            self.events += step(state, state.next_offset, tick).events


def slices(batches: Iterable[Batch], begin_ns: int, end_ns: int, *, tick_s: int = 1) -> Iterator[Slice]:
    """Readings in the order of their time, second by second, without leaving a second out.

    Args:
        batches: in that order, as the archive gives them.
        begin_ns: of the first second.
        end_ns: the last second ends then or later.
        tick_s: so many seconds are taken together, ten at most: several times as fast, and what time has a part in
            comes up to so much sooner or later.

    """
    slice_ns = tick_s * SECOND_NS
    at_ns = begin_ns
    waiting: list[Batch] = []

    def closed(end_of_slice_ns: int) -> Slice:
        together = concatenate(waiting)
        waiting.clear()
        return Slice(end_of_slice_ns, together)

    for batch in (one for one in batches if len(one)):
        number = np.maximum((filed_under(batch.time_ns, batch.received_ns) - begin_ns) // slice_ns, 0)
        edges = np.flatnonzero(np.diff(number)) + 1
        for first, last in zip([0, *edges.tolist()], [*edges.tolist(), len(batch)], strict=True):
            begins_ns = begin_ns + int(number[first]) * slice_ns
            while at_ns < begins_ns:
                at_ns += slice_ns
                yield closed(at_ns)
            waiting.append(batch.take(slice(first, last)))
    while at_ns < end_ns or waiting:
        at_ns += slice_ns
        yield closed(at_ns)
