"""``fengsui tune``: the limit that keeps a budget of false alarms on quiet recordings, and what it then finds.

A proposal as a diff, never applied by itself. Exit codes: 0 done, 1 the recording or the rule does not fit, 2 wrong use
or a faulty pack, 3 no limit within reach keeps the budget.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.progress import Progress

from app.cli.quality_stuck import length
from app.cli.screen import EXIT_NOT_FOUND, JsonOption, LangOption, given_grade, language, out, print_json, say
from app.cli.tables import Table

if TYPE_CHECKING:
    from app.jobs.tune import Tuned

_SHOWN_MAX = 10


def tune(
    recording: Annotated[Path, typer.Argument(help="Quiet readings: a folder of series, CSV (also .gz) or Parquet.")],
    rule: Annotated[str, typer.Option("--rule", help="Rule whose limit is to be set.")],
    budget: Annotated[float, typer.Option("--budget", min=0.001, help="False alarms a sensor-month.")],
    diff: Annotated[Path, typer.Option("--out", help="Diff of rules.yaml to write.")],
    grade: Annotated[str, typer.Option("--grade", help="Grade of the rule; by default the lowest.")] = "",
    operand: Annotated[str, typer.Option("--operand", help="Whose limit; by default the first detector's.")] = "",
    pack: Annotated[str, typer.Option("--pack", help="Pack with the rule; by default the one that fits.")] = "",
    channels: Annotated[Path | None, typer.Option("--map", help="Channel map; by default one of the pack's.")] = None,
    first_h: Annotated[float, typer.Option("--first", min=0, help="Only so many hours of each series; 0 = all.")] = 0.0,
    step: Annotated[list[float] | None, typer.Option("--step", help="Sizes of steps to try, unit of the kind.")] = None,
    ramp: Annotated[list[float] | None, typer.Option("--ramp", help="Sizes of ramps to try, an hour.")] = None,
    kind: Annotated[str, typer.Option("--kind", help="Kind of the sensors that are disturbed.")] = "",
    trials: Annotated[int, typer.Option("--trials", min=1, max=500, help="Trials of each size.")] = 24,
    *,
    as_json: JsonOption = False,
    lang: LangOption = "",
) -> None:
    """按误报预算整定限值。Set a limit by a budget of false alarms, on quiet recordings."""
    from app.jobs import tune as job
    from app.jobs.evaluate import family_of

    speak = language(lang)
    wish = job.Wish(
        rule=rule,
        grade=given_grade(grade, "--grade") if grade else None,
        operand=operand,
        budget=budget,
        first_s=first_h * 3600,
        steps=tuple(step or ()),
        ramps=tuple(ramp or ()),
        kind=kind,
        trials=trials,
    )
    family = family_of(recording, pack, channels, Path.cwd())
    with Progress(console=out, transient=True, disable=as_json) as progress:
        task = progress.add_task(say("tuning", speak), total=None)
        done = job.tune(
            recording, family, Path.cwd(), wish, lambda at, of: progress.update(task, completed=at, total=of)
        )
    if done.diff:
        diff.write_text(done.diff, encoding="utf-8")
    if as_json:
        print_json(done)
    else:
        _show(done, diff, speak)
    if done.choice.limit is None:
        raise typer.Exit(EXIT_NOT_FOUND)


def _show(done: Tuned, diff: Path, speak: str) -> None:
    out.print(say("tune_quiet", speak, subjects=done.subjects, months=done.months))
    out.print(say("tune_now", speak, condition=done.condition, now=done.now), markup=False)
    if done.proposed:
        out.print(say("tune_proposed", speak, condition=done.proposed), style="bold", markup=False)
    basis = say(f"tune_{done.choice.basis}", speak, expected=done.choice.expected or 0.0, needed=done.needed_months)
    out.print(basis, style="" if done.proposed else "yellow")
    _show_each(done, speak)
    _show_found(done, speak)
    if done.beyond:
        out.print(say("tune_beyond", speak, grades="; ".join(done.beyond)), style="yellow", markup=False)
    out.print(say("tune_diff", speak, path=diff) if done.diff else say("tune_as_is", speak), markup=False)


def _show_each(done: Tuned, speak: str) -> None:
    if not done.of_each:
        return
    table = Table(
        *(say(key, speak) for key in ("where", "tune_limit", "tune_basis")), title=say("tune_each", speak), box=None
    )
    for tag, choice in done.of_each[:_SHOWN_MAX]:
        table.add_row(tag, "-" if choice.limit is None else f"{choice.limit:g}", choice.basis.value)
    out.print(table)


def _show_found(done: Tuned, speak: str) -> None:
    keys = ("tune_shape", "tune_share", "tune_median", "tune_p90")
    table = Table(*(say(key, speak) for key in keys), title=say("tune_found", speak), box=None)
    for one in done.found:
        named = say(f"tune_{one.shape}", speak, size=one.size)
        table.add_row(named, f"{one.found}/{one.trials}", length(one.median_s), length(one.p90_s))
    out.print(table)
