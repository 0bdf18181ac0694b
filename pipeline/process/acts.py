"""What people do about alarms: each act is carried out, or refused with what it lacks."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

from model.alarm import Alarm, AlarmEvent, Grade, Verdict
from model.errors import CommandRefused
from model.flag import Cover, Flag, FlagEnd, FlagKind, FlagState
from model.heartbeat import HEARTBEAT
from model.inputs import Act, HumanAct
from pipeline.process.binding import Bound
from pipeline.process.self_watch import GAP_RULE, GATEWAY_RULE
from rules.alarm_machine import AlarmMachine
from rules.circumstance import Circumstance
from rules.flags import Wish
from rules.transitions import ACTIVE, Signal


def carry_out(bound: Bound, alarms: AlarmMachine, act: HumanAct, offset: int) -> list[AlarmEvent]:
    """Do what a person asked for.

    Args:
        bound: the plan in force.
        alarms: changed in place; a request that is refused may have ended.
        act: as journaled.
        offset: of the act.

    Raises:
        CommandRefused: it cannot be done.

    """
    if not act.by.strip():
        raise CommandRefused("an act needs by: who does it")
    if HEARTBEAT in (act.rule, act.tag, act.asset, _rule_of(alarms, act.alarm_id)):
        raise CommandRefused("the synthetic heartbeat can be given no act")
    do = _CARRIED_OUT.get(act.act)
    if do is None:
        raise CommandRefused(f"act {act.act!r} is not known; known are {', '.join(_CARRIED_OUT)}")
    when = Circumstance(offset=offset, time_ns=act.wall_ns, at_ns=act.wall_ns, by=act.by, note=act.note)
    return do(bound, alarms, act, when)


def _rule_of(alarms: AlarmMachine, alarm_id: str) -> str:
    alarm = alarms.get(alarm_id)
    return "" if alarm is None else alarm.rule


def _identity(act: HumanAct) -> tuple[str, str, str, str]:
    return act.alarm_id, act.rule, act.tag, act.asset


def _need(text: str, requirement: str) -> None:
    if not text.strip():
        raise CommandRefused(requirement)


def _acknowledge(_: Bound, alarms: AlarmMachine, act: HumanAct, when: Circumstance) -> list[AlarmEvent]:
    return [alarms.act(Signal.ACKNOWLEDGE, act.alarm_id, when)]


def _reset(bound: Bound, alarms: AlarmMachine, act: HumanAct, when: Circumstance) -> list[AlarmEvent]:
    """An alarm that readings cannot end any more is returned by the person who resets it."""
    alarm = alarms.get(act.alarm_id)
    orphan = alarm is not None and alarm.state in ACTIVE and _is_orphan(bound, alarms, alarm)
    return [alarms.act(Signal.RETURN if orphan else Signal.RESET, act.alarm_id, when)]


def _is_orphan(bound: Bound, alarms: AlarmMachine, alarm: Alarm) -> bool:
    if alarm.rule == GAP_RULE.id:
        return False
    if not alarms.is_judged(alarm):
        return True
    if alarm.rule == GATEWAY_RULE.id:
        return alarm.tag not in bound.gateways.ids
    return not bound.keeps_on(alarm.rule, alarm.tag)


def _shelve(bound: Bound, alarms: AlarmMachine, act: HumanAct, when: Circumstance) -> list[AlarmEvent]:
    alarm = alarms.get(act.alarm_id)
    if alarm is None:
        raise CommandRefused(f"alarm {act.alarm_id!r} is not open; only open alarms can be shelved")
    _check_duration(act, bound.plan.alarms.shelf_max_s)
    grade = alarm.grade or alarm.highest
    wish = Wish(
        FlagKind.SHELVED, Cover(alarm.rule, alarm.tag), act.note.strip(), act.duration_s, grade, alarm_id=alarm.id
    )
    return _hide(bound, alarms, wish, when, two_persons=grade >= Grade.RED)


def _take_out(bound: Bound, alarms: AlarmMachine, act: HumanAct, when: Circumstance) -> list[AlarmEvent]:
    if bool(act.tag) == bool(act.asset):
        raise CommandRefused("take_out names a sensor (tag) or an asset, one of the two")
    if act.tag and act.tag not in bound.tag_index:
        raise CommandRefused(f"sensor {act.tag!r} is not in the registry")
    if act.asset and all(asset.id != act.asset for asset in bound.plan.assets):
        raise CommandRefused(f"asset {act.asset!r} is not in the registry")
    if act.rule and all(rule.id != act.rule for rule in bound.plan.rules):
        raise CommandRefused(f"rule {act.rule!r} is not in the plan in force")
    _check_duration(act, bound.plan.alarms.out_of_service_max_s)
    cover = Cover(act.rule, act.tag, act.asset)
    wish = Wish(FlagKind.OUT_OF_SERVICE, cover, act.note.strip(), act.duration_s)
    return _hide(bound, alarms, wish, when, two_persons=_can_be_red(bound, cover))


def _can_be_red(bound: Bound, cover: Cover) -> bool:
    """Whether a rule that is covered has a red grade."""
    rules = [rule.id for rule in bound.plan.rules if cover.rule in ("", rule.id) and rule.grades[-1].grade >= Grade.RED]
    tags = [cover.tag] if cover.tag else list(_tags_of(bound, cover.asset))
    return any(bound.judge_of(rule, tag) is not None for rule in rules for tag in tags)


def _tags_of(bound: Bound, asset: str) -> Iterator[str]:
    """The asset, which rules may judge as a whole, and its sensors."""
    yield asset
    yield from (sensor.tag for sensor in bound.plan.sensors if sensor.asset == asset)


def _hide(bound: Bound, alarms: AlarmMachine, wish: Wish, when: Circumstance, *, two_persons: bool) -> list[AlarmEvent]:
    if two_persons:
        alarms.flags.ask(wish, round(bound.plan.alarms.confirm_within_s * 1e9), when)
        return []
    return alarms.hide(wish, when)


def _check_duration(act: HumanAct, longest_s: float) -> None:
    _need(act.note, f"{act.act} needs a reason (note)")
    if not (math.isfinite(act.duration_s) and 0 < act.duration_s <= longest_s):
        raise CommandRefused(
            f"{act.act} needs a duration_s above 0 and at most {longest_s:g} ({longest_s / 3600:g} h), "
            f"got {act.duration_s:g}"
        )


def _unshelve(_: Bound, alarms: AlarmMachine, act: HumanAct, when: Circumstance) -> list[AlarmEvent]:
    return alarms.end_flag(_meant(alarms, act, FlagKind.SHELVED), FlagEnd.UNSHELVED, when)


def _put_back(_: Bound, alarms: AlarmMachine, act: HumanAct, when: Circumstance) -> list[AlarmEvent]:
    return alarms.end_flag(_meant(alarms, act, FlagKind.OUT_OF_SERVICE), FlagEnd.PUT_BACK, when)


def _withdraw(_: Bound, alarms: AlarmMachine, act: HumanAct, when: Circumstance) -> list[AlarmEvent]:
    return alarms.end_flag(_asked_for(alarms, act.flag), FlagEnd.WITHDRAWN, when)


def _comment(_: Bound, alarms: AlarmMachine, act: HumanAct, when: Circumstance) -> list[AlarmEvent]:
    _need(act.note, "a comment needs a note: what is to be said")
    return [alarms.remark(Signal.COMMENT, _identity(act), act.command_id, when)]


def _judge(_: Bound, alarms: AlarmMachine, act: HumanAct, when: Circumstance) -> list[AlarmEvent]:
    return [alarms.remark(Signal.JUDGE, _identity(act), act.command_id, when, verdict=_verdict(act))]


def _memo(_: Bound, alarms: AlarmMachine, act: HumanAct, when: Circumstance) -> list[AlarmEvent]:
    """Keep a note on a rule and its sensor or asset, in place of an earlier one."""
    _need(act.note, "a memo needs a note: what is to be known")
    alarm = alarms.get(act.alarm_id)
    rule, tag = (act.rule, act.tag) if alarm is None else (alarm.rule, alarm.tag)
    if not (rule and tag):
        raise CommandRefused(f"alarm {act.alarm_id!r} is not known")
    return alarms.hide(Wish(FlagKind.MEMO, Cover(rule, tag), act.note.strip()), when)


def _end_memo(_: Bound, alarms: AlarmMachine, act: HumanAct, when: Circumstance) -> list[AlarmEvent]:
    return alarms.end_flag(_meant(alarms, act, FlagKind.MEMO), FlagEnd.MEMO_ENDED, when)


def _approve(_: Bound, alarms: AlarmMachine, act: HumanAct, when: Circumstance) -> list[AlarmEvent]:
    flag = _asked_for(alarms, act.flag)
    if _name(act.by) == _name(flag.by):
        raise CommandRefused(f"flag {flag.id} was asked for by {flag.by}; another person has to approve it")
    return alarms.approve(flag, when)


def _name(by: str) -> str:
    return by.strip().casefold()


def _asked_for(alarms: AlarmMachine, flag_id: str) -> Flag:
    flag = alarms.flags.get(flag_id)
    if flag is None or flag.state is not FlagState.ASKED:
        raise CommandRefused(f"flag {flag_id!r} is not asked for; `fengsui alarms flags` shows the requests")
    return flag


def _meant(alarms: AlarmMachine, act: HumanAct, kind: FlagKind) -> Flag:
    """The flag that is on and named, or that covers the alarm that is named."""
    if act.flag:
        flag = alarms.flags.get(act.flag)
        if flag is None or flag.kind is not kind or flag.state is not FlagState.ON:
            raise CommandRefused(f"flag {act.flag!r} is not on as {kind}; `fengsui alarms flags` shows those that are")
        return flag
    alarm = alarms.get(act.alarm_id)
    rule, tag, asset = (act.rule, act.tag, act.asset) if alarm is None else (alarm.rule, alarm.tag, alarm.asset)
    if kind is not FlagKind.OUT_OF_SERVICE:
        one = alarms.flags.of(kind, rule, tag)
        found = [] if one is None else [one]
    else:
        found = alarms.flags.out_of_service(rule, tag, asset)
    if len(found) != 1:
        several = f"{len(found)} flags cover it: {', '.join(flag.id for flag in found)}; name one"
        raise CommandRefused(f"alarm {act.alarm_id!r} is not {kind}" if not found else several)
    return found[0]


def _verdict(act: HumanAct) -> Verdict:
    try:
        verdict = Verdict(act.verdict)
    except ValueError:
        raise CommandRefused(f"verdict {act.verdict!r} is not known; known are {', '.join(Verdict)}") from None
    if verdict is Verdict.FALSE:
        _need(act.note, "the verdict false needs a note: the cause")
    return verdict


_CARRIED_OUT: dict[str, Callable[[Bound, AlarmMachine, HumanAct, Circumstance], list[AlarmEvent]]] = {
    Act.ACKNOWLEDGE: _acknowledge,
    Act.RESET: _reset,
    Act.SHELVE: _shelve,
    Act.UNSHELVE: _unshelve,
    Act.TAKE_OUT: _take_out,
    Act.PUT_BACK: _put_back,
    Act.APPROVE: _approve,
    Act.WITHDRAW: _withdraw,
    Act.COMMENT: _comment,
    Act.VERDICT: _judge,
    Act.MEMO: _memo,
    Act.END_MEMO: _end_memo,
}
