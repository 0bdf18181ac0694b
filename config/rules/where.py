"""``where`` of rules and overrides: which sensors or assets are meant, and whether the registry has them."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Annotated

from pydantic import BeforeValidator, Field, model_validator

from config.findings import Findings, Plain, one_of
from config.shape import Shape, in_text, one_or_more
from config.yaml_file import Spot
from model.errors import Place
from model.override import Where
from model.plan import Plan, RuleSpec
from rules.selection import Selection, is_wild

Names = Annotated[list[str], BeforeValidator(one_or_more)]


Values = Annotated[list[Annotated[str, BeforeValidator(in_text)]], BeforeValidator(one_or_more)]


class WhereShape(Shape):
    """Every entry must fit, by any of its values."""

    tags: Names = Field(default=[], description="Of sensors; * and ? stand for any characters, any one character.")
    assets: Names = Field(default=[])
    sites: Names = Field(default=[])
    enterprises: Names = Field(default=[])
    grid_cells: Names = Field(default=[])
    labels: dict[str, Values] = Field(default={})

    @model_validator(mode="after")
    def _chooses(self) -> WhereShape:
        if not any((self.tags, self.assets, self.sites, self.enterprises, self.grid_cells, self.labels)):
            raise ValueError("must name tags, assets, sites, enterprises, grid_cells or labels")
        return self

    def where(self) -> Where:
        return Where(
            tuple(self.tags),
            tuple(self.assets),
            tuple(self.sites),
            tuple(self.enterprises),
            tuple(self.grid_cells),
            tuple(sorted((key, tuple(values)) for key, values in self.labels.items())),
        )


@dataclass(frozen=True, slots=True)
class Choice:
    """A ``where`` that a pack has, to be held against the registry."""

    rule: RuleSpec
    where: Where
    place: Spot


def check_choices(choices: Sequence[Choice], plan: Plan, selection: Selection, findings: Findings) -> None:
    """Refuse names that nothing has; warn of a choice that finds nothing, for nobody would miss its alarms."""
    if not choices:
        return
    names = _Names(plan, selection)
    for choice in choices:
        before = len(findings.errors)
        where = choice.where
        for section in ("tags", "assets", "sites", "enterprises", "grid_cells"):
            given: Sequence[str] = getattr(where, section)
            for at, name in enumerate(given):
                if not is_wild(name):
                    one = len(given) == 1
                    place = choice.place(section) if one else choice.place(section, at)
                    _known(place, f"must be {_ONE[section]} of the registry", name, getattr(names, section), findings)
        for key, values in where.labels:
            _known(choice.place("labels", key), "must be a label that something has", key, names.labels, findings)
            for value in values if key in names.labels else ():
                if not is_wild(value):
                    requirement = f"must be a value that label {key} has"
                    _known(choice.place("labels", key), requirement, value, names.labels[key], findings)
        if len(findings.errors) == before:
            _warn_of_nothing(choice, plan, selection, findings)


_ONE = {
    "tags": "the tag of a sensor",
    "assets": "an asset",
    "sites": "a site",
    "enterprises": "an enterprise",
    "grid_cells": "a grid cell",
}


class _Names:
    """All that a choice may name."""

    def __init__(self, plan: Plan, selection: Selection) -> None:
        self.tags = frozenset(sensor.tag for sensor in plan.sensors)
        self.assets = frozenset(asset.id for asset in plan.assets)
        self.sites = frozenset(site.id for site in plan.sites)
        self.enterprises = frozenset(one.id for one in plan.enterprises)
        self.grid_cells = frozenset(cell.id for cell in plan.grid_cells)
        self.labels = selection.label_values


def _known(place: Place, requirement: str, name: str, known: Collection[str], findings: Findings) -> None:
    if name not in known:
        findings.error(place, f"{requirement}; {one_of(known, name)}", name)


def _warn_of_nothing(choice: Choice, plan: Plan, selection: Selection, findings: Findings) -> None:
    rule = choice.rule
    chosen = set(judged(rule, choice.where, plan, selection))
    if rule.where is not None:
        chosen &= set(judged(rule, rule.where, plan, selection))
    if not chosen:
        kinds = ", ".join(rule.assets or rule.kinds)
        what = "asset" if rule.assets else "sensor"
        findings.warn(choice.place(), f"should choose some {what} of {kinds}", Plain("a choice that none fits"))


def judged(rule: RuleSpec, where: Where, plan: Plan, selection: Selection) -> list[int]:
    """The sensors (assets, for a rule on those) of the rule's kinds that are chosen."""
    if rule.assets:
        return [at for at in selection.assets(where) if plan.assets[at].kind in rule.assets]
    return [at for at in selection.sensors(where) if plan.sensors[at].kind in rule.kinds]


def refuse_tags_of_assets(choice: Choice, findings: Findings) -> None:
    """A rule on assets looks at no single sensor, so that tags would choose nothing of it."""
    if choice.rule.assets and choice.where.tags:
        requirement = f"must be assets: {choice.rule.id} judges whole assets"
        findings.error(choice.place("tags"), requirement, Plain("tags"))
