"""What is wrong with grades and rules by logic alone. Only what is proved is said."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from config.findings import Findings
from config.rules.read import word
from config.rules.vocabulary import Vocabulary
from config.yaml_file import Spot
from model.condition import Comparison, Condition
from model.errors import ConditionError, Place
from model.plan import GradeSpec, RuleSpec
from model.sensor import Beyond, Kind
from rules.cells import Domain, truths
from rules.language import parse, resolve

#: Where a key of a grade stands, by the grade's name and the key.
PlaceOf: TypeAlias = Callable[[str, str], Place]


def domains_of(kind: Kind, vocabulary: Vocabulary) -> dict[str, Domain]:
    """What operands on sensors of a kind can be."""
    low = kind.low if kind.beyond_low is Beyond.BAD else -np.inf
    high = kind.high if kind.beyond_high is Beyond.BAD else np.inf
    domains = {
        "value": Domain(low, high, tuple(float(state.number) for state in kind.states)),
        "quality": Domain(values=(0.0, 1.0, 2.0)),
        "clock_fault": Domain(values=(0.0, 1.0)),
    }
    for detector in vocabulary.detectors:
        if kind.id in detector.kinds and not detector.assets:
            domains[detector.id] = Domain(detector.score_low, detector.score_high)
    return domains


def warn_of_logic(
    place: PlaceOf,
    grades: Sequence[GradeSpec],
    resolved: Sequence[Condition | None],
    whom: str,
    domains: Mapping[str, Domain],
    findings: Findings,
) -> None:
    """Grades that never or always hold, that one above them hides, and whose deadband reaches over the grade below.

    Args:
        place: of a grade's key.
        grades: lowest first.
        resolved: their conditions; None where one is wrong, which is said already.
        whom: for messages.
        domains: operand -> what it can be.
        findings: gets the warnings.

    """
    for spec, condition in zip(grades, resolved, strict=True):
        found = None if condition is None or isinstance(condition, Comparison) else truths([condition], domains)
        if found is not None and not found[0].any():
            findings.warn(
                place(word(spec.grade), "when"), f"can never hold for {whom}: no values meet all of it", spec.when
            )
    for spec, condition in zip(grades, resolved, strict=True):
        found = None if condition is None else truths([condition], domains)
        if found is not None and found[0].all():
            findings.warn(place(word(spec.grade), "when"), f"always holds for {whom}, whatever is read", spec.when)
    pairs = itertools.pairwise(zip(grades, resolved, strict=True))
    for (lower, below), (higher, above) in pairs:
        if below is not None and above is not None:
            _warn_of_hidden(place, (lower, below), (higher, above), (whom, domains), findings)
            _warn_of_wide_deadband(place, (lower, below), (higher, above), whom, findings)


def _warn_of_hidden(
    place: PlaceOf,
    lower: tuple[GradeSpec, Condition],
    higher: tuple[GradeSpec, Condition],
    whose: tuple[str, Mapping[str, Domain]],
    findings: Findings,
) -> None:
    """Of single comparisons another warning says so."""
    (spec, below), (over, above) = lower, higher
    if (isinstance(below, Comparison) and isinstance(above, Comparison)) or over.on_delay_s > spec.on_delay_s:
        return
    found = truths([below, above], whose[1])
    if found is not None and found[0].any() and not (found[0] & ~found[1]).any():
        requirement = f"can never be the grade of an alarm for {whose[0]}: where it holds, {word(over.grade)} holds too"
        findings.warn(place(word(spec.grade), "when"), requirement, spec.when)


def _warn_of_wide_deadband(
    place: PlaceOf,
    lower: tuple[GradeSpec, Condition],
    higher: tuple[GradeSpec, Condition],
    whom: str,
    findings: Findings,
) -> None:
    """An alarm would keep the higher grade where even the lower one would not begin."""
    (spec, below), (over, above) = lower, higher
    if not (isinstance(below, Comparison) and isinstance(above, Comparison)):
        return
    if below.operand != above.operand or below.operator[0] != above.operator[0]:
        return
    gap = abs(above.limit - below.limit)
    if gap and over.deadband > gap:
        requirement = f"should be at most {gap:g} for {whom}, the gap to {word(spec.grade)}"
        findings.warn(place(word(over.grade), "deadband"), requirement, over.deadband)


@dataclass(frozen=True, slots=True)
class PlacedRule:
    """A rule and where it stands."""

    rule: RuleSpec
    place: Spot


def warn_of_twins(rules: Iterable[PlacedRule], vocabulary: Vocabulary, findings: Findings) -> None:
    """Two rules that raise the same grade on the same sensors by the same condition are one alarm told twice."""
    for one, other in itertools.combinations(rules, 2):
        same = [kind for kind in one.rule.kinds if kind in other.rule.kinds]
        whole = [kind for kind in one.rule.assets if kind in other.rule.assets]
        if not (same or whole) or one.rule.where != other.rule.where:
            continue
        grades = {spec.grade: spec for spec in other.rule.grades}
        for spec in one.rule.grades:
            twin = grades.get(spec.grade)
            if twin is not None and spec.on_delay_s == twin.on_delay_s:
                whom = _same(spec.when, twin.when, (same, whole), vocabulary)
                if whom:
                    there, judge = one.place("grades", word(spec.grade)), one.rule.id
                    says = f"should not say of {whom} what {judge} says at {there.file}:{there.line}"
                    findings.warn(
                        other.place("grades", word(spec.grade), "when"), f"{says}: one alarm is enough", twin.when
                    )


def _same(one: str, other: str, kinds: tuple[Sequence[str], Sequence[str]], vocabulary: Vocabulary) -> str:
    """The first kind for which both conditions say the same; empty where they do for none."""
    try:
        conditions = parse(one), parse(other)
    except ConditionError:
        return ""
    for name in kinds[0]:
        kind = vocabulary.kinds.get(name)
        if kind is not None and name not in vocabulary.broken:
            words = vocabulary.words(kind)
            if _equal(conditions, words.units, words.states, domains_of(kind, vocabulary)):
                return name
    for name in kinds[1]:
        units = {operand: one.operands[operand] for operand, one in vocabulary.of_assets(name).items()}
        if _equal(conditions, units, {}, {}):
            return name
    return ""


def _equal(
    conditions: tuple[Condition, Condition],
    units: Mapping[str, str],
    states: Mapping[str, Mapping[str, float]],
    domains: Mapping[str, Domain],
) -> bool:
    try:
        found = truths([resolve(condition, units, states) for condition in conditions], domains)
    except ConditionError:
        return False
    return found is not None and bool(found[0].any()) and bool((found[0] == found[1]).all())
