"""What nobody is told of now, although it may be happening: hidden alarms, sensors that learn or are blind."""

from __future__ import annotations

from collections import Counter

import numpy as np

from model.detector import Learning
from model.flag import HIDING, FlagState
from model.heartbeat import HEARTBEAT
from pipeline.process.step import State
from pipeline.runners.recovery import open_alarms


def hidden_alarms(state: State) -> dict[str, int]:
    """Open alarms that are kept from annunciation, by what hides them."""
    found = Counter(alarm.hidden for alarm in open_alarms(state))
    return {kind.value: found[kind.value] for kind in HIDING}


def unseen(state: State, sensors: dict[str, int]) -> dict[str, int]:
    """All of it in figures.

    Args:
        state: only read; another thread may be at work on it.
        sensors: by their state, as ``sensors_by_state`` counts them.

    """
    asked = sum(flag.state is FlagState.ASKED for flag in state.alarms.flags.all())
    blind = sensors["silent"] + sensors["never"]
    return {**hidden_alarms(state), "asked": asked, "warming": _warming(state), "blind": blind}


def _warming(state: State) -> int:
    """Sensors of which at least one detector says nothing yet, because it is still learning."""
    count = 0
    for program in state.bound.programs:
        knows = [
            one.detector.learned(one.state)["warming"] == 0
            for one in program.detectors
            if isinstance(one.detector, Learning)
        ]
        if program.kind.id != HEARTBEAT and knows:
            count += int(np.count_nonzero(~np.logical_and.reduce(knows)))
    return count
