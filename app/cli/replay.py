"""``fengsui replay``: play a recording into a broker, or write the registry that its readings need."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from app.cli.screen import JsonOption, LangOption, language, out, print_json, say

_COLUMNS = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())


def replay(
    recording: Annotated[Path, typer.Argument(help="A file, or a folder of series: CSV (also .gz) or Parquet.")],
    channels: Annotated[Path, typer.Option("--map", help="Channel map: which columns are sensors.")],
    to: Annotated[str, typer.Option("--to", help="Broker: mqtt://HOST:PORT.")] = "mqtt://127.0.0.1:1883",
    username: Annotated[str | None, typer.Option("--username", help="User name at the broker.")] = None,
    password_file: Annotated[Path | None, typer.Option("--password-file", help="File with the password.")] = None,
    speed: Annotated[float, typer.Option("--speed", min=0, help="Times real time; 0 is flat out.")] = 1.0,
    shift_to: Annotated[
        str, typer.Option("--shift-to", help="none: keep the times; now; or an ISO 8601 time to begin at.")
    ] = "now",
    group: Annotated[int, typer.Option("--group", min=1, help="Readings a message.")] = 1,
    series: Annotated[list[str] | None, typer.Option("--series", help="Patterns of the series to play.")] = None,
    registry_out: Annotated[
        Path | None, typer.Option("--registry-out", help="Write the recording's registry here; play nothing.")
    ] = None,
    *,
    as_json: JsonOption = False,
    lang: LangOption = "",
) -> None:
    """回放录制数据到 MQTT 代理。Play a recording into an MQTT broker with QoS 1."""
    from app.jobs import recorded_registry
    from connectors.channel_map import load_channel_map
    from connectors.mqtt.broker import BrokerSettings
    from connectors.recording import load_recording, registry
    from connectors.replay import Options, publish

    speak = language(lang)
    loaded = load_recording(recording, load_channel_map(channels), series or [])
    if registry_out is not None:
        recorded_registry.write(registry(loaded), registry_out)
        out.print(say("registry_written", speak, path=registry_out, sensors=len(loaded.sensors)))
        return
    host, port = _address(to)
    broker = BrokerSettings(host=host, port=port, username=username, password_file=password_file)
    options = Options(speed=speed, shift_to=shift_to, group=group)
    with Progress(*_COLUMNS, console=out, transient=True, disable=as_json) as progress:
        task = progress.add_task(say("replaying", speak), total=len(loaded))
        done = publish(
            loaded, broker, options, progress=lambda played, of: progress.update(task, completed=played, total=of)
        )
    if as_json:
        print_json({"published": done, "bad_rows": loaded.bad_rows})
        return
    out.print(say("replayed", speak, readings=done.readings, messages=done.messages, seconds=done.duration_s))
    if loaded.bad_rows.count:
        first = loaded.bad_rows.named[0]
        out.print(
            say("bad_rows", speak, count=loaded.bad_rows.count, first=f"{first.file}:{first.line}: {first.detail}"),
            style="yellow",
            markup=False,
        )


def _address(url: str) -> tuple[str, int]:
    parts = urlsplit(url)
    if parts.scheme != "mqtt" or not parts.hostname:
        raise typer.BadParameter(f"must be mqtt://HOST:PORT, got {url!r}", param_hint="--to")
    return parts.hostname, parts.port or 1883
