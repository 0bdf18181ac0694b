"""``fengsui doctor``: what is wrong with this installation and this site, and how to mend it.

Exit code 0: nothing fails, there may be things to look at. 1: something fails.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from app.cli.screen import CONFIG_DEFAULT, EXIT_FAILED, JsonOption, LangOption, language, out, print_json, say
from app.cli.tables import Table
from app.configured import read
from app.doctor.finding import Finding, Verdict
from model.errors import FengsuiError

_STYLE = {Verdict.OK: ("green", "✓"), Verdict.WARN: ("yellow", "!"), Verdict.FAIL: ("red", "✗")}


def doctor(
    config: Annotated[
        Path | None, typer.Option("--config", "-c", envvar="FENGSUI_CONFIG", help="fengsui.yaml; none: ./fengsui.yaml.")
    ] = None,
    *,
    as_json: JsonOption = False,
    lang: LangOption = "",
) -> None:
    """体检：安装、配置、磁盘、时钟、代理、去向。Look installation and site over; says how to mend what is wrong."""
    from app.doctor.installation import installation
    from app.doctor.site import site

    if config is None and CONFIG_DEFAULT.is_file():
        config = CONFIG_DEFAULT
    speak = language(lang, _configured_language(config))
    found = [*installation(), *(site(config) if config is not None else [])]
    counts = Counter(finding.verdict for finding in found)
    if as_json:
        print_json({"ok": not counts[Verdict.FAIL], "findings": found})
    else:
        out.print(_table(found, speak))
        out.print(say("doctor_sum", speak, **{verdict.value: counts[verdict] for verdict in Verdict}))
    if counts[Verdict.FAIL]:
        raise typer.Exit(EXIT_FAILED)


def _configured_language(config: Path | None) -> str:
    """Of a configuration that may be the very thing that is wrong."""
    try:
        return read(config).language if config is not None else "zh"
    except FengsuiError:
        return "zh"


def _table(found: list[Finding], speak: str) -> Table:
    table = Table()
    for key in ("verdict", "checked", "found", "mend"):
        table.add_column(say(key, speak), overflow="fold")
    for finding in found:
        style, mark = _STYLE[finding.verdict]
        table.add_row(
            f"[{style}]{mark} {say(f'verdict_{finding.verdict.value}', speak)}[/]",
            say(f"check_{finding.check}", speak),
            escape(finding.found.say(speak)),
            escape(finding.mend.say(speak)),
        )
    return table
