"""Slow, obvious model of one rule on one sensor: which grades are on, and whether it chatters (docs/alarms.md)."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import NamedTuple

from model.alarm import Grade
from tests.naive_step import GradeOfSensor, NaiveGrade, names


class Chatter(NamedTuple):
    """From so many rises within so long it is damped: it is over when readings say so for ``hold_ns``."""

    times: int
    within_ns: int
    hold_ns: int


@dataclass(frozen=True)
class LifeRule:
    id: str
    kinds: tuple[str, ...]
    grades: tuple[NaiveGrade, ...]  # rising
    latching: bool = False
    chatter: Chatter | None = None
    realarm_ns: dict[Grade, int] = field(default_factory=dict)  # of the grades that are named
    stale_ns: int | None = None  # None: as the plan says

    @property
    def can_be_red(self) -> bool:
        return any(spec.grade == Grade.RED for spec in self.grades)


class Move(NamedTuple):
    """The level went from one grade to another; ``chattering`` is said of the event that tells it."""

    before: Grade
    after: Grade
    time_ns: int
    chattering: bool


class Levels:
    """All grades of one rule on one sensor. What it heard is kept whole."""

    def __init__(self, rule: LifeRule, *, on_change: bool) -> None:
        self.rule, self.on_change = rule, on_change
        self.grades = [GradeOfSensor(spec) for spec in rule.grades]
        self.rises: list[int] = []
        self.chattering = False
        self.settled_ns: int | None = None

    @property
    def level(self) -> int:
        return max((number for number, grade in enumerate(self.grades, 1) if grade.on), default=0)

    def turn_on(self, grade: Grade, settled_ns: int, *, chattering: bool) -> None:
        """An alarm is open that this rule, new to the sensor, did not raise."""
        for one in self.grades:
            one.on = one.spec.grade <= grade
        self.settled_ns, self.chattering = settled_ns, chattering

    def meet(self, rule: LifeRule, *, on_change: bool) -> None:
        """The rule is another one with the same grades. How often it rose is counted anew under another ``chatter``."""
        if rule.chatter != self.rule.chatter:
            self.rises.clear()
        self.rule, self.on_change = rule, on_change

    def hear(self, time_ns: int, known: dict[str, float], *, paused: bool, late: bool) -> Move | None:
        before = self.level
        for grade, spec in zip(self.grades, self.rule.grades, strict=True):
            grade.spec = replace(spec, off_ns=self._off_ns(spec))
            says = grade.judge(known, good=known["quality"] == 0)
            if not late:
                grade.hear(time_ns, says, paused=paused)
            elif says == "yes" and self._still_news(grade, time_ns):
                grade.on, grade.said = True, [(time_ns, "yes")]
        return self._moved(before, time_ns)

    def tick(self, live_ns: int) -> Move | None:
        before = self.level
        times = [grade.tick(live_ns) for grade in self.grades]
        highest = next((time_ns for time_ns in reversed(times) if time_ns is not None), None)
        return None if highest is None else self._moved(before, highest)

    def _off_ns(self, spec: NaiveGrade) -> int:
        chatter = self.rule.chatter
        if chatter is None or not self.chattering or self.on_change:
            return spec.off_ns
        return max(spec.off_ns, chatter.hold_ns)

    def _still_news(self, grade: GradeOfSensor, time_ns: int) -> bool:
        """Late news raises where the limit stands alone, and no later change of level is known."""
        operands = set().union(*(names(spec.condition) for spec in self.rule.grades))
        alone = grade.spec.on_ns == 0 and operands == {"value"}
        return alone and not grade.on and (self.settled_ns is None or time_ns >= self.settled_ns)

    def _moved(self, before: int, time_ns: int) -> Move | None:
        now = self.level
        if now == before:
            return None
        self.settled_ns = time_ns if self.settled_ns is None else max(time_ns, self.settled_ns)
        if now > before:
            self.rises.append(time_ns)
            self.chattering = self.chattering or self._too_often(time_ns)
        move = Move(self._grade(before), self._grade(now), time_ns, self.chattering)
        if not now:
            self.chattering = False
        return move

    def _too_often(self, time_ns: int) -> bool:
        chatter = self.rule.chatter
        return chatter is not None and sum(time_ns - at <= chatter.within_ns for at in self.rises) >= chatter.times

    def _grade(self, level: int) -> Grade:
        return self.rule.grades[level - 1].grade if level else Grade.NONE
