"""``fengsui diff`` and ``fengsui apply``: what changed files would change, and how they come into force."""

from __future__ import annotations

import getpass
import sys
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
import typer
from rich.markup import escape

if TYPE_CHECKING:
    from pipeline.changes.difference import PlanDifference

from app.cli.quality_stuck import length
from app.cli.screen import (
    CONFIG_DEFAULT,
    EXIT_CONFIG,
    EXIT_UNKNOWN,
    ConfigOption,
    JsonOption,
    LangOption,
    complain,
    language,
    out,
    print_json,
    say,
    show_time,
)
from app.cli.tables import Table
from app.client import FilesRefused, PipelineClient
from app.configured import Paths, read
from app.parent import end_with_parent
from config.settings import Settings
from model.errors import OutcomeUnknown
from store.pipeline_reader import PipelineReader

_NAMES_SHOWN, _KEYS_SHOWN, _RED_SHOWN = 8, 40, 20


def diff(config: ConfigOption = CONFIG_DEFAULT, *, as_json: JsonOption = False, lang: LangOption = "") -> None:
    """比较配置文件与现行配置。What the configuration files would change in what is in force."""
    configured = read(config)
    speak = language(lang, configured.language)
    found = _difference(configured)
    if as_json:
        print_json(found)
        return
    _show(found, speak)
    if not found.same:
        out.print(say("apply_how", speak))


def apply(
    config: ConfigOption = CONFIG_DEFAULT,
    *,
    by: Annotated[str, typer.Option("--by", help="Who does it; by default the user of this machine.")] = "",
    note: Annotated[str, typer.Option("--note", help="A remark for the record.")] = "",
    approve: Annotated[
        str, typer.Option("--approve", help="Version that another person has proposed, to agree to it.")
    ] = "",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show what would change, as `fengsui diff`.")] = False,
    as_json: JsonOption = False,
    lang: LangOption = "",
) -> None:
    """使配置文件生效。Have the configuration files come into force, without a restart."""
    if dry_run:
        diff(config, as_json=as_json, lang=lang)
        return
    configured = read(config)
    speak = language(lang, configured.language)
    try:
        told = PipelineClient(configured.socket).apply(by=by or getpass.getuser(), note=note, approve=approve)
    except OutcomeUnknown as error:
        complain(say("apply_unknown", speak, reason=error.reason))
        raise typer.Exit(EXIT_UNKNOWN) from error
    except FilesRefused as error:
        complain(str(error))
        raise typer.Exit(EXIT_CONFIG) from error
    if as_json:
        print_json(told)
    else:
        _show_told(told, speak, configured.time_zone)


def read_plan(
    config: ConfigOption = CONFIG_DEFAULT,
    *,
    tests: Annotated[bool, typer.Option("--tests", help="Play the packs' own tests, too.")] = False,
) -> None:
    """供流水线读取配置。Reads the files for the pipeline, which goes on meanwhile."""
    import os

    from app.jobs.read_plan import read_plan as job

    os.nice(10)
    end_with_parent()
    sys.stdout.buffer.write(msgspec.json.encode(job(config, tests=tests)))


def warm_detectors(config: ConfigOption = CONFIG_DEFAULT) -> None:
    """供流水线预热检测器。Warms changed detectors for the pipeline; the plan comes on standard input."""
    import os

    from app.jobs.warm_detectors import warm_detectors as job
    from model.plan import Plan

    os.nice(10)
    end_with_parent()
    plan = msgspec.json.decode(sys.stdin.buffer.read(), type=Plan)
    sys.stdout.buffer.write(msgspec.json.encode(job(read(config), plan)))


def _difference(configured: Settings) -> PlanDifference:
    from config.plan import load_plan
    from pipeline.changes.difference import difference

    reader = PipelineReader(Paths.under(configured.data_dir).pipeline_db)
    try:
        in_force, alarms = reader.plan(), reader.alarms(limit=100_000)
    finally:
        reader.close()
    return difference(in_force, load_plan(configured), alarms)


def _show_told(told: dict[str, Any], speak: str, zone: str) -> None:
    from pipeline.changes.difference import PlanDifference

    found = msgspec.convert(told["difference"], PlanDifference)
    _show(found, speak)
    if told["warnings"] and told["outcome"] != "nothing":
        out.print(say("apply_warnings", speak, count=len(told["warnings"])), style="yellow")
    if told.get("warmed"):
        out.print(say("apply_warmed", speak, detectors=", ".join(told["warmed"])), markup=False)
    if told["outcome"] == "applied":
        out.print(say("apply_done", speak, version=found.after), style="green")
    elif told["outcome"] == "proposed":
        words = {"version": found.after, "time": show_time(told["expires_ns"], zone)}
        out.print(say("apply_proposed", speak, **words), style="yellow", soft_wrap=True)


def _show(found: PlanDifference, speak: str) -> None:
    if found.same:
        out.print(say("apply_same", speak, version=found.before))
        return
    columns = [say(f"apply_{key}", speak) for key in ("part", "added", "removed", "changed")]
    table = Table(*columns, title=say("apply_title", speak, before=found.before, after=found.after), box=None)
    for name, part in found.sections.items():
        if not part.same:
            changed = tuple(one.id for one in part.changed)
            table.add_row(_part(name, speak), *(_names(ids) for ids in (part.added, part.removed, changed)))
    out.print(table)
    lines = [
        f"{_part(name, speak)} {one.id} {key}: {before} -> {after}"
        for name, part in found.sections.items()
        for one in part.changed
        for key, before, after in one.keys
    ]
    _lines(lines, _KEYS_SHOWN, speak)
    _show_cost(found, speak)


def _show_cost(found: PlanDifference, speak: str) -> None:
    for one in found.anew:
        key = "apply_anew" if one.learns_s else "apply_anew_now"
        out.print(say(key, speak, detector=one.detector, time=length(one.learns_s)), markup=False)
    if found.delays:
        out.print(say("apply_delays", speak, rules=", ".join(found.delays)), markup=False)
    if found.alarms:
        out.print(say("apply_alarms", speak, count=len(found.alarms)))
    if found.red:
        out.print(say("apply_red", speak), style="bold red")
        _lines([f"{one.place}: {one.text.say(speak)}" for one in found.red], _RED_SHOWN, speak)


def _part(name: str, speak: str) -> str:
    key = f"apply_part_{name}"
    try:
        return say(key, speak)
    except KeyError:  # a part of plans that has no name of its own here yet
        return name


def _names(ids: tuple[str, ...]) -> str:
    shown = ", ".join(escape(one) for one in ids[:_NAMES_SHOWN])
    return f"{len(ids)}: {shown}{' ...' if len(ids) > _NAMES_SHOWN else ''}" if ids else "-"


def _lines(lines: list[str], most: int, speak: str) -> None:
    for line in lines[:most]:
        out.print(f"  {line}", markup=False, highlight=False, soft_wrap=True)
    if len(lines) > most:
        out.print(f"  {say('apply_more', speak, count=len(lines) - most)}")


def changes_line(changes: dict[str, Any], speak: str) -> str:
    """For ``fengsui status``: whether the files say what is in force, and what waits for a second person."""
    files = changes["files"]
    line = say(
        f"changes_{files['state']}", speak, **{key: escape(str(files.get(key, ""))) for key in ("version", "error")}
    )
    style = {"same": "green", "differ": "yellow", "wrong": "red"}.get(files["state"], "dim")
    lines = [f"[{style}]{line}[/]"]
    if proposal := changes["proposal"]:
        waits = say("changes_proposal", speak, by=escape(proposal["by"]), version=proposal["version"])
        lines.append(f"[yellow]{waits}[/]")
    return "\n".join(lines)
