"""``rationale.yaml``: what a site says of rules for people: owner, approval, cause, consequence, response."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from pydantic import Field

from config.findings import Findings, one_of
from config.rules.read import word
from config.rules.shape import GradeName
from config.shape import Duration, Shape, TextShape, check_shape
from config.yaml_file import Document
from model.alarm import Grade
from model.plan import Advice, Rationale, RuleSpec


class _GradeShape(Shape):
    cause: TextShape | None = None
    consequence: TextShape | None = None
    respond_within: Duration | None = None
    response: TextShape | None = Field(default=None, description="In place of the pack's advice.")


class _RationaleShape(Shape):
    owner: str | None = Field(default=None, max_length=200)
    approved: str | None = Field(default=None, max_length=200)
    grades: dict[GradeName, _GradeShape] = Field(default={})


def read_rationale(document: Document, name: str, rules: Mapping[str, RuleSpec], findings: Findings) -> RuleSpec | None:
    """The rule that is meant, with what is said of it; None when it cannot be used."""
    shape = check_shape(document, ("rationale", name), _RationaleShape, findings)
    if shape is None:
        return None
    rule = rules.get(name)
    if rule is None:
        place = document.place("rationale", name)
        findings.error(place, f"must be a rule of a loaded pack; {one_of(rules, name)}", name)
        return None
    own = [word(spec.grade) for spec in rule.grades]
    for key in shape.grades:
        if key not in own:
            place = document.place("rationale", name, "grades", key)
            findings.error(place, f"must be a grade of {name}, which has {', '.join(own)}", key)
    said = {one.grade: one for one in rule.rationale}
    advice = {card.grade: card for card in rule.advice}
    for key, given in shape.grades.items():
        grade = Grade[key.upper()]
        before = said.get(grade, Rationale(grade))
        said[grade] = Rationale(
            grade,
            before.cause if given.cause is None else given.cause.text(),
            before.consequence if given.consequence is None else given.consequence.text(),
            before.respond_within_s if given.respond_within is None else given.respond_within,
        )
        if given.response is not None:
            advice[grade] = Advice(grade, given.response.text())
    return replace(
        rule,
        owner=rule.owner if shape.owner is None else shape.owner,
        approved=rule.approved if shape.approved is None else shape.approved,
        rationale=tuple(said[grade] for grade in sorted(said)),
        advice=tuple(advice[grade] for grade in sorted(advice)),
    )
