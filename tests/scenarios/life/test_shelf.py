"""A shelf: one alarm is kept from annunciation for a limited time, and its life goes on underneath."""

from __future__ import annotations

from tests.scenarios.acts import HOUR, acknowledges, comments, shelves, unshelves
from tests.scenarios.language import grade, nothing, reads, resets, rule, sees_to
from tests.scenarios.life.site import CALM, LATCHING, ORANGE, OTHER, THREE, YELLOW, living

RAISED = "1 s: a r raised yellow"
HIDDEN = "2 s: a r hidden yellow by Wang [shelved]"


def test_a_shelf_ends_when_its_time_is_over() -> None:
    story = living(YELLOW).when(reads(1, 30), shelves(2, 60), nothing(61)).expect(RAISED, HIDDEN)
    story.expect_flags("shelved a r on until 62 s").when(nothing(100)).expect(RAISED, HIDDEN, "62 s: a r shown yellow")
    story.expect_flags("shelved a r ended 62 s time")


def test_a_shelf_ends_at_the_first_tick_at_which_its_time_is_over() -> None:
    living(YELLOW).when(reads(1, 30), shelves(2.4, 60), nothing(100)).expect(
        RAISED, "2.4 s: a r hidden yellow by Wang [shelved]", "63 s: a r shown yellow"
    )


def test_a_person_ends_a_shelf_by_the_alarm() -> None:
    story = living(YELLOW).when(reads(1, 30), shelves(2), unshelves(10, "Li", note="repaired"), nothing(200))
    story.expect(RAISED, HIDDEN, "10 s: a r shown yellow by Li").expect_flags("shelved a r ended 10 s unshelved")
    assert [event.note for event in story.events] == ["", "works", "repaired"]


def test_a_person_ends_a_shelf_by_the_flag() -> None:
    living(YELLOW).when(reads(1, 30), shelves(2), unshelves(10, on="flag")).expect(
        RAISED, HIDDEN, "10 s: a r shown yellow by Wang"
    )


def test_an_alarm_that_returns_and_comes_back_stays_hidden_while_the_time_lasts() -> None:
    living(YELLOW).when(reads(1, 30), shelves(2, 60), reads(3, 0), reads(4, 30), nothing(100)).expect(
        RAISED, HIDDEN, "3 s: a r returned [shelved]", "4 s: a r re_raised yellow [shelved]", "62 s: a r shown yellow"
    )


def test_an_alarm_that_was_closed_is_raised_hidden_while_the_time_lasts() -> None:
    story = living(YELLOW).when(reads(1, 30), shelves(2, 60), acknowledges(3), reads(4, 0)).expect_open()
    story.when(reads(5, 30), nothing(100)).expect(
        RAISED,
        HIDDEN,
        "3 s: a r acknowledged yellow by Wang [shelved]",
        "4 s: a r returned [shelved]",
        "5 s: a r raised yellow [shelved]",
        "62 s: a r shown yellow",
    )


def test_a_shelf_that_ends_with_no_alarm_open_tells_nothing() -> None:
    story = living(YELLOW).when(reads(1, 30), shelves(2, 60), acknowledges(3), reads(4, 0), nothing(100))
    assert [event.transition.value for event in story.events] == ["raised", "hidden", "acknowledged", "returned"]
    story.expect_flags("shelved a r ended 62 s time").when(reads(101, 30))
    assert story.lines()[-1] == "101 s: a r raised yellow"


def test_a_returned_alarm_that_is_no_longer_hidden_stays_returned() -> None:
    living(YELLOW).when(reads(1, 30), shelves(2, 60), reads(3, 0), nothing(100)).expect(
        RAISED, HIDDEN, "3 s: a r returned [shelved]", "62 s: a r shown"
    ).expect_open("a r none returned_unacknowledged")


def test_a_grade_above_that_of_the_shelf_ends_it() -> None:
    living(THREE).when(reads(1, 30), shelves(2, HOUR), reads(3, 60), nothing(10)).expect(
        RAISED, HIDDEN, "3 s: a r shown yellow", "3 s: a r upgraded red"
    ).expect_flags("shelved a r ended 3 s higher_grade").expect_open("a r red unacknowledged")


def test_a_grade_above_that_of_the_shelf_ends_it_though_the_alarm_had_returned() -> None:
    living(THREE).when(reads(1, 30), shelves(2, HOUR), reads(3, 0), reads(4, 45)).expect(
        RAISED, HIDDEN, "3 s: a r returned [shelved]", "4 s: a r shown", "4 s: a r re_raised orange"
    ).expect_flags("shelved a r ended 4 s higher_grade")


def test_a_grade_above_that_of_the_shelf_ends_it_though_the_alarm_was_closed() -> None:
    story = living(THREE).when(reads(1, 30), shelves(2, HOUR), acknowledges(3), reads(4, 0), reads(5, 60))
    assert story.lines()[-2:] == ["4 s: a r returned [shelved]", "5 s: a r raised red"]
    story.expect_flags("shelved a r ended 5 s higher_grade")


def test_a_grade_that_comes_on_by_time_alone_ends_a_shelf_too() -> None:
    slow = rule("r", grade("yellow", "value >= 25"), grade("red", "value >= 50", on_s=10))
    story = living(slow).when(reads(1, 30), shelves(2, HOUR), reads(5.5, 60), nothing(60))
    story.expect(RAISED, HIDDEN, "15.5 s: a r shown yellow", "15.5 s: a r upgraded red")
    story.expect_flags("shelved a r ended 16 s higher_grade")


def test_late_news_of_a_higher_grade_ends_a_shelf_too() -> None:
    story = living(THREE).when(reads(100, 30), shelves(101, HOUR), reads(110, 30), reads(111, 60, device_s=105))
    assert story.lines()[-2:] == ["105 s: a r shown yellow offline", "105 s: a r upgraded red offline"]


def test_a_grade_as_high_as_at_the_shelving_does_not_end_it() -> None:
    story = living(THREE, CALM).when(reads(1, 45), shelves(2, HOUR), reads(3, 30), reads(4, 45))
    story.expect(
        "1 s: a r raised orange",
        "2 s: a r hidden orange by Wang [shelved]",
        "3 s: a r downgraded yellow [shelved]",
        "4 s: a r upgraded orange [shelved]",
    )
    story.when(reads(5, 60))
    assert story.lines()[-2:] == ["5 s: a r shown orange", "5 s: a r upgraded red"]


def test_an_alarm_that_was_seen_before_it_was_shelved_wants_to_be_seen_again() -> None:
    living(YELLOW).when(reads(1, 30), acknowledges(2), shelves(3, 60), nothing(100)).expect_open(
        "a r yellow unacknowledged"
    )


def test_a_shelf_that_is_asked_for_again_is_replaced() -> None:
    story = living(YELLOW).when(reads(1, 30), shelves(2, 60), shelves(10, 30, "Li", "longer works"), nothing(100))
    story.expect(RAISED, HIDDEN, "40 s: a r shown yellow")
    story.expect_flags("shelved a r ended 10 s replaced", "shelved a r ended 40 s time")


def test_a_shelf_that_is_asked_for_again_can_last_longer() -> None:
    story = living(YELLOW).when(reads(1, 30), shelves(2, 60), shelves(50, 60), nothing(200))
    story.expect(RAISED, HIDDEN, "110 s: a r shown yellow")


def test_a_shelf_that_is_asked_for_again_has_the_grade_of_then() -> None:
    story = living(ORANGE, CALM).when(reads(1, 45), shelves(2, HOUR), reads(3, 30), shelves(4, HOUR), reads(5, 45))
    assert story.lines()[-2:] == ["5 s: a r shown yellow", "5 s: a r upgraded orange"]


def test_a_returned_alarm_is_shelved_at_the_highest_grade_it_had() -> None:
    story = living(ORANGE, CALM).when(reads(1, 45), reads(2, 30), reads(3, 0), shelves(4, HOUR), reads(5, 45))
    assert story.lines()[-2:] == ["4 s: a r hidden by Wang [shelved]", "5 s: a r re_raised orange [shelved]"]


def test_a_shelf_covers_one_rule_on_one_sensor() -> None:
    story = living(YELLOW, OTHER, tags=["a", "b"]).when(reads(1, 30, "a"), reads(2, 30, "b"))
    story.when(shelves(3, 60, rule="r", tag="b"))
    assert [(alarm.tag, alarm.rule, alarm.hidden) for alarm in story.alarms()] == [
        ("a", "r", ""),
        ("a", "s", ""),
        ("b", "r", "shelved"),
        ("b", "s", ""),
    ]


def test_a_hidden_alarm_can_be_seen_to_and_spoken_of() -> None:
    living(YELLOW).when(reads(1, 30), shelves(2, 60), acknowledges(3), comments(4), reads(5, 0)).expect(
        RAISED,
        HIDDEN,
        "3 s: a r acknowledged yellow by Wang [shelved]",
        "4 s: a r commented yellow by Wang [shelved]",
        "5 s: a r returned [shelved]",
    ).expect_open()


def test_a_latched_alarm_is_reset_while_it_is_hidden() -> None:
    story = living(LATCHING).when(reads(1, 30), shelves(2, 60), reads(3, 0), sees_to(4), resets(5), nothing(100))
    assert story.lines()[2:] == [
        "3 s: a r returned [shelved]",
        "4 s: a r acknowledged by Wang [shelved]",
        "5 s: a r reset by Wang [shelved]",
    ]


def test_shelves_that_end_together_show_their_alarms_in_the_order_of_rule_and_tag() -> None:
    story = living(OTHER, YELLOW, tags=["b", "a"]).when(reads(1, 30, "b"), reads(1, 30, "a"))
    story.when(shelves(2, 60, rule="s"), shelves(2, 60, rule="r"), nothing(100))
    assert story.lines()[-4:] == [f"62 s: {tag} {name} shown yellow" for name in "rs" for tag in "ab"]
