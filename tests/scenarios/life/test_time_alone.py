"""What time brings about: an alarm that is told of again, and one that is stale."""

from __future__ import annotations

from dataclasses import replace

from model.alarm import Grade
from model.plan import AlarmPolicy
from tests.scenarios.acts import DAY, HOUR, acknowledges, comments, shelves, takes_out
from tests.scenarios.language import clock_set, down, nothing, reads, sees_to
from tests.scenarios.life.site import CALM, LATCHING, RED, THREE, YELLOW, living, policy

AGAIN = replace(THREE, realarm_after_s=((Grade.YELLOW, 100.0), (Grade.ORANGE, 50.0), (Grade.RED, 30.0)))
STALE = replace(YELLOW, stale_after_s=100.0)


def times(story, event: str) -> list[str]:
    return [line.split(":")[0] for line in story.lines() if f" {event} " in line]


def test_a_red_alarm_that_was_seen_and_is_still_on_is_told_of_again_every_half_hour() -> None:
    story = living(RED).when(reads(1, 60), sees_to(10), nothing(1810)).expect_open("a r red acknowledged")
    story.when(nothing(1811)).expect_open("a r red unacknowledged")
    story.expect(
        "1 s: a r raised red",
        "10 s: a r acknowledged red by Wang",
        "1811 s: a r realarmed red",
    )


def test_an_alarm_is_told_of_again_as_often_as_it_is_seen_and_stays_on() -> None:
    story = living(AGAIN).when(reads(1, 60), sees_to(10), nothing(45), sees_to(50), nothing(100))
    assert times(story, "realarmed") == ["41 s", "81 s"]


def test_an_orange_alarm_is_told_of_again_after_two_hours_and_a_yellow_one_never() -> None:
    assert dict(AlarmPolicy().realarm_after_s) == {Grade.ORANGE: 2 * HOUR, Grade.RED: HOUR / 2}


def test_an_alarm_that_nobody_saw_is_not_told_of_again() -> None:
    assert times(living(AGAIN).when(reads(1, 60), nothing(200)), "realarmed") == []


def test_an_alarm_that_is_over_is_not_told_of_again() -> None:
    latched = living(replace(LATCHING, realarm_after_s=((Grade.YELLOW, 30.0),)))
    assert times(latched.when(reads(1, 30), sees_to(2), reads(3, 0), nothing(200)), "realarmed") == []


def test_the_time_counts_from_the_last_change_of_grade() -> None:
    story = living(AGAIN, CALM).when(reads(1, 45), sees_to(10), reads(40, 30), nothing(200))
    assert times(story, "realarmed") == ["141 s"]
    story = living(AGAIN, CALM).when(reads(1, 45), sees_to(10), reads(40, 60), sees_to(45), nothing(200))
    assert times(story, "realarmed") == ["76 s"]


def test_a_rule_names_some_grades_and_the_plan_the_others() -> None:
    mixed = replace(THREE, realarm_after_s=((Grade.YELLOW, 60.0), (Grade.RED, 0.0)))
    made = policy(realarm_after_s=((Grade.ORANGE, 40.0), (Grade.RED, 20.0)))
    found = {
        value: times(living(mixed, made).when(reads(1, value), sees_to(10), nothing(200)), "realarmed")
        for value in (30, 45, 60)
    }
    assert found == {30: ["71 s"], 45: ["51 s"], 60: []}


def test_a_hidden_alarm_is_not_told_of_again() -> None:
    story = living(AGAIN).when(reads(1, 30), sees_to(2), shelves(3, 300), nothing(302))
    assert times(story, "realarmed") == []
    story.when(nothing(303)).expect_open("a r yellow unacknowledged").when(sees_to(310), nothing(500))
    assert times(story, "realarmed") == ["411 s"]


def test_our_own_outage_does_not_count() -> None:
    story = living(AGAIN).when(reads(1, 60), sees_to(10), down(20, HOUR), nothing(HOUR + 100))
    assert times(story, "realarmed") == ["3641 s"]


def test_a_clock_that_is_set_changes_nothing() -> None:
    ahead = living(AGAIN).when(reads(1, 60), sees_to(10), clock_set(20, 5000), nothing(5100))
    assert times(ahead, "realarmed") == ["5020 s"]
    behind = living(AGAIN).when(reads(1, 60), sees_to(10), clock_set(20, -5000)).when(nothing(-4900))
    assert times(behind, "realarmed") == ["-4980 s"]


def test_an_alarm_that_is_on_for_long_is_stale_once() -> None:
    story = living(STALE).when(reads(0.5, 30), nothing(400))
    story.expect("0.5 s: a r raised yellow", "101 s: a r stale yellow").expect_open("a r yellow unacknowledged")
    assert story.alarms()[0].stale


def test_an_alarm_is_stale_after_a_day_where_nobody_says_otherwise() -> None:
    assert AlarmPolicy().stale_after_s == DAY


def test_an_acknowledgement_a_grade_and_a_comment_do_not_make_it_younger() -> None:
    three = replace(THREE, stale_after_s=100.0)
    story = living(three, CALM).when(
        reads(1, 30), sees_to(20), reads(50, 60), comments(60), reads(70, 45), nothing(300)
    )
    assert times(story, "stale") == ["102 s"]
    story = living(STALE).when(reads(1, 30), sees_to(20), nothing(300)).expect_open("a r yellow acknowledged")
    assert times(story, "stale") == ["102 s"]


def test_a_return_makes_it_young_again() -> None:
    story = living(STALE, CALM).when(reads(1, 30), nothing(110)).when(reads(111, 0))
    assert not story.alarms()[0].stale
    story.when(reads(120, 30), nothing(300))
    assert times(story, "stale") == ["102 s", "221 s"]
    early = living(STALE, CALM).when(reads(1, 30), reads(90, 0), reads(95, 30), nothing(300))
    assert times(early, "stale") == ["196 s"]


def test_an_alarm_that_is_over_does_not_get_stale() -> None:
    assert times(living(STALE).when(reads(1, 30), reads(2, 0), nothing(300)), "stale") == []


def test_a_rule_says_that_its_alarms_never_get_stale() -> None:
    never = replace(YELLOW, stale_after_s=0.0)
    assert times(living(never, policy(stale_after_s=50.0)).when(reads(1, 30), nothing(300)), "stale") == []
    assert times(living(YELLOW, policy(stale_after_s=50.0)).when(reads(1, 30), nothing(300)), "stale") == ["52 s"]


def test_a_hidden_alarm_gets_stale_hidden() -> None:
    story = living(STALE).when(reads(1, 30), shelves(2, 200), nothing(150))
    assert story.lines()[-1] == "102 s: a r stale yellow [shelved]"


def test_our_own_outage_makes_nothing_stale() -> None:
    story = living(STALE).when(reads(1, 30), down(20, HOUR), nothing(HOUR + 200))
    assert times(story, "stale") == ["3702 s"]


def test_at_one_tick_flags_end_first_then_alarms_are_told_of_again_then_they_are_stale() -> None:
    both = replace(AGAIN, stale_after_s=100.0)
    story = living(both, tags=["c", "b", "a"]).when(reads(0.5, 30, "a"), reads(0.5, 30, "b"), reads(0.5, 30, "c"))
    story.when(sees_to(0.6), shelves(1, 100, tag="b"), nothing(200))
    assert story.lines()[7:] == [
        "101 s: b r shown yellow",
        "101 s: a r realarmed yellow",
        "101 s: a r stale yellow",
        "101 s: b r stale yellow",
        "101 s: c r realarmed yellow",
        "101 s: c r stale yellow",
    ]


def test_a_delay_that_ends_at_the_tick_comes_after_what_time_alone_brings() -> None:
    story = living(STALE, replace(YELLOW, id="d", grades=(replace(YELLOW.grades[0], on_delay_s=100.0),)))
    story.when(reads(0.5, 30), nothing(101))
    assert story.lines()[1:] == ["101 s: a r stale yellow", "100.5 s: a d raised yellow"]


def test_a_sensor_out_of_service_is_not_told_of_again() -> None:
    story = living(replace(YELLOW, realarm_after_s=((Grade.YELLOW, 30.0),)))
    story.when(reads(1, 30), acknowledges(2), takes_out(3, 100, tag="a"), nothing(102))
    assert times(story, "realarmed") == []
