"""Slow, obvious twin of ``change``: buckets are lists of blocks, and every mean is added up anew."""
# ruff: noqa: ARG002 - the arguments are the protocol's

from __future__ import annotations

import math
from dataclasses import dataclass, field

from detectors.general.change import Change

NAN = math.nan
SIZES = [2**level for level in range(8)]


@dataclass
class Bucket:
    begin_ns: int
    blocks: list[float]

    @property
    def mean(self) -> float:
        return mean_of(self.blocks)


def mean_of(values: list[float]) -> float:
    return values[0] + math.fsum(value - values[0] for value in values) / len(values)


@dataclass
class Learned:
    """Everything that is dropped when learning begins anew."""

    shelves: list[list[Bucket]] = field(default_factory=lambda: [[] for _ in SIZES])  # by size, oldest first
    old: float = 0.0
    old_mean: float = 0.0
    variance: list[float] = field(default_factory=lambda: [0.0] * 8)
    seen: list[float] = field(default_factory=lambda: [0.0] * 8)
    usable: list[float] = field(default_factory=lambda: [0.0] * 8)
    taught: list[float] = field(default_factory=lambda: [0.0] * 8)
    heard_ns: int = 0
    held_ns: int = 0
    since_ns: int | None = None
    centre: float = NAN

    def buckets(self, above: int = -1) -> list[Bucket]:
        """Those of larger sizes, oldest first."""
        return [bucket for size in range(7, above, -1) for bucket in self.shelves[size]]

    def before(self, buckets: list[Bucket], old: float, old_mean: float) -> tuple[float, float]:
        """Blocks in the normal and in some buckets, and their mean."""
        blocks = old + sum(len(bucket.blocks) for bucket in buckets)
        reference = old_mean if old else buckets[0].mean if buckets else 0.0
        total = old * (old_mean - reference)
        total += sum(len(bucket.blocks) * (bucket.mean - reference) for bucket in buckets)
        return blocks, reference + (total / blocks if blocks else 0.0)


@dataclass
class NaiveChange:
    detector: Change
    period_s: float
    closed_ns: int | None = None
    last: float = NAN
    step: float = math.inf
    block: list[tuple[int, float]] = field(default_factory=list)
    score: float = NAN
    its: Learned = field(default_factory=Learned)

    def row(self, time_ns: int, value: float) -> float:
        if not abs(value) <= 1e100:
            return NAN
        of, its = self.detector, self.its
        if self.closed_ns is not None and value != self.last:
            self.step = min(self.step, abs(value - self.last))
        self.last = value
        self.block.append((time_ns, value))
        dt_ns = 0
        if self.closed_ns is not None:
            since_ns = time_ns - self.closed_ns
            if since_ns < round(of.every_s * 1e9):
                return self.score
            dt_ns = min(since_ns, max(round(3e9 * self.period_s), round(of.every_s * 1e9)))
        begin_ns, now = self.block[0][0], mean_of([value for _, value in self.block])
        self.block, self.closed_ns = [], time_ns
        its.heard_ns += dt_ns
        if its.usable[0] > 0 and not math.isnan(its.centre):
            most = of.clip_sigma * math.sqrt(its.usable[0])
            now = sorted([its.centre - most, now, its.centre + most])[1]
        self.put(Bucket(begin_ns, [now]), 0)
        self.judge(dt_ns)
        return self.score

    def weight(self, blocks: float, seen: float) -> float:
        span_s = blocks * max(self.period_s, self.detector.every_s)
        return max(blocks / (seen + blocks), span_s / (self.detector.normal_s + span_s))

    def teach(self, level: int, bucket: Bucket) -> None:
        its = self.its
        blocks, mean = its.before(its.buckets(level), its.old, its.old_mean)
        if blocks < 8:
            return
        size = len(bucket.blocks)
        span_s = size * max(self.period_s, self.detector.every_s)
        share = max(1 / (its.seen[level] + 1), span_s / (self.detector.normal_s + span_s))
        its.seen[level] = 1 / share
        found = (bucket.mean - mean) ** 2 * blocks / (blocks + size)
        its.variance[level] += share * (found - its.variance[level])

    def absorb(self, bucket: Bucket) -> None:
        its, size = self.its, len(bucket.blocks)
        share = self.weight(size, its.old)
        its.old = size / share
        its.old_mean += share * (bucket.mean - its.old_mean)

    def put(self, bucket: Bucket, level: int) -> None:
        its, shelf = self.its, self.its.shelves[level]
        if len(shelf) == 4:
            lasts = its.since_ns is not None
            if level == 7:
                if lasts:
                    shelf[:2] = [Bucket(shelf[0].begin_ns, shelf[0].blocks + shelf[1].blocks)]
                else:
                    self.teach(7, shelf[0])
                    self.absorb(shelf.pop(0))
            else:
                first, second = shelf[:2]
                if not lasts:
                    self.teach(level, first)
                    self.teach(level, second)
                del shelf[:2]
                self.put(Bucket(first.begin_ns, first.blocks + second.blocks), level + 1)
        shelf.append(bucket)

    def believe(self) -> None:
        its, least = self.its, max(self.detector.sigma_floor, self.step / 2 if math.isfinite(self.step) else 0.0) ** 2
        for level in range(8):
            known = its.seen[level] >= 8 and (level == 0 or its.usable[level - 1] > 0)
            its.usable[level] = max(its.variance[level], least) if known else 0.0
            its.taught[level] = its.seen[level]
            if level > 0 and its.variance[level] < least:
                its.taught[level] = its.taught[level - 1]
            least = its.usable[level] / 2

    def spread(self, blocks: float) -> tuple[float, float]:
        """Variance of a mean of so many blocks, and how many buckets taught it."""
        its = self.its
        level = max(at for at in range(8) if at == 0 or (2**at <= blocks and all(its.usable[: at + 1])))
        if level == 7 or its.usable[level + 1] == 0:
            return its.usable[level] * min(1, 2 * 2**level / blocks), its.taught[level]
        part = (blocks - 2**level) / 2**level
        inverse = (1 - part) / its.usable[level] + part / its.usable[level + 1]
        return 1 / inverse, its.taught[level + 1]

    def find(self, buckets: list[Bucket], old: float, old_mean: float, least: int, *, fixed: bool) -> dict[str, float]:
        """Surest change upwards and downwards, and where the surest of both begins."""
        found: dict[str, float] = {"above": 0.0, "below": 0.0, "since_ns": 0}
        known = sum(1 for variance in self.its.usable if variance > 0)
        for at in range(len(buckets) - 1, -1, -1):
            after = [block for bucket in buckets[at:] for block in bucket.blocks]
            blocks, mean = self.its.before([] if fixed else buckets[:at], old, old_mean)
            if blocks < least or (known < 8 and len(after) >= 2**known):
                break
            apart = mean_of(after) - mean
            variance, taught = self.spread(len(after))
            t2 = apart**2 / (variance + self.spread(blocks)[0])
            sure = (8 * taught + 1) / (8 * taught + 3) * math.sqrt(taught * math.log(1 + t2 / taught))
            if sure > max(found["above"], found["below"]):
                found["since_ns"] = buckets[at].begin_ns
            side = "above" if apart > 0 else "below"
            found[side] = max(found[side], sure)
        return found

    def cut(self, since_ns: float, *, absorb: bool) -> None:
        for size in range(7, -1, -1):
            for bucket in self.its.shelves[size]:
                if absorb and bucket.begin_ns < since_ns:
                    self.absorb(bucket)
            self.its.shelves[size] = [b for b in self.its.shelves[size] if b.begin_ns >= since_ns]

    def judge(self, dt_ns: int) -> None:
        of, its = self.detector, self.its
        self.score, its.centre = NAN, NAN
        if its.heard_ns < round(of.warmup_s * 1e9) or its.seen[0] < 8:
            return
        self.believe()
        found = {"above": 0.0, "below": 0.0, "since_ns": 0}
        if math.isfinite(self.step):
            if its.since_ns is not None:
                inner = self.find(its.buckets(), 0.0, 0.0, 1, fixed=False)
                if max(inner["above"], inner["below"]) > of.hold_sigma + 1:
                    self.cut(inner["since_ns"], absorb=False)
            found = self.find(its.buckets(), its.old, its.old_mean, 8, fixed=its.since_ns is not None)
        surest = max(found["above"], found["below"])
        self.score = {"high": found["above"], "low": found["below"], "both": surest}[of.side]
        if surest <= of.hold_sigma:
            its.held_ns, its.since_ns = 0, None
            its.centre = its.before(its.buckets(), its.old, its.old_mean)[1]
            return
        if its.since_ns is None:
            self.cut(found["since_ns"], absorb=True)
            its.since_ns = int(found["since_ns"])
        its.held_ns += dt_ns
        its.centre = its.old_mean
        if its.held_ns > round(of.hold_s * 1e9):
            self.its, self.score = Learned(), NAN

    def tick(self, elapsed_ns: int) -> float | None:
        return None
