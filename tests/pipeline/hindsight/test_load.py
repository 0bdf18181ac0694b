"""The load of alarms as ISA-18.2 counts it, and labelled events."""

from __future__ import annotations

from dataclasses import replace

import pytest

from model.alarm import Grade
from pipeline.hindsight.episodes import Episode
from pipeline.hindsight.labels import Label, told
from pipeline.hindsight.load import load
from tests.pipeline.plans import ns


def alarm(begin_s: float, end_s: float | None = None, *, tag: str = "v1", grade: Grade = Grade.BLUE) -> Episode:
    end_ns = ns(begin_s + 1) if end_s is None else ns(end_s)
    return Episode("gas.high", tag, "station", ns(begin_s), end_ns, grade, (ns(begin_s),))


def test_a_quiet_hour_has_no_load() -> None:
    found = load([], ns(0), ns(3600), 1)
    assert (found.alarms, found.per_window, found.peak, found.flood_share, found.actors) == (0, 0.0, 0.0, 0.0, ())
    assert len(found.windows) == 6


def test_alarms_are_shared_by_the_desks() -> None:
    made = [alarm(60.0 * n, tag=f"v{n}") for n in range(12)]
    one, two = load(made, ns(0), ns(1200), 1), load(made, ns(0), ns(1200), 2)
    assert (one.per_window, one.peak) == (6.0, 10.0)
    assert (two.per_window, two.peak) == (3.0, 5.0)


def test_a_flood_begins_with_ten_in_ten_minutes_and_ends_below_five() -> None:
    counts = [9, 10, 5, 4, 9, 12]
    made = [alarm(600.0 * at + n, tag=f"v{n}") for at, count in enumerate(counts) for n in range(count)]
    found = load(made, ns(0), ns(3600), 1)
    assert found.windows.tolist() == counts
    assert found.floods == 2
    assert found.flood_share == pytest.approx(3 / 6)


def test_upgrades_call_for_attention_too() -> None:
    upgraded = Episode("gas.high", "v1", "station", ns(0), None, Grade.RED, (ns(0), ns(30)))
    found = load([upgraded], ns(0), ns(600), 1)
    assert found.alarms == 2
    assert found.grades[Grade.RED] == 1


def test_three_within_a_minute_chatter() -> None:
    assert load([alarm(0), alarm(30), alarm(60)], ns(0), ns(600), 1).chattering == 1
    assert load([alarm(0), alarm(30), alarm(61)], ns(0), ns(600), 1).chattering == 0
    assert load([alarm(0), alarm(30, tag="v2"), alarm(60)], ns(0), ns(600), 1).chattering == 0


def test_more_than_a_day_is_stale() -> None:
    day_s = 86_400
    assert load([alarm(0, day_s + 1), alarm(0, day_s, tag="v2")], ns(0), ns(2 * day_s), 1).stale == 1


def test_the_worst_actors_come_first() -> None:
    found = load([alarm(0), alarm(600, tag="v2"), alarm(1200, tag="v2")], ns(0), ns(3600), 1)
    assert [(one.tag, one.alarms) for one in found.actors] == [("v2", 2), ("v1", 1)]
    assert found.actors[0].share == pytest.approx(2 / 3)


def test_an_event_is_told_by_the_first_alarm_that_begins_in_it_and_is_about_it() -> None:
    labels = [
        Label("leak", ns(100), ns(200), "v1"),
        Label("leak", ns(100), ns(200), "v2"),
        Label("fire", ns(300), ns(400)),
        Label("whole station", ns(100), ns(200), "station"),
    ]
    found = told(labels, [alarm(90, 150), alarm(130), alarm(201, tag="v2"), alarm(310, tag="v3")])
    assert found.delays_s == (30.0, None, 10.0, 30.0), "one that was on already told of something else"
    assert found.found == 3
    assert found.median_s == 30.0
    assert told(labels, []).median_s is None


def test_what_was_found_to_chatter_as_it_came_counts_and_what_was_hidden_is_counted_apart() -> None:
    marked = replace(alarm(0), chattering=True)
    found = load([marked, replace(alarm(300, tag="v2"), news=(), hidden=True)], ns(0), ns(600), 1)
    assert (found.chattering, found.hidden, found.alarms, found.grades[Grade.BLUE]) == (1, 1, 1, 2)
