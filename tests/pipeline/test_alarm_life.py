"""``step`` against the obvious model of the life of alarms: everything that can befall two rules on two sensors."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from model.alarm import AlarmEvent, Grade
from model.inputs import HumanAct, Input, PlanChange, Tick
from model.plan import NO_POLICY, AlarmPolicy, Chatter, Plan
from pipeline.process import snapshot
from pipeline.process.step import begin, step
from tests.naive.alarm_twin import Twin
from tests.pipeline import plans
from tests.pipeline.plans import SECOND_NS, START_NS, Row, grade, kind, ns, rows

A, B = ("a", "gas"), ("b", "gas")
R = plans.rule("r", grade("yellow", "value >= 25", 0.0, 3.0), grade("red", "value >= 50", 2.0, 0.0, 5.0))
S = plans.rule("s", grade("orange", "value >= 40"), latching=True)
QUICK = AlarmPolicy(
    shelf_max_s=100.0,
    out_of_service_max_s=200.0,
    confirm_within_s=30.0,
    chatter=Chatter(3, 20.0, 10.0),
    realarm_after_s=((Grade.YELLOW, 15.0), (Grade.ORANGE, 15.0), (Grade.RED, 15.0)),
    stale_after_s=40.0,
)
OWN = replace(R, chatter=Chatter(2, 60.0, 4.0), realarm_after_s=((Grade.RED, 5.0),), stale_after_s=0.0)
LOWER = plans.rule("r", grade("yellow", "value >= 20", 0.0, 3.0), grade("orange", "value >= 45"))
BAD = plans.rule("s", grade("blue", "quality == bad"), grade("red", "quality >= uncertain", 5.0))


def made(*rules: Any, sensors: Any = (A, B), policy: AlarmPolicy = QUICK, on_change: bool = False) -> Plan:
    whole = plans.plan(*rules, sensors=sensors, kinds=[replace(kind(), on_change=on_change)])
    return replace(whole, alarms=policy)


#: Plans that replace each other; each differs from the first in one thing.
PLANS = [
    made(R, S),
    made(R, S),
    made(S, R, sensors=(B, A)),
    made(OWN, S),
    made(LOWER, S),
    made(R, BAD),
    made(R),
    made(R, S, sensors=(B,)),
    made(replace(R, latching=True), replace(S, latching=False)),
    made(R, S, policy=replace(QUICK, chatter=Chatter(times=0), confirm_within_s=10.0)),
    made(R, S, policy=NO_POLICY),
    made(R, S, on_change=True),
]
VALUES = [0.0, 0.0, 22.0, 30.0, 30.0, 42.0, 47.0, 60.0, 60.0, math.nan]
NAMES = ["Wang", "Wang", "Li", "Li", " wang", ""]


class Life(RuleBasedStateMachine):
    """The same inputs for both; the model says what must come of each."""

    @initialize()
    def start(self) -> None:
        self.plan = PLANS[0]
        self.state = begin(PlanChange(self.plan, START_NS), 0)
        self.twin = Twin(self.plan)
        self.now_s, self.elapsed_s, self.boot, self.commands = 0.0, 0.0, 0, 0
        self.alarms: dict[str, AlarmEvent] = {}  # the last of each
        self.flags: list[str] = []
        self.put(Tick(ns(0.0), 0, "boot 0"))

    @rule(
        sensor=st.integers(0, 1),
        values=st.lists(st.sampled_from(VALUES), min_size=1, max_size=7),
        apart_s=st.sampled_from([0.0, 0.5, 1.0, 1.0, 4.0, 20.0]),
        device_s=st.sampled_from([0.0, 0.0, 0.0, 0.0, -2.0, -70.0, 400.0, None]),
        quality=st.sampled_from([0, 0, 0, 0, 1, 2]),
    )
    def readings_come(
        self, sensor: int, values: list[float], apart_s: float, device_s: float | None, quality: int
    ) -> None:
        self.read(sensor, values, apart_s, device_s, quality)

    @rule(
        sensor=st.integers(0, 1),
        high=st.sampled_from([30.0, 60.0]),
        times=st.integers(2, 5),
        apart_s=st.sampled_from([0.5, 1.0, 4.0]),
        quiet=st.integers(0, 14),
    )
    def a_value_flutters_and_is_quiet(self, sensor: int, high: float, times: int, apart_s: float, quiet: int) -> None:
        self.read(sensor, [high, 0.0] * times, apart_s)
        self.now_s, self.elapsed_s = self.now_s + 1.0, self.elapsed_s + 1.0
        self.read(sensor, [0.0] * (quiet + 1), 1.0)

    def read(
        self, sensor: int, values: list[float], apart_s: float, device_s: float | None = 0.0, quality: int = 0
    ) -> None:
        sensor %= len(self.plan.sensors)
        batch = [
            Row(sensor, None if device_s is None else at_s + device_s, value, at_s, quality)
            for at_s, value in ((self.now_s + number * apart_s, value) for number, value in enumerate(values))
        ]
        self.now_s += apart_s * (len(values) - 1)
        self.elapsed_s += apart_s * (len(values) - 1)
        self.put(rows(batch))

    @rule(times=st.integers(1, 12), apart_s=st.sampled_from([1.0, 1.0, 3.0, 10.0]))
    def time_passes(self, times: int, apart_s: float) -> None:
        for _ in range(times):
            self.tick(apart_s, apart_s)

    @rule(apart_s=st.sampled_from([11.0, 90.0, 3600.0]), wall_s=st.sampled_from([0.0, 0.0, -3600.0, 50.0]))
    def we_are_down(self, apart_s: float, wall_s: float) -> None:
        self.tick(apart_s, apart_s + wall_s)

    @rule(wall_s=st.sampled_from([-3600.0, -20.0, 20.0, 3600.0]))
    def the_clock_is_set(self, wall_s: float) -> None:
        self.tick(1.0, 1.0 + wall_s)

    @rule(wall_s=st.sampled_from([5.0, 5.0, 600.0, -600.0]))
    def the_machine_starts_anew(self, wall_s: float) -> None:
        self.boot, self.elapsed_s = self.boot + 1, 3.0
        self.tick(0.0, wall_s)

    @rule(which=st.integers(0, len(PLANS) - 1))
    def a_plan_is_applied(self, which: int) -> None:
        self.plan = PLANS[which]
        self.put(PlanChange(self.plan, ns(self.now_s)))

    @rule()
    def the_process_restarts(self) -> None:
        self.state = snapshot.restore(snapshot.take(self.state))
        self.twin.compare_standing(self.state)

    @rule(
        act=st.sampled_from(["acknowledge", "acknowledge", "acknowledge", "reset", "comment", "verdict", "unshelve"]),
        which=st.integers(0, 20),
        by=st.sampled_from(NAMES),
        note=st.sampled_from(["", "why"]),
        verdict=st.sampled_from(["real", "false", "maybe"]),
    )
    def somebody_acts_on_an_alarm(self, act: str, which: int, by: str, note: str, verdict: str) -> None:
        self.act(act, which, by, note=note, verdict=verdict if act == "verdict" else "")

    @rule(
        which=st.integers(0, 20),
        by=st.sampled_from(NAMES),
        note=st.sampled_from(["", "why", "why", "why"]),
        duration_s=st.sampled_from([0.0, 5.0, 20.0, 20.0, 100.0, 101.0]),
    )
    def somebody_shelves(self, which: int, by: str, note: str, duration_s: float) -> None:
        self.act("shelve", which, by, note=note, duration_s=duration_s)

    @rule(
        by=st.sampled_from(NAMES),
        duration_s=st.sampled_from([5.0, 30.0, 200.0, 201.0]),
        tag=st.sampled_from(["", "a", "b"]),
        asset=st.sampled_from(["", "", "station"]),
        only=st.sampled_from(["", "", "r", "s"]),
    )
    def somebody_takes_out(self, by: str, duration_s: float, tag: str, asset: str, only: str) -> None:
        self.act("take_out", None, by, note="permit", duration_s=duration_s, tag=tag, asset=asset, rule=only)

    @rule(
        act=st.sampled_from(["approve", "approve", "approve", "withdraw", "unshelve", "put_back"]),
        which=st.integers(0, 20),
        by=st.sampled_from(NAMES),
    )
    def somebody_acts_on_a_flag(self, act: str, which: int, by: str) -> None:
        flag = self.flags[-1 - which % min(3, len(self.flags))] if self.flags else "none"
        self.act(act, None, by, flag=flag)

    @rule(which=st.integers(0, 20))
    def somebody_puts_back_by_the_alarm(self, which: int) -> None:
        self.act("put_back", which, "Wang")

    def act(self, act: str, which: int | None, by: str, **more: Any) -> None:
        self.commands += 1
        alarm_id = ""
        if which is not None:
            known = list(self.alarms.values())
            alarm = known[-1 - which % min(4, len(known))] if known else None
            alarm_id = alarm.alarm_id if alarm else "none"
            if alarm and alarm_id not in {one.id for one in self.state.alarms.open_alarms()}:
                more |= {"rule": alarm.rule, "tag": alarm.tag, "asset": alarm.asset}
        made = {"note": "", **more}
        command = HumanAct(f"command {self.commands}", act, alarm_id, by, wall_ns=ns(self.now_s), **made)
        told = self.put(command)
        if told:
            assert self.put(command) == []

    def tick(self, elapsed_s: float, wall_s: float) -> None:
        self.elapsed_s, self.now_s = self.elapsed_s + elapsed_s, self.now_s + wall_s
        self.put(Tick(ns(self.now_s), round(self.elapsed_s * SECOND_NS), f"boot {self.boot}"))

    def put(self, item: Input) -> list[Any]:
        outcome = step(self.state, self.state.next_offset, item)
        self.twin.put(item, outcome, self.state)
        for event in outcome.events:
            self.alarms.pop(event.alarm_id, None)
            self.alarms[event.alarm_id] = event
        self.flags += [told.flag.id for told in outcome.flags if told.flag.id not in self.flags]
        return [*outcome.events, *outcome.flags]


QUIET = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much]
Life.TestCase.settings = settings(max_examples=60, stateful_step_count=50, deadline=None, suppress_health_check=QUIET)
TestStepAndModelAgree = Life.TestCase


@pytest.mark.prove
@pytest.mark.timeout(3600)
class TestStepAndModelAgreeForLong(Life.TestCase):
    settings = settings(max_examples=3000, stateful_step_count=80, deadline=None, suppress_health_check=QUIET)
