"""Rules of a pack: grades, conditions that resolve for every kind, advice for every grade."""

from __future__ import annotations

import itertools
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, model_validator

from config.findings import NOTHING, Findings, Plain, one_of
from config.pack_detectors import BoundDetector
from config.shape import Duration, Shape, TextShape, check_shape
from config.yaml_file import Document
from model.alarm import Grade
from model.condition import Comparison, Condition
from model.errors import ConditionError, Place
from model.plan import Advice, GradeSpec, RuleSpec
from model.sensor import Beyond, Kind
from model.standing import CALIBRATION_OVERDUE, is_standing, standing_units
from rules.language import comparisons, parse, resolve

GradeName = Literal["blue", "yellow", "orange", "red"]
_UPWARD = frozenset({">", ">="})
_DOWNWARD = frozenset({"<", "<="})


class _GradeShape(Shape):
    when: str = Field(min_length=1, description="Condition; see docs/rules.md.")
    on_delay: Duration = Field(default=0.0, description="How long the condition must hold.")
    off_delay: Duration = Field(default=0.0, description="How long it must not hold before the grade is over.")
    deadband: float = Field(default=0.0, ge=0, description="How far back the operand must come.")


def _in_both_languages(given: object) -> object:
    """Turn a clause such as ``GB 4715 5.2``, which is the same in every language, into a text of both."""
    if isinstance(given, str) and given.strip():
        return {"zh": given, "en": given}
    if not isinstance(given, dict):
        raise ValueError("must be a clause of a standard, or words in both languages: {zh: ..., en: ...}")  # noqa: TRY004 - pydantic turns only ValueError into a finding
    return given


def _one_or_more(given: object) -> object:
    return [given] if isinstance(given, str) else given


class _RuleShape(Shape):
    name: TextShape
    kinds: list[str] = Field(default=[], description="Kinds of the sensors that it judges, each by itself.")
    assets: list[str] = Field(default=[], description="Instead: kinds of the assets that it judges as a whole.")
    source: Annotated[TextShape, BeforeValidator(_in_both_languages)] = Field(
        description="Where the limits come from: standard and clause."
    )
    latching: bool = Field(default=False, description="Stays until a person resets it.")
    yields_to: Annotated[list[str], BeforeValidator(_one_or_more)] = Field(
        default=[], description="Detectors on assets that judge instead, where they see enough beside the sensor."
    )
    diagnostic: bool = Field(default=False, description="About the instrument, not about what it measures.")
    grades: dict[GradeName, _GradeShape] = Field(min_length=1)

    @model_validator(mode="after")
    def _judges_one_or_the_other(self) -> _RuleShape:
        if bool(self.kinds) == bool(self.assets):
            raise ValueError("must give either kinds (of sensors) or assets (kinds of assets)")
        return self


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """What conditions may speak of: kinds and detectors. ``broken``: kinds whose vocabulary is incomplete."""

    kinds: Mapping[str, Kind]
    detectors: Sequence[BoundDetector]
    broken: frozenset[str]

    def units(self, kind: Kind) -> dict[str, str]:
        """Units of all operands on sensors of a kind."""
        units = {"value": kind.unit, "quality": "", "clock_fault": "", CALIBRATION_OVERDUE: ""}
        for detector in self.detectors:
            if detector.learns and kind.id in detector.kinds:
                units |= standing_units(detector.id)
        return units | {d.id: d.score_unit(kind.unit) for d in self.detectors if kind.id in d.kinds and not d.assets}

    def of_assets(self, asset: str) -> dict[str, BoundDetector]:
        """What conditions on assets of a kind may name, and whose it is."""
        return {name: d for d in self.detectors if asset in d.assets for name in d.operands}


def read_rule(document: Document, name: str, findings: Findings) -> RuleSpec | None:
    """Read one rule without its advice; None when its shape is wrong."""
    shape = check_shape(document, ("rules", name), _RuleShape, findings)
    if shape is None:
        return None
    grades = tuple(
        GradeSpec(Grade[grade.upper()], spec.when, spec.on_delay, spec.off_delay, spec.deadband)
        for grade, spec in shape.grades.items()
    )
    for lower, higher in itertools.pairwise(grades):
        if higher.grade < lower.grade:
            place = document.place("rules", name, "grades", _word(higher.grade))
            requirement = f"must stand above {_word(lower.grade)}: grades rise blue, yellow, orange, red"
            findings.error(place, requirement, _word(higher.grade))
            return None
    return RuleSpec(
        name,
        shape.name.text(),
        tuple(shape.kinds),
        grades,
        shape.source.text(),
        shape.latching,
        assets=tuple(shape.assets),
        yields_to=tuple(shape.yields_to),
        diagnostic=shape.diagnostic,
    )


def check_rule(document: Document, rule: RuleSpec, vocabulary: Vocabulary, findings: Findings) -> frozenset[str]:
    """Check a rule's conditions on each of its kinds, of sensors or of assets.

    Returns:
        the operands that it names.

    """
    names: set[str] = set()
    parsed: list[Condition | None] = []
    for spec in rule.grades:
        place = document.place("rules", rule.id, "grades", _word(spec.grade), "when")
        try:
            condition = parse(spec.when)
        except ConditionError as error:
            findings.error(place, f"must be a condition: {error}", spec.when)
            parsed.append(None)
            continue
        parsed.append(condition)
        _refuse_time_beside_readings(place, condition, spec.when, vocabulary, findings)
        names |= {comparison.operand for comparison in comparisons(condition)}
    _refuse_standing_beside_readings(document, rule, names, findings)
    for at, detector in enumerate(rule.yields_to):
        if not _can_confirm(rule, detector, vocabulary):
            requirement = "must be a detector on assets that looks at all kinds of the rule and can confirm them"
            findings.error(document.place("rules", rule.id, "yields_to", at), requirement, detector)
    for at, asset in enumerate(rule.assets):
        _check_on_assets(document, rule, parsed, vocabulary, (at, asset), findings)
    for kind in (vocabulary.kinds[name] for name in rule.kinds if name in vocabulary.kinds):
        if kind.id not in vocabulary.broken:
            resolved = _resolved(document, rule, parsed, vocabulary.units(kind), f"kind {kind.id}", findings)
            _warn_of_unreachable(document, rule, resolved, kind, findings)
            _warn_of_what_never_ends(document, rule, kind, findings)
            if kind.id == rule.kinds[0]:
                _warn_of_scores_out_of_reach(document, rule, resolved, vocabulary, findings)
    if rule.grades[-1].grade is Grade.RED and rule.grades[-1].on_delay_s > 0:
        place = document.place("rules", rule.id, "grades", "red", "on_delay")
        findings.warn(place, "should be 0 where red means danger to life", f"{rule.grades[-1].on_delay_s:g} s")
    return frozenset(name.partition(".")[0] for name in names)


def _can_confirm(rule: RuleSpec, detector: str, vocabulary: Vocabulary) -> bool:
    known = next((d for d in vocabulary.detectors if d.id == detector), None)
    return known is not None and known.confirms and bool(rule.kinds) and known.kinds >= set(rule.kinds)


def _check_on_assets(
    document: Document,
    rule: RuleSpec,
    parsed: Sequence[Condition | None],
    vocabulary: Vocabulary,
    named: tuple[int, str],
    findings: Findings,
) -> None:
    """Detectors look at the kind of asset, and those that a rule names together look at the same instants."""
    at, asset = named
    known = vocabulary.of_assets(asset)
    if not known:
        kinds = sorted({kind for detector in vocabulary.detectors for kind in detector.assets})
        place = document.place("rules", rule.id, "assets", at)
        if not vocabulary.broken:
            findings.error(place, f"must be a kind of asset that a detector looks at; {one_of(kinds, asset)}", asset)
        return
    units = {name: detector.operands[name] for name, detector in known.items()}
    _resolved(document, rule, parsed, units, f"assets of kind {asset}", findings)
    grids = {
        known[comparison.operand].every_s: comparison.operand
        for condition in parsed
        if condition is not None
        for comparison in comparisons(condition)
        if comparison.operand in known
    }
    if len(grids) > 1:
        requirement = f"must name detectors of one every_s, got {', '.join(f'{n} ({s:g} s)' for s, n in grids.items())}"
        findings.error(document.place("rules", rule.id, "grades"), requirement, Plain("several"))


def _refuse_time_beside_readings(
    place: Place, condition: Condition, given: str, vocabulary: Vocabulary, findings: Findings
) -> None:
    """While a sensor is silent it has no reading, and when one comes it is not silent: the two never hold together."""
    named = {comparison.operand for comparison in comparisons(condition)}
    of_time = named & {detector.id for detector in vocabulary.detectors if detector.by_time}
    if of_time and named != of_time:
        requirement = f"must not mix silence ({', '.join(sorted(of_time))}) with readings: write a rule of its own"
        findings.error(place, requirement, given)


def _refuse_standing_beside_readings(
    document: Document, rule: RuleSpec, names: Collection[str], findings: Findings
) -> None:
    """How things stand is looked at once a minute, apart from the readings."""
    standing = {name for name in names if is_standing(name)}
    if rule.kinds and standing and standing != set(names):
        requirement = (
            f"must not mix how things stand ({', '.join(sorted(standing))}) with readings: write a rule of its own"
        )
        findings.error(document.place("rules", rule.id, "grades"), requirement, Plain("both"))


def _resolved(
    document: Document,
    rule: RuleSpec,
    parsed: Sequence[Condition | None],
    units: Mapping[str, str],
    whom: str,
    findings: Findings,
) -> list[Condition | None]:
    resolved: list[Condition | None] = []
    for spec, condition in zip(rule.grades, parsed, strict=True):
        try:
            resolved.append(None if condition is None else resolve(condition, units))
        except ConditionError as error:
            place = document.place("rules", rule.id, "grades", _word(spec.grade), "when")
            findings.error(place, f"must hold for {whom}: {error}", spec.when)
            resolved.append(None)
    return resolved


def _warn_of_unreachable(
    document: Document, rule: RuleSpec, resolved: Sequence[Condition | None], kind: Kind, findings: Findings
) -> None:
    """A grade that can never come on is a hole that nobody sees."""
    lower: Comparison | None = None
    lower_delay_s = 0.0
    for spec, condition in zip(rule.grades, resolved, strict=True):
        place = document.place("rules", rule.id, "grades", _word(spec.grade), "when")
        for comparison in comparisons(condition) if condition is not None else ():
            if _outside_range(comparison, kind):
                requirement = f"can never hold for kind {kind.id}, whose range is {kind.low:g} to {kind.high:g}"
                findings.warn(place, requirement, spec.when)
        single = condition if isinstance(condition, Comparison) else None
        if lower is not None and single is not None and not _beyond(lower, lower_delay_s, single, spec.on_delay_s):
            requirement = f"should lie beyond the grade below it ({lower.operator} {lower.limit:g} {lower.unit})"
            findings.warn(place, requirement.replace(" )", ")"), spec.when)
        lower, lower_delay_s = single, spec.on_delay_s


def _warn_of_what_never_ends(document: Document, rule: RuleSpec, kind: Kind, findings: Findings) -> None:
    """An off-delay waits for a second good reading, which a sensor that reports changes only does not send."""
    for spec in rule.grades if kind.on_change else ():
        if spec.off_delay_s > 0:
            place = document.place("rules", rule.id, "grades", _word(spec.grade), "off_delay")
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


def _warn_of_scores_out_of_reach(
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
                place = document.place("rules", rule.id, "grades", _word(spec.grade), "when")
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


def read_advice(
    document: Document | None,
    rules_document: Document,
    rules: Mapping[str, RuleSpec],
    declared: Sequence[str],
    findings: Findings,
) -> dict[str, tuple[Advice, ...]]:
    """Read the response cards of one pack's rules: one for every grade, none for what does not exist."""
    found: dict[str, tuple[Advice, ...]] = {}
    given = document.at("advice") if document else None
    cards = given if isinstance(given, dict) else {}
    for name in cards if document else ():
        if document is not None and name not in declared:
            place = document.place("advice", name)
            findings.error(place, f"must be a rule of this pack; {one_of(declared, name)}", name)
    for rule in rules.values():
        if document is not None and rule.id in cards:
            found[rule.id] = _cards(document, rule, findings)
        else:
            place = rules_document.place("rules", rule.id)
            findings.error(place, "must have advice in advice.yaml for each of its grades", NOTHING)
    return found


def _cards(document: Document, rule: RuleSpec, findings: Findings) -> tuple[Advice, ...]:
    cards = document.at("advice", rule.id)
    given = cards if isinstance(cards, dict) else {}
    grades = [_word(spec.grade) for spec in rule.grades]
    for grade in given:
        if grade not in grades:
            place = document.place("advice", rule.id, grade)
            findings.error(place, f"must be a grade of {rule.id}, which has {', '.join(grades)}", grade)
    advice = []
    for spec in rule.grades:
        word = _word(spec.grade)
        place = document.place("advice", rule.id, word)
        if word not in given:
            findings.error(place, f"must say what to do at {word}", NOTHING)
            continue
        shape = check_shape(document, ("advice", rule.id, word), TextShape, findings)
        if shape is not None:
            advice.append(Advice(spec.grade, shape.text()))
    return tuple(advice)


def _word(grade: Grade) -> str:
    return grade.name.lower()
