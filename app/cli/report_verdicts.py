"""``fengsui report verdicts``: how many alarms of each rule were real, and who is owed a verdict."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape as plain

from app.cli import html_page
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
from model.alarm import Alarm, Verdict

if TYPE_CHECKING:
    from app.jobs.verdict_report import VerdictReport
    from pipeline.hindsight.verdicts import Tally

_QUARTER_H = 90 * 24.0
_OWED_SHOWN, _OWED_ON_PAGE = 20, 2000


def verdicts(
    config: ConfigOption = CONFIG_DEFAULT,
    begin: Annotated[str, typer.Option("--from", "--since", help="First time; by default 90 days before.")] = "",
    end: Annotated[str, typer.Option("--to", help="Time to end before; by default now.")] = "",
    html: Annotated[Path | None, typer.Option("--html", help="Report to write.")] = None,
    *,
    sites: Annotated[bool, typer.Option("--sites", help="Each rule site by site, too.")] = False,
    as_json: JsonOption = False,
    lang: LangOption = "",
) -> None:
    """统计核实结论：每条规则的真警率和待核实报警。How many alarms of each rule were real, and which were not judged."""
    from app.jobs.verdict_report import verdict_report

    configured = read(config)
    speak, zone = language(lang, configured.language), configured.time_zone
    found = verdict_report(configured, *given_span(begin, end, zone, _QUARTER_H))
    if html is not None:
        html.write_text(_page(found, speak, zone), encoding="utf-8")
    if as_json:
        print_json(_plain(found))
        return
    _show(found, speak, zone, sites=sites)
    if html is not None:
        out.print(say("report_written", speak, path=html), markup=False, soft_wrap=True)


def precision_text(tally: Tally) -> str:
    """The share of real ones with its interval; a dash where nothing says anything."""
    share = tally.precision
    return f"{share.value:.0%} ({share.low:.0%} – {share.high:.0%})" if share.of else "–"


def tally_data(tally: Tally) -> dict[str, object]:
    """One for programs."""
    share = tally.precision
    ends = {name: None if math.isnan(at := getattr(share, name)) else round(at, 6) for name in ("value", "low", "high")}
    counts = {one.value: tally.count(one) for one in Verdict}
    return {
        "rule": tally.rule,
        "site": tally.site,
        "alarms": tally.alarms,
        "judged": tally.judged,
        **counts,
        "precision": ends,
        "median_wait_s": tally.wait_s,
    }


def _head(speak: str, *first: str) -> Iterator[str]:
    yield from (say(key, speak) for key in first)
    yield from (say(key, speak) for key in ("verdicts_alarms", "verdicts_judged"))
    yield from (say(f"verdict_{one.value}", speak) for one in Verdict)
    yield from (say(key, speak) for key in ("verdicts_precision", "verdicts_wait"))


def _cells(tally: Tally, *first: str) -> list[str]:
    counts = (tally.alarms, tally.judged, *(tally.count(one) for one in Verdict))
    return [*first, *map(str, counts), precision_text(tally), length(tally.wait_s)]


def _shown(title: str, head: Iterable[str], rows: Iterable[list[str]]) -> Table:
    table = Table(*head, title=title, box=None)
    for row in rows:
        table.add_row(*map(plain, row))
    return table


def _show(found: VerdictReport, speak: str, zone: str, *, sites: bool) -> None:
    told = found.verdicts
    if not told.rules:
        out.print(say("verdicts_none", speak))
        return
    names = _Names(found, speak)
    out.print(
        _shown(
            _title(found, speak, zone),
            _head(speak, "verdicts_rule"),
            (_cells(one, names.rule(one.rule)) for one in told.rules),
        )
    )
    if sites:
        out.print(
            _shown(
                say("verdicts_sites", speak),
                _head(speak, "verdicts_rule", "verdicts_site"),
                (_cells(one, one.rule, names.site(one.site)) for one in told.sites),
            )
        )
    if not told.owed:
        out.print(say("verdicts_none_owed", speak), style="green")
    else:
        keys = ("grade", "since", "what", "where", "id")
        owed = Table(
            *(say(key, speak) for key in keys), title=say("verdicts_owed", speak, count=len(told.owed)), box=None
        )
        for alarm in told.owed[:_OWED_SHOWN]:
            since, *rest = _owed_cells(alarm, names, zone)
            owed.add_row(grade_text(alarm.highest, speak), since, *map(plain, rest))
        out.print(owed)
        if len(told.owed) > _OWED_SHOWN:
            out.print(say("verdicts_more", speak, count=len(told.owed) - _OWED_SHOWN))
    out.print(say("verdicts_how", speak), style="dim")


def _owed_cells(alarm: Alarm, names: _Names, zone: str) -> tuple[str, ...]:
    return show_time(alarm.start_ns, zone), names.rule(alarm.rule), alarm.tag, alarm.id[:8]


def _title(found: VerdictReport, speak: str, zone: str) -> str:
    begin, end = (show_time(at, zone) for at in (found.begin_ns, found.end_ns))
    return say("verdicts_title", speak, begin=begin, end=end)


class _Names:
    """What rules and sites of the plan in force are called; ids where it knows them no more."""

    def __init__(self, found: VerdictReport, speak: str) -> None:
        self._rules = {one.id: one.name.say(speak) for one in found.plan.rules}
        self._sites = {one.id: one.name.say(speak) for one in found.plan.sites}

    def rule(self, rule: str) -> str:
        return f"{rule} {self._rules.get(rule, '')}".strip()

    def site(self, site: str) -> str:
        return self._sites.get(site, site)


def _page(found: VerdictReport, speak: str, zone: str) -> str:
    told, names = found.verdicts, _Names(found, speak)

    def table(rows: Iterable[list[str]], *first: str) -> str:
        return html_page.table(_head(speak, *first), (html_page.row(map(escape, row)) for row in rows))

    parts = [
        table((_cells(one, names.rule(one.rule)) for one in told.rules), "verdicts_rule"),
        html_page.heading(say("verdicts_sites", speak)),
        table(
            (_cells(one, names.rule(one.rule), names.site(one.site)) for one in told.sites),
            "verdicts_rule",
            "verdicts_site",
        ),
        html_page.heading(say("verdicts_owed", speak, count=len(told.owed))),
        html_page.table(
            (say(key, speak) for key in ("grade", "since", "what", "where", "id")),
            (
                html_page.row(
                    [
                        escape(say(f"grade_{alarm.highest.name.lower()}", speak)),
                        *map(escape, _owed_cells(alarm, names, zone)),
                    ]
                )
                for alarm in told.owed[:_OWED_ON_PAGE]
            ),
        ),
        html_page.paragraph(say("verdicts_how", speak)),
    ]
    return html_page.document(_title(found, speak, zone), parts, speak)


def _plain(found: VerdictReport) -> dict[str, object]:
    told = found.verdicts
    return {
        "from_ns": found.begin_ns,
        "to_ns": found.end_ns,
        "rules": [tally_data(one) for one in told.rules],
        "sites": [tally_data(one) for one in told.sites],
        "owed": [
            {
                "id": one.id,
                "rule": one.rule,
                "tag": one.tag,
                "asset": one.asset,
                "grade": one.highest.name.lower(),
                "start_ns": one.start_ns,
                "state": one.state.value,
            }
            for one in told.owed
        ],
    }
