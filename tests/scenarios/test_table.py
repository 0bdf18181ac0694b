"""The model of the life of alarms keeps to the table in docs/alarms.md, and the table keeps to the model."""

from __future__ import annotations

from pathlib import Path

from tests.naive.alarm_table import STATES, TABLE, documented

PAGE = Path(__file__).parents[2] / "docs" / "alarms.md"


def test_the_table_of_the_model_is_the_one_of_the_page() -> None:
    assert documented(PAGE) == TABLE


def test_only_the_returning_of_all_grades_a_reset_and_an_acknowledgement_lead_to_normal() -> None:
    ways = {what for (_, what), way in TABLE.items() if "normal" in (way.to, way.latching)}
    assert ways == {"all grades go off", "acknowledge", "reset", "comment", "verdict"}
    assert all(TABLE[state, what].to == state for state in STATES for what in ("comment", "verdict"))
