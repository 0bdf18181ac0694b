"""What persons do in a scenario, and the acts that come of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from model.alarm import Alarm, AlarmEvent
from model.flag import Flag, FlagState
from model.inputs import HumanAct

if TYPE_CHECKING:
    from tests.scenarios.language import Scenario


@dataclass(frozen=True)
class Deed:
    """An act, and on what: every open alarm, the newest alarm though it is closed, the flags of a state, or a cover."""

    act: str
    by: str
    on: str = "open"  # or "newest", "asked", "flag" (that is on), "cover", "unknown"
    note: str = ""
    duration_s: float = 0.0
    verdict: str = ""
    rule: str = ""  # open, newest: only alarms of that; cover: what is covered
    tag: str = ""
    asset: str = ""
    command: str = ""  # as the client gives it; empty: one of its own


def acts(deed: Deed, wall_ns: int, story: Scenario) -> list[HumanAct]:
    return [
        HumanAct(
            command_id=deed.command or f"{deed.act} {wall_ns} {deed.by} {target}",
            act=deed.act,
            alarm_id=target if deed.on in ("open", "newest", "unknown") else "",
            by=deed.by,
            note=deed.note,
            wall_ns=wall_ns,
            rule=rule,
            tag=tag,
            asset=asset,
            duration_s=deed.duration_s,
            verdict=deed.verdict,
            flag=target if deed.on in ("asked", "flag") else "",
        )
        for target, (rule, tag, asset) in _targets(deed, story)
    ]


def _targets(deed: Deed, story: Scenario) -> Iterator[tuple[str, tuple[str, str, str]]]:
    nowhere = "", "", ""
    match deed.on:
        case "open":
            yield from ((alarm.id, nowhere) for alarm in story.alarms() if _fits(deed, alarm))
        case "newest":
            event = [event for event in story.events if _fits(deed, event)][-1]
            is_open = event.alarm_id in {alarm.id for alarm in story.alarms()}
            yield event.alarm_id, nowhere if is_open else (event.rule, event.tag, event.asset)
        case "asked" | "flag":
            wanted = FlagState.ASKED if deed.on == "asked" else FlagState.ON
            yield from ((flag.id, nowhere) for flag in list(story.flags.values()) if _is(flag, wanted, deed))
        case "cover":
            yield "", (deed.rule, deed.tag, deed.asset)
        case _:
            yield deed.on, nowhere


def _fits(deed: Deed, alarm: Alarm | AlarmEvent) -> bool:
    return deed.rule in ("", alarm.rule) and deed.tag in ("", alarm.tag)


def _is(flag: Flag, wanted: FlagState, deed: Deed) -> bool:
    return flag.state == wanted and deed.tag in ("", flag.cover.tag) and deed.rule in ("", flag.cover.rule)
