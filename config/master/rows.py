"""Rows of the master alarm database, from a plan: the fields of a rationalisation record (IEC 62682)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from model.override import Override, Where
from model.plan import GradeSpec, Plan, Rationale, RuleSpec
from model.text import Text
from rules.selection import Selection
from rules.variants import Variant, as_packed, overridden

Cell: TypeAlias = str | float
Row: TypeAlias = dict[str, Cell]  # by the name of the column; every column is there


@dataclass(frozen=True, slots=True)
class Column:
    """A column and what it is for.

    ``key``: which row it is; ``shown``: not to be changed; ``setting``: what readings are judged by; ``words``: of the
    rule, for people; ``change``: who changes a setting and why.
    """

    name: str
    label: Text
    use: Literal["key", "shown", "setting", "words", "change"]
    is_number: bool = False


COLUMNS = (
    Column("rule", Text("规则", "Rule"), "key"),
    Column("grade", Text("等级", "Grade"), "key"),
    Column("tag", Text("位号（空：整条规则）", "Tag (empty: the whole rule)"), "key"),
    Column("name_zh", Text("名称（中）", "Name (zh)"), "shown"),
    Column("name_en", Text("名称（英）", "Name (en)"), "shown"),
    Column("concerns", Text("对象", "Concerns"), "shown"),
    Column("where", Text("选择", "Where"), "shown"),
    Column("priority", Text("优先级（1 最高）", "Priority (1 = highest)"), "shown", is_number=True),
    Column("condition", Text("条件", "Condition"), "setting"),
    Column("off", Text("停用（yes/no）", "Off (yes/no)"), "setting"),
    Column("on_delay_s", Text("报警延时（秒）", "On-delay (s)"), "setting", is_number=True),
    Column("off_delay_s", Text("恢复延时（秒）", "Off-delay (s)"), "setting", is_number=True),
    Column("deadband", Text("回差", "Deadband"), "setting", is_number=True),
    Column("latching", Text("锁存", "Latching"), "shown"),
    Column("suppression", Text("抑制条件", "Suppression"), "shown"),
    Column("overrides", Text("现场调整", "Overrides"), "shown"),
    Column("cause_zh", Text("原因（中）", "Cause (zh)"), "words"),
    Column("cause_en", Text("原因（英）", "Cause (en)"), "words"),
    Column("consequence_zh", Text("不处置的后果（中）", "Consequence (zh)"), "words"),
    Column("consequence_en", Text("不处置的后果（英）", "Consequence (en)"), "words"),
    Column("respond_within_s", Text("须在此时间内处置（秒）", "Respond within (s)"), "words", is_number=True),
    Column("response_zh", Text("处置（中）", "Response (zh)"), "words"),
    Column("response_en", Text("处置（英）", "Response (en)"), "words"),
    Column("owner", Text("负责人", "Owner"), "words"),
    Column("approved", Text("批准", "Approval"), "words"),
    Column("source_zh", Text("依据（中）", "Source (zh)"), "shown"),
    Column("source_en", Text("依据（英）", "Source (en)"), "shown"),
    Column("change_by", Text("调整人", "Changed by"), "change"),
    Column("change_since", Text("自（日期）", "From (day)"), "change"),
    Column("change_until", Text("至（日期，可空）", "Until (day, or empty)"), "change"),
    Column("change_reason", Text("调整原因", "Reason of the change"), "change"),
)
BY_NAME = {column.name: column for column in COLUMNS}


def rows_of(plan: Plan, *, sensors: bool = False) -> Iterator[Row]:
    """A row for every rule and grade as the packs have it, and with ``sensors`` one for each sensor or asset, too."""
    selection = Selection(plan)
    for rule in plan.rules:
        yield from _of_rule(rule, as_packed(rule), "")
        for tag, variant in settings_by_tag(plan, rule, selection) if sensors else ():
            yield from _of_rule(rule, variant, tag)


def settings_by_tag(
    plan: Plan, rule: RuleSpec, selection: Selection, wall_ns: int | None = None
) -> Iterator[tuple[str, Variant]]:
    """What each sensor or asset that a rule judges has, by the overrides of a time; None = by all of them."""
    own = [one for one in plan.overrides if one.rule == rule.id and (wall_ns is None or one.in_force(wall_ns))]
    choose = selection.assets if rule.assets else selection.sensors
    concerned: dict[int, list[Override]] = {}
    for override in own:
        for index in choose(override.where):
            concerned.setdefault(index, []).append(override)
    plain, made = as_packed(rule), dict[tuple[str, ...], Variant]()
    for index in choose(rule.where or Where()):
        kind = plan.assets[index].kind if rule.assets else plan.sensors[index].kind
        if kind not in (rule.assets or rule.kinds):
            continue
        together = concerned.get(index, [])
        key = tuple(one.id for one in together)
        if together and key not in made:
            made[key] = overridden(rule, together)
        yield plan.assets[index].id if rule.assets else plan.sensors[index].tag, made.get(key, plain)


def _of_rule(rule: RuleSpec, variant: Variant, tag: str) -> Iterator[Row]:
    rationale = {one.grade: one for one in rule.rationale}
    advice = {card.grade: card.text for card in rule.advice}
    for spec, off in zip(variant.grades, variant.off, strict=True):
        row: Row = {column.name: "" for column in COLUMNS}
        row |= _settings(rule, spec, variant, off=off)
        row["tag"] = tag
        if not tag:
            row |= _words(rule, rationale.get(spec.grade, Rationale(spec.grade)), advice.get(spec.grade))
        yield row


def _settings(rule: RuleSpec, spec: GradeSpec, variant: Variant, *, off: bool) -> Row:
    return {
        "rule": rule.id,
        "grade": spec.grade.name.lower(),
        "name_zh": rule.name.zh,
        "name_en": rule.name.en,
        "concerns": ", ".join(rule.assets or rule.kinds),
        "where": "" if rule.where is None else where_text(rule.where),
        "priority": float(5 - spec.grade),
        "condition": spec.when,
        "off": "yes" if off else "no",
        "on_delay_s": spec.on_delay_s,
        "off_delay_s": spec.off_delay_s,
        "deadband": spec.deadband,
        "latching": "yes" if rule.latching else "no",
        "suppression": str(getattr(rule, "suppress_when", "") or ""),
        "overrides": ", ".join(variant.overrides),
        "source_zh": variant.source.zh,
        "source_en": variant.source.en,
    }


def _words(rule: RuleSpec, rationale: Rationale, response: Text | None) -> Row:
    within_s = rationale.respond_within_s
    return {
        "cause_zh": rationale.cause.zh if rationale.cause else "",
        "cause_en": rationale.cause.en if rationale.cause else "",
        "consequence_zh": rationale.consequence.zh if rationale.consequence else "",
        "consequence_en": rationale.consequence.en if rationale.consequence else "",
        "respond_within_s": "" if within_s is None else within_s,
        "response_zh": response.zh if response else "",
        "response_en": response.en if response else "",
        "owner": rule.owner,
        "approved": rule.approved,
    }


def where_text(where: Where) -> str:
    """For people: ``site north; label duty = feed``."""
    parts: list[tuple[str, Sequence[str]]] = [
        ("tag", where.tags),
        ("asset", where.assets),
        ("site", where.sites),
        ("enterprise", where.enterprises),
        ("grid cell", where.grid_cells),
        *((f"label {key} =", values) for key, values in where.labels),
    ]
    return "; ".join(f"{name} {', '.join(values)}" for name, values in parts if values)
