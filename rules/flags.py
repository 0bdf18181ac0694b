"""What hides alarms: shelves, sensors out of service, suppression by design. Each from its beginning to its end.

A flag hides what it covers while it is on; one that needs a second person is asked for first. Time ends it by the wall
clock or by what has passed, whichever comes first.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import TypeAlias

from model.alarm import Grade
from model.flag import Cover, Flag, FlagEnd, FlagEvent, FlagKind, FlagState
from rules.circumstance import Circumstance, digest
from rules.timers import Timers, Waits

_Key: TypeAlias = tuple[FlagKind, str, str, str]

#: Flags that are on or asked for, how many there ever were, and since when each waits for its end.
Kept: TypeAlias = tuple[list[Flag], int, Waits]


@dataclass(frozen=True, slots=True)
class Wish:
    """What is to be hidden, and why."""

    kind: FlagKind
    cover: Cover
    reason: str
    duration_s: float = 0.0
    grade: Grade = Grade.NONE
    alarm_id: str = ""

    @property
    def key(self) -> _Key:
        return _key(self.kind, self.cover)


def _key(kind: FlagKind, cover: Cover) -> _Key:
    return kind, cover.rule, cover.tag, cover.asset


class Flags:
    """All flags that are on or asked for."""

    def __init__(self) -> None:
        self._flags: dict[str, Flag] = {}
        self._on: dict[_Key, str] = {}
        self._asked: dict[_Key, str] = {}
        self._begun = 0  # how many there ever were: no two have the same id
        self._waits = Timers()
        self._walls: list[tuple[int, str]] = []  # heap of ends by the wall clock
        self._events: list[FlagEvent] = []

    def all(self) -> list[Flag]:
        return list(self._flags.values())  # in one go: the status asks from another thread

    def get(self, flag_id: str) -> Flag | None:
        return self._flags.get(flag_id)

    def hides(self, rule: str, tag: str, asset: str) -> str:
        """The strongest kind that hides an alarm; empty = it is shown."""
        if not self._on:
            return ""
        if self.out_of_service(rule, tag, asset):
            return FlagKind.OUT_OF_SERVICE
        kinds = (FlagKind.SHELVED, FlagKind.SUPPRESSED)
        return next((kind for kind in kinds if (kind, rule, tag, "") in self._on), "")

    def of(self, kind: FlagKind, rule: str, tag: str) -> Flag | None:
        """The flag of a kind that is on for one rule on one sensor or asset."""
        found = self._on.get((kind, rule, tag, ""))
        return None if found is None else self._flags[found]

    def out_of_service(self, rule: str, tag: str, asset: str) -> list[Flag]:
        """All that take an alarm out of service."""
        covers = [("", tag, ""), (rule, tag, "")] + ([("", "", asset), (rule, "", asset)] if asset else [])
        found = (self._on.get((FlagKind.OUT_OF_SERVICE, *cover)) for cover in covers)
        return [self._flags[flag_id] for flag_id in found if flag_id is not None]

    def ask(self, wish: Wish, confirm_ns: int, circumstance: Circumstance) -> Flag:
        """Leave a request for a second person."""
        self._replace(self._asked.get(wish.key), circumstance)
        flag = self._made(wish, FlagState.ASKED, circumstance)
        flag = replace(flag, until_ns=circumstance.at_ns + confirm_ns)
        self._asked[wish.key] = flag.id
        return self._place(flag, circumstance)

    def put_on(self, wish: Wish, circumstance: Circumstance) -> Flag:
        """Hide from now on, in place of what hides the same or is asked for."""
        self._make_way(wish.key, circumstance)
        flag = self._made(wish, FlagState.ON, circumstance)
        self._on[wish.key] = flag.id
        return self._place(self._timed(flag, circumstance), circumstance)

    def approve(self, flag: Flag, circumstance: Circumstance) -> Flag:
        """Put a request on; its time counts from now."""
        key = _key(flag.kind, flag.cover)
        del self._asked[key]
        self._make_way(key, circumstance)
        flag = replace(flag, state=FlagState.ON, since_ns=circumstance.at_ns, approved_by=circumstance.by)
        self._on[key] = flag.id
        return self._place(self._timed(flag, circumstance), circumstance)

    def end(self, flag: Flag, why: FlagEnd, circumstance: Circumstance) -> None:
        """Take it off the lists; the record says why."""
        del self._flags[flag.id]
        del (self._on if flag.state is FlagState.ON else self._asked)[_key(flag.kind, flag.cover)]
        self._waits.stop(flag.id)
        self._tell(flag.ended(why, circumstance.at_ns, circumstance.by), circumstance)

    def end_due(self, wall_ns: int, passed_ns: int, circumstance: Circumstance) -> list[Flag]:
        """End those whose time is over; returns the ones that were on."""
        over = set(self._waits.advance(passed_ns))
        while self._walls and self._walls[0][0] <= wall_ns:
            until_ns, flag_id = heapq.heappop(self._walls)
            flag = self._flags.get(flag_id)
            if flag is not None and flag.until_ns == until_ns:
                over.add(flag_id)
        ended = sorted((self._flags[flag_id] for flag_id in over), key=lambda flag: _key(flag.kind, flag.cover))
        for flag in ended:
            was_on = flag.state is FlagState.ON
            self.end(flag, FlagEnd.TIME if was_on else FlagEnd.NOT_CONFIRMED, circumstance)
        return [flag for flag in ended if flag.state is FlagState.ON]

    def adopt(self, flag: Flag) -> None:
        """Take a flag as people were told of it; its time is over by the wall clock, or counts anew."""
        (self._on if flag.state is FlagState.ON else self._asked)[_key(flag.kind, flag.cover)] = flag.id
        self._keep(flag)

    def forget(self, flag: Flag) -> None:
        """Drop a flag of which nobody was told."""
        del self._flags[flag.id]
        del (self._on if flag.state is FlagState.ON else self._asked)[_key(flag.kind, flag.cover)]
        self._waits.stop(flag.id)

    def take_events(self) -> list[FlagEvent]:
        """What became of flags since this was asked last."""
        events, self._events = self._events, []
        return events

    def snapshot(self) -> Kept:
        return sorted(self._flags.values(), key=lambda flag: flag.id), self._begun, self._waits.snapshot()

    @classmethod
    def restore(cls, kept: Iterable[Flag], begun: int, waits: Waits) -> Flags:
        flags = cls()
        for flag in kept:
            flags.adopt(flag)
        flags._begun = begun
        flags._waits.restore(waits, lambda flag_id: _duration_ns(flags._flags[flag_id]))
        return flags

    def _made(self, wish: Wish, state: FlagState, circumstance: Circumstance) -> Flag:
        self._begun += 1
        return Flag(
            id=digest("flag", *wish.key, str(circumstance.at_ns), str(self._begun)),
            kind=wish.kind,
            cover=wish.cover,
            state=state,
            grade=wish.grade,
            reason=wish.reason,
            by=circumstance.by,
            approved_by="",
            alarm_id=wish.alarm_id,
            duration_s=wish.duration_s,
            since_ns=circumstance.at_ns,
            until_ns=None,
        )

    def _timed(self, flag: Flag, circumstance: Circumstance) -> Flag:
        if not flag.duration_s:
            return replace(flag, until_ns=None)
        return replace(flag, until_ns=circumstance.at_ns + round(flag.duration_s * 1e9))

    def _make_way(self, key: _Key, circumstance: Circumstance) -> None:
        self._replace(self._on.get(key), circumstance)
        self._replace(self._asked.get(key), circumstance)

    def _replace(self, flag_id: str | None, circumstance: Circumstance) -> None:
        if flag_id is not None:
            self.end(self._flags[flag_id], FlagEnd.REPLACED, circumstance)

    def _place(self, flag: Flag, circumstance: Circumstance) -> Flag:
        self._keep(flag)
        self._tell(flag, circumstance)
        return flag

    def _keep(self, flag: Flag) -> None:
        self._flags[flag.id] = flag
        if flag.until_ns is not None:
            self._waits.start(flag.id, _duration_ns(flag))
            heapq.heappush(self._walls, (flag.until_ns, flag.id))

    def _tell(self, flag: Flag, circumstance: Circumstance) -> None:
        self._events.append(
            FlagEvent(
                id=digest("flag event", flag.id, flag.state),
                offset=circumstance.offset,
                at_ns=circumstance.at_ns,
                by=circumstance.by,
                note=circumstance.note,
                flag=flag,
            )
        )


def _duration_ns(flag: Flag) -> int:
    """How long it may last, from its beginning; 0 = no time ends it."""
    return 0 if flag.until_ns is None else flag.until_ns - flag.since_ns
