"""Limits from quiet readings: counted as the rule itself would alarm, chosen by the budget, tried on disturbances."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from model.alarm import Grade
from model.batch import GOOD, Batch
from model.errors import FengsuiError
from model.plan import Plan
from pipeline.tuning.candidates import MONTH_S, Counted, begins, count, limits, played, target, with_rules
from pipeline.tuning.choice import Basis, choose, tuned
from pipeline.tuning.trials import concerned, tried, usual_sizes
from tests.pipeline.plans import SECOND_NS, START_NS, grade, plan, rule

RULE = rule("gas.high", grade("blue", "value >= 8", on_s=20.0, deadband=1.0), grade("yellow", "value >= 30"))
SENSORS = (("a", "gas"), ("b", "gas"), ("c", "gas"))


def noise(hours: float, sensors: int = 3, *, sigma: float = 1.0, seed: int = 1) -> Batch:
    """Independent normal readings around 5, one in ten seconds of each sensor."""
    steps = int(hours * 360)
    time_ns = np.repeat(START_NS + np.arange(steps, dtype=np.int64) * 10 * SECOND_NS, sensors)
    value = np.random.default_rng(seed).normal(5.0, sigma, steps * sensors)
    sensor = np.tile(np.arange(sensors, dtype=np.int32), steps)
    return Batch(sensor, time_ns, time_ns, value, np.full(len(value), GOOD, np.uint8))


def of_rule(whole: Plan) -> Plan:
    return with_rules(whole, [replace(RULE, grades=RULE.grades[:1])])


def counted(alarms: list[int], *, first: float = 1.0, months: float = 1.0) -> Counted:
    values = [first * 2 ** (at / 4) for at in range(len(alarms))]
    return Counted(values, np.array(alarms), {}, 1, months)


def test_a_candidate_counts_what_the_rule_alone_would_raise() -> None:
    whole, batch = plan(RULE, sensors=SENSORS), noise(3.0, sigma=2.0)
    one = target(whole, "gas.high", Grade.BLUE, "")
    told = count(whole, batch, one, limits(one))
    for at in (10, 16, 20):
        alone = with_rules(whole, [replace(RULE, grades=(one.with_limit(told.limits[at]),))])
        raised = [event for event in played(alone, batch) if begins(event)]
        assert told.alarms[at] == len(raised)
    assert told.alarms[0] > 0 == told.alarms[-1]
    assert np.sum(list(told.of_each.values()), axis=0).tolist() == told.alarms.tolist()
    assert told.subjects == 3
    assert told.months == pytest.approx(3 * (3 * 3600 - 10) / MONTH_S)


@pytest.mark.parametrize(
    ("when", "rarer"),
    [("value >= 8", 9.5), ("value <= 8", 6.7), ("value >= -8", -6.7), ("value <= -8", -9.5)],
)
def test_candidates_go_from_what_alarms_most_to_what_alarms_least(when: str, rarer: float) -> None:
    one = target(plan(rule("r", grade("blue", when))), "r", None, "")
    values = limits(one)
    assert values[16] == -8 if "-" in when else 8
    assert values[17] == pytest.approx(rarer, abs=0.1)


def test_a_detectors_limit_comes_before_that_of_the_value_and_another_can_be_named() -> None:
    whole = plan(rule("r", grade("blue", "value >= 8 and quality < 2")))
    assert target(whole, "r", None, "").comparison.operand == "value"
    assert target(whole, "r", None, "quality").comparison.limit == 2
    assert target(whole, "r", None, "quality").with_limit(1.5).when == "value >= 8 and quality < 1.5"


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (("other", None, ""), r"--rule must be one of gas.high, got 'other'"),
        (("gas.high", Grade.RED, ""), "must be one of blue, yellow, got red"),
        (("gas.high", None, "slope"), "must compare the operand, got 'slope'"),
    ],
)
def test_what_is_not_there_is_refused_by_name(given: tuple[str, Grade | None, str], said: str) -> None:
    with pytest.raises(FengsuiError, match=said):
        target(plan(RULE), *given)


def test_a_limit_at_zero_cannot_be_moved_by_factors() -> None:
    with pytest.raises(FengsuiError, match="a number beyond zero"):
        target(plan(rule("r", grade("blue", "value >= 0"))), "r", None, "")


def test_where_the_readings_reach_the_limit_is_counted() -> None:
    told = counted([90, 40, 12, 6, 2, 0])
    assert choose(told, told.alarms, 6.0, 1.0).limit == pytest.approx(2 ** (3 / 4), rel=0.01)
    assert choose(told, told.alarms, 6.0, 1.0).basis is Basis.COUNTED
    assert choose(told, told.alarms, 6.0, 1.0).expected == 6.0


def test_a_rarer_limit_that_alarms_more_by_chance_is_not_overlooked() -> None:
    told = counted([90, 5, 30, 6, 2, 0])
    assert choose(told, told.alarms, 6.0, 1.0).limit == pytest.approx(2 ** (3 / 4), rel=0.01)


def test_where_they_do_not_reach_it_follows_from_the_tail() -> None:
    values = [2 ** (at / 4) for at in range(-8, 20)]
    alarms = np.array([int(200 * math.exp(-1.5 * value)) for value in values])
    told = Counted(values, alarms, {}, 1, 1.0)
    found = choose(told, alarms, 0.5, 1.0)
    assert found.basis is Basis.EXTRAPOLATED
    assert found.limit == pytest.approx(math.log(400) / 1.5, rel=0.05)
    assert found.expected == pytest.approx(0.5, rel=0.15)


def test_readings_too_short_propose_nothing() -> None:
    told = counted([2, 1, 0, 0, 0, 0])
    assert choose(told, told.alarms, 0.1, 1.0).basis is Basis.TOO_SHORT
    assert choose(told, told.alarms, 0.1, 1.0).limit is None


def test_a_rule_that_no_limit_quiets_proposes_nothing() -> None:
    told = counted([50, 50, 50])
    assert choose(told, told.alarms, 1.0, 1.0).basis is Basis.OUT_OF_REACH


def test_a_limit_is_rounded_away_from_alarming() -> None:
    told = counted([9, 0], first=1.23456)
    assert choose(told, told.alarms, 9.0, 1.0).limit == 1.24


def test_the_chosen_limit_keeps_its_budget_on_other_readings_of_the_same_noise() -> None:
    whole = plan(rule("r", grade("blue", "value >= 8")), sensors=SENSORS)
    one, budget = target(whole, "r", None, ""), 2000.0
    told, found = tuned(whole, noise(10.0), one, budget)
    assert found.limit is not None
    other = noise(10.0, seed=2)
    judged = with_rules(whole, [replace(one.rule, grades=(one.with_limit(found.limit),))])
    alarms = sum(begins(event) for event in played(judged, other))
    expected = budget * told.months
    assert expected / 3 < alarms < expected + 4 * math.sqrt(expected)


def test_a_step_far_beyond_the_limit_is_found_after_the_on_delay() -> None:
    whole, batch = of_rule(plan(RULE, sensors=SENSORS)), noise(2.0, sigma=0.1)
    found = tried(whole, batch, whole.rules[0], [0, 1, 2], ("step", 20.0), trials=9, seed=1)
    assert (found.trials, found.found) == (9, 9)
    assert found.median_s is not None
    assert 20.0 <= found.median_s <= 30.0


def test_a_step_below_the_limit_is_not_found() -> None:
    whole, batch = of_rule(plan(RULE, sensors=SENSORS)), noise(2.0, sigma=0.1)
    found = tried(whole, batch, whole.rules[0], [0], ("step", 2.0), trials=5, seed=1)
    assert (found.trials, found.found, found.median_s, found.p90_s) == (5, 0, None, None)


def test_a_ramp_is_found_when_it_has_grown_to_the_limit() -> None:
    whole, batch = of_rule(plan(RULE, sensors=SENSORS)), noise(2.0, sigma=0.01)
    found = tried(whole, batch, whole.rules[0], [0, 1], ("ramp", 12.0), trials=6, seed=3)
    assert found.median_s is not None
    assert found.median_s == pytest.approx(3.0 / 12.0 * 3600 + 20, abs=25)


def test_a_sensor_that_is_in_alarm_already_is_no_trial() -> None:
    whole, batch = of_rule(plan(RULE, sensors=SENSORS)), noise(2.0, sigma=0.1)
    loud = replace(batch, value=np.where(batch.sensor == 0, 20.0, batch.value))
    found = tried(whole, loud, whole.rules[0], [0, 1], ("step", 20.0), trials=6, seed=1)
    assert (found.trials, found.found) == (3, 3)


def test_the_same_seed_gives_the_same_trials() -> None:
    whole, batch = of_rule(plan(RULE, sensors=SENSORS)), noise(2.0)
    one, other = (tried(whole, batch, whole.rules[0], [0, 1, 2], ("step", 4.0), trials=9, seed=5) for _ in range(2))
    assert one == other


def test_the_usual_sizes_follow_the_spread() -> None:
    assert usual_sizes(noise(2.0, sigma=0.5), [0, 1, 2]) == pytest.approx([0.5, 1.5, 5.0, 15.0], rel=0.1)
    assert usual_sizes(noise(2.0, sigma=0.0), [0]) == []


def test_disturbances_are_tried_on_what_the_rule_looks_at() -> None:
    whole = plan(RULE, sensors=SENSORS)
    assert concerned(whole, RULE) == [0, 1, 2]
    assert concerned(whole, replace(RULE, kinds=("other",))) == []
    asset = replace(whole, assets=(replace(whole.assets[0], kind="room"),))
    assert concerned(asset, replace(RULE, kinds=(), assets=("room",))) == [0, 1, 2]
