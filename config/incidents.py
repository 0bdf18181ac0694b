"""incidents.yaml of a pack, and ``incidents:`` of fengsui.yaml: which alarms belong together, and what they mean so."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Annotated, Literal, TypeVar

from pydantic import BeforeValidator, Field, model_validator

from config.findings import Findings, one_of
from config.rules.shape import GradeName, in_both_languages
from config.shape import Duration, Shape, TextShape, check_shape, one_or_more
from config.yaml_file import Document
from model.alarm import Grade
from model.errors import Place
from model.incident_plan import At, Chain, ChainStep, Combination, Explains, IncidentPlan, Nearness, Term
from model.sensor import Relation

_RelationName = Literal["upstream", "downstream", "same_room", "same_space", "feeds", "powers"]
_Names = Annotated[list[str], BeforeValidator(one_or_more)]
_Source = Annotated[TextShape, BeforeValidator(in_both_languages)]


class IncidentSettings(Shape):
    """Site-wide figures; what is not given is the default."""

    window: Duration | None = Field(default=None, gt=0, description="From one alarm of it to the next.")
    near_m: float | None = Field(default=None, ge=0, description="How far apart they may be in space.")
    linked_m: float | None = Field(default=None, ge=0, description="How far along the asset graph.")
    links_max: int | None = Field(default=None, ge=0, le=20, description="How many links a way may have.")
    quiet: Duration | None = Field(default=None, description="From the end of its last alarm to the incident's own.")
    absorb: Duration | None = Field(default=None, gt=0, description="For how long an incident takes in alarms.")
    wide_incidents: int | None = Field(default=None, ge=2, description="So many unrelated ones are a wide one...")
    wide_within: Duration | None = Field(default=None, gt=0, description="...within so long.")
    flood_begins: int | None = Field(default=None, ge=1, description="A flood begins with more alarms in flood_window.")
    flood_ends: int | None = Field(default=None, ge=1, description="It ends with fewer.")
    flood_window: Duration | None = Field(default=None, gt=0)

    def applied(self, plan: IncidentPlan) -> IncidentPlan:
        """The plan with what is given here in place of the defaults."""
        given = {_FIELDS.get(name, name): value for name, value in self.model_dump().items() if value is not None}
        return replace(plan, **given)


_FIELDS = {
    "window": "window_s",
    "quiet": "quiet_s",
    "absorb": "absorb_s",
    "wide_within": "wide_within_s",
    "flood_window": "flood_window_s",
}


class _NearnessShape(Shape):
    window: Duration = Field(default=600.0, gt=0)
    near_m: float = Field(default=120.0, ge=0)


class _TermShape(Shape):
    rules: _Names = Field(default=[], description="An alarm of one of these is on.")
    kinds: _Names = Field(default=[], description="Or one of any rule on a sensor of these kinds.")
    grade: GradeName = Field(default="blue", description="At least.")
    reading: str = Field(default="", description="Kind of a sensor of the asset, which reads at_least or at_most.")
    attribute: str = Field(default="", description="Of the asset in the registry, which is at_least or at_most.")
    at_least: float | None = None
    at_most: float | None = None

    @model_validator(mode="after")
    def _says_one_thing(self) -> _TermShape:
        says = [bool(self.rules or self.kinds), bool(self.reading), bool(self.attribute)]
        if sum(says) != 1:
            raise ValueError("must say one of rules (or kinds), reading, attribute")
        is_limited = self.at_least is not None or self.at_most is not None
        if is_limited == says[0]:
            raise ValueError("must give at_least or at_most with reading or attribute, and with nothing else")
        return self

    def term(self) -> Term:
        return Term(
            tuple(self.rules),
            tuple(self.kinds),
            Grade[self.grade.upper()],
            self.reading,
            self.attribute,
            self.at_least,
            self.at_most,
        )


class _CombinationShape(Shape):
    name: TextShape
    source: _Source
    all_of: list[_TermShape] = Field(min_length=2, max_length=10)
    at: Literal["asset", "site", "incident"] = "asset"
    within: Duration = Field(default=600.0, description="For how long an alarm counts after it is over.")
    grade: GradeName
    advice: TextShape

    @model_validator(mode="after")
    def _begins_with_an_alarm(self) -> _CombinationShape:
        if not any(term.rules or term.kinds for term in self.all_of):
            raise ValueError("must have at least one term with rules or kinds: an incident is made of alarms")
        return self


class _ExplainsShape(Shape):
    source: _Source
    rules: _Names = Field(min_length=1, description="Of the parent.")
    children: _Names = Field(min_length=1, description="Rules whose alarms it explains.")
    at: Literal["asset", "site", "linked", "incident"] = "asset"
    relations: Annotated[list[_RelationName], BeforeValidator(one_or_more)] = Field(
        default=[], description="With linked: what the child's asset is to the parent's."
    )
    up_to: GradeName = Field(default="yellow", description="Higher ones are always shown.")

    @model_validator(mode="after")
    def _links_by_something(self) -> _ExplainsShape:
        if (self.at == "linked") != bool(self.relations):
            raise ValueError("must give relations with at: linked, and only then")
        return self


class _StepShape(Shape):
    what: TextShape
    advice: TextShape
    here: bool = Field(default=False, description="On the asset itself.")
    relations: Annotated[list[_RelationName], BeforeValidator(one_or_more)] = Field(default=[])
    near_m: float = Field(default=0.0, ge=0, le=5_000)
    confirmed_by: _Names = Field(default=[], description="Rules whose alarm there says that it has come to this.")

    @model_validator(mode="after")
    def _is_somewhere(self) -> _StepShape:
        if not (self.here or self.relations or self.near_m):
            raise ValueError("must give here: true, relations, or near_m: where it may happen")
        return self


class _ChainShape(Shape):
    name: TextShape
    source: _Source
    rules: _Names = Field(min_length=1, description="An alarm of one of these begins it.")
    grade: GradeName = Field(default="orange", description="At least.")
    steps: list[_StepShape] = Field(min_length=1, max_length=10)


class _FileShape(Shape):
    grouping: dict[str, _NearnessShape] = Field(default={}, description="By kind of sensor, or of asset.")
    combinations: dict[str, _CombinationShape] = Field(default={})
    explains: dict[str, _ExplainsShape] = Field(default={})
    chains: dict[str, _ChainShape] = Field(default={})


@dataclass(slots=True)
class IncidentDraft:
    """What the packs say so far."""

    declared: dict[str, Place] = field(default_factory=dict)
    by_kind: list[Nearness] = field(default_factory=list)
    combinations: list[Combination] = field(default_factory=list)
    explains: list[Explains] = field(default_factory=list)
    chains: list[Chain] = field(default_factory=list)

    def plan(self) -> IncidentPlan:
        return IncidentPlan(
            by_kind=tuple(self.by_kind),
            combinations=tuple(self.combinations),
            explains=tuple(self.explains),
            chains=tuple(self.chains),
        )


def read_incidents(
    document: Document, kinds: Collection[str], rules: Mapping[str, Grade], draft: IncidentDraft, findings: Findings
) -> None:
    """Read one pack's file into the draft; what is wrong goes to ``findings``.

    A rule of a pack that is not loaded is no error: a leak may lead to a fire where nothing tells of fires.

    Args:
        document: incidents.yaml.
        kinds: ids of all sensor kinds that are loaded.
        rules: all that are loaded, by id, each with the highest grade that it has.
        draft: gets what is right.
        findings: gets the errors.

    """
    shape = check_shape(document, ("incidents",), _FileShape, findings)
    if shape is None:
        return
    check = _Checks(document, kinds, rules, draft.declared, findings)
    draft.by_kind += [Nearness(kind, one.window, one.near_m) for kind, one in check.once("grouping", shape.grouping)]
    for name, combination in check.once("combinations", shape.combinations):
        for at, term in enumerate(combination.all_of):
            loc = ("combinations", name, "all_of", at)
            check.rules((*loc, "rules"), term.rules, Grade[term.grade.upper()])
            check.kinds((*loc, "kinds"), term.kinds)
            check.kinds((*loc, "reading"), [term.reading] if term.reading else [])
        draft.combinations.append(_combination(name, combination))
    for name, explains in check.once("explains", shape.explains):
        check.rules(("explains", name, "rules"), explains.rules)
        check.rules(("explains", name, "children"), explains.children)
        draft.explains.append(_explains(name, explains))
    for name, chain in check.once("chains", shape.chains):
        check.rules(("chains", name, "rules"), chain.rules, Grade[chain.grade.upper()])
        for at, step in enumerate(chain.steps):
            check.rules(("chains", name, "steps", at, "confirmed_by"), step.confirmed_by)
        draft.chains.append(_chain(name, chain))


def _combination(name: str, shape: _CombinationShape) -> Combination:
    return Combination(
        name,
        shape.name.text(),
        shape.source.text(),
        tuple(term.term() for term in shape.all_of),
        At(shape.at),
        shape.within,
        Grade[shape.grade.upper()],
        shape.advice.text(),
    )


def _explains(name: str, shape: _ExplainsShape) -> Explains:
    return Explains(
        name,
        shape.source.text(),
        tuple(shape.rules),
        tuple(shape.children),
        At(shape.at),
        tuple(Relation(one) for one in shape.relations),
        Grade[shape.up_to.upper()],
    )


def _chain(name: str, shape: _ChainShape) -> Chain:
    steps = tuple(
        ChainStep(
            step.what.text(),
            step.advice.text(),
            here=step.here,
            relations=tuple(Relation(one) for one in step.relations),
            near_m=step.near_m,
            confirmed_by=tuple(step.confirmed_by),
        )
        for step in shape.steps
    )
    return Chain(name, shape.name.text(), shape.source.text(), tuple(shape.rules), Grade[shape.grade.upper()], steps)


T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class _Checks:
    """Checks that what is named exists, and that each id stands once over all packs."""

    document: Document
    known_kinds: Collection[str]
    known_rules: Mapping[str, Grade]
    declared: dict[str, Place]
    findings: Findings

    def once(self, section: str, entries: Mapping[str, T]) -> Iterator[tuple[str, T]]:
        for name, entry in entries.items():
            place = self.document.place("incidents", section, name)
            earlier = self.declared.setdefault(f"{section}/{name}", place)
            if earlier is place:
                yield name, entry
            else:
                requirement = f"must be unique over all packs, first given at {earlier.file}:{earlier.line}"
                self.findings.error(place, requirement, name)

    def rules(self, loc: tuple[str | int, ...], names: Sequence[str], grade: Grade = Grade.NONE) -> None:
        families = {rule.partition(".")[0] for rule in self.known_rules}
        for at, name in enumerate(names):
            place = self.document.place("incidents", *loc, at)
            if self.known_rules.get(name, grade) < grade:
                self.findings.warn(
                    place, f"should be a rule that can be {grade.name.lower()}, or it does nothing", name
                )
            if name not in self.known_rules and name.partition(".")[0] in families:
                self.findings.error(place, f"must be a rule that exists; {one_of(self.known_rules, name)}", name)

    def kinds(self, loc: tuple[str | int, ...], names: Sequence[str]) -> None:
        for name in names:
            if name not in self.known_kinds:
                place = self.document.place("incidents", *loc)
                self.findings.error(place, f"must be a kind of a loaded pack; {one_of(self.known_kinds, name)}", name)
