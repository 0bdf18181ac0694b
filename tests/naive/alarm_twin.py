"""The obvious model of the life of alarms beside ``step``: the same inputs for both, everything compared after each."""

from __future__ import annotations

import re
from dataclasses import dataclass

from model.alarm import AlarmEvent, Grade
from model.batch import NO_TIME, Batch
from model.inputs import HumanAct, Input, PlanChange, Tick
from model.plan import Plan, RuleSpec
from pipeline.process.step import Outcome, State
from tests.naive.alarm_levels import LifeRule
from tests.naive.alarm_life import Act, AlarmLife, Line, Policy, Refused, Site
from tests.naive_step import Condition, NaiveGrade, NaiveSensor, Reading

SECOND_NS = 10**9
WORDS = {"good": 0.0, "uncertain": 1.0, "bad": 2.0}
COMPARISON = re.compile(r"(value|quality|clock_fault) (>=|<=|==|!=|>|<) (-?[\d.]+|good|uncertain|bad)")


class NotModelledError(Exception):
    """The plan has what the model does not know: detectors, gateways, rows that are sorted."""


def site_of(plan: Plan) -> Site:
    kinds = {kind.id: kind for kind in plan.kinds}
    if plan.detectors or any(sensor.gateway for sensor in plan.sensors) or any(kind.lateness_s for kind in plan.kinds):
        raise NotModelledError
    sensors = [
        NaiveSensor(one.tag, one.kind, round((one.period_s or kinds[one.kind].period_s) * SECOND_NS))
        for one in plan.sensors
    ]
    return Site(
        sensors=tuple(sensors),
        rules=tuple(_rule(spec) for spec in plan.rules),
        policy=Policy(8 * 3600 * SECOND_NS, 7 * 24 * 3600 * SECOND_NS, 600 * SECOND_NS),
        assets={sensor.tag: sensor.asset for sensor in plan.sensors},
        on_change=frozenset(kind.id for kind in plan.kinds if kind.on_change),
    )


def _rule(spec: RuleSpec) -> LifeRule:
    grades = [
        NaiveGrade(
            one.grade,
            _condition(one.when),
            round(one.on_delay_s * SECOND_NS),
            round(one.off_delay_s * SECOND_NS),
            one.deadband,
        )
        for one in spec.grades
    ]
    return LifeRule(spec.id, spec.kinds, tuple(grades), spec.latching)


def _condition(text: str) -> Condition:
    found = COMPARISON.fullmatch(text)
    if found is None:
        raise NotModelledError(text)
    operand, operator, limit = found.groups()
    return operand, operator, WORDS[limit] if limit in WORDS else float(limit)


def line_of(event: AlarmEvent) -> Line:
    return Line(
        rule=event.rule,
        tag=event.tag,
        event=event.transition.value,
        state=event.state.value,
        grade=event.grade,
        time_ns=event.time_ns,
        offline=event.offline,
        hidden="",
        chattering=False,
        by=event.by,
        note=event.note,
    )


@dataclass(frozen=True)
class Standing:
    """One open alarm."""

    rule: str
    tag: str
    state: str
    grade: Grade
    highest: Grade


class Twin:
    """The model, and what it must know of the ids that ``step`` gives."""

    def __init__(self, plan: Plan) -> None:
        self.life = AlarmLife(site_of(plan))
        self.alarms: dict[str, tuple[str, str, int]] = {}  # id -> rule, tag, how manieth

    def put(self, item: Input, outcome: Outcome, state: State) -> None:
        """``outcome`` is what ``step`` made of the item, ``state`` how it was left."""
        for event in outcome.events:
            if event.transition == "raised":
                same = sum(where[:2] == (event.rule, event.tag) for where in self.alarms.values())
                self.alarms[event.alarm_id] = event.rule, event.tag, same
        expected, refused = self._expected(item)
        assert [line_of(event) for event in outcome.events] == expected
        assert bool(outcome.refused) == refused, outcome.refused
        self.compare_standing(state)

    def compare_standing(self, state: State) -> None:
        found = [
            Standing(alarm.rule, alarm.tag, alarm.state.value, alarm.grade, alarm.highest)
            for alarm in state.alarms.open_alarms()
        ]
        expected = [Standing(a.rule, a.tag, a.state, a.grade, a.highest) for a in self.life.open()]
        assert sorted(found, key=lambda one: (one.rule, one.tag)) == expected

    def _expected(self, item: Input) -> tuple[list[Line], bool]:
        match item:
            case Batch():
                return [line for row in range(len(item)) for line in self._row(item, row)], False
            case Tick():
                return self.life.tick(item.wall_ns, item.elapsed_ns, item.boot), False
            case PlanChange():
                self.life.reload(site_of(item.plan))
                return [], False
            case HumanAct():
                try:
                    return self.life.act(self._act(item)), False
                except Refused:
                    return [], True
        raise NotModelledError(item)

    def _row(self, rows: Batch, row: int) -> list[Line]:
        given = int(rows.time_ns[row])
        reading = Reading(
            int(rows.sensor[row]),
            None if given == NO_TIME else given,
            int(rows.received_ns[row]),
            float(rows.value[row]),
            int(rows.quality[row]),
        )
        return self.life.row(reading.sensor, reading)

    def _act(self, act: HumanAct) -> Act:
        return Act(act.act, self.alarms.get(act.alarm_id), act.by, act.note, act.wall_ns, command=act.command_id)
