"""What all commands share: the language, the colours of the grades, tables, JSON, exit codes."""

from __future__ import annotations

import logging
import os
import re
import sys
import time
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any
from zoneinfo import ZoneInfo

import msgspec
import structlog
import typer
from rich.console import Console

from app.cli.words import WORDS
from app.moments import moment_ns
from config.shape import duration_s
from model.alarm import Grade

EXIT_FAILED, EXIT_CONFIG, EXIT_NOT_FOUND, EXIT_UNKNOWN = 1, 2, 3, 4

out = Console()
_err = Console(stderr=True)

#: The law's colours, with a mark each, so that they can be told apart without colour.
GRADE_STYLE = {
    Grade.NONE: ("dim", "·"),
    Grade.BLUE: ("bold white on blue", "◆"),
    Grade.YELLOW: ("bold black on yellow", "▲"),
    Grade.ORANGE: ("bold black on dark_orange", "■"),
    Grade.RED: ("bold white on red", "●"),
}

ConfigOption = Annotated[
    Path, typer.Option("--config", "-c", envvar="FENGSUI_CONFIG", help="fengsui.yaml", show_default=True)
]
JsonOption = Annotated[bool, typer.Option("--json", help="Machine-readable output on standard output.")]
LangOption = Annotated[
    str, typer.Option("--lang", envvar="FENGSUI_LANG", help="zh or en; by default the configuration's.")
]
CONFIG_DEFAULT = Path("fengsui.yaml")


def language(given: str, configured: str = "zh") -> str:
    """What to speak.

    Raises:
        typer.BadParameter: neither zh nor en.

    """
    chosen = given or configured
    if chosen not in ("zh", "en"):
        raise typer.BadParameter(f"must be zh or en, got {chosen!r}")
    return chosen


def say(key: str, lang: str, **values: object) -> str:
    """One phrase in the user's language."""
    return WORDS[key].say(lang).format(**values)


def grade_text(grade: Grade, lang: str) -> str:
    style, mark = GRADE_STYLE[grade]
    return f"[{style}] {mark} {say(f'grade_{grade.name.lower()}', lang)} [/]"


def show_time(time_ns: int, zone: str) -> str:
    """Local time of the display zone, to the second."""
    moment = datetime.fromtimestamp(time_ns / 1e9, tz=ZoneInfo(zone))
    return moment.strftime("%Y-%m-%d %H:%M:%S")


def given_time(given: str, zone: str, option: str) -> int | None:
    """A time in ns; None: nothing was given.

    Raises:
        typer.BadParameter: it is no time.

    """
    if not given:
        return None
    try:
        return moment_ns(given, zone)
    except ValueError:
        raise typer.BadParameter(f"must be a time such as 2026-11-24T08:00, got {given!r}", param_hint=option) from None


def given_span(begin: str, end: str, zone: str, hours: float) -> tuple[int, int]:
    """The time from ``--from`` to ``--to``, ns; by default so many hours that end now.

    Raises:
        typer.BadParameter: one of them is no time, or it ends before it begins.

    """
    until, since = given_time(end, zone, "--to"), given_time(begin, zone, "--from")
    to_ns = time.time_ns() if until is None else until
    from_ns = to_ns - round(hours * 3600e9) if since is None else since
    if to_ns <= from_ns:
        raise typer.BadParameter(f"must be before --to, got {begin!r}", param_hint="--from")
    return from_ns, to_ns


def given_seconds(given: str) -> float:
    """A duration of ``--for`` as people type it.

    Raises:
        typer.BadParameter: it is none.

    """
    try:
        return duration_s(re.sub(r"^([0-9.]+)\s*(?=[a-z])", r"\1 ", given))
    except ValueError:
        raise typer.BadParameter(
            f"must be a duration such as 30min, 2h or 1d, got {given!r}", param_hint="--for"
        ) from None


def given_grade(name: str, option: str) -> Grade:
    """A grade by its name.

    Raises:
        typer.BadParameter: it is none.

    """
    names = [one.name.lower() for one in Grade if one is not Grade.NONE]
    if name not in names:
        raise typer.BadParameter(f"must be one of {', '.join(names)}, got {name!r}", param_hint=option)
    return Grade[name.upper()]


def print_json(item: Any) -> None:
    sys.stdout.write(msgspec.json.format(msgspec.json.encode(item, order="deterministic").decode(), indent=2) + "\n")


def complain(message: str) -> None:
    _err.print(message, style="red", markup=False, highlight=False, soft_wrap=True)


def set_up_logging() -> None:
    """One line an event: readable on a terminal, JSON when another program reads."""
    human = sys.stderr.isatty() or bool(os.environ.get("FENGSUI_LOG_HUMAN"))
    renderer: Any = structlog.dev.ConsoleRenderer(colors=False) if human else structlog.processors.JSONRenderer()
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.WriteLoggerFactory(file=sys.stderr),
    )
