"""Every part of the spine is needed: without it the demo's alarms do not reach the receiver.

Each test also says how far the story still came, so that a part which only seems to be used is found out.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from model.alarm import AlarmEvent, Grade
from model.batch import Batch
from model.errors import StoreError
from model.inputs import Input
from model.plan import Plan, RuleSpec
from pipeline.process import step as process
from pipeline.process.step import State
from rules.language import operands, parse
from simulator.district import District
from store.journal.entries import Entry
from store.journal.writer import Journal
from store.pipeline_store import OutboxRow, PipelineStore
from tests.faults.harness.demo_run import Outcome, Parts, Round, demo_plan, play, rounds
from tests.servers import HttpReceiver, http_receiver
from tests.simulator.districts import make

#: What each happening of the demo must be told by, at the sensors that the simulator says it touches.
TOLD_BY = {
    "leak": {"gas.lel", "gas.lel_rise"},
    "burst": {"pipeline.pressure_collapse", "pipeline.burst_slow"},
    "smouldering": {"fire.room"},
}
HIGHEST = {"leak": Grade.RED, "burst": Grade.RED, "smouldering": Grade.ORANGE}
ALARMS = set().union(*TOLD_BY.values())


@pytest.fixture(scope="module")
def district() -> District:
    return make("demo", hour=9.5)


@pytest.fixture(scope="module")
def story(district: District) -> list[Round]:
    return rounds(district)


@pytest.fixture(scope="module")
def plan(district: District, tmp_path_factory: pytest.TempPathFactory) -> Plan:
    return demo_plan(tmp_path_factory.mktemp("plan"), district)


@pytest.fixture(scope="module")
def whole(plan: Plan, story: list[Round], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Outcome]:
    with http_receiver() as receiver:
        yield play(tmp_path_factory.mktemp("whole"), Parts(plan), story, receiver)


def places(district: District, tags: tuple[str, ...]) -> tuple[str, ...]:
    """Sensors, and the assets that they belong to."""
    return (*tags, *{district.sensors[district.index(tag)].asset for tag in tags})


def test_with_every_part_in_place_leak_burst_and_fire_are_told_where_they_happen(
    whole: Outcome, district: District
) -> None:
    happenings = {truth.kind: truth for truth in district.truth() if truth.kind in TOLD_BY}
    assert happenings.keys() == TOLD_BY.keys()
    for kind, happening in happenings.items():
        told = whole.told_of(places(district, happening.tags))
        assert {notice.event.rule for notice in told} == TOLD_BY[kind], kind
        assert all(notice.event.time_ns >= district.clock.start_ns + happening.start_s * 1e9 for notice in told)
        assert max(notice.event.grade for notice in told) == HIGHEST[kind], kind
        assert all(notice.advice and notice.advice.zh and notice.advice.en for notice in told), kind
    touched = {tag for happening in happenings.values() for tag in places(district, happening.tags)}
    elsewhere = {notice.event.tag for notice in whole.notices} - touched
    assert elsewhere == {"gas-station-2/ch4-05"}, "besides them, only the device with a wrong clock"
    told_ids = [notice.event.id for notice in whole.notices]
    assert len(told_ids) == len(set(told_ids))
    assert set(told_ids) == set(ids(whole.events))


def test_without_the_journal_readings_go_no_further(
    whole: Outcome, plan: Plan, story: list[Round], tmp_path: Path, receiver: HttpReceiver
) -> None:
    class Forgetful(Journal):
        def finish_commit(self) -> list[Entry]:
            return [entry for entry in super().finish_commit() if not isinstance(entry.item, Batch)]

    outcome = play(tmp_path, Parts(plan, journal=Forgetful), story, receiver)
    assert outcome.counts.accepted == 0
    assert not outcome.rules() & whole.rules()


def test_without_a_journal_that_keeps_anything_the_pipeline_does_not_begin(
    plan: Plan, story: list[Round], tmp_path: Path, receiver: HttpReceiver
) -> None:
    class Void(Journal):
        def commit(self) -> list[Entry]:
            super().commit()
            return []

    with pytest.raises(StoreError, match="gives back nothing of what is committed"):
        play(tmp_path, Parts(plan, journal=Void), story, receiver)


@pytest.mark.parametrize(
    ("detector", "silenced"), [("pressure_rate", "pipeline.pressure_collapse"), ("lel_rate", "gas.lel_rise")]
)
def test_without_a_detector_the_alarms_that_rest_on_its_score_are_gone(
    detector: str,
    silenced: str,
    whole: Outcome,
    plan: Plan,
    story: list[Round],
    tmp_path: Path,
    receiver: HttpReceiver,
) -> None:
    blind = without_detectors(plan, {detector})
    outcome = play(tmp_path, Parts(blind), story, receiver)
    assert silenced in whole.rules()
    assert outcome.rules() == whole.rules() - {silenced}


def test_without_any_detector_the_burst_is_not_told_at_all(
    whole: Outcome, plan: Plan, district: District, story: list[Round], tmp_path: Path, receiver: HttpReceiver
) -> None:
    blind = without_detectors(plan, {spec.id for spec in plan.detectors})
    outcome = play(tmp_path, Parts(blind), story, receiver)
    burst = next(truth for truth in district.truth() if truth.kind == "burst")
    assert whole.told_of(burst.tags)
    assert not outcome.told_of(burst.tags)
    assert outcome.counts.accepted == whole.counts.accepted


@pytest.mark.parametrize("rule", ["gas.lel", "fire.room"])
def test_without_a_rule_its_alarms_are_gone_and_no_others(
    rule: str, whole: Outcome, plan: Plan, story: list[Round], tmp_path: Path, receiver: HttpReceiver
) -> None:
    lawless = replace(plan, rules=tuple(spec for spec in plan.rules if spec.id != rule))
    outcome = play(tmp_path, Parts(lawless), story, receiver)
    assert ids(outcome.events) == ids([event for event in whole.events if event.rule != rule])
    assert rule not in outcome.rules()


def test_without_rules_nothing_is_an_alarm(
    whole: Outcome, plan: Plan, story: list[Round], tmp_path: Path, receiver: HttpReceiver
) -> None:
    outcome = play(tmp_path, Parts(replace(plan, rules=())), story, receiver)
    assert outcome.counts.accepted == whole.counts.accepted
    assert not outcome.events
    assert not outcome.notices


def test_without_the_alarm_machine_grades_change_and_nobody_hears(
    plan: Plan, story: list[Round], tmp_path: Path, receiver: HttpReceiver
) -> None:
    raised = []

    def step_without_alarms(state: State, offset: int, item: Input) -> process.Outcome:
        raised.extend(process.step(state, offset, item).events)
        return process.Outcome([])

    outcome = play(tmp_path, Parts(plan, step=step_without_alarms), story, receiver)
    assert {event.rule for event in raised} >= ALARMS
    assert not outcome.events
    assert not outcome.notices


def test_without_the_outbox_alarms_are_kept_and_not_told(
    whole: Outcome, plan: Plan, story: list[Round], tmp_path: Path, receiver: HttpReceiver
) -> None:
    class NoOutbox(PipelineStore):
        def record(
            self, new_events: Sequence[AlarmEvent], _: Sequence[OutboxRow], next_offset: int, *more: object
        ) -> int:
            return super().record(new_events, (), next_offset, *more)

    outcome = play(tmp_path, Parts(plan, store=NoOutbox), story, receiver)
    assert ids(outcome.events) == ids(whole.events)
    assert not outcome.notices


def ids(events: Sequence[AlarmEvent]) -> list[str]:
    return [event.id for event in events]


def without_detectors(plan: Plan, gone: set[str]) -> Plan:
    """The plan without these detectors, and without the rules that cannot be judged then."""

    def rests_on_the_gone(rule: RuleSpec) -> bool:
        named = {operand.partition(".")[0] for grade in rule.grades for operand in operands(parse(grade.when))}
        return bool(named & gone)

    return replace(
        plan,
        detectors=tuple(spec for spec in plan.detectors if spec.id not in gone),
        rules=tuple(rule for rule in plan.rules if not rests_on_the_gone(rule)),
    )
