"""Alarms from raise to return, and what differs between two runs."""

from __future__ import annotations

from dataclasses import replace

import pytest

from model.alarm import AlarmEvent, AlarmState, Grade, Transition
from pipeline.hindsight.episodes import Change, Episode, differences, episodes, within
from tests.pipeline.plans import ns


def event(
    transition: Transition, at_s: float, grade: Grade = Grade.BLUE, *, alarm: str = "a", rule: str = "gas.high"
) -> AlarmEvent:
    return AlarmEvent(
        id=f"{alarm}-{at_s}",
        alarm_id=alarm,
        offset=0,
        rule=rule,
        tag="v1",
        asset="station",
        transition=transition,
        state=AlarmState.UNACKNOWLEDGED,
        grade=grade,
        previous_grade=Grade.NONE,
        time_ns=ns(at_s),
        at_ns=ns(at_s),
        offline=False,
        by="",
        note="",
        why=None,
    )


def episode(begin_s: float, end_s: float | None, grade: Grade = Grade.BLUE, *, rule: str = "gas.high") -> Episode:
    end_ns = None if end_s is None else ns(end_s)
    return Episode(rule, "v1", "station", ns(begin_s), end_ns, grade, (ns(begin_s),))


def test_an_episode_lasts_from_raise_to_return_with_its_highest_grade() -> None:
    made = episodes(
        [
            event(Transition.RAISED, 10),
            event(Transition.UPGRADED, 20, Grade.ORANGE),
            event(Transition.DOWNGRADED, 30, Grade.BLUE),
            event(Transition.RETURNED, 40, Grade.NONE),
            event(Transition.RERAISED, 50),
        ]
    )
    assert [(one.begin_ns, one.end_ns, one.grade) for one in made] == [
        (ns(10), ns(40), Grade.ORANGE),
        (ns(50), None, Grade.BLUE),
    ]
    assert made[0].news == (ns(10), ns(20)), "what calls for attention"


def test_what_a_person_does_to_an_alarm_that_was_never_raised_here_makes_no_episode() -> None:
    assert episodes([event(Transition.ACKNOWLEDGED, 10), event(Transition.RETURNED, 20, Grade.NONE)]) == []


def test_what_was_on_before_the_span_belongs_to_the_time_before() -> None:
    made = [episode(10, 20), episode(30, None), episode(40, 50)]
    assert within(made, ns(30), ns(40)) == [made[1]]


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        ([episode(10, 20)], [episode(10, 20)], []),
        ([], [episode(10, 20)], [Change.APPEARS]),
        ([episode(10, 20)], [], [Change.VANISHES]),
        ([episode(10, 20)], [episode(12, 20)], [Change.MOVED]),
        ([episode(10, 20)], [episode(10, None)], [Change.MOVED]),
        ([episode(10, 20)], [episode(12, 25, Grade.RED)], [Change.REGRADED]),
        ([episode(10, 20)], [episode(21, 30)], [Change.VANISHES, Change.APPEARS]),
        ([episode(10, 40)], [episode(10, 20), episode(30, 40)], [Change.MOVED, Change.APPEARS]),
        ([episode(10, 20), episode(30, 40)], [episode(10, 40)], [Change.MOVED, Change.VANISHES]),
        ([episode(10, 20)], [episode(10, 20, rule="gas.other")], [Change.VANISHES, Change.APPEARS]),
        ([episode(30, 40)], [episode(10, 20), episode(30, 40)], [Change.APPEARS]),
    ],
)
def test_every_alarm_that_is_not_alike_is_told_once(
    before: list[Episode], after: list[Episode], told: list[Change]
) -> None:
    found = differences(before, after)
    assert sorted(one.change for one in found) == sorted(told)


def test_swapping_the_two_swaps_what_appears_and_what_vanishes() -> None:
    before = [episode(10, 20), episode(30, 40), episode(60, None)]
    after = [episode(12, 20), replace(episode(33, 50), grade=Grade.RED), episode(70, 80, rule="gas.other")]
    mirrored = {Change.APPEARS: Change.VANISHES, Change.VANISHES: Change.APPEARS}
    there = sorted(mirrored.get(one.change, one.change) for one in differences(before, after))
    assert there == sorted(one.change for one in differences(after, before))


def hidden(transition: Transition, at_s: float, grade: Grade = Grade.BLUE) -> AlarmEvent:
    return replace(event(transition, at_s, grade), hidden="shelved")


def test_what_is_hidden_calls_for_no_attention_and_what_is_shown_or_told_again_does() -> None:
    (one,) = episodes(
        [
            event(Transition.RAISED, 1),
            hidden(Transition.HIDDEN, 2),
            hidden(Transition.UPGRADED, 3, Grade.RED),
            event(Transition.SHOWN, 4, Grade.RED),
            event(Transition.ACKNOWLEDGED, 5, Grade.RED),
            event(Transition.STALE, 6, Grade.RED),
            event(Transition.REALARMED, 7, Grade.RED),
            event(Transition.COMMENTED, 8, Grade.RED),
            event(Transition.RETURNED, 9, Grade.NONE),
            event(Transition.SHOWN, 10, Grade.NONE),
        ]
    )
    assert one.news == (ns(1), ns(4), ns(7))
    assert (one.hidden, one.grade, one.end_ns) == (True, Grade.RED, ns(9))


def test_an_alarm_that_was_hidden_all_the_time_is_an_alarm_and_no_load() -> None:
    (one,) = episodes([hidden(Transition.RAISED, 1), hidden(Transition.RETURNED, 2, Grade.NONE)])
    assert (one.news, one.hidden) == ((), True)


def test_a_chattering_alarm_is_marked() -> None:
    plain, marked = event(Transition.RAISED, 1), replace(event(Transition.RAISED, 1, alarm="b"), chattering=True)
    assert sorted(one.chattering for one in episodes([plain, marked])) == [False, True]
