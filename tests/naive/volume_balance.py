"""Slow, obvious twin of ``volume_balance``: lists, and numpy for means."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from detectors.pipelines.volume_balance import pack_m3
from model.detector import AssetView

Columns = dict[str, list[float]]
NAMES = ("", "rate", "fast", "slow")


def volume_balance(detector: Any, asset: AssetView, time_ns: NDArray[np.int64], value: NDArray[np.float64]) -> Columns:
    flows = [at for at, one in enumerate(asset.inputs) if one.unit == "m3/h"]
    pack = pack_m3(asset)
    counted = sorted({flows[0], flows[-1], *np.flatnonzero(pack).tolist()})
    fast, slow, warmup, hold = (
        max(1, round(s / detector.every_s))
        for s in (detector.fast_s, detector.slow_s, detector.warmup_s, detector.hold_s)
    )
    series: list[float] = []
    before, learned, beyond, last = math.nan, 0, 0, 0
    bias, variance = [0.0, 0.0], [0.0, 0.0]
    found = []
    for now, row in zip(time_ns.tolist(), value, strict=True):
        whole = all(abs(row[at]) <= 1e100 for at in counted)
        every_ns = round(1e9 * detector.every_s)
        if not whole or now - last > every_ns + every_ns // 2:
            series, before = [], math.nan
        last = now
        said = [math.nan] * 4
        if whole:
            packed = sum(pack[at] * row[at] for at in np.flatnonzero(pack))
            if not math.isnan(before):
                series.append(row[flows[0]] - row[flows[-1]] - (packed - before) * 3600 / detector.every_s)
            before = packed
            if len(series) >= slow:
                means = [float(np.mean(series[-fast:])), float(np.mean(series[-slow:]))]
                floor = max(detector.floor_share * abs(row[flows[0]]), 1e-9)
                sigma = [max(math.sqrt(v), floor) for v in variance]
                if learned < warmup:
                    learned += 1
                    _learn(means, 1 / learned, [math.inf] * 2, bias, variance)
                else:
                    scores = [(m - b) / s for m, b, s in zip(means, bias, sigma, strict=True)]
                    best = 0 if scores[0] >= scores[1] else 1
                    said = [scores[best], means[best] - bias[best], *scores]
                    loud = max(abs(score) for score in scores) > detector.hold_sigma
                    beyond = beyond + 1 if loud else 0
                    if not loud or beyond > hold:
                        _learn(means, detector.every_s / detector.follow_s, [3 * s for s in sigma], bias, variance)
        found.append(said)
    return {name: [said[at] for said in found] for at, name in enumerate(NAMES)}


def _learn(means: list[float], weight: float, most: list[float], bias: list[float], variance: list[float]) -> None:
    for w in range(2):
        d = min(max(means[w] - bias[w], -most[w]), most[w])
        bias[w] += weight * d
        variance[w] += weight * ((1 - weight) * d * d - variance[w])
