"""``suppress_when``: the condition under which a rule's alarms mean nothing."""

from __future__ import annotations

from config.findings import Findings
from config.rules.vocabulary import Vocabulary
from config.yaml_file import Document
from model.alarm import Grade
from model.errors import ConditionError
from model.plan import RuleSpec
from model.standing import is_standing
from rules.language import base_of, operands, parse, resolve, source_of


def check_suppression(document: Document, rule: RuleSpec, vocabulary: Vocabulary, findings: Findings) -> frozenset[str]:
    """Check the condition on each kind of the rule.

    Returns:
        the operands that it names.

    """
    given = rule.suppress_when
    if not given:
        return frozenset()
    place = document.place("rules", rule.id, "suppress_when")
    try:
        condition = parse(given)
    except ConditionError as error:
        findings.error(place, f"must be a condition: {error}", given)
        return frozenset()
    named = operands(condition)
    by_time = {detector.id for detector in vocabulary.detectors if detector.by_time}
    unfit = sorted(name for name in named if is_standing(base_of(name)) or base_of(name) in by_time)
    if rule.assets:
        findings.error(place, "must be of a rule on sensors: kinds, not assets", given)
    elif unfit:
        findings.error(place, f"must name readings, of the sensor or of others, and not {', '.join(unfit)}", given)
    for kind in (vocabulary.kinds[name] for name in rule.kinds if name in vocabulary.kinds):
        words = vocabulary.words(kind)
        try:
            if kind.id not in vocabulary.broken and not vocabulary.leaves_open(condition):
                resolve(condition, words.units, words.states)
        except ConditionError as error:
            findings.error(place, f"must hold for kind {kind.id}: {error}", given)
    if rule.grades[-1].grade is Grade.RED:
        findings.warn(place, "should not be on a rule that can be red: nobody would hear of it", given)
    return frozenset(source_of(name) for name in named)
