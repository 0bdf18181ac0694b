"""What a rule looks like in ``rules.yaml``."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, model_validator

from config.alarms import RuleTerms
from config.rules.where import WhereShape
from config.shape import Duration, Shape, TextShape, one_or_more

GradeName = Literal["blue", "yellow", "orange", "red"]


class GradeShape(Shape):
    when: str = Field(min_length=1, description="Condition; see docs/rules.md.")
    on_delay: Duration = Field(default=0.0, description="How long the condition must hold.")
    off_delay: Duration = Field(default=0.0, description="How long it must not hold before the grade is over.")
    deadband: float = Field(default=0.0, ge=0, description="How far back the operand must come.")
    cause: TextShape | None = Field(default=None, description="What brings it about.")
    consequence: TextShape | None = Field(default=None, description="What follows if nobody acts.")
    respond_within: Duration | None = Field(default=None, description="Until when acting is of use.")


def in_both_languages(given: object) -> object:
    """Turn a clause such as ``GB 4715 5.2``, which is the same in every language, into a text of both."""
    if isinstance(given, str) and given.strip():
        return {"zh": given, "en": given}
    if not isinstance(given, dict):
        raise ValueError("must be a clause of a standard, or words in both languages: {zh: ..., en: ...}")  # noqa: TRY004 - pydantic turns only ValueError into a finding
    return given


class RuleShape(RuleTerms):
    name: TextShape
    kinds: list[str] = Field(default=[], description="Kinds of the sensors that it judges, each by itself.")
    assets: list[str] = Field(default=[], description="Instead: kinds of the assets that it judges as a whole.")
    source: Annotated[TextShape, BeforeValidator(in_both_languages)] = Field(
        description="Where the limits come from: standard and clause."
    )
    latching: bool = Field(default=False, description="Stays until a person resets it.")
    yields_to: Annotated[list[str], BeforeValidator(one_or_more)] = Field(
        default=[], description="Detectors on assets that judge instead, where they see enough beside the sensor."
    )
    diagnostic: bool = Field(default=False, description="About the instrument, not about what it measures.")
    where: WhereShape | None = Field(default=None, description="Only these sensors or assets of its kinds.")
    owner: str = Field(default="", max_length=200, description="Who answers for the rule.")
    approved: str = Field(default="", max_length=200, description="By whom, and when.")
    suppress_when: str = Field(default="", description="While it holds, its alarms mean nothing; see docs/rules.md.")
    grades: dict[GradeName, GradeShape] = Field(min_length=1)

    @model_validator(mode="after")
    def _judges_one_or_the_other(self) -> RuleShape:
        if bool(self.kinds) == bool(self.assets):
            raise ValueError("must give either kinds (of sensors) or assets (kinds of assets)")
        return self
