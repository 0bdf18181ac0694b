"""What people changed in a sheet, and the folder of YAML that says the same: a proposal, for a person to take up."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

from config.findings import Findings, Plain, one_of
from config.master.rows import BY_NAME, Cell, Row
from config.master.table import Given
from model.condition import Condition
from model.errors import ConditionError
from model.override import LimitChange
from rules.language import comparisons, parse, render
from rules.variants import with_limits


@dataclass(frozen=True, slots=True)
class Difference:
    """One cell that was changed."""

    place: str
    rule: str
    grade: str
    tag: str
    column: str
    before: Cell
    after: Cell


@dataclass(frozen=True, slots=True)
class Defaults:
    """Who changed settings, from which day and why, where the sheet does not say so."""

    by: str = ""
    since: str = ""
    reason: str = ""


@dataclass(slots=True)
class Proposal:
    """What was changed. ``settings``: rule and tag -> who, when, why -> grade -> setting -> YAML."""

    differences: list[Difference] = field(default_factory=list)
    settings: dict[tuple[str, str], dict[tuple[str, ...], dict[str, dict[str, str]]]] = field(default_factory=dict)
    words: dict[str, dict[str, dict[str, Cell]]] = field(default_factory=dict)  # rule -> grade -> column -> cell


def compare(given: Sequence[Given], rows: Iterable[Row], defaults: Defaults, findings: Findings) -> Proposal:
    """Hold rows that came back against those that are now.

    Args:
        given: from the sheet; rows that it lacks stay as they are.
        rows: as they would be written now.
        defaults: for changes of settings.
        findings: gets what cannot be.

    """
    wanted = {_key(one.row) for one in given}
    now = {key: row for row in rows if (key := _key(row)) in wanted or not row["tag"]}
    seen: dict[tuple[Cell, ...], Given] = {}
    proposal = Proposal()
    for one in given:
        key = _key(one.row)
        if key not in now:
            _unknown(one, now, findings)
        elif seen.setdefault(key, one) is not one:
            findings.error(one.place(), f"must be there once, first in row {seen[key].number}", " ".join(map(str, key)))
        else:
            _compare_row(one, now[key], defaults, proposal, findings)
    return proposal


def _key(row: Row) -> tuple[Cell, ...]:
    return row["rule"], row["grade"], row["tag"]


def _unknown(one: Given, now: Mapping[tuple[Cell, ...], Row], findings: Findings) -> None:
    rule, grade, tag = (str(part) for part in _key(one.row))
    rules = {str(key[0]) for key in now}
    grades = [str(key[1]) for key in now if key[0] == rule and not key[2]]
    if rule not in rules:
        findings.error(one.place("rule"), f"must be a rule that there is; {one_of(rules, rule)}", rule)
    elif grade not in grades:
        findings.error(one.place("grade"), f"must be a grade of {rule}, which has {', '.join(grades)}", grade)
    else:
        findings.error(one.place("tag"), f"must be a sensor or asset that {rule} judges, or empty", tag)


def _compare_row(one: Given, now: Row, defaults: Defaults, proposal: Proposal, findings: Findings) -> None:
    settings: dict[str, str] = {}
    for name in one.columns:
        use, before, after = BY_NAME[name].use, now[name], one.row[name]
        if use in ("key", "change") or before == after:
            continue
        if use == "shown" or (use == "words" and now["tag"]):
            requirement = "must stay as it is" if use == "shown" else "must stay empty: words are the whole rule's"
            findings.error(one.place(name), f"{requirement} ({before!r})", after)
            continue
        if use == "setting":
            said = _setting(one, name, (before, after), findings)
            if not said:
                continue
            settings |= said
        else:
            _word(one, name, proposal, findings)
        key = (str(now["rule"]), str(now["grade"]), str(now["tag"]))
        proposal.differences.append(Difference(one.place(name).key, *key, name, before, after))
    if settings:
        who = _who(one, defaults, findings)
        if "off" in settings and len(settings) > 1:
            findings.error(one.place("off"), "must be off alone, or change something", "yes")
        by_who = proposal.settings.setdefault((str(now["rule"]), str(now["tag"])), {})
        by_who.setdefault(who, {})[str(now["grade"])] = settings


def _word(one: Given, name: str, proposal: Proposal, findings: Findings) -> None:
    """Words for people; a text comes in both languages, and owner and approval are the same for all grades."""
    rule, grade = str(one.row["rule"]), str(one.row["grade"])
    stem, _, language = name.rpartition("_")
    names = (f"{stem}_zh", f"{stem}_en") if language in ("zh", "en") else (name,)
    for needed in names:
        if one.row[needed] == "":
            findings.error(one.place(needed), "must not be empty where its row gives words", Plain("nothing"))
    if name in ("owner", "approved"):
        for other in proposal.words.get(rule, {}).values():
            if other.get(name, one.row[name]) != one.row[name]:
                findings.error(one.place(name), f"must be the same in all rows of {rule}", one.row[name])
    cells = proposal.words.setdefault(rule, {}).setdefault(grade, {})
    cells |= {needed: one.row[needed] for needed in names}


def _setting(one: Given, name: str, cells: tuple[Cell, Cell], findings: Findings) -> dict[str, str] | None:
    """Setting -> YAML."""
    before, after = cells
    place = one.place(name)
    if name == "condition":
        return _limits(one, str(before), str(after), findings)
    if name == "off":
        if after == "yes":
            return {"off": "true"}
        findings.error(place, "must be yes; to turn it on again, take its override out", after)
        return None
    if not isinstance(after, float) or after < 0:
        findings.error(place, "must be a number from 0", after if after != "" else Plain("nothing"))
        return None
    key = name.removesuffix("_s")
    return {key: f"{after!r} s" if name.endswith("_s") else repr(after)}


def _limits(one: Given, before: str, after: str, findings: Findings) -> dict[str, str] | None:
    """The limits that differ; another condition cannot be had by an override."""
    place = one.place("condition")
    try:
        old, new = parse(before), parse(after)
    except ConditionError as error:
        findings.error(place, f"must be a condition: {error}", after)
        return None
    pairs = list(zip(comparisons(old), comparisons(new), strict=False))
    if _without_limits(old) != _without_limits(new):
        findings.error(place, f"may have other limits only ({before!r}); for another condition write a rule", after)
        return None
    changed = {
        f"{is_now.operand} {is_now.operator}": f"{is_now.limit!r} {is_now.unit}".rstrip()
        for was, is_now in pairs
        if (was.limit, was.unit) != (is_now.limit, is_now.unit)
    }
    for was, is_now in pairs:
        meant = changed.get(f"{was.operand} {was.operator}")
        if meant is not None and meant != f"{is_now.limit!r} {is_now.unit}".rstrip():
            requirement = "must have one limit for all comparisons of an operand by the same operator"
            findings.error(place, requirement, after)
            return None
    if not changed:
        return {}
    return {"limits": "{" + ", ".join(f"{json.dumps(k)}: {json.dumps(v)}" for k, v in changed.items()) + "}"}


def _without_limits(condition: Condition) -> str:
    """The shape of a condition."""
    flat = condition
    for one in set(comparisons(condition)):
        flat = with_limits(flat, [LimitChange(one.operand, 0.0, "", one.operator)])
    return render(flat)


def _who(one: Given, defaults: Defaults, findings: Findings) -> tuple[str, ...]:
    """By whom, since, until, why."""
    row = one.row
    found = {
        "change_by": str(row["change_by"] or defaults.by),
        "change_since": str(row["change_since"] or defaults.since),
        "change_reason": str(row["change_reason"] or defaults.reason),
    }
    for name, option in (("change_by", "--by"), ("change_reason", "--reason"), ("change_since", "--since")):
        if not found[name]:
            requirement = f"must say in {name} {_ASKED[name]}, as settings of this row change; or give {option} for all"
            findings.error(one.place(name), requirement, Plain("nothing"))
    until = str(row["change_until"])
    for name, text in (("change_since", found["change_since"]), ("change_until", until)):
        try:
            date.fromisoformat(text or "2000-01-01")
        except ValueError:
            findings.error(one.place(name), "must be a day such as 2027-05-31", text)
    return found["change_by"], found["change_since"], until, found["change_reason"]


_ASKED = {"change_by": "who changes it", "change_reason": "why", "change_since": "from which day"}


def write_proposal(folder: Path, proposal: Proposal, taken: Iterable[str], on_assets: frozenset[str]) -> list[Path]:
    """Write what was changed as files of a pack; returns them.

    Args:
        folder: that exists, and is empty.
        proposal: with something in it.
        taken: ids of overrides that there are.
        on_assets: ids of the rules on whole assets.

    """
    written = []
    if proposal.settings:
        written.append(folder / "overrides.yaml")
        lines = "".join(_overrides(proposal, frozenset(taken), on_assets))
        written[-1].write_text(f"overrides:\n{lines}", encoding="utf-8")
    if proposal.words:
        written.append(folder / "rationale.yaml")
        written[-1].write_text(f"rationale:\n{''.join(_rationale(proposal.words))}", encoding="utf-8")
    return written


def _overrides(proposal: Proposal, taken: frozenset[str], on_assets: frozenset[str]) -> Iterator[str]:
    """One override for all sensors of which the same is said."""
    together: dict[tuple[str, tuple[str, ...], str], list[str]] = {}
    for (rule, tag), by_who in proposal.settings.items():
        for who, grades in by_who.items():
            said = "".join(
                f"      {grade}: {{{', '.join(f'{key}: {value}' for key, value in settings.items())}}}\n"
                for grade, settings in grades.items()
            )
            together.setdefault((rule, who, said), []).append(tag or "*")
    number = 0
    for (rule, (by, since, until, reason), said), tags in together.items():
        number += 1
        while (name := f"from_sheet_{number}") in taken:
            number += 1
        whom = "assets" if rule in on_assets else "tags"
        yield f"  {name}:\n    rule: {rule}\n    where: {{{whom}: {json.dumps(tags, ensure_ascii=False)}}}\n"
        yield f"    grades:\n{said}    owner: {_quoted(by)}\n    since: {since}\n"
        yield f"    until: {until}\n" if until else ""
        yield f"    reason: {_quoted(reason)}\n"


def _rationale(words: Mapping[str, Mapping[str, Mapping[str, Cell]]]) -> Iterator[str]:
    for rule, grades in words.items():
        yield f"  {rule}:\n"
        for name in ("owner", "approved"):
            said = {cells[name] for cells in grades.values() if name in cells}
            if said:
                yield f"    {name}: {_quoted(str(said.pop()))}\n"
        own = {grade: "".join(_of_grade(cells)) for grade, cells in grades.items()}
        if any(own.values()):
            yield "    grades:\n"
        for grade, lines in own.items():
            yield f"      {grade}:\n{lines}" if lines else ""


def _of_grade(cells: Mapping[str, Cell]) -> Iterator[str]:
    for name in ("cause", "consequence", "response"):
        if f"{name}_zh" in cells or f"{name}_en" in cells:
            both = ", ".join(f"{lang}: {_quoted(str(cells.get(f'{name}_{lang}', '')))}" for lang in ("zh", "en"))
            yield f"        {name}: {{{both}}}\n"
    if "respond_within_s" in cells:
        yield f"        respond_within: {cells['respond_within_s']!r} s\n"


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)
