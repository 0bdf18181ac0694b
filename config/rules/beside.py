"""Rules that ask what stands beside their sensor, where nothing does."""

from __future__ import annotations

from config.findings import Findings, Plain
from model.errors import Place
from model.plan import Plan, RuleSpec
from rules.language import base_of, operands, parse
from rules.operands import is_of_others


def warn_of_lonely_sensors(plan: Plan, place: Place, findings: Findings) -> None:
    """Sensors of the kind that is asked exist, but none on the asset or site of any sensor of the rule.

    Where there is none at all the rule is simply for other sites.
    """
    site_of = {asset.id: asset.site for asset in plan.assets}
    stands = {("asset", one.kind, one.asset) for one in plan.sensors}
    stands |= {("site", one.kind, site_of[one.asset]) for one in plan.sensors}
    kinds = {kind for _, kind, _ in stands}
    for rule in plan.rules:
        own = [one for one in plan.sensors if one.kind in rule.kinds]
        for word in sorted(_asked(rule)):
            whose, _, kind = word.partition(".")
            beside = {(whose, kind, one.asset if whose == "asset" else site_of[one.asset]) for one in own}
            if own and kind in kinds and not beside & stands:
                whom = f"on the {whose} of one that {rule.id} judges"
                requirement = f"should have a sensor of kind {kind} {whom}, or {word} is never known"
                findings.warn(place, requirement, Plain("none"))


def _asked(rule: RuleSpec) -> set[str]:
    texts = [spec.when for spec in rule.grades] + ([rule.suppress_when] if rule.suppress_when else [])
    named = {base_of(name) for text in texts for name in operands(parse(text))}
    return {word for word in named if is_of_others(word) and "." in word}
