"""``fengsui quality``: who was heard, how completely, whose calibration ends; notices to enterprises.

Exit codes: 0 the report was made, 1 a file of the archive did not read (the figures are of the rest), 2 wrong
configuration or use, 3 no readings in that time, or no such enterprise. What falls below a limit is news, no error.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated
from zoneinfo import ZoneInfo

import typer
from rich.markup import escape
from rich.progress import Progress, TextColumn

from app.cli.screen import (
    CONFIG_DEFAULT,
    EXIT_FAILED,
    EXIT_NOT_FOUND,
    ConfigOption,
    JsonOption,
    LangOption,
    complain,
    given_time,
    language,
    out,
    print_json,
    say,
    show_time,
)
from app.cli.tables import Table
from app.configured import Paths, read

if TYPE_CHECKING:
    from app.jobs.quality import Period
    from config.settings import Settings
    from model.plan import Plan
    from pipeline.quality.figures import Group, Limits, SensorFigures
    from store.archive.by_sensor import SensorReader

app = typer.Typer(help="数据质量：在线率、完整率、检定到期，按企业通报。Data quality: online, complete, calibration.")

FromOption = Annotated[str, typer.Option("--from", help="Time (ISO 8601; without zone: the display's).")]
ToOption = Annotated[str, typer.Option("--to", help="Time to end before; by default now.")]
DayOption = Annotated[str, typer.Option("--day", help="A day in the display's zone; by default yesterday.")]
_BY = ("enterprise", "site", "kind", "sensor")


@app.callback(invoke_without_command=True)
def quality(
    context: typer.Context,
    config: ConfigOption = CONFIG_DEFAULT,
    begin: FromOption = "",
    end: ToOption = "",
    day: DayOption = "",
    enterprise: Annotated[str, typer.Option("--enterprise", help="Only this one, by id.")] = "",
    by: Annotated[str, typer.Option("--by", help="enterprise, site, kind or sensor.")] = "enterprise",
    csv_file: Annotated[Path | None, typer.Option("--csv", help="Write the figures into this file, too.")] = None,
    notice: Annotated[Path | None, typer.Option("--notice", help="Write a notice an enterprise into a folder.")] = None,
    *,
    as_json: JsonOption = False,
    lang: LangOption = "",
) -> None:
    """统计在线率、完整率、读数质量、中断与检定到期。Online rate, completeness, quality, outages, calibrations."""
    if context.invoked_subcommand is not None:
        return
    from pipeline.quality.figures import By, grouped

    if by not in _BY:
        raise typer.BadParameter(f"must be one of {', '.join(_BY)}, got {by!r}", param_hint="--by")
    place = opened(config, lang)
    period = given_period(begin, end, day, place)
    limits = _limits(place.configured)
    sensors = _measured(place, period, limits, as_json=as_json)
    chosen = [one for one in sensors if enterprise in ("", one.enterprise)]
    if enterprise and not chosen:
        complain(say("quality_no_enterprise", place.speak, id=enterprise))
        raise typer.Exit(EXIT_NOT_FOUND)
    groups = grouped(place.plan, chosen, By(by), limits)
    report = _Report(place, period, limits, by, groups)
    files = [*report.write_csv(csv_file), *_write_notices(notice, report, chosen)]
    if as_json:
        print_json(report.as_data(files))
    else:
        report.show(sum(not one.is_judged for one in chosen))
        if csv_file is not None:
            out.print(say("quality_written", place.speak, path=csv_file), markup=False, soft_wrap=True)
        if notice is not None:
            count = len(files) - (csv_file is not None)
            out.print(say("quality_notices", place.speak, count=count, path=notice), markup=False, soft_wrap=True)
    end_with(place, has_readings=any(one.readings for one in chosen))


@dataclass(frozen=True, slots=True)
class Place:
    """What is read, and how to speak of it."""

    configured: Settings
    plan: Plan
    reader: SensorReader
    speak: str

    @property
    def zone(self) -> str:
        return self.configured.time_zone


def opened(config: Path, lang: str) -> Place:
    """The configuration, its plan and its archive."""
    from config.plan import load_plan
    from model.heartbeat import HEARTBEAT
    from store.archive.by_sensor import SensorReader

    configured = read(config)
    plan = load_plan(configured)
    plan = replace(plan, sensors=tuple(one for one in plan.sensors if one.tag != HEARTBEAT))
    reader = SensorReader(configured.archive_folder, Paths.under(configured.data_dir).journal)
    return Place(configured, plan, reader, language(lang, configured.language))


def given_period(begin: str, end: str, day: str, place: Place) -> Period:
    """The period that was asked for; it never ends later than now.

    Raises:
        typer.BadParameter: none could be meant.

    """
    from app.jobs.quality import Period, day_period

    if day and (begin or end):
        raise typer.BadParameter("must not be given with --from or --to", param_hint="--day")
    now = datetime.now(ZoneInfo(place.zone))
    now_ns = int(now.timestamp()) * 10**9
    if begin or end:
        from_ns, to_ns = given_time(begin, place.zone, "--from"), given_time(end, place.zone, "--to")
        if from_ns is None:
            raise typer.BadParameter("must be given with --to", param_hint="--from")
        period = Period(from_ns, now_ns if to_ns is None else min(to_ns, now_ns), place.zone)
    else:
        period = day_period(_day(day) if day else now.date() - timedelta(1), place.zone)
        period = replace(period, to_ns=min(period.to_ns, now_ns))
    if period.from_ns >= period.to_ns:
        raise typer.BadParameter("must begin before it ends, and before now", param_hint="--from" if begin else "--day")
    return period


def end_with(place: Place, *, has_readings: bool) -> None:
    """Say what could not be read, and end with the exit code that it makes."""
    problems = place.reader.problems
    for what in problems.files.values():
        complain(what)
    if problems.missing:
        complain(say("quality_missing", place.speak, count=problems.missing))
    if not has_readings:
        complain(say("quality_nothing", place.speak))
    if problems.files:
        raise typer.Exit(EXIT_FAILED)
    if not has_readings:
        raise typer.Exit(EXIT_NOT_FOUND)


@contextmanager
def counter(speak: str, *, shown: bool) -> Iterator[Callable[[int], None]]:
    """How many readings were gone through, on a terminal."""
    columns = (TextColumn("{task.description} {task.completed:,.0f}"),)
    with Progress(*columns, console=out, transient=True, disable=not (shown and out.is_terminal)) as progress:
        task = progress.add_task(say("quality_reading", speak), total=None)
        yield lambda done: progress.update(task, completed=done)


def _measured(place: Place, period: Period, limits: Limits, *, as_json: bool) -> list[SensorFigures]:
    from app.jobs.quality import measured

    with counter(place.speak, shown=not as_json) as told:
        return measured(place.reader, place.plan, period, limits, progress=told)


def _limits(configured: Settings) -> Limits:
    from pipeline.quality.figures import Limits

    given = configured.quality
    return Limits(given.online_min, given.completeness_min, given.calibration_days)


def _day(given: str) -> date:
    try:
        return date.fromisoformat(given)
    except ValueError:
        raise typer.BadParameter(f"must be a day such as 2026-11-26, got {given!r}", param_hint="--day") from None


def _write_notices(folder: Path | None, report: _Report, sensors: Sequence[SensorFigures]) -> list[str]:
    from app.jobs.quality_notice import notices, write

    if folder is None:
        return []
    place = report.place
    found = notices(place.plan, sensors, report.period, report.limits, place.speak)
    return [str(path) for path in write(found, folder)]


@dataclass(frozen=True, slots=True)
class _Report:
    """Figures, and the three forms they are given in."""

    place: Place
    period: Period
    limits: Limits
    by: str
    groups: Sequence[Group]

    def as_data(self, files: list[str]) -> dict[str, object]:
        problems = self.place.reader.problems
        return {
            "from_ns": self.period.from_ns,
            "to_ns": self.period.to_ns,
            "limits": self.limits,
            "by": self.by,
            "groups": self.groups,
            "readings_unknown": problems.unknown,
            "inputs_missing": problems.missing,
            "damaged": problems.files,
            "files": files,
        }

    def write_csv(self, path: Path | None) -> list[str]:
        """A line a group, shares as fractions; times in UTC."""
        if path is None:
            return []
        from store.archive.export import spreadsheet_safe

        partial = path.with_name(f"{path.name}.part")
        with partial.open("w", encoding="utf-8-sig", newline="") as text:
            writer = csv.writer(text)
            writer.writerow([self.by, "name", *_NUMBERS, "outage_begin", "outage_tag"])
            for one in self.groups:
                numbers = ["" if (value := getattr(one, key)) is None else value for key in _NUMBERS]
                begin = "" if one.outage_begin_ns is None else show_time(one.outage_begin_ns, "UTC")
                words = [one.id, one.name.say(self.place.speak), one.outage_tag]
                first, name, tag = (spreadsheet_safe(word) for word in words)
                writer.writerow([first, name, *numbers, begin, tag])
        partial.replace(path)
        return [str(path)]

    def show(self, not_judged: int) -> None:
        speak, zone = self.place.speak, self.place.zone
        begin, end = show_time(self.period.from_ns, zone), show_time(self.period.to_ns, zone)
        keys = ("registered", "heard", "never", "online", "completeness", "shares", "outage", "calibration", "short")
        title = say("quality_title", speak, begin=begin, end=end)
        table = Table(*(say(f"quality_{key}", speak) for key in (self.by, *keys)), title=title, box=None)
        for one in self.groups:
            table.add_row(*self._cells(one))
        out.print(table)
        if not_judged:
            out.print(say("quality_left_out", speak, count=not_judged), style="dim")
        if self.place.reader.problems.unknown:
            out.print(say("quality_unknown", speak, count=self.place.reader.problems.unknown), style="dim")

    def _cells(self, one: Group) -> list[str]:
        from app.jobs.quality_notice import percent

        name = one.id if self.by == "sensor" else f"{one.name.say(self.place.speak)} ({one.id})"
        shares = "/".join(percent(share).removesuffix(" %") for share in (one.good, one.uncertain, one.bad))
        return [
            escape(name),
            str(one.sensors),
            str(one.heard),
            _red(str(one.never_heard), when=one.never_heard > 0),
            _red(percent(one.online), when=one.online is not None and one.online < self.limits.online_min),
            _red(
                percent(one.completeness),
                when=one.completeness is not None and one.completeness < self.limits.completeness_min,
            ),
            shares,
            self._outage(one),
            _calibrations(one),
            _red(str(one.short), when=one.short > 0),
        ]

    def _outage(self, one: Group) -> str:
        from app.jobs.quality_notice import span

        if one.outage_begin_ns is None:
            return "-"
        return f"{span(one.outage_s, self.place.speak)} ({show_time(one.outage_begin_ns, self.place.zone)[5:]})"


_NUMBERS = (
    "sensors",
    "heard",
    "not_judged",
    "never_heard",
    "online",
    "completeness",
    "readings",
    "good",
    "uncertain",
    "bad",
    "outage_s",
    "calibration_due",
    "calibration_overdue",
    "calibration_unknown",
    "short",
)


def _red(text: str, *, when: bool) -> str:
    return f"[red]{text}[/]" if when else text


def _calibrations(one: Group) -> str:
    overdue = _red(str(one.calibration_overdue), when=one.calibration_overdue > 0)
    return f"{one.calibration_due}/{overdue}/{one.calibration_unknown}"
