"""Slow, obvious twin of ``neighbours``: a table of pairs, one instant after the other, plain Python."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from model.detector import AssetView

NAMES = ("", "most", "apart", "drift", "contributor", "observed", "expected", "held_s")


class Pair:
    def __init__(self, of: Any) -> None:
        self.of = of
        self.last_s: float | None = None
        self.kept = math.nan
        self.forget()

    def forget(self) -> None:
        self.level = self.slower = math.nan
        self.instants, self.settled_s, self.rows, self.held_s = 0, 0.0, 0, 0.0
        self.mean = self.variance = 0.0

    def sigma(self) -> float:
        return max(math.sqrt(self.variance * (self.rows + 1) / (self.rows - 1)), self.of.floor)

    def off(self) -> float:
        return self.level - self.mean

    def see(self, difference: float, now_s: float) -> float:
        """How far the pair is off, sigma."""
        of = self.of
        dt_s = of.every_s if self.last_s is None else min(now_s - self.last_s, 3 * of.every_s)
        self.last_s = now_s
        if not self.instants:
            self.level = self.slower = difference
        most = of.clip_sigma * self.sigma() if self.rows >= 8 else math.inf
        self.instants += 1
        share = max(1 / self.instants, dt_s / (of.smooth_s + dt_s))
        self.level += share * max(-most, min(most, difference - self.level))
        self.slower += share * (self.level - self.slower)
        self.settled_s += dt_s
        if self.rows < 8 or self.settled_s < of.warmup_s - 1e-6:
            self.learn(dt_s)
            return math.nan
        score = self.kept = self.off() / self.sigma()
        if abs(score) <= of.hold_sigma:
            self.held_s = 0.0
            self.learn(dt_s)
            return score
        self.held_s += dt_s
        if self.held_s > of.hold_s + 1e-6:
            self.forget()
            self.kept = math.inf
            return math.nan
        return score

    def learn(self, dt_s: float) -> None:
        if self.settled_s <= self.of.smooth_s + 1e-6:
            return
        known = self.rows >= 7 and self.settled_s > self.of.warmup_s - 1e-6
        self.rows += 1
        share = dt_s / (self.of.follow_s + dt_s) if known else 1 / self.rows
        apart = self.level - self.mean
        self.mean += share * apart
        self.variance += share * (apart * (self.level - self.mean) - self.variance)


def agreed(said: Iterable[float]) -> tuple[float, float]:
    """How far off a sensor is as more than half say, above and below; nothing said: NaN."""
    known = [one for one in said if not math.isnan(one)]
    if not known:
        return math.nan, math.nan
    enough = len(known) // 2 + 1
    above = max(limit for limit in known if sum(one >= limit for one in known) >= enough)
    below = min(limit for limit in known if sum(one <= limit for one in known) >= enough)
    return above, -below


def neighbours(detector: Any, asset: AssetView, time_ns: NDArray[np.int64], value: NDArray[np.float64]) -> Any:
    kinds, inputs = [one.kind for one in asset.inputs], len(asset.inputs)
    pairs = {(i, j): Pair(detector) for i in range(inputs) for j in range(inputs) if i < j and kinds[i] == kinds[j]}
    found = []
    for now, row in zip((time_ns * 1e-9).tolist(), value.tolist(), strict=True):
        there = [abs(one) <= 1e100 for one in row]
        live = {(i, j): pair.see(row[i] - row[j], now) for (i, j), pair in pairs.items() if there[i] and there[j]}
        found.append(instant(detector, row, pairs, live))
    return {name: [row.get(name, math.nan) for row in found] for name in NAMES}


def both_ways(said: dict[tuple[int, int], float], sensor: int) -> dict[int, float]:
    """What the others say of a sensor, by neighbour."""
    return {j: one for (i, j), one in said.items() if i == sensor} | {
        i: -one for (i, j), one in said.items() if j == sensor
    }


def could_be(kept: list[float]) -> float:
    if any(math.isinf(one) for one in kept):
        return math.inf
    return 0.0 if all(math.isnan(one) for one in kept) else max(agreed(kept))


def instant(
    detector: Any, row: list[float], pairs: dict[tuple[int, int], Pair], live: dict[tuple[int, int], float]
) -> dict[str, float]:
    kept = {at: pair.kept for at, pair in pairs.items()}
    score, worst, most = math.nan, -1, 0.0
    for sensor in range(len(row)):
        above, below = agreed(both_ways(live, sensor).values())
        if math.isnan(above):
            most = max(most, could_be(list(both_ways(kept, sensor).values())))
        elif worst < 0 or max(above, below, 0.0) > score * (1 + 1e-9):
            score, worst = max(above, below, 0.0), sensor
    if worst < 0:
        return {}
    found = {"": score, "most": max(score, most), "held_s": max(pair.held_s for pair in pairs.values())}
    if score > 0:
        said = both_ways(live, worst)
        above, below = agreed(said.values())
        other = min(j for j in said if said[j] == (above if above >= below else -below))
        pair, sign = (pairs[worst, other], 1) if worst < other else (pairs[other, worst], -1)
        found["apart"] = sign * pair.off()
        found["drift"] = sign * (pair.level - pair.slower) * 86400 / detector.smooth_s
        if sum(not math.isnan(one) for one in said.values()) > 1:
            found |= {"contributor": worst + 1.0, "observed": row[worst], "expected": row[worst] - found["apart"]}
    return found
