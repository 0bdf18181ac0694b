"""How long readings stand still: as the detector's naive twin says; limits that fleets with known runs get."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detectors.general.flatline import Flatline
from model.plan import DetectorSpec, Plan, RuleSpec
from pipeline.quality.stuck import BIN_RATIO, Fleet, RunGauge, Runs, bin_end_s, fleets
from pipeline.quality.stuck_limits import (
    Change,
    FleetRuns,
    LeftOut,
    Verdict,
    changes,
    judged,
    rounded_up_s,
    written,
)
from tests.naive.detectors import NaiveFlatline
from tests.pipeline.plans import grade, kind, plan, rule

S = 10**9
DAY_S = 86_400.0
FLAT = DetectorSpec("flat", "flatline", ("gas",), {"tolerance": 0.5})
RULE = rule(
    "stuck", grade("blue", "flat >= 1 h and value >= 3 %LEL"), grade("yellow", "flat >= 4 h and value >= 3 %LEL")
)
ALWAYS = rule("stuck", grade("blue", "flat >= 1 h"), grade("yellow", "flat >= 4 h"))


def made(sensors: int, *rules: RuleSpec, period_s: float = 10.0) -> Plan:
    tags = tuple((f"s{at}", "gas") for at in range(sensors))
    return plan(*rules, kinds=(kind(period_s=period_s),), sensors=tags, detectors=(FLAT,))


def measured(fleet: Fleet, said: list[tuple[int, int, float, int]], cuts: list[int], sensors: int) -> Runs:
    gauge = RunGauge(fleet, sensors)
    edges = [0, *sorted(cuts), 2**62]
    for begin, end in itertools.pairwise(edges):
        part = sorted((one for one in said if begin <= one[1] < end), key=lambda one: one[:2])
        gauge.take(
            np.array([one[0] for one in part], np.int32),
            np.array([one[1] for one in part], np.int64),
            np.array([one[2] for one in part], np.float64),
            np.array([one[3] for one in part], np.uint8),
        )
    return gauge.result()


def naive_runs(said: list[tuple[int, float, int]], least: float | None) -> list[float]:
    """Longest score of each run in which a reading counts; a run ends where the score is zero again."""
    twin = NaiveFlatline(Flatline(tolerance=0.5), 10.0)
    runs: list[list[float]] = []
    for time_ns, value, quality in sorted(said):
        score = twin.row(time_ns, math.nan if quality == 2 else value)
        if math.isnan(score):
            continue
        if score == 0:
            runs.append([])
        if least is None or value >= least:
            runs[-1].append(score)
    return [max(run) for run in runs if run]


ROWS = st.tuples(
    st.integers(0, 2),
    st.integers(1, 200).map(lambda at: at * S),
    st.sampled_from([0.0, 0.4, 0.6, 3.0, 3.2, 4.0, math.nan]),
    st.integers(0, 2),
)


@given(
    said=st.lists(ROWS, max_size=60, unique_by=lambda one: one[:2]),
    cuts=st.lists(st.integers(1, 200 * S), max_size=3),
    rules=st.sampled_from([(RULE,), (ALWAYS,), ()]),
)
@settings(deadline=None)
def test_runs_equal_those_of_the_naive_detector_however_they_are_cut(
    said: list[tuple[int, int, float, int]], cuts: list[int], rules: tuple[RuleSpec, ...]
) -> None:
    (fleet,) = fleets(made(3, *rules))
    found = measured(fleet, said, cuts, 3)
    for sensor in range(3):
        own = [one[1:] for one in said if one[0] == sensor]
        runs = naive_runs(own, 3.0 if rules == (RULE,) else None)
        assert found.longest_s[sensor] == max(runs, default=-1.0)
        ends = [bin_end_s(at) for at, count in enumerate(found.counts[sensor]) for _ in range(count)]
        assert len(ends) == len(runs)
        for end, run in zip(ends, sorted(runs), strict=True):
            assert run <= end * (1 + 1e-9)
            assert end <= run * BIN_RATIO * (1 + 1e-9)


def test_a_gauge_that_forgets_a_sensor_measures_it_anew() -> None:
    (fleet,) = fleets(made(2))
    said = [(sensor, at * S, 1.0, 0) for sensor in (0, 1) for at in range(1, 101)]
    gauge = RunGauge(fleet, 2)
    columns = [np.array(column) for column in zip(*said, strict=True)]
    gauge.take(columns[0].astype(np.int32), columns[1], columns[2], columns[3].astype(np.uint8))
    gauge.forget(np.array([1], np.int32))
    assert gauge.result().longest_s.tolist() == [99.0, -1.0]


def fleet_of(runs_s: list[list[float]], *rules: RuleSpec, period_s: float = 10.0) -> tuple[Fleet, FleetRuns]:
    """A fleet whose sensors have these runs, as they come out of a gauge."""
    (fleet,) = fleets(made(len(runs_s), *rules, period_s=period_s))
    said = []
    for sensor, lengths in enumerate(runs_s):
        at, value = S, 0.0
        for run_s in lengths:
            said += (
                [(sensor, at, value, 0), (sensor, at + round(run_s * S), value, 0)]
                if run_s
                else [(sensor, at, value, 0)]
            )
            at, value = at + round((run_s + period_s) * S), 10.0 - value
    return fleet, judged(fleet, measured(fleet, said, [], len(runs_s)), DAY_S)


def test_a_fleet_with_known_runs_gets_their_quantiles_and_a_limit_that_none_has_reached() -> None:
    seed = np.random.default_rng(7)
    runs = [seed.exponential(60.0, 400).round(1).tolist() for _ in range(50)]
    _, found = fleet_of(runs, ALWAYS)
    everything = np.sort(np.concatenate([np.array(one) for one in runs]))
    assert (found.measured, found.runs, found.left_out) == (50, 20_000, ())
    for got, share in ((found.p50_s, 0.5), (found.p99_s, 0.99), (found.p999_s, 0.999)):
        exact = everything[math.ceil(share * 20_000) - 1]
        assert exact <= got * (1 + 1e-9)
        assert got <= exact * BIN_RATIO
    assert found.longest_s == everything[-1]
    assert found.verdict is Verdict.PROPOSED
    assert found.proposed_s == rounded_up_s(max(2 * found.p999_s, 1.5 * found.longest_s))


@pytest.mark.parametrize("seed", range(5))
def test_given_a_twentieth_of_stuck_sensors_they_are_named_and_move_nothing(seed: int) -> None:
    random = np.random.default_rng(seed)
    healthy = [random.exponential(60.0, 400).round(1).tolist() for _ in range(95)]
    stuck = [[30.0, 3_600.0 * hours] for hours in (6, 8, 10, 12, 24)]
    _, alone = fleet_of(healthy, ALWAYS)
    _, both = fleet_of(healthy + stuck, ALWAYS)
    assert both.left_out == tuple(
        LeftOut(f"s{95 + at}", 3_600.0 * h) for at, h in reversed(list(enumerate((6, 8, 10, 12, 24))))
    )
    assert (both.p50_s, both.p99_s, both.p999_s, both.longest_s, both.proposed_s) == (
        alone.p50_s,
        alone.p99_s,
        alone.p999_s,
        alone.longest_s,
        alone.proposed_s,
    )


def test_sensors_that_move_with_every_reading_get_ten_scan_periods() -> None:
    _, found = fleet_of([[0.0] * 100] * 6, ALWAYS)
    assert (found.p999_s, found.longest_s, found.proposed_s) == (0.0, 0.0, 100.0)


def test_of_few_sensors_and_of_such_that_rest_nothing_is_proposed() -> None:
    _, few = fleet_of([[60.0] * 10] * 4, ALWAYS)
    assert (few.verdict, few.proposed_s, few.longest_s) == (Verdict.FEW, None, 60.0)
    fleet, rests = fleet_of([[50_000.0]] * 8, ALWAYS)
    assert (rests.verdict, rests.proposed_s) == (Verdict.RESTS, None)
    assert changes([fleet], [rests]) == []


def test_what_the_rule_asks_of_the_value_counts_and_limits_of_grades_keep_their_distance() -> None:
    fleet, found = fleet_of([[0.0] * 100] * 6, RULE)
    assert (found.only, found.now_s) == ("value >= 3 %LEL", 3_600.0)
    assert changes([fleet], [found]) == [
        Change("stuck", "blue", "flat >= 1 h and value >= 3 %LEL", "flat >= 100 s and value >= 3 %LEL"),
        Change("stuck", "yellow", "flat >= 4 h and value >= 3 %LEL", "flat >= 7 min and value >= 3 %LEL"),
    ]


def test_lengths_are_rounded_to_what_a_person_writes_and_never_down() -> None:
    assert [rounded_up_s(one) for one in (0.0, 7.2, 100.0, 121.0, 7_200.0, 7_201.0)] == [0, 8, 100, 180, 7_200, 9_000]
    assert [written(one) for one in (8.0, 180.0, 9_000.0)] == [(8.0, "s"), (3.0, "min"), (2.5, "h")]
