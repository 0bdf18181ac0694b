"""``fengsui backup`` and ``fengsui restore``: everything that is kept, copied beside a running system, and put back.

Exit codes: 0 done; 1 it was not: not empty, damaged, newer, another alarm history, no room; 2 wrong use or
configuration; 3 there is no backup at that place.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.progress import BarColumn, DownloadColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from app.cli.screen import (
    CONFIG_DEFAULT,
    EXIT_FAILED,
    EXIT_NOT_FOUND,
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
from app.configured import read

if TYPE_CHECKING:
    from pipeline.runners.retrace import Retraced
    from store.backup.manifest import Manifest

_TEXT, _BAR, _LEFT = TextColumn("{task.description}"), BarColumn(), TimeRemainingColumn()
_ZONE_DEFAULT = "Asia/Shanghai"


def backup(
    target: Annotated[Path, typer.Argument(help="A new or empty folder, best on another disk.")],
    config: ConfigOption = CONFIG_DEFAULT,
    *,
    as_json: JsonOption = False,
    lang: LangOption = "",
) -> None:
    """备份日志、数据库、快照与配置，无需停机。Copy journal, databases, states and configuration while all goes on."""
    from app.jobs import backup as job
    from store.backup.take import size, take

    configured = read(config)
    speak = language(lang, configured.language)
    places, files = job.places(configured), job.config_files(configured)
    with Progress(_TEXT, _BAR, DownloadColumn(), _LEFT, console=out, transient=True, disable=as_json) as progress:
        task = progress.add_task(say("backing_up", speak), total=size(places))
        manifest = take(
            target,
            places,
            files,
            left_out=job.left_out(configured),
            progress=lambda done: progress.update(task, advance=done),
        )
    if as_json:
        print_json(_as_data(manifest, target))
        return
    line = say(
        "backup_done",
        speak,
        path=target,
        files=len(manifest.files),
        size=f"{manifest.bytes / 1e6:,.1f} MB",
        first=manifest.journal_first,
        next=manifest.journal_next,
        events=manifest.events,
    )
    out.print(line, style="green", markup=False, highlight=False, soft_wrap=True)
    for at, named in enumerate(manifest.left_out):
        lead = f"{say('backup_left_out', speak)}\n" if at == 0 else ""
        out.print(f"{lead}  {named}", markup=False, highlight=False, soft_wrap=True)


def restore(
    folder: Annotated[Path, typer.Argument(help="The backup.")],
    into: Annotated[
        Path | None, typer.Option("--into", help="What will be data_dir: a new or empty folder; none: only look.")
    ] = None,
    *,
    verify: Annotated[
        bool, typer.Option("--verify", help="Step the journal again and compare the alarm history.")
    ] = False,
    as_json: JsonOption = False,
    lang: LangOption = "",
) -> None:
    """核对备份，并恢复到新目录。Check a backup, and put it into a new folder."""
    from store.backup import manifest as kept
    from store.backup.restore import check
    from store.backup.restore import restore as put_back

    speak = language(lang)
    if not (folder / kept.NAME).is_file():
        complain(f"{folder}: there is no backup here, it holds no {kept.NAME}")
        raise typer.Exit(EXIT_NOT_FOUND)
    with Progress(_TEXT, _BAR, DownloadColumn(), _LEFT, console=out, transient=True, disable=as_json) as progress:
        task = progress.add_task(say("restoring", speak), total=kept.read(folder).bytes * (1 if into is None else 2))

        def advance(done: int) -> None:
            progress.update(task, advance=done)

        # What does not tell the truth is not put back.
        manifest = check(folder, progress=advance if into is None else lambda _: None)
        retraced = _retraced(folder, manifest, speak, as_json=as_json) if verify else None
        if into is not None and (retraced is None or retraced.same):
            put_back(folder, into, progress=advance)
    same = retraced is None or retraced.same
    if as_json:
        data = {**_as_data(manifest, folder), "into": str(into) if into and same else None, "retraced": retraced}
        print_json({**data, "same_history": None if retraced is None else retraced.same})
    else:
        _show(manifest, retraced, folder, into if same else None, speak)
    if not same:
        raise typer.Exit(EXIT_FAILED)


def _retraced(folder: Path, manifest: Manifest, speak: str, *, as_json: bool) -> Retraced:
    from pipeline.runners.retrace import retrace
    from store.backup.manifest import DATA

    with Progress(_TEXT, _BAR, MofNCompleteColumn(), _LEFT, console=out, transient=True, disable=as_json) as progress:
        task = progress.add_task(say("retracing", speak), total=manifest.journal_next)
        return retrace(
            folder / DATA, manifest.stored_to, progress=lambda offset: progress.update(task, completed=offset)
        )


def _show(manifest: Manifest, retraced: Retraced | None, folder: Path, into: Path | None, speak: str) -> None:
    def tell(key: str, style: str, **values: object) -> None:
        out.print(say(key, speak, **values), style=style, markup=False, highlight=False, soft_wrap=True)

    taken = show_time(manifest.taken_ns, _ZONE_DEFAULT)
    tell("backup_sound", "green", files=len(manifest.files), time=taken, fengsui=manifest.fengsui)
    if retraced is not None:
        tell(
            "backup_same" if retraced.same else "backup_differs",
            "green" if retraced.same else "red",
            first=retraced.first,
            next=retraced.next_offset,
            events=retraced.events,
            stored_events=retraced.stored_events,
        )
    if into is not None:
        tell("restored", "green", path=into)
        tell("restored_config", "", path=folder / "config")


def _as_data(manifest: Manifest, folder: Path) -> dict[str, object]:
    return {
        "folder": str(folder),
        "fengsui": manifest.fengsui,
        "taken_ns": manifest.taken_ns,
        "files": len(manifest.files),
        "bytes": manifest.bytes,
        "journal_first": manifest.journal_first,
        "journal_next": manifest.journal_next,
        "stored_to": manifest.stored_to,
        "snapshots": manifest.snapshots,
        "events": manifest.events,
        "history_sha256": manifest.history_sha256,
        "left_out": manifest.left_out,
    }
