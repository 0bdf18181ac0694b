"""Response cards: one for every grade of every rule."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from config.findings import NOTHING, Findings, one_of
from config.rules.read import word
from config.shape import TextShape, check_shape
from config.yaml_file import Document
from model.plan import Advice, RuleSpec


def read_advice(
    document: Document | None,
    rules_documents: tuple[Document, Mapping[str, Document]],
    rules: Mapping[str, RuleSpec],
    declared: Sequence[str],
    findings: Findings,
) -> dict[str, tuple[Advice, ...]]:
    """Read the response cards of one pack's rules: one for every grade, none for what does not exist.

    Args:
        document: advice.yaml.
        rules_documents: rules.yaml, and by rule the cards that its template has; those of advice.yaml go before them.
        rules: of the pack.
        declared: ids of its rules, also of those that are wrong.
        findings: gets what is wrong.

    """
    rules_document, of_templates = rules_documents
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
        elif rule.id in of_templates:
            found[rule.id] = _cards(of_templates[rule.id], rule, findings)
        else:
            place = rules_document.place("rules", rule.id)
            findings.error(place, "must have advice in advice.yaml for each of its grades", NOTHING)
    return found


def _cards(document: Document, rule: RuleSpec, findings: Findings) -> tuple[Advice, ...]:
    cards = document.at("advice", rule.id)
    given = cards if isinstance(cards, dict) else {}
    grades = [word(spec.grade) for spec in rule.grades]
    for grade in given:
        if grade not in grades:
            place = document.place("advice", rule.id, grade)
            findings.error(place, f"must be a grade of {rule.id}, which has {', '.join(grades)}", grade)
    advice = []
    for spec in rule.grades:
        own = word(spec.grade)
        place = document.place("advice", rule.id, own)
        if own not in given:
            findings.error(place, f"must say what to do at {own}", NOTHING)
            continue
        shape = check_shape(document, ("advice", rule.id, own), TextShape, findings)
        if shape is not None:
            advice.append(Advice(spec.grade, shape.text()))
    return tuple(advice)
