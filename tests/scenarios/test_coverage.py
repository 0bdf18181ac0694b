"""The scenarios of an alarm's life meet every line of the table, every end of a flag, and every refusal."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from model.alarm import AlarmEvent
from model.flag import FlagEnd
from tests.naive.alarm_table import NORMAL, TABLE
from tests.scenarios.language import PLAYED, Scenario

THEMES = sorted(path.stem for path in (Path(__file__).parent / "life").glob("test_*.py"))
WHAT = {(state, way.event): what for (state, what), way in TABLE.items()}


@pytest.fixture(scope="module")
def stories() -> Iterator[list[Scenario]]:
    """All scenarios of all themes, played."""
    played: list[Scenario] = []
    for theme in THEMES:
        module = importlib.import_module(f"tests.scenarios.life.{theme}")
        for name in sorted(vars(module)):
            if name.startswith("test_"):
                getattr(module, name)()
                played += PLAYED
                PLAYED.clear()
    yield played
    PLAYED.clear()


def met(events: list[AlarmEvent]) -> Iterator[tuple[str, str, str]]:
    """From where, what happened, and where that led; of each event."""
    states: dict[str, str] = {}
    for event in events:
        before = states.get(event.alarm_id, NORMAL)
        yield before, WHAT[before, event.transition.value], event.state.value
        states[event.alarm_id] = event.state.value


def test_every_line_of_the_table_is_met_and_nothing_else(stories: list[Scenario]) -> None:
    found = {one for story in stories for one in met(story.events)}
    expected = {(state, what, to) for (state, what), way in TABLE.items() for to in (way.to, way.latching)}
    assert found == expected


def test_there_are_many_scenarios(stories: list[Scenario]) -> None:
    assert len(stories) >= 60


def test_every_end_of_a_flag_is_met(stories: list[Scenario]) -> None:
    """But that of memos, which hide nothing: ``tests/pipeline/test_memos.py`` has those."""
    found = {flag.why_ended for story in stories for flag in story.flags.values() if flag.why_ended}
    assert found == set(FlagEnd) - {FlagEnd.MEMO_ENDED}
