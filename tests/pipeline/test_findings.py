"""What the system finds out about itself becomes an alarm like any other: journaled, replayed, ended by its own end."""

from __future__ import annotations

import typing
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from config.settings import FindingCode
from model.alarm import Alarm, AlarmState, Grade
from model.connector import Gap, GapReason
from model.inputs import Finding, HumanAct, Input, Tick
from pipeline.process import snapshot
from pipeline.process.self_watch import SYSTEM_RULES, finding_rule_id
from pipeline.process.step import State, step
from pipeline.watch.findings import SelfReport
from pipeline.watch.readiness import Reason, Report
from pipeline.watch.words import ADVICE, GRADES, Code
from store.journal.encoding import decode, encode
from store.journal.entries import Damage, DamageReason
from store.journal.entries import Gap as Missing
from tests.pipeline.plans import ns
from tests.pipeline.runs import started
from tests.pipeline.test_runner import PLAN, contents, journaled, parts

OPERATIONS = Path(__file__).parents[2] / "docs" / "operations.md"
DISCONNECTED = Code.SOURCE_DISCONNECTED


def finding(*, is_wrong: bool, grade: Grade = Grade.ORANGE, at_s: float = 1.0) -> Finding:
    return Finding(DISCONNECTED.value, "district", is_wrong, grade if is_wrong else Grade.NONE, "refused", ns(at_s))


def play(state: State, *items: Input) -> list[tuple[str, str, str]]:
    """Rule, transition and grade of every event."""
    events = [event for item in items for event in step(state, state.next_offset, item).events]
    return [(event.rule, event.transition.value, event.grade.name.lower()) for event in events]


def test_given_a_finding_when_it_comes_and_ends_its_alarm_does_the_same() -> None:
    state = started(PLAN)
    assert play(state, finding(is_wrong=True)) == [("system.source_disconnected", "raised", "orange")]
    alarm = state.alarms.open_alarms()[0]
    assert (alarm.tag, alarm.asset, alarm.start_ns) == ("system:district", "system", ns(1))
    assert alarm.why is not None
    assert alarm.why.condition == "source_disconnected: refused"
    assert play(state, finding(is_wrong=True, at_s=2)) == []
    assert play(state, finding(is_wrong=True, grade=Grade.RED)) == [("system.source_disconnected", "upgraded", "red")]
    assert play(state, finding(is_wrong=False, at_s=9)) == [("system.source_disconnected", "returned", "none")]
    assert play(state, finding(is_wrong=False, at_s=10)) == []


def test_given_an_alarm_of_a_finding_neither_time_nor_a_restart_ends_it() -> None:
    state = started(PLAN)
    play(state, Tick(ns(0), 10**9), finding(is_wrong=True))
    again = snapshot.restore(snapshot.take(state))
    assert play(again, *(Tick(ns(at), (1 + at) * 10**9) for at in range(1, 60))) == []
    assert [alarm.state for alarm in again.alarms.open_alarms()] == [AlarmState.UNACKNOWLEDGED]
    assert play(again, finding(is_wrong=False)) == [("system.source_disconnected", "returned", "none")]


def test_given_a_finding_that_lasts_a_person_ends_it() -> None:
    state = started(PLAN)
    play(state, Finding("journal_damage", "000.seg", is_wrong=True, grade=Grade.ORANGE, detail="", wall_ns=ns(1)))
    alarm = state.alarms.open_alarms()[0]
    assert play(state, HumanAct("1", "reset", alarm.id, "Wang", "", ns(2))) == [
        ("system.journal_damage", "returned", "none")
    ]
    assert play(state, HumanAct("2", "acknowledge", alarm.id, "Wang", "", ns(3)))
    assert not state.alarms.open_alarms()


def test_a_finding_reads_back_from_the_journal_as_it_was_written() -> None:
    item = finding(is_wrong=True)
    kind, payload, inputs = encode(item)
    assert (int(kind), inputs) == (6, 1)
    assert decode(kind, payload) == item


@dataclass
class Watched:
    """What the watch reports, set by hand, and the alarms that are on."""

    reasons: tuple[Reason, ...] = ()
    in_order: frozenset[tuple[Code, str]] = frozenset()
    state: State = field(default_factory=lambda: started(PLAN))

    def report(self) -> Report:
        return Report(0.0, self.reasons, self.in_order)

    def judged(self, rule: str, tag: str) -> Alarm | None:
        return self.state.alarms.judged(rule, tag)

    def told(self, report: SelfReport) -> list[tuple[str, str, bool]]:
        news = report.news(self.judged, ns(1))
        play(self.state, *news)
        return [(one.code, one.subject, one.is_wrong) for one in news]


def reason(code: Code = DISCONNECTED, subject: str = "district") -> Reason:
    return Reason(code, subject, "refused", ns(0))


def test_what_is_wrong_is_found_once_and_its_end_only_when_it_is_seen_to_be_in_order() -> None:
    watched = Watched((reason(),))
    report = SelfReport(watched.report)
    assert watched.told(report) == [("source_disconnected", "district", True)]
    assert watched.told(report) == []
    watched.reasons = ()
    assert watched.told(report) == []
    watched.in_order = frozenset({(DISCONNECTED, "other"), (DISCONNECTED, "district")})
    assert watched.told(report) == [("source_disconnected", "district", False)]
    assert watched.told(report) == []


def test_given_an_alarm_that_a_person_ended_while_it_is_still_so_it_is_found_again() -> None:
    watched = Watched((reason(),))
    report = SelfReport(watched.report)
    watched.told(report)
    alarm = watched.state.alarms.open_alarms()[0]
    play(watched.state, HumanAct("1", "reset", alarm.id, "Wang", "", ns(2)))
    assert watched.told(report) == [("source_disconnected", "district", True)]


def test_the_start_is_no_alarm_and_grades_are_as_configured() -> None:
    watched = Watched((reason(Code.STARTING, ""), reason()))
    report = SelfReport(watched.report, {DISCONNECTED: Grade.RED})
    assert [(one.code, one.grade) for one in report.news(watched.judged, ns(1))] == [("source_disconnected", Grade.RED)]


def test_damage_of_the_journal_and_lost_messages_are_told_once_and_last() -> None:
    watched = Watched(in_order=frozenset({(Code.JOURNAL_DAMAGE, "000.seg"), (Code.MESSAGES_LOST, "district")}))
    damage = Damage("000.seg", 100, 50, Missing(3, 7), DamageReason.CHECKSUM)
    report = SelfReport(watched.report, damage=[damage])
    report.lost([Gap("district", GapReason.SESSION_LOST, 3, "forgotten", ns(0))])
    assert watched.told(report) == [("journal_damage", "000.seg", True), ("messages_lost", "district", True)]
    assert watched.told(report) == []


def test_a_runner_journals_a_finding_before_its_alarm_and_a_replay_gives_the_same(tmp_path: Path) -> None:
    with parts(tmp_path) as opened:
        opened.runner.round([], [Tick(ns(1), 10**9), finding(is_wrong=True)])
        assert [item for item in journaled(tmp_path) if isinstance(item, Finding)] == [finding(is_wrong=True)]
    before = contents(tmp_path)
    with parts(tmp_path) as opened:
        assert [alarm.rule for alarm in opened.runner.state.alarms.open_alarms()] == ["system.source_disconnected"]
    assert contents(tmp_path) == before


def test_every_code_has_a_rule_a_card_for_each_grade_and_a_setting() -> None:
    assert set(GRADES) == set(ADVICE)
    assert {code.value for code in GRADES} == set(typing.get_args(FindingCode))
    rules = {rule.id: rule for rule in SYSTEM_RULES}
    for code in GRADES:
        assert [card.grade for card in rules[finding_rule_id(code)].advice] == list(Grade)[1:]


@pytest.mark.parametrize("code", GRADES)
def test_every_system_alarm_links_a_runbook_that_is_there(code: Code) -> None:
    anchor = f"system-{code.value.replace('_', '-')}"
    assert f"docs/operations.md#{anchor}" in ADVICE[code].en
    headings = [line for line in OPERATIONS.read_text(encoding="utf-8").splitlines() if line.startswith("#")]
    assert any(line.strip("# ").lower().replace(" ", "-").replace("`", "") == anchor for line in headings)
