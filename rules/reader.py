"""Recursive descent over the text of a condition; the grammar stands in ``rules.language``."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator

from model.condition import AllOf, AnyOf, Comparison, Condition, Not
from model.errors import ConditionError
from rules.operands import FUNCTIONS, GROUPED, HELD, SPAN_NS, TALLIES, Call, is_of_others

NESTING_MAX = 8
SPAN_MAX_NS = 31 * SPAN_NS["d"]

#: Words that may stand for a number, because a person would write them.
_NAMED_NUMBERS = {"good": 0.0, "uncertain": 1.0, "bad": 2.0}

KEYWORDS = frozenset({"and", "or", "not"})
_TOKEN = re.compile(
    r"\s*(?:(?P<number>[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)"
    r"|(?P<operator>>=|<=|==|!=|>|<)"
    r"|(?P<bracket>[()])"
    r"|(?P<comma>,)"
    r"|(?P<word>[A-Za-z_%°][\w%°/.]*))"
)


class Reader:
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
        operand = self._operand()
        return self._compared(operand)

    def _operand(self) -> str:
        word = self._word()
        if not self._accept("bracket", "("):
            return word
        return str(self._call(word))

    def _word(self) -> str:
        kind, word, _ = self._peek()
        if kind != "word" or word in KEYWORDS:
            raise self._refuse("an operand such as value")
        self._at += 1
        return word

    def call(self) -> Call:
        """A whole call, from its function on."""
        function = self._word()
        if not self._accept("bracket", "("):
            raise self._refuse("an opening bracket")
        return self._call(function)

    def _call(self, function: str) -> Call:
        """What stands behind the bracket that opened."""
        if function not in FUNCTIONS:
            self._at -= 2
            raise self._refuse(f"one of the functions {', '.join(FUNCTIONS)}")
        word = self._word()
        argument: str | Comparison = word
        if function in TALLIES or function == HELD:
            argument = self._compared(word)
        of_others = is_of_others(word)
        if of_others and function not in GROUPED | TALLIES:
            raise self._refuse(f"in {function}() readings of the sensor itself, not of others")
        span_ns = 0
        if function != HELD and (not of_others or function in TALLIES):
            if self._accept("comma"):
                span_ns = self._duration()
            elif not of_others:
                raise self._refuse("a comma and a duration such as 10 min")
        if not self._accept("bracket", ")"):
            raise self._refuse("a closing bracket")
        return Call(function, argument, span_ns)

    def _duration(self) -> int:
        number = self._accept("number")
        unit = self._accept("word") if number is not None else None
        span_ns = round(float(number) * SPAN_NS[unit]) if number is not None and unit in SPAN_NS else 0
        if not 0 < span_ns <= SPAN_MAX_NS:
            raise self._refuse("a duration such as 10 min, of at most 31 d")
        return span_ns

    def _compared(self, operand: str) -> Comparison:
        operator = self._accept("operator")
        if operator is None:
            raise self._refuse("one of > >= < <= == !=")
        kind, word, _ = self._peek()
        if operator in {"==", "!="} and kind == "word" and word not in KEYWORDS | _NAMED_NUMBERS.keys():
            self._at += 1
            return Comparison(operand, operator, 0.0, word=word)
        limit = self._number()
        kind, unit, _ = self._peek()
        if kind == "word" and unit not in KEYWORDS:
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
