"""Alarms that somebody acknowledged long ago and that are still on: seen once, and perhaps forgotten."""

from __future__ import annotations

import time
from dataclasses import asdict

from rich.markup import escape

from app.cli.quality_stuck import length
from app.cli.screen import given_seconds, grade_text, out, print_json, say, show_time
from app.cli.tables import Table
from app.cli.why import spoken
from model.alarm import Alarm, AlarmState, Transition
from store.pipeline_reader import PipelineReader

#: ``status`` counts those that are older.
FORGOTTEN_S = 7200.0
_ALARMS_MAX = 1_000_000


def forgotten_alarms(reader: PipelineReader, older_s: float) -> list[tuple[Alarm, float]]:
    """Those that were acknowledged longer ago and are on, with the seconds since; the oldest first."""
    now_ns = time.time_ns()
    found = []
    for alarm in reader.alarms(limit=_ALARMS_MAX):
        if alarm.state is not AlarmState.ACKNOWLEDGED:
            continue
        acts = [one.at_ns for one in reader.events_of(alarm.id) if one.transition is Transition.ACKNOWLEDGED]
        age_s = (now_ns - max(acts, default=alarm.changed_ns)) / 1e9
        if age_s >= older_s:
            found.append((alarm, age_s))
    return sorted(found, key=lambda pair: (-pair[1], pair[0].id))


def show_forgotten(reader: PipelineReader, given: str, limit: int, speak: str, zone: str, *, as_json: bool) -> None:
    """List them.

    Args:
        reader: of the store.
        given: the time, as typed.
        limit: at most so many.
        speak: language.
        zone: of the times shown.
        as_json: for programs.

    """
    older_s = given_seconds(given)
    found = forgotten_alarms(reader, older_s)[:limit]
    if as_json:
        print_json([asdict(alarm) | {"acknowledged_s": age_s} for alarm, age_s in found])
        return
    older = length(older_s)
    if not found:
        out.print(say("no_forgotten", speak, older=older), style="green")
        return
    names = spoken(reader, speak)
    table = Table(*(say(key, speak) for key in ("grade", "what", "acknowledged_at", "by", "since", "id")))
    table.title = say("forgotten", speak, older=older)
    for alarm, age_s in found:
        table.add_row(
            grade_text(alarm.grade, speak),
            escape(f"{names.rule(alarm.rule)} · {alarm.tag}"),
            length(age_s),
            escape(alarm.acknowledged_by),
            show_time(alarm.start_ns, zone)[5:],
            alarm.id[:8],
        )
    out.print(table)
