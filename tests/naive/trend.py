"""Slow, obvious twin of ``trend``: seconds instead of nanoseconds, a table for the season, a phase at a time."""
# ruff: noqa: ARG002 - the arguments are the protocol's

from __future__ import annotations

import math
import statistics
from dataclasses import dataclass, field
from fractions import Fraction

from detectors.general.trend import Trend

NAN = math.nan


@dataclass
class NaiveTrend:
    detector: Trend
    period_s: float
    last: tuple[int, float] | None = None
    step: float = math.inf
    heard_ns: int = 0
    held_ns: int = 0
    first_cycle: list[float] = field(default_factory=list)
    second_cycle: list[float] = field(default_factory=list)
    rows: int = 0
    level: float = 0.0
    slope: float = 0.0  # a second
    residual: float = 0.0
    squares: list[tuple[float, float]] = field(default_factory=list)  # of the smoothed residual, with their weights
    season: dict[int, float] = field(default_factory=dict)
    seen_s: dict[int, float] = field(default_factory=dict)

    @property
    def cycle_ns(self) -> int:
        return round(self.detector.cycle_s * 1e9)

    def places(self, time_ns: int) -> list[tuple[int, float]]:
        """Bins whose middles a time lies between, with their shares."""
        if not self.cycle_ns:
            return [(0, 1.0)]
        at = Fraction(time_ns % self.cycle_ns, self.cycle_ns) * 24 - Fraction(1, 2)
        below = math.floor(at)
        return [(below % 24, float(1 - at + below)), ((below + 1) % 24, float(at - below))]

    def seasonal(self, time_ns: int) -> float:
        return sum(share * self.season.get(place, 0.0) for place, share in self.places(time_ns))

    def teach_season(self, time_ns: int, left: float, dt_s: float) -> None:
        for place, share in self.places(time_ns):
            span_s = share * dt_s
            if span_s > 0:
                memory_s = min(self.seen_s.get(place, 0.0), self.detector.cycles * self.detector.cycle_s / 24)
                self.season[place] = self.season.get(place, 0.0) + share * left * span_s / (memory_s + span_s)
                self.seen_s[place] = self.seen_s.get(place, 0.0) + span_s

    def row(self, time_ns: int, value: float) -> float:
        if not abs(value) <= 1e100:
            return NAN
        passed_ns = 0
        if self.last is not None:
            passed_ns = time_ns - self.last[0]
            if value != self.last[1]:
                self.step = min(self.step, abs(value - self.last[1]))
        self.last = (time_ns, value)
        dt_ns = min(passed_ns, round(3e9 * self.period_s))
        if self.heard_ns < 3 * self.cycle_ns:
            self.begin(time_ns, value, dt_ns)
            return NAN
        return self.follow(time_ns, value, passed_ns / 1e9, dt_ns)

    def begin(self, time_ns: int, value: float, dt_ns: int) -> None:
        before_ns, self.heard_ns = self.heard_ns, self.heard_ns + dt_ns
        if before_ns < 2 * self.cycle_ns:
            is_first = before_ns < self.cycle_ns and self.heard_ns < self.cycle_ns
            (self.first_cycle if is_first else self.second_cycle).append(value)
            if self.heard_ns >= 2 * self.cycle_ns:
                one = statistics.fmean(self.first_cycle) if self.first_cycle else 0.0
                two = statistics.fmean(self.second_cycle)
                self.slope = (two - one) / self.detector.cycle_s
                self.level = two + self.slope * self.detector.cycle_s / 2
                self.rows = len(self.second_cycle)
            return
        self.level += self.slope * dt_ns / 1e9
        self.teach_season(time_ns, value - self.level - self.seasonal(time_ns), dt_ns / 1e9)

    def follow(self, time_ns: int, value: float, passed_s: float, dt_ns: int) -> float:
        of, dt_s, season = self.detector, dt_ns / 1e9, self.seasonal(time_ns)
        self.slope *= of.damp_s / (of.damp_s + passed_s)
        self.level += self.slope * passed_s
        if passed_s > max(of.level_s, 3 * self.period_s) and self.held_ns == 0:
            self.rows = 0
        if self.rows == 0:
            self.level = value - season
        error = value - self.level - season
        self.residual += (dt_s / (of.smooth_s + dt_s) if of.smooth_s else 1.0) * (error - self.residual)
        score = self.judge()
        if abs(score) > of.hold_sigma:
            self.held_ns += dt_ns
            if self.held_ns <= round(of.hold_s * 1e9):
                return score
            self.held_ns, self.rows, self.squares = 0, 0, []
            self.heard_ns, self.slope, self.residual = 3 * self.cycle_ns, 0.0, 0.0
            return NAN
        self.held_ns = 0
        self.rows += 1
        self.heard_ns += dt_ns
        self.level += max(1 / self.rows, dt_s / (of.level_s + dt_s)) * error
        self.slope += dt_s / (of.slope_s + dt_s) * error / (of.level_s + dt_s)
        if self.cycle_ns:
            self.teach_season(time_ns, value - self.level - season, dt_s)
        if self.heard_ns >= 3 * self.cycle_ns + round(of.warmup_s * 1e9) // 2:
            share = max(1 / (len(self.squares) + 1), dt_s / (of.sigma_s + dt_s))
            self.squares.append((self.residual**2, share))
        return score

    def judge(self) -> float:
        n = len(self.squares)
        if self.heard_ns < 3 * self.cycle_ns + round(self.detector.warmup_s * 1e9) or n < 8:
            return NAN
        left, variance = 1.0, 0.0
        for square, share in reversed(self.squares):
            variance += left * share * square
            left *= 1 - share
        sigma = max(math.sqrt(variance * (n + 1) / n), self.detector.sigma_floor)
        if math.isfinite(self.step):
            sigma = max(sigma, self.step / 2)
        return self.residual / sigma if sigma else 0.0

    def tick(self, elapsed_ns: int) -> float | None:
        return None
