"""Slow, obvious model of a day with reloads: one sensor after the other, one row after the other, plain Python.

Written from the design: admission (0004), three-valued evidence (0003), delays (0019), and what a reload keeps. It
knows rules on the value and the quality of single sensors and nothing of slots, batches or arrays. Of each grade it
keeps what was said last and since when, which is all that the delays ask for.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from model.alarm import AlarmState, Grade, Transition

S = 10**9
YEAR_2000 = 946_684_800 * S


class Happened(NamedTuple):
    """What is compared."""

    rule: str
    transition: Transition
    state: AlarmState
    grade: Grade
    time_ns: int
    at_ns: int
    offline: bool


@dataclass(frozen=True)
class OracleGrade:
    """``operand`` is value or quality; ``low`` = it holds below the limit."""

    grade: Grade
    operand: str
    limit: float
    low: bool = False
    on_ns: int = 0
    off_ns: int = 0
    deadband: float = 0.0

    def says(self, value: float, quality: int) -> str:
        x = value if self.operand == "value" else float(quality)
        if math.isnan(x):
            return "nothing"
        slack = self.deadband if self.operand == "value" else 0.0
        if x <= self.limit if self.low else x >= self.limit:
            return "yes"
        if quality != 0:
            return "nothing"
        return "near" if (x <= self.limit + slack if self.low else x >= self.limit - slack) else "no"


@dataclass(frozen=True)
class OracleRule:
    id: str
    grades: tuple[OracleGrade, ...]


@dataclass(frozen=True)
class OraclePlan:
    tags: frozenset[str]
    rules: tuple[OracleRule, ...]


class Row(NamedTuple):
    second: int  # of the tick that follows it
    time_ns: int
    received_ns: int
    value: float
    quality: int


class Reload(NamedTuple):
    """Comes before the rows of its second."""

    second: int
    plan: OraclePlan


class Acknowledge(NamedTuple):
    """Comes behind the tick of its second."""

    second: int
    rule: str
    at_ns: int


@dataclass
class Running:
    """One grade."""

    spec: OracleGrade
    on: bool = False
    run: str = ""  # what was said last, "nothing" left out
    since: int = 0
    first_tick: int | None = None  # second of the first tick behind ``since``

    def hear(self, time_ns: int, says: str, *, paused: bool) -> None:
        if paused and self.run == "no":
            self.run = ""
        if says not in ("nothing", self.run):
            self.run, self.since, self.first_tick = says, time_ns, None
        if not self.on:
            self.on = says == "yes" and time_ns - self.since >= self.spec.on_ns
        elif says == "no" and time_ns - self.since >= self.spec.off_ns:
            self.on, self.run = False, ""

    def pending(self) -> bool:
        return not self.on and self.run == "yes"

    def tick(self, second: int) -> int | None:
        if not self.pending():
            return None
        if self.first_tick is None:
            self.first_tick = second
        if (second - self.first_tick) * S < self.spec.on_ns:
            return None
        self.on = True
        return self.since + self.spec.on_ns


@dataclass
class Alarm:
    active: bool = False
    acknowledged: bool = False
    grade: Grade = Grade.NONE
    changed_ns: int = 0

    @property
    def state(self) -> AlarmState:
        if self.active:
            return AlarmState.ACKNOWLEDGED if self.acknowledged else AlarmState.UNACKNOWLEDGED
        return AlarmState.NORMAL if self.acknowledged else AlarmState.RETURNED


@dataclass
class Sensor:
    """All that is known of one sensor. Alarms outlive plans and the sensor's place in the registry."""

    tag: str
    period_ns: int
    start_ns: int
    plan: OraclePlan
    second: int = 0  # whose tick is due next
    grades: dict[str, list[Running]] = field(default_factory=dict)
    settled: dict[str, int] = field(default_factory=dict)
    alarms: dict[str, Alarm] = field(default_factory=dict)
    seen: deque[tuple[int, float]] = field(default_factory=lambda: deque(maxlen=8))
    last_ns: int | None = None
    good_ns: int | None = None
    behind: list[tuple[int, int]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._rules()

    def play(self, items: Iterable[Row | Reload | Acknowledge], until_s: int) -> Iterator[Happened]:
        """Everything up to the tick of a second."""
        for item in items:
            yield from self._ticks(item.second + isinstance(item, Acknowledge))
            match item:
                case Row():
                    yield from self._row(item)
                case Reload(_, plan):
                    self._reload(plan)
                case Acknowledge(_, rule, at_ns):
                    yield self._acknowledge(rule, at_ns)
        yield from self._ticks(until_s)

    def _ticks(self, until_s: int) -> Iterator[Happened]:
        """The ticks before a second; where nothing waits for one they pass."""
        while self.second < until_s:
            if not any(one.pending() for grades in self.grades.values() for one in grades):
                self.second = until_s
                return
            wall_ns = self.start_ns + (self.second + 1) * S
            for rule, grades in self.grades.items():
                before = level(grades)
                times = [at for one in reversed(grades) if (at := one.tick(self.second)) is not None]
                if times:
                    offline = wall_ns - times[0] > max(60 * S, 3 * self.period_ns)
                    yield from self._settle(rule, before, times[0], wall_ns, offline=offline)
            self.second += 1

    def _row(self, row: Row) -> Iterator[Happened]:
        if self.tag not in self.plan.tags:
            return
        usable = row.value if math.isfinite(row.value) and row.quality < 2 else math.nan
        verdict, time_ns, faulty = self._admit(row, usable)
        if verdict == "duplicate":
            return
        quality = 2 if math.isnan(usable) else max(row.quality, int(faulty))
        late = verdict == "late"
        paused = False
        if not late and quality == 0:
            paused = self.good_ns is None or time_ns - self.good_ns > max(5 * S, 3 * self.period_ns)
            self.good_ns = time_ns
        offline = late or row.received_ns - time_ns > max(60 * S, 3 * self.period_ns)
        for rule, grades in self.grades.items():
            before = level(grades)
            alone = all(one.spec.operand == "value" for one in grades)
            for one in grades:
                says = one.spec.says(usable, quality)
                if not late:
                    one.hear(time_ns, says, paused=paused)
                elif says == "yes" and alone and self._still_news(rule, one, time_ns):
                    one.on, one.run, one.since = True, "yes", time_ns
            yield from self._settle(rule, before, time_ns, row.received_ns, offline=offline)

    def _still_news(self, rule: str, one: Running, time_ns: int) -> bool:
        """A late row raises at once where the limit stands alone, and no later change of level is known."""
        return not one.on and one.spec.on_ns == 0 and time_ns >= self.settled.get(rule, time_ns)

    def _admit(self, row: Row, usable: float) -> tuple[str, int, bool]:
        given, received = row.time_ns, row.received_ns
        if given < YEAR_2000 or given > received + 300 * S:
            return "accepted", self._accept(received, usable), True
        if self.last_ns is None or given > self.last_ns:
            self.behind.clear()
            return "accepted", self._accept(given, usable), False
        if any(given == at and _same(usable, value) for at, value in self.seen):
            return "duplicate", given, False
        tells_nothing = bool(self.behind) and (
            given == self.behind[-1][0] or (given > self.behind[-1][0] and received == self.behind[-1][1])
        )
        if not tells_nothing:
            if self.behind and not 0 < given - self.behind[-1][0] <= 2 * (received - self.behind[-1][1]):
                self.behind.clear()
            self.behind.append((given, received))
        if len(self.behind) >= 3:
            return "accepted", self._accept(received, usable), True
        return "late", given, False

    def _accept(self, time_ns: int, usable: float) -> int:
        if self.last_ns is not None and time_ns <= self.last_ns:
            time_ns = self.last_ns + 1
        self.last_ns = time_ns
        self.seen.append((time_ns, usable))
        return time_ns

    def _reload(self, plan: OraclePlan) -> None:
        """What did not change goes on; an alarm that is on stays on, and readings can end it where they reach it."""
        was_known = self.tag in self.plan.tags
        self.plan = plan
        if self.tag not in plan.tags:
            self.seen.clear()
            self.last_ns = self.good_ns = None
            self.behind.clear()
        elif not was_known:
            self.grades.clear()
        kept, settled = self.grades, self.settled
        self._rules()
        for rule, grades in self.grades.items():
            before = kept.get(rule)
            if before is not None and [one.spec for one in before] == [one.spec for one in grades]:
                self.grades[rule] = before
                if rule in settled:
                    self.settled[rule] = settled[rule]
            alarm = self.alarms.get(rule)
            if alarm is not None and alarm.active and level(self.grades[rule]) == 0:
                for one in grades:
                    one.on = one.spec.grade <= alarm.grade
                self.grades[rule] = grades
                self.settled[rule] = alarm.changed_ns

    def _rules(self) -> None:
        is_known = self.tag in self.plan.tags
        self.grades = {rule.id: [Running(g) for g in rule.grades] for rule in self.plan.rules if is_known}
        self.settled = {}

    def _settle(self, rule: str, before: int, time_ns: int, at_ns: int, *, offline: bool) -> Iterator[Happened]:
        grades = self.grades[rule]
        now = level(grades)
        if now == before:
            return
        self.settled[rule] = max(time_ns, self.settled.get(rule, time_ns))
        grade = grades[now - 1].spec.grade if now else Grade.NONE
        known = rule in self.alarms
        alarm = self.alarms.setdefault(rule, Alarm())
        if grade == Grade.NONE:
            transition, alarm.active = Transition.RETURNED, False
        elif not alarm.active:
            transition = Transition.RERAISED if known else Transition.RAISED
            alarm.active, alarm.acknowledged = True, False
        elif grade > alarm.grade:
            transition, alarm.acknowledged = Transition.UPGRADED, False
        else:
            transition = Transition.DOWNGRADED
        alarm.grade = grade
        yield self._told(rule, alarm, transition, time_ns, at_ns, offline=offline)

    def _acknowledge(self, rule: str, at_ns: int) -> Happened:
        alarm = self.alarms[rule]
        assert not alarm.acknowledged, "only alarms that are not acknowledged are"
        alarm.acknowledged = True
        return self._told(rule, alarm, Transition.ACKNOWLEDGED, at_ns, at_ns, offline=False)

    def _told(self, rule: str, alarm: Alarm, what: Transition, time_ns: int, at_ns: int, *, offline: bool) -> Happened:
        alarm.changed_ns = time_ns
        if alarm.state is AlarmState.NORMAL:
            del self.alarms[rule]
        return Happened(rule, what, alarm.state, alarm.grade, time_ns, at_ns, offline)


def _same(one: float, other: float) -> bool:
    return one == other or (math.isnan(one) and math.isnan(other))


def level(grades: list[Running]) -> int:
    return max((number for number, one in enumerate(grades, 1) if one.on), default=0)
