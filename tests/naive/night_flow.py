"""Slow, obvious twin of ``night_flow``: keeps every row, hour and night."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from model.detector import AssetView

Columns = dict[str, list[float]]
Array = NDArray[np.float64]
NAMES = ("", "leak_m3_h", "night_m3_h", "usual_m3_h", "held_s")


class _District:
    def __init__(self, detector: Any, asset: AssetView) -> None:
        self.detector = detector
        out = [kind.strip() for kind in detector.out_kinds.split(",")]
        self.flows = [at for at, one in enumerate(asset.inputs) if one.unit == "m3/h"]
        self.leave = [asset.inputs[at].kind in out for at in self.flows]
        self.levels = [at for at, one in enumerate(asset.inputs) if one.unit == "m"]
        names = ["tank_area_m2", *(f"tank_area_{k}_m2" for k in range(2, 99))][: len(self.levels)]
        self.given = [asset.attributes[name] for name in names if name in asset.attributes]
        self.before: tuple[int, Array] | None = None
        self.hour, self.ends, self.ended, self.began = 0, 0, -(10**18), 0
        self.filling: list[Array] = []
        self.night: list[Array] = []
        self.said = [math.nan] * 5
        self.begin_anew()

    def begin_anew(self) -> None:
        self.hours: list[tuple[int, Array]] = []
        self.usual: list[Array] = []
        self.learned = 0
        self.recent: list[tuple[int, bool, Array]] = []
        self.areas: Array = np.empty(0)

    def instant(self, now: int, row: Array) -> list[float]:
        d = self.detector
        every, cycle, begin, length = (round(1e9 * s) for s in (d.every_s, d.cycle_s, d.begin_s, d.length_s))
        local = now + round(3.6e12 * d.zone_h)
        if self.ends and now > self.ends:
            self.close_night()
        usable = np.abs(row) <= 1e100
        hour = (local - every) // (cycle // 24)
        if hour != self.hour:
            if len(self.filling) >= 0.5 * cycle / 24 / every:
                self.hours.append((self.hour % 24, self.drawn(self.filling)))
            self.hour, self.filling = hour, []
        if usable[[*self.flows, *self.levels]].all():
            levels = row[self.levels]
            if self.before is not None and now - self.before[0] <= every + every // 2:
                flow = sum(-row[at] if leaves else row[at] for at, leaves in zip(self.flows, self.leave, strict=True))
                step = np.array([flow, *(levels - self.before[1])])
                self.filling.append(step)
                if begin < local % cycle <= begin + length:
                    self.ends = now - local % cycle + begin + length
                    self.night.append(step)
            self.before = now, levels
        fresh = usable[self.flows].any() and now - self.ended <= cycle + cycle // 2
        return list(self.said) if fresh else [math.nan] * 5

    def drawn(self, rows: list[Array]) -> Array:
        """Mean inflow and rises, an hour."""
        table = np.array(rows)
        return np.array([table[:, 0].mean(), *(table[:, 1:].sum(axis=0) * 3600 / len(table) / self.detector.every_s)])

    def close_night(self) -> None:
        d, rows, ends = self.detector, self.night, self.ends
        self.night, self.ends, self.said = [], 0, [math.nan] * 5
        if len(rows) * d.every_s < 0.8 * d.length_s:
            return
        self.ended = ends
        night = self.drawn(rows)
        if self.learned < int(d.warmup_nights):
            self.usual.append(night)
            self.learned += 1
            if self.learned == int(d.warmup_nights):
                self.areas = np.array(self.given) if len(self.given) == len(self.levels) else self.learn_areas()
                if np.isnan(self.areas).any():
                    self.begin_anew()
            return
        day = ends // round(1e9 * d.cycle_s)
        alone, more, usual = self.score([night])
        self.recent.append((day, alone <= d.hold_sigma, night))
        slow = [of for number, _, of in self.recent if number > day - int(d.slow_nights)]
        best = alone, more
        if 2 * len(slow) >= int(d.slow_nights):
            best = max(best, self.score(slow)[:2])
        self.said = [*best, self.net(night), usual, 0.0]
        if best[0] > d.hold_sigma:
            self.began = self.began or ends
            self.said[4] = (ends - self.began) / 1e9
            if ends - self.began > d.hold_nights * round(1e9 * d.cycle_s):
                self.began, self.said = 0, [math.nan] * 5
                self.begin_anew()
            return
        self.began = 0
        gap = int(d.gap_nights)
        if len(self.recent) > gap and self.recent[-1 - gap][1]:
            self.usual = [*self.usual, self.recent[-1 - gap][2]][-int(d.usual_nights) :]

    def net(self, night: Array) -> float:
        return float(night[0] - night[1:] @ self.areas)

    def score(self, nights: list[Array]) -> tuple[float, float, float]:
        d, k, n = self.detector, len(nights), len(self.usual)
        usual = [self.net(night) for night in self.usual]
        middle = float(np.median(usual))
        off = [abs(one - middle) for one in usual]
        most = 4 * 1.4826 * float(np.median(off))
        sigma = math.sqrt(sum(min(one, most) ** 2 for one in off) / max(n - 1, 1))
        sigma = max(sigma, d.floor_share * abs(middle), 1e-9)
        alike = [[d.memory ** abs(i - j) for i in range(k)] for j in range(k)]
        unsure = sum(map(sum, alike)) / k**2 + math.pi / 2 * (1 + d.memory) / (1 - d.memory) / n
        more = sum(self.net(night) for night in nights) / k - middle
        t, v = more / sigma / math.sqrt(unsure), max(n - 1, 1)
        z = math.sqrt(v * math.log1p(t * t / v)) * (8 * v + 1) / (8 * v + 3)
        return math.copysign(z, t), more, middle

    def learn_areas(self) -> Array:
        """By plain regressions on what differs from the mean of each hour of the day."""
        m = len(self.levels)
        if m == 0:
            return np.empty(0)
        table = np.array([of for _, of in self.hours]).reshape(-1, 1 + m)
        hours = np.array([hour for hour, _ in self.hours], int)
        for hour in set(hours.tolist()):
            table[hours == hour] -= table[hours == hour].mean(axis=0)
        inflow, rises = table[:, 0], table[:, 1:]
        freedom = len(table) - len(set(hours.tolist())) - m
        together = rises.sum(axis=1)
        if freedom <= 0 or together @ together <= 1e-12 or inflow @ inflow <= 1e-12:
            return np.full(m, np.nan)
        mean = float(together @ inflow / (together @ together))
        noise = max(float(inflow @ inflow - mean * (together @ inflow)), 0.0) / freedom
        pull = math.sqrt(max(noise / max(0.5 * mean, 1e-12) ** 2, 1e-12))
        left = np.concatenate([inflow - mean * together, np.zeros(m)])
        area: Array = mean + np.linalg.lstsq(np.vstack([rises, pull * np.eye(m)]), left)[0]
        explained = 1 - float(((inflow - rises @ area) ** 2).sum() / (inflow @ inflow))
        return area / min(explained, 1.0) if explained >= 0.5 else np.full(m, np.nan)


def night_flow(detector: Any, asset: AssetView, time_ns: NDArray[np.int64], value: Array) -> Columns:
    district = _District(detector, asset)
    found = [district.instant(now, row) for now, row in zip(time_ns.tolist(), value, strict=True)]
    return {name: [said[at] for said in found] for at, name in enumerate(NAMES)}
