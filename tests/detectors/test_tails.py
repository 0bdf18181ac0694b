"""What ``rarity`` and ``seasonal`` call rare, and what they learn."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from ruamel.yaml import YAML

from detectors.declaration import ParameterError
from detectors.general.calendar_days import days_of, shown
from detectors.parameters import build
from model.batch import Batch
from model.detector import SensorGroup
from model.plan import Parameter
from tests.naive.tails import NaiveSeasonal

PERIOD_S = 300.0
DAY = 288  # rows
#: A Monday, midnight in Shanghai.
BEGIN_NS = 1_699_804_800_000_000_000
PLAIN: dict[str, Parameter] = {"smooth_s": 0.0}


def run(name: str, value: NDArray[np.float64], **parameters: Parameter) -> NDArray[np.float64]:
    detector = build(name, parameters)
    time_ns = BEGIN_NS + np.arange(len(value), dtype=np.int64) * int(PERIOD_S * 1e9)
    batch = Batch(np.zeros(len(value), np.int32), time_ns, time_ns, value, np.zeros(len(value), np.uint8))
    return detector.update(detector.init(SensorGroup(("s",), np.array([PERIOD_S]))), batch)


@pytest.mark.parametrize("law", ["normal", "exponential", "uniform", "lognormal"])
def test_a_score_of_3_is_one_row_in_a_thousand_or_rarer_whatever_the_law(law: str) -> None:
    rng = np.random.default_rng(3)
    value = getattr(rng, law)(size=60 * DAY)
    beyond = np.nanmean(run("rarity", value, **PLAIN) > 3.0)
    assert beyond < (0.004 if law in {"exponential", "lognormal"} else 0.001)


def test_the_unit_does_not_matter() -> None:
    value = np.random.default_rng(1).normal(size=10 * DAY)
    np.testing.assert_allclose(run("rarity", value), run("rarity", 1e6 * value - 3.0), rtol=1e-6, atol=1e-6)


def test_each_tail_has_its_own_scale() -> None:
    value = np.random.default_rng(1).exponential(size=20 * DAY)
    value[-2], value[-1] = 12.0, -2.0
    up, down = run("rarity", value, **PLAIN)[-2:]
    assert up < 6.0
    assert down > 6.0


def test_a_side_that_is_not_asked_for_says_nothing() -> None:
    value = np.random.default_rng(1).normal(size=5 * DAY)
    value[-1] = -30.0
    assert run("rarity", value, side="high", **PLAIN)[-1] == 0.0
    assert run("rarity", value, side="low", **PLAIN)[-1] > 10.0


def test_it_says_nothing_while_warming_up() -> None:
    score = run("rarity", np.random.default_rng(1).normal(size=DAY))
    assert np.isnan(score[: DAY // 2]).all()
    assert np.isfinite(score[DAY // 2 + 1 :]).all()


def test_what_lasts_is_not_learned_for_two_days_and_then_is() -> None:
    value = np.random.default_rng(1).normal(size=20 * DAY) + np.where(np.arange(20 * DAY) >= 5 * DAY, 15.0, 0.0)
    score = run("rarity", value)
    assert (score[5 * DAY + 6 : 7 * DAY] > 3.0).all()
    assert (score[12 * DAY :] < 3.0).all()


def test_a_value_that_never_moved_scores_nothing_and_its_first_move_is_no_alarm() -> None:
    value = np.full(5 * DAY, 7.0)
    value[-1] = 7.1
    score = run("rarity", value, **PLAIN)
    assert np.nanmax(score) < 3.5


def hours(days: int, seed: int = 1) -> NDArray[np.float64]:
    """High at noon of days of work, low at night and at the weekend."""
    at = np.arange(days * DAY)
    noon = np.maximum(0.0, np.sin(2 * np.pi * (at % DAY) / DAY - np.pi / 2))
    return np.where((at // DAY) % 7 >= 5, 0.0, 20.0 * noon) + np.random.default_rng(seed).normal(0.0, 0.5, days * DAY)


def test_what_is_usual_at_noon_is_rare_at_night_and_only_seasonal_sees_it() -> None:
    value = hours(28)
    night = slice(24 * DAY, 24 * DAY + 24)  # a Thursday, from midnight to two
    value[night] += 15.0
    seasonal, rarity = run("seasonal", value), run("rarity", value)
    assert seasonal[night].max() > 5.0
    assert rarity[night].max() < 3.5
    assert np.nanmax(seasonal[17 * DAY : 24 * DAY]) < 5.0


def test_a_weekend_is_usual_at_weekends_only() -> None:
    value = hours(28)
    value[22 * DAY : 23 * DAY] = hours(7, 2)[5 * DAY : 6 * DAY]  # a Tuesday like a Saturday
    score = run("seasonal", value)
    assert score[22 * DAY : 23 * DAY].max() > 5.0
    assert np.nanmax(score[26 * DAY :]) < 5.0  # the weekend after it


FESTIVAL: dict[str, Parameter] = {"holidays": "2023-12-06/2023-12-08, 2023-11-30", "workdays": "2023-12-09"}


def festival() -> NDArray[np.float64]:
    """Four weeks from Monday, 13 November 2023: one free day, then three; the Saturday after these is made up."""
    value, weekend = hours(28), hours(7, 2)[5 * DAY : 6 * DAY]
    for day in (17, 23, 24, 25):
        value[day * DAY : (day + 1) * DAY] = weekend
    value[26 * DAY : 27 * DAY] = hours(7, 3)[:DAY]
    return value


def test_holidays_that_were_entered_raise_nothing_and_others_do() -> None:
    holidays, made_up = slice(23 * DAY, 26 * DAY), slice(26 * DAY, 27 * DAY)
    unknown, known = run("seasonal", festival()), run("seasonal", festival(), **FESTIVAL)
    assert unknown[holidays].max() > 5.0
    assert unknown[made_up].max() > 5.0
    assert np.nanmax(known[17 * DAY : 18 * DAY]) < 5.0
    assert known[holidays].max() < 5.0
    assert known[made_up].max() < 5.0


def test_a_fault_on_a_holiday_is_seen_by_what_holidays_are() -> None:
    value = festival()
    noon = slice(24 * DAY + 140, 24 * DAY + 164)
    value[noon] += 18.0  # what a working day would have
    assert run("seasonal", value, **FESTIVAL)[noon].max() > 5.0


def test_the_twin_knows_the_same_days_of_rest() -> None:
    value = festival()[17 * DAY :: 12]
    detector = build("seasonal", {**FESTIVAL, "warmup_s": 0.0})
    time_ns = BEGIN_NS + (17 * DAY + np.arange(len(value), dtype=np.int64) * 12) * int(PERIOD_S * 1e9)
    batch = Batch(np.zeros(len(value), np.int32), time_ns, time_ns, value, np.zeros(len(value), np.uint8))
    score = detector.update(detector.init(SensorGroup(("s",), np.array([12 * PERIOD_S]))), batch)
    twin = NaiveSeasonal(detector, 12 * PERIOD_S)  # type: ignore[arg-type]
    expected = [twin.row(int(at), float(now)) for at, now in zip(time_ns, value, strict=True)]
    np.testing.assert_allclose(score, expected, rtol=1e-7, atol=1e-6)
    assert np.isfinite(score).sum() > 20


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"holidays": "2026-13-01"}, r"seasonal\.holidays must be dates such as 2026-01-01 .*, got '2026-13-01'"),
        ({"holidays": "2026-01-01, New Year"}, r"seasonal\.holidays must be dates such as .*, got 'New'"),
        ({"workdays": "20260104"}, r"seasonal\.workdays must be dates such as .*, got '20260104'"),
        ({"holidays": "2026-10-07/2026-10-01"}, r"must hold ranges that end after they begin.*2026-10-07/2026-10-01"),
        ({"holidays": "2026-01-01/2036-01-01"}, r"within 366 days, got '2026-01-01/2036-01-01'"),
        ({"holidays": "2026-10-01/2026-10-07", "workdays": "2026-10-07"}, r"workdays must not be among the holidays"),
        ({"holidays": "2026-01-01", "cycle_s": 28800.0}, r"holidays must be empty where cycle_s is not 86400 s"),
        ({"holidays": 20260101.0}, r"seasonal\.holidays must be a text"),
    ],
)
def test_a_mistake_in_the_days_is_named(given: dict[str, Parameter], message: str) -> None:
    with pytest.raises(ParameterError, match=message):
        build("seasonal", given)


def test_days_may_stand_as_people_write_them() -> None:
    days = days_of("seasonal", "holidays", "2026-10-01/2026-10-03， 2026-01-01、2026-10-02\n2026-05-01")
    assert [shown(day) for day in days] == ["2026-01-01", "2026-05-01", "2026-10-01", "2026-10-02", "2026-10-03"]


def test_an_hour_is_judged_from_its_third_day_on() -> None:
    score = run("seasonal", hours(7), warmup_s=0.0)
    assert np.isnan(score[: 2 * DAY]).all()
    assert np.isfinite(score[2 * DAY + 40 : 5 * DAY]).all()
    assert np.isnan(score[5 * DAY :]).all()  # the first weekend


def test_the_notice_in_the_manual_can_be_entered_as_it_stands() -> None:
    manual = (Path(__file__).parents[2] / "docs" / "detectors.md").read_text(encoding="utf-8")
    (shown_yaml,) = re.findall(r"```yaml\n(parameters:.*?)```", manual, re.DOTALL)
    given = YAML(typ="safe", pure=True).load(shown_yaml)["parameters"]
    detector = build("seasonal", {"holidays": given["holidays"], "workdays": given["workdays"]})
    assert len(days_of("seasonal", "holidays", str(detector.holidays))) == 33  # type: ignore[attr-defined]
