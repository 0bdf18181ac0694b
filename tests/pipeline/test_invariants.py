"""What must hold after any sequence of inputs, restarts and reloads: above all, no alarm ends by itself."""

from __future__ import annotations

import math

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from model.alarm import Alarm, AlarmEvent, AlarmState, Transition, after, beginning
from model.inputs import HumanAct, Input, PlanChange, Tick
from model.plan import Plan
from pipeline.process import snapshot
from pipeline.process.step import begin, step
from rules.transitions import TRANSITIONS
from tests.naive_step import Device, Reading
from tests.pipeline import plans
from tests.pipeline.plans import SECOND_NS, START_NS, Row, grade, ns, rows
from tests.pipeline.worlds import DEVICE_S

A, B = ("a", "gas"), ("b", "gas")
LOW = plans.rule("low", grade("blue", "value >= 10", 0.0, 2.0), grade("red", "value >= 30", 2.0, 0.0, 5.0))
HIGH = plans.rule("high", grade("orange", "value >= 20"), latching=True)
RAISED = plans.rule("low", grade("blue", "value >= 25"), grade("red", "value >= 30"))
ONLY_RED = plans.rule("low", grade("red", "value >= 30"))

#: Plans that replace each other, and below which value each of their rules is over.
PLANS: list[tuple[Plan, dict[str, float]]] = [
    (plans.plan(LOW, HIGH, sensors=[A, B]), {"low": 10, "high": 20}),
    (plans.plan(HIGH, LOW, sensors=[B, A]), {"low": 10, "high": 20}),
    (plans.plan(RAISED, HIGH, sensors=[A, B]), {"low": 25, "high": 20}),
    (plans.plan(ONLY_RED, sensors=[A, B]), {"low": 30}),
    (plans.plan(LOW, sensors=[B]), {"low": 10}),
    (plans.plan(sensors=[A, B]), {}),
]


class District(RuleBasedStateMachine):
    """Two sensors, some plans, and everything that can befall them."""

    @initialize()
    def start(self) -> None:
        self.plan, self.limits = PLANS[0]
        self.state = begin(PlanChange(self.plan, START_NS), 0)
        self.devices: dict[str, Device] = {}
        self.alarms: dict[str, Alarm] = {}
        self.ids: set[str] = set()
        self.now_s, self.elapsed_s, self.rows = 0.0, 0.0, 0

    @rule(
        sensor=st.integers(0, 1),
        value=st.sampled_from([0.0, 9.0, 10.0, 15.0, 22.0, 26.0, 30.0, 60.0, math.nan, math.inf]),
        apart_s=st.sampled_from(DEVICE_S),
        quality=st.sampled_from([0, 0, 0, 1, 2]),
        wait_s=st.sampled_from([0.0, 1.0, 3.0]),
    )
    def a_reading_comes(self, sensor: int, value: float, apart_s: float | None, quality: int, wait_s: float) -> None:
        self.now_s, self.elapsed_s, self.rows = self.now_s + wait_s, self.elapsed_s + wait_s, self.rows + 1
        sensor %= len(self.plan.sensors)
        tag = self.plan.sensors[sensor].tag
        row = Row(sensor, None if apart_s is None else self.now_s + apart_s, value, self.now_s, quality)
        usable = value if math.isfinite(value) and quality < 2 else math.nan
        given_ns = None if row.at_s is None else ns(row.at_s)
        reading = Reading(sensor, given_ns, ns(self.now_s), value, quality)
        verdict, _, faulty = self.devices.setdefault(tag, Device()).admit(reading, usable)
        fresh_and_good = verdict == "accepted" and not faulty and quality == 0 and math.isfinite(value)
        for event in self.put(rows([row])):
            if event.transition == Transition.RETURNED:
                assert fresh_and_good
                assert event.rule == "system.data_gap" or (event.tag == tag and value < self.limits[event.rule])

    @rule(pause_s=st.sampled_from([1.0, 1.0, 5.0, 10.0, 3600.0, -50.0]))
    def the_clock_ticks(self, pause_s: float) -> None:
        self.now_s, self.elapsed_s = self.now_s + abs(pause_s), self.elapsed_s + pause_s
        self.nothing_ends(self.put(Tick(ns(self.now_s), round(self.elapsed_s * SECOND_NS))))

    @rule(which=st.integers(0, len(PLANS) - 1))
    def a_plan_is_applied(self, which: int) -> None:
        self.plan, self.limits = PLANS[which]
        known = {sensor.tag for sensor in self.plan.sensors}
        self.devices = {tag: device for tag, device in self.devices.items() if tag in known}
        assert self.put(PlanChange(self.plan, ns(self.now_s))) == []

    @rule()
    def the_process_restarts(self) -> None:
        before = self.state.alarms.snapshot()
        self.state = snapshot.restore(snapshot.take(self.state))
        assert self.state.alarms.snapshot() == before

    @precondition(lambda self: self.alarms)
    @rule(data=st.data(), act=st.sampled_from(["acknowledge", "reset"]))
    def a_person_acts(self, data: st.DataObject, act: str) -> None:
        chosen = data.draw(st.sampled_from(sorted(self.alarms)))
        command = HumanAct(f"command {self.state.next_offset}", act, chosen, "Wang", "", ns(self.now_s))
        for event in self.put(command):
            assert (event.by, event.alarm_id) == ("Wang", chosen)
        known = self.alarms.get(chosen)
        assert self.put(command) == []
        assert self.alarms.get(chosen) == known

    @invariant()
    def open_alarms_are_the_sum_of_the_events(self) -> None:
        assert {alarm.id: alarm for alarm in self.state.alarms.open_alarms()} == self.alarms

    @invariant()
    def every_row_is_accounted_for(self) -> None:
        counts = self.state.counts
        assert counts.accepted + counts.duplicate + counts.late == self.rows

    def put(self, item: Input) -> list[AlarmEvent]:
        offset = self.state.next_offset
        events = step(self.state, offset, item).events
        for event in events:
            assert event.offset == offset
            assert event.id not in self.ids
            self.ids.add(event.id)
            self.told(event)
        return events

    def told(self, event: AlarmEvent) -> None:
        """The event follows from what was known of its alarm, by the table."""
        alarm = self.alarms.pop(event.alarm_id, None)
        if alarm is None:
            assert event.transition == Transition.RAISED
            alarm = beginning(event.alarm_id, event.rule, event.tag, event.asset, event.time_ns)
        assert event.previous_grade == alarm.grade
        assert any(
            state == alarm.state and event.transition == to[0] and event.state in to[1:]
            for (state, _), to in TRANSITIONS.items()
        )
        alarm = after(alarm, event)
        if alarm.state != AlarmState.NORMAL:
            self.alarms[alarm.id] = alarm

    @staticmethod
    def nothing_ends(events: list[AlarmEvent]) -> None:
        assert Transition.RETURNED not in {event.transition for event in events}


District.TestCase.settings = settings(
    max_examples=60, stateful_step_count=40, deadline=None, suppress_health_check=list(HealthCheck)
)
TestNoAlarmEndsByItself = District.TestCase
