"""Changed detectors are warmed on the past, while the old ones go on: they begin with what they would have learned.

Only the changed detectors are played, without rules, over the readings that are kept. What comes between the end of
that and the change is not in it: a few seconds, as if the sensors had paused.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from model.batch import Batch
from model.inputs import PlanChange, Tick
from model.plan import Plan
from pipeline.changes.difference import Anew
from pipeline.process import warmed
from pipeline.process.binding import bind
from pipeline.process.step import begin, step

#: So many times what a detector needs to learn is played, and this at least.
TIMES, PLAYED_S_MIN = 2.0, 3600.0


def to_warm(new: Plan, anew: Iterable[Anew]) -> tuple[Anew, ...]:
    """Those that can be: on single sensors, and with a state that only readings change, not the passing of time."""
    bound = bind(only(new, [one.detector for one in anew]))
    over_time = {
        one.spec.id
        for program in bound.programs
        for one in program.detectors
        if one.detector.advance(one.state, Tick(0, 0)) is not None
    }
    of_sensors = {spec.id for spec in new.detectors if not spec.assets}
    return tuple(one for one in anew if one.detector in of_sensors - over_time)


def only(plan: Plan, detectors: Sequence[str]) -> Plan:
    """The plan with these detectors and their sensors alone, and no rules."""
    chosen = tuple(spec for spec in plan.detectors if spec.id in detectors and not spec.assets)
    kinds = {kind for spec in chosen for kind in spec.kinds}
    return replace(
        plan,
        kinds=tuple(one for one in plan.kinds if one.id in kinds),
        sensors=tuple(one for one in plan.sensors if one.kind in kinds),
        detectors=tuple(replace(one, kinds=tuple(k for k in one.kinds if k in kinds)) for one in chosen),
        rules=(),
        overrides=(),
    )


def played_s(anew: Iterable[Anew]) -> float:
    """How much of the past is worth playing."""
    return max([PLAYED_S_MIN, *(TIMES * one.learns_s for one in anew)])


def warm(plan: Plan, detectors: Sequence[str], inputs: Iterable[Batch | Tick]) -> dict[str, NDArray[np.generic]]:
    """Play inputs of ``only`` such a plan.

    Args:
        plan: as ``only`` makes it.
        detectors: whose state is wanted.
        inputs: readings in the order of their time, and the ticks between them.

    """
    state = begin(PlanChange(plan, 0), 0)
    for item in inputs:
        step(state, state.next_offset, item)
    return warmed.take(state.bound, detectors)
