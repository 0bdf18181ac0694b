"""What persons say of an alarm: comments and verdicts, also after it is closed."""

from __future__ import annotations

from model.alarm import AlarmState
from tests.scenarios.acts import acknowledges, comments, judges
from tests.scenarios.language import changes, nothing, reads
from tests.scenarios.life.site import CALM, YELLOW, living

CLOSED = [reads(1, 30), acknowledges(2), reads(3, 0)]
HISTORY = ["1 s: a r raised yellow", "2 s: a r acknowledged yellow by Wang", "3 s: a r returned"]


def test_a_comment_stands_in_the_history_with_who_and_what() -> None:
    story = living(YELLOW).when(reads(1, 30), comments(2, "smell of gas", "Li"))
    story.expect("1 s: a r raised yellow", "2 s: a r commented yellow by Li")
    assert story.events[-1].note == "smell of gas"


def test_a_closed_alarm_is_commented_and_stays_closed() -> None:
    story = living(YELLOW).when(CLOSED, comments(4)).expect(*HISTORY, "4 s: a r commented by Wang").expect_open()
    assert story.events[-1].state == AlarmState.NORMAL
    assert story.events[-1].alarm_id == story.events[0].alarm_id


def test_a_verdict_is_kept_with_its_cause() -> None:
    for verdict in ("real", "false", "test", "drill", "works"):
        story = living(YELLOW).when(reads(1, 30), judges(2, verdict, "a valve was left open"))
        story.expect("1 s: a r raised yellow", f"2 s: a r verdict {verdict} yellow by Wang")
        assert story.events[-1].note == "a valve was left open"
        assert story.alarms()[0].verdict == verdict


def test_only_a_false_alarm_needs_a_cause() -> None:
    for verdict in ("real", "test", "drill", "works"):
        living(YELLOW).when(reads(1, 30), judges(2, verdict)).expect_refused(0)
    story = living(YELLOW).when(reads(1, 30), judges(2, "false"), judges(3, "false", "  ")).expect_refused(2)
    assert story.alarms()[0].verdict == ""


def test_a_later_verdict_replaces_an_earlier_one_and_both_stay_in_the_history() -> None:
    story = living(YELLOW).when(reads(1, 30), judges(2, "real"), judges(3, "false", "steam", "Li"))
    story.expect(
        "1 s: a r raised yellow", "2 s: a r verdict real yellow by Wang", "3 s: a r verdict false yellow by Li"
    )
    assert story.alarms()[0].verdict == "false"


def test_a_closed_alarm_is_judged_and_the_next_one_of_its_rule_is_not() -> None:
    story = living(YELLOW, CALM).when(CLOSED, judges(4, "drill"), reads(5, 30))
    story.expect(*HISTORY, "4 s: a r verdict drill by Wang", "5 s: a r raised yellow")
    assert story.events[-2].alarm_id == story.events[0].alarm_id
    assert story.alarms()[0].verdict == ""


def test_a_verdict_outlives_the_return_and_another_rise() -> None:
    story = living(YELLOW).when(reads(1, 30), judges(2, "works"), reads(3, 0), reads(4, 30))
    assert story.alarms()[0].verdict == "works"


def test_neither_comment_nor_verdict_says_that_the_alarm_was_seen() -> None:
    story = living(YELLOW).when(reads(1, 30), comments(2), judges(3, "real"), nothing(10))
    story.expect_open("a r yellow unacknowledged").when(reads(11, 0)).expect_open("a r none returned_unacknowledged")


def test_an_alarm_is_judged_though_its_rule_is_gone() -> None:
    story = living(YELLOW).when(CLOSED, changes(4, CALM), judges(5, "real"), comments(6))
    assert story.lines()[3:] == ["5 s: a r verdict real by Wang", "6 s: a r commented by Wang"]
