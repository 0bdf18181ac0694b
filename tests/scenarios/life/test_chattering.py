"""An alarm that comes and goes is found out, told, and stays on until it is quiet."""

from __future__ import annotations

from dataclasses import replace

from model.plan import AlarmPolicy, Chatter, RuleSpec
from tests.scenarios.acts import acknowledges, shelves
from tests.scenarios.language import (
    Happening,
    Scenario,
    changes,
    grade,
    nothing,
    reads,
    reads_steadily,
    rule,
    sees_to,
)
from tests.scenarios.life.site import CALM, LATCHING, THREE, YELLOW, living


def flaps(*rises_s: float, high: float = 30, low: float = 0) -> list[Happening]:
    """Up at these times and down half a second after each but the last."""
    ups = [reads(at_s, high) for at_s in rises_s]
    return ups + [reads(at_s + 0.5, low) for at_s in rises_s[:-1]]


def with_chatter(of: RuleSpec, times: int, within_s: float = 60.0, hold_s: float = 300.0) -> RuleSpec:
    return replace(of, chatter=Chatter(times, within_s, hold_s))


def chattering(story: Scenario) -> list[str]:
    return [line for line in story.lines() if "chattering" in line]


def test_the_third_rise_within_a_minute_is_chattering() -> None:
    living(YELLOW).when(flaps(1, 2, 3)).expect(
        "1 s: a r raised yellow",
        "1.5 s: a r returned",
        "2 s: a r re_raised yellow",
        "2.5 s: a r returned",
        "3 s: a r re_raised yellow chattering",
    )


def test_the_minute_counts_from_the_first_rise_to_the_last() -> None:
    assert chattering(living(YELLOW).when(flaps(1, 31, 61))) == ["61 s: a r re_raised yellow chattering"]
    assert chattering(living(YELLOW).when(flaps(1, 31, 61.1))) == []
    assert chattering(living(YELLOW).when(flaps(1, 31, 61.1, 91))) == ["91 s: a r re_raised yellow chattering"]


def test_it_stays_on_until_readings_have_said_for_the_hold_that_it_is_over() -> None:
    story = living(YELLOW).when(flaps(1, 2, 3), reads_steadily(10, 309, 0, every_s=10))
    assert story.lines()[-1] == "3 s: a r re_raised yellow chattering"
    story.when(reads(310, 0))
    assert story.lines()[-1] == "310 s: a r returned chattering"
    story.expect_open("a r none returned_unacknowledged")
    assert not story.alarms()[0].chattering


def test_it_does_not_flap_while_it_is_damped() -> None:
    story = living(YELLOW).when(flaps(*range(1, 40, 2)))
    assert len(story.lines()) == 5
    story.expect_open("a r yellow unacknowledged")


def test_one_reading_above_the_limit_begins_the_hold_anew() -> None:
    story = living(YELLOW).when(flaps(1, 2, 3), reads_steadily(10, 200, 0, every_s=10), reads(205, 30))
    story.when(reads_steadily(210, 509, 0, every_s=10))
    assert len(story.lines()) == 5
    story.when(reads(510, 0))
    assert story.lines()[-1] == "510 s: a r returned chattering"


def test_time_alone_does_not_end_it() -> None:
    story = living(YELLOW).when(flaps(1, 2, 3), reads(10, 0), nothing(2000)).expect_open("a r yellow unacknowledged")
    story.when(reads(2000.5, 0)).expect_open("a r yellow unacknowledged")


def test_a_pause_in_the_readings_begins_the_hold_anew() -> None:
    story = living(YELLOW).when(flaps(1, 2, 3), reads_steadily(10, 200, 0, every_s=10))
    story.when(reads_steadily(231, 530, 0, every_s=10), reads(530.9, 0))
    assert len(story.lines()) == 5
    story.when(reads(531, 0))
    assert story.lines()[-1] == "531 s: a r returned chattering"


def test_uncertain_and_bad_readings_do_not_say_that_it_is_over() -> None:
    doubtful = [reads(at_s, 0, quality=quality) for at_s in range(10, 400, 10) for quality in ("uncertain",)]
    story = living(YELLOW).when(flaps(1, 2, 3), doubtful, reads(400, None), reads(401, 0))
    story.expect_open("a r yellow unacknowledged")


def test_an_upgrade_is_a_rise_and_coming_down_takes_the_hold_too() -> None:
    story = living(THREE).when(reads(1, 30), reads(2, 60), reads(3, 30), reads(4, 60))
    story.when(reads_steadily(10, 309, 30, every_s=10))
    assert story.lines()[3:] == ["4 s: a r upgraded red chattering"]
    story.when(reads(310, 30), reads_steadily(311, 611, 0, every_s=10))
    assert story.lines()[4:] == ["310 s: a r downgraded yellow chattering", "611 s: a r returned chattering"]


def test_a_rise_over_two_grades_is_one_rise() -> None:
    assert chattering(living(THREE).when(flaps(1, 2, high=60), reads(3, 60))) == []


def test_alarms_that_are_closed_between_the_rises_count() -> None:
    story = living(YELLOW)
    for at_s in (1, 2, 3):
        story.when(reads(at_s, 30), sees_to(at_s + 0.2), reads(at_s + 0.5, 0))
    assert chattering(story) == [
        "3 s: a r raised yellow chattering",
        "3.2 s: a r acknowledged yellow by Wang chattering",
    ]
    story.expect_open("a r yellow acknowledged")


def test_all_that_is_told_until_it_has_returned_says_so() -> None:
    story = living(YELLOW).when(flaps(1, 2, 3), sees_to(4), shelves(5, 10), reads_steadily(10, 310, 0, every_s=10))
    assert chattering(story) == [
        "3 s: a r re_raised yellow chattering",
        "4 s: a r acknowledged yellow by Wang chattering",
        "5 s: a r hidden yellow by Wang chattering [shelved]",
        "15 s: a r shown yellow chattering",
        "310 s: a r returned chattering",
    ]
    story.when(sees_to(311), reads(400, 30))
    assert story.lines()[-1] == "400 s: a r raised yellow"


def test_a_latching_alarm_chatters_too() -> None:
    story = living(LATCHING).when(flaps(1, 2, 3), reads_steadily(10, 310, 0, every_s=10))
    story.expect_open("a r none latched_unacknowledged")
    assert story.lines()[-1] == "310 s: a r returned chattering"


def test_a_longer_off_delay_counts() -> None:
    slow = with_chatter(rule("r", grade("yellow", "value >= 25", off_s=20)), 2, hold_s=10.0)
    story = living(slow).when(reads(1, 30), reads_steadily(2, 22, 0), reads(23, 30), reads_steadily(24, 43, 0))
    assert story.lines()[-1] == "23 s: a r re_raised yellow chattering"
    story.when(reads(44, 0))
    assert story.lines()[-1] == "44 s: a r returned chattering"


def test_a_rule_says_how_often_how_fast_and_how_long() -> None:
    twice = with_chatter(YELLOW, 2, 5.0, 3.0)
    story = living(twice).when(flaps(1, 6), reads_steadily(7, 10, 0))
    assert story.lines()[2:] == ["6 s: a r re_raised yellow chattering", "10 s: a r returned chattering"]
    assert chattering(living(twice).when(flaps(1, 6.5))) == []


def test_a_rule_says_that_it_does_not_chatter() -> None:
    assert chattering(living(with_chatter(YELLOW, 0)).when(flaps(*range(1, 20)))) == []


def test_the_plan_says_how_alarms_chatter() -> None:
    story = living(YELLOW, AlarmPolicy(chatter=Chatter(2, 10.0, 5.0))).when(flaps(1, 2), reads_steadily(3, 8, 0))
    assert story.lines()[-2:] == ["2 s: a r re_raised yellow chattering", "8 s: a r returned chattering"]


def test_a_sensor_that_reports_changes_only_is_marked_and_not_damped() -> None:
    story = living(YELLOW, on_change=True).when(flaps(1, 2, 3), reads(4, 0))
    assert chattering(story) == ["3 s: a r re_raised yellow chattering", "4 s: a r returned chattering"]


def test_what_rises_hidden_counts() -> None:
    story = living(YELLOW).when(reads(1, 30), shelves(1.2), reads(1.5, 0), flaps(2, 3))
    assert chattering(story) == ["3 s: a r re_raised yellow chattering [shelved]"]


def test_a_reload_of_the_same_rule_does_not_end_it() -> None:
    story = living(YELLOW).when(flaps(1, 2, 3), reads_steadily(10, 150, 0, every_s=10))
    story.when(changes(155, YELLOW, AlarmPolicy()), reads_steadily(160, 309, 0, every_s=10))
    assert len(story.lines()) == 5
    story.when(reads(310, 0))
    assert story.lines()[-1] == "310 s: a r returned chattering"


def test_a_reload_of_another_limit_does_not_end_it() -> None:
    lower = rule("r", grade("yellow", "value >= 20"))
    story = living(YELLOW).when(flaps(1, 2, 3), changes(5, lower, AlarmPolicy()), reads(6, 0), reads(7, 0))
    story.expect_open("a r yellow unacknowledged").when(acknowledges(8))
    assert story.lines()[-1] == "8 s: a r acknowledged yellow by Wang chattering"
    story.when(reads_steadily(10, 306, 0, every_s=10), reads(306, 0))
    assert story.lines()[-1] == "306 s: a r returned chattering"


def test_each_sensor_chatters_by_itself() -> None:
    story = living(YELLOW, tags=["a", "b"]).when(flaps(1, 2, 3), reads(1, 30, "b"), reads(2, 0, "b"), reads(3, 30, "b"))
    assert chattering(story) == ["3 s: a r re_raised yellow chattering"]


def test_a_reload_while_an_alarm_chatters_and_is_hidden_and_has_been_seen_changes_nothing() -> None:
    quick = replace(YELLOW, chatter=Chatter(2, 10.0, 20.0))
    story = living(quick).when(reads(1, 30), reads(1.5, 0), reads(2, 30), acknowledges(3), shelves(4, 15))
    story.when(changes(5, quick, CALM), reads_steadily(6, 26, 0))
    assert story.lines()[3:] == [
        "3 s: a r acknowledged yellow by Wang chattering",
        "4 s: a r hidden yellow by Wang chattering [shelved]",
        "19 s: a r shown yellow chattering",
        "26 s: a r returned chattering",
    ]
