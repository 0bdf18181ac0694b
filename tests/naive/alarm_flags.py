"""Slow, obvious model of what keeps alarms from annunciation: flags, as docs/alarms.md tells of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from model.alarm import Grade

SHELVED, SUPPRESSED, OUT = "shelved", "suppressed", "out_of_service"
STRENGTH = ("", SUPPRESSED, SHELVED, OUT)


class FlagLine(NamedTuple):
    """What is told of a flag: how it stands since."""

    kind: str
    rule: str
    tag: str
    asset: str
    state: str
    grade: Grade
    reason: str
    by: str
    approved_by: str
    since_ns: int
    until_ns: int | None
    why_ended: str
    told_ns: int
    told_by: str


@dataclass(eq=False)
class Flag:
    """One flag, from its asking to its end."""

    kind: str
    rule: str  # empty: all rules
    tag: str
    asset: str  # with all its sensors
    grade: Grade  # at which it was shelved
    reason: str
    by: str
    since_ns: int  # wall clock
    lasts_ns: int | None  # None: until its condition ends it
    state: str = "on"  # or "asked", "ended"
    approved_by: str = ""
    alarm: int = -1  # for which it was asked
    request_ns: int = 0  # how long a request lasts
    passed_ns: int | None = None  # by ticks; None before the first of them
    why_ended: str = ""

    @property
    def key(self) -> tuple[str, str, str, str]:
        return self.kind, self.rule, self.tag, self.asset

    @property
    def longest_ns(self) -> int | None:
        return self.request_ns if self.state == "asked" else self.lasts_ns

    def covers(self, rule: str, tag: str, asset: str) -> bool:
        if self.kind != OUT:
            return (rule, tag) == (self.rule, self.tag)
        return self.rule in ("", rule) and (tag == self.tag if self.tag else asset == self.asset)

    def is_over(self, wall_ns: int) -> bool:
        longest_ns = self.longest_ns
        if longest_ns is None:
            return False
        return wall_ns >= self.since_ns + longest_ns or (self.passed_ns or 0) >= longest_ns


class Flags:
    """All that there ever were, in the order in which they were asked for."""

    def __init__(self) -> None:
        self.all: list[Flag] = []
        self.told: list[FlagLine] = []

    def on(self) -> list[Flag]:
        return [flag for flag in self.all if flag.state == "on"]

    def asked(self) -> list[Flag]:
        return [flag for flag in self.all if flag.state == "asked"]

    def hiding(self, rule: str, tag: str, asset: str) -> str:
        """The strongest kind that covers it."""
        kinds = [flag.kind for flag in self.on() if flag.covers(rule, tag, asset)]
        return max(["", *kinds], key=STRENGTH.index)

    def ask(self, flag: Flag, *, two_persons: bool) -> None:
        """Put it on, or only on record as asked for."""
        flag.state = "asked" if two_persons else "on"
        self._replace(flag, flag.since_ns, flag.by)
        self.all.append(flag)
        self._tell(flag, flag.since_ns, flag.by)

    def approve(self, flag: Flag, by: str, wall_ns: int) -> None:
        flag.state, flag.approved_by, flag.since_ns, flag.passed_ns = "on", by, wall_ns, None
        self._replace(flag, wall_ns, by)
        self._tell(flag, wall_ns, by)

    def pass_time(self, passed_ns: int) -> None:
        """A tick has come."""
        for flag in self.all:
            flag.passed_ns = 0 if flag.passed_ns is None else flag.passed_ns + passed_ns

    def time_is_over(self, wall_ns: int) -> None:
        for flag in self.asked() + self.on():
            if flag.is_over(wall_ns):
                self.end([flag], "not_confirmed" if flag.state == "asked" else "time", wall_ns)

    def end(self, flags: list[Flag], why: str, at_ns: int, by: str = "") -> None:
        for flag in flags:
            self._tell_end(flag, why, at_ns, by)

    def _replace(self, flag: Flag, at_ns: int, by: str) -> None:
        """A request takes the place of a request, what goes on that of all."""
        same = [one for one in self.asked() + self.on() if one is not flag and one.key == flag.key]
        self.end([one for one in same if flag.state == "on" or one.state == "asked"], "replaced", at_ns, by)

    def _tell_end(self, flag: Flag, why: str, at_ns: int, by: str) -> None:
        longest_ns = flag.longest_ns
        flag.state, flag.why_ended = "ended", why
        self._tell(flag, at_ns, by, longest_ns)

    def _tell(self, flag: Flag, at_ns: int, by: str, longest_ns: int | None = None) -> None:
        longest_ns = flag.longest_ns if longest_ns is None else longest_ns
        until_ns = None if longest_ns is None else flag.since_ns + longest_ns
        self.told.append(
            FlagLine(
                *flag.key,
                flag.state,
                flag.grade,
                flag.reason,
                flag.by,
                flag.approved_by,
                flag.since_ns,
                until_ns,
                flag.why_ended,
                at_ns,
                by,
            )
        )
