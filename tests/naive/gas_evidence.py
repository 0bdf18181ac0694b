"""Slow, obvious twin of the evidence for a release: plain Python, one sensor and one candidate after the other."""

from __future__ import annotations

import math
import statistics
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from model.detector import AssetView

NAN = math.nan


@dataclass
class CleanAir:
    """What is known of one sensor."""

    detector: Any
    gap_ns: int
    last_ns: int | None = None
    rows: int = 0
    known_ns: int = 0
    held_ns: int = 0
    background: float = 0.0
    spread: float = 0.0
    evidence: float = 0.0
    kept: float = 0.0

    @property
    def known(self) -> bool:
        return self.known_ns >= round(self.detector.warmup_s * 1e9)

    def begin(self, value: float) -> None:
        if self.last_ns is None:
            self.background = value
            self.spread = max(self.detector.floor / self.detector.spreads, 1e-9)

    def gas(self, residual: float) -> float:
        return max(0.0, residual - max(self.detector.floor, self.detector.spreads * self.spread))

    def learn(self, now_ns: int, residual: float, gas: float) -> None:
        dt_ns = 0 if self.last_ns is None else max(0, min(now_ns - self.last_ns, self.gap_ns))
        self.last_ns = now_ns
        if gas > 0 and self.known:
            self.held_ns += dt_ns
            if self.held_ns <= round(self.detector.hold_s * 1e9):
                return
        else:
            self.held_ns = 0
        self.rows += 1
        self.known_ns += dt_ns
        share = dt_ns / (self.detector.background_s * 1e9)
        step = 4 * self.spread * min(1.0, max(share, 1 / self.rows))
        if residual > 0:
            self.background += step * 0.35
        elif residual < -4 * self.spread:
            self.background += residual * min(1.0, 4 * share)
        elif residual < 0:
            self.background -= step * 0.65
        self.spread += min(1.0, share / 8) * (min(abs(residual), 3 * self.spread) - self.spread)
        self.spread = max(self.spread, 0.025 * self.detector.floor, 1e-9)


@dataclass
class Wind:
    detector: Any
    mean: float = 0.0
    last_ns: int | None = None

    def weight(self, now_ns: int, speed: float, dt_ns: int) -> float:
        span_ns = self.detector.wind_s * 1e9
        fresh = self.last_ns is not None and now_ns - self.last_ns <= span_ns
        if 0 <= speed <= 1e100:
            self.mean += (1 - math.exp(-dt_ns / span_ns) if fresh else 1.0) * (speed - self.mean)
            self.last_ns, fresh = now_ns, True
        if not fresh:
            return 1.0
        return max(self.detector.calm_weight, min(1.0, self.mean / self.detector.wind_full_m_s))


@dataclass
class Place:
    """Every instant since the onset, kept whole."""

    detector: Any
    sensors: list[tuple[float, float]]  # lat, lon
    candidates: list[tuple[float, float]]
    onset_ns: int | None = None
    instants: list[tuple[list[float], float, float]] = field(default_factory=list)

    def metres(self, place: tuple[float, float]) -> tuple[float, float]:
        """East and north of the middle of the sensors."""
        lat0, lon0 = (statistics.fmean(one[d] for one in self.sensors) for d in (0, 1))
        return (place[1] - lon0) * 111_195 * math.cos(math.radians(lat0)), (place[0] - lat0) * 111_195

    def height(self, candidate: tuple[float, float], sensor: tuple[float, float], wind: float, speed: float) -> float:
        (ex, nx), (ey, ny) = self.metres(candidate), self.metres(sensor)
        away = max(math.hypot(ey - ex, ny - nx), 8.0)
        off = math.degrees(math.atan2(ey - ex, ny - nx)) - wind
        off = off % 360 - 180
        return math.exp(-0.5 * (off / self.detector.width_deg) ** 2) / (away * away * speed)

    def find(self) -> list[float]:
        """Latitude, longitude, error, number and probability of the best of the named places."""
        capped = [[NAN if math.isnan(g) else min(g, self.detector.cap) for g in gas] for gas, _, _ in self.instants]
        seen = sum(g for gas in capped for g in gas if not math.isnan(g))
        if not seen > 0:
            return [NAN] * 5
        misfits = []
        for candidate in self.candidates:
            together = expected = 0.0
            for gas, (_, wind, speed) in zip(capped, self.instants, strict=True):
                for sensor, g in zip(self.sensors, gas, strict=True):
                    if not math.isnan(g):
                        height = self.height(candidate, sensor, wind, speed)
                        together += math.sqrt(height * g)
                        expected += height
            fit = together**2 / expected if expected > 0 else 0.0
            misfits.append(0.05 + max(0.0, 1 - fit / seen))
        news = 1 + len(self.instants) * self.detector.every_s / 600
        weights = [(min(misfits) / one) ** news for one in misfits]
        best = misfits.index(min(misfits))
        at = [self.metres(one) for one in self.candidates]
        variance = sum(w * math.dist(one, at[best]) ** 2 for w, one in zip(weights, at, strict=True)) / sum(weights)
        error_m = math.sqrt(variance + 8.0**2)
        return [*self.candidates[best], error_m, best + 1.0, weights[best] / sum(weights)]


@dataclass
class SiteNow:
    """A site, and what it has come to."""

    detector: Any
    asset: AssetView
    sensors: list[CleanAir] = field(init=False)
    wind: Wind = field(init=False)
    place: Place = field(init=False)
    last_ns: int | None = None
    onset_ns: int | None = None

    def __post_init__(self) -> None:
        units = [one.unit for one in self.asset.inputs]
        self.gas_at = [at for at, unit in enumerate(units) if unit not in {"m/s", "deg"}]
        self.speed_at = units.index("m/s") if "m/s" in units else None
        self.wind_at = units.index("deg") if "deg" in units else None
        self.sensors = [CleanAir(self.detector, 3 * round(self.detector.every_s * 1e9)) for _ in self.gas_at]
        self.wind = Wind(self.detector)
        positions = [self.asset.inputs[at].position for at in self.gas_at]
        attributes = self.asset.attributes
        names = sorted(key[7:-4] for key in attributes if key.endswith("_lat"))
        candidates = [(attributes[f"source_{n}_lat"], attributes[f"source_{n}_lon"]) for n in names]
        self.place = Place(self.detector, [(one.lat or 0.0, one.lon or 0.0) for one in positions], candidates)

    def instant(self, now_ns: int, row: list[float]) -> list[float]:
        dt_ns = 0 if self.last_ns is None else now_ns - self.last_ns
        self.last_ns = now_ns
        weight = self.wind.weight(now_ns, row[self.speed_at] if self.speed_at is not None else NAN, dt_ns)
        values = [row[at] if abs(row[at]) <= 1e100 else NAN for at in self.gas_at]
        for own, value in zip(self.sensors, values, strict=True):
            own.evidence *= math.exp(-dt_ns / (self.detector.memory_s * 1e9))
            if not math.isnan(value):
                own.begin(value)
        residuals = [value - own.background for value, own in zip(values, self.sensors, strict=True)]
        gas = self.gather(now_ns, residuals, weight)
        return [*self.say(now_ns, values, residuals, gas), *self.where(row, gas)]

    def gather(self, now_ns: int, residuals: list[float], weight: float) -> list[float]:
        """Gas of each sensor, NaN where it is silent or not known yet."""
        floor, half = self.detector.floor, self.detector.half
        said = [one for one in residuals if not math.isnan(one)]
        common = max(-floor, min(floor, statistics.median(said))) if len(said) >= 3 else 0.0
        gas = []
        for own, residual in zip(self.sensors, residuals, strict=True):
            if math.isnan(residual):
                gas.append(NAN)
                continue
            found, known = own.gas(residual - common), own.known
            if found > 0 and known:
                own.evidence += weight * found / (found + half) * self.detector.every_s / 60
            own.kept = own.evidence
            own.learn(now_ns, residual, found)
            gas.append(found if known else NAN)
        return gas

    def say(self, now_ns: int, values: list[float], residuals: list[float], gas: list[float]) -> list[float]:
        judged = [at for at, g in enumerate(gas) if not math.isnan(g)]
        if not judged:
            return [NAN] * 8
        score = sum(own.evidence for own in self.sensors)
        most = sum(own.kept if math.isnan(v) else own.evidence for own, v in zip(self.sensors, values, strict=True))
        top = max(judged, key=lambda at: residuals[at])
        best = max(judged, key=lambda at: self.sensors[at].evidence)
        found = [score, most, values[top], values[top] - residuals[top], residuals[top]]
        if score < 0.05:
            self.onset_ns = None
            return [*found, NAN, NAN, NAN]
        self.onset_ns = now_ns if self.onset_ns is None else self.onset_ns
        share = self.sensors[best].evidence / score
        return [*found, self.gas_at[best] + 1.0, share, (now_ns - self.onset_ns) / 60e9]

    def where(self, row: list[float], gas: list[float]) -> list[float]:
        if self.onset_ns is None or self.speed_at is None or self.wind_at is None or len(gas) < 3:
            return [NAN] * 5
        if self.place.onset_ns != self.onset_ns:
            self.place.onset_ns, self.place.instants = self.onset_ns, []
        if 0.5 <= row[self.speed_at] <= 1e100 and abs(row[self.wind_at]) <= 1e100:
            self.place.instants.append((gas, row[self.wind_at], row[self.speed_at]))
        return self.place.find()


def gas_evidence(
    detector: Any, asset: AssetView, time_ns: NDArray[np.int64], value: NDArray[np.float64]
) -> dict[str, list[float]]:
    """Score instants; the asset names its sources."""
    site = SiteNow(detector, asset)
    rows = [site.instant(now_ns, row) for now_ns, row in zip(time_ns.tolist(), value.tolist(), strict=True)]
    return {name: [row[at] for row in rows] for at, name in enumerate(detector.units(""))}
