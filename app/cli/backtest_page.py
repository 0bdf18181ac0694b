"""The report of ``fengsui backtest``: one HTML file that needs nothing else, for people who sign a change of rules."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from html import escape
from typing import TYPE_CHECKING

from app.cli.html_page import GRADE_COLOUR, bars, document, heading, paragraph, row, table
from app.cli.quality_stuck import length
from app.cli.screen import say, show_time
from model.alarm import Grade
from pipeline.hindsight.labels import Told

if TYPE_CHECKING:
    from app.jobs.backtest import Backtest, Judgement
    from pipeline.hindsight.episodes import Episode
    from pipeline.hindsight.load import Load

_ROWS_MAX = 5000


def summary(found: Backtest, speak: str) -> Iterator[tuple[str, str, str]]:
    """Figure by figure: its name, before and after."""

    def both(name: str, figure: Callable[[Judgement], str]) -> tuple[str, str, str]:
        return name, figure(found.before), figure(found.after)

    yield both(say("backtest_version", speak), lambda one: one.version[:12])
    yield both(say("backtest_alarms", speak), lambda one: f"{one.load.alarms}")
    yield both(say("backtest_per_window", speak), lambda one: f"{one.load.per_window:.2f}")
    yield both(say("backtest_peak", speak), lambda one: f"{one.load.peak:g}")
    yield both(say("backtest_floods", speak), lambda one: f"{one.load.floods}, {one.load.flood_share:.1%}")
    yield both(say("backtest_chattering", speak), lambda one: f"{one.load.chattering}")
    yield both(say("backtest_stale", speak), lambda one: f"{one.load.stale}")
    for grade in GRADE_COLOUR:
        name = say("backtest_grade", speak, grade=say(f"grade_{grade.name.lower()}", speak))
        yield both(name, partial(_share_of, grade=grade))
    if found.labels:
        yield both(say("backtest_told", speak), lambda one: f"{_told(one).found}/{len(found.labels)}")
        yield both(say("backtest_delay", speak), lambda one: length(_told(one).median_s))


def _told(one: Judgement) -> Told:
    return one.told or Told(())


def _share_of(one: Judgement, *, grade: Grade) -> str:
    count, total = one.load.grades[grade], sum(one.load.grades.values())
    return f"{count} ({count / total:.0%})" if total else "0"


def page(found: Backtest, speak: str, zone: str) -> str:
    """The whole document."""
    begin, end = (show_time(at, zone) for at in (found.span.begin_ns, found.span.end_ns))
    parts = [
        table(
            (say(key, speak) for key in ("backtest_what", "backtest_before", "backtest_after")),
            (row((escape(cell) for cell in one), marked=one[1] != one[2]) for one in summary(found, speak)),
        ),
        heading(say("backtest_load", speak)),
        bars((found.before.load.windows, "#9e9e9e"), (found.after.load.windows, "#1565c0")),
        *_differences(found, speak, zone),
        *_events(found, speak, zone),
        *actors_of(say("backtest_before", speak), found.before.load, speak),
        *actors_of(say("backtest_after", speak), found.after.load, speak),
        paragraph(_speed(found, speak), say("backtest_how", speak)),
    ]
    return document(say("backtest_title", speak, begin=begin, end=end), parts, speak)


def _differences(found: Backtest, speak: str, zone: str) -> Iterator[str]:
    yield heading(say("backtest_differences", speak, count=len(found.differences)))
    if not found.differences:
        yield f"<p>{escape(say('backtest_same', speak))}</p>"
        return
    keys = ("backtest_change", "backtest_rule", "where", "backtest_before", "backtest_after")
    rows = (
        row(
            (
                escape(say(f"backtest_{one.change}", speak)),
                escape(one.subject.rule),
                escape(one.subject.tag),
                _episode(one.before, speak, zone),
                _episode(one.after, speak, zone),
            )
        )
        for one in found.differences[:_ROWS_MAX]
    )
    yield table((say(key, speak) for key in keys), rows)
    if len(found.differences) > _ROWS_MAX:
        yield f"<p>{escape(say('backtest_more', speak, count=len(found.differences) - _ROWS_MAX))}</p>"


def _events(found: Backtest, speak: str, zone: str) -> Iterator[str]:
    if not found.labels:
        return
    yield heading(say("backtest_events", speak))
    keys = ("backtest_event", "where", "backtest_from", "backtest_before", "backtest_after")
    delays = zip(found.labels, _told(found.before).delays_s, _told(found.after).delays_s, strict=True)
    missed = say("backtest_missed", speak)
    rows = (
        row(
            (
                escape(label.name),
                escape(label.subject),
                show_time(label.begin_ns, zone),
                *(missed if delay is None else f"+{length(delay)}" for delay in (old, new)),
            ),
            marked=(old is None) != (new is None),
        )
        for label, old, new in delays
    )
    yield table((say(key, speak) for key in keys), rows)


def load_data(load: Load) -> dict[str, object]:
    """A load for programs."""
    figures = {name: getattr(load, name) for name in load.__slots__ if name not in ("windows", "grades")}
    grades = {grade.name.lower(): count for grade, count in load.grades.items()}
    return figures | {"windows": load.windows.tolist(), "grades": grades}


def actors_of(name: str, load: Load, speak: str) -> Iterator[str]:
    """Who alarms most."""
    yield heading(f"{say('backtest_actors', speak)} ({name})" if name else say("backtest_actors", speak))
    keys = ("backtest_rule", "where", "backtest_count", "backtest_share")
    rows = (
        row((escape(actor.rule), escape(actor.tag), f"{actor.alarms}", f"{actor.share:.0%}")) for actor in load.actors
    )
    yield table((say(key, speak) for key in keys), rows)


def _episode(one: Episode | None, speak: str, zone: str) -> str:
    if one is None:
        return "–"
    grade = say(f"grade_{one.grade.name.lower()}", speak)
    end = say("backtest_on", speak) if one.end_ns is None else show_time(one.end_ns, zone)
    return (
        f'<span class="g" style="background:{GRADE_COLOUR[one.grade]}">{escape(grade)}</span> '
        f"{show_time(one.begin_ns, zone)} – {escape(end)}"
    )


def _speed(found: Backtest, speak: str) -> str:
    words = {"readings": f"{found.readings:,}", "seconds": length(found.seconds), "took": length(found.took_s)}
    return say("backtest_speed", speak, speed=f"{found.speed:,.0f}", **words)
