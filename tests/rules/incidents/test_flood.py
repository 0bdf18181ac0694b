"""Floods of alarms: begun by more than ten in ten minutes, ended by fewer than five (ISA-18.2)."""

from __future__ import annotations

from dataclasses import replace

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from model.alarm import Grade, Transition
from model.incident import IncidentEvent
from model.incident_plan import IncidentPlan
from rules.incidents.flood import FloodWatch
from tests.rules.incidents.plans import BASE_NS, SECOND, event

PLAN = IncidentPlan()


def play(
    counts: dict[int, int], until_s: int, watch: FloodWatch | None = None, begin_s: int = 0
) -> list[IncidentEvent]:
    """So many alarms before the tick of each second."""
    watch, told = watch or FloodWatch(), []
    for second in range(begin_s, until_s):
        for n in range(counts.get(second, 0)):
            watch.take(event(f"{second}/{n}", f"a{n}", second, rule=f"r{n % 2}", grade=Grade(1 + n % 4)))
        told += watch.tick(PLAN, second, BASE_NS + second * SECOND, second * SECOND)
    return told


def test_ten_alarms_in_ten_minutes_are_no_flood_and_eleven_are() -> None:
    assert play({0: 5, 300: 5}, 700) == []
    assert play({0: 5, 600: 6}, 700) == []
    (told,) = play({0: 5, 599: 6}, 700)
    assert (told.change.value, told.offset, told.incident.alarms, told.incident.alarms_open) == ("opened", 599, 11, 11)
    assert told.incident.first_out.time_ns == BASE_NS
    assert told.tells


def test_it_ends_with_fewer_than_five_and_says_all_that_there_was() -> None:
    began, ended = play({0: 100, 30: 50, 900: 3}, 1000)
    assert (began.offset, ended.offset) == (0, 630)
    assert (ended.incident.is_open, ended.incident.alarms, ended.incident.peak) == (False, 150, 150)
    assert ended.incident.by_grade == {"red": 37, "orange": 37, "yellow": 38, "blue": 38}
    assert ended.incident.by_rule == {"r0": 75, "r1": 75}
    assert (ended.incident.assets, len(ended.incident.by_asset)) == (100, 10)


def test_what_is_hidden_or_no_news_does_not_count() -> None:
    watch = FloodWatch()
    for n in range(50):
        watch.take(replace(event(f"{n}", "a", 0), hidden="shelved"))
        watch.take(event(f"{n}", "a", 0, transition=Transition.UPGRADED))
    assert watch.tick(PLAN, 1, BASE_NS, 0) == []


@settings(max_examples=100, deadline=None)
@given(st.dictionaries(st.integers(0, 1500), st.integers(1, 14), max_size=12), st.integers(0, 1500))
def test_floods_are_those_of_a_slow_count_also_after_a_snapshot(counts: dict[int, int], stop: int) -> None:
    on, expected = False, []
    for second in range(1500):
        load = sum(n for at, n in counts.items() if second - 600 < at <= second)
        if (load > PLAN.flood_begins) if not on else (load < PLAN.flood_ends):
            on = not on
            expected.append(second)
    told = play(counts, 1500)
    assert [one.offset for one in told] == expected
    watch = FloodWatch()
    before = play(counts, stop, watch)
    again = msgspec.json.decode(msgspec.json.encode(watch), type=FloodWatch)
    assert before + play(counts, 1500, again, stop) == told
