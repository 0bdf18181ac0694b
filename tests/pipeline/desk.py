"""A plan at work and people at a desk: ticks, readings and acts one after the other, with what they bring about."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from model.alarm import Alarm, AlarmEvent
from model.flag import Flag, FlagEvent
from model.inputs import HumanAct, Input, PlanChange, Tick
from model.plan import NO_POLICY, AlarmPolicy, Plan, RuleSpec
from pipeline.process import snapshot
from pipeline.process.step import begin, step
from tests.pipeline.plans import SECOND_NS, START_NS, Row, grade, kind, ns, plan, rows, rule

LEVEL = rule("r", grade("yellow", "value >= 10"), grade("orange", "value >= 30"), grade("red", "value >= 50"))
HOUR_S = 3600.0


def plan_with(
    *rules: RuleSpec, policy: AlarmPolicy = NO_POLICY, tags: Sequence[str] = ("a", "b"), on_change: bool = False
) -> Plan:
    gas = replace(kind("gas"), on_change=on_change)
    return replace(plan(*(rules or (LEVEL,)), kinds=[gas], sensors=[(tag, "gas") for tag in tags]), alarms=policy)


class Desk:
    """Seconds count from the beginning; both clocks go with them until one is moved."""

    def __init__(self, made: Plan | None = None) -> None:
        self.plan = made or plan_with()
        self.state = begin(PlanChange(self.plan, START_NS), 0)
        self.now_s, self.wall_ahead_s = 0.0, 0.0
        self.events: list[AlarmEvent] = []
        self.flags: list[FlagEvent] = []
        self.put(Tick(ns(0.0), 0))

    def put(self, item: Input) -> str:
        """Returns why it was refused."""
        outcome = step(self.state, self.state.next_offset, item)
        self.events += outcome.events
        self.flags += outcome.flags
        return outcome.refused

    def wait(self, seconds: float, every_s: float = 1.0) -> None:
        """Let ticks come."""
        until_s = self.now_s + seconds
        while self.now_s < until_s:
            self.now_s = min(self.now_s + every_s, until_s)
            self.put(Tick(ns(self.now_s + self.wall_ahead_s), round(self.now_s * SECOND_NS)))

    def read(self, value: float, tag: str = "a") -> None:
        self.now_s += 0.001
        index = [sensor.tag for sensor in self.plan.sensors].index(tag)
        self.put(rows([Row(index, self.now_s, value)]))

    def act(self, what: str, by: str = "Wang", note: str = "because", **more: object) -> str:
        wanted = {"alarm_id": "", **more}
        command = f"{what} {self.state.next_offset}"
        act = HumanAct(command, what, wall_ns=ns(self.now_s + self.wall_ahead_s), by=by, note=note, **wanted)  # type: ignore[arg-type]
        return self.put(act)

    def shelve(self, by: str = "Wang", hours: float = 1.0, tag: str = "a") -> str:
        return self.act("shelve", by, alarm_id=self.alarm(tag).id, duration_s=hours * HOUR_S)

    def apply(self, made: Plan) -> None:
        self.plan = made
        self.put(PlanChange(made, ns(self.now_s)))

    def restart(self) -> None:
        """Snapshot, and all from it."""
        self.state = snapshot.restore(snapshot.take(self.state))

    def alarm(self, tag: str = "a") -> Alarm:
        (found,) = (alarm for alarm in self.state.alarms.open_alarms() if alarm.tag == tag)
        return found

    def flag(self) -> Flag:
        (found,) = self.state.alarms.flags.all()
        return found

    def told(self) -> list[str]:
        """What has happened since this was asked last: ``tag transition grade state hidden``."""
        lines = [
            " ".join(filter(None, (e.tag, e.transition, e.grade.name.lower(), e.state, e.hidden))) for e in self.events
        ]
        self.events = []
        return lines

    def ended(self) -> list[str]:
        """How flags ended since this was asked last."""
        ends = [str(e.flag.why_ended) for e in self.flags if e.flag.why_ended]
        self.flags = []
        return ends
