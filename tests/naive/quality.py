"""When sensors were heard, the slow and obvious way: second by second would do, reading by reading is exact."""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True)
class Said:
    """One archived reading of one sensor."""

    time_ns: int
    offset: int
    value: float
    quality: int


@dataclass(frozen=True)
class Naive:
    heard_ns: int
    readings: int
    quality: tuple[int, int, int]
    outage_ns: int
    outage_begin_ns: int | None
    last_ns: int | None


def naive_presence(said: list[Said], from_ns: int, to_ns: int, period_ns: int) -> Naive:
    """One sensor; ``period_ns`` 0 = not judged."""
    reach_ns = 3 * period_ns
    first: dict[int, Said] = {}
    for one in sorted(said, key=lambda one: (one.time_ns, one.offset)):
        first.setdefault(one.time_ns, one)
    kept = [one for time_ns, one in first.items() if time_ns < to_ns]
    inside = [one for one in kept if one.time_ns >= from_ns]
    counts = [0, 0, 0]
    for one in inside:
        counts[one.quality if math.isfinite(one.value) else 2] += 1
    heard: list[tuple[int, int]] = []  # stretches of the period, apart from each other
    for one in kept:
        begin, end = max(one.time_ns, from_ns), min(one.time_ns + reach_ns, to_ns)
        if begin >= end:
            continue
        if heard and begin <= heard[-1][1]:
            heard[-1] = heard[-1][0], max(end, heard[-1][1])
        else:
            heard.append((begin, end))
    edges = [from_ns, *(edge for stretch in heard for edge in stretch), to_ns]
    outages = [(edges[at + 1] - edges[at], edges[at]) for at in range(0, len(edges), 2)] if period_ns else []
    longest = max(outages, key=lambda one: (one[0], -one[1]), default=(0, 0))
    return Naive(
        sum(end - begin for begin, end in heard) if period_ns else 0,
        len(inside),
        (counts[0], counts[1], counts[2]),
        longest[0],
        longest[1] if longest[0] else None,
        kept[-1].time_ns if kept else None,
    )
