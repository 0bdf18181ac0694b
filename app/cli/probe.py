"""``fengsui probe``: can every source and sink of this configuration be reached?"""

from __future__ import annotations

import typer

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
)
from app.cli.tables import Table
from app.configured import build, read


def probe(config: ConfigOption = CONFIG_DEFAULT, *, as_json: JsonOption = False, lang: LangOption = "") -> None:
    """试连全部数据源与去向。Try out every source and sink, without changing anything there."""
    configured = read(config)
    speak = language(lang, configured.language)
    found = [(connection, build(connection).probe()) for connection in (*configured.sources, *configured.sinks)]
    if as_json:
        print_json([{"name": c.name, "connector": c.connector, "ok": r.ok, "message": r.message} for c, r in found])
    else:
        table = Table()
        for key in ("name", "connector", "result"):
            table.add_column(say(key, speak))
        for connection, result in found:
            verdict = "[green]✓" if result.ok else "[red]✗"
            word = say("probe_ok" if result.ok else "probe_bad", speak)
            table.add_row(connection.name, connection.connector, f"{verdict} {word}[/]: {result.message}")
        out.print(table)
    if not all(result.ok for _, result in found):
        raise typer.Exit(EXIT_FAILED)
