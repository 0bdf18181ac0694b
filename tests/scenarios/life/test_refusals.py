"""Whatever the table does not hold is refused with the reason, and changes nothing."""

from __future__ import annotations

from model.plan import AlarmPolicy
from tests.naive.alarm_table import TABLE
from tests.scenarios.acts import (
    DAY,
    HOUR,
    acknowledges,
    approves,
    comments,
    judges,
    puts_back,
    resets_one,
    shelves,
    takes_out,
    unshelves,
    withdraws,
)
from tests.scenarios.language import Happening, Scenario, grade, reads, rule
from tests.scenarios.life.site import ALIVE, OTHER, RED, WAYS, YELLOW, brought_to, living, policy


def refused(story: Scenario, *happenings: Happening) -> None:
    """Each of them, and nothing is told."""
    events, flags = list(story.events), dict(story.flags)
    for happening in happenings:
        before = len(story.refused)
        story.when(happening)
        assert len(story.refused) == before + 1, happening
        assert story.refused[-1].strip()
    assert (story.events, story.flags) == (events, flags)


def test_an_acknowledgement_and_a_reset_are_refused_in_every_state_for_which_the_table_has_none() -> None:
    for state in WAYS:
        for act, word in (("acknowledge", acknowledges), ("reset", resets_one)):
            if (state, act) not in TABLE:
                refused(brought_to(state), word(6, on="newest"))


def test_a_refusal_names_the_state() -> None:
    for state in ("acknowledged", "latched_acknowledged"):
        brought_to(state).when(acknowledges(6)).expect_refused(state)


def test_a_closed_alarm_is_not_shelved() -> None:
    refused(brought_to("normal"), shelves(6, on="newest"))


def test_an_alarm_that_nobody_knows_is_given_nothing() -> None:
    refused(
        living(YELLOW),
        acknowledges(1, on="unknown"),
        resets_one(2, on="unknown"),
        shelves(3, on="unknown"),
        unshelves(4, on="unknown"),
        comments(5, on="unknown"),
        judges(6, "real", on="unknown"),
        puts_back(7, on="unknown"),
    )


def test_a_flag_that_nobody_knows_is_given_nothing() -> None:
    refused(living(YELLOW), approves(1, on="unknown"), withdraws(2, on="unknown"))


def test_a_shelf_needs_a_reason_and_a_time_within_the_longest() -> None:
    for state in ALIVE:
        story = brought_to(state, policy(shelf_max_s=HOUR))
        refused(story, shelves(6, reason=""), shelves(7, reason=" \t"), shelves(8, 0), shelves(9, -1))
        refused(story, shelves(10, HOUR + 1))
        story.when(shelves(11, HOUR))
        assert story.alarms()[0].hidden == "shelved"


def test_nobody_shelves_for_more_than_eight_hours_where_the_plan_does_not_say_otherwise() -> None:
    story = brought_to("unacknowledged", AlarmPolicy())
    refused(story, shelves(6, 8 * HOUR + 1))
    story.when(shelves(7, 8 * HOUR)).expect_refused(1)


def test_no_time_is_as_good_as_none_where_it_is_no_number() -> None:
    refused(brought_to("unacknowledged"), shelves(6, float("nan")), shelves(7, float("inf")))


def test_a_permit_needs_a_reason_a_time_and_one_thing_that_the_plan_knows() -> None:
    story = living(YELLOW)
    refused(
        story,
        takes_out(1, tag="a", permit=" "),
        takes_out(2, 0, tag="a"),
        takes_out(3, 7 * DAY + 1, tag="a"),
        takes_out(4),
        takes_out(5, tag="a", asset="station"),
        takes_out(6, tag="nowhere"),
        takes_out(7, asset="nowhere"),
        takes_out(8, tag="a", rule="nothing"),
        takes_out(9, float("nan"), tag="a"),
    )
    story.when(takes_out(10, 7 * DAY, tag="a")).expect_flags(f"out_of_service a on until {7 * DAY + 10} s")


def test_a_flag_of_one_kind_is_not_ended_by_the_act_for_another() -> None:
    story = brought_to("unacknowledged").when(shelves(6, HOUR))
    refused(story, puts_back(7), puts_back(8, on="open"))
    story = living(YELLOW).when(reads(1, 30), takes_out(6, HOUR, tag="a"))
    refused(story, unshelves(7), unshelves(8, on="flag"))


def test_a_flag_that_has_ended_is_not_ended_again() -> None:
    story = brought_to("unacknowledged").when(shelves(6, HOUR))
    (flag,) = story.flags
    story.when(unshelves(7))
    refused(story, unshelves(8), puts_back(9, on=flag))


def test_a_comment_without_a_word_is_none() -> None:
    for state in WAYS:
        refused(brought_to(state), comments(6, ""), comments(7, "  "))


def test_a_verdict_is_one_of_five() -> None:
    for state in WAYS:
        refused(brought_to(state), judges(6, ""), judges(7, "perhaps", "who knows"))


def test_nobody_acts_without_a_name() -> None:
    story = living(RED).when(reads(1, 60), shelves(2, HOUR))
    refused(story, acknowledges(3, by=""), acknowledges(4, by=" "), shelves(5, by=""), comments(6, by=""))
    refused(story, judges(7, "real", by=""), takes_out(8, tag="a", by=""), approves(9, by=""), withdraws(10, by=" "))


def test_an_act_that_nobody_knows_is_none() -> None:
    from tests.scenarios.deeds import Deed

    refused(brought_to("unacknowledged"), Happening(6, deed=Deed("snooze", "Wang", note="why", duration_s=10.0)))


def test_a_person_cannot_end_an_alarm_that_readings_can_end() -> None:
    for state in ("unacknowledged", "acknowledged"):
        refused(brought_to(state), resets_one(6))


def test_a_refused_command_may_be_sent_again() -> None:
    story = living(YELLOW, OTHER).when(reads(1, 30), acknowledges(2, rule="r", command="one"))
    story.when(acknowledges(3, rule="r", command="two")).expect_refused(1)
    story.when(acknowledges(4, rule="s", command="two")).expect_refused(1).expect_open(
        "a r yellow acknowledged", "a s yellow acknowledged"
    )


def test_a_grade_that_is_on_can_be_shelved_though_another_rule_of_the_sensor_is_red() -> None:
    story = living(YELLOW, rule("z", grade("red", "value >= 20"))).when(reads(1, 30), shelves(2, HOUR, rule="r"))
    story.expect_refused(0)
    assert [alarm.hidden for alarm in story.alarms()] == ["shelved", ""]
