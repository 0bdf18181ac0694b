"""How soon a broken correlation is found by ``pca``'s q and by correlations in a moving window, side by side.

    python -m bench.correlation

Four made-up sensors share one cause; then the first one's correlation with the others changes, its mean and spread do
not. Each statistic gets the limit that it passes three times in 60,000 calm instants. Delays are in instants, those of
20 breaks; instants at the seam are not looked at.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numba import njit
from numpy.typing import NDArray

from detectors.parameters import build_for_assets
from model.detector import AssetInput, AssetView
from model.sensor import Position

Values = NDArray[np.float64]
WARMUP, CALM, BROKEN, BREAKS, SENSORS = 4000, 60_000, 3000, 20, 4
SETTLE, SEAM, EPISODE, EPISODES = 1000, 5, 600, 3
CASES = ((0.95, 0.0), (0.9, 0.6), (0.8, 0.4), (0.6, 0.0), (0.6, -0.6), (0.3, 0.0), (0.3, -0.3))


@njit(cache=False)
def averaged(value: Values, share: float) -> Values:
    """Exponential averages of columns."""
    out, level = np.empty_like(value), value[0].copy()
    for row in range(len(value)):
        level += share * (value[row] - level)
        out[row] = level
    return out


def wander(rng: np.random.Generator, rows: int, columns: int, memory: float) -> Values:
    """Noise of spread 1 that remembers."""
    made = averaged(rng.normal(size=(rows + 500, columns)), 1.0 - memory)[500:]
    scaled: Values = made * np.sqrt((1.0 + memory) / (1.0 - memory))
    return scaled


def plant(rng: np.random.Generator, rows: int, memory: float, before: float, after: float, calm: int) -> Values:
    """Sensors that correlate by ``before``; from row ``calm`` on the first one does by ``after`` with the others."""
    common, own = wander(rng, rows, 1, memory), wander(rng, rows, SENSORS, memory)
    weight = np.full((rows, SENSORS), np.sqrt(before))
    weight[calm:, 0] = after / np.sqrt(before)
    value: Values = weight * common + np.sqrt(1.0 - weight**2) * own
    return value


def residual(value: Values, lags: float) -> Values:
    detector = build_for_assets("pca", {"warmup_s": float(WARMUP), "hold_s": 1e8, "lags": lags})
    view = AssetView("a", {}, tuple(AssetInput(f"s{n}", "k", "1", Position(), 1.0) for n in range(SENSORS)))
    time_ns = np.arange(len(value), dtype=np.int64) * 10**9
    return np.nan_to_num(detector.update(detector.init(view), view, time_ns, value)["q"])


def correlation(value: Values, window: float) -> Values:
    """Largest deviation of a pair's correlation (Fisher's z) from its usual one, in its usual spread."""
    z = (value - value[:WARMUP].mean(axis=0)) / value[:WARMUP].std(axis=0)
    mean, square = averaged(z, 1.0 / window), averaged(z * z, 1.0 / window)
    found = np.zeros(len(value))
    for i in range(SENSORS):
        for j in range(i):
            both = averaged(z[:, [i]] * z[:, [j]], 1.0 / window)[:, 0] - mean[:, i] * mean[:, j]
            spread = np.sqrt(np.maximum((square - mean**2)[:, i] * (square - mean**2)[:, j], 1e-9))
            fisher = np.arctanh(np.clip(both / spread, -0.999999, 0.999999))
            usual = fisher[round(2 * window) : WARMUP]
            found = np.maximum(found, np.abs(fisher - usual.mean()) / usual.std())
    return found


STATISTICS: dict[str, Callable[[Values], Values]] = {
    "q": lambda value: residual(value, 0.0),
    "q, 2 lags": lambda value: residual(value, 2.0),
    "window of 60": lambda value: correlation(value, 60.0),
    "window of 240": lambda value: correlation(value, 240.0),
}


def limit(score: Values) -> float:
    """Passed in so many episodes, by bisection."""
    low, high = float(np.quantile(score, 0.9)), 1.01 * float(score.max())
    for _ in range(40):
        middle = (low + high) / 2
        at = np.flatnonzero(score > middle)
        many = len(at) and 1 + np.count_nonzero(np.diff(at) > EPISODE) > EPISODES
        low, high = (middle, high) if many else (low, middle)
    return high


def main() -> None:
    for memory in (0.0, 0.95):
        for before, after in CASES:
            rng = np.random.default_rng(5)
            calm = plant(rng, WARMUP + CALM, memory, before, before, WARMUP + CALM)
            limits = {name: limit(score(calm)[WARMUP + SETTLE :]) for name, score in STATISTICS.items()}
            delays: dict[str, list[float]] = {name: [] for name in STATISTICS}
            begin = WARMUP + SETTLE
            for _ in range(BREAKS):
                value = plant(rng, begin + BROKEN, memory, before, after, begin)
                for name, score in STATISTICS.items():
                    at = np.flatnonzero(score(value)[begin + SEAM :] > limits[name])
                    delays[name].append(float(at[0] + SEAM) if len(at) else np.inf)
            told = [
                f"{name} {np.median(of):.0f} ({np.isfinite(of).sum()} of {BREAKS} found)" for name, of in delays.items()
            ]
            print(f"memory {memory:g}, correlation {before:g} to {after:g}: {'; '.join(told)}")


if __name__ == "__main__":
    main()
