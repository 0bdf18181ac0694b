"""A few words in which a test tells what happens to sensors: ``given(plan).when(...).expect(...)``.

Times are seconds from the beginning of the scenario. Between two happenings a tick comes every second, as in life;
what comes at the same second as a tick comes after it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from model.alarm import Alarm, AlarmEvent
from model.batch import BAD, GOOD, UNCERTAIN
from model.inputs import HumanAct, Input, PlanChange, Tick
from model.plan import DetectorSpec, Plan, RuleSpec
from pipeline.process.step import begin, step
from tests.pipeline.plans import SECOND_NS, START_NS, Row, grade, kind, ns, plan, rows, rule

QUALITY = {"good": GOOD, "uncertain": UNCERTAIN, "bad": BAD}
NOWHERE: Mapping[str, Sequence[str]] = {}
SILENCE = DetectorSpec("silence", "silence", ("gas",), {})

__all__ = ["SILENCE", "changes", "given", "grade", "kind", "nothing", "plan", "reads", "resets", "rule", "sees_to"]


@dataclass(frozen=True)
class Happening:
    at_s: float
    act: str = ""
    by: str = ""
    row: tuple[str, float | None, float, int] | None = None  # tag, device time, value, quality
    down_s: float = 0.0
    booted_s: float | None = None  # what the elapsed clock shows after a start of the machine
    plan: Plan | None = None  # counts from now on


def reads(
    at_s: float,
    value: float | None,
    tag: str = "a",
    *,
    device_s: float | None = math.nan,
    quality: str = "good",
) -> Happening:
    """A reading arrives; its device time is ``device_s``: None = the device gave none; left out = now."""
    device_s = at_s if device_s is not None and math.isnan(device_s) else device_s
    return Happening(at_s, row=(tag, device_s, math.nan if value is None else value, QUALITY[quality]))


def reads_steadily(from_s: int, until_s: int, value: float, tag: str = "a", every_s: int = 1) -> list[Happening]:
    return [reads(at_s, value, tag) for at_s in range(from_s, until_s + 1, every_s)]


def sees_to(at_s: float, by: str = "Wang") -> Happening:
    """A person acknowledges whatever is open."""
    return Happening(at_s, act="acknowledge", by=by)


def resets(at_s: float, by: str = "Wang") -> Happening:
    return Happening(at_s, act="reset", by=by)


def down(at_s: float, for_s: float) -> Happening:
    """Our own system is down: no ticks, and nothing arrives."""
    return Happening(at_s, down_s=for_s)


def restarted(at_s: float, for_s: float, *, clock_shows_s: float) -> Happening:
    """The machine is started anew, which takes ``for_s``; its elapsed clock then shows ``clock_shows_s``."""
    return Happening(at_s, down_s=for_s, booted_s=clock_shows_s)


def changes(
    at_s: float,
    *parts: RuleSpec | DetectorSpec,
    tags: Sequence[str] = ("a",),
    behind: Mapping[str, Sequence[str]] = NOWHERE,
    **of_kind: Any,
) -> Happening:
    """Another configuration counts from now on."""
    return Happening(at_s, plan=_plan(parts, tags, behind, of_kind))


def nothing(until_s: float) -> Happening:
    """Time passes."""
    return Happening(until_s)


class Scenario:
    """A plan under which things happen."""

    def __init__(self, made: Plan) -> None:
        self.first = PlanChange(made, START_NS)
        self.items: list[Input] = []  # all inputs that followed
        self._state = begin(self.first, 0)
        self._tags = [sensor.tag for sensor in made.sensors]
        self._next_tick_s = 0
        self._boot, self._ahead_s = 0, 0.0  # which start of the machine, and its elapsed clock against the scenario's
        self.events: list[AlarmEvent] = []
        self.refused: list[str] = []
        PLAYED.append(self)

    def when(self, *happenings: Happening | Sequence[Happening]) -> Scenario:
        """Let it happen, in order of time."""
        flat = [one for part in happenings for one in ([part] if isinstance(part, Happening) else part)]
        for happening in sorted(flat, key=lambda one: one.at_s):
            self._tick_until(happening.at_s)
            if happening.down_s:
                self._next_tick_s = math.ceil(happening.at_s + happening.down_s)
            if happening.booted_s is not None:
                self._boot, self._ahead_s = self._boot + 1, happening.booted_s - self._next_tick_s
            if happening.act:
                self._act(happening)
            if happening.plan is not None:
                self._tags = [sensor.tag for sensor in happening.plan.sensors]
                self._put(PlanChange(happening.plan, ns(happening.at_s)))
            if happening.row is not None:
                tag, device_s, value, quality = happening.row
                self._put(rows([Row(self._tags.index(tag), device_s, value, happening.at_s, quality)]))
        return self

    def expect(self, *lines: str) -> Scenario:
        """Compare all that has happened, as lines such as ``12 s: a r raised red``."""
        assert self.lines() == list(lines)
        return self

    def lines(self) -> list[str]:
        return [self._line(event) for event in self.events]

    def expect_open(self, *lines: str) -> Scenario:
        """Compare what stands now, as ``a r red unacknowledged``."""
        found = [f"{alarm.tag} {alarm.rule} {alarm.grade.name.lower()} {alarm.state}" for alarm in self.alarms()]
        assert found == list(lines)
        return self

    def expect_refused(self, times: int) -> Scenario:
        assert len(self.refused) == times
        return self

    def withheld(self) -> int:
        return int(self._state.gateways.withheld.sum())

    def alarms(self) -> list[Alarm]:
        return sorted(self._state.alarms.open_alarms(), key=lambda alarm: (alarm.tag, alarm.rule))

    def _tick_until(self, at_s: float) -> None:
        while self._next_tick_s <= at_s:
            elapsed_ns = round((self._next_tick_s + self._ahead_s) * SECOND_NS)
            self._put(Tick(ns(self._next_tick_s), elapsed_ns, f"boot {self._boot}"))
            self._next_tick_s += 1

    def _act(self, happening: Happening) -> None:
        for alarm in self.alarms():
            command = f"{happening.act} {happening.at_s} {alarm.id}"
            self._put(HumanAct(command, happening.act, alarm.id, happening.by, "", ns(happening.at_s)))

    def _put(self, item: Input) -> None:
        self.items.append(item)
        outcome = step(self._state, self._state.next_offset, item)
        self.events += outcome.events
        self.refused += [outcome.refused] if outcome.refused else []

    @staticmethod
    def _line(event: AlarmEvent) -> str:
        seconds = (event.time_ns - START_NS) / SECOND_NS
        words = [f"{seconds:g} s:", event.tag, event.rule, event.transition.value]
        if event.grade:
            words.append(event.grade.name.lower())
        if event.by:
            words.append(f"by {event.by}")
        if event.offline:
            words.append("offline")
        return " ".join(words)


#: Every scenario since the list was last emptied.
PLAYED: list[Scenario] = []


def given(
    *parts: RuleSpec | DetectorSpec,
    tags: Sequence[str] = ("a",),
    behind: Mapping[str, Sequence[str]] = NOWHERE,
    **of_kind: Any,
) -> Scenario:
    """A plan with one kind of sensor, ``gas``; ``behind`` names the tags of each gateway."""
    return Scenario(_plan(parts, tags, behind, of_kind))


def _plan(
    parts: Sequence[RuleSpec | DetectorSpec],
    tags: Sequence[str],
    behind: Mapping[str, Sequence[str]],
    of_kind: dict[str, Any],
) -> Plan:
    rules = [part for part in parts if isinstance(part, RuleSpec)]
    detectors = [part for part in parts if isinstance(part, DetectorSpec)]
    sensors = [(tag, "gas") for tag in tags]
    gateways = {tag: gateway for gateway, own in behind.items() for tag in own}
    made = plan(*rules, kinds=[kind("gas", **of_kind)], sensors=sensors, detectors=detectors, gateways=gateways)
    return msgspec.json.decode(msgspec.json.encode(made), type=Plan)  # as a journal gives it back
