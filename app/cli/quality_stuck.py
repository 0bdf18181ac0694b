"""``fengsui quality stuck``: how long readings of a kind stand still on this fleet, and the limit that follows.

A proposal, never written by itself. Exit codes as of ``fengsui quality``; 3 also where no flatline detector looks.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Annotated
from zoneinfo import ZoneInfo

import typer
from rich.markup import escape

from app.cli.quality import FromOption, Place, ToOption, counter, end_with, given_period, opened
from app.cli.screen import (
    CONFIG_DEFAULT,
    EXIT_NOT_FOUND,
    ConfigOption,
    JsonOption,
    LangOption,
    complain,
    out,
    print_json,
    say,
    show_time,
)
from app.cli.tables import Table

if TYPE_CHECKING:
    from app.jobs.quality import Period
    from pipeline.quality.stuck_limits import Change, FleetRuns

#: A week has nights and a weekend.
DAYS_DEFAULT = 7
_SHOWN_MAX = 10


def stuck(
    config: ConfigOption = CONFIG_DEFAULT,
    begin: FromOption = "",
    end: ToOption = "",
    kind: Annotated[str, typer.Option("--kind", help="Only this kind.")] = "",
    *,
    as_json: JsonOption = False,
    lang: LangOption = "",
) -> None:
    """量测读数不动的时长，并建议卡滞限值；默认最近 7 天。How long readings stand still, and the limit that follows."""
    from app.jobs.quality import measured_runs
    from pipeline.quality.stuck import fleets
    from pipeline.quality.stuck_limits import changes

    place = opened(config, lang)
    if not begin and not end:
        begin = (datetime.now(ZoneInfo(place.zone)) - timedelta(DAYS_DEFAULT)).isoformat(timespec="seconds")
    period = given_period(begin, end, "", place)
    chosen = [one for one in fleets(place.plan) if kind in ("", one.kind) and one.tags]
    if not chosen:
        complain(say("stuck_none", place.speak))
        raise typer.Exit(EXIT_NOT_FOUND)
    with counter(place.speak, shown=not as_json) as told:
        found = measured_runs(place.reader, place.plan, chosen, period, progress=told)
    proposed = changes(chosen, found)
    if as_json:
        print_json(_as_data(place, period, found, proposed))
    else:
        _show(place, period, found, proposed)
    end_with(place, has_readings=any(one.measured for one in found))


def _as_data(place: Place, period: Period, found: Sequence[FleetRuns], proposed: Sequence[Change]) -> dict[str, object]:
    problems = place.reader.problems
    return {
        "from_ns": period.from_ns,
        "to_ns": period.to_ns,
        "fleets": found,
        "changes": proposed,
        "inputs_missing": problems.missing,
        "damaged": problems.files,
    }


def _show(place: Place, period: Period, found: Sequence[FleetRuns], proposed: Sequence[Change]) -> None:
    speak = place.speak
    begin, end = (show_time(at, place.zone) for at in (period.from_ns, period.to_ns))
    words = [say(key, speak) for key in ("quality_kind", "stuck_detector", "stuck_measured", "stuck_runs")]
    words += ["p50", "p99", "p99.9", *(say(f"stuck_{key}", speak) for key in ("longest", "now", "proposed"))]
    table = Table(*words, title=say("stuck_title", speak, begin=begin, end=end), box=None)
    for one in found:
        detector = f"{one.detector} ({one.only})" if one.only else one.detector
        lengths = [one.p50_s, one.p99_s, one.p999_s, one.longest_s, one.now_s]
        last = say(f"stuck_{one.verdict}", speak) if one.proposed_s is None else length(one.proposed_s)
        cells = [one.kind, detector, f"{one.measured}/{one.sensors}", f"{one.runs:,}", *map(length, lengths), last]
        table.add_row(*map(escape, cells))
    out.print(table)
    for one in found:
        if one.left_out:
            out.print(_left_out(one, speak), style="yellow", markup=False, soft_wrap=True)
    if period.to_ns - period.from_ns < 86_400 * 10**9:
        out.print(say("stuck_short", speak), style="yellow")
    if not proposed:
        out.print(say("stuck_as_is", speak))
        return
    out.print(say("stuck_lines", speak))
    out.print(yaml_lines(proposed), markup=False, highlight=False, soft_wrap=True)


def yaml_lines(proposed: Sequence[Change]) -> str:
    """What would stand in rules.yaml; of each grade only ``when`` changes."""
    lines = ["rules:"]
    for at, one in enumerate(proposed):
        if at == 0 or proposed[at - 1].rule != one.rule:
            lines += [f"  {one.rule}:", "    grades:"]
        lines.append(f'      {one.grade}: {{when: "{one.proposed}"}}  # now "{one.now}"')
    return "\n".join(lines)


def length(seconds: float | None) -> str:
    """A length of time in the unit that suits it, in words of the rule language."""
    if seconds is None:
        return "-"
    for unit, size_s in (("h", 3600.0), ("min", 60.0)):
        if seconds >= 2 * size_s:
            return f"{seconds / size_s:.3g} {unit}"
    return f"{seconds:.3g} s"


def _left_out(one: FleetRuns, speak: str) -> str:
    shown = [f"{sensor.tag} ({length(sensor.longest_s)})" for sensor in one.left_out[:_SHOWN_MAX]]
    more = len(one.left_out) - len(shown)
    words = ", ".join(shown) + (f" {say('stuck_more', speak, count=more)}" if more else "")
    return say("stuck_left_out", speak, kind=one.kind, sensors=words)
