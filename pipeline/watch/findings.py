"""Turns what the watch sees into inputs of the journal, where it differs from the alarms that are on.

What was not looked at is neither wrong nor in order: after a start an alarm stays on until its cause was seen to be
gone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from model.alarm import Alarm, Grade
from model.connector import Gap
from model.inputs import Finding
from pipeline.process.self_watch import finding_rule_id, finding_tag
from pipeline.watch.readiness import Report
from pipeline.watch.words import GRADES, LASTING, Code
from rules.transitions import ACTIVE
from store.journal.entries import Damage

Judged = Callable[[str, str], Alarm | None]


class SelfReport:
    """What the pipeline has to say about itself; for the loop's thread alone."""

    def __init__(
        self, report: Callable[[], Report], grades: Mapping[Code, Grade] = GRADES, *, damage: Iterable[Damage] = ()
    ) -> None:
        """Take where to ask.

        Args:
            report: gives the newest look of the watch.
            grades: how grave each is.
            damage: of the journal, met at this start.

        """
        self._report, self._grades = report, {**GRADES, **grades}
        self._once = [
            (Code.JOURNAL_DAMAGE, one.segment, f"{one.gap.inputs} inputs from {one.gap.first} on; {one.reason.value}")
            for one in damage
        ]

    def lost(self, gaps: Iterable[Gap]) -> None:
        """Tell of messages that a source knows to be lost."""
        for gap in gaps:
            many = "" if gap.messages is None else f"; {gap.messages} messages"
            self._once.append((Code.MESSAGES_LOST, gap.source, f"{gap.reason.value}: {gap.detail}{many}"))

    def news(self, judged: Judged, wall_ns: int) -> list[Finding]:
        """The findings that change something.

        Args:
            judged: rule and tag -> their open alarm.
            wall_ns: now.

        """
        report = self._report()
        found = [
            Finding(code.value, subject, is_wrong=True, grade=self._grades[code], detail=detail, wall_ns=wall_ns)
            for code, subject, detail in [
                *self._once,
                *((one.code, one.subject, one.detail) for one in report.reasons if one.code in self._grades),
            ]
            if self._grades[code] != _grade_on(judged, code, subject)
        ]
        self._once = []
        found += [
            Finding(code.value, subject, is_wrong=False, grade=Grade.NONE, detail="", wall_ns=wall_ns)
            for code, subject in sorted(report.in_order)
            if code not in LASTING and _grade_on(judged, code, subject)
        ]
        return found


def _grade_on(judged: Judged, code: Code, subject: str) -> Grade:
    alarm = judged(finding_rule_id(code), finding_tag(subject))
    return alarm.grade if alarm is not None and alarm.state in ACTIVE else Grade.NONE
