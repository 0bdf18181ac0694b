"""``fengsui archive``: what it holds, readings of one sensor, parts of it for other programs, whether all of it reads.

Works beside a running system and on a copy. ``verify`` ends with 1 when something is damaged.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

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
    from store.archive.reader import ArchiveReader, Readings
    from store.archive.survey import DaySurvey

app = typer.Typer(
    help="历史归档：查看、取数、导出、校验。Archive: what it holds, readings, parts of it.", no_args_is_help=True
)

FolderOption = Annotated[
    Path | None,
    typer.Option("--archive", help="An archive elsewhere, such as a copy; by default the configuration's."),
]
FromOption = Annotated[str, typer.Option("--from", help="Time (ISO 8601; without zone: the display's).")]
ToOption = Annotated[str, typer.Option("--to", help="Time to end before.")]
_COLUMNS = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TimeRemainingColumn())
_NS_MIN, _NS_END = -(2**63), 2**63
_HOUR_NS = 3600 * 10**9


@app.command("list")
def list_days(
    config: ConfigOption = CONFIG_DEFAULT,
    folder: FolderOption = None,
    *,
    as_json: JsonOption = False,
    lang: LangOption = "",
) -> None:
    """查看归档各日：条数、测点、大小。What each day of the archive holds."""
    place = _place(config, folder, lang)
    found = _survey(place, whole=False, as_json=as_json)
    if as_json:
        print_json({"days": found, "archived_to": _archived_to(place)})
        return
    if not found:
        out.print(say("archive_empty", place.speak, path=place.folder), markup=False, soft_wrap=True)
        return
    out.print(_table(found, place))
    _complain(found)


@app.command()
def show(
    tag: Annotated[str, typer.Argument(help="Of the sensor.")],
    config: ConfigOption = CONFIG_DEFAULT,
    folder: FolderOption = None,
    begin: FromOption = "",
    end: ToOption = "",
    unit: Annotated[str, typer.Option("--unit", help="All values in this one.")] = "",
    *,
    as_json: JsonOption = False,
    lang: LangOption = "",
) -> None:
    """查看一个测点的历史读数，默认最近一小时。Readings of one sensor; by default its last hour."""
    place = _place(config, folder, lang)
    reader = place.reader()
    from_ns, to_ns = _span(begin, end, place)
    found = reader.readings(tag, _NS_MIN if from_ns is None else from_ns, to_ns)
    values = found.values_in(unit) if unit else found.value
    first = (
        0 if from_ns is not None or not len(found) else int(found.time_ns.searchsorted(found.time_ns[-1] - _HOUR_NS))
    )
    _say_problems(reader)
    if not len(found):
        complain(say("archive_nothing", place.speak, tag=tag))
        raise typer.Exit(EXIT_NOT_FOUND)
    lines = list(_lines(found, values.tolist(), unit))[first:]
    if as_json:
        print_json({"tag": tag, "readings": lines})
        return
    table = Table(*(say(key, place.speak) for key in ("archive_time", "value", "quality")), box=None)
    for line in lines:
        at, quality = int(str(line["time_ns"])), say(f"quality_{line['quality']}", place.speak)
        shown = "-" if line["value"] is None else f"{line['value']:g} {line['unit']}"
        table.add_row(show_time(at, place.zone), shown, quality)
    out.print(table)


@app.command()
def export(
    to: Annotated[str, typer.Argument(help="File .csv or .parquet.")],
    config: ConfigOption = CONFIG_DEFAULT,
    folder: FolderOption = None,
    begin: FromOption = "",
    end: ToOption = "",
    tag: Annotated[list[str] | None, typer.Option("--tag", help="Only tags that fit: * and ?.")] = None,
    *,
    as_json: JsonOption = False,
    lang: LangOption = "",
) -> None:
    """导出历史读数，按时间排序。Take readings out of the archive, in time order; times are UTC."""
    from store.archive.export import write_csv, write_parquet

    place = _place(config, folder, lang)
    path = Path(to)
    if path.suffix not in {".csv", ".parquet"}:
        raise typer.BadParameter(f"must end in .csv or .parquet, got {to!r}", param_hint="TO")
    reader = place.reader()
    from_ns, to_ns = _span(begin, end, place)
    parts = reader.in_time(_NS_MIN if from_ns is None else from_ns, to_ns, tags=tuple(tag or ()))
    partial = path.with_name(f"{path.name}.part")
    if path.suffix == ".csv":
        with partial.open("w", encoding="utf-8", newline="") as text:
            count = write_csv(parts, text)
    else:
        with partial.open("wb") as file:
            count = write_parquet(parts, file)
    partial.replace(path)
    _say_problems(reader)
    if as_json:
        print_json({"file": str(path), "rows": count, "damaged": reader.problems.files})
    else:
        out.print(say("journal_exported", place.speak, rows=count, path=path), markup=False, soft_wrap=True)


@app.command()
def verify(
    config: ConfigOption = CONFIG_DEFAULT,
    folder: FolderOption = None,
    *,
    as_json: JsonOption = False,
    lang: LangOption = "",
) -> None:
    """校验归档：校验和、次序、重复。Read and check every row. Exit code 1 when something is damaged."""
    place = _place(config, folder, lang)
    found = _survey(place, whole=True, as_json=as_json)
    damaged = {f"{one.day}/{name}": what for one in found for name, what in one.damaged.items()}
    if as_json:
        print_json({"damaged": damaged, "readings": sum(one.readings for one in found)})
    else:
        readings = sum(one.readings for one in found)
        out.print(say("archive_sum", place.speak, days=len(found), readings=f"{readings:,}"))
        _complain(found)
        if not damaged:
            out.print(say("journal_sound", place.speak), style="green")
    if damaged:
        raise typer.Exit(EXIT_FAILED)


@dataclass(frozen=True, slots=True)
class _Place:
    """Which archive, and how to speak of it."""

    folder: Path
    journal: Path | None
    speak: str
    zone: str

    def reader(self) -> ArchiveReader:
        from store.archive.reader import ArchiveReader

        return ArchiveReader(self.folder, self.journal)


def _place(config: Path, folder: Path | None, lang: str) -> _Place:
    if folder is None:
        configured = read(config)
        journal = Paths.under(configured.data_dir).journal
        speak = language(lang, configured.language)
        return _Place(configured.archive_folder, journal, speak, configured.time_zone)
    if not folder.is_dir():
        raise typer.BadParameter(f"must be a folder, got {str(folder)!r}", param_hint="--archive")
    return _Place(folder, None, language(lang), "Asia/Shanghai")


def _survey(place: _Place, *, whole: bool, as_json: bool) -> list[DaySurvey]:
    from store.archive.survey import archive_bytes, survey

    what = say("archive_reading", place.speak)
    with _bar(what, archive_bytes(place.folder), shown=whole and not as_json) as progress:
        return survey(place.folder, whole=whole, progress=progress)


@contextlib.contextmanager
def _bar(what: str, total: int, *, shown: bool) -> Iterator[Callable[[int], None]]:
    with Progress(*_COLUMNS, console=out, transient=True, disable=not (shown and out.is_terminal)) as progress:
        task = progress.add_task(what, total=total)
        yield lambda done: progress.update(task, completed=done)


def _archived_to(place: _Place) -> int:
    from store.archive.layout import archived_to

    return archived_to(place.folder)


def _span(begin: str, end: str, place: _Place) -> tuple[int | None, int]:
    from_ns, to_ns = given_time(begin, place.zone, "--from"), given_time(end, place.zone, "--to")
    return from_ns, _NS_END if to_ns is None else to_ns


def _lines(found: Readings, values: list[float], unit: str) -> Iterator[dict[str, int | float | str | None]]:
    for at, value, quality, number in zip(
        found.time_ns.tolist(), values, found.quality.tolist(), found.unit.tolist(), strict=True
    ):
        usable = value if value == value and abs(value) != float("inf") else None  # noqa: PLR0124 - not a number
        yield {"time_ns": at, "value": usable, "unit": unit or found.units[number], "quality": quality}


def _table(found: list[DaySurvey], place: _Place) -> Table:
    keys = ("archive_day", "rows", "sensors", "archive_files", "journal_size", "journal_times")
    table = Table(*(say(key, place.speak) for key in keys), box=None)
    for one in found:
        merged = say("archive_merged", place.speak) if one.is_merged else str(one.files)
        begin, end = (show_time(at, place.zone)[5:] if at else "-" for at in (one.first_ns, one.last_ns))
        size = f"{one.bytes / 1e6:,.1f} MB"
        table.add_row(one.day, f"{one.readings:,}", f"{one.series:,}", merged, size, f"{begin} - {end}")
    return table


def _complain(found: list[DaySurvey]) -> None:
    for what in (what for one in found for what in one.damaged.values()):
        complain(what)


def _say_problems(reader: ArchiveReader) -> None:
    for what in reader.problems.files.values():
        complain(what)
