"""``fengsui evaluate``: which alarms the shipped packs would have given on recordings.

Exit codes: 0 done, 1 the recording cannot be read or no channel map fits, 2 wrong use or a faulty pack.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from app.cli.screen import JsonOption, LangOption, given_grade, language, out, print_json, say

_COLUMNS = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())


def evaluate(
    recording: Annotated[Path, typer.Argument(help="A folder of series: CSV (also .gz) or Parquet.")],
    alarms: Annotated[Path, typer.Option("--out", help="List of alarms to write, CSV.")],
    pack: Annotated[str, typer.Option("--pack", help="Pack that judges; by default the one that fits.")] = "",
    channels: Annotated[Path | None, typer.Option("--map", help="Channel map; by default one of the pack's.")] = None,
    grade: Annotated[str, typer.Option("--from", help="Lowest grade to list: blue, yellow, orange, red.")] = "blue",
    *,
    as_json: JsonOption = False,
    lang: LangOption = "",
) -> None:
    """用录制数据评估报警。Play recordings through the product's own path and list the alarms."""
    from app.jobs import evaluate as job
    from connectors.channel_map import load_channel_map

    speak, lowest = language(lang), given_grade(grade, "--from")
    family = job.family_of(recording, pack, channels, Path.cwd())
    with Progress(*_COLUMNS, console=out, transient=True, disable=as_json) as progress:
        task = progress.add_task(say("evaluating", speak, pack=family.pack), total=None)
        done = job.evaluate(
            recording,
            family,
            Path.cwd(),
            lambda played, of: progress.update(task, completed=played, total=of),
        )
    found = [one for one in done.found if one.grade >= lowest]
    job.write(found, alarms, local=load_channel_map(family.channels).zone != "UTC")
    if as_json:
        print_json(
            {
                "pack": family.pack,
                "map": family.channels.name,
                "readings": done.readings,
                "alarms": len(found),
                "diagnostic": done.diagnostic,
                "unmapped": done.unmapped,
                "bad_rows": done.bad_rows,
            }
        )
        return
    out.print(say("evaluated", speak, pack=family.pack, readings=done.readings, alarms=len(found), path=alarms))
    if done.diagnostic:
        out.print(say("evaluated_diagnostic", speak, count=done.diagnostic))
    if done.unmapped:
        some = ", ".join(done.unmapped[:5])
        out.print(say("evaluated_unmapped", speak, count=len(done.unmapped), some=some), style="yellow", markup=False)
