"""What people do about incidents: make one of several, or two of one. The machine never undoes it."""

from __future__ import annotations

from collections.abc import Sequence

from model.errors import CommandRefused
from model.incident import IncidentAct, IncidentChange, IncidentEvent, IncidentKind
from model.inputs import HumanAct
from rules.incidents.groups import MEMBERS_MAX, Groups, digest
from rules.incidents.members import OpenIncident

_TAIL = "`fengsui incidents list` shows the open ones"


def carry_out(groups: Groups, act: HumanAct, offset: int) -> list[IncidentEvent]:
    """Merge or split.

    Raises:
        CommandRefused: it cannot be done.

    """
    if not act.by.strip():
        raise CommandRefused("an act needs by: who does it")
    if act.act == IncidentAct.MERGE:
        return _merge(groups, act, offset)
    return _split(groups, act, offset)


def _merge(groups: Groups, act: HumanAct, offset: int) -> list[IncidentEvent]:
    names = list(dict.fromkeys([act.alarm_id, *act.about]))
    if len(names) < 2:
        raise CommandRefused("merge needs at least two different incidents")
    ones = [_open(groups, name) for name in names]
    alarms = sum(len(one.members) for one in ones)
    if alarms > MEMBERS_MAX:
        raise CommandRefused(f"one incident may have {MEMBERS_MAX} alarms, these have {alarms}")
    is_wide = any(one.kind is IncidentKind.WIDE for one in ones)
    kind = IncidentKind.WIDE if is_wide else IncidentKind.LOCAL
    return groups.join_up(names, offset, act.wall_ns, kind=kind, by=act.by, note=act.note)


def _split(groups: Groups, act: HumanAct, offset: int) -> list[IncidentEvent]:
    one = _open(groups, act.alarm_id)
    taken = list(dict.fromkeys(act.about))
    if not taken:
        raise CommandRefused("split needs the alarms that are to be another incident")
    _check_members(one, taken)
    other = OpenIncident(digest("incident", one.id, act.command_id), IncidentKind.LOCAL, by_hand=True)
    groups.take_out(one, taken, other)
    one.by_hand = True
    other.told = one.told
    split, at_ns, by, note = IncidentChange.SPLIT, act.wall_ns, act.by, act.note
    others = [one.id]
    return [
        groups.tell(one, split, offset, at_ns, others=[other.id], tells=one.told, by=by, note=note),
        groups.tell(other, split, offset, at_ns, joined=taken, others=others, tells=True, by=by, note=note),
    ]


def _open(groups: Groups, name: str) -> OpenIncident:
    one = groups.open.get(name)
    if one is None:
        raise CommandRefused(f"incident {name!r} is not open; {_TAIL}")
    return one


def _check_members(one: OpenIncident, taken: Sequence[str]) -> None:
    strange = [name for name in taken if name not in one.members]
    if strange:
        raise CommandRefused(f"alarm {strange[0]!r} does not belong to incident {one.id}")
    if len(taken) == len(one.members):
        raise CommandRefused(f"incident {one.id} must keep at least one of its alarms")
