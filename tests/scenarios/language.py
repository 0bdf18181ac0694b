"""A few words in which a test tells what happens to sensors: ``given(plan).when(...).expect(...)``.

Times are seconds from the beginning of the scenario. Between two happenings a tick comes every second, as in life;
what comes at the same second as a tick comes after it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

import msgspec

from model.alarm import Alarm, AlarmEvent
from model.batch import BAD, GOOD, UNCERTAIN
from model.flag import Flag, FlagEvent
from model.inputs import Input, PlanChange, Tick
from model.plan import NO_POLICY, AlarmPolicy, DetectorSpec, Plan, RuleSpec
from pipeline.process.step import begin, step
from tests.pipeline.plans import SECOND_NS, START_NS, Row, grade, kind, ns, plan, rows, rule
from tests.scenarios.deeds import Deed, acts

QUALITY = {"good": GOOD, "uncertain": UNCERTAIN, "bad": BAD}
NOWHERE: Mapping[str, Sequence[str]] = {}
SILENCE = DetectorSpec("silence", "silence", ("gas",), {})

__all__ = ["SILENCE", "changes", "given", "grade", "kind", "nothing", "plan", "reads", "resets", "rule", "sees_to"]
Part: TypeAlias = RuleSpec | DetectorSpec | AlarmPolicy


@dataclass(frozen=True)
class Happening:
    at_s: float
    deed: Deed | None = None
    row: tuple[str, float | None, float, int] | None = None  # tag, device time, value, quality
    down_s: float = 0.0
    booted_s: float | None = None  # what the elapsed clock shows after a start of the machine
    clock_s: float | None = None  # what the wall clock shows from now on
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
    """A person acknowledges whatever is open; what else persons do stands in ``tests/scenarios/deeds.py``."""
    return Happening(at_s, deed=Deed("acknowledge", by))


def resets(at_s: float, by: str = "Wang") -> Happening:
    return Happening(at_s, deed=Deed("reset", by))


def down(at_s: float, for_s: float) -> Happening:
    """Our own system is down: no ticks, and nothing arrives."""
    return Happening(at_s, down_s=for_s)


def restarted(at_s: float, for_s: float, *, clock_shows_s: float) -> Happening:
    """The machine is started anew, which takes ``for_s``; its elapsed clock then shows ``clock_shows_s``."""
    return Happening(at_s, down_s=for_s, booted_s=clock_shows_s)


def clock_set(at_s: float, shows_s: float) -> Happening:
    """The wall clock is set; from then on the scenario's times are what it shows. Elapsed time goes on as it was."""
    return Happening(at_s, clock_s=shows_s)


def changes(
    at_s: float,
    *parts: Part,
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
        self.flag_events: list[FlagEvent] = []
        self.flags: dict[str, Flag] = {}  # all that ever were, as they stand
        self.refused: list[str] = []
        PLAYED.append(self)

    def when(self, *happenings: Happening | Sequence[Happening]) -> Scenario:
        """Let it happen, in order of time."""
        flat = [one for part in happenings for one in ([part] if isinstance(part, Happening) else part)]
        for happening in sorted(flat, key=lambda one: one.at_s):
            self._tick_until(happening.at_s)
            if happening.down_s:
                self._next_tick_s = math.ceil(happening.at_s + happening.down_s)
            if happening.clock_s is not None:
                shows_s = math.ceil(happening.clock_s)
                self._next_tick_s, self._ahead_s = shows_s, self._ahead_s + self._next_tick_s - shows_s
            if happening.booted_s is not None:
                self._boot, self._ahead_s = self._boot + 1, happening.booted_s - self._next_tick_s
            if happening.deed:
                for act in acts(happening.deed, ns(happening.at_s), self):
                    self._put(act)
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

    def expect_refused(self, *texts: int | str) -> Scenario:
        """How many acts were refused, or a piece of the reason of each."""
        if texts and isinstance(texts[0], int):
            assert len(self.refused) == texts[0]
            return self
        assert len(self.refused) == len(texts), self.refused
        assert all(text in refusal for text, refusal in zip(texts, self.refused, strict=True)), self.refused
        return self

    def expect_flags(self, *lines: str) -> Scenario:
        """Compare all flags that ever were, as ``shelved a r on until 70 s`` or ``shelved a r ended 70 s time``."""
        assert [self._flag_line(flag) for flag in self.flags.values()] == list(lines)
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

    def _put(self, item: Input) -> None:
        self.items.append(item)
        outcome = step(self._state, self._state.next_offset, item)
        self.events += outcome.events
        self.flag_events += outcome.flags
        self.flags |= {told.flag.id: told.flag for told in outcome.flags}
        self.refused += [outcome.refused] if outcome.refused else []

    @staticmethod
    def _line(event: AlarmEvent) -> str:
        seconds = (event.time_ns - START_NS) / SECOND_NS
        words = [f"{seconds:g} s:", event.tag, event.rule, event.transition.value]
        if event.verdict:
            words.append(event.verdict)
        if event.grade:
            words.append(event.grade.name.lower())
        if event.by:
            words.append(f"by {event.by}")
        if event.offline:
            words.append("offline")
        if event.chattering:
            words.append("chattering")
        if event.hidden:
            words.append(f"[{event.hidden}]")
        return " ".join(words)

    @staticmethod
    def _flag_line(flag: Flag) -> str:
        cover = [name for name in (flag.cover.tag, flag.cover.asset, flag.cover.rule) if name]
        words = [flag.kind.value, *cover, flag.state.value]
        if flag.why_ended:
            words += [f"{((flag.ended_ns or 0) - START_NS) / SECOND_NS:g} s", flag.why_ended.value]
        elif flag.until_ns is not None:
            words += ["until", f"{(flag.until_ns - START_NS) / SECOND_NS:g} s"]
        return " ".join(words)


#: Every scenario since the list was last emptied.
PLAYED: list[Scenario] = []


def given(
    *parts: Part,
    tags: Sequence[str] = ("a",),
    behind: Mapping[str, Sequence[str]] = NOWHERE,
    **of_kind: Any,
) -> Scenario:
    """A plan with one kind of sensor, ``gas``; ``behind`` names the tags of each gateway."""
    return Scenario(_plan(parts, tags, behind, of_kind))


def _plan(
    parts: Sequence[Part],
    tags: Sequence[str],
    behind: Mapping[str, Sequence[str]],
    of_kind: dict[str, Any],
) -> Plan:
    rules = [part for part in parts if isinstance(part, RuleSpec)]
    detectors = [part for part in parts if isinstance(part, DetectorSpec)]
    sensors = [(tag, "gas") for tag in tags]
    gateways = {tag: gateway for gateway, own in behind.items() for tag in own}
    policy = next((part for part in parts if isinstance(part, AlarmPolicy)), NO_POLICY)
    on_change = of_kind.pop("on_change", False)
    gas = replace(kind("gas", **of_kind), on_change=on_change)
    made = plan(*rules, kinds=[gas], sensors=sensors, detectors=detectors, gateways=gateways)
    made = replace(made, alarms=policy)
    return msgspec.json.decode(msgspec.json.encode(made), type=Plan)  # as a journal gives it back
