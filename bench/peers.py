"""Each detector beside the naive loop and beside river's nearest relative, on the same rows in the same run.

The naive loop is the detector's own source as plain Python, a reading at a time (``bench/interpreted.py``). river keeps
one object a sensor, too; its relatives do less: none knows event time, gaps, what is left out, or a state that can be
kept. Full rows are a reading of every sensor in turn, scattered rows are of any sensor.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np

from bench import interpreted
from bench.detectors import BATCH_ROWS, ROWS, batches, measure
from bench.figures import Effort, Figure, Report
from detectors import DETECTORS
from model.batch import Batch

SENSORS = 10_000
#: A loop is not run over a million rows: it has cost the same long before.
LOOP_ROWS, RIVER_ROWS = 20_000, 200_000


def _score_by_mean() -> Callable[[float], float]:
    from river import stats  # noqa: PLC0415 - only in this bench

    mean, variance = stats.EWMean(0.01), stats.EWVar(0.01)

    def score(value: float) -> float:
        spread = variance.get()
        found: float = (value - mean.get()) / spread**0.5 if spread else 0.0
        mean.update(value)
        variance.update(value)
        return found

    return score


def _page_hinkley() -> Callable[[float], object]:
    from river import drift  # noqa: PLC0415

    return _updating(drift.PageHinkley())


def _adwin() -> Callable[[float], object]:
    from river import drift  # noqa: PLC0415

    return _updating(drift.ADWIN())


def _two_quantiles() -> Callable[[float], object]:
    from river import stats  # noqa: PLC0415

    low, high = stats.Quantile(0.1), stats.Quantile(0.9)

    def score(value: float) -> float:
        low.update(value)
        high.update(value)
        return max(value - high.get(), low.get() - value)

    return score


def _holt_winters() -> Callable[[float], object]:
    from river import time_series  # noqa: PLC0415

    model = time_series.HoltWinters(alpha=0.1, beta=0.01)
    heard = 0

    def score(value: float) -> float:
        nonlocal heard
        heard += 1
        found: float = value - model.forecast(horizon=1)[0] if heard > 2 else 0.0
        model.learn_one(value)
        return found

    return score


def _updating(detector: Any) -> Callable[[float], object]:
    def score(value: float) -> object:
        detector.update(value)
        return detector.drift_detected

    return score


#: Done by whole columns: their own source is no loop.
COLUMNS = ("limit", "silence")

#: Detector -> river's nearest relative.
RELATIVES: dict[str, tuple[str, Callable[[], Callable[[float], object]]]] = {
    "ewma": ("EWMean and EWVar", _score_by_mean),
    "cusum": ("PageHinkley", _page_hinkley),
    "change": ("ADWIN", _adwin),
    "rarity": ("two Quantiles", _two_quantiles),
    "trend": ("HoltWinters", _holt_winters),
}


def river_ns(make: Callable[[], Callable[[float], object]], made: list[Batch], rows: int, repeat: int) -> list[float]:
    """The same of river's, in a loop over readings, one object a sensor."""
    scoring = [make() for _ in range(SENSORS)]
    sensor = np.concatenate([batch.sensor for batch in made])[:rows].tolist()
    value = np.concatenate([batch.value for batch in made])[:rows].tolist()
    took = []
    for _ in range(repeat + 1):
        begin_ns = time.perf_counter_ns()
        for at, now in zip(sensor, value, strict=True):
            scoring[at](now)
        took.append((time.perf_counter_ns() - begin_ns) / rows)
    return took[1:]


def run(effort: Effort) -> Report:
    report = Report("peers", f"{SENSORS:,} sensors, {ROWS:,} rows in batches of {BATCH_ROWS:,}; loops fewer rows")
    scattered = batches(SENSORS, "scattered", BATCH_ROWS)
    for name in DETECTORS:
        found = {order: measure(name, SENSORS, order, effort.runs) for order in ("scattered", "full")}
        report.figures += [Figure(f"{name}, {order} rows", "ns/reading", runs) for order, runs in found.items()]
        ours = min(found["scattered"])
        if name not in COLUMNS:
            loop = [interpreted.cost_ns(name, 1000, LOOP_ROWS) for _ in range(effort.runs)]
            figure = Figure(f"{name}, naive loop", "ns/reading", loop, role="peer", note=_times(loop, ours))
            report.figures.append(figure)
        if name in RELATIVES:
            called, make = RELATIVES[name]
            peer = river_ns(make, scattered, effort.count(RIVER_ROWS, 20_000), effort.runs)
            figure = Figure(f"{name}, river's {called}", "ns/reading", peer, role="peer", note=_times(peer, ours))
            report.figures.append(figure)
    return report


def _times(peer: list[float], ours: float) -> str:
    return f"{min(peer) / ours:.1f} times ours"
