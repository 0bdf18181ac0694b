"""Slow, obvious twin of ``pressure_wave``: one instant and one station after the other.

What is worked out while a wave runs (``wave_source``) has tests of its own, against plain least squares.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from detectors.pipelines.pressure_wave import COLUMNS
from detectors.pipelines.wave_source import fit_fronts, locate, misfit_at
from model.detector import AssetView

Columns = dict[str, list[float]]


class _Line:
    def __init__(self, detector: Any, asset: AssetView) -> None:
        self.detector, self.asset = detector, asset
        self.along = [float(one.position.along_m or 0.0) for one in asset.inputs]
        self.speed = asset.attributes.get("wave_speed_m_s", detector.wave_speed_m_s)
        self.even = [self.along[0]]  # metres that take as long at the line's speed
        for k in range(1, len(self.along)):
            own = asset.attributes.get(f"wave_speed_{k}_m_s", self.speed)
            self.even.append(self.even[-1] + (self.along[k] - self.along[k - 1]) * self.speed / own)
        self.series: list[list[float]] = [[] for _ in self.along]
        self.good = [0] * len(self.along)
        self.variance, self.learned = [0.0] * len(self.along), [0] * len(self.along)
        self.phase, self.since, self.loud, self.look, self.said_until = "listening", 0, 0, 0, 0
        self.arrived: dict[int, int] = {}
        self.peak: dict[int, float] = {}
        self.said: list[float] = [math.nan] * len(COLUMNS)

    def n(self, seconds: float) -> int:
        return max(1, round(seconds / self.detector.every_s))

    @property
    def crossing_s(self) -> float:
        return (self.even[-1] - self.even[0]) / self.speed

    def step(self, i: int, now: int) -> float:
        front, before = self.n(self.detector.front_s), self.n(self.detector.before_s)
        new = self.series[i][now - front + 1 : now + 1]
        old = self.series[i][now - 2 * front - before + 1 : now - 2 * front + 1]
        return sum(reversed(new)) / front - sum(reversed(old)) / before

    def sigma(self, i: int) -> float:
        return max(math.sqrt(self.variance[i]), self.detector.sigma_floor, 1e-9)

    def hear(self, i: int, now: int) -> None:
        step, sigma = self.step(i, now), self.sigma(i)
        loud = step / sigma
        if self.phase == "listening":
            counted = min(abs(step), 3.0 * sigma)
            self.variance[i] += self.detector.every_s / self.detector.sigma_s * (counted**2 - self.variance[i])
        if abs(loud) >= self.detector.front_sigma:
            self.loud = now
            if self.phase == "listening":
                self.phase, self.since, self.arrived, self.peak = "running", now, {}, {}
            if self.phase == "running" and i not in self.arrived:
                self.arrived[i], self.peak[i] = now, loud
                self.look = now + 2 * self.n(self.detector.front_s)
        near = i in self.arrived and now - self.arrived[i] < 2 * self.n(self.detector.front_s)
        if self.phase == "running" and near and abs(loud) > abs(self.peak[i]):
            self.peak[i] = loud

    def instant(self, now: int, row: NDArray[np.float64], *, after_a_gap: bool) -> list[float]:
        front, before = self.n(self.detector.front_s), self.n(self.detector.before_s)
        if after_a_gap:
            self.good, self.phase = [0] * len(self.along), "listening"
        able = False
        for i, value in enumerate(row.tolist()):
            usable = abs(value) <= 1e100
            self.good[i] = self.good[i] + 1 if usable else 0
            self.series[i].append(value if usable else 0.0)
            if self.good[i] < 2 * front + before:
                continue
            if self.learned[i] < self.n(self.detector.warmup_s):
                self.learned[i] += 1
                self.variance[i] += (self.step(i, now) ** 2 - self.variance[i]) / self.learned[i]
            else:
                able = True
                self.hear(i, now)
        rest = self.n(self.crossing_s + self.detector.before_s)
        if self.phase == "resting" and (now - self.loud >= rest or now - self.since >= 10 * rest):
            self.phase = "listening"
        said = [0.0, 0.0] + [math.nan] * (len(COLUMNS) - 2) if able else [math.nan] * len(COLUMNS)
        if able and now < self.said_until:
            said = list(self.said)
            self.said[5] += self.detector.every_s
        if self.phase == "running" and now + 1 >= self.look:
            said = self.judge(now + 1) or said
        return said

    def judge(self, now: int) -> list[float] | None:
        heard = [i for i in sorted(self.arrived) if self.good[i] > 0]
        self.look = now + self.n(self.detector.front_s / 2.0)
        lasts_s = self.crossing_s * (1.0 + 3.0 * self.detector.speed_tolerance) + 2.0 * self.detector.before_s
        if len(heard) < 2:
            lasts_s = max(float(d) for d in np.diff(self.even)) / self.speed + self.detector.before_s
        over = now >= self.since + self.n(lasts_s)
        said = self.verdict(heard, now, over=over) if len(heard) > 1 else None
        if said:
            self.said = list(said)
            self.said_until = now + self.n(self.detector.hold_s)
        if said or over:
            self.phase = "listening" if len(heard) < 2 else "resting"
            self.since = self.loud = now
        return said

    def verdict(self, heard: list[int], now: int, *, over: bool) -> list[float] | None:
        worth = {2: 0.8, 3: 0.9}
        quiet = [i for i in heard if abs(self.peak[i]) < self.detector.front_sigma + 1.0]
        without = [[i for i in heard if i != one] for one in quiet] if len(heard) > 2 else []
        for stations in [heard, *without]:
            burst, facts = self.trace(stations, now)
            if burst:
                return [worth.get(len(stations), 0.95), 0.0, *facts]
        return [0.0, worth.get(len(heard), 0.95), *self.trace(heard, now)[1]] if over else None

    def trace(self, stations: list[int], now: int) -> tuple[bool, list[float]]:
        detector, every_s = self.detector, self.detector.every_s
        front, before = self.n(detector.front_s), self.n(detector.before_s)
        windows, starts = [np.empty(0)] * len(self.along), [0] * len(self.along)
        for i in stations:
            starts[i] = max(self.arrived[i] - before - front, 0)
            windows[i] = np.array(self.series[i][starts[i] : min(now, self.arrived[i] + before)])
        lengths = [1]
        while lengths[-1] < 2 * before:
            lengths.append(max(lengths[-1] + 1, round(1.2 * lengths[-1])))
        memory_s = 0.2 * detector.front_s
        sigma = [self.sigma(i) for i in range(len(self.along))]
        fronts = fit_fronts(windows, sigma, math.exp(-every_s / memory_s), lengths, 2)
        took_s = fronts.length * every_s
        onset, error = np.full(len(self.along), np.nan), np.full(len(self.along), np.nan)
        for i in stations:
            onset[i] = (starts[i] + fronts.onset[i] - now) * every_s
            blur = (memory_s + took_s) * sigma[i] / max(abs(fronts.height[i]), 1e-9)
            error[i] = math.sqrt(blur**2 + (0.02 * took_s) ** 2 + every_s**2 / 3 + detector.clock_error_s**2 / 3)
        line = np.array(self.even), onset, error, self.speed, detector.speed_tolerance / math.sqrt(3)
        source = locate(*line)
        taps = [v for k, v in self.asset.attributes.items() if "offtake" in k]
        known = [self.even[0], self.even[-1], *(float(np.interp(v, self.along, self.even)) for v in taps)]
        heights = [abs(fronts.height[i]) for i in stations]
        burst = (
            all(self.peak[i] < 0 for i in stations)
            and math.sqrt(sum(self.peak[i] ** 2 for i in stations)) >= detector.together_sigma
            and took_s <= detector.opening_s
            and all(fronts.onset[i] + fronts.length <= len(windows[i]) for i in stations)
            and source.misfit <= 9.0 * max(1, len(stations) - 2)
            and min(heights) > 0.15 * max(heights)
            and all(misfit_at(*line, place) - source.misfit > 16.0 for place in known)
        )
        drop = -float(fronts.height[stations[heights.index(max(heights))]])
        k = next(k for k in range(1, len(self.even)) if source.place_m <= self.even[k] or k == len(self.even) - 1)
        slope = (self.along[k] - self.along[k - 1]) / (self.even[k] - self.even[k - 1])
        place = self.along[k - 1] + (source.place_m - self.even[k - 1]) * slope
        return burst, [place, 2.0 * source.error_m * slope, drop, -source.began_s, float(len(stations))]


def pressure_wave(detector: Any, asset: AssetView, time_ns: NDArray[np.int64], value: NDArray[np.float64]) -> Columns:
    line, found, last = _Line(detector, asset), [], None
    for now, (time, row) in enumerate(zip(time_ns.tolist(), value, strict=True)):
        gap = last is not None and time - last > round(1.5e9 * detector.every_s)
        found.append(line.instant(now, row, after_a_gap=gap))
        last = time
    return {name: [said[at] for said in found] for at, name in enumerate(COLUMNS)}
