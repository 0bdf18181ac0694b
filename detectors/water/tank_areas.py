"""Areas of a network's tanks, learned from what the pumps bring: for ``night_flow`` where nobody gave them."""

from __future__ import annotations

import math

import numpy as np

from detectors.kernels import Floats

#: How far the area of one tank is expected to be off the mean one, one deviation.
_DIFFER = 0.5
#: The levels must explain so much of the inflow, or nothing is learned.
_EXPLAINED_MIN = 0.5
_TINY = 1e-12


def learned_m2(cells: Floats, products: Floats) -> Floats:
    """Areas by which inflow above what is usual at the hour of the day goes into the tanks.

    All tanks first count as equally large (least squares of the inflow on the sum of the rises, each less its mean at
    that hour of the day), then each may differ by some half of that as far as the data say so (ridge). Demand
    that follows no hour makes both too small by the share of the inflow that is not explained: that is put back.

    Args:
        cells: float64 [hours, 2 + m], see ``NightFlowState``.
        products: float64 [1 + m, 1 + m], the same.

    Returns:
        m2, float64 [m]; NaN where the levels do not explain half of the inflow.

    """
    levels = products.shape[0] - 1
    if levels == 0:
        return np.zeros(0)
    filled = cells[cells[:, 0] > 0.0]
    within = products - (filled[:, 1:].T / filled[:, 0]) @ filled[:, 1:]
    freedom = float(filled[:, 0].sum()) - len(filled) - levels
    inflow, rises, both = float(within[0, 0]), within[1:, 1:], within[1:, 0]
    together = float(rises.sum())
    if freedom <= 0.0 or together <= _TINY or inflow <= _TINY:
        return np.full(levels, np.nan)
    mean = float(both.sum()) / together
    noise = max(inflow - mean * float(both.sum()), 0.0) / freedom
    pull = max(noise / max(_DIFFER * mean, _TINY) ** 2, _TINY)
    area = mean + np.linalg.solve(rises + pull * np.eye(levels), both - rises.sum(axis=1) * mean)
    explained = 1.0 - (inflow - 2.0 * float(area @ both) + float(area @ rises @ area)) / inflow
    if not math.isfinite(explained) or explained < _EXPLAINED_MIN:
        return np.full(levels, np.nan)
    found: Floats = area / min(explained, 1.0)
    return found
