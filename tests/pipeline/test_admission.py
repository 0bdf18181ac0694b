"""Which rows are news, and which time counts for them; and rows of patient kinds, which are sorted first."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from model.alarm import AlarmEvent
from model.batch import BAD, GOOD, NO_TIME, UNCERTAIN, Batch
from pipeline.process.admission import (
    ACCEPTED,
    AHEAD_NS_MAX,
    DUPLICATE,
    LATE,
    TIME_NS_MIN,
    AdmissionState,
    Admitted,
    admit,
)
from pipeline.process.reorder import WAITING_MAX
from tests.pipeline.plans import SECOND_NS, START_NS, Row, grade, kind, ns, plan, play, rows, rule
from tests.pipeline.runs import follow, started
from tests.pipeline.worlds import Beat

PAUSE_NS = np.full(3, 10 * SECOND_NS)


def admitted(*items: Row) -> Admitted:
    return admit(AdmissionState.fresh(3), rows(items), PAUSE_NS)


def verdicts(*items: Row) -> list[int]:
    return admitted(*items).verdict.tolist()


def test_rows_of_rising_time_are_accepted_as_they_are() -> None:
    found = admitted(Row(0, 1.0, 5.0), Row(1, 1.0, 6.0), Row(0, 2.0, 7.0))
    assert found.verdict.tolist() == [ACCEPTED] * 3
    assert found.batch.time_ns.tolist() == [ns(1), ns(1), ns(2)]
    assert found.batch.quality.tolist() == [GOOD] * 3


def test_the_same_reading_again_is_a_duplicate_and_another_value_at_its_instant_is_late() -> None:
    assert verdicts(Row(0, 1.0, 5.0), Row(0, 1.0, 5.0), Row(0, 1.0, 6.0)) == [ACCEPTED, DUPLICATE, LATE]
    nan = float("nan")
    assert verdicts(Row(0, 1.0, nan), Row(0, 1.0, nan), Row(0, 1.0, 6.0)) == [ACCEPTED, DUPLICATE, LATE]


def test_an_older_instant_that_was_never_seen_is_late() -> None:
    assert verdicts(Row(0, 1.0, 5.0), Row(0, 3.0, 5.0), Row(0, 2.0, 5.0), Row(0, 1.0, 5.0)) == [
        ACCEPTED,
        ACCEPTED,
        LATE,
        DUPLICATE,
    ]


@pytest.mark.parametrize(
    ("device_ns", "accepted_as_given"),
    [
        (START_NS + AHEAD_NS_MAX, True),
        (START_NS + AHEAD_NS_MAX + 1, False),
        (TIME_NS_MIN, True),
        (TIME_NS_MIN - 1, False),
        (np.iinfo(np.int64).max, False),
        (NO_TIME + 1, False),
        (0, False),
    ],
)
def test_a_device_time_that_cannot_be_is_replaced_by_the_receive_time(
    device_ns: int,
    accepted_as_given: bool,  # noqa: FBT001
) -> None:
    one = np.array([0], np.int32), np.array([device_ns]), np.array([START_NS]), np.array([1.0]), np.zeros(1, np.uint8)
    found = admit(AdmissionState.fresh(1), Batch(*one), PAUSE_NS)
    assert found.verdict.tolist() == [ACCEPTED]
    assert found.batch.time_ns.tolist() == [device_ns if accepted_as_given else START_NS]
    assert found.clock_fault.tolist() == [not accepted_as_given]
    assert found.batch.quality.tolist() == [GOOD if accepted_as_given else UNCERTAIN]


def test_no_time_at_all_is_no_fault_of_the_clock() -> None:
    found = admitted(Row(0, None, 1.0, 5.0), Row(0, None, 1.0, 5.0), Row(0, None, 1.0, 4.0))
    assert found.verdict.tolist() == [ACCEPTED] * 3
    assert found.clock_fault.tolist() == [False] * 3
    assert found.batch.time_ns.tolist() == [ns(5), ns(5) + 1, ns(5) + 2]


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_what_is_no_number_is_bad(value: float) -> None:
    found = admitted(Row(0, 1.0, value))
    assert found.batch.quality.tolist() == [BAD]
    assert np.isnan(found.batch.value[0])


def test_a_bad_row_loses_its_value_and_keeps_its_place_in_time() -> None:
    found = admitted(Row(0, 1.0, 60.0, quality=BAD), Row(0, 1.0, float("nan")))
    assert np.isnan(found.batch.value).all()
    assert found.verdict.tolist() == [ACCEPTED, DUPLICATE]


def test_a_clock_set_back_is_believed_after_three_rows_that_keep_pace() -> None:
    found = admitted(Row(0, 1000.0, 1.0), *[Row(0, 1000.0 + at - 600, 1.0, 1000.0 + at) for at in (10, 20, 30, 40)])
    assert found.verdict.tolist() == [ACCEPTED, LATE, LATE, ACCEPTED, ACCEPTED]
    assert found.clock_fault.tolist() == [False, False, False, True, True]
    assert found.batch.time_ns.tolist()[3:] == [ns(1030), ns(1040)]


def test_a_clock_set_back_is_believed_also_when_readings_come_several_in_a_message() -> None:
    messages = [[Row(0, 100.0 + 10 * k + i, 5.0, received_s=5000.0 + 10 * k) for i in range(10)] for k in range(3)]
    found = admitted(Row(0, 4000.0, 5.0), *(row for message in messages for row in message))
    assert found.verdict.tolist() == [ACCEPTED] + [LATE] * 20 + [ACCEPTED] * 10
    assert found.clock_fault.tolist() == [False] * 21 + [True] * 10


def test_a_clock_of_whole_seconds_that_is_set_back_is_believed_too() -> None:
    fifths = [Row(0, float(100 + k // 5), float(k), received_s=5000 + k / 5) for k in range(15)]
    found = admitted(Row(0, 4000.0, 50.0), *fifths)
    assert found.clock_fault.tolist() == [False] * 11 + [True] * 5


def test_late_rows_between_rows_of_a_right_clock_are_not_a_clock_set_back() -> None:
    late = [Row(0, 1000.0 + at - 600, 1.0, 1000.0 + at) for at in (10, 20, 30, 40)]
    assert verdicts(Row(0, 1000.0, 1.0), *late[:2], Row(0, 1025.0, 1.0), *late[2:]) == [
        ACCEPTED,
        LATE,
        LATE,
        ACCEPTED,
        LATE,
        LATE,
    ]


def test_a_backlog_that_comes_in_a_burst_is_not_taken_for_a_clock_set_back() -> None:
    burst = [Row(0, 100.0 + 10 * at, 1.0, 1000.0 + 0.001 * at) for at in range(20)]
    assert verdicts(Row(0, 1000.0, 1.0), *burst) == [ACCEPTED] + [LATE] * 20


def test_the_batch_that_came_in_is_left_as_it_was() -> None:
    batch = rows([Row(0, None, 1.0, 5.0), Row(0, 1e7, float("inf"), 6.0)])
    before = [column.tobytes() for column in (batch.time_ns, batch.value, batch.quality)]
    admit(AdmissionState.fresh(1), batch, PAUSE_NS)
    assert [column.tobytes() for column in (batch.time_ns, batch.value, batch.quality)] == before


def test_a_good_row_after_a_pause_without_any_is_marked_and_only_then() -> None:
    nan = float("nan")
    one = [Row(0, 0.0, 1.0), Row(0, 10.0, 1.0), Row(0, 15.0, nan), Row(0, 20.001, 1.0, quality=UNCERTAIN)]
    found = admitted(*one, Row(0, 20.002, 1.0), Row(1, 20.0, 1.0), Row(0, 5.0, 1.0, 40.0), Row(0, 30.0, 1.0, 40.0))
    assert found.verdict.tolist() == [ACCEPTED] * 6 + [LATE, ACCEPTED]
    assert found.paused.tolist() == [True, False, False, False, True, True, False, False]


def test_a_row_whose_device_time_cannot_be_is_not_good_and_does_not_end_a_pause() -> None:
    found = admitted(Row(0, 0.0, 1.0), Row(0, 9e6, 1.0, 8.0), Row(0, 16.0, 1.0), Row(0, 17.0, 1.0))
    assert found.clock_fault.tolist() == [False, True, False, False]
    assert found.paused.tolist() == [True, False, True, False]


HELD = rule("r", grade("blue", "value >= 10", 3.0, 2.0), grade("red", "value >= 30"))


def told(events: list[AlarmEvent]) -> list[tuple[object, ...]]:
    return [(event.transition, event.grade, event.time_ns) for event in events]


@settings(max_examples=100, deadline=None)
@given(
    st.lists(
        st.tuples(st.sampled_from([0.0, 9.0, 12.0, 31.0]), st.floats(0, 4.5)),
        min_size=1,
        max_size=25,
    ),
)
def test_rows_that_are_late_within_the_lateness_give_what_sorted_rows_give(readings: list[tuple[float, float]]) -> None:
    """Row n is measured at n seconds and comes at most 4.5 s after that; the kind waits 5 s."""
    measured = [Row(0, float(at), value, at + delay_s) for at, (value, delay_s) in enumerate(readings)]
    patient, plain = started(plan(HELD, kinds=[kind(lateness_s=5.0)])), started(plan(HELD))
    expected = told(play(plain, [rows(measured)]))
    found = []
    elapsed_s = 0.0
    for row in sorted(measured, key=lambda row: (row.received_s, row.at_s)):
        while elapsed_s <= row.received_s:
            found += follow(patient, [Beat(elapsed_s, elapsed_s)])
            elapsed_s += 1
        found += play(patient, [rows([row])])
    found += follow(patient, [Beat(elapsed_s + at, elapsed_s + at) for at in range(8)])
    assert told([e for e in found if e.rule == "r"])[: len(expected)] == expected
    assert patient.counts.accepted == len(measured)
    assert not any(patient.reorder.waiting.values())


def test_more_rows_than_may_wait_leave_early_and_in_order() -> None:
    state = started(plan(HELD, kinds=[kind(lateness_s=1e6)]))
    play(state, [rows([Row(0, float(at), 1.0) for at in range(WAITING_MAX + 10)])])
    assert state.counts.accepted == 10
    assert len(state.reorder.waiting[0]) == WAITING_MAX


def test_a_row_without_a_time_does_not_wait() -> None:
    state = started(plan(HELD, kinds=[kind(lateness_s=60.0)]))
    assert [event.grade.name for event in play(state, [rows([Row(0, None, 31.0, 5.0)])])] == ["RED"]


def test_a_wild_device_time_waits_no_longer_than_the_others() -> None:
    state = started(plan(HELD, kinds=[kind(lateness_s=5.0)]))
    play(state, [rows([Row(0, 1e8, 31.0, 1.0)])])
    events = follow(state, [Beat(1.0, 1.0), *[Beat(1.0 + at, 1.0 + at) for at in range(1, 7)]])
    assert told(events) == [("raised", 4, ns(1))]
