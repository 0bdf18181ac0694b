"""The language of conditions: text to ``Condition`` and back. A small grammar of our own, never ``eval``.

condition   = conjunction { "or" conjunction }
conjunction = term { "and" term }
term        = "not" term | "(" condition ")" | comparison
comparison  = operand ( ">" | ">=" | "<" | "<=" | "==" | "!=" ) ( number [ unit ] | state )
operand     = word | function "(" ( word | word-comparison ) [ "," duration ] ")"
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import lru_cache

from model.condition import AllOf, AnyOf, Comparison, Condition, Not
from model.errors import ConditionError, UnitError
from model.unit import factor_and_offset
from rules.operands import (
    HELD,
    TALLIES,
    WEEKDAY,
    Call,
    comparison_text,
    is_of_others,
    number_text,
)
from rules.reader import NESTING_MAX, Reader

__all__ = ["NESTING_MAX", "call_of", "comparisons", "operands", "parse", "render", "resolve", "source_of"]

TEXT_LENGTH_MAX = 500
COMPARISONS_MAX = 16

States = Mapping[str, Mapping[str, float]]


def parse(text: str) -> Condition:
    """Read a condition.

    Raises:
        ConditionError: with the column and what was expected there.

    """
    if len(text) > TEXT_LENGTH_MAX:
        raise ConditionError(f"a condition may have {TEXT_LENGTH_MAX} characters, got {len(text)}")
    reader = Reader(text)
    condition = reader.condition(0)
    reader.expect_end()
    count = sum(1 for _ in comparisons(condition))
    if count > COMPARISONS_MAX:
        raise ConditionError(f"a condition may have {COMPARISONS_MAX} comparisons, got {count}")
    return condition


@lru_cache(maxsize=4096)
def call_of(operand: str) -> Call | None:
    """What the canonical text of an operand means; None = it is a word."""
    if "(" not in operand:
        return None
    reader = Reader(operand)
    call = reader.call()
    reader.expect_end()
    return call


def base_of(operand: str) -> str:
    """The word that an operand is of; itself, where it is a word."""
    call = call_of(operand)
    return operand if call is None else call.base


def source_of(operand: str) -> str:
    """What an operand rests on: a detector, ``value`` ..., or readings of others."""
    base = base_of(operand)
    return base if is_of_others(base) else base.partition(".")[0]


def resolve(condition: Condition, units: Mapping[str, str], states: States | None = None) -> Condition:
    """Convert every limit to its operand's unit.

    Args:
        condition: as parsed.
        units: operand -> unit, for all operands that may be named.
        states: operand -> number by the name of the state, for those whose values have names.

    Raises:
        ConditionError: an operand or a state is unknown, or a unit or a function does not fit.

    """
    match condition:
        case Comparison():
            return _resolve_comparison(condition, units, states or {})
        case AllOf(parts):
            return AllOf(tuple(resolve(part, units, states) for part in parts))
        case AnyOf(parts):
            return AnyOf(tuple(resolve(part, units, states) for part in parts))
        case Not(part):
            return Not(resolve(part, units, states))


def comparisons(condition: Condition) -> Iterator[Comparison]:
    match condition:
        case Comparison():
            yield condition
        case AllOf(parts) | AnyOf(parts):
            for part in parts:
                yield from comparisons(part)
        case Not(part):
            yield from comparisons(part)


def operands(condition: Condition) -> set[str]:
    return {comparison.operand for comparison in comparisons(condition)}


def render(condition: Condition) -> str:
    """Canonical text; ``parse(render(c)) == c`` for every condition that ``parse`` gives."""
    match condition:
        case Comparison():
            return comparison_text(condition)
        case AllOf(parts):
            return " and ".join(_bracketed(part, AnyOf, AllOf) for part in parts)
        case AnyOf(parts):
            return " or ".join(_bracketed(part, AnyOf) for part in parts)
        case Not(part):
            return f"not {_bracketed(part, AnyOf, AllOf)}"


def _bracketed(part: Condition, *kinds: type) -> str:
    return f"({render(part)})" if isinstance(part, kinds) else render(part)


def _resolve_comparison(comparison: Comparison, units: Mapping[str, str], states: States) -> Comparison:
    call = call_of(comparison.operand)
    if call is None:
        return _in_unit(comparison, _unit_of(comparison.operand, units), states.get(comparison.operand))
    unit = _unit_of(call.base, units)
    names = states.get(call.base)
    if isinstance(call.argument, Comparison):
        call = replace(call, argument=_in_unit(call.argument, unit, names))
        unit = "s" if call.function == HELD else "1" if call.function == "share" else ""
    elif names is not None:
        raise ConditionError(
            f"{call.base} has states, not numbers, so {call.function}() means nothing for it; "
            f"{', '.join(sorted(TALLIES))} and {HELD} do"
        )
    elif call.function == "rate":
        unit = f"{unit}/min"
    difference = call.function == "change"
    return _in_unit(replace(comparison, operand=str(call)), unit, None, difference=difference)


def _unit_of(word: str, units: Mapping[str, str]) -> str:
    if word in units:
        return units[word]
    near = difflib.get_close_matches(word, units, n=1)
    hint = f"did you mean {near[0]!r}?" if near else f"known are {_listed(units)}"
    raise ConditionError(f"operand {word!r} is not known here; {hint}")


def _listed(units: Mapping[str, str]) -> str:
    """Of the kinds of other sensors only that they can be named."""
    own = sorted(name for name in units if not is_of_others(name) or "." not in name)
    return ", ".join(
        own + [f"{whose}.KIND" for whose in ("asset", "site") if any(n.startswith(f"{whose}.") for n in units)]
    )


def _in_unit(
    comparison: Comparison, unit: str, names: Mapping[str, float] | None, *, difference: bool = False
) -> Comparison:
    """The comparison with its limit in the operand's unit; the limit of a difference knows no zero point."""
    if comparison.word or names is not None:
        return replace(comparison, limit=_state(comparison, names), unit=unit, word="")
    if not comparison.unit:
        return replace(comparison, unit=unit)
    try:
        factor, offset = factor_and_offset(comparison.unit, unit)
    except UnitError as error:
        raise ConditionError(f"{comparison.operand} is in {unit or 'plain numbers'}: {error}") from error
    limit = comparison.limit * factor + (0.0 if difference else offset)
    return replace(comparison, limit=limit, unit=unit)


def _state(comparison: Comparison, names: Mapping[str, float] | None) -> float:
    """The number of a state, by its name or as it is."""
    operand, word = comparison.operand, comparison.word
    if names is None:
        raise ConditionError(f"{operand} is a number, and {word!r} is none")
    if word and word not in names:
        near = difflib.get_close_matches(word, names, n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"known are {', '.join(names)}"
        raise ConditionError(f"{word!r} is no state of {operand}; {hint}")
    if operand == WEEKDAY:
        if comparison.unit:
            raise ConditionError(f"{operand} is in plain numbers, got {comparison.unit!r}")
        return names[word] if word else comparison.limit
    if comparison.operator not in {"==", "!="}:
        raise ConditionError(
            f"{operand} has states, which have no order: compare it by == or != with {', '.join(names)}"
        )
    if word:
        return names[word]
    if comparison.unit or comparison.limit not in names.values():
        given = f"{number_text(comparison.limit)} {comparison.unit}".rstrip()
        raise ConditionError(f"{operand} must be one of {', '.join(names)}, got {given!r}")
    return comparison.limit
