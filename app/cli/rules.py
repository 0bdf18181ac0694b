"""``fengsui rules``: which limits hold where and from where, and the master alarm database out and in."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape

from app.cli.screen import (
    CONFIG_DEFAULT,
    EXIT_NOT_FOUND,
    ConfigOption,
    JsonOption,
    LangOption,
    complain,
    grade_text,
    language,
    out,
    print_json,
    say,
)
from app.cli.tables import Table
from app.configured import read

if TYPE_CHECKING:
    from app.jobs.master import Imported
    from app.jobs.rules_shown import OverrideShown, RuleShown

app = typer.Typer(
    help="规则与限值一览，主报警数据库导出导入。Rules and limits; the master alarm database.", no_args_is_help=True
)


@app.command("list")
def listed(
    config: ConfigOption = CONFIG_DEFAULT,
    tag: Annotated[str, typer.Option("--tag", help="The limits that hold for this sensor or asset now.")] = "",
    rule: Annotated[str, typer.Option("--rule", help="Only this rule.")] = "",
    *,
    overrides: Annotated[bool, typer.Option("--overrides", help="The overrides, with owner and dates.")] = False,
    as_json: JsonOption = False,
    lang: LangOption = "",
) -> None:
    """列出规则与限值，以及依据。The rules with their limits, and where those come from."""
    from app.jobs.rules_shown import overrides_shown, rules_shown
    from config.plan import load_configuration

    settings = read(config)
    speak = language(lang, settings.language)
    plan = load_configuration(settings).plan
    if overrides:
        listing = [one for one in overrides_shown(plan, time.time_ns()) if rule in ("", one.override.rule)]
        _print([_override_data(one) for one in listing] if as_json else _overrides(listing, speak), as_json=as_json)
        return
    found = [one for one in rules_shown(plan, time.time_ns(), tag) if rule in ("", one.rule.id)]
    if not found:
        complain(say("rules_none", speak))
        raise typer.Exit(EXIT_NOT_FOUND)
    _print(
        [line for one in found for line in _rule_data(one)] if as_json else _rules(found, tag, speak), as_json=as_json
    )


@app.command("export")
def export(
    file: Annotated[Path, typer.Argument(help="A .csv or .xlsx to write.")],
    config: ConfigOption = CONFIG_DEFAULT,
    *,
    sensors: Annotated[bool, typer.Option("--sensors", help="A row for every sensor and rule, too.")] = False,
    lang: LangOption = "",
) -> None:
    """导出主报警数据库。Every rule and grade as a row of a sheet, for review."""
    from app.jobs.master import export as write
    from config.plan import load_configuration

    settings = read(config)
    speak = language(lang, settings.language)
    rows = write(load_configuration(settings).plan, file, speak, sensors=sensors)
    out.print(say("rules_exported", speak, rows=rows, path=file), markup=False, highlight=False)


@app.command("import")
def bring_in(
    file: Annotated[Path, typer.Argument(help="The .csv or .xlsx that was changed.")],
    folder: Annotated[Path, typer.Option("--out", help="Folder to make, for the proposal.")],
    config: ConfigOption = CONFIG_DEFAULT,
    by: Annotated[str, typer.Option("--by", help="Who changes settings, where the sheet does not say.")] = "",
    since: Annotated[str, typer.Option("--since", help="From which day; today by default.")] = "",
    reason: Annotated[str, typer.Option("--reason", help="Why, where the sheet does not say.")] = "",
    *,
    as_json: JsonOption = False,
    lang: LangOption = "",
) -> None:
    """导入修改后的表格，生成建议。What was changed in a sheet, as a proposal that fengsui check accepts."""
    from app.jobs.master import bring_in as take
    from config.master.changes import Defaults

    settings = read(config)
    speak = language(lang, settings.language)
    since = since or str(datetime.now(UTC).date())
    found = take(settings, file, folder, Defaults(by, since, reason))
    if as_json:
        print_json({"differences": found.differences, "files": [str(one) for one in found.files]})
        return
    if not found.differences:
        out.print(say("rules_same", speak))
        return
    out.print(_differences(found, speak))
    for warning in found.warnings:
        out.print(f"! {warning}", style="yellow", markup=False, highlight=False)
    out.print(say("rules_proposed", speak, path=folder), markup=False, highlight=False)


def _print(what: Any, *, as_json: bool) -> None:
    if as_json:
        print_json(what)
    else:
        out.print(what)


def _rule_data(one: RuleShown) -> Iterator[dict[str, Any]]:
    for spec, off in zip(one.settings.grades, one.settings.off, strict=True):
        yield {
            "rule": one.rule.id,
            "name": one.rule.name,
            "grade": spec.grade.name.lower(),
            "condition": spec.when,
            "off": off,
            "on_delay_s": spec.on_delay_s,
            "off_delay_s": spec.off_delay_s,
            "deadband": spec.deadband,
            "source": one.settings.source,
            "overrides": one.settings.overrides,
            "where": one.where,
        }


def _rules(found: list[RuleShown], tag: str, speak: str) -> Table:
    title = say("rules_of_tag", speak, tag=tag) if tag else say("rules_title", speak)
    table = Table(title=escape(title), title_justify="left")
    for key in ("rules_rule", "grade", "rules_condition", "rules_delays", "rules_deadband", "rules_from"):
        table.add_column(say(key, speak))
    for one in found:
        for spec, off in zip(one.settings.grades, one.settings.off, strict=True):
            table.add_row(
                escape(f"{one.rule.id} {one.rule.name.say(speak)}"),
                grade_text(spec.grade, speak),
                say("rules_off", speak) if off else escape(spec.when),
                f"{spec.on_delay_s:g} s / {spec.off_delay_s:g} s",
                f"{spec.deadband:g}",
                escape(one.settings.source.say(speak)),
            )
    return table


def _override_data(one: OverrideShown) -> dict[str, Any]:
    override = one.override
    return {
        "id": override.id,
        "rule": override.rule,
        "where": one.where,
        "concerns": one.concerns,
        "changes": one.changes,
        "owner": override.owner,
        "since": override.since,
        "until": override.until,
        "reason": override.reason,
        "state": one.state,
        "loosens_red": one.loosens_red,
    }


def _overrides(listing: list[OverrideShown], speak: str) -> Table | str:
    if not listing:
        return say("rules_no_overrides", speak)
    table = Table(title=say("rules_overrides", speak), title_justify="left")
    columns = ("id", "rule", "changes", "whom", "count", "owner", "span", "state", "reason")
    for key in columns:
        table.add_column(say(f"rules_{key}", speak))
    for one in listing:
        override = one.override
        state = say(f"rules_{one.state}", speak)
        table.add_row(
            escape(override.id),
            escape(override.rule),
            escape(one.changes or say("rules_off", speak)),
            escape(one.where),
            str(one.concerns),
            escape(override.owner),
            f"{override.since} – {override.until or ''}",
            f"{state}\n[bold red]{say('rules_red', speak)}[/]" if one.loosens_red else state,
            escape(override.reason.say(speak)),
        )
    return table


def _differences(found: Imported, speak: str) -> Table:
    table = Table(title=say("rules_differences", speak), title_justify="left")
    for key in ("rules_place", "rules_rule", "grade", "rules_tag", "rules_column", "rules_before", "rules_after"):
        table.add_column(say(key, speak))
    for one in found.differences:
        cells = (one.place, one.rule, say(f"grade_{one.grade}", speak), one.tag, one.column, one.before, one.after)
        table.add_row(*(escape(str(cell)) for cell in cells))
    return table
