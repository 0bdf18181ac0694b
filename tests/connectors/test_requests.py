"""What a decoder asks for: once, not too often, again while nobody answers, and not at all where it is withdrawn."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from connectors import requests
from connectors.requests import TIMES_MAX, Request, Requests


@dataclass
class Clock:
    now_s: float = 100.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def asked(clock: Clock) -> Requests:
    return Requests(clock)


def request(name: str = "n") -> Request:
    return Request(f"ask/{name}", lambda now_ms: b"%d" % now_ms)


def topics(asked: Requests) -> list[str]:
    return [one.topic for one in asked.take()]


def test_a_request_is_taken_when_its_delay_is_over(asked: Requests, clock: Clock) -> None:
    asked.ask("n", request(), delay_s=2, every_s=60)
    assert topics(asked) == []
    clock.now_s += 2
    assert topics(asked) == ["ask/n"]
    assert topics(asked) == []
    assert asked.published == 1


def test_while_one_waits_the_earlier_time_counts(asked: Requests, clock: Clock) -> None:
    asked.ask("n", request(), delay_s=2, every_s=60)
    asked.ask("n", request(), delay_s=5, every_s=60)
    asked.ask("n", request(), delay_s=1, every_s=60)
    clock.now_s += 1
    assert topics(asked) == ["ask/n"]


def test_a_request_that_is_withdrawn_is_not_taken(asked: Requests, clock: Clock) -> None:
    asked.ask("n", request(), delay_s=2, every_s=60)
    asked.withdraw("n")
    asked.withdraw("other")
    clock.now_s += 100
    assert topics(asked) == []


def test_two_requests_of_one_keep_their_distance_even_when_the_first_was_answered(
    asked: Requests, clock: Clock
) -> None:
    asked.ask("n", request(), delay_s=0, every_s=60)
    assert topics(asked) == ["ask/n"]
    asked.withdraw("n")
    clock.now_s += 10
    asked.ask("n", request(), delay_s=2, every_s=60)
    clock.now_s += 49
    assert topics(asked) == []
    clock.now_s += 1
    assert topics(asked) == ["ask/n"]


def test_what_nobody_answers_is_asked_again_but_not_for_ever(asked: Requests, clock: Clock) -> None:
    asked.ask("n", request(), delay_s=0, every_s=60)
    taken = 0
    for _ in range(TIMES_MAX + 5):
        taken += len(asked.take())
        clock.now_s += 60
    assert taken == TIMES_MAX
    asked.ask("n", request(), delay_s=0, every_s=60)
    assert topics(asked) == ["ask/n"]


def test_each_is_asked_for_its_own(asked: Requests) -> None:
    for name in ("a", "b"):
        asked.ask(name, request(name), delay_s=0, every_s=60)
    assert topics(asked) == ["ask/a", "ask/b"]


def test_requests_are_bounded_and_those_without_room_are_counted(
    asked: Requests, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(requests, "ASKED_MAX", 3)
    for n in range(5):
        asked.ask(str(n), request(), delay_s=0, every_s=60)
    assert (len(asked.take()), asked.refused) == (3, 2)
    for n in range(3):
        asked.withdraw(str(n))
    for n in range(5, 8):
        asked.ask(str(n), request(), delay_s=0, every_s=60)
    asked.take()
    assert len(asked._last_s) == 3
