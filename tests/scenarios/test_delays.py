"""Delays, deadband and grades, told as what happens at one sensor."""

from __future__ import annotations

import pytest

from model.plan import DetectorSpec
from tests.scenarios.language import given, grade, nothing, reads, reads_steadily, resets, rule, sees_to

RED = rule("r", grade("red", "value >= 50"))
HELD = rule("r", grade("red", "value >= 50", on_s=10))
LINGERS = rule("r", grade("red", "value >= 50", off_s=10, deadband=5))
TWO = rule("r", grade("yellow", "value >= 25"), grade("red", "value >= 50", off_s=10))


def test_a_limit_without_delay_raises_with_the_very_reading() -> None:
    given(RED).when(reads(1, 49.9), reads(2, 50)).expect("2 s: a r raised red")


def test_an_on_delay_that_is_met_exactly_raises() -> None:
    given(HELD).when(reads(0, 60), reads(5, 60), reads(10, 60)).expect("10 s: a r raised red")


def test_an_on_delay_that_is_not_met_does_not_raise() -> None:
    given(HELD).when(reads(0, 60), reads(5, 60), reads(9.9, 0), nothing(60)).expect()


def test_a_reading_that_comes_at_the_end_of_the_delay_and_is_normal_is_not_overtaken_by_the_tick() -> None:
    given(HELD).when(reads(0.9, 60), reads(10.5, 0), nothing(60)).expect()


def test_an_on_delay_is_met_by_time_alone_when_the_sensor_falls_silent() -> None:
    given(HELD).when(reads(0.5, 60), nothing(60)).expect("10.5 s: a r raised red")


def test_a_dip_below_the_limit_begins_the_on_delay_anew() -> None:
    given(HELD).when(reads(0, 60), reads(8, 40), reads(9, 60), reads(18, 60), reads(19, 60)).expect(
        "19 s: a r raised red"
    )


def test_an_alarm_returns_only_after_the_off_delay() -> None:
    given(LINGERS).when(reads(0, 60), reads_steadily(1, 20, 0)).expect("0 s: a r raised red", "11 s: a r returned")


def test_inside_the_deadband_an_alarm_stays_and_its_off_delay_begins_anew() -> None:
    story = given(LINGERS).when(reads(0, 60), reads(1, 44), reads(9, 46), reads(10, 44), reads(19, 44))
    story.expect("0 s: a r raised red").when(reads(20, 44)).expect("0 s: a r raised red", "20 s: a r returned")


def test_time_alone_never_returns_an_alarm() -> None:
    given(LINGERS).when(reads(0, 60), reads(1, 0), nothing(3600)).expect("0 s: a r raised red").expect_open(
        "a r red unacknowledged"
    )


def test_an_off_delay_does_not_run_through_a_pause_longer_than_three_scan_periods() -> None:
    story = given(LINGERS).when(reads(0, 60), reads(1, 0), reads(31.1, 0), reads(41, 0))
    story.expect("0 s: a r raised red").when(reads(41.1, 0))
    story.expect("0 s: a r raised red", "41.1 s: a r returned")


def test_a_pause_of_three_scan_periods_is_none() -> None:
    given(LINGERS).when(reads(0, 60), reads(1, 0), reads(31, 0)).expect("0 s: a r raised red", "31 s: a r returned")


def test_a_sensor_that_is_quick_may_miss_readings_for_five_seconds() -> None:
    quick = rule("r", grade("red", "value >= 50", off_s=6))
    story = given(quick, period_s=0.1).when(reads(0, 60), reads(1, 0), reads(6, 0), reads(11.1, 0), reads(16, 0))
    story.expect("0 s: a r raised red").when(reads(17.1, 0))
    story.expect("0 s: a r raised red", "17.1 s: a r returned")


@pytest.mark.parametrize("quality", ["uncertain", "bad"])
def test_readings_that_are_not_good_do_not_carry_an_off_delay_through_a_pause(quality: str) -> None:
    doubtful = [reads(at, 0, quality=quality) for at in range(2, 40)]
    given(LINGERS).when(reads(0, 60), reads(1, 0), *doubtful, reads(40, 0)).expect("0 s: a r raised red")


def test_good_readings_of_which_the_detector_makes_nothing_do_not_hide_that_there_was_a_pause() -> None:
    slope = DetectorSpec("slope", "rate", ("gas",), {"window_s": 20.0})
    rising = rule("r", grade("red", "slope >= 60", off_s=15))
    climb = [reads(at, 2 * at) for at in range(30)]
    story = given(rising, slope).when(climb, reads_steadily(30, 50, 58), reads_steadily(90, 114, 58))
    assert [line.split(": ")[1] for line in story.lines()] == ["a r raised red"]
    story.when(reads_steadily(115, 125, 58))
    assert [line.split(": ")[1] for line in story.lines()] == ["a r raised red", "a r returned"]


def test_an_upgrade_counts_at_once() -> None:
    given(TWO).when(reads(0, 30), reads(1, 60)).expect("0 s: a r raised yellow", "1 s: a r upgraded red")


def test_a_downgrade_waits_for_the_off_delay() -> None:
    given(TWO).when(reads(0, 60), reads_steadily(1, 15, 30)).expect(
        "0 s: a r raised red", "11 s: a r downgraded yellow"
    )


def test_an_upgrade_after_the_acknowledgement_wants_another_one() -> None:
    given(TWO).when(reads(0, 30), sees_to(1), reads(2, 60)).expect(
        "0 s: a r raised yellow", "1 s: a r acknowledged yellow by Wang", "2 s: a r upgraded red"
    ).expect_open("a r red unacknowledged")


def test_an_alarm_that_comes_back_before_anybody_looked_is_the_same_alarm() -> None:
    story = given(RED).when(reads(0, 60), reads(1, 0), reads(2, 60))
    story.expect("0 s: a r raised red", "1 s: a r returned", "2 s: a r re_raised red")
    assert len({event.alarm_id for event in story.events}) == 1


def test_an_alarm_that_comes_back_after_it_was_dealt_with_is_a_new_one() -> None:
    story = given(RED).when(reads(0, 60), sees_to(1), reads(2, 0), reads(3, 60))
    story.expect("0 s: a r raised red", "1 s: a r acknowledged red by Wang", "2 s: a r returned", "3 s: a r raised red")
    assert len({event.alarm_id for event in story.events}) == 2


def test_a_latching_alarm_stays_until_it_is_acknowledged_and_reset() -> None:
    latching = rule("r", grade("red", "value >= 50"), latching=True)
    given(latching).when(reads(0, 60), reads(1, 0), nothing(60)).expect_open("a r none latched_unacknowledged").when(
        resets(61), sees_to(62)
    ).expect_open("a r none latched_acknowledged").expect_refused(1).when(resets(63)).expect_open()


def test_a_person_cannot_reset_an_alarm_whose_limit_is_still_passed() -> None:
    given(RED).when(reads(0, 60), resets(1), sees_to(2), resets(3)).expect_refused(2).expect_open(
        "a r red acknowledged"
    )


@pytest.mark.parametrize("flaps", [2, 20])
def test_a_value_that_flutters_inside_the_deadband_makes_one_alarm(flaps: int) -> None:
    story = given(LINGERS).when(*[reads(at, 50 if at % 2 else 46) for at in range(1, flaps)])
    story.expect("1 s: a r raised red")
