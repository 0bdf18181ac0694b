"""``fengsui alarms`` shelve, unshelve, out-of-service, put-back, approve, withdraw, comment, verdict, flags."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import Annotated

import typer
from rich.markup import escape

from app.cli.acting import Doing, Said
from app.cli.alarms import ByOption, CommandIdOption, IdArgument, IdsArgument, NoteOption
from app.cli.screen import (
    CONFIG_DEFAULT,
    EXIT_NOT_FOUND,
    ConfigOption,
    JsonOption,
    LangOption,
    complain,
    given_seconds,
    language,
    out,
    print_json,
    say,
    show_time,
)
from app.cli.tables import Table
from app.cli.why import Spoken, spoken
from app.configured import Paths, read
from model.alarm import Alarm, Verdict
from model.flag import HIDING, Flag, FlagKind, FlagState
from model.inputs import Act
from store.pipeline_reader import PipelineReader

#: The flags of all open alarms are counted.
_ALARMS_MAX = 1_000_000

ForOption = Annotated[str, typer.Option("--for", help="For how long: 30min, 2h, 1d.")]
ReasonOption = Annotated[str, typer.Option("--reason", help="Why; it is kept on record.")]
FlagArgument = Annotated[str, typer.Argument(help="Id of the flag, or its beginning.")]


def shelve(
    alarms: IdsArgument,
    config: ConfigOption = CONFIG_DEFAULT,
    *,
    given: ForOption,
    reason: ReasonOption,
    by: ByOption = "",
    command_id: CommandIdOption = "",
    lang: LangOption = "",
) -> None:
    """搁置报警一段时间（红色须两人）。Hide alarms for a limited time; a red one by two persons."""
    doing = Doing(config, Said.of(by, reason, command_id), lang)
    again = ["--for", given, "--reason", reason]
    doing.to_alarms(Act.SHELVE, "shelve", alarms, again, duration_s=given_seconds(given), after=_tell_request)


def unshelve(
    ids: IdsArgument,
    config: ConfigOption = CONFIG_DEFAULT,
    *,
    by: ByOption = "",
    note: NoteOption = "",
    command_id: CommandIdOption = "",
    lang: LangOption = "",
) -> None:
    """取消搁置（报警编号或搁置编号）。Show alarms again: ids of alarms, or of shelves."""
    doing = Doing(config, Said.of(by, note, command_id), lang)
    doing.to_flags_or_alarms(Act.UNSHELVE, "unshelve", ids)


def out_of_service(
    config: ConfigOption = CONFIG_DEFAULT,
    *,
    given: ForOption,
    reason: ReasonOption,
    tag: Annotated[str, typer.Option("--tag", help="One sensor.")] = "",
    asset: Annotated[str, typer.Option("--asset", help="An asset with all its sensors.")] = "",
    rule: Annotated[str, typer.Option("--rule", help="Alarms of this rule alone.")] = "",
    by: ByOption = "",
    command_id: CommandIdOption = "",
    lang: LangOption = "",
) -> None:
    """停用测点或设施（凭作业票；可能为红色的须两人）。Take a sensor or asset out of service, with the work permit."""
    doing = Doing(config, Said.of(by, reason, command_id), lang)
    wanted = [("--tag", tag), ("--asset", asset), ("--rule", rule)]
    options = [part for name, value in wanted if value for part in (name, value)]
    doing.once(
        Act.TAKE_OUT,
        ["out-of-service", *options, "--for", given, "--reason", reason],
        tag or asset,
        tag=tag,
        asset=asset,
        rule=rule,
        duration_s=given_seconds(given),
        after=_tell_request,
    )


def put_back(
    ids: IdsArgument,
    config: ConfigOption = CONFIG_DEFAULT,
    *,
    by: ByOption = "",
    note: NoteOption = "",
    command_id: CommandIdOption = "",
    lang: LangOption = "",
) -> None:
    """恢复使用（停用编号或报警编号）。Put back into service: ids of flags, or of alarms that one covers."""
    doing = Doing(config, Said.of(by, note, command_id), lang)
    doing.to_flags_or_alarms(Act.PUT_BACK, "put-back", ids)


def approve(
    flag: FlagArgument,
    config: ConfigOption = CONFIG_DEFAULT,
    *,
    by: ByOption = "",
    note: NoteOption = "",
    command_id: CommandIdOption = "",
    lang: LangOption = "",
) -> None:
    """批准他人的搁置或停用申请。Agree to what another person asked for."""
    _to_request(Act.APPROVE, flag, Doing(config, Said.of(by, note, command_id), lang))


def withdraw(
    flag: FlagArgument,
    config: ConfigOption = CONFIG_DEFAULT,
    *,
    by: ByOption = "",
    note: NoteOption = "",
    command_id: CommandIdOption = "",
    lang: LangOption = "",
) -> None:
    """撤回搁置或停用申请。Take a request back."""
    _to_request(Act.WITHDRAW, flag, Doing(config, Said.of(by, note, command_id), lang))


def comment(
    alarms: IdsArgument,
    config: ConfigOption = CONFIG_DEFAULT,
    *,
    note: NoteOption,
    by: ByOption = "",
    command_id: CommandIdOption = "",
    lang: LangOption = "",
) -> None:
    """给报警加备注（已关闭的也可以）。Add a remark to alarms, also closed ones."""
    Doing(config, Said.of(by, note, command_id), lang).to_alarms(Act.COMMENT, "comment", alarms, [])


def verdict(
    alarm: IdArgument,
    judged: Annotated[Verdict, typer.Argument(help="What it was: real, false, test, drill or works.")],
    config: ConfigOption = CONFIG_DEFAULT,
    *,
    note: NoteOption = "",
    by: ByOption = "",
    command_id: CommandIdOption = "",
    lang: LangOption = "",
) -> None:
    """核实报警：真警、误报、测试、演练、施工。Say what an alarm was; false needs its cause (--note)."""
    doing = Doing(config, Said.of(by, note, command_id), lang)
    doing.to_alarms(Act.VERDICT, "verdict", [alarm], [judged.value], verdict=judged.value)


def memo(
    alarm: IdArgument,
    config: ConfigOption = CONFIG_DEFAULT,
    *,
    note: NoteOption,
    by: ByOption = "",
    command_id: CommandIdOption = "",
    lang: LangOption = "",
) -> None:
    """长期备忘：以后这条规则在该测点的每条报警都显示。Keep a note with every alarm of this rule and sensor."""
    Doing(config, Said.of(by, note, command_id), lang).to_alarms(Act.MEMO, "memo", [alarm], [])


def end_memo(
    ids: IdsArgument,
    config: ConfigOption = CONFIG_DEFAULT,
    *,
    by: ByOption = "",
    note: NoteOption = "",
    command_id: CommandIdOption = "",
    lang: LangOption = "",
) -> None:
    """删除长期备忘（报警编号或备忘编号）。End memos: ids of alarms, or of memos."""
    Doing(config, Said.of(by, note, command_id), lang).to_flags_or_alarms(Act.END_MEMO, "end-memo", ids)


def flags(
    config: ConfigOption = CONFIG_DEFAULT,
    *,
    every: Annotated[bool, typer.Option("--all", help="Ended ones, too.")] = False,
    limit: Annotated[int, typer.Option("--limit", min=1, help="At most so many.")] = 200,
    as_json: JsonOption = False,
    lang: LangOption = "",
) -> None:
    """列出搁置、停用、抑制与申请，以及各隐藏多少报警。List what hides alarms, and how many each hides now."""
    configured = read(config)
    speak = language(lang, configured.language)
    reader = PipelineReader(Paths.under(configured.data_dir).pipeline_db)
    found, alarms = reader.flags(ended=every, limit=limit), reader.alarms(limit=_ALARMS_MAX)
    hides = [hidden_by(flag, alarms) for flag in found]
    if as_json:
        print_json([asdict(flag) | {"hides": count} for flag, count in zip(found, hides, strict=True)])
    elif not found:
        out.print(say("no_flags", speak), style="green")
    else:
        out.print(_table(found, hides, spoken(reader, speak), configured.time_zone))


def hidden_by(flag: Flag, alarms: Sequence[Alarm]) -> int:
    """How many of the open alarms a flag hides."""
    if flag.state is not FlagState.ON or flag.kind not in HIDING:
        return 0
    return sum(bool(alarm.hidden) and flag.cover.covers(alarm.rule, alarm.tag, alarm.asset) for alarm in alarms)


def _to_request(act: Act, given: str, doing: Doing) -> None:
    found = doing.reader.flag(given)
    if len(found) != 1:
        complain(say("flag_not_found" if not found else "ambiguous", doing.speak, id=given))
        raise typer.Exit(EXIT_NOT_FOUND)
    doing.once(act, [act.value, found[0].id], found[0].id, flag=found[0].id)


def _tell_request(doing: Doing, alarm_id: str, tag: str, asset: str) -> bool:
    """Say that a second person is needed, where one is; False where none is."""
    for flag in doing.reader.flags():
        is_it = flag.alarm_id == alarm_id if alarm_id else (flag.cover.tag, flag.cover.asset) == (tag, asset)
        if is_it and flag.state is FlagState.ASKED and flag.until_ns is not None:
            until = show_time(flag.until_ns, doing.configured.time_zone)
            out.print(say("needs_second", doing.speak, flag=flag.id[:8], until=until), style="yellow", markup=False)
            return True
    return False


def _table(found: Sequence[Flag], hides: Sequence[int], names: Spoken, zone: str) -> Table:
    speak = names.speak
    table = Table(title=say("flags", speak))
    table.add_column(say("flag_kind", speak), no_wrap=True)
    for key in ("flag_covers", "reason"):
        table.add_column(say(key, speak), ratio=1, overflow="fold")
    table.add_column(say("flag_hides", speak), justify="right")
    for key in ("flag_until", "flag_by", "id"):
        table.add_column(say(key, speak))
    for flag, count in zip(found, hides, strict=True):
        table.add_row(
            f"{say(f'hidden_{flag.kind.value}', speak)}\n[dim]{say(f'flag_{flag.state.value}', speak)}[/]",
            "\n".join(filter(None, (names.rule(flag.cover.rule), flag.cover.tag, names.asset(flag.cover.asset)))),
            escape(flag.reason),
            str(count) if flag.state is FlagState.ON else "",
            flag_end(flag, speak, zone),
            escape(" / ".join(filter(None, (flag.by, flag.approved_by)))),
            flag.id[:8],
        )
    return table


def flag_end(flag: Flag, speak: str, zone: str) -> str:
    """Until when it counts, or how it ended."""
    if flag.why_ended is not None and flag.ended_ns is not None:
        by = f" ({escape(flag.ended_by)})" if flag.ended_by else ""
        return f"{show_time(flag.ended_ns, zone)[5:]}\n{say(f'flag_end_{flag.why_ended.value}', speak)}{by}"
    if flag.kind is FlagKind.MEMO:
        return say("memo_no_end", speak)
    return say("flag_no_end", speak) if flag.until_ns is None else show_time(flag.until_ns, zone)[5:]


#: By name, for ``fengsui alarms``.
COMMANDS: dict[str, Callable[..., None]] = {
    "shelve": shelve,
    "unshelve": unshelve,
    "out-of-service": out_of_service,
    "put-back": put_back,
    "approve": approve,
    "withdraw": withdraw,
    "comment": comment,
    "verdict": verdict,
    "memo": memo,
    "end-memo": end_memo,
    "flags": flags,
}
