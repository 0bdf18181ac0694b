"""Slow, obvious twins of the detectors: one object a sensor, plain Python, worked out from the definition.

Where a kernel keeps a running mean, a twin keeps every row and its weight, and adds up anew each time.
"""
# ruff: noqa: ARG002 - the arguments are the protocol's

from __future__ import annotations

import math
import statistics
from collections.abc import Callable
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import combinations, pairwise
from typing import Protocol

from detectors.gas.creep import Creep
from detectors.gas.rise import Rise
from detectors.general.cusum import Cusum
from detectors.general.ewma import Ewma
from detectors.general.flatline import Flatline
from detectors.general.limit import Limit
from detectors.general.rate import Rate
from detectors.general.silence import Silence
from detectors.general.spike import Spike
from detectors.general.time_to_limit import TimeToLimit
from tests.naive.change import NaiveChange
from tests.naive.gas_evidence import CleanAir
from tests.naive.spectrum import NaiveSpectrum
from tests.naive.tails import NaiveRarity, NaiveSeasonal
from tests.naive.trend import NaiveTrend

NAN = math.nan


class NaiveSensor(Protocol):
    def row(self, time_ns: int, value: float) -> float:
        """Score one row; the value may be NaN or infinite."""
        ...

    def tick(self, elapsed_ns: int) -> float | None: ...


@dataclass
class NaiveLimit:
    detector: Limit
    period_s: float

    def row(self, time_ns: int, value: float) -> float:
        if not math.isfinite(value):
            return NAN
        distances = []
        if self.detector.high is not None:
            distances.append(value - self.detector.high)
        if self.detector.low is not None:
            distances.append(self.detector.low - value)
        return max(distances)

    def tick(self, elapsed_ns: int) -> float | None:
        return None


@dataclass
class NaiveRate:
    """Sorts all rows so far into parts and lays the line through those in the window."""

    detector: Rate
    period_s: float
    rows: list[tuple[int, float]] = field(default_factory=list)

    def row(self, time_ns: int, value: float) -> float:
        if not math.isfinite(value):
            return NAN
        self.rows.append((time_ns, value))
        window_ns = Fraction(round(self.detector.window_s * 1e9))
        parts: list[list[tuple[int, float]]] = []
        for row in self.rows:
            if not parts or row[0] - parts[-1][0][0] >= window_ns / 7:
                parts.append([])
            parts[-1].append(row)
        parts = [part for part in parts if time_ns - part[0][0] <= window_ns]
        if time_ns - parts[0][0][0] < window_ns / 2:
            return NAN
        n = [len(part) for part in parts]
        t = [1e-9 * math.fsum(row[0] - time_ns for row in part) / len(part) for part in parts]
        v = [math.fsum(row[1] for row in part) / len(part) for part in parts]
        t_mean = math.fsum(a * b for a, b in zip(n, t, strict=True)) / sum(n)
        v_mean = math.fsum(a * b for a, b in zip(n, v, strict=True)) / sum(n)
        together = math.fsum(a * (b - t_mean) * (c - v_mean) for a, b, c in zip(n, t, v, strict=True))
        spread = math.fsum(a * (b - t_mean) ** 2 for a, b in zip(n, t, strict=True))
        return 60 * together / spread

    def tick(self, elapsed_ns: int) -> float | None:
        return None


@dataclass
class NaiveNormal:
    """The learned normal: every statistic that was let in, with the weights it got."""

    parameters: Ewma | Cusum
    learned: list[tuple[float, int]] = field(default_factory=list)  # statistic, dt in ns
    products: list[float] = field(default_factory=list)
    held_ns: int = 0

    def is_ready(self) -> bool:
        learned_ns = sum(dt_ns for _, dt_ns in self.learned)
        return len(self.learned) >= 8 and learned_ns >= self.parameters.warmup_s * 1e9

    def weighted(self, values: list[float], tau_s: float) -> float:
        """Weighted mean of all values, the weight of the newest being at least 1/n."""
        origin = values[0]
        remaining, mean = 1.0, 0.0
        for n in range(len(values), 0, -1):
            dt_s = self.learned[n - 1][1] / 1e9
            weight = max(1 / n, dt_s / (tau_s + dt_s))
            mean += remaining * weight * (values[n - 1] - origin)
            remaining *= 1 - weight
        return origin + mean

    def mean(self) -> float:
        return self.weighted([statistic for statistic, _ in self.learned], self.parameters.mean_s)

    def deviation(self, statistic: float, step: float) -> float:
        n = len(self.learned)
        variance = self.weighted(self.products, self.parameters.sigma_s)
        sigma = math.sqrt(variance * (n + 1) / (n - 1))
        sigma = max(sigma, self.parameters.sigma_floor, step / 2 if math.isfinite(step) else 0.0)
        return 0.0 if sigma == 0 else (statistic - self.mean()) / sigma

    def learn(self, statistic: float, score: float, dt_ns: int) -> bool:
        """True where it begins anew."""
        if abs(score) > self.parameters.hold_sigma:
            self.held_ns += dt_ns
            if self.held_ns <= self.parameters.hold_s * 1e9:
                return False
            self.learned, self.products = [], []
        self.held_ns = 0
        if not self.learned:
            self.learned, self.products = [(statistic, 0)], [0.0]
            return True
        before = self.mean()
        self.learned.append((statistic, dt_ns))
        self.products.append((statistic - before) * (statistic - self.mean()))
        return False


def smallest_step(values: list[float]) -> float:
    return min((abs(b - a) for a, b in pairwise(values) if a != b), default=math.inf)


@dataclass
class NaiveEwma:
    detector: Ewma
    period_s: float
    rows: list[tuple[int, float]] = field(default_factory=list)
    learned: list[int] = field(default_factory=list)  # how many rows had been learned when each row came
    normal: NaiveNormal = field(init=False)

    def __post_init__(self) -> None:
        self.normal = NaiveNormal(self.detector)

    def gap_ns(self, n: int) -> int:
        return min(self.rows[n][0] - self.rows[n - 1][0], round(3e9 * self.period_s))

    def level(self) -> float:
        """Each row's share, times what the later ones left of it."""
        origin = self.rows[0][1]
        remaining, level = 1.0, 0.0
        for n in range(len(self.rows) - 1, 0, -1):
            share = self.gap_ns(n) / (self.detector.smooth_s * 1e9 + self.gap_ns(n))
            share = max(share, 1 / (self.learned[n] + 1))
            level += remaining * share * (self.rows[n][1] - origin)
            remaining *= 1 - share
        return origin + level

    def row(self, time_ns: int, value: float) -> float:
        if not math.isfinite(value):
            return NAN
        self.rows.append((time_ns, value))
        self.learned.append(len(self.normal.learned))
        dt_ns = self.gap_ns(len(self.rows) - 1) if len(self.rows) > 1 else 0
        score = NAN
        if self.normal.is_ready():
            score = self.normal.deviation(self.level(), smallest_step([value for _, value in self.rows]))
        return NAN if self.normal.learn(self.level(), score, dt_ns) else score

    def tick(self, elapsed_ns: int) -> float | None:
        return None


@dataclass
class NaiveCusum:
    """Both sums, block by block, each put back between 0 and the cap."""

    detector: Cusum
    period_s: float
    values: list[float] = field(default_factory=list)
    block: list[float] = field(default_factory=list)
    closed_ns: int | None = None
    sums: dict[str, float] = field(default_factory=lambda: {"high": 0.0, "low": 0.0})
    normal: NaiveNormal = field(init=False)

    def __post_init__(self) -> None:
        self.normal = NaiveNormal(self.detector)

    def score(self) -> float:
        return max(self.sums.values()) if self.detector.side == "both" else self.sums[self.detector.side]

    def row(self, time_ns: int, value: float) -> float:
        if not math.isfinite(value):
            return NAN
        self.values.append(value)
        self.block.append(value)
        since_ns = 0 if self.closed_ns is None else time_ns - self.closed_ns
        if self.closed_ns is not None and since_ns < self.detector.every_s * 1e9:
            return self.score() if self.normal.is_ready() else NAN
        statistic = self.values[0] + math.fsum(v - self.values[0] for v in self.block) / len(self.block)
        self.block, self.closed_ns = [], time_ns
        dt_ns = min(since_ns, round(1e9 * max(3 * self.period_s, self.detector.every_s)))
        score = NAN
        if self.normal.is_ready():
            self.add(self.normal.deviation(statistic, smallest_step(self.values)))
            score = self.score()
        if self.normal.learn(statistic, score, dt_ns):
            self.sums = dict.fromkeys(self.sums, self.detector.head_start_sigma)
            return NAN
        return score

    def add(self, deviation: float) -> None:
        clipped = sorted([-self.detector.clip_sigma, deviation, self.detector.clip_sigma])[1]
        for side, sign in (("high", 1), ("low", -1)):
            moved = self.sums[side] + sign * clipped - self.detector.drift_sigma
            self.sums[side] = sorted([0.0, moved, self.detector.cap_sigma])[1]

    def tick(self, elapsed_ns: int) -> float | None:
        return None


@dataclass
class NaiveFlatline:
    """Walks through the whole history for the last move."""

    detector: Flatline
    period_s: float
    rows: list[tuple[int, float]] = field(default_factory=list)

    def row(self, time_ns: int, value: float) -> float:
        if not math.isfinite(value):
            return NAN
        self.rows.append((time_ns, value))
        moved_ns, anchor = self.rows[0]
        for at_ns, then in self.rows:
            if abs(then - anchor) > self.detector.tolerance:
                moved_ns, anchor = at_ns, then
        return (time_ns - moved_ns) / 1e9

    def tick(self, elapsed_ns: int) -> float | None:
        return None


@dataclass
class NaiveSilence:
    detector: Silence
    period_s: float
    heard_ns: list[int] = field(default_factory=list)
    ticks_ns: list[int] = field(default_factory=list)

    def row(self, time_ns: int, value: float) -> float:
        self.heard_ns.extend(self.ticks_ns[-1:])
        return 0.0 if math.isfinite(value) else NAN

    def tick(self, elapsed_ns: int) -> float | None:
        self.ticks_ns.append(elapsed_ns)
        if len(self.ticks_ns) == 1:
            return NAN
        return (elapsed_ns - max(self.heard_ns, default=self.ticks_ns[0])) / 1e9


#: Every detector has a twin; ``tests/checks`` refuses one that has none.
@dataclass
class NaiveSpike:
    """Keeps all rows, and looks at every three of them again each time."""

    detector: Spike
    period_s: float
    rows: list[tuple[int, float]] = field(default_factory=list)

    def row(self, time_ns: int, value: float) -> float:
        if not abs(value) <= 1e100:
            return NAN
        self.rows.append((time_ns, value))
        threes = [
            three
            for three in zip(self.rows, self.rows[1:], self.rows[2:], strict=False)
            if all(later - earlier <= 3e9 * self.period_s for (earlier, _), (later, _) in pairwise(three))
        ]
        if not threes:
            return NAN
        spikes = [at for (_, left), (at, middle), (_, right) in threes if self._stands_out(left, middle, right)]
        return sum(math.exp(-(time_ns - at) / 1e9 / self.detector.window_s) for at in spikes)

    def _stands_out(self, left: float, middle: float, right: float) -> bool:
        height = self.detector.height
        above = middle - left >= height and middle - right >= height
        return above or (left - middle >= height and right - middle >= height)

    def tick(self, elapsed_ns: int) -> float | None:
        return None


@dataclass
class NaiveRise:
    """The clean air of one sensor, as in the twin of ``gas_evidence``."""

    detector: Rise
    period_s: float
    air: CleanAir = field(init=False)
    level: float = 0.0

    def __post_init__(self) -> None:
        self.air = CleanAir(self.detector, round(3e9 * self.period_s))

    def row(self, time_ns: int, value: float) -> float:
        if not abs(value) <= 1e100:
            return NAN
        air, last_ns = self.air, self.air.last_ns
        air.begin(value)
        residual, known = value - air.background, air.known
        if known:
            dt_s = 0.0 if last_ns is None else min(time_ns - last_ns, air.gap_ns) / 1e9
            smooth_s = self.detector.smooth_s
            self.level += (1 - math.exp(-dt_s / smooth_s) if smooth_s else 1.0) * (residual - self.level)
        air.learn(time_ns, residual, air.gas(residual))
        return self.level if known else NAN

    def tick(self, elapsed_ns: int) -> float | None:
        return None


@dataclass
class NaiveTimeToLimit:
    """Sorts all rows so far into parts; takes the slope between every two that were whole when the last opened."""

    detector: TimeToLimit
    period_s: float
    rows: list[tuple[int, float]] = field(default_factory=list)

    def row(self, time_ns: int, value: float) -> float:
        if not abs(value) <= 1e100:
            return NAN
        self.rows.append((time_ns, value))
        window_ns = round(self.detector.window_s * 1e9)
        parts: list[list[tuple[int, float]]] = []
        for row in self.rows:
            if not parts or (row[0] - parts[-1][0][0]) * 7 >= window_ns:
                parts.append([])
            parts[-1].append(row)
        opened_ns = parts[-1][0][0]
        whole = [part for part in parts[-8:-1] if opened_ns - part[0][0] <= window_ns]
        if len(whole) < 4 or 2 * (opened_ns - whole[0][0][0]) < window_ns:
            return NAN
        middles = [self._middle(part, opened_ns) for part in whole]
        slopes = sorted((w - v) / (u - t) for (t, v), (u, w) in combinations(middles, 2))
        n = len(whole)
        spread = math.sqrt(n * (n - 1) * (2 * n + 5) / 18)
        slope = slopes[max(0, math.floor((len(slopes) - self.detector.careful_sigma * spread) / 2))]
        t, v = self._middle(parts[-1], time_ns)
        room = self.detector.limit - (v - max(0.0, slope) * t)
        if room <= 0:
            return 0.0
        left_s = room / slope if slope > 0 else math.inf
        return min(left_s, self.detector.horizon_s) / 60

    @staticmethod
    def _middle(part: list[tuple[int, float]], from_ns: int) -> tuple[float, float]:
        """Mean time (s) and mean value of some rows."""
        return 1e-9 * sum(t - from_ns for t, _ in part) / len(part), math.fsum(v for _, v in part) / len(part)

    def tick(self, elapsed_ns: int) -> float | None:
        return None


@dataclass
class NaiveCreep:
    """Keeps the mean of every block since the beginning."""

    detector: Creep
    period_s: float
    filling: list[tuple[int, float]] = field(default_factory=list)
    blocks: list[float] = field(default_factory=list)
    lows: list[float] = field(default_factory=list)
    day_ns: int = 0
    held: int = 0
    score: float = NAN

    def row(self, time_ns: int, value: float) -> float:
        if not abs(value) <= 1e100:
            return NAN
        block_ns = round(self.detector.block_s * 1e9)
        if not self.filling:
            self.day_ns = time_ns
        elif time_ns - self.filling[0][0] >= block_ns:
            mean = math.fsum(v for _, v in self.filling) / len(self.filling)
            missed = (time_ns - self.filling[0][0]) // block_ns - 1
            self.blocks += [mean, *[NAN] * min(missed, 24)]
            self.filling = []
            self.close(time_ns, block_ns)
        self.filling.append((time_ns, value))
        return self.score

    def close(self, now_ns: int, block_ns: int) -> None:
        recent = [mean for mean in self.blocks[-24:] if not math.isnan(mean)]
        low = min(recent) if len(recent) >= 18 else NAN
        self.score = low - statistics.median(self.lows[-14:]) if len(self.lows) >= 3 else NAN
        if now_ns - self.day_ns < 24 * block_ns:
            return
        self.day_ns = now_ns
        if math.isnan(low):
            return
        if self.score > self.detector.hold and self.held < 30:
            self.held += 1
            return
        if self.held >= 30:
            self.lows = []
        self.held = 0
        self.lows.append(low)

    def tick(self, elapsed_ns: int) -> float | None:
        return None


NAIVE: dict[str, Callable[..., NaiveSensor]] = {
    "limit": NaiveLimit,
    "rate": NaiveRate,
    "ewma": NaiveEwma,
    "cusum": NaiveCusum,
    "change": NaiveChange,
    "flatline": NaiveFlatline,
    "silence": NaiveSilence,
    "spike": NaiveSpike,
    "spectrum": NaiveSpectrum,
    "rise": NaiveRise,
    "creep": NaiveCreep,
    "time_to_limit": NaiveTimeToLimit,
    "rarity": NaiveRarity,
    "seasonal": NaiveSeasonal,
    "trend": NaiveTrend,
}
