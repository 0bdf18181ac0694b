"""Operands that are more than a word: a function of a sensor's own readings in a window, or of other sensors.

An operand goes by its canonical text everywhere, such as ``mean(value, 10 min)``; ``rules.language.call_of`` says
what that means.

own readings:   mean min max rate change ( SERIES , DURATION ), count share ( TEST , DURATION ), held ( TEST )
other sensors:  max min mean ( GROUP ), count share ( TEST ON GROUP [ , DURATION ] )
"""

from __future__ import annotations

from dataclasses import dataclass

from model.condition import Comparison

#: Of numbers in a window, and of the numbers that other sensors show.
WINDOWED = frozenset({"mean", "min", "max", "rate", "change"})
GROUPED = frozenset({"mean", "min", "max"})
#: Of a comparison: how many, which share of all, for how long.
TALLIES = frozenset({"count", "share"})
HELD = "held"
FUNCTIONS = tuple(sorted(WINDOWED | TALLIES | {HELD}))

#: Words that say whose reading it is; the kind stands behind the point.
_OTHERS = ("asset.", "site.")
#: The operating mode of the asset.
MODE = "mode"
#: What the calendar says at the time of the reading, in the zone of the plan.
HOUR, WEEKDAY, WORKDAY = "hour", "weekday", "workday"
CALENDAR = frozenset({HOUR, WEEKDAY, WORKDAY})
_DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
WEEKDAYS = {name: float(number) for number, name in enumerate(_DAYS, 1)}

#: Longest window on a sensor's own readings, in its scan periods: so many are kept. A longer one is for a detector.
PERIODS_MAX = 1000

SPAN_NS = {"d": 86_400 * 10**9, "h": 3_600 * 10**9, "min": 60 * 10**9, "s": 10**9, "ms": 10**6}


@dataclass(frozen=True, slots=True)
class Call:
    """A function and what it is of."""

    function: str
    argument: str | Comparison  # an operand that is a word, or a comparison of one
    span_ns: int = 0  # 0 = none

    @property
    def base(self) -> str:
        return self.argument.operand if isinstance(self.argument, Comparison) else self.argument

    def __str__(self) -> str:
        argument = self.argument if isinstance(self.argument, str) else comparison_text(self.argument)
        return f"{self.function}({argument}{f', {span_text(self.span_ns)}' if self.span_ns else ''})"


def is_of_others(word: str) -> bool:
    """Whether a word stands for readings of other sensors of the asset or site."""
    return word == MODE or word.startswith(_OTHERS)


def comparison_text(comparison: Comparison) -> str:
    limit = comparison.word or number_text(comparison.limit)
    return f"{comparison.operand} {comparison.operator} {limit} {comparison.unit}".rstrip()


def number_text(number: float) -> str:
    """As short as a person would write it, and never another number."""
    short = f"{number:g}"
    return short if float(short) == number else repr(number)


def span_text(span_ns: int) -> str:
    unit, size = next((unit, size) for unit, size in SPAN_NS.items() if span_ns % size == 0)
    return f"{span_ns // size} {unit}"
