"""Conditions that resolve for every kind that a rule judges."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from functools import partial

from config.findings import Findings, Plain, one_of
from config.rules.logic import domains_of, warn_of_logic
from config.rules.reach import warn_of_scores_out_of_reach, warn_of_unreachable, warn_of_what_never_ends
from config.rules.read import word
from config.rules.suppress import check_suppression
from config.rules.vocabulary import Vocabulary
from config.rules.windows import refuse_long_windows
from config.yaml_file import Document
from model.alarm import Grade
from model.condition import Condition
from model.errors import ConditionError, Place
from model.plan import RuleSpec
from model.standing import is_standing
from rules.language import base_of, comparisons, operands, parse, resolve, source_of
from rules.words import Words


def check_rule(document: Document, rule: RuleSpec, vocabulary: Vocabulary, findings: Findings) -> frozenset[str]:
    """Check a rule's conditions on each of its kinds, of sensors or of assets.

    Returns:
        the operands that it names.

    """
    names: set[str] = set()
    parsed: list[Condition | None] = []
    for spec in rule.grades:
        place = document.place("rules", rule.id, "grades", word(spec.grade), "when")
        try:
            condition = parse(spec.when)
        except ConditionError as error:
            findings.error(place, f"must be a condition: {error}", spec.when)
            parsed.append(None)
            continue
        parsed.append(condition)
        _refuse_time_beside_readings(place, condition, spec.when, vocabulary, findings)
        names |= operands(condition)
    _refuse_standing_beside_readings(document, rule, names, findings)
    for at, detector in enumerate(rule.yields_to):
        if not _can_confirm(rule, detector, vocabulary):
            requirement = "must be a detector on assets that looks at all kinds of the rule and can confirm them"
            findings.error(document.place("rules", rule.id, "yields_to", at), requirement, detector)
    for at, asset in enumerate(rule.assets):
        _check_on_assets(document, rule, parsed, vocabulary, (at, asset), findings)
    for kind in (vocabulary.kinds[name] for name in rule.kinds if name in vocabulary.kinds):
        if kind.id not in vocabulary.broken:
            resolved = _resolved(
                document, rule, parsed, vocabulary, vocabulary.words(kind), f"kind {kind.id}", findings
            )
            refuse_long_windows(document, rule, parsed, kind, findings)
            warn_of_unreachable(document, rule, resolved, kind, findings)
            warn_of_what_never_ends(document, rule, kind, findings)
            place_of = partial(document.place, "rules", rule.id, "grades")
            warn_of_logic(place_of, rule.grades, resolved, f"kind {kind.id}", domains_of(kind, vocabulary), findings)
            if kind.id == rule.kinds[0]:
                warn_of_scores_out_of_reach(document, rule, resolved, vocabulary, findings)
    if rule.grades[-1].grade is Grade.RED and rule.grades[-1].on_delay_s > 0:
        place = document.place("rules", rule.id, "grades", "red", "on_delay")
        findings.warn(place, "should be 0 where red means danger to life", f"{rule.grades[-1].on_delay_s:g} s")
    return frozenset(source_of(name) for name in names) | check_suppression(document, rule, vocabulary, findings)


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
    resolved = _resolved(document, rule, parsed, vocabulary, Words(units, {}), f"assets of kind {asset}", findings)
    place_of = partial(document.place, "rules", rule.id, "grades")
    warn_of_logic(place_of, rule.grades, resolved, f"assets of kind {asset}", {}, findings)
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
    named = operands(condition)
    of_time = {base_of(name) for name in named} & {one.id for one in vocabulary.detectors if one.by_time}
    if of_time and named != of_time:
        requirement = f"must not mix silence ({', '.join(sorted(of_time))}) with readings: write a rule of its own"
        findings.error(place, requirement, given)


def _refuse_standing_beside_readings(
    document: Document, rule: RuleSpec, names: Collection[str], findings: Findings
) -> None:
    """How things stand is looked at once a minute, apart from the readings."""
    standing = {base_of(name) for name in names if is_standing(base_of(name))}
    if rule.kinds and standing and standing != set(names):
        requirement = (
            f"must not mix how things stand ({', '.join(sorted(standing))}) with readings: write a rule of its own"
        )
        findings.error(document.place("rules", rule.id, "grades"), requirement, Plain("both"))


def _resolved(
    document: Document,
    rule: RuleSpec,
    parsed: Sequence[Condition | None],
    vocabulary: Vocabulary,
    words: Words,
    whom: str,
    findings: Findings,
) -> list[Condition | None]:
    resolved: list[Condition | None] = []
    for spec, condition in zip(rule.grades, parsed, strict=True):
        try:
            unclear = condition is None or vocabulary.leaves_open(condition)
            resolved.append(None if condition is None or unclear else resolve(condition, words.units, words.states))
        except ConditionError as error:
            place = document.place("rules", rule.id, "grades", word(spec.grade), "when")
            findings.error(place, f"must hold for {whom}: {error}", spec.when)
            resolved.append(None)
    return resolved
