"""``fengsui incidents``: alarms that tell of one thing, as one line each."""

from __future__ import annotations

import getpass
import shlex
import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer
from rich.panel import Panel

from app.cli.acting import Doing, Said, one_alarm
from app.cli.alarm_table import alarm_table
from app.cli.alarms import ByOption, CommandIdOption, NoteOption
from app.cli.screen import (
    CONFIG_DEFAULT,
    EXIT_NOT_FOUND,
    EXIT_UNKNOWN,
    ConfigOption,
    JsonOption,
    LangOption,
    complain,
    grade_text,
    language,
    out,
    print_json,
    say,
    show_time,
)
from app.cli.tables import Table
from app.cli.why import Spoken, spoken
from app.client import PipelineClient
from app.configured import Paths, read
from model.alarm import Alarm, AlarmState, Grade
from model.errors import OutcomeUnknown
from model.incident import Certainty, Incident, IncidentAct, IncidentEvent, IncidentKind, ProbableSource
from model.incident_plan import IncidentPlan
from model.inputs import Act
from model.plan import Plan
from rules.incidents.geography import Geography
from rules.incidents.groups import MEMBERS_MAX
from rules.incidents.members import Member
from rules.incidents.worse import folded
from store.pipeline_reader import PipelineReader

app = typer.Typer(help="事件：列出、查看、合并、拆分。Incidents: list, show, merge, split.", no_args_is_help=True)

IdArgument = Annotated[str, typer.Argument(help="Id of the incident, or its beginning.")]

#: These wait for somebody to acknowledge them.
OWED = (AlarmState.UNACKNOWLEDGED, AlarmState.RETURNED, AlarmState.LATCHED_UNACKNOWLEDGED)
#: So many alarms of one incident are listed; all are counted.
ALARMS_SHOWN = 30


@app.command("list")
def list_incidents(
    config: ConfigOption = CONFIG_DEFAULT,
    *,
    every: Annotated[bool, typer.Option("--all", help="Closed ones, too.")] = False,
    limit: Annotated[int, typer.Option("--limit", min=1, help="At most so many.")] = 200,
    as_json: JsonOption = False,
    lang: LangOption = "",
) -> None:
    """列出未结束的事件（等级高的在前）。List open incidents, the highest grade first."""
    configured = read(config)
    speak = language(lang, configured.language)
    reader = PipelineReader(Paths.under(configured.data_dir).pipeline_db)
    found = reader.incidents(open_only=not every, limit=limit)
    if as_json:
        print_json(found)
    elif not found:
        out.print(say("no_incidents", speak), style="green")
    else:
        out.print(_table(found, spoken(reader, speak), configured.time_zone))


@app.command()
def show(
    incident: IdArgument,
    config: ConfigOption = CONFIG_DEFAULT,
    *,
    every: Annotated[bool, typer.Option("--all", help="All its alarms, those that others explain, too.")] = False,
    as_json: JsonOption = False,
    lang: LangOption = "",
) -> None:
    """查看一个事件：源头、报警、经过。Show one incident: its source, its alarms, what happened."""
    configured = read(config)
    speak = language(lang, configured.language)
    reader = PipelineReader(Paths.under(configured.data_dir).pipeline_db)
    found = one_incident(reader, incident, speak)
    events, alarms = reader.incident_events(found.id), reader.alarms_of(found.id, MEMBERS_MAX)
    if as_json:
        print_json({"incident": found, "alarms": alarms, "events": events})
        return
    names = spoken(reader, speak)
    out.print(_card(found, names, configured.time_zone))
    if found.lifts or found.watch_points:
        out.print(_meaning(found, reader.plan().incidents, names))
    explained = set() if every else explained_by_others(reader.plan(), alarms)
    shown = [alarm for alarm in alarms if alarm.id not in explained]
    out.print(alarm_table(shown if every else shown[:ALARMS_SHOWN], names, configured.time_zone))
    if len(shown) > ALARMS_SHOWN or explained:
        left_out = 0 if every else max(0, found.alarms - len(explained) - ALARMS_SHOWN)
        out.print(say("alarms_left_out", speak, more=left_out, explained=len(explained)), style="dim")
    out.print(_history(events, names, configured.time_zone))


@app.command()
def merge(
    incident: IdArgument,
    others: Annotated[list[str], typer.Argument(help="Ids of the incidents to merge with it, or their beginnings.")],
    config: ConfigOption = CONFIG_DEFAULT,
    *,
    by: ByOption = "",
    note: NoteOption = "",
    command_id: CommandIdOption = "",
    lang: LangOption = "",
) -> None:
    """把几个事件并为一个；系统不会再拆开。Make one incident of several; the system never undoes it."""
    said = Said(by or getpass.getuser(), note, command_id or uuid.uuid4().hex)
    configured = read(config)
    speak = language(lang, configured.language)
    reader = PipelineReader(Paths.under(configured.data_dir).pipeline_db)
    ids = [one_incident(reader, name, speak).id for name in (incident, *others)]
    _act(IncidentAct.MERGE, ids, config, said, speak, reader)


@app.command()
def split(
    incident: IdArgument,
    alarms: Annotated[list[str], typer.Argument(help="Ids of the alarms that are another incident's.")],
    config: ConfigOption = CONFIG_DEFAULT,
    *,
    by: ByOption = "",
    note: NoteOption = "",
    command_id: CommandIdOption = "",
    lang: LangOption = "",
) -> None:
    """把部分报警拆成另一个事件；系统不会再并回。Make another incident of some alarms; the system never undoes it."""
    said = Said(by or getpass.getuser(), note, command_id or uuid.uuid4().hex)
    configured = read(config)
    speak = language(lang, configured.language)
    reader = PipelineReader(Paths.under(configured.data_dir).pipeline_db)
    found = one_incident(reader, incident, speak)
    ids = [found.id, *(one_alarm(reader, name, speak).id for name in alarms)]
    _act(IncidentAct.SPLIT, ids, config, said, speak, reader)


@app.command()
def ack(
    incident: IdArgument,
    config: ConfigOption = CONFIG_DEFAULT,
    *,
    by: ByOption = "",
    note: NoteOption = "",
    command_id: CommandIdOption = "",
    lang: LangOption = "",
) -> None:
    """确认事件的全部报警；不能确认的会逐条说明。Acknowledge all alarms of an incident; says which could not be."""
    doing = Doing(config, Said.of(by, note, command_id), lang)
    found = one_incident(doing.reader, incident, doing.speak)
    owed = [one.id for one in doing.reader.alarms_of(found.id, MEMBERS_MAX) if one.state in OWED]
    if not owed:
        out.print(say("incident_none_owed", doing.speak, id=found.id), style="green")
        return
    doing.to_alarms(Act.ACKNOWLEDGE, "ack", owed, [])
    out.print(say("incident_acked", doing.speak, count=len(owed), id=found.id), style="green")


def _act(act: IncidentAct, ids: list[str], config: Path, said: Said, speak: str, reader: PipelineReader) -> None:
    client = PipelineClient(read(config).socket)
    try:
        client.act(act, ids[0], by=said.by, note=said.note, command_id=said.command_id, about=ids[1:])
    except OutcomeUnknown as error:
        again = ["fengsui", "incidents", act.value, *ids, "--config", str(config), *said.options()]
        complain(say("outcome_unknown", speak, reason=error.reason, command=shlex.join(again)))
        raise typer.Exit(EXIT_UNKNOWN) from error
    out.print(say(f"done_{act.value}", speak, id=_stays(reader, ids[0])), style="green")


def _stays(reader: PipelineReader, incident: str) -> str:
    """Its own id, or of that which has taken it in: of merged ones the one that began first stays."""
    found = reader.incident(incident)
    return (found[0].merged_into or incident) if len(found) == 1 else incident


def one_incident(reader: PipelineReader, given: str, speak: str) -> Incident:
    """The incident whose id begins so.

    Raises:
        typer.Exit: there is none, or more than one.

    """
    found = reader.incident(given)
    if len(found) != 1:
        complain(say("incident_ambiguous" if found else "incident_not_found", speak, id=given))
        raise typer.Exit(EXIT_NOT_FOUND)
    return found[0]


def _table(incidents: list[Incident], names: Spoken, zone: str) -> Table:
    speak = names.speak
    table = Table(title=say("incidents", speak))
    for key in ("grade", "state"):
        table.add_column(say(key, speak), no_wrap=True)
    table.add_column(say("what", speak), ratio=1, overflow="fold")
    table.add_column(say("incident_alarms", speak), justify="right")
    table.add_column(say("since", speak), no_wrap=True)
    table.add_column(say("id", speak), no_wrap=True)
    for one in incidents:
        if one.kind is IncidentKind.FLOOD:
            table.add_row(*_flood_row(one, speak, zone))
            continue
        kind = f"{say(f'incident_kind_{one.kind.value}', speak)} · " if one.kind is not IncidentKind.LOCAL else ""
        late = f" ({say('offline_mark', speak)})" if one.offline else ""
        table.add_row(
            grade_text(one.grade, speak),
            _state(one, speak),
            f"{kind}{names.rule(one.first_out.rule)}{late}\n[dim]{said_source(one.source, names)}[/]",
            f"{one.alarms_open}/{one.alarms}",
            show_time(one.start_ns, zone)[5:],
            one.id[:8],
        )
    return table


def _flood_row(one: Incident, speak: str, zone: str) -> list[str]:
    said = say("flood_said", speak, now=one.alarms_open, peak=one.peak)
    kind = say("incident_kind_flood", speak)
    since = show_time(one.start_ns, zone)[5:]
    return [
        grade_text(one.grade, speak),
        _state(one, speak),
        f"{kind}\n[dim]{said}[/]",
        str(one.alarms),
        since,
        one.id[:8],
    ]


def _card(one: Incident, names: Spoken, zone: str) -> Panel:
    speak = names.speak
    card = Table.grid(padding=(0, 2))
    card.add_row(say("id", speak), one.id)
    by_hand = f" · {say('incident_by_hand', speak)}" if one.by_hand else ""
    card.add_row(say("state", speak), f"{_state(one, speak)}{by_hand}")
    card.add_row(say("since", speak), f"{show_time(one.start_ns, zone)} – {show_time(one.last_ns, zone)[11:]}")
    first = one.first_out
    place = f"{names.asset(first.asset)} · {first.tag}"
    card.add_row(say("first_out", speak), f"{show_time(first.time_ns, zone)[11:]}  {names.rule(first.rule)}  {place}")
    card.add_row(say("probable_source", speak), said_source(one.source, names))
    folded = say("incident_folded", speak, n=one.folded) if one.folded else ""
    counts = say("incident_counts", speak, alarms=one.alarms, open=one.alarms_open)
    card.add_row(say("incident_alarms", speak), f"{counts}{folded}")
    grades = [f"{grade_text(Grade[name.upper()], speak)} {n}" for name, n in one.by_grade.items()]
    card.add_row(say("by_grade", speak), "  ".join(grades))
    card.add_row(say("by_rule", speak), _counted({names.rule(k): n for k, n in one.by_rule.items()}, one.rules, speak))
    assets = {names.asset(name): n for name, n in one.by_asset.items()}
    card.add_row(say("by_asset", speak), _counted(assets, one.assets, speak))
    kind = f" · {say(f'incident_kind_{one.kind.value}', speak)}" if one.kind is not IncidentKind.LOCAL else ""
    return Panel(card, title=f"{grade_text(one.grade, speak)} {names.rule(first.rule)}{kind}")


def explained_by_others(plan: Plan, alarms: Sequence[Alarm]) -> set[str]:
    """Ids of those that a parent among them explains; orange and red ones are none of them unless it is declared."""
    geography = Geography(plan)
    members = [
        Member(
            alarm.id,
            alarm.rule,
            alarm.tag,
            alarm.asset,
            alarm.highest,
            alarm.start_ns,
            0,
            geography.spot(alarm.asset, alarm.tag),
            lasts=True,
            is_open=alarm.state is not AlarmState.NORMAL,
        )
        for alarm in alarms
    ]
    return folded(plan.incidents.explains, members, geography)


def _meaning(one: Incident, plan: IncidentPlan, names: Spoken) -> Table:
    """Why it is worse than its alarms, where it may go on, and what to do about both."""
    speak = names.speak
    table = Table(title=say("incident_meaning", speak))
    for key in ("what", "where", "advice"):
        table.add_column(say(key, speak), overflow="fold")
    combinations = {known.id: known for known in plan.combinations}
    for lift in one.lifts:
        known = combinations.get(lift.combination)
        what = known.name.say(speak) if known else lift.combination
        advice = known.advice.say(speak) if known else ""
        table.add_row(f"{grade_text(lift.grade, speak)} {what}", names.asset(one.source.asset), advice)
    chains = {chain.id: chain for chain in plan.chains}
    for point in one.watch_points:
        chain = chains.get(point.chain)
        if chain is None or point.step >= len(chain.steps):
            continue
        step = chain.steps[point.step]
        away = f" ({point.distance_m:.0f} m)" if point.distance_m else ""
        table.add_row(
            say("watch_for", speak, what=step.what.say(speak)),
            f"{names.asset(point.asset)}{away}",
            step.advice.say(speak),
        )
    return table


def said_source(source: ProbableSource, names: Spoken) -> str:
    """Where it comes from, and how sure that is."""
    speak, place = names.speak, names.asset(source.asset)
    if source.position.along_m is not None:
        place = f"{place} {say('source_along', speak, along=f'{source.position.along_m:.0f}')}"
    elif source.certainty is not Certainty.LOCATED and source.tag:
        place = f"{place} · {source.tag}"
    elif source.position.lat is not None and source.position.lon is not None:
        place = f"{place} {source.position.lat:.5f}, {source.position.lon:.5f}"
    if source.error_m is not None:
        place += say("source_error", speak, error=f"{source.error_m:.0f}")
    elif source.certainty is Certainty.NEAR_FIRST:
        place += say("source_error_unknown", speak)
    return say(f"source_{source.certainty.value}", speak, place=place)


def _counted(named: dict[str, int], whole: int, speak: str) -> str:
    more = f" … {say('and_more', speak, n=whole)}" if whole > len(named) else ""
    return ", ".join(f"{name} {n}" for name, n in named.items()) + more


def _state(one: Incident, speak: str) -> str:
    if one.merged_into:
        return say("incident_merged", speak, id=one.merged_into[:8])
    return say("incident_open" if one.is_open else "incident_closed", speak)


def _history(events: list[IncidentEvent], names: Spoken, zone: str) -> Table:
    speak = names.speak
    table = Table(title=say("history", speak))
    for key in ("since", "what", "grade", "incident_alarms", "by"):
        table.add_column(say(key, speak))
    for event in events:
        what = say(f"change_{event.change.value}", speak, n=len(event.joined))
        others = f" {', '.join(name[:8] for name in event.others)}" if event.others else ""
        table.add_row(
            show_time(event.at_ns, zone),
            f"{what}{others}",
            grade_text(event.incident.grade, speak),
            str(event.incident.alarms),
            f"{event.by} {event.note}".strip(),
        )
    return table
