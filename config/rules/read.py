"""One rule as its file says it."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

from config.findings import Findings
from config.rules.shape import RuleShape
from config.shape import check_shape
from config.yaml_file import Document
from model.alarm import Grade
from model.plan import GradeSpec, Rationale, RuleSpec


def read_rule(document: Document, name: str, findings: Findings) -> RuleSpec | None:
    """Read one rule without its advice; None when its shape is wrong."""
    shape = check_shape(document, ("rules", name), RuleShape, findings)
    if shape is None:
        return None
    grades = tuple(
        GradeSpec(Grade[grade.upper()], spec.when, spec.on_delay, spec.off_delay, spec.deadband)
        for grade, spec in shape.grades.items()
    )
    for lower, higher in itertools.pairwise(grades):
        if higher.grade < lower.grade:
            place = document.place("rules", name, "grades", word(higher.grade))
            requirement = f"must stand above {word(lower.grade)}: grades rise blue, yellow, orange, red"
            findings.error(place, requirement, word(higher.grade))
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
        where=None if shape.where is None else shape.where.where(),
        owner=shape.owner,
        approved=shape.approved,
        rationale=tuple(_rationale(shape)),
        chatter=shape.own_chatter(),
        realarm_after_s=shape.own_realarm(),
        stale_after_s=shape.stale_after,
        suppress_when=shape.suppress_when,
    )


def _rationale(shape: RuleShape) -> Iterator[Rationale]:
    for name, spec in shape.grades.items():
        if spec.cause or spec.consequence or spec.respond_within is not None:
            yield Rationale(
                Grade[name.upper()],
                spec.cause.text() if spec.cause else None,
                spec.consequence.text() if spec.consequence else None,
                spec.respond_within,
            )


def word(grade: Grade) -> str:
    return grade.name.lower()
