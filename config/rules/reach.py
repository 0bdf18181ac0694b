"""Grades that can never come on, or never end."""

from __future__ import annotations

from collections.abc import Sequence

from config.findings import Findings
from config.pack_detectors import BoundDetector
from config.rules.read import word
from config.rules.vocabulary import Vocabulary
from config.yaml_file import Document
from model.condition import Comparison, Condition
from model.plan import RuleSpec
from model.sensor import Beyond, Kind
from rules.language import comparisons

_UPWARD = frozenset({">", ">="})
_DOWNWARD = frozenset({"<", "<="})


def warn_of_unreachable(
    document: Document, rule: RuleSpec, resolved: Sequence[Condition | None], kind: Kind, findings: Findings
) -> None:
    """A grade that can never come on is a hole that nobody sees."""
    lower: Comparison | None = None
    lower_delay_s = 0.0
    for spec, condition in zip(rule.grades, resolved, strict=True):
        place = document.place("rules", rule.id, "grades", word(spec.grade), "when")
        for comparison in comparisons(condition) if condition is not None else ():
            if _outside_range(comparison, kind):
                requirement = f"can never hold for kind {kind.id}, whose range is {kind.low:g} to {kind.high:g}"
                findings.warn(place, requirement, spec.when)
        single = condition if isinstance(condition, Comparison) else None
        if lower is not None and single is not None and not _beyond(lower, lower_delay_s, single, spec.on_delay_s):
            requirement = f"should lie beyond the grade below it ({lower.operator} {lower.limit:g} {lower.unit})"
            findings.warn(place, requirement.replace(" )", ")"), spec.when)
        lower, lower_delay_s = single, spec.on_delay_s


def warn_of_what_never_ends(document: Document, rule: RuleSpec, kind: Kind, findings: Findings) -> None:
    """An off-delay waits for a second good reading, which a sensor that reports changes only does not send."""
    for spec in rule.grades if kind.on_change else ():
        if spec.off_delay_s > 0:
            place = document.place("rules", rule.id, "grades", word(spec.grade), "off_delay")
            requirement = (
                f"should be 0 for kind {kind.id}, which reports changes only: no second reading says it is over"
            )
            findings.warn(place, requirement, f"{spec.off_delay_s:g} s")


def _outside_range(comparison: Comparison, kind: Kind) -> bool:
    if comparison.operand != "value":
        return False
    above = comparison.operator in _UPWARD and comparison.limit > kind.high and kind.beyond_high is Beyond.BAD
    below = comparison.operator in _DOWNWARD and comparison.limit < kind.low and kind.beyond_low is Beyond.BAD
    return above or below


def warn_of_scores_out_of_reach(
    document: Document,
    rule: RuleSpec,
    resolved: Sequence[Condition | None],
    vocabulary: Vocabulary,
    findings: Findings,
) -> None:
    """Some scores have an end: a cumulative sum its cap, a time its zero."""
    detectors = {detector.id: detector for detector in vocabulary.detectors}
    for spec, condition in zip(rule.grades, resolved, strict=True):
        for comparison in comparisons(condition) if condition is not None else ():
            score = detectors.get(comparison.operand)
            if score is not None and _past_the_end(comparison, score):
                place = document.place("rules", rule.id, "grades", word(spec.grade), "when")
                reach = f"{score.score_low:g} to {score.score_high:g}"
                findings.warn(place, f"should have a limit between the ends of {score.id}, {reach}", spec.when)


def _past_the_end(comparison: Comparison, score: BoundDetector) -> bool:
    if comparison.operator in _UPWARD:
        return comparison.limit >= score.score_high
    if comparison.operator == "<":
        return comparison.limit <= score.score_low
    return comparison.operator == "<=" and comparison.limit < score.score_low


def _beyond(lower: Comparison, lower_delay_s: float, higher: Comparison, higher_delay_s: float) -> bool:
    """Whether ``higher`` begins after ``lower``: further out, or as far out for longer."""
    if lower.operand != higher.operand:
        return True
    if lower.limit == higher.limit and lower.operator == higher.operator:
        return higher_delay_s > lower_delay_s
    if lower.operator in _UPWARD and higher.operator in _UPWARD:
        return higher.limit > lower.limit
    if lower.operator in _DOWNWARD and higher.operator in _DOWNWARD:
        return higher.limit < lower.limit
    return True
