"""``fengsui alarms``: list, show with the why, acknowledge, reset, export."""

from __future__ import annotations

import csv
import sys
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Annotated

import typer

from app.cli.acting import Doing, Said, one_alarm
from app.cli.alarm_table import alarm_table
from app.cli.forgotten import show_forgotten
from app.cli.screen import (
    CONFIG_DEFAULT,
    ConfigOption,
    JsonOption,
    LangOption,
    language,
    out,
    print_json,
    say,
)
from app.cli.why import show_alarm, spoken
from app.configured import Paths, read
from config.settings import Settings
from model.alarm import Verdict
from model.flag import FlagKind
from model.inputs import Act
from store.pipeline_reader import PipelineReader

_MARKS = ("hidden", "chattering", "stale", "verdict")
#: The why-card counts so many of the rule's last verdicts.
VERDICTS_SHOWN = 20

app = typer.Typer(help="报警：列出、查看原因、确认、复位、导出。Alarms: list, show, acknowledge.", no_args_is_help=True)

IdArgument = Annotated[str, typer.Argument(help="Id of the alarm, or its beginning.")]
IdsArgument = Annotated[list[str], typer.Argument(help="Ids, or their beginnings.")]
ByOption = Annotated[str, typer.Option("--by", help="Who does it; by default the user of this machine.")]
NoteOption = Annotated[str, typer.Option("--note", help="A remark for the record.")]
CommandIdOption = Annotated[
    str, typer.Option("--command-id", help="To repeat a command whose outcome is unknown: it has one effect.")
]


@app.command("list")
def list_alarms(
    config: ConfigOption = CONFIG_DEFAULT,
    *,
    every: Annotated[bool, typer.Option("--all", help="Closed ones, too.")] = False,
    hidden: Annotated[bool, typer.Option("--hidden", help="Only those that are kept from annunciation.")] = False,
    forgotten: Annotated[
        bool, typer.Option("--forgotten", help="Only those that were acknowledged long ago and are still on.")
    ] = False,
    given: Annotated[str, typer.Option("--for", help="With --forgotten: for longer than this: 30min, 2h, 1d.")] = "2h",
    limit: Annotated[int, typer.Option("--limit", min=1, help="At most so many.")] = 200,
    as_json: JsonOption = False,
    lang: LangOption = "",
) -> None:
    """列出未关闭的报警（等级高、未确认的在前）。List open alarms, the most urgent first."""
    configured = read(config)
    speak = language(lang, configured.language)
    reader = _reader(configured)
    if forgotten:
        show_forgotten(reader, given, limit, speak, configured.time_zone, as_json=as_json)
        return
    alarms = reader.alarms(open_only=not every, limit=sys.maxsize if hidden else limit)
    alarms = [alarm for alarm in alarms if alarm.hidden][:limit] if hidden else alarms
    alarms.sort(key=lambda a: (a.hidden != "", a.acknowledged_by != "", -max(a.grade, a.highest), -a.changed_ns))
    incidents = reader.incidents_of([alarm.id for alarm in alarms])
    if as_json:
        print_json([asdict(alarm) | {"incident": incidents.get(alarm.id, "")} for alarm in alarms])
    elif not alarms:
        out.print(say("no_hidden" if hidden else "no_alarms", speak), style="green")
    else:
        memos = {(flag.cover.rule, flag.cover.tag) for flag in reader.flags() if flag.kind is FlagKind.MEMO}
        out.print(alarm_table(alarms, spoken(reader, speak), configured.time_zone, incidents, memos))
        if count := sum(alarm.hidden != "" for alarm in alarms):
            out.print(say("hidden_count", speak, n=count), style="yellow")


@app.command()
def show(
    alarm: IdArgument, config: ConfigOption = CONFIG_DEFAULT, *, as_json: JsonOption = False, lang: LangOption = ""
) -> None:
    """查看一条报警的原因与经过。Show one alarm: why, and what happened since."""
    configured = read(config)
    speak = language(lang, configured.language)
    reader = _reader(configured)
    found = one_alarm(reader, alarm, speak)
    events = reader.events_of(found.id)
    last = reader.last_verdicts(found.rule, found.id, VERDICTS_SHOWN)
    covering = [flag for flag in reader.flags() if flag.cover.covers(found.rule, found.tag, found.asset)]
    if as_json:
        record = {"judged": len(last), "real": last.count(Verdict.REAL)}
        print_json({"alarm": found, "events": events, "rule_verdicts": record, "flags": covering})
    else:
        show_alarm(found, events, spoken(reader, speak), configured.time_zone, last, covering)


@app.command()
def ack(
    alarms: IdsArgument,
    config: ConfigOption = CONFIG_DEFAULT,
    by: ByOption = "",
    note: NoteOption = "",
    command_id: CommandIdOption = "",
    lang: LangOption = "",
) -> None:
    """确认报警。Acknowledge alarms."""
    Doing(config, Said.of(by, note, command_id), lang).to_alarms(Act.ACKNOWLEDGE, "ack", alarms, [])


@app.command()
def reset(
    alarms: IdsArgument,
    config: ConfigOption = CONFIG_DEFAULT,
    by: ByOption = "",
    note: NoteOption = "",
    command_id: CommandIdOption = "",
    lang: LangOption = "",
) -> None:
    """复位锁存的报警。Reset latched alarms, or end those that no rule judges any more."""
    Doing(config, Said.of(by, note, command_id), lang).to_alarms(Act.RESET, "reset", alarms, [])


@app.command()
def export(config: ConfigOption = CONFIG_DEFAULT) -> None:
    """导出全部报警为 CSV。Write all alarms, closed ones too, as CSV to standard output; times are UTC."""
    configured = read(config)
    writer = csv.writer(sys.stdout)
    names = ["id", "rule", "tag", "asset", "grade", "state", "start", "end", "offline", "acknowledged_by"]
    writer.writerow([*names, *_MARKS])
    alarms = _reader(configured).alarms(open_only=False, limit=sys.maxsize)
    for alarm in sorted(alarms, key=lambda alarm: (alarm.start_ns, alarm.id)):
        end = _utc(alarm.end_ns) if alarm.end_ns else ""
        grade = alarm.highest.name.lower()
        row = [alarm.id, alarm.rule, alarm.tag, alarm.asset, grade, alarm.state.value, _utc(alarm.start_ns), end]
        marks = [alarm.hidden, alarm.chattering, alarm.stale, alarm.verdict]
        writer.writerow([*row, alarm.offline, alarm.acknowledged_by, *marks])


def _reader(configured: Settings) -> PipelineReader:
    return PipelineReader(Paths.under(configured.data_dir).pipeline_db)


def _utc(time_ns: int) -> str:
    return datetime.fromtimestamp(time_ns / 1e9, tz=UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
