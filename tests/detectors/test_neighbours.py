"""What ``neighbours`` says of sensors that watch the same air: in quiet, with plumes, with one that drifts."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from detectors.assets.neighbours import SIZE_MAX
from detectors.declaration import ParameterError
from detectors.parameters import build_for_assets
from model.detector import Columns
from model.plan import Parameter
from tests.checks.asset_detectors import EPOCH_NS, asset
from tests.detectors.feed import Fed
from tests.naive.asset_detectors import NAIVE

DAY = 1440  # instants
FLOOR, LIMIT = 0.4, 5.0  # as in the gas pack: 2 %LEL
ZEROS = np.array([1.0, 1.6, 0.7, 1.2])  # what each detector shows of clean air, %LEL


def room(days: float, sensors: int = 3, seed: int = 1) -> NDArray[np.float64]:
    """Detectors of one room that feel the same days, each with its own zero and noise: float64 [minutes, sensors]."""
    rng = np.random.default_rng(seed)
    minute = np.arange(round(days * DAY))
    weather = 0.8 * np.sin(2 * np.pi * minute / DAY) + np.cumsum(rng.normal(0.0, 0.005, len(minute)))
    value: NDArray[np.float64] = weather[:, None] + ZEROS[:sensors] + rng.normal(0.0, 0.3, (len(minute), sensors))
    return value


def drift(value: NDArray[np.float64], sensor: int, a_day: float, *, begin: float) -> NDArray[np.float64]:
    drifted = value.copy()
    drifted[:, sensor] += a_day * np.clip(np.arange(len(value)) / DAY - begin, 0.0, None)
    return drifted


def run(value: NDArray[np.float64], **parameters: Parameter) -> Columns:
    detector = build_for_assets("neighbours", {"floor": FLOOR} | parameters)
    view = asset(value.shape[1])
    return detector.update(detector.init(view), view, minutes(len(value)), value)


def minutes(rows: int) -> NDArray[np.int64]:
    return EPOCH_NS + np.arange(rows, dtype=np.int64) * 60 * 10**9


@pytest.mark.parametrize(
    "parameters",
    [
        {"warmup_s": 36_000.0, "smooth_s": 7200.0, "hold_s": 14_400.0},
        {"warmup_s": 36_000.0, "smooth_s": 600.0, "clip_sigma": 1.0, "follow_s": 40_000.0, "hold_sigma": 2.0}
        | {"hold_s": 10_000.0},
    ],
)
def test_a_long_life_of_two_kinds_with_gaps_and_missing_values_equals_its_naive_twin(
    parameters: dict[str, Parameter],
) -> None:
    view = asset(5, (("gas", "%LEL"), ("co", "ppm")))
    value = drift(np.hstack([room(1.5, 4), room(1.5, 1, seed=2)]), 2, 8.0, begin=1.0)
    value[np.random.default_rng(3).random(value.shape) < 0.05] = np.nan
    value[1200:1300, 0] = np.nan
    time_ns = minutes(len(value)) + np.where(np.arange(len(value)) > 900, 10**12, 0)
    detector = build_for_assets("neighbours", {"floor": 0.1} | parameters)
    found = detector.update(detector.init(view), view, time_ns, value)
    wanted = NAIVE["neighbours"](detector, view, time_ns, value)
    assert np.nanmax(found[""]) > LIMIT
    assert np.isfinite(found[""]).sum() > DAY / 2
    assert np.isinf(found["most"]).any()
    for column, scores in found.items():
        np.testing.assert_allclose(scores, wanted[column], rtol=1e-7, atol=1e-9, equal_nan=True, err_msg=column)


def test_it_learns_for_two_days_and_stays_quiet_through_common_weather() -> None:
    for seed in range(5):
        score = run(room(12.0, seed=seed))[""]
        assert np.isnan(score[: 2 * DAY - 1]).all()
        assert np.isfinite(score[2 * DAY :]).all()
        assert np.nanmax(score) < 2.0


@pytest.mark.parametrize("a_day", [1.0, -1.0])
def test_a_sensor_that_drifts_is_found_and_named_with_what_it_should_say(a_day: float) -> None:
    found = run(drift(room(10.0), 1, a_day, begin=5.0))
    first = int(np.argmax(found[""] >= LIMIT))
    assert 7.0 < first / DAY < 7.6, "2 %LEL, and the quarter of a day that it is smoothed over"
    assert found["contributor"][first] == 2.0
    assert found["drift"][first] == pytest.approx(a_day, abs=0.25)
    wrong = 4.0 * a_day  # after four days
    assert found["apart"][9 * DAY] == pytest.approx(wrong, abs=0.5)
    assert found["expected"][9 * DAY] == pytest.approx(room(10.0)[9 * DAY, 1], abs=0.5)
    assert found["held_s"][9 * DAY] > 1.5 * 86_400


def test_a_plume_at_one_sensor_raises_nothing_however_high_it_goes() -> None:
    for high in (5.0, 80.0):
        value = room(8.0)
        value[5 * DAY : 5 * DAY + 8 * 60, 0] += high  # eight hours; the bound is 6 h * 5 / 3
        assert np.nanmax(run(value)[""]) < LIMIT


def test_a_release_that_one_sensor_alone_sees_for_longer_looks_like_a_drift() -> None:
    value = room(8.0)
    value[5 * DAY : 5 * DAY + 16 * 60, 0] += 20.0
    score = run(value)[""]
    assert score[5 * DAY + 12 * 60] > LIMIT
    assert score[7 * DAY] < 2.0, "it comes back as it went"


def test_what_all_sensors_see_raises_nothing() -> None:
    value = room(8.0)
    value[5 * DAY : 5 * DAY + 12 * 60] += 30.0
    value[6 * DAY :] -= 3.0
    assert np.nanmax(run(value)[""]) < 2.0


def test_two_sensors_say_that_they_part_and_not_which_is_wrong() -> None:
    found = run(drift(room(9.0, 2), 0, 1.0, begin=5.0))
    assert found[""][-1] > LIMIT
    for column in ("contributor", "observed", "expected"):
        assert np.isnan(found[column]).all()


def test_a_sound_sensor_is_not_blamed_for_the_drift_of_another() -> None:
    """The drifting one falls silent: the two that are left agree, and only it may still be off."""
    value = drift(room(10.0), 0, 2.0, begin=5.0)
    value[8 * DAY :, 0] = np.nan
    found = run(value)
    assert found[""][8 * DAY - 1] > LIMIT
    assert found["contributor"][8 * DAY - 1] == 1.0
    assert found[""][8 * DAY :].max() < 2.0
    np.testing.assert_allclose(found["most"][8 * DAY :], found[""][8 * DAY - 1], rtol=1e-9)


def test_a_sensor_that_was_never_heard_holds_nothing_up() -> None:
    value = room(5.0, 4)
    value[:, 3] = np.nan
    found = run(value)
    np.testing.assert_array_equal(found["most"], found[""])


def test_a_drift_is_not_learned_away_until_it_is_held_to_be_stale() -> None:
    hold_days = 4.0
    value = drift(room(20.0), 2, 2.0, begin=5.0)
    value[8 * DAY :, 2] = value[8 * DAY :, 1] + 5.0  # it stays where it went
    found = run(value, hold_s=hold_days * 86_400)
    stale = int(np.argmax(np.isinf(found["most"])))
    assert 9.5 < stale / DAY < 11.5
    assert (found[""][8 * DAY : stale] > LIMIT).all()
    learned = slice(stale + 2 * DAY + 10, None)
    assert np.isinf(found["most"][stale : stale + DAY]).all(), "meanwhile nothing clears"
    assert np.isfinite(found["most"][learned]).all()
    assert found[""][learned].max() < 2.0


def test_a_plume_in_the_warm_up_does_not_become_the_normal() -> None:
    """It would move the mean and widen sigma, and a drift would be found a day later."""
    value = room(9.0)
    value[DAY : DAY + 120, 1] += 60.0
    assert np.nanmax(run(value)[""]) < 2.0
    first = int(np.argmax(run(drift(value, 1, 1.0, begin=5.0))[""] >= LIMIT))
    assert 7.0 < first / DAY < 7.7


def test_a_slow_drift_soon_after_the_warm_up_is_not_half_learned() -> None:
    found = run(drift(room(9.0), 1, 0.5, begin=2.5))
    assert 6.5 < int(np.argmax(found[""] >= LIMIT)) / DAY < 7.4


def test_detectors_on_single_sensors_miss_a_slow_fall_that_neighbours_finds() -> None:
    """A detector that sinks by 0.7 %LEL a day hides as much gas; its weather moves it by more."""
    quiet = room(9.0, seed=0)
    sinking = drift(quiet, 1, -0.7, begin=5.0)
    assert 7.0 < int(np.argmax(run(sinking)[""] >= LIMIT)) / DAY < 8.5
    assert np.nanmax(run(quiet)[""]) < 2.0
    assert sinking.min() > -3.0, "the limit of gas.lel_zero"
    slow: dict[str, Parameter] = {"smooth_s": 21_600.0, "warmup_s": 172_800.0, "mean_s": 86_400.0}
    for name, parameters in (("cusum", {"every_s": 600.0}), ("ewma", {}), ("ewma", slow), ("rarity", {})):
        calm, fallen = (Fed(name, parameters, period_s=60.0).rows(one[:, 1]) for one in (quiet, sinking))
        assert np.nanmax(np.abs(fallen)) < 1.1 * np.nanmax(np.abs(calm)), "no limit tells the two apart"
    assert np.nanmax(Fed("creep", {"hold": 2.0}, period_s=60.0).rows(sinking[:, 1])) < 1.0, "it looks upwards"


def test_an_upward_drift_is_told_before_creep_tells_it() -> None:
    rising = drift(room(14.0), 1, 0.7, begin=5.0)
    creep = Fed("creep", {"hold": 2.0}, period_s=60.0).rows(rising[:, 1])
    ours = int(np.argmax(run(rising)[""] >= LIMIT))
    theirs = int(np.argmax(creep >= 2.0))
    assert 5 * DAY < ours < theirs - DAY / 4


def test_pca_finds_a_drift_sooner_and_takes_every_plume_for_one() -> None:
    """Both look at relations; only ``neighbours`` gives a plume time to pass."""
    settings: dict[str, Parameter] = {"every_s": 60.0, "smooth_s": 3600.0, "warmup_s": 172_800.0}
    pca, view = build_for_assets("pca", settings), asset(3)
    drifting, plume = drift(room(8.0), 1, 1.0, begin=5.0), room(8.0)
    plume[5 * DAY : 5 * DAY + 30, 1] += 20.0
    q = [pca.update(pca.init(view), view, minutes(len(value)), value)["q"] for value in (drifting, plume)]
    assert int(np.argmax(q[0][5 * DAY :] >= 2.0)) < int(np.argmax(run(drifting)[""][5 * DAY :] >= LIMIT))
    assert np.nanmax(q[1]) > 20.0
    assert np.nanmax(run(plume)[""]) < 2.0


def test_an_asset_needs_two_sensors_of_a_kind_and_may_not_be_too_large() -> None:
    detector = build_for_assets("neighbours", {"floor": 1.0})
    assert [detector.fits(asset(n)) for n in (1, 2, SIZE_MAX, SIZE_MAX + 1)] == [False, True, True, False]
    assert not detector.fits(asset(2, (("gas", "%LEL"), ("co", "ppm"))))


def test_a_warm_up_that_is_too_short_is_refused() -> None:
    with pytest.raises(ParameterError, match=r"at least 5 times smooth_s \(21600 s\), got 3600"):
        build_for_assets("neighbours", {"floor": 1.0, "warmup_s": 3600.0})
