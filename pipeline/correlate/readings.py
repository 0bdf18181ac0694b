"""What sensors of an asset read last: the states that combinations ask for, such as people in a room."""

from __future__ import annotations

import math

from model.batch import NO_TIME
from pipeline.process.step import State


class LastReadings:
    """Asked at ticks alone: between two of them it would depend on how rows were cut into batches."""

    def __init__(self, state: State) -> None:
        self._state = state

    def __call__(self, kind: str, asset: str) -> list[float]:
        """Values of the kind's sensors on the asset that are usable, and not too old where they report by the clock."""
        state = self._state
        on_change = any(one.id == kind and one.on_change for one in state.bound.plan.kinds)
        found = []
        for sensor in state.incidents.groups.geography.sensors_at(kind, asset):
            ring = state.recent.rings[sensor]
            value, heard_ns = float(ring["value"][ring["at"] - 1]), int(state.admission.sensors[sensor]["heard_ns"])
            age_ns = state.clock.wall_ns - heard_ns
            is_fresh = heard_ns != NO_TIME and (on_change or age_ns <= int(state.bound.offline_ns[sensor]))
            if is_fresh and not math.isnan(value):
                found.append(value)
        return found
