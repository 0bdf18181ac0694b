"""What ``spectrum`` hears that no detector on the value itself does, and what it leaves alone."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from detectors.declaration import ParameterError
from model.plan import Parameter
from tests.detectors.feed import START_NS, Fed
from tests.naive.spectrum import NaiveSpectrum

SENSORS = 40
PERIOD_S = 0.02
WARM = 30_000
BLOCK = 256
#: Limits at which each is quiet in the noise that is made here; a test holds them to it.
LIMITS = {"spectrum": 5.0, "change": 4.7, "ewma": 4.7, "rarity": 5.0}
QUICK: dict[str, dict[str, Parameter]] = {
    "spectrum": {"warmup_s": 100.0},
    "change": {"warmup_s": 100.0},
    "ewma": {"warmup_s": 100.0, "smooth_s": 1.0},
    "rarity": {"warmup_s": 100.0, "smooth_s": 1.0},
}


def noise(rows: int, memory: float = 0.9) -> NDArray[np.float64]:
    """Pressure with a deviation of 1 that remembers, as flow makes it."""
    value = np.random.default_rng(5).normal(size=(rows, SENSORS))
    for row in range(1, rows):
        value[row] = memory * value[row - 1] + np.sqrt(1.0 - memory**2) * value[row]
    return value


def fed(name: str, **more: Parameter) -> Fed:
    return Fed(name, QUICK[name] | more, sensors=SENSORS, period_s=PERIOD_S)


@pytest.mark.parametrize("name", LIMITS)
def test_at_its_limit_each_is_quiet_in_ordinary_noise(name: str) -> None:
    score = np.abs(fed(name).rows(noise(2 * WARM)))
    assert (np.nanmax(score, axis=0) > LIMITS[name]).mean() <= 0.05


def test_a_tone_at_the_same_effective_value_is_found_by_spectrum_alone() -> None:
    value = noise(WARM + 4 * BLOCK)
    at_s = PERIOD_S * np.arange(len(value))[WARM:, None]
    value[WARM:] = np.sqrt(0.8) * value[WARM:] + np.sqrt(0.4) * np.sin(2 * np.pi * 15.5 * at_s)
    assert value[WARM:].std() == pytest.approx(value[:WARM].std(), rel=0.05)
    found = {name: (np.abs(fed(name).rows(value)[WARM:]) > limit).any(axis=0).mean() for name, limit in LIMITS.items()}
    assert found["spectrum"] == 1.0
    assert max(found["change"], found["ewma"], found["rarity"]) <= 0.05


@pytest.mark.parametrize("factor", [0.4, 2.0])
def test_noise_that_dies_or_doubles_round_the_same_mean_is_found_within_two_blocks(factor: float) -> None:
    value = noise(WARM + 2 * BLOCK)
    value[WARM:] *= factor
    its = fed("spectrum")
    assert (its.rows(value)[WARM + 2 * BLOCK - 1] > LIMITS["spectrum"]).mean() > 0.95
    told = its.state.sensors["observed"] / its.state.sensors["expected"]
    assert np.median(told) == pytest.approx(factor, rel=0.15)


def test_an_event_can_say_how_high_the_noise_is_and_was_and_since_when() -> None:
    value = noise(WARM + 4 * BLOCK)
    value[WARM:] *= 3.0
    its = fed("spectrum")
    score = its.rows(value)[-1]
    told = [its.detector.explain(its.state, slot, float(score[slot])) for slot in range(SENSORS)]
    assert np.median([each.observed / each.expected for each in told]) == pytest.approx(3.0, rel=0.15)
    assert all(each.low < each.expected < each.high < each.observed for each in told)
    since = np.array([(each.since_ns - START_NS) / 1e9 / PERIOD_S for each in told])
    assert ((since > WARM - BLOCK) & (since < WARM + BLOCK)).mean() > 0.9
    assert min(each.confidence for each in told) > 0.99


def test_the_band_of_a_tone_is_named_to_an_octave() -> None:
    value = noise(WARM + 2 * BLOCK)
    at_s = PERIOD_S * np.arange(len(value))[WARM:, None]
    its = fed("spectrum")
    value[WARM:] += np.sin(2 * np.pi * 4.0 * at_s)  # a period of 12.5 rows
    its.rows(value)
    assert np.isin(its.state.sensors["band"], (2, 3)).all()  # periods of 4 to 16 rows


def test_a_value_that_drifts_with_the_same_noise_says_nothing() -> None:
    value = noise(2 * WARM, memory=0.0)
    value[WARM:] += 0.002 * np.arange(WARM)[:, None]
    assert (np.nanmax(fed("spectrum").rows(value)[WARM:], axis=0) > LIMITS["spectrum"]).mean() <= 0.05


def test_a_side_that_is_not_asked_for_says_nothing() -> None:
    value = noise(WARM + 2 * BLOCK)
    value[WARM:] *= 0.3
    assert fed("spectrum", side="high").rows(value)[-1].max() < LIMITS["spectrum"]
    assert (fed("spectrum", side="low").rows(value)[-1] > LIMITS["spectrum"]).all()


def test_a_new_noise_is_not_learned_for_hold_s_and_then_is() -> None:
    value = noise(3 * WARM)
    value[WARM:] *= 3.0
    score = fed("spectrum", hold_s=300.0).rows(value)
    held = round(300.0 / PERIOD_S)
    assert (score[WARM + 2 * BLOCK : WARM + held - BLOCK] > LIMITS["spectrum"]).all()
    assert np.isnan(score[WARM + held + 2 * BLOCK]).all()
    assert np.nanmax(score[WARM + held + 2 * BLOCK :]) < LIMITS["spectrum"] + 1.0


def test_a_gap_begins_the_block_anew() -> None:
    its = Fed("spectrum", {"bands": 2.0, "warmup_s": 0.0})
    rng = np.random.default_rng(1)
    its.rows(rng.normal(size=80))
    its.rows(rng.normal(size=5))
    its.wait(60.0)
    its.rows(rng.normal(size=6))
    assert its.state.sensors["rows"][0] == 6


def test_the_twin_agrees_over_many_blocks_with_gaps_and_a_change() -> None:
    rng = np.random.default_rng(4)
    value = rng.normal(size=1_500)
    value[900:1_100] *= 4.0
    parameters: dict[str, Parameter] = {"bands": 3.0, "warmup_s": 20.0, "hold_s": 150.0, "normal_s": 300.0}
    its = Fed("spectrum", parameters)
    twin = NaiveSpectrum(its.detector, 1.0)  # type: ignore[arg-type]
    found, expected = [], []
    for at, now in enumerate(value):
        if at % 97 == 96:
            its.wait(10.0)
        expected.append(twin.row(START_NS + round(its.now_s * 1e9), now))
        found.append(its.rows([now])[0])
    np.testing.assert_allclose(found, expected, rtol=1e-7, atol=1e-7)
    assert np.nanmax(found) > 5.0


def test_bands_are_whole() -> None:
    with pytest.raises(ParameterError, match=r"spectrum\.bands must be a whole number, got 2\.5"):
        Fed("spectrum", {"bands": 2.5})
