"""``fengsui shadow``: the proposed rules beside those in force, as it happens."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer
from rich.markup import escape

from app.cli.screen import (
    CONFIG_DEFAULT,
    ConfigOption,
    JsonOption,
    LangOption,
    grade_text,
    language,
    out,
    print_json,
    say,
    show_time,
)
from app.cli.tables import Table
from app.configured import read
from app.signals import on_stop

if TYPE_CHECKING:
    from app.jobs.shadow import Shown

_SHOWN_MAX = 50


def shadow(
    config: ConfigOption = CONFIG_DEFAULT,
    *,
    minutes: Annotated[float, typer.Option("--minutes", min=0, help="So long; 0 = until it is ended.")] = 0.0,
    every: Annotated[float, typer.Option("--every", min=0.1, help="Seconds between two lines.")] = 10.0,
    report: Annotated[
        Path | None, typer.Option("--report", help="JSON file that is kept up to date with what differs.")
    ] = None,
    as_json: JsonOption = False,
    lang: LangOption = "",
) -> None:
    """影子运行：新规则与现行规则并行比较。The proposed rules beside those in force, without touching these."""
    from app.jobs.shadow import shadow as job

    configured = read(config)
    speak, zone = language(lang, configured.language), configured.time_zone
    stop = threading.Event()
    on_stop(stop.set)
    last: Shown | None = None
    if not as_json:
        out.print(say("shadow_begins", speak))
    for last in job(configured, seconds=60 * minutes, every_s=every, stopped=stop.is_set):
        if report is not None:
            _keep(report, last)
        if not as_json:
            _line(last, speak, zone)
    if last is None:
        return
    if as_json:
        print_json(last)
        return
    _show(last, speak, zone)
    if report is not None:
        out.print(say("shadow_saved", speak, path=report), markup=False, soft_wrap=True)


def _keep(path: Path, shown: Shown) -> None:
    partial = path.with_name(f"{path.name}.part")
    partial.write_bytes(msgspec.json.format(msgspec.json.encode(shown, order="deterministic"), indent=2))
    partial.replace(path)


def _line(shown: Shown, speak: str, zone: str) -> None:
    seen = shown.seen
    words = {"live": seen.live_alarms, "shadow": seen.shadow_alarms, "differences": len(seen.differences)}
    time = show_time(seen.now_ns, zone)
    out.print(say("shadow_line", speak, time=time, lag=f"{shown.lag_s:.0f}", **words), highlight=False)


def _show(shown: Shown, speak: str, zone: str) -> None:
    seen = shown.seen
    begin, end = show_time(seen.begin_ns, zone), show_time(seen.now_ns, zone)
    out.print(say("shadow_title", speak, begin=begin, end=end), style="bold")
    if shown.is_applied:
        out.print(say("shadow_applied", speak))
    if not seen.differences and not seen.older:
        out.print(say("shadow_same", speak))
    if seen.differences:
        keys = ("backtest_change", "grade", "backtest_rule", "where", "backtest_before", "backtest_after")
        table = Table(*(say(key, speak) for key in keys), box=None)
        for one in seen.differences[:_SHOWN_MAX]:
            subject = one.subject
            times = (show_time(of.begin_ns, zone) if of else "-" for of in (one.before, one.after))
            change, grade = say(f"backtest_{one.change}", speak), grade_text(subject.grade, speak)
            table.add_row(change, grade, escape(subject.rule), escape(subject.tag), *times)
        out.print(table)
        if len(seen.differences) > _SHOWN_MAX:
            out.print(say("backtest_more", speak, count=len(seen.differences) - _SHOWN_MAX))
    for old in seen.older[:_SHOWN_MAX]:
        words = {
            name: say("shadow_on" if on else "shadow_off", speak)
            for name, on in (("live", old.on_live), ("shadow", old.on_shadow))
        }
        out.print(say("shadow_older", speak, rule=old.rule, tag=old.tag, **words), markup=False)
    if seen.left_out:
        out.print(say("shadow_left_out", speak, count=seen.left_out), style="yellow")
