"""Slow, obvious twins of ``rarity`` and ``seasonal``: an object a tail, an object an hour, plain Python."""
# ruff: noqa: ARG002 - the arguments are the protocol's

from __future__ import annotations

import math
from dataclasses import dataclass, field
from datetime import date, timedelta

from detectors.general.rarity import Rarity
from detectors.general.seasonal import Seasonal

NAN = math.nan


@dataclass
class NaiveTail:
    """One side; what is below is told with its sign turned."""

    begin: float
    excess: float
    beyond: int
    held_s: float = 0.0

    @classmethod
    def of(cls, first: list[float], tail: float) -> NaiveTail:
        order = sorted(first)
        place = min(max(math.ceil((1 - tail) * 32) - 1, 17), 30)
        over = [value - order[place] for value in order[place + 1 :]]
        law = 0.5 * (order[place] - order[16]) / math.log(0.5 / tail)
        return cls(order[place], max(sum(over) / len(over), law), len(over))

    def score(self, value: float, excess_min: float, tail: float) -> float:
        if value <= self.begin:
            return 0.0
        excess = max(self.excess, excess_min)
        found = math.inf if excess == 0 else (value - self.begin) / excess / math.log(10)
        return min(found - math.log10(tail), 20.0)

    def learn(self, value: float, share: float, excess_min: float, tail: float) -> None:
        move = share * max(self.excess, excess_min)
        if value > self.begin:
            self.beyond += 1
            self.excess += max(1 / self.beyond, min(share / tail, 0.5)) * (value - self.begin - self.excess)
            self.begin += move * (1 - tail) / tail
        else:
            self.begin -= move


@dataclass
class NaiveTails:
    """Both sides of one statistic, and its smoothing."""

    detector: Rarity | Seasonal
    smoothed: int = 0
    level: float = 0.0
    first: list[float] = field(default_factory=list)
    rows: int = 0
    heard_s: float = 0.0
    sides: list[NaiveTail] = field(default_factory=list)

    def judge(self, value: float, dt_s: float, floor: float, *, moved: bool) -> float:
        of = self.detector
        self.smoothed += 1
        share = dt_s / (of.smooth_s + dt_s) if of.smooth_s and dt_s else 1.0 if not of.smooth_s else 0.0
        self.level += max(1 / self.smoothed, share) * (value - self.level)
        self.rows += 1
        self.heard_s += dt_s
        if self.rows <= 32:
            self.first.append(self.level)
            if self.rows == 32:
                self.sides = [NaiveTail.of(self.first, of.tail), NaiveTail.of([-v for v in self.first], of.tail)]
            return NAN
        ready = round(self.heard_s * 1e9) >= round(of.warmup_s * 1e9)
        found = []
        for tail, told in zip(self.sides, (self.level, -self.level), strict=True):
            least = max(floor, 0.05 * (self.sides[0].begin + self.sides[1].begin))
            score = tail.score(told, least, of.tail) if ready and moved else 0.0
            tail.held_s = tail.held_s + dt_s if score > of.hold else 0.0
            if tail.held_s == 0 or round(tail.held_s * 1e9) > round(of.hold_s * 1e9):
                tail.learn(told, max(1 / self.rows, dt_s / (of.forget_s + dt_s)), least, of.tail)
            found.append(score)
        wanted = {"high": found[:1], "low": found[1:], "both": found}[of.side]
        return max(wanted) if ready else NAN

    @property
    def teaches(self) -> bool:
        held_s = max((tail.held_s for tail in self.sides), default=0.0)
        return held_s == 0 or round(held_s * 1e9) > round(self.detector.hold_s * 1e9)


@dataclass
class NaiveSteps:
    """Time between rows, and the smallest step."""

    period_s: float
    last: tuple[int, float] | None = None
    smallest: float = math.inf

    def take(self, time_ns: int, value: float) -> float:
        dt_s = 0.0
        if self.last is not None:
            dt_s = min((time_ns - self.last[0]) / 1e9, 3 * self.period_s)
            if value != self.last[1]:
                self.smallest = min(self.smallest, abs(value - self.last[1]))
        self.last = (time_ns, value)
        return dt_s


class NaiveRarity:
    def __init__(self, detector: Rarity, period_s: float) -> None:
        self.tails, self.steps = NaiveTails(detector), NaiveSteps(period_s)

    def row(self, time_ns: int, value: float) -> float:
        if not abs(value) <= 1e100:
            return NAN
        dt_s = self.steps.take(time_ns, value)
        moved = self.steps.smallest < math.inf
        return self.tails.judge(value, dt_s, 0.5 * self.steps.smallest if moved else 0.0, moved=moved)

    def tick(self, elapsed_ns: int) -> float | None:
        return None


@dataclass
class NaiveHour:
    days: int = 0
    mean: float = 0.0
    variance: float = 0.0

    def take(self, now: float, remembered: float) -> None:
        self.days += 1
        before = self.mean
        self.mean += max(1 / self.days, 1 / remembered) * (now - before)
        if self.days > 1:
            together = (now - before) * (now - self.mean)
            self.variance += max(1 / (self.days - 1), 1 / remembered) * (together - self.variance)


class NaiveSeasonal:
    def __init__(self, detector: Seasonal, period_s: float) -> None:
        self.of, self.tails, self.steps = detector, NaiveTails(detector), NaiveSteps(period_s)
        self.hours = {(rest, hour): NaiveHour() for rest in (False, True) for hour in range(24)}
        self.open: tuple[int, bool, int] | None = None
        self.now: list[float] = []
        self.common = 0.0

    def row(self, time_ns: int, value: float) -> float:
        if not abs(value) <= 1e100:
            return NAN
        dt_s = self.steps.take(time_ns, value)
        hour = self.enter(time_ns)
        score = NAN
        if hour.days >= 2:
            spread = math.sqrt((hour.days * hour.variance + 3 * self.common) / (hour.days + 3))
            if self.steps.smallest < math.inf:
                spread = max(spread, 0.5 * self.steps.smallest)
            if spread > 0:
                moved = self.steps.smallest < math.inf
                score = self.tails.judge((value - hour.mean) / spread, dt_s, 0.05, moved=moved)
        if self.tails.teaches:
            self.now.append(value)
        return score

    def rests(self, day: int) -> bool:
        today = date(1970, 1, 1) + timedelta(days=day) if self.of.holidays or self.of.workdays else None
        if today is None:
            return (day + 3) % 7 in (5, 6)
        named = {
            name: any(
                date.fromisoformat(piece.split("/")[0]) <= today <= date.fromisoformat(piece.split("/")[-1])
                for piece in getattr(self.of, name).split(", ")
                if piece
            )
            for name in ("holidays", "workdays")
        }
        return named["holidays"] or (today.weekday() >= 5 and not named["workdays"])

    def enter(self, time_ns: int) -> NaiveHour:
        cycle_ns = round(self.of.cycle_s * 1e9)
        day, within_ns = divmod(time_ns + round(self.of.zone_h * 3600e9), cycle_ns)
        at = (day, self.rests(day), within_ns * 24 // cycle_ns)
        if self.open is not None and at != self.open and self.now:
            self.hours[self.open[1:]].take(math.fsum(self.now) / len(self.now), self.of.days)
            known = [hour.variance for hour in self.hours.values() if hour.days >= 2]
            self.common = math.fsum(known) / len(known) if known else 0.0
        if at != self.open:
            self.open, self.now = at, []
        return self.hours[at[1:]]

    def tick(self, elapsed_ns: int) -> float | None:
        return None
