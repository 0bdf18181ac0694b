"""Where a pressure wave began: its onset at each station, then the place that explains all onsets best.

Kept apart from ``pressure_wave``, which listens at every instant: this is worked out only while a wave runs.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numba import njit, types

from detectors.kernels import F64, Floats

#: Places looked at along the line, first roughly, then around the best one.
_COARSE = 1000
_FINE = 100
#: The curvature of the misfit is taken over so much of the line, m.
_BEND_M = 2.0


class Fronts(NamedTuple):
    """The front as it passed each station.

    Attributes:
        onset: float64 [m], samples since the window of that station began; NaN = not fitted.
        height: float64 [m], signed, unit of the kind.
        length: samples in which the front rose, the same at all stations.

    """

    onset: Floats
    height: Floats
    length: int


class Source(NamedTuple):
    """Where and when the wave began.

    Attributes:
        place_m: along the line.
        error_m: one standard deviation of it.
        began_s: on the clock of the onsets.
        misfit: chi-square of the onsets there.

    """

    place_m: float
    error_m: float
    began_s: float
    misfit: float


def fit_fronts(
    windows: Sequence[Floats], sigma: Sequence[float], memory: float, lengths: Sequence[int], margin: int
) -> Fronts:
    """Fit one front to all stations: one length, an onset and a height each; least squares.

    Args:
        windows: of each station float64 [n], oldest first, unit of the kind; empty = no arrival there.
        sigma: of each station, deviation of its noise, unit of the kind.
        memory: share of the sample before that is taken off each, 0 to 1.
        lengths: samples, those that are tried.
        margin: samples at both ends of a window in which no front is looked for.

    """
    best, chosen = np.inf, Fronts(np.full(len(windows), np.nan), np.full(len(windows), np.nan), lengths[0])
    for length in lengths:
        left, onset, height = 0.0, np.full(len(windows), np.nan), np.full(len(windows), np.nan)
        found = np.empty(2)
        for i, window in enumerate(windows):
            if len(window):
                left += _fit_front(window, memory, length, margin, len(window) - 1 - margin, found) / sigma[i] ** 2
                onset[i], height[i] = found
        if left < best:
            best, chosen = left, Fronts(onset, height, length)
    return chosen


@njit(
    types.float64(F64, types.float64, types.int64, types.int64, types.int64, F64),
    cache=True,
    nogil=True,
    error_model="numpy",
)
def _fit_front(series: Floats, memory: float, length: int, begin: int, end: int, found: Floats) -> float:
    """Fit a level and a ramp of ``length`` samples to another one; ``found`` gets onset and height.

    Both the series and the ramp are seen as ``x[i] - memory * x[i-1]``, which takes away most of what noise remembers
    and keeps the edge of the front. Each onset costs the same, by running sums. Gives the sum of squares that is left.
    """
    n = len(series) - 1
    sums, moments, squares = np.zeros(n + 1), np.zeros(n + 1), 0.0
    level = (1.0 - memory) * series[0]
    for i in range(n):  # sample i + 1 of the series
        x = series[i + 1] - memory * series[i] - level
        sums[i + 1] = sums[i] + x
        moments[i + 1] = moments[i] + x * i
        squares += x * x
    total = squares - sums[n] * sums[n] / n
    left = np.full(n, total)
    at, found[1] = begin, 0.0
    flat, edge = 1.0 - memory, memory / length
    for onset in range(begin, end):
        full = min(onset + length, n)  # until here the ramp rises, by 1 / length a sample, the first time at onset
        steps, after = full - onset, n - full
        ramp, ramp_squares = steps * (steps + 1) / 2.0 / length, steps * (steps + 1) * (2 * steps + 1) / 6.0 / length**2
        r = flat * (ramp + after) + edge * steps
        rr = flat * flat * (ramp_squares + after) + 2.0 * flat * edge * ramp + edge * edge * steps
        inside = sums[full] - sums[onset]
        rising = (moments[full] - moments[onset] - (onset - 1) * inside) / length
        xr = flat * (rising + sums[n] - sums[full]) + edge * inside
        spread = rr - r * r / n
        together = xr - sums[n] * r / n
        if spread > 0.0:
            left[onset] = total - together * together / spread
            if left[onset] < left[at]:
                at, found[1] = onset, together / spread
    found[0] = float(at)  # the ramp leaves the level at sample ``at`` of the series
    if begin < at < end - 1:
        bend = left[at - 1] - 2.0 * left[at] + left[at + 1]
        if bend > 0.0:
            found[0] += 0.5 * (left[at - 1] - left[at + 1]) / bend
    least: float = left[at]
    return least


@njit(
    types.float64(F64, F64, F64, types.float64, types.float64, types.float64, F64),
    cache=True,
    nogil=True,
    error_model="numpy",
)
def _misfit(
    along_m: Floats, onset_s: Floats, error_s: Floats, speed_m_s: float, tolerance: float, place_m: float, began: Floats
) -> float:
    """Chi-square of the onsets if the wave began at ``place_m``; a NaN onset does not count.

    Free are the beginning (``began`` gets it) and the wave's slowness, which has a prior: the nominal one within a
    share of ``tolerance`` (one deviation).
    """
    prior, prior_weight = 1.0 / speed_m_s, (speed_m_s / tolerance) ** 2
    a, b, c, u, v = 0.0, 0.0, prior_weight, 0.0, 0.0  # normal equations of beginning and slowness beyond the prior
    for i in range(len(along_m)):
        if not np.isnan(onset_s[i]):
            weight, far = 1.0 / (error_s[i] * error_s[i]), abs(place_m - along_m[i])
            rest = onset_s[i] - prior * far
            a += weight
            b += weight * far
            c += weight * far * far
            u += weight * rest
            v += weight * far * rest
    determinant = a * c - b * b
    start, slower = (c * u - b * v) / determinant, (a * v - b * u) / determinant
    began[0] = start
    chi = slower * slower * prior_weight
    for i in range(len(along_m)):
        if not np.isnan(onset_s[i]):
            off = (onset_s[i] - start - (prior + slower) * abs(place_m - along_m[i])) / error_s[i]
            chi += off * off
    return chi


@njit(
    types.void(F64, F64, F64, types.float64, types.float64, F64),
    cache=True,
    nogil=True,
    error_model="numpy",
)
def _locate(
    along_m: Floats, onset_s: Floats, error_s: Floats, speed_m_s: float, tolerance: float, found: Floats
) -> None:
    """Fill ``found`` with the fields of ``Source``."""
    began = np.zeros(1)
    first, last = along_m[0], along_m[-1]
    place, lowest = first, np.inf
    step = (last - first) / _COARSE
    low, count = first, _COARSE + 1
    for _ in range(2):
        for i in range(count):
            here = min(low + i * step, last)
            chi = _misfit(along_m, onset_s, error_s, speed_m_s, tolerance, here, began)
            if chi < lowest:
                place, lowest = here, chi
        low = max(place - step, first)
        step, count = 2.0 * step / _FINE, _FINE + 1
    inside = place  # the bend is taken beside a station, where the misfit has a corner
    for i in range(len(along_m)):
        if abs(inside - along_m[i]) < 2.0 * _BEND_M:
            inside = along_m[i] + (2.0 * _BEND_M if i == 0 else -2.0 * _BEND_M)
    near = _misfit(along_m, onset_s, error_s, speed_m_s, tolerance, inside - _BEND_M, began)
    middle = _misfit(along_m, onset_s, error_s, speed_m_s, tolerance, inside, began)
    far = _misfit(along_m, onset_s, error_s, speed_m_s, tolerance, inside + _BEND_M, began)
    bend = (near - 2.0 * middle + far) / (_BEND_M * _BEND_M)
    found[1] = np.sqrt(2.0 / bend) if bend > 2.0 / (last - first) ** 2 else last - first
    found[0], found[3] = place, _misfit(along_m, onset_s, error_s, speed_m_s, tolerance, place, began)
    found[2] = began[0]


def locate(along_m: Floats, onset_s: Floats, error_s: Floats, speed_m_s: float, tolerance: float) -> Source:
    """Find the place between the first and the last station that explains the onsets best.

    Args:
        along_m: float64 [m], places of the stations, rising.
        onset_s: float64 [m], NaN = not there yet.
        error_s: float64 [m], one deviation of each, of the onset and of the station's clock together.
        speed_m_s: nominal wave speed.
        tolerance: share by which it may be off, one deviation.

    """
    found = np.empty(4)
    _locate(along_m, onset_s, error_s, speed_m_s, tolerance, found)
    return Source(*found.tolist())


def misfit_at(
    along_m: Floats, onset_s: Floats, error_s: Floats, speed_m_s: float, tolerance: float, place_m: float
) -> float:
    """Chi-square of the onsets if the wave began at ``place_m``; the rest as in ``locate``."""
    return float(_misfit(along_m, onset_s, error_s, speed_m_s, tolerance, place_m, np.zeros(1)))
