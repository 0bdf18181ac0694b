"""``fengsui capability``: the smallest rise or fall that the sensors that work now would see in 1, 10 and 60 minutes.

Exit codes: 0 done, 1 there is no snapshot or no such asset, 2 wrong configuration or use.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from app.cli.screen import (
    CONFIG_DEFAULT,
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

if TYPE_CHECKING:
    from pipeline.capability.what_if import Capability


def capability(
    config: ConfigOption = CONFIG_DEFAULT,
    asset: Annotated[list[str] | None, typer.Option("--asset", help="Only this asset; may be given again.")] = None,
    *,
    as_json: JsonOption = False,
    lang: LangOption = "",
) -> None:
    """查看现有测点的发现能力。What the sensors that work now would see, and how soon."""
    from app.jobs.capability import of_newest  # it loads every detector, which no other command should wait for
    from pipeline.capability.what_if import HORIZONS_S

    configured = read(config)
    speak = language(lang, configured.language)
    saved_ns, found, learning = of_newest(Paths.under(configured.data_dir).snapshots, asset or [])
    if as_json:
        print_json({"saved_ns": saved_ns, "horizons_s": HORIZONS_S, "found": list(found), "learning": learning})
        return
    keys = ("capability_asset", "quality_kind", "capability_working", "capability_what")
    words = [say(key, speak) for key in keys] + [f"{horizon_s / 60:g} min" for horizon_s in HORIZONS_S]
    table = Table(
        *words, title=say("capability_title", speak, time=show_time(saved_ns, configured.time_zone)), box=None
    )
    for one in found:
        way = say(_way(one), speak)
        sizes = [_size(size, one.unit, speak) for size in one.smallest]
        style = "bold red" if one.where == "none" else "yellow" if one.working < one.sensors else ""
        table.add_row(one.asset, one.kind, f"{one.working}/{one.sensors}", way, *sizes, style=style)
    out.print(table)
    for still in learning:
        counts = {"warming": still.warming, "stale": still.stale, "sensors": still.sensors}
        out.print(say("capability_learning", speak, detector=still.detector, kind=still.kind, **counts), style="yellow")


def _way(one: Capability) -> str:
    return "capability_none" if one.where == "none" else f"capability_{one.where}_{'rise' if one.rises else 'fall'}"


def _size(size: float | None, unit: str, speak: str) -> str:
    if size is None:
        return "-"
    return say("capability_coming", speak) if size == 0 else f"{size:g} {unit}"
