"""Slow, obvious twin of ``network_heads``: keeps every row and block and lets numpy solve."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from model.detector import AssetView

Columns = dict[str, list[float]]
Array = NDArray[np.float64]


class _Network:
    def __init__(self, detector: Any, asset: AssetView) -> None:
        self.detector = detector
        units = [one.unit for one in asset.inputs]
        self.flows = [at for at, unit in enumerate(units) if unit == "m3/h"]
        self.levels = [at for at, unit in enumerate(units) if unit == "m"]
        self.heads = [at for at, unit in enumerate(units) if unit not in {"m3/h", "m"}]
        self.per_block = max(1, round(detector.block_s / detector.every_s))
        self.series: list[Array] = []
        self.before: Array = np.zeros(len(self.flows) + len(self.levels))
        self.largest = np.zeros(len(self.flows))
        self.last = np.full(len(self.heads), np.nan)
        self.rows: list[tuple[Array, Array]] = []  # features and heads of the warm-up
        self.missing = np.zeros(len(self.heads))
        self.block: list[tuple[Array, Array, NDArray[np.bool_]]] = []
        self.learning: list[tuple[Array, Array]] = []
        self.fast: list[tuple[Array, Array]] = []
        self.usual: list[tuple[Array, Array]] = []
        self.number, self.held, self.last_ns, self.first = 0, 0, 0, 0
        self.ready = False
        self.said = [math.nan] * 5

    def blocks(self, seconds: float) -> int:
        return max(2, round(seconds / self.detector.block_s))

    def features(self, now_ns: int) -> Array:
        flows = len(self.flows)
        newest, oldest = self.series[-1], self.series[-1 - self.per_block]
        mean = np.mean(self.series[-self.per_block :], axis=0)
        slope = newest - oldest
        second = [*mean[:flows], *slope[flows:]]
        third = [v * abs(v) for v in (*newest[:flows], *slope[flows:])]
        phase = 2 * math.pi * (now_ns % 86_400_000_000_000) / 86_400_000_000_000
        day = [wave(k * phase) for k in (1, 2, 3, 4) for wave in (math.sin, math.cos)]
        return np.array([*newest, *second, *third, *day])

    def instant(self, now_ns: int, row: Array) -> list[float]:
        number = now_ns // round(self.detector.block_s * 1e9)
        if number != self.number:
            if self.number:
                self.close()
            self.number, self.block = number, []
        drive, head = row[[*self.flows, *self.levels]], row[self.heads]
        whole = bool((np.abs(drive) <= 1e100).all())
        every_ns = round(self.detector.every_s * 1e9)
        if not whole or now_ns - self.last_ns > every_ns + every_ns // 2:
            self.series = []
        self.last_ns = now_ns
        if whole:
            flow = drive[: len(self.flows)]
            self.largest = np.maximum(self.largest, np.abs(flow))
            switched = (np.abs(flow - self.before[: len(flow)]) > 0.2 * self.largest).any()
            self.series.append(drive)
            self.before = drive
            if len(self.series) > self.per_block and not switched:
                self.take(now_ns, head)
        heard = bool((np.abs(row) <= 1e100).any())
        return list(self.said) if heard else [math.nan] * 5

    def take(self, now_ns: int, head: Array) -> None:
        usable = np.abs(head) <= 1e100
        self.last = np.where(usable, head, self.last)
        believed = np.where(np.isnan(self.last), 0.0, self.last)
        self.block.append((self.features(now_ns), believed, usable))
        if not self.ready:
            self.rows.append((self.features(now_ns), believed))
            self.missing += ~usable

    def close(self) -> None:
        if not self.ready:
            if self.block:
                features = np.mean([features for features, _, _ in self.block], axis=0)
                self.learning.append((features, np.mean([heads for _, heads, _ in self.block], axis=0)))
                self.first = self.first or self.number
            wanted, learned = self.blocks(self.detector.warmup_s), len(self.learning)
            over = learned > 0 and self.number - self.first + 1 >= wanted
            if learned == wanted or (over and 2 * learned >= wanted):
                self.learn()
            return
        held_s = (self.number - self.held) * self.detector.block_s if self.held else 0.0
        if not self.held or held_s > self.detector.hold_s:
            self.usual = [*self.usual[1:], self.fast[0]]
        features = [features for features, _, _ in self.block]
        self.fast = [*self.fast[1:], (np.mean(features, axis=0) if features else np.empty(0), self.lacking())]
        self.test()
        if self.said[0] > self.detector.hold_sigma:
            self.held = self.held or self.number
        elif self.said[0] <= self.detector.hold_sigma:
            self.held = 0
        self.said[4] = (self.number - self.held) * self.detector.block_s if self.held else 0.0

    def lacking(self) -> Array:
        found = np.full(len(self.heads), np.nan)
        for h in range(len(self.heads)):
            lacks = [heads[h] - self.expected(features)[h] for features, heads, usable in self.block if usable[h]]
            if lacks:
                found[h] = np.mean(lacks)
        return found

    def expected(self, features: Array) -> Array:
        scaled = np.where(self.moves, features - self.mean, 0.0) / self.scale
        value: Array = self.middle + scaled @ self.coefficients
        return value

    def learn(self) -> None:
        features = np.array([features for features, _ in self.rows])
        heads = np.array([heads for _, heads in self.rows])
        against = features - features[0]
        self.mean, variance = features.mean(axis=0), features.var(axis=0)
        self.moves = variance > 1e-9 * (1.0 + (against**2).mean(axis=0))
        self.scale = np.where(self.moves, np.sqrt(variance), 1.0)
        self.middle = heads.mean(axis=0)
        z = np.where(self.moves, features - self.mean, 0.0) / self.scale
        gram = z.T @ z + self.detector.ridge * np.eye(z.shape[1])
        self.coefficients = np.linalg.solve(gram, z.T @ (heads - self.middle))
        self.gram = gram
        lacks = [heads - self.expected(features) for features, heads in self.learning]
        self.covariance = np.atleast_2d(np.cov(np.array(lacks).T))
        groups = np.array(lacks)[: len(lacks) // 12 * 12].reshape(-1, 12, len(self.heads)).mean(axis=1)
        spread = (
            ((groups - np.mean(lacks, axis=0)) ** 2).mean(axis=0) if len(groups) else np.full(len(self.heads), np.nan)
        )
        moving = np.diag(self.covariance) > 1e-9
        ratios = (12 * spread / np.where(moving, np.diag(self.covariance), 1.0))[moving]
        self.memory = max(1.0, float(ratios.mean())) if len(groups) and len(ratios) else 1.0
        self.days = 0
        held_out = self.held_out()
        if held_out and np.mean(held_out) > self.memory:
            self.memory, self.days = float(np.mean(held_out)), len(held_out)
        fast, usual = self.blocks(self.detector.fast_s), self.blocks(self.detector.usual_s)
        nothing = np.full(len(self.heads), np.nan)
        both = [(nothing[:0], nothing)] * (fast + usual)
        both += [(features, lack) for (features, _), lack in zip(self.learning, lacks, strict=True)]
        self.fast, self.usual = both[-fast:], both[-fast - usual : -fast]
        self.ready = True

    def held_out(self) -> list[float]:
        """Test each day of the warm-up by a regression on the others; features as scaled by all blocks."""
        table = np.array([features for features, _ in self.learning])
        heads = np.array([heads for _, heads in self.learning])[:, self.missing <= 0.1 * len(self.rows)]
        fast, n, found = self.blocks(self.detector.fast_s), len(table), []
        if n // fast < 3 or heads.shape[1] == 0:
            return []
        moves = table.var(axis=0) > 1e-9 * (1.0 + ((table - self.rows[0][0]) ** 2).mean(axis=0))
        z = np.where(moves, table - table.mean(axis=0), 0.0) / np.where(moves, table.std(axis=0), 1.0)
        ridge = math.sqrt(self.detector.ridge / self.per_block) * np.eye(z.shape[1])
        for day in range(n // fast):
            out = np.arange(n - (day + 1) * fast, n - day * fast)
            others = np.setdiff1d(np.arange(n), out)
            seen, middle = z[others] - z[others].mean(axis=0), heads[others].mean(axis=0)
            stacked = np.vstack([seen, ridge])
            taught = np.linalg.lstsq(stacked, np.vstack([heads[others] - middle, np.zeros((len(ridge), len(middle)))]))
            apart = z[out].mean(axis=0) - z[others].mean(axis=0)
            lack = heads[out].mean(axis=0) - middle - apart @ taught[0]
            unsure = 1 / fast + 1 / len(others) + float(apart @ np.linalg.solve(stacked.T @ stacked, apart))
            which = np.flatnonzero(self.missing <= 0.1 * len(self.rows))
            found.append(float(lack @ np.linalg.solve(self.shrunk(which), lack)) / len(lack) / unsure)
        return found

    def shrunk(self, which: NDArray[np.int64]) -> Array:
        covariance = self.covariance[np.ix_(which, which)]
        diagonal = np.diag(np.diag(covariance))
        made: Array = (
            (1 - self.detector.shrink) * covariance + self.detector.shrink * diagonal + 1e-9 * np.eye(len(which))
        )
        return made

    def test(self) -> None:
        used = self.missing <= 0.1 * len(self.rows)
        apart = _mean([lack for _, lack in self.fast]) - _mean([lack for _, lack in self.usual])
        which = np.flatnonzero(used & ~np.isnan(apart))
        self.said[:4] = [math.nan] * 4
        if not len(which) or 2 * len(which) < used.sum():
            return
        shrunk = self.shrunk(which)
        d = apart[which]
        expected = 1.0 / len(self.fast) + 1.0 / len(self.usual) + self.per_block * self.unsure()
        share, k = max(float(d @ np.linalg.solve(shrunk, d)), 0.0) / len(which) / (expected * self.memory), len(which)
        a, b = 2 / (9 * k), 2 / (9 * self.days) if self.days else 0.0
        self.said[0] = ((1 - b) * share ** (1 / 3) - (1 - a)) / math.sqrt(a + b * share ** (2 / 3))
        lacks = -d / np.sqrt(np.diag(shrunk) * expected * self.memory)
        first = int(np.argmax(lacks))
        self.said[1], self.said[2] = -float(d[first]), 1.0 + self.heads[which[first]]
        likely = np.exp(np.maximum(lacks, 0.0) ** 2 / 2 - max(float(lacks[first]), 0.0) ** 2 / 2)
        self.said[3] = float(1.0 / likely.sum())

    def unsure(self) -> float:
        means = [
            _mean([f if len(f) else np.full(len(self.mean), np.nan) for f, _ in of]) for of in (self.fast, self.usual)
        ]
        apart = np.where(self.moves, means[0] - means[1], 0.0) / self.scale
        return float(apart @ np.linalg.solve(self.gram, apart))


def _mean(blocks: list[Array]) -> Array:
    table = np.array(blocks)
    known = (~np.isnan(table)).sum(axis=0)
    return np.where(2 * known >= len(table), np.nansum(table, axis=0) / np.maximum(known, 1), np.nan)


def network_heads(detector: Any, asset: AssetView, time_ns: NDArray[np.int64], value: Array) -> Columns:
    network = _Network(detector, asset)
    found = [network.instant(now_ns, row) for now_ns, row in zip(time_ns.tolist(), value, strict=True)]
    return {name: [said[at] for said in found] for at, name in enumerate(("", "drop", "logger", "share", "held_s"))}
