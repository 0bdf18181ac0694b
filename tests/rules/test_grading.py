"""Delays of one grade, reading by reading and tick by tick; the whole is compared in tests/pipeline."""

from __future__ import annotations

import numpy as np
import pytest

from rules.evidence import CLEARS, ENTERED_LATE, ENTERS, HOLDS, SAYS_NOTHING
from rules.grading import NEVER, Delays, GradingState, grade_rows, grade_time

S = 10**9


class Grades:
    """One sensor under one rule; codes of the grades, lowest first."""

    def __init__(self, *, on_s: tuple[float, ...] = (0,), off_s: tuple[float, ...] = (0,)) -> None:
        self.state = GradingState.fresh(1, len(on_s))
        self.delays = Delays(np.array(on_s) * S, np.array(off_s) * S)
        self.delays = Delays(self.delays.on_ns.astype(np.int64), self.delays.off_ns.astype(np.int64))

    def row(self, at_s: float, *codes: int) -> int:
        """Level after one row."""
        evidence = np.array([codes], np.int8)
        grade_rows(self.state, self.delays, np.zeros(1, np.int32), np.array([int(at_s * S)]), evidence, NEVER)
        self.check()
        return int(self.state.level[0])

    def tick(self, elapsed_s: float) -> int:
        grade_time(self.state, self.delays, int(elapsed_s * S))
        self.check()
        return int(self.state.level[0])

    def check(self) -> None:
        assert self.state.begun_count[0] == np.count_nonzero(self.state.begun_ns != NEVER)


def test_the_on_delay_is_met_exactly_at_its_end_and_not_before() -> None:
    grades = Grades(on_s=(10,))
    assert [grades.row(at, ENTERS) for at in (0, 9.999999, 10)] == [0, 0, 1]


@pytest.mark.parametrize("code", [CLEARS, HOLDS])
def test_one_reading_below_the_limit_begins_the_on_delay_anew(code: int) -> None:
    grades = Grades(on_s=(10,))
    assert [grades.row(0, ENTERS), grades.row(5, code), grades.row(6, ENTERS), grades.row(15, ENTERS)] == [0, 0, 0, 0]
    assert grades.row(16, ENTERS) == 1


def test_a_reading_that_says_nothing_neither_ends_nor_fulfils_the_on_delay() -> None:
    grades = Grades(on_s=(10,))
    assert [grades.row(0, ENTERS), grades.row(11, SAYS_NOTHING), grades.row(12, ENTERS)] == [0, 0, 1]


def test_ticks_fulfil_the_on_delay_counted_from_the_first_tick_after_the_reading() -> None:
    grades = Grades(on_s=(10,))
    grades.tick(99)
    grades.row(0, ENTERS)
    assert [grades.tick(at) for at in (100, 109, 110)] == [0, 0, 1]


def test_ticks_turn_nothing_off_and_nothing_on_that_is_not_pending() -> None:
    grades = Grades(on_s=(0, 10))
    grades.row(0, ENTERS, CLEARS)
    assert [grades.tick(at) for at in (0, 10, 10**6)] == [1, 1, 1]


def test_the_off_delay_needs_readings_that_agree_from_its_beginning_to_its_end() -> None:
    grades = Grades(off_s=(10,))
    grades.row(0, ENTERS)
    assert [grades.row(1, CLEARS), grades.row(10, HOLDS), grades.row(11, CLEARS), grades.row(20, CLEARS)] == [
        1,
        1,
        1,
        1,
    ]
    assert [grades.tick(10**6), grades.row(20.5, SAYS_NOTHING), grades.row(21, CLEARS)] == [1, 1, 0]


def test_a_higher_grade_counts_at_once_and_a_lower_one_after_the_off_delay() -> None:
    grades = Grades(on_s=(0, 0), off_s=(0, 10))
    assert grades.row(0, ENTERS, CLEARS) == 1
    assert grades.row(1, ENTERS, ENTERS) == 2
    assert [grades.row(at, ENTERS, CLEARS) for at in (2, 11, 12)] == [2, 2, 1]


def test_late_news_raises_unless_a_later_change_is_known() -> None:
    grades = Grades()
    assert grades.row(5, ENTERED_LATE) == 1
    assert grades.row(10, CLEARS) == 0
    assert grades.row(9, ENTERED_LATE) == 0
    assert grades.row(10, ENTERED_LATE) == 1


def test_what_time_turns_on_in_the_past_does_not_open_the_past_to_late_news() -> None:
    grades = Grades(on_s=(0, 30))
    assert [grades.row(0, CLEARS, ENTERS), grades.row(50, ENTERS, SAYS_NOTHING)] == [0, 1]
    assert [grades.tick(at) for at in (0, 30)] == [1, 2]
    assert grades.state.settled_ns[0] == 50 * S


def test_extreme_times_do_not_overflow_into_an_alarm() -> None:
    grades = Grades(on_s=(10,))
    grades.row(-9.2e9, ENTERS)
    assert grades.tick(0) == 0
    grades.row(-9.1e9, CLEARS)
    grades.row(9.2e9, ENTERS)
    assert [grades.tick(at) for at in (1, 10.9)] == [0, 0]
