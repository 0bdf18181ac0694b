"""What judging brings about: a change of one rule's level on one sensor or asset, with what it rests on."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from model.condition import Comparison
from model.explanation import Explanation
from pipeline.process.bound_rule import BoundRule
from rules.grading import Changes
from rules.variants import Variant

Columns = Mapping[str, NDArray[np.float64]]

#: Operands that every reading has; whatever else a condition names is a score.
OF_READINGS = frozenset({"value", "quality"})


@dataclass(frozen=True, slots=True)
class About:
    """Whom a change concerns."""

    tag: str  # of the sensor; of a whole asset its id
    asset: str
    unit: str
    offline_ns: int  # age at receipt from which it is news about the past
    sensors: tuple[int, ...]  # whose last readings are shown


@dataclass(frozen=True, slots=True)
class Facts:
    """What was known where a level changed: the scores that are shown, and what explains them, by detector."""

    scores: dict[str, float]
    explanations: dict[str, Explanation]


@dataclass(frozen=True, slots=True)
class LevelChange:
    """One alarm level that changed."""

    row: int  # in the batch that was judged; -1 = by the passing of time
    rule: BoundRule
    about: About
    before: int
    after: int
    time_ns: int
    since_ns: int
    value: float
    quality: int
    facts: Facts
    margin: float | None
    judged_by: Variant
    chattering: bool


@dataclass(frozen=True, slots=True)
class SuppressionChange:
    """A rule's alarms on one sensor begin to be suppressed by design, or cease to be."""

    row: int  # in the batch that was judged; -1 = by a tick
    rule: BoundRule
    about: About
    on: bool
    time_ns: int
    unknown: bool = False  # it ends because for too long nothing was known

    @property
    def text(self) -> str:
        """The condition."""
        return self.rule.spec.suppress_when


Change: TypeAlias = LevelChange | SuppressionChange


def in_order(changes: Iterable[Change]) -> list[Change]:
    """By row and rule; of one row, what is suppressed comes first, so that what it raises is hidden already."""
    return sorted(changes, key=lambda one: (one.row, isinstance(one, LevelChange), one.rule.order))


def changes_of(
    rule: BoundRule,
    about: Callable[[int], About],
    changes: Changes,
    columns: Columns,
    slots: NDArray[np.int32],
    rows: NDArray[np.int64],
    facts: Callable[[int], Facts],
) -> Iterator[LevelChange]:
    """Say what each change was judged by.

    Args:
        rule: that judged.
        about: whom a slot stands for.
        changes: ``row`` of them is an index into the following columns.
        columns: ``value`` and ``quality``, float64 [n], where single readings were judged.
        slots: int32 [n].
        rows: int64 [n], place in the batch.
        facts: what is shown, by index.

    """
    for k, at in enumerate(changes.row.tolist()):
        value = float(columns["value"][at]) if "value" in columns else np.nan
        after = int(changes.after[k])
        yield LevelChange(
            row=int(rows[at]),
            rule=rule,
            about=about(int(slots[at])),
            before=int(changes.before[k]),
            after=after,
            time_ns=int(changes.time_ns[k]),
            since_ns=int(changes.since_ns[k]),
            value=value,
            quality=int(columns["quality"][at]) if "quality" in columns else 0,
            facts=facts(at),
            margin=_margin(rule, int(slots[at]), after, value),
            judged_by=rule.settings_at(int(slots[at])),
            chattering=bool(changes.chattering[k]),
        )


def known(columns: Columns, names: Iterable[str], at: int) -> dict[str, float]:
    """Those of the columns that say something there."""
    return {name: float(columns[name][at]) for name in sorted(names) if np.isfinite(columns[name][at])}


def _margin(rule: BoundRule, slot: int, level: int, value: float) -> float | None:
    """How far the value is from the next higher grade, where that is a plain limit on the value."""
    if level >= len(rule.tests) or np.isnan(value):
        return None
    condition = rule.tests[level].condition
    if not isinstance(condition, Comparison) or condition.operand != "value":
        return None
    own = rule.own
    if own is not None and own.off[own.of[slot], level]:
        return None
    limit = condition.limit if own is None else float(own.limits[level][own.of[slot], 0])
    return limit - value if condition.operator in (">", ">=") else value - limit
