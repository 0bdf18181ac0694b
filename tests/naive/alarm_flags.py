"""Slow, obvious model of what keeps alarms from annunciation: flags, as docs/alarms.md tells of them."""

from __future__ import annotations

from dataclasses import dataclass

from model.alarm import Grade

SHELVED, SUPPRESSED, OUT = "shelved", "suppressed", "out_of_service"
STRENGTH = ("", SUPPRESSED, SHELVED, OUT)


@dataclass
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
    asked_ns: int = 0  # how long a request lasts
    passed_ns: int = 0  # by all ticks since
    why_ended: str = ""

    @property
    def key(self) -> tuple[str, str, str, str]:
        return self.kind, self.rule, self.tag, self.asset

    def covers(self, rule: str, tag: str, asset: str) -> bool:
        if self.kind != OUT:
            return (rule, tag) == (self.rule, self.tag)
        return self.rule in ("", rule) and (tag == self.tag if self.tag else asset == self.asset)

    def is_over(self, wall_ns: int) -> bool:
        lasts_ns = self.asked_ns if self.state == "asked" else self.lasts_ns
        return lasts_ns is not None and (wall_ns >= self.since_ns + lasts_ns or self.passed_ns >= lasts_ns)


class Flags:
    """All that there ever were, in the order in which they were asked for."""

    def __init__(self) -> None:
        self.all: list[Flag] = []

    def on(self) -> list[Flag]:
        return [flag for flag in self.all if flag.state == "on"]

    def asked(self) -> list[Flag]:
        return [flag for flag in self.all if flag.state == "asked"]

    def hiding(self, rule: str, tag: str, asset: str) -> str:
        """The strongest kind that covers it."""
        kinds = [flag.kind for flag in self.on() if flag.covers(rule, tag, asset)]
        return max(["", *kinds], key=STRENGTH.index)

    def ask(self, flag: Flag, *, two_persons: bool) -> None:
        """Put it on, or only on record as asked for; what was the same before is replaced."""
        flag.state = "asked" if two_persons else "on"
        self._replace(flag)
        self.all.append(flag)

    def approve(self, flag: Flag, by: str, wall_ns: int) -> None:
        flag.state, flag.approved_by, flag.since_ns, flag.passed_ns = "on", by, wall_ns, 0
        self._replace(flag)

    def pass_time(self, passed_ns: int) -> None:
        for flag in self.all:
            flag.passed_ns += passed_ns

    def end(self, flags: list[Flag], why: str) -> None:
        for flag in flags:
            flag.state, flag.why_ended = "ended", why

    def _replace(self, flag: Flag) -> None:
        """One flag of a kind and a cover is on, and one request of them stands."""
        same = [other for other in self.all if other is not flag and other.key == flag.key]
        self.end([other for other in same if other.state == flag.state], "replaced")
