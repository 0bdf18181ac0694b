"""The report of ``fengsui backtest``: one HTML file that needs nothing else, for people who sign a change of rules."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from html import escape
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from app.cli.quality_stuck import length
from app.cli.screen import say, show_time
from model.alarm import Grade
from pipeline.hindsight.labels import Told

if TYPE_CHECKING:
    from app.jobs.backtest import Backtest, Judgement
    from pipeline.hindsight.episodes import Episode

_ROWS_MAX = 5000
_BARS_MAX = 400
_WIDTH, _HEIGHT = 960, 120
_GRADE_COLOUR = {Grade.BLUE: "#1565c0", Grade.YELLOW: "#f9a825", Grade.ORANGE: "#ef6c00", Grade.RED: "#c62828"}

_STYLE = """
body { font: 15px/1.5 system-ui, "WenQuanYi Zen Hei", "Noto Sans CJK SC", sans-serif; margin: 2rem auto;
  max-width: 1000px; padding: 0 1rem; color: #1b1b1b; background: #fff; }
h1 { font-size: 1.4rem; } h2 { font-size: 1.1rem; margin-top: 2rem; }
table { border-collapse: collapse; width: 100%; } th, td { text-align: left; padding: .25rem .6rem .25rem 0;
  border-bottom: 1px solid #ddd; vertical-align: top; } th { font-weight: 600; }
td.n { text-align: right; font-variant-numeric: tabular-nums; } tr.d td { font-weight: 600; }
.g { color: #fff; border-radius: 3px; padding: 0 .4rem; } .dim { color: #666; }
"""


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
    for grade in _GRADE_COLOUR:
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
    title = escape(say("backtest_title", speak, begin=begin, end=end))
    parts = [
        f"<h1>{title}</h1>",
        _table(
            (say(key, speak) for key in ("backtest_what", "backtest_before", "backtest_after")),
            (_row((escape(cell) for cell in row), changed=row[1] != row[2]) for row in summary(found, speak)),
        ),
        f"<h2>{escape(say('backtest_load', speak))}</h2>",
        _bars(found.before.load.windows, found.after.load.windows),
        *_differences(found, speak, zone),
        *_events(found, speak, zone),
        *_actors(found, speak),
        f'<p class="dim">{escape(_speed(found, speak))}<br>{escape(say("backtest_how", speak))}</p>',
    ]
    body = "\n".join(parts)
    return (
        f'<!DOCTYPE html>\n<html lang="{"zh-CN" if speak == "zh" else "en"}"><head><meta charset="utf-8">'
        f'<meta name="viewport" content="width=device-width"><title>{title}</title>'
        f"<style>{_STYLE}</style></head><body>\n{body}\n</body></html>\n"
    )


def _differences(found: Backtest, speak: str, zone: str) -> Iterator[str]:
    yield f"<h2>{escape(say('backtest_differences', speak, count=len(found.differences)))}</h2>"
    if not found.differences:
        yield f"<p>{escape(say('backtest_same', speak))}</p>"
        return
    keys = ("backtest_change", "backtest_rule", "where", "backtest_before", "backtest_after")
    rows = (
        _row(
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
    yield _table((say(key, speak) for key in keys), rows)
    if len(found.differences) > _ROWS_MAX:
        yield f"<p>{escape(say('backtest_more', speak, count=len(found.differences) - _ROWS_MAX))}</p>"


def _events(found: Backtest, speak: str, zone: str) -> Iterator[str]:
    if not found.labels:
        return
    yield f"<h2>{escape(say('backtest_events', speak))}</h2>"
    keys = ("backtest_event", "where", "backtest_from", "backtest_before", "backtest_after")
    delays = zip(found.labels, _told(found.before).delays_s, _told(found.after).delays_s, strict=True)
    missed = say("backtest_missed", speak)
    rows = (
        _row(
            (
                escape(label.name),
                escape(label.subject),
                show_time(label.begin_ns, zone),
                *(missed if delay is None else f"+{length(delay)}" for delay in (old, new)),
            ),
            changed=(old is None) != (new is None),
        )
        for label, old, new in delays
    )
    yield _table((say(key, speak) for key in keys), rows)


def _actors(found: Backtest, speak: str) -> Iterator[str]:
    for name, one in (("backtest_before", found.before), ("backtest_after", found.after)):
        yield f"<h2>{escape(say('backtest_actors', speak))} ({escape(say(name, speak))})</h2>"
        keys = ("backtest_rule", "where", "backtest_count", "backtest_share")
        rows = (
            _row((escape(actor.rule), escape(actor.tag), f"{actor.alarms}", f"{actor.share:.0%}"))
            for actor in one.load.actors
        )
        yield _table((say(key, speak) for key in keys), rows)


def _episode(one: Episode | None, speak: str, zone: str) -> str:
    if one is None:
        return "–"
    grade = say(f"grade_{one.grade.name.lower()}", speak)
    end = say("backtest_on", speak) if one.end_ns is None else show_time(one.end_ns, zone)
    return (
        f'<span class="g" style="background:{_GRADE_COLOUR[one.grade]}">{escape(grade)}</span> '
        f"{show_time(one.begin_ns, zone)} – {escape(end)}"
    )


def _bars(before: NDArray[np.int64], after: NDArray[np.int64]) -> str:
    """Alarms over time, in bars of as many windows as fit; the fullest window of each bar."""
    a_bar = -(-len(before) // _BARS_MAX)
    old, new = (_fullest(one, a_bar) for one in (before, after))
    top = max(1, *old.tolist(), *new.tolist())
    width = _WIDTH / len(old)
    bars = []
    for values, colour, part in ((old, "#9e9e9e", 0.0), (new, "#1565c0", 0.5)):
        for at in np.flatnonzero(values).tolist():
            height = _HEIGHT * float(values[at]) / top
            place = f'x="{(at + part) * width:.2f}" y="{_HEIGHT - height:.1f}"'
            bars.append(f'<rect {place} width="{width / 2:.2f}" height="{height:.1f}" fill="{colour}"/>')
    axis = f'<path d="M0 {_HEIGHT}H{_WIDTH}" stroke="#666"/><text x="2" y="12" font-size="12">{top}</text>'
    return f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT + 2}" width="100%" role="img">{"".join(bars)}{axis}</svg>'


def _fullest(windows: NDArray[np.int64], a_bar: int) -> NDArray[np.int64]:
    padded = np.pad(windows, (0, -len(windows) % a_bar))
    highest: NDArray[np.int64] = padded.reshape(-1, a_bar).max(axis=1)
    return highest


def _speed(found: Backtest, speak: str) -> str:
    words = {"readings": f"{found.readings:,}", "seconds": length(found.seconds), "took": length(found.took_s)}
    return say("backtest_speed", speak, speed=f"{found.speed:,.0f}", **words)


def _table(head: Iterable[str], rows: Iterable[str]) -> str:
    cells = "".join(f"<th>{escape(one)}</th>" for one in head)
    return f"<table><thead><tr>{cells}</tr></thead><tbody>{''.join(rows)}</tbody></table>"


def _row(cells: Iterable[str], *, changed: bool = False) -> str:
    """One row of cells that are HTML already."""
    marked = ' class="d"' if changed else ""
    return f"<tr{marked}>{''.join(f'<td>{one}</td>' for one in cells)}</tr>"
