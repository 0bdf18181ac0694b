"""The obvious model of the life of alarms beside ``step``: the same inputs for both, everything compared after each."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

from model.alarm import AlarmEvent, Grade
from model.batch import NO_TIME, Batch
from model.flag import Flag, FlagEvent, FlagState
from model.inputs import HumanAct, Input, PlanChange, Tick
from model.plan import AlarmPolicy, Chatter, Plan, RuleSpec
from pipeline.process.step import Outcome, State
from tests.naive import alarm_levels
from tests.naive.alarm_flags import Flag as NaiveFlag
from tests.naive.alarm_flags import FlagLine
from tests.naive.alarm_levels import LifeRule
from tests.naive.alarm_life import AlarmLife
from tests.naive.alarm_nouns import Act, Line, Policy, Refused, Site
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
        rules=tuple(_rule(spec, plan.alarms) for spec in plan.rules),
        policy=Policy(
            _ns(plan.alarms.shelf_max_s),
            _ns(plan.alarms.out_of_service_max_s),
            _ns(plan.alarms.confirm_within_s),
            {grade: _ns(after_s) for grade, after_s in plan.alarms.realarm_after_s},
            _ns(plan.alarms.stale_after_s),
        ),
        assets={sensor.tag: sensor.asset for sensor in plan.sensors},
        known_assets=frozenset(asset.id for asset in plan.assets),
        on_change=frozenset(kind.id for kind in plan.kinds if kind.on_change),
    )


def _ns(seconds: float) -> int:
    return round(seconds * SECOND_NS)


def _chatter(chatter: Chatter) -> alarm_levels.Chatter | None:
    if not chatter.times:
        return None
    return alarm_levels.Chatter(chatter.times, _ns(chatter.within_s), _ns(chatter.hold_s))


def _rule(spec: RuleSpec, policy: AlarmPolicy) -> LifeRule:
    if spec.suppress_when:
        raise NotModelledError(spec.suppress_when)
    grades = [
        NaiveGrade(
            one.grade,
            _condition(one.when),
            _ns(one.on_delay_s),
            _ns(one.off_delay_s),
            one.deadband,
        )
        for one in spec.grades
    ]
    return LifeRule(
        spec.id,
        spec.kinds,
        tuple(grades),
        spec.latching,
        _chatter(policy.chatter if spec.chatter is None else spec.chatter),
        {grade: _ns(after_s) for grade, after_s in spec.realarm_after_s},
        None if spec.stale_after_s is None else _ns(spec.stale_after_s),
    )


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
        hidden=event.hidden,
        chattering=event.chattering,
        by=event.by,
        note=event.note,
        verdict=event.verdict,
    )


def flag_line_of(event: FlagEvent) -> FlagLine:
    flag = event.flag
    return FlagLine(
        kind=flag.kind.value,
        rule=flag.cover.rule,
        tag=flag.cover.tag,
        asset=flag.cover.asset,
        state=flag.state.value,
        grade=flag.grade,
        reason=flag.reason,
        by=flag.by,
        approved_by=flag.approved_by,
        since_ns=flag.since_ns,
        until_ns=flag.until_ns,
        why_ended=flag.why_ended.value if flag.why_ended else "",
        told_ns=event.at_ns,
        told_by=event.by,
    )


@dataclass(frozen=True)
class Standing:
    """One open alarm."""

    rule: str
    tag: str
    state: str
    grade: Grade
    highest: Grade
    hidden: str
    chattering: bool
    stale: bool
    verdict: str


class Twin:
    """The model, and what it must know of the ids that ``step`` gives."""

    def __init__(self, plan: Plan) -> None:
        self.life = AlarmLife(site_of(plan))
        self.alarms: dict[str, tuple[str, str, int]] = {}  # id -> rule, tag, how manieth
        self.flags: dict[str, Flag] = {}  # as last told

    def put(self, item: Input, outcome: Outcome, state: State) -> None:
        """``outcome`` is what ``step`` made of the item, ``state`` how it was left."""
        self.life.flags.told.clear()
        expected, refused = self._expected(item)
        for event in outcome.events:
            if event.transition == "raised":
                same = sum(where[:2] == (event.rule, event.tag) for where in self.alarms.values())
                self.alarms[event.alarm_id] = event.rule, event.tag, same
        for told in outcome.flags:
            self.flags[told.flag.id] = told.flag
        found = [line_of(event) for event in outcome.events]
        assert found == expected, "\n".join(["step told", *map(str, found), "the model", *map(str, expected)])
        assert sorted(map(flag_line_of, outcome.flags), key=str) == sorted(self.life.flags.told, key=str)
        assert bool(outcome.refused) == refused, outcome.refused
        self.compare_standing(state)

    def compare_standing(self, state: State) -> None:
        found = [
            Standing(
                alarm.rule,
                alarm.tag,
                alarm.state.value,
                alarm.grade,
                alarm.highest,
                alarm.hidden,
                alarm.chattering,
                alarm.stale,
                alarm.verdict,
            )
            for alarm in state.alarms.open_alarms()
        ]
        expected = [
            Standing(a.rule, a.tag, a.state, a.grade, a.highest, a.hidden, a.chattering, a.stays_stale, a.verdict)
            for a in self.life.open()
        ]
        assert sorted(found, key=lambda one: (one.rule, one.tag)) == expected

    def flag(self, flag_id: str) -> NaiveFlag | None:
        """The model's own record of a flag."""
        known = self.flags.get(flag_id)
        if known is None:
            return None
        key = known.kind.value, known.cover.rule, known.cover.tag, known.cover.asset
        same = [flag for flag in self.life.flags.all if flag.key == key and flag.state == known.state.value]
        return same[-1] if same and known.state != FlagState.ENDED else None

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
        return Act(
            act.act,
            self.alarms.get(act.alarm_id),
            act.by,
            act.note,
            act.wall_ns,
            _ns(act.duration_s) if math.isfinite(act.duration_s) else 0,
            act.verdict,
            self.flag(act.flag),
            act.rule,
            act.tag,
            act.asset,
            act.command_id,
        )
