"""``fengsui report``: what alarms asked of people, and what could be done about it.

Exit codes: 0 the report was made (what is beyond a recommendation is news, no error), 1 nothing ever ran here, 2 wrong
configuration or use.
"""

from __future__ import annotations

from collections.abc import Iterator
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from app.cli import html_page
from app.cli.backtest_page import actors_of, load_data
from app.cli.quality_stuck import length
from app.cli.screen import (
    CONFIG_DEFAULT,
    ConfigOption,
    JsonOption,
    LangOption,
    given_span,
    language,
    out,
    print_json,
    say,
    show_time,
)
from app.cli.tables import Table
from app.configured import read
from model.alarm import Grade

if TYPE_CHECKING:
    from app.jobs.alarm_report import AlarmReport
    from pipeline.hindsight.load import Load
    from pipeline.hindsight.remedies import Tried

app = typer.Typer(
    help="统计：报警负荷与改进措施。Reports: what alarms ask of people, and remedies.", no_args_is_help=True
)

_COLUMNS = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
_WEEK_H = 168.0
_SHOWN_MAX = 10


@app.callback()
def report() -> None:
    """统计报表。Reports."""


@app.command("alarms")
def alarms(
    config: ConfigOption = CONFIG_DEFAULT,
    begin: Annotated[str, typer.Option("--from", help="First time; by default a week before the last.")] = "",
    end: Annotated[str, typer.Option("--to", help="Time to end before; by default now.")] = "",
    desks: Annotated[int, typer.Option("--desks", min=1, help="Operators who share the alarms.")] = 1,
    warmup: Annotated[
        float, typer.Option("--warmup", min=0, help="Hours in which detectors learn, for remedies.")
    ] = 24.0,
    html: Annotated[Path | None, typer.Option("--html", help="Report to write.")] = None,
    *,
    remedies: Annotated[bool, typer.Option(help="Look for remedies and try them on the archive.")] = True,
    as_json: JsonOption = False,
    lang: LangOption = "",
) -> None:
    """统计报警负荷，找出频繁报警并试算改进措施。The load of alarms, who makes it, and remedies with their price."""
    from app.jobs.alarm_report import alarm_report

    configured = read(config)
    speak, zone = language(lang, configured.language), configured.time_zone
    from_ns, until_ns = given_span(begin, end, zone, _WEEK_H)
    with Progress(*_COLUMNS, console=out, transient=True, disable=as_json) as progress:
        task = progress.add_task(say("report_trying", speak), total=1.0)
        found = alarm_report(
            configured,
            from_ns,
            until_ns,
            desks,
            warmup_ns=round(warmup * 3600e9),
            try_remedies=remedies,
            progress=lambda part: progress.update(task, completed=part),
        )
    if html is not None:
        html.write_text(_page(found, speak, zone), encoding="utf-8")
    if as_json:
        print_json(_plain(found))
        return
    _show(found, speak, zone)
    if html is not None:
        out.print(say("report_written", speak, path=html), markup=False, soft_wrap=True)


def _figures(load: Load, speak: str) -> Iterator[tuple[str, str, str, bool]]:
    """Name, value, what is recommended, and whether it is met (ISA-18.2-2016 table 7)."""
    episodes = max(1, sum(load.grades.values()))
    top = sum(one.share for one in load.actors)
    yield say("report_alarms", speak), f"{load.alarms}", "", True
    yield say("backtest_per_window", speak), f"{load.per_window:.2f}", "≤ 1", load.per_window <= 1
    yield say("backtest_peak", speak), f"{load.peak:g}", "≤ 10", load.peak <= 10
    floods = f"{load.floods}, {load.flood_share:.1%}"
    yield say("backtest_floods", speak), floods, "≤ 1 %", load.flood_share <= 0.01
    yield say("backtest_chattering", speak), f"{load.chattering}", "0", load.chattering == 0
    yield say("report_stale", speak), f"{load.stale}", "≤ 5", load.stale <= 5
    yield say("report_hidden", speak), f"{load.hidden}", "", True
    yield say("report_top_share", speak), f"{top:.0%}", "≤ 5 %", top <= 0.05 or not load.alarms
    for grade, wanted in ((Grade.BLUE, ""), (Grade.YELLOW, "80 %"), (Grade.ORANGE, "15 %"), (Grade.RED, "5 %")):
        name = say("backtest_grade", speak, grade=say(f"grade_{grade.name.lower()}", speak))
        yield name, f"{load.grades[grade]} ({load.grades[grade] / episodes:.0%})", wanted, True


def _show(found: AlarmReport, speak: str, zone: str) -> None:
    begin, end = (show_time(at, zone) for at in (found.begin_ns, found.end_ns))
    columns = (say(key, speak) for key in ("report_figure", "report_value", "report_target"))
    figures = Table(*columns, title=say("report_title", speak, begin=begin, end=end), box=None)
    for name, value, wanted, is_met in _figures(found.load, speak):
        figures.add_row(name, value, wanted, style="" if is_met else "yellow")
    out.print(figures)
    if found.load.actors:
        keys = ("backtest_rule", "where", "backtest_count", "backtest_share")
        actors = Table(*(say(key, speak) for key in keys), title=say("backtest_actors", speak), box=None)
        for actor in found.load.actors:
            actors.add_row(actor.rule, actor.tag, f"{actor.alarms}", f"{actor.share:.0%}")
        out.print(actors)
    if found.tried:
        tried = Table(*_tried_head(speak), title=say("report_remedies", speak), box=None)
        for one in found.tried[:_SHOWN_MAX]:
            tried.add_row(*_tried_cells(one, speak), style="yellow" if _is_dear(one) else "")
        out.print(tried)
    else:
        out.print(say("report_no_remedies", speak))
    out.print(say("report_how", speak), style="dim")


def _page(found: AlarmReport, speak: str, zone: str) -> str:
    begin, end = (show_time(at, zone) for at in (found.begin_ns, found.end_ns))
    names = {rule.id: rule.name.say(speak) for rule in found.plan.rules}
    parts = [
        html_page.table(
            (say(key, speak) for key in ("report_figure", "report_value", "report_target")),
            (
                html_page.row((escape(name), escape(value), escape(wanted)), marked=not is_met)
                for name, value, wanted, is_met in _figures(found.load, speak)
            ),
        ),
        html_page.heading(say("report_load", speak)),
        html_page.bars((found.load.windows, "#1565c0")),
        *actors_of("", found.load, speak),
        html_page.heading(say("report_rules", speak)),
        html_page.table(
            (say(key, speak) for key in ("backtest_rule", "what", "backtest_count")),
            (html_page.row((escape(rule), escape(names.get(rule, "")), f"{alarms}")) for rule, alarms in found.busiest),
        ),
        html_page.heading(say("report_remedies", speak)),
        html_page.table(
            _tried_head(speak),
            (html_page.row(map(escape, _tried_cells(one, speak)), marked=_is_dear(one)) for one in found.tried),
        )
        if found.tried
        else html_page.paragraph(say("report_no_remedies", speak)),
        html_page.paragraph(say("report_how", speak)),
    ]
    return html_page.document(say("report_title", speak, begin=begin, end=end), parts, speak)


def _tried_head(speak: str) -> Iterator[str]:
    keys = ("backtest_rule", "report_remedy", "report_before_after", "report_lost", "report_later")
    return (say(key, speak) for key in keys)


def _is_dear(one: Tried) -> bool:
    """Whether what it loses is to be looked at one by one."""
    return one.highest_lost > Grade.BLUE or one.long_lost > 0


def _tried_cells(one: Tried, speak: str) -> tuple[str, ...]:
    amount = f"{one.remedy.amount:g}" if one.remedy.means == "deadband" else length(one.remedy.amount)
    means = say(f"report_{one.remedy.means}", speak, amount=amount)
    lost = f"{one.lost}"
    if one.lost:
        highest = say(f"grade_{one.highest_lost.name.lower()}", speak)
        lost = say("report_lost_of", speak, count=one.lost, grade=highest, long=one.long_lost)
    return one.remedy.rule, means, f"{one.before} → {one.after}", lost, length(one.later_s)


def _plain(found: AlarmReport) -> dict[str, object]:
    return {
        "from_ns": found.begin_ns,
        "to_ns": found.end_ns,
        "desks": found.desks,
        "load": load_data(found.load),
        "by_rule": dict(found.busiest),
        "readings": found.readings,
        "remedies": [
            {
                "rule": one.remedy.rule,
                "means": one.remedy.means,
                "amount": one.remedy.amount,
                "before": one.before,
                "after": one.after,
                "lost": one.lost,
                "highest_lost": one.highest_lost.name.lower(),
                "long_lost": one.long_lost,
                "later_s": one.later_s,
            }
            for one in found.tried
        ],
    }
