"""A sensor's record as the kernels of ``tail.py`` see it; the fields and what they hold stand there."""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray


class Tails(Protocol):
    """The part of a sensor's record that both have; ``_TAIL_FIELDS`` says what each field holds."""

    gap_ns: int
    last_ns: int
    last: float
    step: float
    smoothed: int
    level: float
    rows: int
    heard_ns: int
    held_ns: NDArray[np.int64]
    first: NDArray[np.float64]
    begin: NDArray[np.float64]
    excess: NDArray[np.float64]
    beyond: NDArray[np.int64]
    rare_ns: NDArray[np.int64]


class Season(Tails, Protocol):
    """One sensor's record of ``SEASON_FIELDS``."""

    day: int
    hour: int
    total: float
    count: int
    spread: float
    mean: NDArray[np.float64]
    variance: NDArray[np.float64]
    days: NDArray[np.int64]
