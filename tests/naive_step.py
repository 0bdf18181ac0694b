"""Slow, obvious model of ``pipeline.process.step``: one row after the other, plain Python, written from the design.

It keeps whole histories and looks through them each time, where the kernels keep a few numbers. Alarms are flags
(active, acknowledged, latched) as in OPC UA Part 9, not a table of states. It knows no detectors.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from model.alarm import AlarmState, Grade, Transition

YEAR_2000_NS = 946_684_800 * 10**9
AHEAD_MAX_NS = 5 * 60 * 10**9
GAP_NS = 10 * 10**9
SYSTEM = ("system.data_gap", "system")

Condition = tuple  # ("value", ">=", 25.0), ("and", a, b), ("or", a, b) or ("not", a)
Says = Literal["yes", "near", "no", "nothing", "pause"]


class Happened(NamedTuple):
    """What is compared, field by field."""

    offset: int
    rule: str
    tag: str
    transition: Transition
    state: AlarmState
    grade: Grade
    time_ns: int
    offline: bool


class Reading(NamedTuple):
    sensor: int
    time_ns: int | None
    received_ns: int
    value: float
    quality: int


@dataclass(frozen=True)
class NaiveGrade:
    grade: Grade
    condition: Condition
    on_ns: int
    off_ns: int
    deadband: float


@dataclass(frozen=True)
class NaiveRule:
    id: str
    kinds: tuple[str, ...]
    grades: tuple[NaiveGrade, ...]
    latching: bool


@dataclass(frozen=True)
class NaiveSensor:
    tag: str
    kind: str
    period_ns: int

    @property
    def offline_ns(self) -> int:
        return max(60 * 10**9, 3 * self.period_ns)

    @property
    def pause_ns(self) -> int:
        return max(5 * 10**9, 3 * self.period_ns)


def text(condition: Condition) -> str:
    """The condition in the language of rules."""
    match condition:
        case ("not", part):
            return f"not ({text(part)})"
        case ("and" | "or" as word, left, right):
            return f"({text(left)}) {word} ({text(right)})"
    operand, operator, limit = condition
    return f"{operand} {operator} {limit!r}"


def names(condition: Condition) -> set[str]:
    if condition[0] in ("not", "and", "or"):
        return set().union(*(names(part) for part in condition[1:]))
    return {condition[0]}


def holds(condition: Condition, known: dict[str, float], slack: float) -> bool | None:
    """True, False, or None where it cannot be known; ``slack`` makes it easier to hold."""
    match condition:
        case ("not", part):
            inner = holds(part, known, -slack)
            return None if inner is None else not inner
        case ("and", left, right):
            both = [holds(left, known, slack), holds(right, known, slack)]
            return False if False in both else None if None in both else True
        case ("or", left, right):
            both = [holds(left, known, slack), holds(right, known, slack)]
            return True if True in both else None if None in both else False
    operand, operator, limit = condition
    if operand != "value":  # a code has no deadband
        slack = 0.0
    x = known[operand]
    if math.isnan(x):
        return None
    return {
        ">": x > limit - slack,
        ">=": x >= limit - slack,
        "<": x < limit + slack,
        "<=": x <= limit + slack,
        "==": x == limit,
        "!=": x != limit,
    }[operator]


@dataclass
class Device:
    """What is remembered of one sensor to tell news from what is not."""

    accepted: list[tuple[int, float]] = field(default_factory=list)
    good: list[int] = field(default_factory=list)  # times of the good ones among them
    behind: list[tuple[int, int]] = field(default_factory=list)  # (device, receive) times of late rows in succession

    def admit(self, reading: Reading, usable: float) -> tuple[str, int, bool]:
        """Verdict, the time that counts, and whether the device's clock is at fault."""
        given, received = reading.time_ns, reading.received_ns
        last = self.accepted[-1][0] if self.accepted else None
        if given is None:
            return self._accept(received, usable, faulty=False)
        if given < YEAR_2000_NS or given > received + AHEAD_MAX_NS:
            return self._accept(received, usable, faulty=True)
        if last is None or given > last:
            self.behind.clear()
            return self._accept(given, usable, faulty=False)
        if any(given == t and same(usable, value) for t, value in self.accepted[-8:]):
            return "duplicate", given, False
        if not (self.behind and self._says_nothing_of_the_pace(given, received)):
            if not (self.behind and self._keeps_pace(given, received)):
                self.behind.clear()
            self.behind.append((given, received))
        if len(self.behind) >= 3:
            return self._accept(received, usable, faulty=True)
        return "late", given, False

    def seen_good(self, time_ns: int, pause_ns: int) -> bool:
        """Remember a good reading; True where none came for longer than the pause before it."""
        paused = not any(time_ns - before <= pause_ns for before in self.good)
        self.good.append(time_ns)
        return paused

    def _says_nothing_of_the_pace(self, given: int, received: int) -> bool:
        """Another row of the same message, or of the same second of the device's clock."""
        before, came = self.behind[-1]
        return given == before or (given > before and received == came)

    def _keeps_pace(self, given: int, received: int) -> bool:
        before, came = self.behind[-1]
        return 0 < given - before <= 2 * (received - came)

    def _accept(self, time_ns: int, usable: float, *, faulty: bool) -> tuple[str, int, bool]:
        if self.accepted and time_ns <= self.accepted[-1][0]:
            time_ns = self.accepted[-1][0] + 1
        self.accepted.append((time_ns, usable))
        return "accepted", time_ns, faulty


def same(a: float, b: float) -> bool:
    return a == b or (math.isnan(a) and math.isnan(b))


@dataclass
class GradeOfSensor:
    """One colour of one rule on one sensor, with all that was said about it since it last went off."""

    spec: NaiveGrade
    on: bool = False
    said: list[tuple[int, Says]] = field(default_factory=list)
    first_tick: dict[int, int] = field(default_factory=dict)  # beginning -> live time of the first tick after it

    def judge(self, known: dict[str, float], *, good: bool) -> Says:
        if holds(self.spec.condition, known, 0.0):
            return "yes"
        if not good or holds(self.spec.condition, known, 0.0) is None:
            return "nothing"
        return "no" if holds(self.spec.condition, known, self.spec.deadband) is False else "near"

    def hear(self, time_ns: int, says: Says, *, paused: bool) -> None:
        if paused:
            self.said.append((time_ns, "pause"))
        self.said.append((time_ns, says))
        if not self.on:
            since = self.since("yes")
            self.on = says == "yes" and since is not None and time_ns - since >= self.spec.on_ns
        elif says == "no":
            since = self.since("no")
            if since is not None and time_ns - since >= self.spec.off_ns:
                self.on, self.said = False, []

    def since(self, wanted: Says) -> int | None:
        """When what was said last began to be said, with nothing else said in between; for "no" no pause either."""
        beginning = None
        for time_ns, says in reversed(self.said):
            if says == wanted:
                beginning = time_ns
            elif says not in ("nothing", "pause") or (says == "pause" and wanted == "no"):
                break
        return beginning

    def tick(self, live_ns: int) -> int | None:
        """Time at which the on-delay was over though no row said so."""
        since = self.since("yes")
        if self.on or since is None:
            return None
        began = self.first_tick.setdefault(since, live_ns)
        if live_ns - began < self.spec.on_ns:
            return None
        self.on = True
        return since + self.spec.on_ns


@dataclass
class Flags:
    """One alarm."""

    latching: bool
    active: bool = False
    acknowledged: bool = False
    grade: Grade = Grade.NONE

    @property
    def state(self) -> AlarmState:
        if self.active:
            return AlarmState.ACKNOWLEDGED if self.acknowledged else AlarmState.UNACKNOWLEDGED
        if self.latching:
            return AlarmState.LATCHED_ACKNOWLEDGED if self.acknowledged else AlarmState.LATCHED_UNACKNOWLEDGED
        return AlarmState.NORMAL if self.acknowledged else AlarmState.RETURNED


class NaiveStep:
    """All of it. Inputs one by one; each returns what happened."""

    def __init__(self, sensors: list[NaiveSensor], rules: list[NaiveRule]) -> None:
        self.sensors, self.rules = sensors, rules
        self.devices = [Device() for _ in sensors]
        self.alarms: dict[tuple[str, str], Flags] = {}  # those that are not normal
        self.counts = {"accepted": 0, "duplicate": 0, "late": 0}
        self.grades = {
            (rule.id, at): [GradeOfSensor(spec) for spec in rule.grades]
            for rule in rules
            for at, sensor in enumerate(sensors)
            if sensor.kind in rule.kinds
        }
        self.settled: dict[tuple[str, int], int] = {}
        self.last_tick: tuple[int, int, str] | None = None
        self.live_ns = 0
        self.in_gap = False

    def row(self, offset: int, reading: Reading) -> list[Happened]:
        sensor = self.sensors[reading.sensor]
        usable = reading.value if math.isfinite(reading.value) and reading.quality < 2 else math.nan
        verdict, time_ns, faulty = self.devices[reading.sensor].admit(reading, usable)
        self.counts[verdict] += 1
        if verdict == "duplicate":
            return []
        quality = 2 if math.isnan(usable) else max(reading.quality, 1 if faulty else 0)
        late = verdict == "late"
        offline = late or reading.received_ns - time_ns > sensor.offline_ns
        known = {"value": usable, "quality": float(quality), "clock_fault": float(faulty)}
        good = not late and quality == 0
        paused = good and self.devices[reading.sensor].seen_good(time_ns, sensor.pause_ns)
        out = []
        if self.in_gap and good:
            self.in_gap = False
            wall_ns = self.last_tick[0] if self.last_tick else 0
            out.append(self._change(offset, SYSTEM, Grade.NONE, wall_ns, offline=False, latching=False))
        for rule in self.rules:
            grades = self.grades.get((rule.id, reading.sensor))
            if grades is None:
                continue
            before = level(grades)
            for grade in grades:
                says = grade.judge(known, good=quality == 0)
                if not late:
                    grade.hear(time_ns, says, paused=paused)
                elif says == "yes" and self._still_news((rule.id, reading.sensor), grade, time_ns):
                    grade.on, grade.said = True, [(time_ns, "yes")]
            out += self._settle(offset, rule, reading.sensor, before, time_ns, offline=offline)
        return out

    def tick(self, offset: int, wall_ns: int, elapsed_ns: int, boot: str) -> list[Happened]:
        out = []
        if self.last_tick is not None:
            before_wall_ns, before_ns, before_boot = self.last_tick
            passed = wall_ns - before_wall_ns if boot != before_boot else elapsed_ns - before_ns
            if 0 <= passed <= GAP_NS:
                self.live_ns += passed
            elif not self.in_gap:
                self.in_gap = True
                out.append(self._change(offset, SYSTEM, Grade.YELLOW, wall_ns, offline=False, latching=False))
        self.last_tick = wall_ns, elapsed_ns, boot
        for rule in self.rules:
            for at, sensor in enumerate(self.sensors):
                grades = self.grades.get((rule.id, at), [])
                before = level(grades)
                times = [grade.tick(self.live_ns) for grade in grades]
                highest = next((t for t in reversed(times) if t is not None), None)
                if highest is not None:
                    offline = wall_ns - highest > sensor.offline_ns
                    out += self._settle(offset, rule, at, before, highest, offline=offline)
        return out

    def acknowledge(self, offset: int, key: tuple[str, str], wall_ns: int) -> list[Happened] | None:
        """None = refused."""
        alarm = self.alarms.get(key)
        if alarm is None or alarm.acknowledged:
            return None
        alarm.acknowledged = True
        return [self._told(offset, key, alarm, Transition.ACKNOWLEDGED, wall_ns, offline=False)]

    def reset(self, offset: int, key: tuple[str, str], wall_ns: int) -> list[Happened] | None:
        alarm = self.alarms.get(key)
        if alarm is None or alarm.state != AlarmState.LATCHED_ACKNOWLEDGED:
            return None
        alarm.latching = False
        return [self._told(offset, key, alarm, Transition.RESET, wall_ns, offline=False)]

    def open_alarms(self) -> Iterator[tuple[str, str]]:
        return iter(sorted(self.alarms))

    def _still_news(self, key: tuple[str, int], grade: GradeOfSensor, time_ns: int) -> bool:
        """Late news raises where the limit stands alone, and no later change of level is known."""
        alone = grade.spec.on_ns == 0 and self._operands(key[0]) == {"value"}
        return alone and not grade.on and time_ns >= self.settled.get(key, time_ns)

    def _operands(self, rule_id: str) -> set[str]:
        rule = next(rule for rule in self.rules if rule.id == rule_id)
        return set().union(*(names(grade.condition) for grade in rule.grades))

    def _settle(
        self, offset: int, rule: NaiveRule, at: int, before: int, time_ns: int, *, offline: bool
    ) -> list[Happened]:
        now = level(self.grades[rule.id, at])
        if now == before:
            return []
        key = (rule.id, at)
        self.settled[key] = max(time_ns, self.settled.get(key, time_ns))
        grade = rule.grades[now - 1].grade if now else Grade.NONE
        alarm = (rule.id, self.sensors[at].tag)
        return [self._change(offset, alarm, grade, time_ns, offline=offline, latching=rule.latching)]

    def _change(
        self, offset: int, key: tuple[str, str], grade: Grade, time_ns: int, *, offline: bool, latching: bool
    ) -> Happened:
        known = key in self.alarms
        alarm = self.alarms.setdefault(key, Flags(latching))
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
        return self._told(offset, key, alarm, transition, time_ns, offline=offline)

    def _told(
        self, offset: int, key: tuple[str, str], alarm: Flags, transition: Transition, time_ns: int, *, offline: bool
    ) -> Happened:
        if alarm.state == AlarmState.NORMAL:
            del self.alarms[key]
        return Happened(offset, *key, transition, alarm.state, alarm.grade, time_ns, offline)


def level(grades: list[GradeOfSensor]) -> int:
    return max((number for number, grade in enumerate(grades, 1) if grade.on), default=0)
