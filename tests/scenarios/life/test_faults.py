"""Clocks that are set, outages, restarts, changed rules, dead sensors, commands sent twice: no alarm is lost."""

from __future__ import annotations

from dataclasses import replace

from tests.scenarios.acts import (
    HOUR,
    acknowledges,
    approves,
    comments,
    judges,
    puts_back,
    shelves,
    takes_out,
    unshelves,
)
from tests.scenarios.language import (
    changes,
    clock_set,
    down,
    grade,
    nothing,
    reads,
    resets,
    restarted,
    rule,
    sees_to,
)
from tests.scenarios.life.site import CALM, LATCHING, OTHER, RED, THREE, YELLOW, living

SHELVED = ["1 s: a r raised yellow", "2 s: a r hidden yellow by Wang [shelved]"]
HIGHER = rule("r", grade("yellow", "value >= 35"))


def test_a_clock_that_is_set_back_does_not_make_a_shelf_longer() -> None:
    story = living(YELLOW).when(reads(1, 30), shelves(2, 60), clock_set(30, -HOUR)).when(nothing(-3000))
    story.expect(*SHELVED, "-3568 s: a r shown yellow").expect_flags("shelved a r ended -3568 s time")


def test_a_clock_that_is_set_forward_ends_a_shelf() -> None:
    living(YELLOW).when(reads(1, 30), shelves(2, 60), clock_set(30, HOUR), nothing(HOUR + 10)).expect(
        *SHELVED, "3600 s: a r shown yellow"
    )


def test_a_clock_that_is_set_back_and_forward_again_shows_at_the_first_of_the_two() -> None:
    story = living(YELLOW).when(reads(1, 30), shelves(2, 60), clock_set(30, -HOUR)).when(clock_set(-3590, 45))
    story.when(nothing(200)).expect(*SHELVED, "62 s: a r shown yellow")


def test_an_outage_over_the_end_of_a_shelf_shows_its_alarm_at_once_afterwards() -> None:
    living(YELLOW).when(reads(1, 30), shelves(2, 60), down(20, HOUR), nothing(HOUR + 30)).expect(
        *SHELVED, "3620 s: a r shown yellow", "3620 s: system system.data_gap raised yellow"
    )


def test_a_start_of_the_machine_over_the_end_of_a_shelf_shows_its_alarm_at_once_afterwards() -> None:
    living(YELLOW).when(reads(1, 30), shelves(2, 60), restarted(20, HOUR, clock_shows_s=21), nothing(HOUR + 30)).expect(
        *SHELVED, "3620 s: a r shown yellow", "3620 s: system system.data_gap raised yellow"
    )


def test_a_start_of_the_machine_with_the_clock_set_back_ends_a_shelf_by_the_time_that_is_known_to_have_passed() -> None:
    story = living(YELLOW).when(reads(1, 30), shelves(2, 60), restarted(30, -HOUR, clock_shows_s=5))
    story.when(nothing(-3500))
    assert story.lines()[-1] == "-3537 s: a r shown yellow"


def test_an_outage_ends_a_request() -> None:
    story = living(RED).when(reads(1, 60), shelves(2, HOUR), down(20, HOUR), nothing(HOUR + 30), approves(HOUR + 40))
    story.expect_flags("shelved a r ended 3620 s not_confirmed")


def test_the_alarm_of_a_dead_sensor_is_shown_when_its_shelf_ends() -> None:
    story = living(YELLOW).when(reads(1, 30), shelves(2, 600), nothing(2000))
    story.expect(*SHELVED, "602 s: a r shown yellow").expect_open("a r yellow unacknowledged")


def test_a_reload_lets_hidden_alarms_hidden_and_seen_ones_seen() -> None:
    for new in (YELLOW, HIGHER, replace(YELLOW, latching=True), THREE):
        story = living(YELLOW).when(reads(1, 30), acknowledges(2), shelves(3, 100), changes(4, new, CALM))
        assert len(story.events) == 3
        story.expect_open("a r yellow acknowledged").expect_flags("shelved a r on until 103 s").when(nothing(200))
        assert story.lines()[3:] == ["103 s: a r shown yellow"]


def test_a_reload_lets_a_request_stand() -> None:
    story = living(RED).when(reads(1, 60), shelves(2, HOUR), changes(3, RED, CALM), approves(4))
    assert story.lines()[1:] == ["4 s: a r hidden red by Li [shelved]"]


def test_a_reload_lets_a_latched_alarm_wait_for_its_reset() -> None:
    story = living(LATCHING).when(reads(1, 30), reads(2, 0), sees_to(3), changes(4, LATCHING, CALM))
    story.expect_open("a r none latched_acknowledged").when(changes(5, CALM), resets(6)).expect_open()
    assert story.lines()[-1] == "6 s: a r reset by Wang"


def test_a_reload_lets_a_delay_run_where_the_rule_is_the_same_and_begins_it_anew_where_it_is_not() -> None:
    held = rule("r", grade("yellow", "value >= 25", on_s=20))
    same = living(held).when(reads(1, 30), changes(10, held, OTHER), reads(12, 0), reads(13, 30), nothing(60))
    assert same.lines()[-1] == "33 s: a r raised yellow"
    other = living(held).when(reads(1, 30), changes(10, rule("r", grade("yellow", "value >= 26", on_s=20))))
    other.when(nothing(60)).expect().when(reads(61, 30), nothing(100)).expect("81 s: a r raised yellow")


def test_a_rule_latches_from_the_moment_at_which_it_says_so() -> None:
    story = living(YELLOW).when(reads(1, 30), changes(2, replace(YELLOW, latching=True)), reads(3, 0), sees_to(4))
    story.expect_open("a r none latched_acknowledged")


def test_a_rule_does_not_latch_from_the_moment_at_which_it_says_so() -> None:
    story = living(LATCHING).when(reads(1, 30), sees_to(2), changes(3, replace(LATCHING, latching=False)), reads(4, 0))
    story.expect_open()


def test_a_shelf_outlives_its_rule_and_meets_it_again() -> None:
    story = living(YELLOW).when(reads(1, 30), shelves(2, 100), changes(3, CALM), changes(50, YELLOW, CALM))
    story.when(reads(60, 0), reads(70, 30), nothing(200))
    assert story.lines()[2:] == [
        "60 s: a r returned [shelved]",
        "70 s: a r re_raised yellow [shelved]",
        "102 s: a r shown yellow",
    ]


def test_a_shelf_keeps_its_grade_over_a_reload() -> None:
    story = living(YELLOW).when(reads(1, 30), shelves(2, HOUR), changes(3, THREE, CALM), reads(4, 60))
    assert story.lines()[2:] == ["4 s: a r shown yellow", "4 s: a r upgraded red"]


def test_an_orphan_is_ended_by_a_person() -> None:
    story = living(YELLOW).when(reads(1, 30), changes(2, CALM), reads(3, 0), acknowledges(4), resets(5)).expect_open()
    story.expect("1 s: a r raised yellow", "4 s: a r acknowledged yellow by Wang", "5 s: a r returned by Wang")


def test_an_orphan_that_nobody_saw_is_returned_and_then_seen() -> None:
    story = living(YELLOW).when(reads(1, 30), changes(2, CALM), resets(3))
    story.expect_open("a r none returned_unacknowledged").when(acknowledges(4)).expect_open()


def test_a_hidden_orphan_is_ended_by_a_person_and_its_shelf_by_time() -> None:
    story = living(YELLOW, tags=["a", "b"]).when(reads(1, 30), shelves(2, 60), changes(3, YELLOW, tags=["b"]))
    story.when(acknowledges(4), resets(5), nothing(100)).expect(
        *SHELVED, "4 s: a r acknowledged yellow by Wang [shelved]", "5 s: a r returned by Wang [shelved]"
    ).expect_flags("shelved a r ended 62 s time")


def test_an_orphan_of_a_latching_rule_is_returned_and_reset() -> None:
    story = living(LATCHING).when(reads(1, 30), acknowledges(2), changes(3, CALM), resets(4))
    story.expect_open("a r none latched_acknowledged").when(resets(5)).expect_open()


def test_an_orphan_gets_stale_and_is_told_of_again() -> None:
    story = living(RED).when(reads(1, 60), acknowledges(2), changes(3, replace(CALM, stale_after_s=100.0)))
    story.when(nothing(2000))
    assert story.lines()[2:] == ["102 s: a r stale red", "1803 s: a r realarmed red"]


def test_the_same_command_twice_has_one_effect() -> None:
    twice = [
        acknowledges(2, command="1"),
        acknowledges(3, command="1"),
        comments(4, command="2"),
        comments(5, command="2"),
        judges(6, "real", command="3"),
        judges(7, "test", command="3"),
        shelves(8, 100, command="4"),
        shelves(9, 500, command="4"),
        unshelves(10, command="5"),
        unshelves(11, command="5"),
        takes_out(12, 100, tag="a", command="6"),
        takes_out(13, 500, tag="a", command="6"),
        puts_back(14, command="7"),
        puts_back(15, command="7", on="unknown"),
    ]
    story = living(YELLOW).when(reads(1, 30), twice).expect_refused(0)
    assert [line.split(":")[0] for line in story.lines()] == ["1 s", "2 s", "4 s", "6 s", "8 s", "10 s", "12 s", "14 s"]


def test_an_approval_sent_twice_has_one_effect() -> None:
    story = living(RED).when(
        reads(1, 60), shelves(2, 100), approves(3, command="1"), approves(4, on="flag", command="1")
    )
    story.expect_refused(0).expect_flags("shelved a r on until 103 s")


def test_forty_alarms_are_shelved_and_seen_to_at_once() -> None:
    tags = [f"s{number:03}" for number in range(40)]
    story = living(YELLOW, tags=tags).when([reads(1, 30, tag) for tag in tags], shelves(2, 60), acknowledges(3))
    story.when([reads(4, 0, tag) for tag in tags[::2]], nothing(100))
    expected = [f"62 s: {tag} r shown yellow" for tag in tags[1::2]]
    assert story.lines()[-20:] == expected
    assert len(story.lines()) == 40 + 40 + 40 + 20 + 20


def test_a_backlog_of_a_gateway_meets_a_shelf() -> None:
    backlog = [reads(HOUR + at / 1000, 45 if at >= 1800 else 30, device_s=at) for at in range(100, HOUR, 100)]
    story = living(THREE).when(reads(1, 30), shelves(2, 4 * HOUR), down(10, HOUR - 20), *backlog)
    assert story.lines()[-2:] == ["1800 s: a r shown yellow offline", "1800 s: a r upgraded orange offline"]


def test_late_readings_that_say_it_is_over_end_nothing() -> None:
    living(YELLOW).when(reads(100, 30), shelves(101, HOUR), reads(102, 0, device_s=50)).expect_open(
        "a r yellow unacknowledged"
    )


def test_readings_of_bad_or_uncertain_quality_end_no_hidden_alarm() -> None:
    story = living(YELLOW).when(reads(1, 30), shelves(2, HOUR), reads(3, 0, quality="uncertain"), reads(4, None))
    story.expect(*SHELVED)


def test_the_alarm_of_our_own_outage_has_a_life_like_others() -> None:
    story = living(replace(CALM, stale_after_s=50.0)).when(nothing(1), down(10, 60), nothing(80), shelves(81, 100))
    story.when(comments(82), acknowledges(83), nothing(300))
    assert story.lines() == [
        "70 s: system system.data_gap raised yellow",
        "81 s: system system.data_gap hidden yellow by Wang [shelved]",
        "82 s: system system.data_gap commented yellow by Wang [shelved]",
        "83 s: system system.data_gap acknowledged yellow by Wang [shelved]",
        "121 s: system system.data_gap stale yellow [shelved]",
        "181 s: system system.data_gap shown yellow",
    ]
    story.when(reads(301, 1))
    assert story.lines()[-1] == "301 s: system system.data_gap returned"


def test_outages_of_ours_do_not_chatter() -> None:
    story = living(YELLOW)
    for at_s in (10, 30, 50):
        story.when(down(at_s, 12), reads(at_s + 15, 0))
    assert [line.split()[-2:] for line in story.lines()] == [["raised", "yellow"], ["system.data_gap", "returned"]] + [
        ["re_raised", "yellow"],
        ["system.data_gap", "returned"],
    ] * 2
