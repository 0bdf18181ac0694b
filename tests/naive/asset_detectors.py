"""Slow, obvious twins of the detectors on whole assets: one instant after the other, plain Python."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from model.detector import AssetView
from tests.naive.combustion import combustion
from tests.naive.gas_evidence import gas_evidence
from tests.naive.neighbours import neighbours
from tests.naive.network_heads import network_heads
from tests.naive.night_flow import night_flow
from tests.naive.pca import pca
from tests.naive.pressure_wave import pressure_wave
from tests.naive.volume_balance import volume_balance

Columns = dict[str, list[float]]


def vote(detector: Any, _: AssetView, __: NDArray[np.int64], value: NDArray[np.float64]) -> Columns:
    return {"": [_voted(detector, row) for row in value], "most": [_voted(detector, row, silent=True) for row in value]}


def _voted(detector: Any, row: Iterable[float], *, silent: bool = False) -> float:
    """Count, for each value that was said, how many are at or beyond it; take the furthest that enough reach."""
    said = [v for v in row if abs(v) <= 1e100]
    others = len(list(row)) - len(said)
    if len(said) < detector.of:
        return math.nan
    wanted = detector.of - (others if silent else 0)
    if wanted <= 0:
        return math.inf if detector.side == "high" else -math.inf
    if detector.side == "high":
        return max(v for v in said if sum(other >= v for other in said) >= wanted)
    return min(v for v in said if sum(other <= v for other in said) >= wanted)


NAIVE: dict[str, Callable[[Any, AssetView, NDArray[np.int64], NDArray[np.float64]], Columns]] = {
    "vote": vote,
    "combustion": combustion,
    "neighbours": neighbours,
    "network_heads": network_heads,
    "night_flow": night_flow,
    "pca": pca,
    "pressure_wave": pressure_wave,
    "volume_balance": volume_balance,
    "gas_evidence": gas_evidence,
}
