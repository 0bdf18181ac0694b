"""The language of conditions: text to ``Condition`` and back. A small grammar of our own, never ``eval``.

condition  = conjunction { "or" conjunction }
conjunction = term { "and" term }
term       = "not" term | "(" condition ")" | comparison
comparison = operand ( ">" | ">=" | "<" | "<=" | "==" | "!=" ) number [ unit ]
"""

from __future__ import annotations

import difflib
import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace

from model.condition import AllOf, AnyOf, Comparison, Condition, Not
from model.errors import ConditionError, UnitError
from model.unit import factor_and_offset

TEXT_LENGTH_MAX = 500
NESTING_MAX = 8
COMPARISONS_MAX = 16

#: Words that may stand for a number, because a person would write them.
_NAMED_NUMBERS = {"good": 0.0, "uncertain": 1.0, "bad": 2.0}

_KEYWORDS = frozenset({"and", "or", "not"})
_TOKEN = re.compile(
    r"\s*(?:(?P<number>[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)"
    r"|(?P<operator>>=|<=|==|!=|>|<)"
    r"|(?P<bracket>[()])"
    r"|(?P<word>[A-Za-z_%°][\w%°/.]*))"
)


def parse(text: str) -> Condition:
    """Read a condition.

    Raises:
        ConditionError: with the column and what was expected there.

    """
    if len(text) > TEXT_LENGTH_MAX:
        raise ConditionError(f"a condition may have {TEXT_LENGTH_MAX} characters, got {len(text)}")
    reader = _Reader(text)
    condition = reader.condition(0)
    reader.expect_end()
    count = sum(1 for _ in comparisons(condition))
    if count > COMPARISONS_MAX:
        raise ConditionError(f"a condition may have {COMPARISONS_MAX} comparisons, got {count}")
    return condition


def resolve(condition: Condition, units: Mapping[str, str]) -> Condition:
    """Convert every limit to its operand's unit.

    Args:
        condition: as parsed.
        units: operand -> unit, for all operands that may be named.

    Raises:
        ConditionError: an operand is unknown or a unit does not fit.

    """
    match condition:
        case Comparison():
            return _resolve_comparison(condition, units)
        case AllOf(parts):
            return AllOf(tuple(resolve(part, units) for part in parts))
        case AnyOf(parts):
            return AnyOf(tuple(resolve(part, units) for part in parts))
        case Not(part):
            return Not(resolve(part, units))


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
        case Comparison(operand, operator, limit, unit):
            return f"{operand} {operator} {_number_text(limit)} {unit}".rstrip()
        case AllOf(parts):
            return " and ".join(_bracketed(part, AnyOf, AllOf) for part in parts)
        case AnyOf(parts):
            return " or ".join(_bracketed(part, AnyOf) for part in parts)
        case Not(part):
            return f"not {_bracketed(part, AnyOf, AllOf)}"


def _number_text(number: float) -> str:
    """As short as a person would write it, and never another number."""
    short = f"{number:g}"
    return short if float(short) == number else repr(number)


def _bracketed(part: Condition, *kinds: type) -> str:
    return f"({render(part)})" if isinstance(part, kinds) else render(part)


def _resolve_comparison(comparison: Comparison, units: Mapping[str, str]) -> Comparison:
    if comparison.operand not in units:
        near = difflib.get_close_matches(comparison.operand, units, n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"known are {', '.join(sorted(units))}"
        raise ConditionError(f"operand {comparison.operand!r} is not known here; {hint}")
    unit = units[comparison.operand]
    if not comparison.unit:
        return replace(comparison, unit=unit)
    try:
        factor, offset = factor_and_offset(comparison.unit, unit)
    except UnitError as error:
        raise ConditionError(f"{comparison.operand} is in {unit or 'plain numbers'}: {error}") from error
    return replace(comparison, limit=comparison.limit * factor + offset, unit=unit)


class _Reader:
    """Recursive descent over the tokens of one condition."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._tokens = list(self._tokenise(text))
        self._at = 0

    @staticmethod
    def _tokenise(text: str) -> Iterator[tuple[str, str, int]]:
        position = 0
        while text[position:].strip():
            found = _TOKEN.match(text, position)
            if found is None:
                rest = text[position:].lstrip()
                raise ConditionError(f"column {len(text) - len(rest) + 1}: nothing can begin with {rest[0]!r}")
            kind = str(found.lastgroup)
            yield kind, found.group(kind), found.start(kind) + 1
            position = found.end()

    def _peek(self) -> tuple[str, str, int]:
        if self._at < len(self._tokens):
            return self._tokens[self._at]
        return "end", "the end", len(self._text) + 1

    def _accept(self, kind: str, text: str | None = None) -> str | None:
        found_kind, found, _ = self._peek()
        if found_kind != kind or (text is not None and found != text):
            return None
        self._at += 1
        return found

    def _refuse(self, expected: str) -> ConditionError:
        _, found, column = self._peek()
        return ConditionError(f"column {column}: expected {expected}, got {found!r} in {self._text!r}")

    def expect_end(self) -> None:
        if self._peek()[0] != "end":
            raise self._refuse("and, or, or the end")

    def condition(self, depth: int) -> Condition:
        parts = [self._conjunction(depth)]
        while self._accept("word", "or"):
            parts.append(self._conjunction(depth))
        return parts[0] if len(parts) == 1 else AnyOf(tuple(parts))

    def _conjunction(self, depth: int) -> Condition:
        parts = [self._term(depth)]
        while self._accept("word", "and"):
            parts.append(self._term(depth))
        return parts[0] if len(parts) == 1 else AllOf(tuple(parts))

    def _term(self, depth: int) -> Condition:
        if depth > NESTING_MAX:
            raise self._refuse(f"at most {NESTING_MAX} levels of brackets and nots")
        if self._accept("word", "not"):
            return Not(self._term(depth + 1))
        if self._accept("bracket", "("):
            inner = self.condition(depth + 1)
            if not self._accept("bracket", ")"):
                raise self._refuse("a closing bracket")
            return inner
        return self._comparison()

    def _comparison(self) -> Comparison:
        kind, operand, _ = self._peek()
        if kind != "word" or operand in _KEYWORDS:
            raise self._refuse("an operand such as value")
        self._at += 1
        operator = self._accept("operator")
        if operator is None:
            raise self._refuse("one of > >= < <= == !=")
        limit = self._number()
        kind, unit, _ = self._peek()
        if kind == "word" and unit not in _KEYWORDS:
            self._at += 1
        else:
            unit = ""
        return Comparison(operand, operator, limit, unit)

    def _number(self) -> float:
        kind, text, _ = self._peek()
        if kind == "number" and math.isfinite(float(text)):
            self._at += 1
            return float(text)
        if kind == "word" and text in _NAMED_NUMBERS:
            self._at += 1
            return _NAMED_NUMBERS[text]
        raise self._refuse("a finite number")
