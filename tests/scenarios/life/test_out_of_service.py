"""A sensor or an asset under a work permit: its alarms are hidden, whatever their grade, until it is put back."""

from __future__ import annotations

from tests.scenarios.acts import DAY, HOUR, approves, puts_back, shelves, takes_out, unshelves
from tests.scenarios.language import changes, nothing, reads, sees_to
from tests.scenarios.life.site import CALM, ORANGE, OTHER, THREE, YELLOW, living

OUT = "[out_of_service]"


def test_what_is_raised_in_the_meantime_is_hidden_until_the_time_is_over() -> None:
    story = living(YELLOW).when(takes_out(5, 60, tag="a"), reads(10, 30), nothing(100))
    story.expect(f"10 s: a r raised yellow {OUT}", "65 s: a r shown yellow")
    story.expect_flags("out_of_service a ended 65 s time")


def test_an_open_alarm_is_hidden_and_shown_again_when_the_sensor_is_put_back() -> None:
    story = living(YELLOW).when(reads(1, 30), takes_out(5, DAY, tag="a"), puts_back(20, "Li"))
    story.expect("1 s: a r raised yellow", f"5 s: a r hidden yellow by Wang {OUT}", "20 s: a r shown yellow by Li")
    story.expect_flags("out_of_service a ended 20 s put_back")


def test_a_sensor_is_put_back_by_the_alarm() -> None:
    living(YELLOW).when(reads(1, 30), takes_out(5, DAY, tag="a"), puts_back(20, on="open")).expect_flags(
        "out_of_service a ended 20 s put_back"
    )


def test_an_alarm_that_two_flags_cover_does_not_say_which_is_meant() -> None:
    story = living(YELLOW).when(reads(1, 30), takes_out(5, DAY, tag="a"), takes_out(6, DAY, asset="station"))
    story.when(puts_back(20, on="open")).expect_refused(1)
    story.when(puts_back(21, on="flag", tag="a"))
    assert story.alarms()[0].hidden == "out_of_service"
    story.when(puts_back(22, on="flag"))
    assert story.alarms()[0].hidden == ""
    assert [line.split(": ")[0] for line in story.lines()] == ["1 s", "5 s", "22 s"]


def test_an_asset_is_taken_out_with_all_its_sensors() -> None:
    story = living(YELLOW, tags=["b", "a"]).when(reads(1, 30, "a"), takes_out(5, 60, asset="station"))
    story.when(reads(6, 30, "b"), nothing(100)).expect(
        "1 s: a r raised yellow",
        f"5 s: a r hidden yellow by Wang {OUT}",
        f"6 s: b r raised yellow {OUT}",
        "65 s: a r shown yellow",
        "65 s: b r shown yellow",
    )


def test_one_rule_of_a_sensor_is_taken_out() -> None:
    story = living(YELLOW, OTHER).when(takes_out(1, DAY, tag="a", rule="s"), reads(5, 30))
    story.expect("5 s: a r raised yellow", f"5 s: a s raised yellow {OUT}")
    story.expect_flags("out_of_service a s on until 86401 s")


def test_another_sensor_is_still_in_service() -> None:
    living(YELLOW, tags=["a", "b"]).when(takes_out(1, DAY, tag="a"), reads(5, 30, "b")).expect("5 s: b r raised yellow")


def test_a_higher_grade_does_not_put_a_sensor_back() -> None:
    living(ORANGE, CALM).when(reads(1, 30), takes_out(5, DAY, tag="a"), reads(6, 45), reads(7, 0), reads(8, 45)).expect(
        "1 s: a r raised yellow",
        f"5 s: a r hidden yellow by Wang {OUT}",
        f"6 s: a r upgraded orange {OUT}",
        f"7 s: a r returned {OUT}",
        f"8 s: a r re_raised orange {OUT}",
    )


def test_a_stronger_flag_takes_the_place_of_a_weaker_one_and_gives_it_back() -> None:
    story = living(YELLOW).when(
        reads(1, 30), shelves(2, HOUR), takes_out(10, 60, tag="a"), nothing(100), unshelves(101)
    )
    story.expect(
        "1 s: a r raised yellow",
        "2 s: a r hidden yellow by Wang [shelved]",
        f"10 s: a r hidden yellow by Wang {OUT}",
        "70 s: a r hidden yellow [shelved]",
        "101 s: a r shown yellow by Wang",
    )


def test_a_weaker_flag_under_a_stronger_one_tells_nothing() -> None:
    story = living(YELLOW).when(takes_out(1, 100, tag="a"), reads(2, 30), shelves(3, 20), nothing(200))
    story.expect(f"2 s: a r raised yellow {OUT}", "101 s: a r shown yellow")
    story.expect_flags("out_of_service a ended 101 s time", "shelved a r ended 23 s time")


def test_a_shelf_that_a_higher_grade_ends_under_a_permit_tells_nothing_but_the_grade() -> None:
    story = living(ORANGE).when(reads(1, 30), shelves(2, HOUR), takes_out(3, 60, tag="a"), reads(4, 45))
    assert story.lines()[-1] == f"4 s: a r upgraded orange {OUT}"
    story.expect_flags("shelved a r ended 4 s higher_grade", "out_of_service a on until 63 s")
    story.when(nothing(100))
    assert story.lines()[-1] == "63 s: a r shown orange"


def test_a_permit_that_is_asked_for_again_is_replaced() -> None:
    story = living(YELLOW).when(takes_out(1, 60, tag="a"), takes_out(30, 60, tag="a", permit="permit 8"), nothing(100))
    story.expect_flags("out_of_service a ended 30 s replaced", "out_of_service a ended 90 s time").expect()


def test_a_sensor_that_can_be_red_is_taken_out_by_two_persons() -> None:
    story = living(THREE).when(reads(1, 30), takes_out(5, 60, tag="a"), nothing(9)).expect("1 s: a r raised yellow")
    story.expect_flags("out_of_service a asked until 605 s").when(approves(10), reads(20, 60), nothing(100))
    story.expect(
        "1 s: a r raised yellow",
        f"10 s: a r hidden yellow by Li {OUT}",
        f"20 s: a r upgraded red {OUT}",
        "70 s: a r shown red",
    )


def test_one_rule_that_cannot_be_red_is_taken_out_by_one_person() -> None:
    living(THREE, OTHER).when(takes_out(5, 60, tag="a", rule="s")).expect_flags("out_of_service a s on until 65 s")


def test_an_asset_one_of_whose_sensors_can_be_red_is_taken_out_by_two_persons() -> None:
    living(OTHER, THREE, tags=["b", "a"]).when(takes_out(5, 60, asset="station")).expect_flags(
        "out_of_service station asked until 605 s"
    )


def test_a_permit_for_a_sensor_that_leaves_stays_to_its_end() -> None:
    story = living(YELLOW, tags=["a", "b"]).when(takes_out(1, 100, tag="a"), reads(2, 30, "a"), sees_to(3))
    story.when(changes(10, YELLOW, tags=["b"]), nothing(50)).expect_flags("out_of_service a on until 101 s")
    story.when(nothing(200)).expect_flags("out_of_service a ended 101 s time")
    assert story.lines()[-1] == "101 s: a r shown yellow"
