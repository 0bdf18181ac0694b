"""``fengsui backtest``: which alarms a changed configuration would have given in the past, and which it would not.

Exit codes: 0 done, 1 nothing recorded or nothing to compare with, 2 wrong configuration or use.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from app.cli.backtest_page import load_data, page, summary
from app.cli.quality_stuck import length
from app.cli.screen import (
    CONFIG_DEFAULT,
    ConfigOption,
    JsonOption,
    LangOption,
    given_span,
    grade_text,
    language,
    out,
    print_json,
    say,
    show_time,
)
from app.cli.tables import Table
from app.configured import read

if TYPE_CHECKING:
    from app.jobs.backtest import Archived, Backtest, Judgement, Recorded
    from model.plan import Plan

_COLUMNS = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
_SHOWN_MAX = 20
_DAY_H = 24.0


def backtest(
    config: ConfigOption = CONFIG_DEFAULT,
    before: Annotated[
        Path | None, typer.Option("--before", help="fengsui.yaml to compare with; by default what runs now.")
    ] = None,
    begin: Annotated[str, typer.Option("--from", help="First time; by default a day before the last.")] = "",
    end: Annotated[str, typer.Option("--to", help="Last time; by default now.")] = "",
    warmup: Annotated[float, typer.Option("--warmup", min=0, help="Hours before it that are played, too.")] = 24.0,
    recording: Annotated[
        Path | None, typer.Option("--recording", help="A folder of series in place of the archive.")
    ] = None,
    pack: Annotated[str, typer.Option("--pack", help="Of a recording: the pack to compare with.")] = "",
    changed: Annotated[str, typer.Option("--changed", help="Of a recording: the changed pack.")] = "",
    channels: Annotated[
        Path | None, typer.Option("--map", help="Of a recording: channel map; by default one of the pack's.")
    ] = None,
    labels: Annotated[
        Path | None, typer.Option("--labels", help="What happened: CSV with start, end, name, subject.")
    ] = None,
    tick: Annotated[int, typer.Option("--tick", min=1, max=10, help="Seconds judged together; more is faster.")] = 1,
    desks: Annotated[int, typer.Option("--desks", min=1, help="Operators who share the alarms.")] = 1,
    html: Annotated[Path | None, typer.Option("--html", help="Report to write.")] = None,
    *,
    as_json: JsonOption = False,
    lang: LangOption = "",
) -> None:
    """回测规则改动：与过去的报警对比。What changed rules would have done in the past."""
    from app.jobs import backtest as job

    if recording is None:
        configured = read(config)
        speak, zone = language(lang, configured.language), configured.time_zone
        readings: Archived | Recorded = job.Archived(configured, tick)
        old = job.running_plan(configured) if before is None else job.configured_plan(before)
        new = job.configured_plan(config)
        span = job.Span(*given_span(begin, end, zone, _DAY_H), round(warmup * 3600e9))
    else:
        speak = language(lang)
        readings, old, new = _recorded(recording, pack, channels, changed)
        span, zone = readings.span(), readings.zone
    known = job.read_labels(labels, zone) if labels else ()
    with Progress(*_COLUMNS, console=out, transient=True, disable=as_json) as progress:
        task = progress.add_task(say("backtest_playing", speak), total=1.0)
        found = job.backtest(
            readings,
            old,
            new,
            span,
            labels=known,
            desks=desks,
            progress=lambda done: progress.update(task, completed=done),
        )
    if html is not None:
        html.write_text(page(found, speak, zone), encoding="utf-8")
    if as_json:
        print_json(_plain(found))
    else:
        _show(found, speak, zone)
        if html is not None:
            out.print(say("backtest_page", speak, path=html), markup=False, soft_wrap=True)


def _recorded(recording: Path, pack: str, channels: Path | None, changed: str) -> tuple[Recorded, Plan, Plan]:
    from app.jobs import backtest as job
    from app.jobs.evaluate import Family, family_of

    if not changed:
        raise typer.BadParameter("must name the changed pack of the recording", param_hint="--changed")
    old = family_of(recording, pack, channels, Path.cwd())
    readings = job.Recorded(recording, old)
    return readings, readings.plan(old, Path.cwd()), readings.plan(Family(changed, old.channels), Path.cwd())


def _show(found: Backtest, speak: str, zone: str) -> None:
    begin, end = (show_time(at, zone) for at in (found.span.begin_ns, found.span.end_ns))
    columns = (say(key, speak) for key in ("backtest_what", "backtest_before", "backtest_after"))
    table = Table(*columns, title=say("backtest_title", speak, begin=begin, end=end), box=None)
    for name, old, new in summary(found, speak):
        table.add_row(name, old, new, style="" if old == new else "bold")
    out.print(table)
    _show_differences(found, speak, zone)
    _say_problems(found, speak)


def _show_differences(found: Backtest, speak: str, zone: str) -> None:
    if not found.differences:
        out.print(say("backtest_same", speak))
        return
    keys = ("backtest_change", "grade", "backtest_rule", "where", "backtest_before", "backtest_after")
    title = say("backtest_differences", speak, count=len(found.differences))
    table = Table(*(say(key, speak) for key in keys), title=title, box=None)
    for one in found.differences[:_SHOWN_MAX]:
        subject = one.subject
        times = (show_time(of.begin_ns, zone) if of else "-" for of in (one.before, one.after))
        change = say(f"backtest_{one.change}", speak)
        table.add_row(change, grade_text(subject.grade, speak), subject.rule, subject.tag, *times)
    out.print(table)
    if len(found.differences) > _SHOWN_MAX:
        out.print(say("backtest_more", speak, count=len(found.differences) - _SHOWN_MAX))


def _say_problems(found: Backtest, speak: str) -> None:
    words = {"readings": f"{found.readings:,}", "seconds": length(found.seconds), "took": length(found.took_s)}
    out.print(say("backtest_speed", speak, speed=f"{found.speed:,.0f}", **words))
    out.print(say("backtest_how", speak), style="dim")
    if found.unknown:
        out.print(say("backtest_unknown", speak, count=found.unknown), style="yellow")
    if found.damaged:
        out.print(say("backtest_damaged", speak, files=", ".join(found.damaged)), style="red", markup=False)


def _plain(found: Backtest) -> dict[str, object]:
    """For programs: the same whatever the machine, but for ``took_s``."""
    return {
        "from_ns": found.span.begin_ns,
        "to_ns": found.span.end_ns,
        "readings": found.readings,
        "unknown": found.unknown,
        "damaged": found.damaged,
        "before": _judged(found.before),
        "after": _judged(found.after),
        "differences": found.differences,
        "labels": found.labels,
        "took_s": found.took_s,
    }


def _judged(one: Judgement) -> dict[str, object]:
    return {"version": one.version, "load": load_data(one.load), "episodes": one.episodes, "told": one.told}
