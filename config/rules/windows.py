"""Windows that a sensor's ring of readings can hold, and that hold enough readings to say anything."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from config.findings import Findings, Plain
from config.rules.read import word
from config.yaml_file import Document
from model.condition import Condition
from model.errors import Place
from model.plan import Plan, RuleSpec
from model.sensor import Kind
from rules.language import call_of, operands, parse
from rules.operands import PERIODS_MAX, Call, is_of_others, span_text

#: Shortest one that always holds readings enough.
PERIODS_MIN = 2


def refuse_long_windows(
    document: Document, rule: RuleSpec, parsed: Sequence[Condition | None], kind: Kind, findings: Findings
) -> None:
    """A window goes back no further than the readings that are kept, and further than the last one."""
    for spec, condition in zip(rule.grades, parsed, strict=True):
        place = document.place("rules", rule.id, "grades", word(spec.grade), "when")
        for call in own_windows(condition):
            periods = call.span_ns / 1e9 / kind.period_s
            span = span_text(call.span_ns)
            if periods > PERIODS_MAX:
                longest = f"{PERIODS_MAX * kind.period_s:g} s, {PERIODS_MAX} scan periods of {kind.id}"
                findings.error(place, f"may look back {longest}; for more use a detector", span)
            elif periods < PERIODS_MIN and not kind.on_change:
                shortest = f"{PERIODS_MIN * kind.period_s:g} s, {PERIODS_MIN} scan periods of {kind.id}"
                findings.error(place, f"must look back at least {shortest}, or it holds too few readings", span)


def own_windows(condition: Condition | None) -> Iterator[Call]:
    """The windows on a sensor's own readings."""
    for name in sorted(operands(condition)) if condition is not None else ():
        call = call_of(name)
        if call is not None and call.span_ns and not is_of_others(call.base):
            yield call


def warn_of_own_periods(plan: Plan, place: Place, findings: Findings) -> None:
    """A sensor with a scan period of its own may fill its ring too soon, or a window never."""
    for rule in plan.rules:
        spans_s = [
            call.span_ns / 1e9 for spec in rule.grades for call in own_windows(parse(spec.when)) if not rule.assets
        ]
        if not spans_s:
            continue
        own = [sensor for sensor in plan.sensors if sensor.kind in rule.kinds and sensor.period_s is not None]
        least_s, most_s = max(spans_s) / PERIODS_MAX, min(spans_s) / PERIODS_MIN
        quick = [sensor.tag for sensor in own if sensor.period_s is not None and sensor.period_s < least_s]
        slow = [sensor.tag for sensor in own if sensor.period_s is not None and sensor.period_s > most_s]
        for tags, requirement in (
            (
                quick,
                f"should report at most every {least_s:g} s, or the window of {rule.id} clears nothing",
            ),
            (slow, f"should report at least every {most_s:g} s, or the window of {rule.id} may hold too few readings"),
        ):
            if tags:
                more = f" and {len(tags) - 1} more" if len(tags) > 1 else ""
                findings.warn(place, requirement, Plain(f"another period for {tags[0]}{more}"))
