"""``incident:`` of a pack test: the combination that must lift the incident, the chain that must raise watch points."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Annotated

from pydantic import Field, model_validator

from config.findings import Findings, one_of
from config.shape import Duration, Shape
from model.errors import Place
from model.incident import IncidentChange, IncidentEvent
from model.incident_plan import IncidentPlan

Window = Annotated[list[Duration], Field(min_length=2, max_length=2)]


class IncidentExpectationShape(Shape):
    combination: str = Field(default="", description="It lifts the incident...")
    chain: str = Field(default="", description="Or this chain raises its watch points...")
    within: Window = Field(description="...from, until.")

    @model_validator(mode="after")
    def _says_one_thing(self) -> IncidentExpectationShape:
        if bool(self.combination) == bool(self.chain):
            raise ValueError("must say one of combination, chain")
        if self.within[1] < self.within[0]:
            raise ValueError("must have a within that ends after it begins")
        return self


@dataclass(frozen=True, slots=True)
class IncidentExpectation:
    """What must come of the incident; one of the two names is empty."""

    combination: str
    chain: str
    from_s: float
    until_s: float

    def __str__(self) -> str:
        what = f"combination {self.combination}" if self.combination else f"chain {self.chain}"
        return f"{what} within {self.from_s:g} s to {self.until_s:g} s"


def expected(shapes: Iterable[IncidentExpectationShape]) -> tuple[IncidentExpectation, ...]:
    return tuple(IncidentExpectation(one.combination, one.chain, *one.within) for one in shapes)


def check_expected(
    place: Place, expectations: Sequence[IncidentExpectation], plan: IncidentPlan, findings: Findings
) -> None:
    """See that what is named exists; what is wrong goes to ``findings``."""
    for one in expectations:
        known: Collection[str] = [each.id for each in (plan.combinations if one.combination else plan.chains)]
        name = one.combination or one.chain
        if name not in known:
            what = "a combination" if one.combination else "a chain"
            findings.error(place, f"must expect {what} of incidents.yaml; {one_of(known, name)}", name)


def judge_incidents(
    expectations: Sequence[IncidentExpectation], events: Sequence[IncidentEvent], start_ns: int
) -> list[str]:
    """Say what did not happen, or happened at another time."""
    return [
        f"expected {one}; got {_told(one, events, start_ns)}"
        for one in expectations
        if not any(_meets(event, one, start_ns) for event in events)
    ]


def _is_about(event: IncidentEvent, one: IncidentExpectation) -> bool:
    if one.combination:
        return event.combination == one.combination
    return event.change is IncidentChange.WATCH_POINT and any(p.chain == one.chain for p in event.watch_points)


def _meets(event: IncidentEvent, one: IncidentExpectation, start_ns: int) -> bool:
    return _is_about(event, one) and one.from_s <= (event.at_ns - start_ns) / 1e9 <= one.until_s


def _told(one: IncidentExpectation, events: Iterable[IncidentEvent], start_ns: int) -> str:
    at = [f"{(event.at_ns - start_ns) / 1e9:g} s" for event in events if _is_about(event, one)]
    return f"it at {', '.join(at)}" if at else "nothing"
