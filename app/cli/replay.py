"""``fengsui replay``: play a recording into a broker, write the registry for its readings, or look back at a moment."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from app.cli.screen import (
    CONFIG_DEFAULT,
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
)
from app.configured import read

_COLUMNS = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())


def replay(
    recording: Annotated[
        Path | None, typer.Argument(help="A file, or a folder of series: CSV (also .gz) or Parquet.")
    ] = None,
    channels: Annotated[Path | None, typer.Option("--map", help="Channel map: which columns are sensors.")] = None,
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
    at: Annotated[
        str, typer.Option("--at", help="Look back instead: why there was an alarm at this time, or why none.")
    ] = "",
    tag: Annotated[str, typer.Option("--tag", help="Of --at: the sensor.")] = "",
    rule: Annotated[str, typer.Option("--rule", help="Of --at: this rule alone.")] = "",
    warmup: Annotated[float, typer.Option("--warmup", min=0, help="Of --at: hours played before it.")] = 24.0,
    config: ConfigOption = CONFIG_DEFAULT,
    *,
    as_json: JsonOption = False,
    lang: LangOption = "",
) -> None:
    """回放录制数据，或回看某一时刻的报警原因。Play a recording into an MQTT broker, or look back at a moment."""
    if at:
        _look_back(config, (at, tag, rule, warmup), as_json=as_json, lang=lang)
        return
    if recording is None or channels is None:
        raise typer.BadParameter("must be given, with --map; or look back with --at", param_hint="RECORDING")
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


def _look_back(config: Path, asked: tuple[str, str, str, float], *, as_json: bool, lang: str) -> None:
    from app.cli.looking_back import show
    from app.jobs.looking_back import look

    at, tag, rule, warmup_h = asked
    if not tag:
        raise typer.BadParameter("must name the sensor", param_hint="--tag")
    configured = read(config)
    speak, zone = language(lang, configured.language), configured.time_zone
    found = look(configured, tag, given_time(at, zone, "--at") or 0, round(warmup_h * 3600e9))
    rules = [one for one in found.then.rules if rule in ("", one.rule)]
    if not rules and rule:
        complain(say("then_no_rule", speak, rule=rule, tag=tag))
        raise typer.Exit(EXIT_NOT_FOUND)
    if as_json:
        print_json(replace(found, then=replace(found.then, rules=tuple(rules))))
    else:
        show(found, rules, speak, zone)


def _address(url: str) -> tuple[str, int]:
    parts = urlsplit(url)
    if parts.scheme != "mqtt" or not parts.hostname:
        raise typer.BadParameter(f"must be mqtt://HOST:PORT, got {url!r}", param_hint="--to")
    return parts.hostname, parts.port or 1883
