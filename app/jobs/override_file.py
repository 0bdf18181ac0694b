"""A proposal as ``overrides.yaml`` of a pack: what a person signs by name, and ``fengsui check`` reads."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import date
from pathlib import Path

from model.errors import FengsuiError
from model.override import GradeChange
from model.plan import Plan, RuleSpec
from model.text import Text
from pipeline.hindsight.proposals import Proposal
from rules.language import comparisons, parse

_NAME = "overrides.yaml"


def write_overrides(folder: Path, proposals: list[tuple[Proposal, Text]], plan: Plan, owner: str, since: date) -> Path:
    """Write proposals with their reasons into a folder of their own.

    Raises:
        FengsuiError: there are overrides already; what is signed is not overwritten.

    """
    path = folder / _NAME
    rules = {rule.id: rule for rule in plan.rules}
    lines = ["overrides:"]
    for proposal, reason in proposals:
        rule = rules[proposal.candidate.remedy.rule]
        lines += [f"  {line}" for line in _override(proposal, rule, reason, owner, since)]
    folder.mkdir(parents=True, exist_ok=True)
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write("\n".join(lines) + "\n")
    except FileExistsError:
        raise FengsuiError(f"{path}: is there already; name another folder, or move what is in it") from None
    return path


def _override(proposal: Proposal, rule: RuleSpec, reason: Text, owner: str, since: date) -> Iterator[str]:
    whose = "assets" if rule.assets else "tags"
    yield f"{rule.id.replace('.', '_')}_{since:%Y%m%d}:"
    yield f"  rule: {_text(rule.id)}"
    yield f"  where: {{{whose}: [{', '.join(map(_text, proposal.tags))}]}}"
    yield "  grades:"
    for change in proposal.candidate.changes:
        yield f"    {change.grade.name.lower()}: {{{_change(change, rule)}}}"
    yield f"  owner: {_text(owner)}"
    yield f"  since: {since.isoformat()}"
    yield f"  reason: {{zh: {_text(reason.zh)}, en: {_text(reason.en)}}}"


def _change(change: GradeChange, rule: RuleSpec) -> str:
    if change.on_delay_s is not None:
        return f"on_delay: {change.on_delay_s!r}"
    if change.off_delay_s is not None:
        return f"off_delay: {change.off_delay_s!r}"
    if change.deadband is not None:
        return f"deadband: {change.deadband!r}"
    (limit,) = change.limits
    spec = next(one for one in rule.grades if one.grade is change.grade)
    beside = sum(one.operand == limit.operand for one in comparisons(parse(spec.when)))
    key = limit.operand if beside == 1 else f"{limit.operand} {limit.operator}"
    return f"limits: {{{_text(key)}: {_text(f'{limit.limit!r} {limit.unit}'.rstrip())}}}"


def _text(text: str) -> str:
    """Quoted as JSON is, which is YAML as well."""
    return json.dumps(text, ensure_ascii=False)
