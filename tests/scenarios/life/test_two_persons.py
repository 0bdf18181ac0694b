"""What can hide a red alarm is asked for by one person and put on by another."""

from __future__ import annotations

from tests.scenarios.acts import (
    HOUR,
    acknowledges,
    approves,
    puts_back,
    shelves,
    takes_out,
    unshelves,
    withdraws,
)
from tests.scenarios.language import nothing, reads
from tests.scenarios.life.site import CALM, LATCHING, RED, THREE, living, policy

RAISED = "1 s: a r raised red"


def test_a_red_alarm_is_shelved_by_two_persons_and_its_time_counts_from_the_second() -> None:
    story = living(RED).when(reads(1, 60), shelves(2, 60)).expect(RAISED).expect_flags("shelved a r asked until 602 s")
    story.when(approves(20, note="seen"), nothing(100)).expect(
        RAISED, "20 s: a r hidden red by Li [shelved]", "80 s: a r shown red"
    ).expect_flags("shelved a r ended 80 s time")
    assert [event.note for event in story.events] == ["", "seen", ""]


def test_nobody_agrees_with_himself() -> None:
    story = living(RED).when(reads(1, 60), shelves(2, 60, by="Wang"), approves(3, by="Wang"), approves(4, by=" wang "))
    story.expect(RAISED).expect_refused(2).expect_flags("shelved a r asked until 602 s")


def test_a_request_that_nobody_agrees_to_ends_by_itself() -> None:
    story = living(RED).when(reads(1, 60), shelves(2, HOUR), nothing(601)).expect_flags("shelved a r asked until 602 s")
    story.when(nothing(602), approves(603, on="unknown")).expect(RAISED).expect_refused(1)
    story.expect_flags("shelved a r ended 602 s not_confirmed")


def test_how_long_a_request_stands_is_the_plans() -> None:
    living(RED, policy(confirm_within_s=30.0)).when(reads(1, 60), shelves(2, HOUR), nothing(40)).expect_flags(
        "shelved a r ended 32 s not_confirmed"
    )


def test_a_request_is_withdrawn() -> None:
    story = living(RED).when(reads(1, 60), shelves(2, HOUR), withdraws(3), approves(4)).expect(RAISED)
    story.expect_flags("shelved a r ended 3 s withdrawn")


def test_a_request_for_an_alarm_that_is_closed_by_now_cannot_be_agreed_to() -> None:
    story = living(RED).when(reads(1, 60), shelves(2, HOUR), acknowledges(3), reads(4, 0), approves(5))
    story.expect_refused(1).expect_flags("shelved a r ended 5 s alarm_changed").when(reads(100, 60))
    assert story.lines()[-1] == "100 s: a r raised red"


def test_a_request_for_an_alarm_that_has_come_again_as_another_cannot_be_agreed_to() -> None:
    story = living(RED, CALM).when(reads(1, 60), shelves(2, HOUR), acknowledges(3), reads(4, 0), reads(5, 60))
    story.when(approves(6)).expect_refused(1).expect_flags("shelved a r ended 6 s alarm_changed")
    story.expect_open("a r red unacknowledged")


def test_a_request_for_an_alarm_that_has_returned_can_be_agreed_to() -> None:
    story = living(RED, CALM).when(reads(1, 60), shelves(2, HOUR), reads(3, 0), approves(4), reads(5, 60))
    assert story.lines()[2:] == ["4 s: a r hidden by Li [shelved]", "5 s: a r re_raised red [shelved]"]


def test_an_alarm_that_came_down_from_red_is_shelved_by_one_person() -> None:
    story = living(THREE, CALM).when(reads(1, 60), reads(2, 30), shelves(3, HOUR))
    assert story.lines()[-1] == "3 s: a r hidden yellow by Wang [shelved]"


def test_an_alarm_that_returned_from_red_is_shelved_by_two_persons() -> None:
    story = living(LATCHING, CALM).when(reads(1, 60), reads(2, 30), reads(3, 0), shelves(4, HOUR))
    story.expect_flags("shelved a r asked until 604 s")


def test_what_is_on_stays_on_while_its_longer_twin_is_asked_for() -> None:
    story = living(RED).when(reads(1, 60), shelves(2, 100), approves(3), shelves(50, HOUR), nothing(60))
    story.expect_flags("shelved a r on until 103 s", "shelved a r asked until 650 s")
    story.when(approves(70), nothing(200)).expect(RAISED, "3 s: a r hidden red by Li [shelved]")
    story.expect_flags("shelved a r ended 70 s replaced", "shelved a r on until 3670 s")


def test_a_request_takes_the_place_of_a_request() -> None:
    story = (
        living(RED)
        .when(reads(1, 60), shelves(2, 100), shelves(50, HOUR), approves(60))
        .expect(RAISED, "60 s: a r hidden red by Li [shelved]")
    )
    story.expect_flags("shelved a r ended 50 s replaced", "shelved a r on until 3660 s")


def test_what_is_put_on_by_one_person_takes_the_place_of_a_request() -> None:
    story = living(THREE, CALM).when(reads(1, 60), shelves(2, 100), reads(3, 30), shelves(4, HOUR))
    story.expect_flags("shelved a r ended 4 s replaced", "shelved a r on until 3604 s")


def test_an_alarm_that_becomes_red_while_it_is_shelved_is_shown_and_needs_two_persons() -> None:
    story = living(THREE).when(reads(1, 30), shelves(2, HOUR), reads(3, 60), shelves(4, HOUR))
    assert story.lines()[-2:] == ["3 s: a r shown yellow", "3 s: a r upgraded red"]
    story.expect_flags("shelved a r ended 3 s higher_grade", "shelved a r asked until 604 s")


def test_a_request_is_not_on_and_what_is_on_is_no_request() -> None:
    story = living(RED).when(reads(1, 60), shelves(2, HOUR), unshelves(3), unshelves(4, on="asked"))
    story.expect_refused(2).when(approves(5), approves(6, on="flag"), withdraws(7, on="flag")).expect_refused(4)
    story.expect_flags("shelved a r on until 3605 s")


def test_a_permit_is_agreed_to_though_the_alarm_became_red() -> None:
    story = living(THREE).when(reads(1, 30), takes_out(2, HOUR, tag="a"), reads(3, 60), approves(4))
    assert story.lines()[-1] == "4 s: a r hidden red by Li [out_of_service]"
    story.when(puts_back(5, "Li"))
    assert story.lines()[-1] == "5 s: a r shown red by Li"
