"""``overrides.yaml``: what a site changes of a rule for some sensors, by whom, since when and why."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Annotated

from pydantic import BeforeValidator, Field, model_validator

from config.findings import Findings, one_of
from config.rules.check import check_rule
from config.rules.read import word
from config.rules.shape import GradeName, in_both_languages
from config.rules.vocabulary import Vocabulary
from config.rules.where import Choice, WhereShape, judged, refuse_tags_of_assets
from config.shape import Duration, Shape, TextShape, check_shape, day
from config.yaml_file import Document, Spot
from model.alarm import Grade
from model.condition import Condition
from model.errors import ConditionError, ConfigError, Place
from model.override import GradeChange, LimitChange, Override
from model.plan import Plan, RuleSpec
from rules.language import comparisons, parse, resolve
from rules.selection import Selection
from rules.variants import meant, overridden, with_limits


def _off_in_a_word(given: object) -> object:
    return {"off": True} if given == "off" else given


class _GradeShape(Shape):
    limits: dict[str, float | str] = Field(default={}, description="Operand: another limit.")
    on_delay: Duration | None = None
    off_delay: Duration | None = None
    deadband: float | None = Field(default=None, ge=0)
    off: bool = Field(default=False, description="It begins nothing.")

    @model_validator(mode="after")
    def _changes(self) -> _GradeShape:
        if self.off and self.model_fields_set != {"off"}:
            raise ValueError("must be off alone, or change something")
        if self.model_fields_set <= {"off"} and not self.off:
            raise ValueError("must change limits, on_delay, off_delay or deadband, or be off")
        return self


class _OverrideShape(Shape):
    rule: str
    where: WhereShape
    grades: dict[GradeName, Annotated[_GradeShape, BeforeValidator(_off_in_a_word)]] = Field(default={})
    off: bool = Field(default=False, description="The whole rule begins nothing.")
    owner: str = Field(min_length=1, max_length=200, description="Who answers for it.")
    since: Annotated[date, BeforeValidator(day)] = Field(description="Its first day.")
    until: Annotated[date | None, BeforeValidator(day)] = Field(default=None, description="Its last day.")
    reason: Annotated[TextShape, BeforeValidator(in_both_languages)]

    @model_validator(mode="after")
    def _does_something(self) -> _OverrideShape:
        if self.off == bool(self.grades):
            raise ValueError("must give either grades, or off: true for the whole rule")
        return self


@dataclass(frozen=True, slots=True)
class ReadOverride:
    """One override, the rule that it changes, and where its parts stand."""

    override: Override
    rule: RuleSpec
    place: Spot

    def choice(self) -> Choice:
        return Choice(self.rule, self.override.where, Spot(self.place.document, (*self.place.loc, "where")))


def read_override(
    document: Document,
    name: str,
    rules: Mapping[str, RuleSpec],
    declared: Collection[str],
    vocabulary: Vocabulary,
    findings: Findings,
) -> ReadOverride | None:
    """Read one override and hold it against the rule that it changes.

    Args:
        document: that it stands in.
        name: its id.
        rules: that can be changed.
        declared: also those that turned out to be wrong.
        vocabulary: of the rules' conditions.
        findings: gets what is wrong.

    Returns:
        None when it cannot be used.

    """
    shape = check_shape(document, ("overrides", name), _OverrideShape, findings)
    if shape is None:
        return None
    rule = rules.get(shape.rule)
    if rule is None:
        if shape.rule not in declared:
            place = document.place("overrides", name, "rule")
            findings.error(place, f"must be a rule of a loaded pack; {one_of(declared, shape.rule)}", shape.rule)
        return None
    before = len(findings.errors)
    if shape.until is not None and shape.until < shape.since:
        place = document.place("overrides", name, "until")
        findings.error(place, f"must not be before since ({shape.since})", str(shape.until))
    refuse_tags_of_assets(Choice(rule, shape.where.where(), Spot(document, ("overrides", name, "where"))), findings)
    changes = [
        change
        for grade, given in shape.grades.items()
        if (change := _change(document, name, (rule, grade, given), vocabulary, findings)) is not None
    ]
    if len(findings.errors) > before:
        return None
    override = Override(
        name,
        rule.id,
        shape.where.where(),
        shape.owner,
        shape.since,
        shape.until,
        shape.reason.text(),
        tuple(changes),
        shape.off,
    )
    spot = Spot(document, ("overrides", name))
    _check_result(spot, rule, override, vocabulary, findings)
    return ReadOverride(override, rule, spot)


@dataclass(slots=True)
class _Standing(Document):
    """Where a rule's grades stand that an override has changed."""

    spot: Spot = field(default_factory=lambda: Spot(Document(""), ()))

    def place(self, *loc: str | int) -> Place:
        inside = ("limits" if part == "when" else part for part in loc[2:])
        return self.spot(*inside)


def _check_result(spot: Spot, rule: RuleSpec, override: Override, vocabulary: Vocabulary, findings: Findings) -> None:
    """Say of the changed rule what would be said of one written so, and is not said of the rule as it stands."""
    variant = overridden(rule, [override])
    kept = tuple(spec for spec, off in zip(variant.grades, variant.off, strict=True) if not off)
    before, after = Findings(), Findings()
    document = _Standing(spot.document.file, spot=spot)
    check_rule(document, rule, vocabulary, before)
    if kept:
        check_rule(document, replace(rule, grades=kept), vocabulary, after)
    said = {found.requirement for found in (*before.errors, *before.warnings)}
    for one in after.errors:
        if one.requirement not in said:
            findings.error(one.place, one.requirement, one.given)
    for one in after.warnings:
        if one.requirement not in said:
            findings.warn(one.place, one.requirement, one.given)


def _change(
    document: Document,
    name: str,
    given: tuple[RuleSpec, GradeName, _GradeShape],
    vocabulary: Vocabulary,
    findings: Findings,
) -> GradeChange | None:
    rule, grade, shape = given
    spec = next((one for one in rule.grades if word(one.grade) == grade), None)
    if spec is None:
        grades = ", ".join(word(one.grade) for one in rule.grades)
        place = document.place("overrides", name, "grades", grade)
        findings.error(place, f"must be a grade of {rule.id}, which has {grades}", grade)
        return None
    try:
        condition = parse(spec.when)
        for words in vocabulary.words_of(rule):
            resolve(condition, words.units, words.states)
    except ConditionError:
        return None  # the rule's own error says so
    limits = []
    for key, limit in shape.limits.items():
        place = document.place("overrides", name, "grades", grade, "limits", key)
        change = _limit(place, (key, limit), condition, findings)
        if change is not None:
            _fits(place, change, (rule, condition), vocabulary, findings)
            limits.append(change)
    return GradeChange(Grade[grade.upper()], tuple(limits), shape.on_delay, shape.off_delay, shape.deadband, shape.off)


_KEY = re.compile(r"(?P<operand>.*?)\s*(?P<operator>>=|<=|==|!=|>|<)?\s*\Z")


def _limit(
    place: Place, given: tuple[str, float | str], condition: Condition, findings: Findings
) -> LimitChange | None:
    """The change that ``operand: limit`` or ``operand operator: limit`` stands for."""
    key, limit = given
    found = _KEY.match(key)
    operand, operator = (found["operand"], found["operator"] or "") if found else (key, "")
    own = list(comparisons(condition))
    try:
        (told,) = comparisons(parse(f"{operand} >= {limit}"))
    except (ConditionError, ValueError):
        findings.error(place, "must be a limit such as 15 or 15 kPa", limit)
        return None
    change = LimitChange(told.operand, told.limit, told.unit, operator)
    concerned = [one for one in own if meant(change, one)]
    if not concerned:
        names = dict.fromkeys(one.operand if not operator else f"{one.operand} {one.operator}" for one in own)
        findings.error(place, f"must be an operand of the grade's condition; {one_of(names, key)}", key)
        return None
    if len({(one.operator, one.limit) for one in concerned}) > 1:
        ways = ", ".join(f"'{one.operand} {one.operator}'" for one in concerned)
        findings.error(place, f"must say which of its comparisons is meant: {ways}", key)
        return None
    return change


def _fits(
    place: Place,
    change: LimitChange,
    judged: tuple[RuleSpec, Condition],
    vocabulary: Vocabulary,
    findings: Findings,
) -> None:
    """Its unit must be one of what is compared."""
    rule, condition = judged
    for words in vocabulary.words_of(rule):
        try:
            resolve(with_limits(condition, [change]), words.units, words.states)
        except ConditionError as error:
            findings.error(place, f"must have a unit that fits: {error}", f"{change.limit:g} {change.unit}".rstrip())
            return


def check_overlap(read: Sequence[ReadOverride], plan: Plan, selection: Selection, findings: Findings) -> None:
    """Refuse two overrides that say the same thing of one sensor at one time: which of them counts would be chance."""
    taken: dict[tuple[str, str, int], list[ReadOverride]] = {}
    refused: set[tuple[str, str]] = set()
    for one in read:
        chosen = judged(one.rule, one.override.where, plan, selection)
        for thing in _things(one):
            for index in chosen:
                earlier = taken.setdefault((one.rule.id, thing, index), [])
                for other in earlier:
                    pair = (other.override.id, one.override.id)
                    if pair not in refused and _at_one_time(one.override, other.override):
                        refused.add(pair)
                        whose = plan.assets[index].id if one.rule.assets else plan.sensors[index].tag
                        requirement = f"must not change {thing} of {one.rule.id} for {whose}, which {pair[0]} does too"
                        findings.error(one.place(), requirement, one.override.id)
                earlier.append(one)


def _things(read: ReadOverride) -> Iterable[str]:
    """What of the rule it settles. Off settles all of a grade."""
    changes = {change.grade: change for change in read.override.grades}
    for spec in read.rule.grades:
        grade, change = word(spec.grade), changes.get(spec.grade)
        off = read.override.off or (change is not None and change.off)
        if off or (change is not None and change.on_delay_s is not None):
            yield f"{grade}.on_delay"
        if off or (change is not None and change.off_delay_s is not None):
            yield f"{grade}.off_delay"
        if off or (change is not None and change.deadband is not None):
            yield f"{grade}.deadband"
        for comparison in comparisons(parse(spec.when)):
            if off or (change is not None and any(meant(limit, comparison) for limit in change.limits)):
                yield f"{grade}.limits.{comparison.operand}"


def _at_one_time(one: Override, other: Override) -> bool:
    return (one.until is None or other.since <= one.until) and (other.until is None or one.since <= other.until)


def dated(read: Iterable[ReadOverride], today: date) -> list[ConfigError]:
    """Warn of overrides that are over, or about to be; apart from the rest, because it depends on the day."""
    findings = Findings()
    for one in read:
        until = one.override.until
        if until is not None and until < today:
            requirement = "should be taken out or renewed: it is over, and the pack's settings count again"
            findings.warn(one.place("until"), requirement, str(until))
        elif until is not None and (until - today).days < NOTICE_DAYS:
            requirement = "should be renewed in time, or the pack's settings count again after that day"
            findings.warn(one.place("until"), requirement, str(until))
        elif one.override.since > today:
            findings.warn(one.place("since"), "should be known to count only from that day", str(one.override.since))
    return findings.warnings


#: The end of an override is told of so many days before.
NOTICE_DAYS = 7
