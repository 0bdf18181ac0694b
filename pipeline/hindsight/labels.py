"""What really happened, as people recorded it, and which run would have told them when."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from pipeline.hindsight.episodes import Episode


@dataclass(frozen=True, slots=True)
class Label:
    """Something that happened.

    Attributes:
        name: what it was.
        begin_ns: when it began.
        end_ns: until when an alarm is about it.
        subject: tag or asset that it happened at; empty = anywhere.

    """

    name: str
    begin_ns: int
    end_ns: int
    subject: str = ""


@dataclass(frozen=True, slots=True)
class Told:
    """Labelled events that a run found.

    Attributes:
        delays_s: of each label, from its beginning to the first alarm about it; None = not found.

    """

    delays_s: tuple[float | None, ...]

    @property
    def found(self) -> int:
        return sum(one is not None for one in self.delays_s)

    @property
    def median_s(self) -> float | None:
        found = [one for one in self.delays_s if one is not None]
        return float(np.median(found)) if found else None


def told(labels: Iterable[Label], made: Sequence[Episode]) -> Told:
    """The first alarm that begins while a label lasts is about it; one that was on already told of something else."""
    delays = []
    for label in labels:
        own = (one for one in made if label.subject in ("", one.tag, one.asset))
        about = [one.begin_ns - label.begin_ns for one in own if label.begin_ns <= one.begin_ns <= label.end_ns]
        delays.append(min(about) / 1e9 if about else None)
    return Told(tuple(delays))
