"""``fengsui check``: are these packs, or this configuration, right?"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated
from zoneinfo import ZoneInfo

import typer
from rich.progress import Progress

if TYPE_CHECKING:
    from app.jobs.check_packs import CheckReport

from app.cli.screen import CONFIG_DEFAULT, EXIT_FAILED, JsonOption, LangOption, language, out, print_json, say
from app.configured import read


def check(
    packs: Annotated[
        list[str] | None,
        typer.Argument(help="Packs by name or folder; none: those of ./fengsui.yaml, else the shipped."),
    ] = None,
    config: Annotated[Path | None, typer.Option("--config", "-c", help="Check this fengsui.yaml, too.")] = None,
    *,
    as_json: JsonOption = False,
    lang: LangOption = "",
) -> None:
    """检查规则包与配置，并运行规则包自带的测试。Check packs and configuration, and run the packs' own tests."""
    from app.jobs.check_packs import check as check_packs
    from config.packs import shipped
    from config.plan import load_configuration, overdue_calibrations
    from config.rules.overrides import dated

    speak = language(lang)
    if not packs and config is None and CONFIG_DEFAULT.is_file():
        config = CONFIG_DEFAULT
    warnings = []
    names, base = packs or shipped(), Path.cwd()
    if config is not None:
        configured = read(config)
        loaded = load_configuration(configured)
        today = datetime.now(ZoneInfo(configured.time_zone)).date()
        overdue = overdue_calibrations(loaded.plan, configured.registry, today)
        due = dated(loaded.overrides, datetime.now(UTC).date())
        warnings += [str(warning) for warning in (*loaded.warnings, *overdue, *due)]
        names, base = packs or list(configured.packs), config.absolute().parent
    with Progress(console=out, transient=True, disable=as_json) as progress:
        task = progress.add_task(say("checking", speak), total=None)
        report = check_packs(names, base, progress=lambda done, of: progress.update(task, completed=done, total=of))
    warnings = list(dict.fromkeys(warnings + [str(warning) for warning in report.warnings]))
    if as_json:
        print_json({"ok": report.ok, "warnings": warnings, "tests": _as_data(report)})
    else:
        _show(report, warnings, names, speak)
    if not report.ok:
        raise typer.Exit(EXIT_FAILED)


def _show(report: CheckReport, warnings: list[str], names: list[str], speak: str) -> None:
    for warning in warnings:
        out.print(f"! {warning}", style="yellow", markup=False, highlight=False, soft_wrap=True)
    failed = [result for result in report.results if not result.ok]
    for result in failed:
        out.print(f"✗ {result.test.place}: {result.test.name.say(speak)}", style="red", markup=False, highlight=False)
        for complaint in result.complaints:
            out.print(f"    {complaint}", markup=False, highlight=False)
    if failed:
        out.print(say("check_failed", speak, failed=len(failed)), style="red")
    else:
        out.print(say("check_ok", speak, packs=", ".join(names), tests=len(report.results)), style="green")


def _as_data(report: CheckReport) -> list[dict[str, object]]:
    return [
        {"test": result.test.name, "place": str(result.test.place), "ok": result.ok, "complaints": result.complaints}
        for result in report.results
    ]
