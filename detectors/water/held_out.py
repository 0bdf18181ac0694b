"""How far days that the regression has not seen go astray: what ``network_heads`` may expect of the days to come."""

from __future__ import annotations

import numpy as np

from detectors.kernels import Floats

_STILL = 1e-9
#: Fewer stretches say nothing.
_STRETCHES_MIN = 3


def held_out(blocks: Floats, features: int, fast: int, rows: int, ridge: float, covariance: Floats) -> Floats:
    """For each stretch of ``fast`` blocks of the warm-up: its test by what all the others teach, 1 = as expected.

    Args:
        blocks: float64 [n, features + heads], means of the blocks.
        features: how many.
        fast: blocks of a stretch; the newest stretches count, whole ones.
        rows: of a block.
        ridge: as in the regression.
        covariance: float64 [heads, heads], of a block, as it is tested with.

    Returns:
        float64 [stretches]; none where there are fewer than three.

    """
    count = len(blocks) // fast
    if count < _STRETCHES_MIN:
        return np.empty(0)
    feature, head = blocks[:, :features] - blocks[0, :features], blocks[:, features:]
    variance = feature.var(axis=0)
    moves = variance > _STILL * (1.0 + (feature**2).mean(axis=0))
    scaled = np.where(moves, feature - feature.mean(axis=0), 0.0) / np.where(moves, np.sqrt(variance), 1.0)
    found = np.empty(count)
    for stretch in range(count):
        out = np.zeros(len(blocks), np.bool_)
        end = len(blocks) - stretch * fast
        out[end - fast : end] = True
        seen, middle = scaled[~out] - scaled[~out].mean(axis=0), head[~out].mean(axis=0)
        gram = rows * (seen.T @ seen) + ridge * np.eye(features)
        taught = np.linalg.solve(gram, rows * (seen.T @ (head[~out] - middle)))
        apart = scaled[out].mean(axis=0) - scaled[~out].mean(axis=0)
        lack = head[out].mean(axis=0) - middle - apart @ taught
        unsure = 1.0 / fast + 1.0 / (len(blocks) - fast) + rows * float(apart @ np.linalg.solve(gram, apart))
        found[stretch] = float(lack @ np.linalg.solve(covariance, lack)) / len(lack) / unsure
    return found
