"""A made-up line of five stations: waves that begin somewhere, with noise that remembers, and clocks that are off."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from model.detector import AssetInput, AssetView
from model.sensor import Position

STATIONS_M = (0.0, 3600.0, 7500.0, 11200.0, 15000.0)
EVERY_S = 0.02
QUIET_S = 60.0
EPOCH_NS = 1_700_000_000_000_000_000


def line(**attributes: float) -> AssetView:
    inputs = (AssetInput(f"p{m:g}", "pipe_head", "mH2O", Position(along_m=m), EVERY_S) for m in STATIONS_M)
    return AssetView("line", {"wave_speed_m_s": 1000.0} | attributes, tuple(inputs))


def times(samples: int) -> NDArray[np.int64]:
    return EPOCH_NS + np.arange(samples, dtype=np.int64) * round(EVERY_S * 1e9)


def _remembering(
    rng: np.random.Generator, samples: int, columns: int, sigma: float, memory_s: float
) -> NDArray[np.float64]:
    keeps = np.exp(-EVERY_S / memory_s)
    value = np.empty((samples, columns))
    value[0] = rng.normal(0.0, sigma, columns)
    news = rng.normal(0.0, sigma * np.sqrt(1.0 - keeps**2), (samples, columns))
    for at in range(1, samples):
        value[at] = keeps * value[at - 1] + news[at]
    return value


def quiet(rng: np.random.Generator, seconds: float) -> NDArray[np.float64]:
    """Head without any event, m: float64 [samples, 5]."""
    samples, stations = round(seconds / EVERY_S), len(STATIONS_M)
    own = _remembering(rng, samples, stations, 0.15, 0.5) + rng.normal(0.0, 0.1, (samples, stations))
    value: NDArray[np.float64] = 100.0 + own + _remembering(rng, samples, 1, 0.1, 20.0)
    return value


def wave(
    rng: np.random.Generator,
    *,
    place_m: float,
    height_m: float,
    opening_s: float,
    stations_m: tuple[float, ...] = STATIONS_M,
) -> NDArray[np.float64]:
    """A wave begins after ``QUIET_S`` at a place and runs both ways, with half of it thrown back at the ends."""
    value = quiet(rng, QUIET_S + 40.0)
    now_s = np.arange(len(value)) * EVERY_S - QUIET_S
    speed_m_s, length_m = 1000.0 * (1.0 + rng.uniform(-0.01, 0.01)), stations_m[-1]
    images = [(place_m, 1.0), (-place_m, 0.5), (2.0 * length_m - place_m, -0.5)]
    for station, along_m in enumerate(stations_m):
        clock_s = rng.uniform(-0.01, 0.01)
        for image_m, share in images:
            if share == 1.0 or image_m != place_m:
                far_m = abs(along_m - image_m)
                risen = np.clip((now_s - far_m / speed_m_s - clock_s) / opening_s, 0.0, 1.0)
                value[:, station] += height_m * share * np.exp(-2.5e-5 * far_m) * risen
    rounded: NDArray[np.float64] = np.round(value / 0.02) * 0.02
    return rounded
