"""``fengsui journal``: what it holds, whether all of it still reads, and parts of it for other programs.

Works beside a running pipeline and on a copy. ``verify`` ends with 1 when something is damaged.
"""

from __future__ import annotations

import contextlib
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Annotated
from zoneinfo import ZoneInfo

import typer
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

from app.cli.screen import (
    CONFIG_DEFAULT,
    EXIT_FAILED,
    ConfigOption,
    JsonOption,
    LangOption,
    language,
    out,
    print_json,
    say,
    show_time,
)
from app.cli.tables import Table
from app.configured import Paths, read
from store.journal.entries import Damage
from store.journal.export import TYPES, Selection, rows, write_csv, write_json_lines, write_parquet
from store.journal.survey import SegmentSurvey, journal_bytes, survey

app = typer.Typer(
    help="日志：查看、校验、导出。Journal: what it holds, whether it reads, parts of it.", no_args_is_help=True
)

FolderOption = Annotated[
    Path | None,
    typer.Option("--journal", help="A journal elsewhere, such as a copy; by default the configuration's."),
]
MEGABYTE = 1_000_000
_COLUMNS = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TimeRemainingColumn())


@app.command()
def inspect(
    config: ConfigOption = CONFIG_DEFAULT,
    folder: FolderOption = None,
    *,
    as_json: JsonOption = False,
    lang: LangOption = "",
) -> None:
    """查看日志各文件：位置、时间、条数、大小、损坏。What each file of the journal holds."""
    place = _place(config, folder, lang)
    found = _survey(place, as_json=as_json)
    if as_json:
        print_json({"segments": found, **_totals(found)})
        return
    out.print(_table(found, place))
    out.print(_sum(found, place), soft_wrap=True)
    _complain_of_damage(found, place)


@app.command()
def verify(
    config: ConfigOption = CONFIG_DEFAULT,
    folder: FolderOption = None,
    *,
    as_json: JsonOption = False,
    lang: LangOption = "",
) -> None:
    """校验日志：校验和、位置连续、规则编号。Verify every record. Exit code 1 when something is damaged."""
    place = _place(config, folder, lang)
    found = _survey(place, as_json=as_json)
    damage = [one for each in found for one in each.damage]
    if as_json:
        print_json({"damage": damage, **_totals(found)})
    else:
        out.print(_sum(found, place), soft_wrap=True)
        _complain_of_damage(found, place)
        if not damage:
            out.print(say("journal_sound", place.speak), style="green")
    if damage:
        raise typer.Exit(EXIT_FAILED)


@app.command()
def export(
    to: Annotated[str, typer.Argument(help="File .jsonl, .csv or .parquet; - for JSON lines on standard output.")],
    config: ConfigOption = CONFIG_DEFAULT,
    folder: FolderOption = None,
    begin: Annotated[str, typer.Option("--from", help="Offset, or time (ISO 8601; without zone: the display's).")] = "",
    end: Annotated[str, typer.Option("--to", help="Offset, or time, to end before.")] = "",
    tag: Annotated[list[str] | None, typer.Option("--tag", help="Only readings whose tag fits: * and ?.")] = None,
    kind: Annotated[
        list[str] | None, typer.Option("--type", help="Only these: reading, tick, act, plan, finding, gap.")
    ] = None,
    *,
    as_json: JsonOption = False,
    lang: LangOption = "",
) -> None:
    """导出日志内容：读数、时钟、人工操作、规则。Take inputs out of the journal; times are UTC."""
    place = _place(config, folder, lang)
    chosen = _selection(begin, end, tag or [], kind or [], place.zone)
    if to == "-":
        write_json_lines(rows(place.folder, chosen), sys.stdout.buffer)
        return
    path = Path(to)
    writer = _WRITERS.get(path.suffix)
    if writer is None:
        raise typer.BadParameter(f"must end in {', '.join(_WRITERS)}, or be -, got {to!r}", param_hint="TO")
    partial = path.with_name(f"{path.name}.part")
    count = writer(partial, place, chosen)
    partial.replace(path)
    if as_json:
        print_json({"file": str(path), "rows": count})
    else:
        out.print(say("journal_exported", place.speak, rows=count, path=path), markup=False, soft_wrap=True)


class _Place:
    """Which journal, and how to speak of it."""

    def __init__(self, folder: Path, speak: str, zone: str) -> None:
        self.folder, self.speak, self.zone = folder, speak, zone


def _place(config: Path, folder: Path | None, lang: str) -> _Place:
    if folder is None:
        configured = read(config)
        chosen = Paths.under(configured.data_dir).journal
        return _Place(chosen, language(lang, configured.language), configured.time_zone)
    if not folder.is_dir():
        raise typer.BadParameter(f"must be a folder, got {str(folder)!r}", param_hint="--journal")
    return _Place(folder, language(lang), "Asia/Shanghai")


def _survey(place: _Place, *, as_json: bool) -> list[SegmentSurvey]:
    with _bar(say("journal_reading", place.speak), journal_bytes(place.folder), shown=not as_json) as progress:
        return survey(place.folder, progress=progress)


@contextlib.contextmanager
def _bar(what: str, total: int, *, shown: bool) -> Iterator[Callable[[int], None]]:
    with Progress(*_COLUMNS, console=out, transient=True, disable=not (shown and out.is_terminal)) as progress:
        task = progress.add_task(what, total=total)
        yield lambda done: progress.update(task, completed=done)


def _totals(found: list[SegmentSurvey]) -> dict[str, object]:
    return {
        "bytes": sum(one.bytes for one in found),
        "first_offset": found[0].first_offset if found else 0,
        "next_offset": found[-1].next_offset if found else 0,
        "inputs_missing": sum(damage.gap.inputs for one in found for damage in one.damage),
        "readings": sum(one.readings for one in found),
        "records": _records(found),
        "unfinished_bytes": sum(one.unfinished_bytes for one in found[-1:]),
    }


def _records(found: list[SegmentSurvey]) -> Counter[str]:
    return sum((one.records for one in found), Counter())


def _sum(found: list[SegmentSurvey], place: _Place) -> str:
    totals, records = _totals(found), _records(found)
    return say(
        "journal_sum",
        place.speak,
        files=len(found),
        size=_size(sum(one.bytes for one in found)),
        first=totals["first_offset"],
        next=totals["next_offset"],
        readings=totals["readings"],
        ticks=records["tick"],
        acts=records["act"],
        plans=records["plan"],
    )


def _table(found: list[SegmentSurvey], place: _Place) -> Table:
    table = Table(title=say("journal", place.speak))
    table.add_column(say("journal_from", place.speak), justify="right", no_wrap=True)
    table.add_column(say("journal_times", place.speak), no_wrap=True)
    for key in ("rows", "journal_ticks", "journal_acts", "journal_plans", "journal_size", "journal_damage"):
        table.add_column(say(key, place.speak), justify="right", no_wrap=True)
    for one in found:
        records = [str(one.records[kind]) for kind in ("tick", "act", "plan")]
        damage = f"[red]{len(one.damage)}[/]" if one.damage else ""
        table.add_row(str(one.first_offset), _times(one, place), str(one.readings), *records, _size(one.bytes), damage)
    return table


def _times(one: SegmentSurvey, place: _Place) -> str:
    if not one.first_ns:
        return "-"
    begin, end = show_time(one.first_ns, place.zone), show_time(one.last_ns, place.zone)
    return f"{begin[5:]} - {end[11:] if begin[:10] == end[:10] else end[5:]}"


def _complain_of_damage(found: list[SegmentSurvey], place: _Place) -> None:
    for one in (damage for each in found for damage in each.damage):
        out.print(_damage(one, place), style="red", markup=False, soft_wrap=True)


def _damage(one: Damage, place: _Place) -> str:
    return say(
        f"journal_damaged_{one.reason.value}",
        place.speak,
        file=one.segment,
        position=one.position,
        bytes=one.length,
        first=one.gap.first,
        inputs=one.gap.inputs,
    )


def _size(size: int) -> str:
    return f"{size / 1e6:,.1f} MB" if size >= MEGABYTE else f"{size / 1e3:,.1f} kB"


def _selection(begin: str, end: str, tags: list[str], kinds: list[str], zone: str) -> Selection:
    unknown = sorted(set(kinds) - set(TYPES))
    if unknown:
        raise typer.BadParameter(f"must be of {', '.join(TYPES)}, got {unknown[0]!r}", param_hint="--type")
    first, from_ns = _bound(begin, zone, "--from")
    following, to_ns = _bound(end, zone, "--to")
    types = frozenset(kinds) or (frozenset({"reading", "gap"}) if tags else frozenset(TYPES))
    return Selection(first, following, from_ns, to_ns, tuple(tags), types)


def _bound(given: str, zone: str, option: str) -> tuple[int | None, int | None]:
    """An offset or a time in ns, whichever was given."""
    if not given:
        return None, None
    if given.isdecimal():
        return int(given), None
    try:
        moment = datetime.fromisoformat(given)
    except ValueError:
        requirement = "must be an offset, or a time such as 2026-11-24T08:00"
        raise typer.BadParameter(f"{requirement}, got {given!r}", param_hint=option) from None
    moment = moment if moment.tzinfo else moment.replace(tzinfo=ZoneInfo(zone))
    return None, int(moment.timestamp()) * 10**9 + moment.microsecond * 1000


def _write_json_lines(path: Path, place: _Place, chosen: Selection) -> int:
    with path.open("wb") as file:
        return write_json_lines(rows(place.folder, chosen), file)


def _write_csv(path: Path, place: _Place, chosen: Selection) -> int:
    with path.open("w", encoding="utf-8", newline="") as file:
        return write_csv(rows(place.folder, chosen), file)


def _write_parquet(path: Path, place: _Place, chosen: Selection) -> int:
    with path.open("wb") as file:
        return write_parquet(rows(place.folder, chosen), file)


_WRITERS = {".jsonl": _write_json_lines, ".csv": _write_csv, ".parquet": _write_parquet}
