"""The nouns of the obvious model of the life of alarms."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

from model.alarm import Grade
from tests.naive.alarm_flags import Flag
from tests.naive.alarm_levels import LifeRule
from tests.naive.alarm_table import ACTIVE, NORMAL
from tests.naive_step import NaiveSensor


class Line(NamedTuple):
    """What is told, field by field."""

    rule: str
    tag: str
    event: str
    state: str
    grade: Grade
    time_ns: int
    offline: bool
    hidden: str
    chattering: bool
    by: str
    note: str
    verdict: str


class Refused(Exception):
    """The act cannot be."""


@dataclass(frozen=True)
class Policy:
    shelf_max_ns: int
    out_max_ns: int
    confirm_ns: int
    realarm_ns: dict[Grade, int] = field(default_factory=dict)  # grades that are not named never alarm again
    stale_ns: int = 0  # 0 = never


@dataclass(frozen=True)
class Site:
    """What the plan in force knows."""

    sensors: tuple[NaiveSensor, ...]
    rules: tuple[LifeRule, ...]
    policy: Policy
    assets: dict[str, str] = field(default_factory=dict)  # tag -> asset
    known_assets: frozenset[str] = frozenset()
    on_change: frozenset[str] = frozenset()  # kinds


@dataclass(frozen=True)
class Act:
    act: str
    alarm: tuple[str, str, int] | None = None  # rule, tag, how manieth
    by: str = ""
    note: str = ""
    wall_ns: int = 0
    lasts_ns: int = 0
    verdict: str = ""
    flag: Flag | None = None
    rule: str = ""
    tag: str = ""
    asset: str = ""
    command: str = ""


@dataclass
class Alarm:
    """One alarm, with all that was ever told of it and how many ticks there had been."""

    number: int
    rule: str
    tag: str
    asset: str
    latching: bool
    told: list[tuple[Line, int]] = field(default_factory=list)

    @property
    def state(self) -> str:
        return self.told[-1][0].state if self.told else NORMAL

    @property
    def grade(self) -> Grade:
        return self.told[-1][0].grade if self.told else Grade.NONE

    @property
    def highest(self) -> Grade:
        return max((line.grade for line, _ in self.told), default=Grade.NONE)

    @property
    def hidden(self) -> str:
        return self.told[-1][0].hidden if self.told else ""

    @property
    def chattering(self) -> bool:
        last = self.told[-1][0] if self.told else None
        return last is not None and last.chattering and last.event != "returned" and self.state in ACTIVE

    @property
    def asked_grade(self) -> Grade:
        """Of an alarm that has returned, the highest it had counts."""
        return self.grade or self.highest

    @property
    def changed_ns(self) -> int:
        """When its state or grade last changed, or was told anew."""
        remarks = ("commented", "verdict", "stale", "hidden")
        return next(line.time_ns for line, _ in reversed(self.told) if line.event not in remarks)

    def ticks_before_last(self, *events: str) -> int:
        return next(ticks for line, ticks in reversed(self.told) if line.event in events)

    @property
    def verdict(self) -> str:
        return next((line.verdict for line, _ in reversed(self.told) if line.verdict), "")

    @property
    def stays_stale(self) -> bool:
        return self.state in ACTIVE and self.is_stale()

    def is_stale(self) -> bool:
        """Whether that was told since it last became active."""
        since = max(at for at, (line, _) in enumerate(self.told) if line.event in ("raised", "re_raised"))
        return any(line.event == "stale" for line, _ in self.told[since:])
