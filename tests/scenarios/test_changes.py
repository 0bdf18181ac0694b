"""A change of configuration while a sensor is stuck: its alarm ends when the value moves, and not before."""

from __future__ import annotations

import pytest

from model.plan import DetectorSpec
from tests.scenarios.language import changes, given, grade, reads, reads_steadily, rule, sees_to


def flatline(name: str = "stuck", tolerance: float = 0.5) -> DetectorSpec:
    return DetectorSpec(name, "flatline", ("gas",), {"tolerance": tolerance})


STUCK = rule("stuck", grade("blue", "stuck >= 60 s"))
RENAMED = rule("stuck", grade("blue", "still >= 60 s"))
RAISED = "60 s: a stuck raised blue"

#: Configurations in which the open alarm's rule looks at a flatline that knows nothing yet.
FRESH = {
    "a new id": changes(100, RENAMED, flatline("still")),
    "another unit": changes(100, STUCK, flatline(), unit="%VOL"),
}


def stuck_for(seconds: int) -> list[object]:
    return reads_steadily(0, seconds, 7.0, every_s=10)


@pytest.mark.parametrize("tolerance", [0.0, 0.1, 2.0])
def test_other_settings_do_not_end_the_alarm_of_a_stuck_sensor_and_a_move_does(tolerance: float) -> None:
    story = given(STUCK, flatline()).when(stuck_for(90), changes(100, STUCK, flatline(tolerance=tolerance)))
    story.when(reads_steadily(110, 300, 7.0, every_s=10)).expect(RAISED)
    story.when(reads(310, 9.5)).expect(RAISED, "310 s: a stuck returned")


def test_with_other_settings_a_sensor_goes_on_being_still() -> None:
    story = given(STUCK, flatline()).when(stuck_for(40), changes(45, STUCK, flatline(tolerance=2.0)))
    story.when(reads(50, 7.0), reads(60, 7.0)).expect(RAISED)


@pytest.mark.parametrize("change", FRESH.values(), ids=FRESH.keys())
def test_the_first_scores_of_a_flatline_that_knows_nothing_yet_do_not_end_an_alarm(change: object) -> None:
    story = given(STUCK, flatline()).when(stuck_for(90), change, reads_steadily(110, 400, 7.0, every_s=10))
    story.expect(RAISED).expect_open("a stuck blue unacknowledged")
    story.when(reads(410, 7.4)).expect(RAISED)
    story.when(reads(420, 7.6)).expect(RAISED, "420 s: a stuck returned")


def test_a_move_ends_the_alarm_only_after_its_off_delay_counted_from_the_move() -> None:
    slow = rule("stuck", grade("blue", "stuck >= 60 s", off_s=20))
    slow_renamed = rule("stuck", grade("blue", "still >= 60 s", off_s=20))
    story = given(slow, flatline()).when(stuck_for(90), changes(100, slow_renamed, flatline("still")))
    story.when(reads_steadily(110, 200, 7.0, every_s=10), reads(210, 9.0), reads(220, 9.0)).expect(RAISED)
    story.when(reads(230, 9.0)).expect(RAISED, "230 s: a stuck returned")


def test_what_a_flatline_does_not_know_yet_is_neither_more_nor_less_than_a_limit() -> None:
    moving = rule("moving", grade("blue", "not (stuck >= 60 s)"))
    given(moving, flatline()).when(reads(0, 7.0), reads(10, 7.0)).expect().when(reads(20, 9.0)).expect(
        "20 s: a moving raised blue"
    )


def test_a_sensor_that_never_moved_since_its_first_reading_is_found_stuck() -> None:
    story = given(STUCK, flatline()).when(stuck_for(60)).expect(RAISED)
    story.when(sees_to(61), reads(70, 7.0), reads(80, 9.0)).expect_open()


def test_a_limit_beside_a_flatline_that_knows_nothing_yet_still_clears() -> None:
    either = rule("either", grade("blue", "stuck >= 60 s and value >= 5"))
    story = given(either, flatline()).when(stuck_for(90), changes(100, either, flatline(), unit="%VOL"))
    story.when(reads(110, 7.0)).expect("60 s: a either raised blue")
    story.when(reads(120, 4.0)).expect("60 s: a either raised blue", "120 s: a either returned")


@pytest.mark.parametrize(
    "of_kind", [{"lateness_s": 0.0}, {"high": 60.0}, {"low": -50.0, "high": 200.0}, {"lateness_s": 3.0}], ids=str
)
def test_another_range_or_lateness_of_the_kind_loses_nothing(of_kind: dict[str, float]) -> None:
    story = given(STUCK, flatline()).when(stuck_for(40), changes(45, STUCK, flatline(), **of_kind))
    story.when(reads(50, 7.0), reads(60, 7.0), reads(70, 7.0)).expect(RAISED)
