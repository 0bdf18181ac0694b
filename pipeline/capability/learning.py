"""Detectors that say nothing yet because they are still learning, and those whose normal is out of date."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass

import numpy as np

from model.detector import Learning
from model.heartbeat import HEARTBEAT
from pipeline.process import snapshot
from store.snapshots import Snapshot


@dataclass(frozen=True, slots=True)
class StillLearning:
    """Of one detector on the sensors of one kind.

    Attributes:
        detector: its id in the pack.
        kind: of the sensors.
        sensors: how many it watches, on the assets that were asked for.
        warming: of them, those that it says nothing about yet; never heard ones are among them.
        stale: those whose normal was given up and is learned anew.

    """

    detector: str
    kind: str
    sensors: int
    warming: int
    stale: int


def still_learning(whole: Snapshot, assets: Collection[str]) -> Iterator[StillLearning]:
    """Every detector on single sensors that has a sensor which it does not judge in full.

    Args:
        whole: state of the pipeline; not modified.
        assets: ids.

    """
    bound = snapshot.restore(whole).bound
    for program in bound.programs:
        own = np.array([bound.plan.sensors[at].asset in assets for at in program.sensors], np.bool_)
        if program.kind.id == HEARTBEAT or not own.any():
            continue
        for one in program.detectors:
            if not isinstance(one.detector, Learning):
                continue
            learned = one.detector.learned(one.state)
            warming = int(np.count_nonzero(own & ~(learned["warming"] == 0)))
            stale = int(np.count_nonzero(own & (learned["stale"] == 1)))
            if warming or stale:
                yield StillLearning(one.spec.id, program.kind.id, int(own.sum()), warming, stale)
