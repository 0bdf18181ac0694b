"""Verdicts by rule: what counts, how sure a share is, and who is owed one."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from model.alarm import Alarm, AlarmState, Grade, Verdict, beginning
from pipeline.hindsight.verdicts import Share, Told, summed_up
from store.verdict_table import StoredVerdict
from tests.pipeline.plans import ns


def told(rule: str, at_s: float, verdict: str = "", *, of: Grade = Grade.BLUE, wait_s: float = 60.0) -> Told:
    alarm = replace(beginning(f"{rule}-{at_s}", rule, "a", "room", ns(at_s)), highest=of, state=AlarmState.NORMAL)
    if not verdict:
        return alarm, None
    judged_ns = alarm.start_ns + round(wait_s * 1e9)
    return alarm, StoredVerdict(Verdict(verdict), "cause", "li", judged_ns, judged_ns)


@pytest.mark.parametrize(
    ("hits", "of", "low", "high"),
    [(0, 10, 0.0, 0.2775), (5, 10, 0.2366, 0.7634), (10, 10, 0.7225, 1.0), (1, 1, 0.2065, 1.0)],
)
def test_the_interval_is_that_of_wilson(hits: int, of: int, low: float, high: float) -> None:
    """Worked out by hand from the score test: (p - h/n)^2 = z^2 p (1 - p) / n."""
    assert Share(hits, of).low == pytest.approx(low, abs=1e-4)
    assert Share(hits, of).high == pytest.approx(high, abs=1e-4)


@given(st.integers(1, 500).flatmap(lambda of: st.tuples(st.integers(0, of), st.just(of))))
def test_both_ends_are_where_the_score_test_turns(case: tuple[int, int]) -> None:
    hits, of = case
    share = Share(hits, of)
    assert share.low <= share.value <= share.high
    for end in {share.low, share.high} - {0.0, 1.0}:
        distance = (share.value - end) ** 2
        assert distance == pytest.approx(1.959963984540054**2 * end * (1 - end) / of, rel=1e-6, abs=1e-9)


def test_nothing_is_claimed_of_nothing() -> None:
    assert math.isnan(Share(0, 0).value)
    assert math.isnan(Share(0, 0).low)


def test_tests_drills_and_works_are_counted_and_say_nothing_of_the_rule() -> None:
    many = ["real", "real", "false", "test", "drill", "works", ""]
    one = summed_up([told("r", n, verdict) for n, verdict in enumerate(many)], lambda _: "s").rules[0]
    assert (one.alarms, one.judged, one.count(Verdict.TEST), one.count(Verdict.WORKS)) == (7, 6, 1, 1)
    assert (one.precision.hits, one.precision.of) == (2, 3)


def test_the_wait_is_the_median_from_the_begin_of_the_alarm() -> None:
    waits = [told("r", 10.0 * n, "real", wait_s=wait) for n, wait in enumerate((30.0, 90.0, 4000.0))]
    assert summed_up(waits, lambda _: "").rules[0].wait_s == 90.0
    assert summed_up([told("r", 0)], lambda _: "").rules[0].wait_s is None


def test_rules_with_most_false_alarms_come_first_and_sites_are_kept_apart() -> None:
    many = [told("good", 1, "real"), told("bad", 2, "false"), told("bad", 3, "false")]
    found = summed_up(many, lambda asset: f"site of {asset}")
    assert [one.rule for one in found.rules] == ["bad", "good"]
    assert [(one.rule, one.site, one.alarms) for one in found.sites] == [
        ("bad", "site of room", 2),
        ("good", "site of room", 1),
    ]


def test_a_verdict_is_owed_on_orange_and_red_alone() -> None:
    many = [told("r", n, of=grade) for n, grade in enumerate(Grade) if grade]
    judged = told("r", 9, "false", of=Grade.RED)
    owed: tuple[Alarm, ...] = summed_up([*many, judged], lambda _: "").owed
    assert [one.highest for one in owed] == [Grade.ORANGE, Grade.RED]
