"""Slow, obvious twin of ``pca``: lists of vectors, library eigenvectors, one instant after the other."""

from __future__ import annotations

import math
from statistics import NormalDist
from typing import Any

import numpy as np
from numpy.typing import NDArray

from model.detector import AssetView

Vector = NDArray[np.float64]
NAMES = ("", "most", "t2", "q", "contributor", "share", "observed", "expected", "held_s")


class Twin:
    def __init__(self, detector: Any, inputs: int) -> None:
        self.of, self.inputs, self.size = detector, inputs, inputs * (int(detector.lags) + 1)
        self.last_s: float | None = None
        self.forget()
        self.begin()

    def forget(self) -> None:
        self.rows: list[Vector] = []
        self.stage, self.learned_s, self.held_s = "learn", 0.0, 0.0
        self.calibrated: list[tuple[float, float]] = []
        self.taught, self.taught_s = 0, 0.0

    def begin(self) -> None:
        self.level = np.full(self.inputs, np.nan)
        self.before: list[Vector] = []
        self.settled_s = 0.0

    def instant(self, time_s: float, value: Vector) -> dict[str, float]:
        dt_s = self.of.every_s if self.last_s is None else time_s - self.last_s
        if dt_s > 3.0001 * self.of.every_s:
            self.begin()
            dt_s = self.of.every_s
        self.last_s = time_s
        there = np.abs(value) <= 1e100
        share = max(1 / (len(self.before) + 1), dt_s / (self.of.smooth_s + dt_s)) if self.of.smooth_s else 1.0
        smooth = self.level + share * (value - self.level)
        self.level = np.where(there, np.where(np.isnan(self.level), value, smooth), self.level)
        self.before.append(np.where(there, self.level, np.nan))
        self.settled_s += dt_s
        if not there.any() or self.settled_s < 3 * self.of.smooth_s or len(self.before) <= self.of.lags:
            return {}
        vector = np.concatenate(self.before[: -int(self.of.lags) - 2 : -1])
        if self.stage == "watch":
            return self.judge(vector, dt_s)
        if self.stage == "calibrate":
            z, missing = self.standardised(vector)
            if missing is not None:
                self.calibrated.append((self.form(self.t2_form, z), self.form(self.q_form, z)))
        self.rows.append(vector)
        self.learned_s += dt_s
        if self.stage == "learn" and len(self.rows) >= self.size + 8 and 3 * self.learned_s >= 2 * self.of.warmup_s:
            self.stage = "calibrate"
            self.work_out()
        elif self.stage == "calibrate" and len(self.calibrated) >= 8 and self.learned_s >= self.of.warmup_s:
            self.stage = "watch"
            self.work_out()
            self.usual = [
                [float(np.mean(values)), float(np.var(values, ddof=1))] for values in zip(*self.calibrated, strict=True)
            ]
            self.limit = [self.limit_of(*usual) for usual in self.usual]
        return {}

    def limit_of(self, mean: float, variance: float) -> float:
        if mean < 1e-6 or variance < (1e-9 * mean) ** 2:
            return max(mean, 1e-6)
        freedom = 2 * mean**2 / variance
        sigma = NormalDist().inv_cdf(self.of.confidence) * math.sqrt(2 / (9 * freedom))
        return max(mean * (1 - 2 / (9 * freedom) + sigma) ** 3, 1e-6)

    def work_out(self) -> None:
        """Means of what was there; products of the deviations from the mean so far, as they came."""
        said, mean, scatter = np.zeros(self.size), np.zeros(self.size), np.zeros((self.size, self.size))
        for count, row in enumerate(self.rows, 1):
            there = ~np.isnan(row)
            said += there
            mean = np.where(there & (said == 1), row, mean)
            apart = np.where(there, row - mean, 0.0)
            mean = mean + np.where(there, apart / np.maximum(said, 1), 0.0)
            scatter += (count - 1) / count * np.outer(apart, apart)
        self.heard = 2 * said >= len(self.rows)
        self.center, self.covariance = mean, scatter / (len(self.rows) - 1)
        self.part()

    def part(self) -> None:
        covariance, deviation = self.covariance, np.sqrt(np.diag(self.covariance))
        used = (deviation > 1e-9 * np.abs(self.center)) & self.heard
        self.scale = np.where(used, deviation, 0.0)
        safe = np.where(used, deviation, 1.0)
        correlation = np.where(np.outer(used, used), covariance / np.outer(safe, safe), 0.0)
        eigenvalue, vectors = np.linalg.eigh(correlation)
        eigenvalue = np.maximum(eigenvalue, 0.0)
        order = np.argsort(-eigenvalue)
        self.t2_form, self.q_form = np.zeros_like(covariance), np.zeros_like(covariance)
        total, last = 0.0, math.inf
        for at in order:
            leading = total < self.of.explained * eigenvalue.sum() - 1e-9 or eigenvalue[at] > last - 1e-9
            last = eigenvalue[at] if leading else math.inf
            outer = np.outer(vectors[:, at], vectors[:, at])
            if leading and eigenvalue[at] > 1e-9:
                self.t2_form += outer / eigenvalue[at]
            elif not leading:
                self.q_form += outer / (eigenvalue[at] + self.of.ridge)
            total += eigenvalue[at]

    def standardised(self, vector: Vector) -> tuple[Vector, int | None]:
        used = self.scale > 0
        missing = used & np.isnan(vector)
        z = np.where(used & ~missing, (vector - self.center) / np.where(used, self.scale, 1.0), 0.0)
        if not used.any() or 2 * missing.sum() > used.sum():
            return z, None
        both = self.t2_form + self.q_form
        for _ in range(20 if missing.any() else 0):
            for j in np.flatnonzero(missing):
                z[j] = -(both[j] @ z - both[j, j] * z[j]) / both[j, j]
        return z, int(missing.sum())

    @staticmethod
    def form(matrix: Vector, z: Vector) -> float:
        found = float(z @ matrix @ z)
        return found if found > 1e-12 else 0.0

    def judge(self, vector: Vector, dt_s: float) -> dict[str, float]:
        z, missing = self.standardised(vector)
        if missing is None:
            return {}
        t2, q = self.form(self.t2_form, z) / self.limit[0], self.form(self.q_form, z) / self.limit[1]
        score = max(t2, q)
        found = {"": score, "most": math.inf if missing else score, "t2": t2, "q": q, "held_s": self.held_s}
        found |= self.explain(self.q_form if q >= t2 else self.t2_form, z, vector)
        if score <= 1:
            self.held_s = 0.0
            if self.of.adapt_s:
                step = dt_s / (self.of.adapt_s + dt_s) * (vector - self.center)
                self.center = self.center + np.where(np.isnan(step), 0.0, step)
            if self.of.follow_s and not missing:
                self.follow(vector, [self.form(self.t2_form, z), self.form(self.q_form, z)], dt_s)
        else:
            self.held_s += dt_s
            if self.held_s > self.of.hold_s:
                self.forget()
        return found

    def follow(self, vector: Vector, said: list[float], dt_s: float) -> None:
        """Forget a little of everything, and take the instant in its place."""
        new = dt_s / (self.of.follow_s + dt_s)
        for usual, now in zip(self.usual, said, strict=True):
            apart = now - usual[0]
            usual[0] += new * apart
            usual[1] = (1 - new) * (usual[1] + new * apart**2)
        away = np.where(np.isnan(vector), 0.0, vector - self.center)
        self.center = self.center + new * away
        self.covariance = (1 - new) * (self.covariance + new * np.outer(away, away))
        self.taught, self.taught_s = self.taught + 1, self.taught_s + dt_s
        if self.taught >= self.size and 16 * self.taught_s > self.of.follow_s - 1e-6:
            self.taught, self.taught_s = 0, 0.0
            self.part()
            self.limit = [self.limit_of(*usual) for usual in self.usual]

    def explain(self, form: Vector, z: Vector, vector: Vector) -> dict[str, float]:
        pull, weight = form @ z, np.diag(form)
        some = (self.scale > 0) & (weight > 0)
        part = np.where(some, pull**2 / np.where(some, weight, 1.0), 0.0)
        of = part.reshape(-1, self.inputs).sum(axis=0)
        if not of.sum() > 0:
            return {}
        worst = 0
        for i in range(self.inputs):
            worst = i if of[i] > of[worst] * (1 + 1e-9) else worst
        found = {"contributor": worst + 1.0, "share": of[worst] / of.sum(), "observed": vector[worst]}
        if some[worst]:
            found["expected"] = self.center[worst] + self.scale[worst] * (z[worst] - pull[worst] / weight[worst])
        return found


def pca(detector: Any, _: AssetView, time_ns: NDArray[np.int64], value: Vector) -> dict[str, list[float]]:
    twin = Twin(detector, value.shape[1])
    found = [twin.instant(int(time) * 1e-9, row) for time, row in zip(time_ns, value, strict=True)]
    return {name: [row.get(name, math.nan) for row in found] for name in NAMES}
