"""``fengsui status``: how the running system stands. Exit code 1 when the pipeline does not answer."""

from __future__ import annotations

import http.client
from typing import Any

import msgspec
import typer
from rich.markup import escape

from app.cli.apply import changes_line
from app.cli.forgotten import FORGOTTEN_S, forgotten_alarms
from app.cli.quality_stuck import length
from app.cli.screen import (
    CONFIG_DEFAULT,
    EXIT_FAILED,
    ConfigOption,
    JsonOption,
    LangOption,
    grade_text,
    language,
    out,
    print_json,
    say,
    show_time,
)
from app.cli.tables import Table
from app.client import PipelineClient
from app.configured import Paths, connector, read
from config.settings import Settings
from model.alarm import Grade
from model.errors import FengsuiError, StoreError
from store.delivery_store import DeliveryReader
from store.pipeline_reader import PipelineReader

TAGS_SHOWN, REFUSED_SHOWN, GAPS_SHOWN = 20, 5, 5
ANSWER_S_MAX = 3.0


def status(config: ConfigOption = CONFIG_DEFAULT, *, as_json: JsonOption = False, lang: LangOption = "") -> None:
    """查看运行状态。How sources, sensors, journal, alarms and sinks stand."""
    configured = read(config)
    speak = language(lang, configured.language)
    found = collect(configured)
    if as_json:
        print_json(found)
    else:
        _show(found, speak, configured.time_zone)
    if found["error"]:
        raise typer.Exit(EXIT_FAILED)


def collect(configured: Settings) -> dict[str, Any]:
    """Everything that ``status`` shows; parts that are not there yet are left out."""
    found: dict[str, Any] = {
        "error": "",
        "pipeline": {},
        "delivery": {},
        "stored": {},
        "forgotten": [],
        "unregistered": [],
        "refused": [],
        "sinks": {},
    }
    try:
        found["pipeline"] = PipelineClient(configured.socket).status()
    except FengsuiError as error:
        found["error"] = str(error)
    found["delivery"] = delivery_readiness(configured.metrics.delivery)
    paths = Paths.under(configured.data_dir)
    try:
        reader = PipelineReader(paths.pipeline_db)
        found["stored"] = reader.counts()
        found["forgotten"] = [age_s for _, age_s in forgotten_alarms(reader, FORGOTTEN_S)]
        found["unregistered"] = reader.unregistered()
        found["refused"] = reader.poison(limit=REFUSED_SHOWN)
        delivery = DeliveryReader(paths.delivery_db)
        for sink in configured.sinks:
            role = connector(sink).ROLE
            found["sinks"][sink.name] = (
                delivery.counts(sink.name)
                if role == "events"
                else {"journal_offset": delivery.cursor(sink.name).journal_offset}
            )
    except StoreError as error:
        found["error"] = found["error"] or str(error)
    return found


def delivery_readiness(address: str) -> dict[str, Any]:
    """What the delivery process says of itself; empty where its port is not fixed."""
    host, _, port = address.rpartition(":")
    if port == "0":
        return {}
    host = {"0.0.0.0": "127.0.0.1", "[::]": "[::1]"}.get(host, host)  # noqa: S104 - where we listen, not where we ask
    connection = http.client.HTTPConnection(host.strip("[]"), int(port), timeout=ANSWER_S_MAX)
    try:
        connection.request("GET", "/readyz")
        answer = msgspec.json.decode(connection.getresponse().read(), type=dict[str, Any])
    except (OSError, http.client.HTTPException, msgspec.DecodeError) as error:
        return {"error": str(error), "ready": False, "reasons": []}
    finally:
        connection.close()
    return answer


def _readiness(found: dict[str, Any], speak: str, zone: str) -> str:
    """Yes, or every reason why not."""
    lines = []
    if error := found["delivery"].get("error"):
        lines.append(f"[red]{escape(say('delivery_down', speak, error=error))}[/]")
    for reason in (*found["pipeline"].get("reasons", ()), *found["delivery"].get("reasons", ())):
        since = say("ready_since", speak, since=show_time(reason["since_ns"], zone))
        lines.append(f"[red]{escape(reason[speak])}[/], {since}")
    return "\n".join(lines) or f"[green]{say('ready_yes', speak)}[/]"


def _unregistered(found: dict[str, Any]) -> str:
    """How many there are, and the first of them with how often they came; ``--json`` has them all."""
    lines = [str(found["stored"]["unregistered"])]
    lines += [f"{escape(tag.tag)} × {tag.count} ({tag.source})" for tag in found["unregistered"][:TAGS_SHOWN]]
    return "\n".join(lines)


def _refused(found: dict[str, Any]) -> str:
    """How many are kept, and the newest with what to mend."""
    lines = [str(found["stored"]["poison"])]
    lines += [f"{row.reason}: {escape(row.topic)}: {escape(row.detail)}" for row in found["refused"]]
    return "\n".join(lines)


def gateways_line(counts: dict[str, int], speak: str) -> str:
    """How many are heard; in red how many are silent, and how many alarms wait for them."""
    line = say("gateways_heard", speak, heard=counts["heard"])
    if counts["silent"] or counts["held_back"]:
        line += f", [red]{say('gateways_silent', speak, silent=counts['silent'], held_back=counts['held_back'])}[/]"
    return line


def unseen_line(counts: dict[str, int], speak: str) -> str:
    """What nobody is told of now; yellow while a person or a rule keeps something back."""
    line = say("hidden_strip_line", speak, **counts)
    keeps_back = any(counts[name] for name in ("shelved", "suppressed", "out_of_service", "asked"))
    return f"[yellow]{line}[/]" if keeps_back else line


def forgotten_line(ages_s: list[float], speak: str) -> str:
    """How many alarms were acknowledged long ago and are still on; yellow where there are any."""
    if not ages_s:
        return "0"
    return f"[yellow]{say('forgotten_line', speak, count=len(ages_s), oldest=length(ages_s[0]))}[/]"


def _show(found: dict[str, Any], speak: str, zone: str) -> None:
    table = Table.grid(padding=(0, 2))
    if found["error"]:
        out.print(say("pipeline_down", speak, error=found["error"]), style="red")
    pipeline = found["pipeline"]
    if pipeline:
        table.add_row(say("ready", speak), _readiness(found, speak, zone))
        table.add_row(say("uptime", speak), f"{pipeline['uptime_s']:.0f} s")
        for name, connected in pipeline["sources"].items():
            word = say("connected" if connected else "not_connected", speak)
            table.add_row(say("sources", speak), f"{name}: [{'green' if connected else 'red'}]{word}[/]")
        for gap in pipeline["gaps"][-GAPS_SHOWN:]:
            many = "?" if gap["messages"] is None else gap["messages"]
            reason = say(f"gap_{gap['reason']}", speak)
            line = say("gap_line", speak, reason=reason, messages=many, time=show_time(gap["noticed_ns"], zone))
            table.add_row(say("gaps", speak), f"[red]{escape(gap['source'])}: {line}[/]")
        sensors = ", ".join(f"{say(f'sensors_{k}', speak)} {n}" for k, n in pipeline["sensors"].items())
        table.add_row(say("sensors", speak), sensors)
        if any(pipeline["gateways"].values()):
            table.add_row(say("gateways", speak), gateways_line(pipeline["gateways"], speak))
        table.add_row(say("journal", speak), say("inputs", speak, n=pipeline["journal_offset"]))
        table.add_row(say("rows", speak), say("rows_detail", speak, **pipeline["rows"]))
        alarms = " ".join(f"{grade_text(Grade[g.upper()], speak)} {n}" for g, n in pipeline["open_alarms"].items())
        table.add_row(say("open_alarms", speak), alarms or "0")
        table.add_row(say("hidden_strip", speak), unseen_line(pipeline["unseen"], speak))
        table.add_row(say("plan_version", speak), pipeline["plan"])
        table.add_row(say("changes", speak), changes_line(pipeline["changes"], speak))
    if found["stored"]:
        table.add_row(say("forgotten_strip", speak), forgotten_line(found["forgotten"], speak))
        table.add_row(say("unregistered", speak), _unregistered(found))
        table.add_row(say("poison", speak), _refused(found))
    for name, sink in found["sinks"].items():
        if isinstance(sink, dict):
            line = say("cursor_line", speak, offset=sink["journal_offset"])
        else:
            line = say("sink_line", speak, delivered=sink.delivered, pending=sink.pending, dead=sink.dead)
            if sink.last_error and sink.pending + sink.dead:
                line += f"\n{escape(sink.last_error)}"
        table.add_row(say("sinks", speak), f"{name}: {line}")
    out.print(table)
