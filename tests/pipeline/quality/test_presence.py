"""When sensors were heard, however their readings are cut into parts."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from model.plan import Plan
from pipeline.quality.presence import Heard, Presence, Watched, watched
from tests.naive.quality import Naive, Said, naive_presence
from tests.pipeline.plans import kind, plan

S = 10**9
FROM, TO = 1_000 * S, 1_100 * S
PERIODS = (0, 4 * S, 10 * S, 100 * S)
READINGS = st.tuples(
    st.integers(0, len(PERIODS) - 1),
    st.integers(600, 1_099).map(lambda at: at * S),
    st.sampled_from([1.0, float("nan"), float("inf")]),
    st.integers(0, 2),
)


def heard(said: list[tuple[int, int, float, int]], cuts: list[int]) -> Heard:
    """Parts end at these times; the readings are distinct."""
    presence = Presence(Watched(FROM, TO, np.array(PERIODS, np.int64)))
    edges = [0, *sorted(cuts), TO]
    for begin, end in itertools.pairwise(edges):
        part = sorted(one for one in said if begin <= one[1] < end)
        presence.take(
            np.array([one[0] for one in part], np.int32),
            np.array([one[1] for one in part], np.int64),
            np.array([one[2] for one in part], np.float64),
            np.array([one[3] for one in part], np.uint8),
        )
    return presence.result()


def of(found: Heard, sensor: int) -> Naive:
    return Naive(
        int(found.heard_ns[sensor]),
        int(found.readings[sensor]),
        tuple(found.quality[sensor].tolist()),
        int(found.outage_ns[sensor]),
        int(found.outage_begin_ns[sensor]) if found.outage_ns[sensor] else None,
        int(found.last_ns[sensor]) if found.has_last[sensor] else None,
    )


@given(
    said=st.lists(READINGS, max_size=60, unique_by=lambda one: one[:2]),
    cuts=st.lists(st.integers(600 * S, TO), max_size=3),
)
@settings(deadline=None)
def test_what_was_heard_equals_its_naive_twin_however_it_is_cut(
    said: list[tuple[int, int, float, int]], cuts: list[int]
) -> None:
    found = heard(said, cuts)
    for sensor, period_ns in enumerate(PERIODS):
        mine = [Said(one[1], at, one[2], one[3]) for at, one in enumerate(said) if one[0] == sensor]
        assert of(found, sensor) == naive_presence(mine, FROM, TO, period_ns)


def test_a_sensor_is_heard_for_three_periods_and_what_is_left_is_its_outage() -> None:
    found = heard([(1, 1_000 * S, 1.0, 0), (1, 1_050 * S, 1.0, 0)], [])
    assert found.heard_ns[1] == (12 + 12) * S
    assert (found.outage_ns[1], found.outage_begin_ns[1]) == (38 * S, 1_012 * S)
    assert found.expected.tolist() == [0, 25, 10, 1]


def test_a_reading_before_the_period_reaches_into_it_and_does_not_count_as_one_of_it() -> None:
    found = heard([(2, 990 * S, 1.0, 0)], [])
    assert (found.heard_ns[2], found.readings[2], found.last_ns[2]) == (20 * S, 0, 990 * S)


def test_a_sensor_of_which_nothing_came_was_out_all_the_time() -> None:
    found = heard([], [])
    assert found.outage_ns.tolist() == [0, 100 * S, 100 * S, 100 * S]
    assert found.outage_begin_ns.tolist() == [FROM] * 4
    assert not found.has_last.any()


def test_what_is_forgotten_begins_anew_and_leaves_the_others_alone() -> None:
    presence = Presence(Watched(FROM, TO, np.array(PERIODS, np.int64)))
    empty = np.zeros(2, np.uint8)
    presence.take(np.array([1, 2], np.int32), np.array([FROM, FROM + S]), np.ones(2), empty)
    presence.forget(np.array([1], np.int32))
    presence.take(np.array([1], np.int32), np.array([FROM]), np.ones(1), empty[:1])
    assert presence.result().readings.tolist() == [0, 1, 1, 0]


def made(**changed: object) -> Plan:
    kinds = tuple(replace(kind(name, period_s=10.0), **changed) for name in ("gas", "panel"))
    return plan(kinds=(kinds[0], replace(kinds[1], on_change=True)), sensors=(("a", "gas"), ("b", "panel")))


def test_sensors_that_report_on_change_or_too_slowly_for_the_period_are_not_judged() -> None:
    assert watched(made(), FROM, TO).period_ns.tolist() == [10 * S, 0]
    assert watched(made(period_s=101.0), FROM, TO).period_ns.tolist() == [0, 0]
    day_ns = 86_400 * S
    assert watched(made(period_s=28_800.0), 0, 9 * day_ns).period_ns.tolist() == [28_800 * S, 0]
    assert watched(made(period_s=28_801.0), 0, 9 * day_ns).period_ns.tolist() == [0, 0]
