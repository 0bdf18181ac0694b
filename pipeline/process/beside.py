"""Rules that look beside their sensor: what a reading of another one, or the hour, changes while the own is silent.

At each tick those sensors are judged about whose neighbours there is news; whenever a minute begins, those whose rules
name the hour or the day; and then, once, after other settings began to count, those that report changes only: what an
override that ends or a new rule makes of them, no reading tells. The sensor's own operands stand as at its last
reading, as long as that is not too old.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial

import numpy as np
from numpy.typing import NDArray

from model.batch import GOOD
from model.inputs import Tick
from pipeline.process.binding import Bound, KindProgram
from pipeline.process.bound_rule import BoundRule
from pipeline.process.change import OF_READINGS, Change, Facts, LevelChange, SuppressionChange, changes_of, known
from pipeline.process.judge import unsaid
from pipeline.process.last import NEVER
from rules.evidence import CLEARS, HOLDS, SAYS_NOTHING, Known
from rules.grading import grade_rows, rows_begun


def judge_beside(bound: Bound, tick: Tick, silent: NDArray[np.int8], *, new_minute: bool) -> list[Change]:
    """What others and the hour change at a tick.

    Args:
        bound: changed in place.
        tick: ``elapsed_ns`` without the system's own outages.
        silent: int8 [gateways], 1 = nothing is heard of it.
        new_minute: a minute of the wall clock has begun.

    """
    changes: list[Change] = []
    for index, program in enumerate(bound.programs):
        last = program.last
        mixed = [rule for rule in last.rules if rule.looks_at_others]
        again = program.kind.on_change and bound.looks_again and bool(last.rules)
        timed = [rule for rule in last.rules if rule.looks_at_clock or again]
        if bound.others.names[index] and bound.others.has_news:
            time_ns, others = bound.others.news(index, last.state.time_ns, silent)
            some = np.flatnonzero(time_ns != NEVER).astype(np.int32)
            if len(some):
                columns = _columns(bound, program, some, time_ns[some], silent, others)
                changes.extend(_suppressed(bound, program, some, time_ns[some], columns, tick))
                changes.extend(_judged(bound, program, mixed, some, time_ns[some], columns, tick))
        if new_minute and (again or any(rule.looks_beside for rule in last.rules)):
            some = np.arange(len(program.sensors), dtype=np.int32)
            others = bound.others.as_of(index, len(some), tick.wall_ns, silent)
            times = np.full(len(some), tick.wall_ns)
            columns = _columns(bound, program, some, times, silent, others)
            changes.extend(_suppressed(bound, program, some, times, columns, tick))
            changes.extend(_forgotten(bound, program, tick))
            changes.extend(_judged(bound, program, timed, some, times, columns, tick, by_clock=True))
    bound.others.seen()
    if new_minute and not silent.any():  # of what stands behind a silent gateway nothing is known yet
        bound.looks_again = False
    return changes


def _suppressed(
    bound: Bound,
    program: KindProgram,
    slots: NDArray[np.int32],
    time_ns: NDArray[np.int64],
    columns: Known,
    tick: Tick,
) -> Iterator[SuppressionChange]:
    """What suppresses rules, as of these times."""
    quality = np.nan_to_num(columns.low["quality"], nan=GOOD).astype(np.uint8)
    for rule in program.last.rules:
        if rule.suppression is not None:
            for at, on in rule.suppression.changes(columns, quality, slots, tick.elapsed_ns):
                yield SuppressionChange(-1, rule, bound.about(program, int(slots[at])), on, int(time_ns[at]))


def _forgotten(bound: Bound, program: KindProgram, tick: Tick) -> Iterator[SuppressionChange]:
    for rule in program.last.rules:
        for slot in [] if rule.suppression is None else rule.suppression.expired(tick.elapsed_ns):
            yield SuppressionChange(-1, rule, bound.about(program, slot), on=False, time_ns=tick.wall_ns, unknown=True)


def _columns(
    bound: Bound,
    program: KindProgram,
    slots: NDArray[np.int32],
    time_ns: NDArray[np.int64],
    silent: NDArray[np.int8],
    others: Known,
) -> Known:
    """Own operands as at the last reading, others and the calendar as of a time."""
    own = program.last.as_of(slots, time_ns, silent)
    beside = others.at(slots, others.low)
    clock = bound.calendar.columns(program.calendar, time_ns)
    return Known({**own.low, **beside.low, **clock}, {**own.high, **beside.high}, {**own.doubtful, **beside.doubtful})


def _judged(
    bound: Bound,
    program: KindProgram,
    rules: Sequence[BoundRule],
    slots: NDArray[np.int32],
    time_ns: NDArray[np.int64],
    columns: Known,
    tick: Tick,
    *,
    by_clock: bool = False,
) -> Iterator[LevelChange]:
    for rule in rules:
        begins = [test.begins(columns.low, columns.high) for test in rule.tests_at(slots)]
        may_begin = np.logical_or.reduce(begins)
        if rule.yields is not None:
            may_begin &= ~rule.yields[slots]
        some = np.flatnonzero(may_begin | rows_begun(rule.state, slots))
        if not len(some):
            continue
        rows = columns.at(some, rule.operands | OF_READINGS)
        own = (
            np.nan_to_num(rows.low["quality"], nan=GOOD) if rule.operands & program.last.names else np.zeros(len(some))
        )
        evidence = rule.evidence(rows, slots[some], own.astype(np.uint8))
        paused = None
        if not by_clock:  # an off-delay does not run while the sensor itself is silent
            paused = np.isnan(rows.low["quality"]) | unsaid(evidence, rows.low["quality"])
        else:  # time alone ends no alarm
            evidence[((evidence == CLEARS) | (evidence == HOLDS)) & (rule.state.on[slots[some]] == 1)] = SAYS_NOTHING
        moved = grade_rows(
            rule.state,
            rule.delays,
            slots[some],
            time_ns[some],
            evidence,
            tick.elapsed_ns,
            paused=paused,
            damping=rule.damping,
        )
        facts = partial(_facts, rows, rule)
        by_time = np.full(len(some), -1)
        shown = {**rows.low, "quality": own}
        yield from changes_of(rule, partial(bound.about, program), moved, shown, slots[some], by_time, facts)


def _facts(rows: Known, rule: BoundRule, at: int) -> Facts:
    return Facts(known(rows.low, rule.operands - OF_READINGS, at), {})
