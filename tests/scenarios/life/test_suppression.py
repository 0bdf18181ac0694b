"""Alarms that their own rule says mean nothing now: hidden while that is known, and shown as soon as it is not."""

from __future__ import annotations

from dataclasses import replace

from model.plan import RuleSpec
from tests.scenarios.acts import HOUR, shelves, takes_out, unshelves
from tests.scenarios.language import changes, nothing, reads, reads_steadily
from tests.scenarios.life.site import CALM, ORANGE, YELLOW, living


def suppressed(of: RuleSpec = YELLOW) -> RuleSpec:
    """While the value is far beyond what can be."""
    return replace(of, suppress_when="value >= 90")


def test_an_alarm_is_hidden_while_the_condition_holds_and_shown_afterwards() -> None:
    story = living(suppressed()).when(reads(1, 30), reads(5, 95), nothing(10), reads(11, 30), nothing(20))
    story.expect("1 s: a r raised yellow", "5 s: a r hidden yellow [suppressed]", "11 s: a r shown yellow")
    story.expect_flags("suppressed a r ended 11 s condition_over").expect_open("a r yellow unacknowledged")


def test_what_is_raised_by_the_reading_with_which_it_begins_is_raised_hidden() -> None:
    story = living(suppressed()).when(reads(1, 95), reads(11, 30))
    story.expect("1 s: a r raised yellow [suppressed]", "11 s: a r shown yellow")


def test_an_alarm_that_is_over_with_the_reading_that_ends_it_is_shown_first() -> None:
    story = living(suppressed()).when(reads(1, 30), reads(5, 95), reads(6, 0))
    assert story.lines()[2:] == ["6 s: a r shown yellow", "6 s: a r returned"]


def test_a_higher_grade_does_not_end_it() -> None:
    story = living(suppressed(ORANGE), CALM).when(reads(1, 30), reads(5, 95), nothing(20))
    assert story.lines()[1:] == ["5 s: a r hidden yellow [suppressed]", "5 s: a r upgraded orange [suppressed]"]


def test_what_nobody_knows_any_more_hides_nothing() -> None:
    story = living(suppressed()).when(reads(1, 30), reads(5, 95), nothing(300))
    story.expect_flags("suppressed a r on").when(nothing(480))
    (flag,) = story.flags.values()
    assert flag.why_ended == "unknown"
    assert story.lines()[2:] == [f"{story.lines()[2].split(' ')[0]} s: a r shown yellow"]


def test_readings_that_say_so_keep_it_for_as_long_as_they_come() -> None:
    story = living(suppressed()).when(reads(1, 30), reads_steadily(5, 900, 95, every_s=10))
    story.expect_flags("suppressed a r on")


def test_it_ends_with_its_rule() -> None:
    for parts in ((YELLOW, CALM), (CALM,)):
        story = living(suppressed()).when(reads(1, 30), reads(5, 95), changes(10, *parts), nothing(20))
        story.expect_flags("suppressed a r ended 10 s rule_gone")
        assert story.lines()[2:] == ["10 s: a r shown yellow"]


def test_a_shelf_and_a_permit_are_stronger() -> None:
    story = living(suppressed()).when(reads(1, 30), reads(5, 95), shelves(6, HOUR), unshelves(8))
    story.when(takes_out(9, 20, tag="a"), nothing(40))
    assert [(line.split()[0], line.split("[")[1]) for line in story.lines()[1:]] == [
        ("5", "suppressed]"),
        ("6", "shelved]"),
        ("8", "suppressed]"),
        ("9", "out_of_service]"),
        ("29", "suppressed]"),
    ]


def test_it_tells_nothing_while_a_shelf_hides_the_alarm() -> None:
    story = living(suppressed()).when(reads(1, 30), shelves(2, HOUR), reads(5, 95), reads(11, 30), unshelves(20))
    assert [line.split()[0] for line in story.lines()] == ["1", "2", "20"]
