"""What ``network_heads`` says of a made-up water network: in quiet, with a leak, with loggers that fail."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from detectors.parameters import build_for_assets
from detectors.water.network_heads import NetworkHeads
from model.detector import AssetInput, AssetView, Columns
from model.sensor import Position
from tests.naive.asset_detectors import NAIVE

EVERY_S = 900.0
DAY = round(86_400 / EVERY_S)
EPOCH_NS = 1_614_528_000_000_000_000  # 2021-03-01, a Monday
UNITS = ("m3/h", "m", *["mH2O"] * 6)
NETWORK = AssetView(
    "town", {}, tuple(AssetInput(f"s{n}", "k", unit, Position(), EVERY_S) for n, unit in enumerate(UNITS))
)
LIMIT = 3.5


def town(
    days: int, *, leak_from: int | None = None, leak_m: float = 0.0, at: int = 3, seed: int = 1
) -> NDArray[np.float64]:
    """A pump, a tank and six loggers whose heads follow them and the demand: float64 [rows, 8]."""
    rng = np.random.default_rng(seed)
    rows = days * DAY
    hour = np.arange(rows) * EVERY_S / 3600.0 % 24.0
    demand = 200.0 * (1.0 + 0.4 * np.sin((hour - 9.0) / 24.0 * 2.0 * np.pi)) * (1.0 + rng.normal(0.0, 0.05, rows))
    flow, level, on = np.empty(rows), np.empty(rows), True
    now = 4.0
    for row in range(rows):
        on = now < 4.5 if on else now < 3.0
        flow[row] = (380.0 if on else 0.0) + rng.normal(0.0, 1.0)
        level[row] = now + rng.normal(0.0, 0.005)
        now += (flow[row] - demand[row]) * EVERY_S / 3600.0 / 400.0
    share = np.linspace(0.2, 1.0, 6)
    head = 40.0 + level[:, None] + 3e-5 * flow[:, None] ** 2 * share - 5e-5 * demand[:, None] ** 2 * share[::-1]
    head += rng.normal(0.0, 0.05, (rows, 6))
    if leak_from is not None:
        head[leak_from:, at] -= leak_m
    return np.column_stack([flow, level, head])


def play(value: NDArray[np.float64], detector: NetworkHeads | None = None) -> Columns:
    detector = detector or NetworkHeads()
    return detector.update(detector.init(NETWORK), NETWORK, times(len(value)), value)


def times(rows: int) -> NDArray[np.int64]:
    return EPOCH_NS + np.arange(rows, dtype=np.int64) * round(EVERY_S * 1e9)


def test_it_learns_a_week_and_is_quiet_for_the_next_two() -> None:
    score = play(town(21))[""]
    assert np.isnan(score[: 6 * DAY]).all()
    assert np.isfinite(score[7 * DAY + 8 :]).all()
    assert np.nanmax(score) < LIMIT


def test_a_leak_is_told_within_a_day_with_the_logger_that_lacks_head() -> None:
    begins = 10 * DAY
    found = play(town(14, leak_from=begins, leak_m=0.3))
    first = int(np.argmax(found[""] > LIMIT))
    assert begins < first <= begins + DAY
    assert found["logger"][begins + DAY] == 6.0  # two inputs stand before the loggers
    assert found["drop"][begins + DAY] == pytest.approx(0.3, abs=0.1)
    assert (found[""][begins + DAY :] > LIMIT).all()
    assert found["held_s"][-1] > 2.5 * 86_400


def small(seed: int, *, days: int = 28) -> tuple[AssetView, NDArray[np.float64]]:
    """Four loggers that follow the day alone, a pump and a tank, as in the pack's test."""
    rng = np.random.default_rng(seed)
    wave = np.sin(np.arange(days * DAY) / DAY * 2.0 * np.pi)[:, None]
    value = [260.0, 4.0, 42.0, 35.0, 51.0, 38.0] + wave * [90.0, 0.6, 1.2, 0.8, 0.5, 1.5]
    value += rng.normal(0.0, [2.0, 0.005, 0.05, 0.05, 0.05, 0.05], value.shape)
    return AssetView("town", {}, NETWORK.inputs[:6]), value


def test_four_loggers_keep_the_nominal_rate_in_quiet_weeks() -> None:
    detector, days = NetworkHeads(), []
    for seed in range(40):
        asset, value = small(seed)
        days.append(detector.update(detector.init(asset), asset, times(len(value)), value)[""][8 * DAY :: DAY])
    beyond = np.concatenate(days)
    assert len(beyond) == 800
    assert np.mean(beyond >= 2.2) < 0.0139, "that of a normal score"
    assert beyond.max() < 4.0, "none is yellow"


def test_a_logger_that_lacks_head_is_named_the_surer_the_more_it_lacks() -> None:
    shares = []
    for leak_m in (0.05, 0.1, 0.3):
        found = play(town(14, leak_from=10 * DAY, leak_m=leak_m))
        shares.append(found["share"][11 * DAY])
    assert found["logger"][11 * DAY] == 6.0
    assert 1.0 / 6.0 < shares[0] < shares[1] < shares[2] <= 1.0
    assert shares[2] > 0.99


def test_what_lasts_beyond_hold_becomes_usual() -> None:
    score = play(town(21, leak_from=8 * DAY, leak_m=0.3), NetworkHeads(hold_s=2 * 86_400.0))[""]
    assert score[9 * DAY] > LIMIT
    assert score[-1] < LIMIT


def test_loggers_that_fail_neither_raise_nor_hide_a_leak_elsewhere() -> None:
    value = town(14, leak_from=10 * DAY, leak_m=0.3)
    value[9 * DAY :, 2] = np.nan
    value[:, 7] = np.nan
    score = play(value)[""]
    assert np.nanmax(score[: 10 * DAY]) < LIMIT
    assert score[11 * DAY] > LIMIT


def test_without_a_flow_there_is_no_row_and_the_last_score_ages_away() -> None:
    value = town(12)
    value[9 * DAY :, 0] = np.nan
    score = play(value)[""]
    assert np.isnan(score[-1])


def test_a_long_life_with_gaps_and_missing_values_equals_its_naive_twin() -> None:
    rng = np.random.default_rng(5)
    value = town(9, leak_from=7 * DAY, leak_m=0.5)
    value[rng.random(value.shape) < 0.01] = np.nan
    time_ns = times(len(value)) + np.where(np.arange(len(value)) > 700, 7_200_000_000_000, 0)
    detector = build_for_assets("network_heads", {"warmup_s": 4 * 86_400.0, "usual_s": 2 * 86_400.0})
    found = detector.update(detector.init(NETWORK), NETWORK, time_ns, value)
    wanted = NAIVE["network_heads"](detector, NETWORK, time_ns, value)
    assert np.isfinite(found[""]).sum() > 200
    for column, scores in found.items():
        np.testing.assert_allclose(scores, wanted[column], rtol=1e-6, atol=1e-9, equal_nan=True, err_msg=column)


@pytest.mark.parametrize(
    ("units", "fits"), [(("m3/h", "mH2O", "mH2O"), True), (("m3/h", "mH2O"), False), (("m", "kPa", "kPa"), False)]
)
def test_it_needs_a_flow_and_two_heads(units: tuple[str, ...], *, fits: bool) -> None:
    inputs = tuple(AssetInput(f"s{n}", "k", unit, Position(), EVERY_S) for n, unit in enumerate(units))
    assert NetworkHeads().fits(AssetView("town", {}, inputs)) is fits
