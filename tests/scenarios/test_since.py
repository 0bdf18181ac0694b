"""Each event says since when what it tells of has held."""

from __future__ import annotations

from tests.pipeline.plans import SECOND_NS, START_NS
from tests.scenarios.language import Scenario, given, grade, nothing, reads, rule

HELD = rule("r", grade("yellow", "value >= 25", on_s=10, off_s=10), grade("red", "value >= 50", on_s=10, off_s=10))


def since(story: Scenario) -> list[tuple[str, float]]:
    return [
        (event.transition.value, (event.why.since_ns - START_NS) / SECOND_NS) for event in story.events if event.why
    ]


def test_a_raise_tells_when_its_condition_began_to_hold() -> None:
    assert since(given(HELD).when(reads(1, 30), reads(5, 30), reads(11, 30))) == [("raised", 1)]
    assert since(given(HELD).when(reads(1, 30), nothing(20))) == [("raised", 1)]


def test_an_upgrade_tells_when_the_higher_grade_began_and_a_downgrade_when_the_lower_one_did() -> None:
    up = [reads(1, 30), reads(11, 30), reads(15, 60), reads(25, 60)]
    assert since(given(HELD).when(up, reads(30, 30), reads(40, 30))) == [
        ("raised", 1),
        ("upgraded", 15),
        ("downgraded", 1),
    ]


def test_a_return_tells_when_what_is_over_had_begun() -> None:
    story = given(HELD).when(reads(1, 30), reads(11, 30), reads(15, 0), reads(25, 0))
    assert since(story) == [("raised", 1), ("returned", 1)]
