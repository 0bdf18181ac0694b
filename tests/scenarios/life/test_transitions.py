"""Where an alarm goes from each of its states, as docs/alarms.md has it."""

from __future__ import annotations

from model.alarm import Grade
from tests.scenarios.acts import acknowledges, comments, judges, shelves, unshelves
from tests.scenarios.language import reads, resets, sees_to
from tests.scenarios.life.site import ALIVE, CALM, LATCHING, OTHER, THREE, WAYS, YELLOW, brought_to, living


def last(story, count: int = 1) -> list[tuple[str, str]]:
    return [(event.transition.value, event.state.value) for event in story.events[-count:]]


def test_an_alarm_that_is_seen_and_then_over_is_closed() -> None:
    living(YELLOW).when(reads(1, 30), sees_to(2), reads(3, 0)).expect(
        "1 s: a r raised yellow", "2 s: a r acknowledged yellow by Wang", "3 s: a r returned"
    ).expect_open()


def test_an_alarm_that_is_over_unseen_stays_until_somebody_has_seen_it() -> None:
    story = living(YELLOW).when(reads(1, 30), reads(2, 0)).expect_open("a r none returned_unacknowledged")
    story.when(sees_to(3)).expect("1 s: a r raised yellow", "2 s: a r returned", "3 s: a r acknowledged by Wang")
    story.expect_open()


def test_a_latching_alarm_goes_all_its_ways() -> None:
    story = living(LATCHING, CALM).when(reads(1, 30), reads(2, 0), reads(3, 30), reads(4, 0), sees_to(5))
    story.expect_open("a r none latched_acknowledged").when(reads(6, 30)).expect_open("a r yellow unacknowledged")
    story.when(sees_to(7), reads(8, 0)).expect_open("a r none latched_acknowledged").when(resets(9)).expect_open()
    story.expect(
        "1 s: a r raised yellow",
        "2 s: a r returned",
        "3 s: a r re_raised yellow",
        "4 s: a r returned",
        "5 s: a r acknowledged by Wang",
        "6 s: a r re_raised yellow",
        "7 s: a r acknowledged yellow by Wang",
        "8 s: a r returned",
        "9 s: a r reset by Wang",
    )


def test_a_latched_alarm_that_nobody_saw_cannot_be_reset() -> None:
    story = living(LATCHING).when(reads(1, 30), reads(2, 0), resets(3)).expect_refused(1)
    story.expect_open("a r none latched_unacknowledged")


def test_a_higher_grade_wants_to_be_seen_anew_and_a_lower_one_does_not() -> None:
    story = living(THREE, CALM).when(reads(1, 30), reads(2, 45), sees_to(3), reads(4, 60))
    assert last(story) == [("upgraded", "unacknowledged")]
    story.when(reads(5, 45))
    assert last(story) == [("downgraded", "unacknowledged")]
    story.when(sees_to(6), reads(7, 30))
    assert last(story) == [("downgraded", "acknowledged")]
    story.expect(
        "1 s: a r raised yellow",
        "2 s: a r upgraded orange",
        "3 s: a r acknowledged orange by Wang",
        "4 s: a r upgraded red",
        "5 s: a r downgraded orange",
        "6 s: a r acknowledged orange by Wang",
        "7 s: a r downgraded yellow",
    )


def test_an_alarm_rises_and_falls_over_several_grades_at_once() -> None:
    living(THREE, CALM).when(reads(1, 60), reads(2, 30), reads(3, 60), reads(4, 0)).expect(
        "1 s: a r raised red", "2 s: a r downgraded yellow", "3 s: a r upgraded red", "4 s: a r returned"
    )


def test_the_highest_grade_is_kept_to_the_end() -> None:
    story = living(THREE, CALM)
    for at_s, value, grade, highest in [
        (1, 45, Grade.ORANGE, Grade.ORANGE),
        (2, 60, Grade.RED, Grade.RED),
        (3, 30, Grade.YELLOW, Grade.RED),
        (4, 0, Grade.NONE, Grade.RED),
        (5, 45, Grade.ORANGE, Grade.RED),
    ]:
        (alarm,) = story.when(reads(at_s, value)).alarms()
        assert (alarm.grade, alarm.highest) == (grade, highest)


def test_an_alarm_that_was_closed_and_comes_again_is_another_one() -> None:
    story = living(YELLOW).when(reads(1, 30), sees_to(2), reads(3, 0), reads(100, 30))
    assert [event.transition.value for event in story.events] == ["raised", "acknowledged", "returned", "raised"]
    assert story.events[0].alarm_id != story.events[-1].alarm_id


def test_a_returned_alarm_that_comes_again_is_the_same_one_and_wants_to_be_seen() -> None:
    for state in ("returned_unacknowledged", "latched_unacknowledged", "latched_acknowledged"):
        story = brought_to(state).when(reads(10, 30))
        assert last(story) == [("re_raised", "unacknowledged")]
        assert len({event.alarm_id for event in story.events}) == 1


def test_a_comment_and_a_verdict_change_no_state() -> None:
    for state in WAYS:
        story = brought_to(state).when(comments(6), judges(7, "real"))
        assert last(story, 2) == [("commented", state), ("verdict", state)]


def test_hiding_changes_no_state() -> None:
    for state in ALIVE:
        story = brought_to(state).when(shelves(6))
        assert last(story) == [("hidden", state)]
        assert story.alarms()[0].hidden == "shelved"


def test_showing_is_a_new_annunciation_where_the_condition_still_holds() -> None:
    for state in ALIVE:
        story = brought_to(state).when(shelves(6), unshelves(7))
        assert last(story) == [("shown", "unacknowledged" if state == "acknowledged" else state)]
        assert story.alarms()[0].hidden == ""


def test_two_persons_who_see_to_it_at_once_are_told_that_one_was_first() -> None:
    living(YELLOW).when(reads(1, 30), acknowledges(2, "Wang"), acknowledges(2, "Li")).expect(
        "1 s: a r raised yellow", "2 s: a r acknowledged yellow by Wang"
    ).expect_refused("acknowledged")


def test_each_rule_and_each_sensor_has_an_alarm_of_its_own() -> None:
    story = living(YELLOW, OTHER, tags=["a", "b"])
    story.when(reads(1, 60, "a"), reads(2, 30, "b"), acknowledges(3, tag="b", rule="s"), reads(4, 0, "a"))
    story.expect_open(
        "a r none returned_unacknowledged",
        "a s none returned_unacknowledged",
        "b r yellow unacknowledged",
        "b s yellow acknowledged",
    )
