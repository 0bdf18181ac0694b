"""Slow, obvious twin of ``spectrum``: a block is a list, its octaves are made by halving it again and again."""
# ruff: noqa: ARG002 - the arguments are the protocol's

from __future__ import annotations

import math
from dataclasses import dataclass, field

from detectors.general.spectrum import Spectrum

NAN = math.nan


def octaves(block: list[float], bands: int) -> list[float]:
    """Mean power of all octaves together, then of each, the fastest first."""
    powers, means = [], block
    for band in range(bands):
        pairs = list(zip(means[::2], means[1::2], strict=True))
        powers.append(math.fsum((b - a) ** 2 for a, b in pairs) * 2**band / 2 / len(block))
        means = [(a + b) / 2 for a, b in pairs]
    return [math.fsum(powers), *powers]


@dataclass
class NaiveSpectrum:
    detector: Spectrum
    period_s: float
    last: tuple[int, float] | None = None
    moved: bool = False
    block: list[float] = field(default_factory=list)
    block_s: float = 0.0
    learned: list[tuple[list[float], float]] = field(default_factory=list)  # cube roots, s
    held_s: float = 0.0
    score: float = NAN

    def row(self, time_ns: int, value: float) -> float:
        if not abs(value) <= 1e100:
            return NAN
        if self.last is not None:
            self.moved = self.moved or value != self.last[1]
            if time_ns - self.last[0] > round(3e9 * self.period_s):
                self.block, self.block_s = [], 0.0
            else:
                self.block_s += (time_ns - self.last[0]) / 1e9
        self.last = (time_ns, value)
        self.block.append(value)
        if len(self.block) == 2 * 2 ** int(self.detector.bands):
            self.close([power ** (1 / 3) for power in octaves(self.block, int(self.detector.bands))])
            self.block, self.block_s = [], 0.0
        return self.score

    def far(self, place: int, root: float) -> float:
        """How far from usual one power is, by weighted mean and variance over all blocks learned."""
        mean, variance, blocks = 0.0, 0.0, 0.0
        for roots, block_s in self.learned:
            share = max(1 / (blocks + 1), block_s / (self.detector.normal_s + block_s))
            blocks = 1 / share
            before = mean
            mean = (1 - share) * mean + share * roots[place]
            variance = (1 - share) * variance + share * (roots[place] - before) * (roots[place] - mean)
        variance *= (blocks + 1) / (blocks - 1)
        if variance == 0:
            return 0.0
        dof = blocks - 1
        t = abs(root - mean) / math.sqrt(variance)
        sure = (8 * dof + 1) / (8 * dof + 3) * math.sqrt(dof * math.log(1 + t * t / dof))
        return math.copysign(sure, root - mean)

    def close(self, roots: list[float]) -> None:
        of = self.detector
        blocks = 0.0
        for _, block_s in self.learned:
            blocks = 1 / max(1 / (blocks + 1), block_s / (of.normal_s + block_s))
        learned_s = math.fsum(block_s for _, block_s in self.learned)
        ready = blocks >= 8 and round(learned_s * 1e9) >= round(of.warmup_s * 1e9)
        far = [self.far(place, root) if ready and self.moved else 0.0 for place, root in enumerate(roots)]
        told = {"high": far, "low": [-f for f in far], "both": [abs(f) for f in far]}[of.side]
        self.score = max(0.0, *told) if ready else NAN
        self.held_s = self.held_s + self.block_s if max(abs(f) for f in far) > of.hold_sigma else 0.0
        if round(self.held_s * 1e9) > round(of.hold_s * 1e9):
            self.held_s, self.learned, self.score = 0.0, [], NAN
        if self.held_s == 0:
            self.learned.append((roots, self.block_s))

    def tick(self, elapsed_ns: int) -> float | None:
        return None
