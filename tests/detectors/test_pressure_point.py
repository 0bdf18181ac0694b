"""Pressure-point analysis at one station: the pack's ``pipeline.pressure_shift`` does what a t-test does."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from config.findings import Findings
from config.packs import load_packs
from detectors.parameters import build
from model.batch import Batch
from model.detector import SensorGroup

EVERY_S = 5.0
NOISE_KPA = 1.5
RULE_SIGMA, T_TEST_SIGMA = 8.0, 5.0
LEAK_AT = 720


def pressure(rows: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """A line at rest, kPa: float64 [rows]."""
    return 1500.0 + rng.normal(0.0, NOISE_KPA, rows)


def t_test(value: NDArray[np.float64], *, new: int = 6, old: int = 60) -> NDArray[np.float64]:
    """Mean of the last ``new`` readings less that of the ``old`` before them, in its deviations; NaN at first."""
    found = np.full(len(value), np.nan)
    for row in range(new + old, len(value) + 1):
        recent, before = value[row - new : row], value[row - new - old : row - new]
        pooled = (recent.var(ddof=1) * (new - 1) + before.var(ddof=1) * (old - 1)) / (new + old - 2)
        found[row - 1] = (recent.mean() - before.mean()) / np.sqrt(pooled * (1 / new + 1 / old))
    return found


def shift(value: NDArray[np.float64]) -> NDArray[np.float64]:
    """Score of the pack's detector on one transmitter."""
    findings = Findings()
    packs = load_packs(["pipeline"], Path(__file__).parents[2], findings)
    findings.raise_errors()
    spec = next(spec for spec in packs.detectors if spec.id == "pressure_shift")
    detector = build(spec.detector, spec.parameters)
    state = detector.init(SensorGroup(("p",), np.array([EVERY_S])))
    time_ns = 1_700_000_000_000_000_000 + np.arange(len(value), dtype=np.int64) * round(EVERY_S * 1e9)
    rows = len(value)
    batch = Batch(np.zeros(rows, np.int32), time_ns, time_ns, value, np.zeros(rows, np.uint8))
    return detector.update(state, batch)


def test_a_leak_is_told_as_soon_as_by_the_t_test() -> None:
    for seed in range(10):
        value = pressure(1080, np.random.default_rng(seed))
        value[LEAK_AT:] -= 25.0
        by_rule = int(np.argmax(shift(value) >= RULE_SIGMA))
        by_t_test = int(np.argmax(t_test(value) <= -T_TEST_SIGMA))
        assert LEAK_AT <= by_t_test <= by_rule <= LEAK_AT + round(60.0 / EVERY_S)


def test_the_swing_of_a_day_raises_the_t_test_and_not_the_rule() -> None:
    rows = round(86_400 / EVERY_S)
    value = pressure(rows, np.random.default_rng(1)) + 300.0 * np.sin(np.arange(rows) / rows * 2.0 * np.pi)
    assert np.nanmax(shift(value)) < RULE_SIGMA
    assert np.nanmin(t_test(value)) < -T_TEST_SIGMA
