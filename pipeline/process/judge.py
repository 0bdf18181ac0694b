"""Rows through the detectors and rules of their kind: which alarm levels change, and why."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import partial

import numpy as np
from numpy.typing import NDArray

from model.batch import GOOD, Batch
from model.inputs import Tick
from pipeline.process.assets import judge_assets, judge_assets_over_time
from pipeline.process.binding import Bound, KindProgram
from pipeline.process.bound_rule import BoundRule
from pipeline.process.change import (
    OF_READINGS,
    Change,
    Facts,
    LevelChange,
    SuppressionChange,
    changes_of,
    in_order,
    known,
)
from pipeline.process.columns import Columns, Explain, columns_of
from pipeline.process.explain import explained
from pipeline.process.self_watch import GATEWAY_GRADE
from rules.evidence import CLEARS, ENTERED_LATE, ENTERS, SAYS_NOTHING, Known
from rules.grading import NEVER, Changes, Delays, grade_rows, grade_time, rows_begun

#: An on-delay that rows alone never satisfy: what time alone began is left to ``grade_time``.
_NEVER_BY_ROWS_NS = np.iinfo(np.int64).max


def judge_rows(
    bound: Bound,
    batch: Batch,
    fresh: NDArray[np.bool_],
    clock_fault: NDArray[np.bool_],
    paused: NDArray[np.bool_],
    silent: NDArray[np.int8],
    live_ns: int,
) -> list[Change]:
    """Judge rows in their order.

    Args:
        bound: its detectors' and rules' state is changed in place.
        batch: admitted rows.
        fresh: bool [n]; False = late: detectors do not see it, limits without delay do.
        clock_fault: bool [n].
        paused: bool [n], True = after a pause through which no off-delay runs.
        silent: int8 [gateways], 1 = nothing was heard of it before these rows.
        live_ns: elapsed time of the last tick.

    Returns:
        in order of row, then of the rule's place in the plan.

    """
    changes: list[Change] = []
    program_of = bound.program_of[batch.sensor]
    of_others = bound.others.read(batch, fresh, bound.program_of, bound.slot_of, silent)
    for index in np.flatnonzero(np.bincount(program_of)):
        program = bound.programs[index]
        rows = np.flatnonzero(program_of == index)
        part = batch if len(rows) == len(batch) else batch.take(rows)
        slots = bound.slot_of[part.sensor]
        late = ~fresh[rows]
        beside = bound.others.of_rows(int(index), of_others, rows)
        if program.calendar:
            beside = replace(beside, low={**beside.low, **bound.calendar.columns(program.calendar, part.time_ns)})
        columns, explain = columns_of(program, part, slots, ~late, clock_fault[rows], beside)
        program.last.remember(part, slots, ~late, columns)
        changes += _suppressed(bound, program, part, np.flatnonzero(~late), columns, rows, live_ns)
        possible = program.possible.asked(columns.low, columns.high)
        at = 0
        for rule in program.rules:
            if rule.is_standing:
                continue
            may_begin = possible[at : at + len(rule.tests)]
            at += len(rule.tests)
            some = _concerned(rule, columns, may_begin, slots)
            if some is not None:
                times = part.time_ns[some]
                own = _bounded(rule, columns.at(some, rule.operands | OF_READINGS), slots[some], times)
                evidence = _row_evidence(rule, own, slots[some], late[some])
                pauses = paused[rows[some]]
                if rule.looks_at_others:
                    pauses = pauses | (unsaid(evidence, own.low["quality"]) & ~late[some])
                moved = grade_rows(
                    rule.state,
                    rule.delays,
                    slots[some],
                    times,
                    evidence,
                    NEVER,
                    paused=pauses,
                    damping=rule.damping,
                )
                of_rows = partial(_row_facts, rule, own.low, explain, some)
                about = partial(bound.about, program)
                changes.extend(changes_of(rule, about, moved, own.low, slots[some], rows[some], of_rows))
    changes += judge_assets(bound.asset_programs, batch, fresh)
    return in_order(changes)


def _suppressed(
    bound: Bound,
    program: KindProgram,
    part: Batch,
    fresh: NDArray[np.intp],
    columns: Known,
    rows: NDArray[np.intp],
    live_ns: int,
) -> Iterator[SuppressionChange]:
    """What fresh rows say of the conditions that suppress rules."""
    for rule in program.last.rules:
        if rule.suppression is not None:
            own = columns.at(fresh, rule.suppression.operands)
            slots = bound.slot_of[part.sensor[fresh]]
            for at, on in rule.suppression.changes(own, part.quality[fresh], slots, live_ns):
                row = int(fresh[at])
                about = bound.about(program, int(slots[at]))
                yield SuppressionChange(int(rows[row]), rule, about, on, int(part.time_ns[row]))


def judge_tick(
    bound: Bound, tick: Tick, last_value: NDArray[np.float64], held: NDArray[np.bool_], *, read_off: bool
) -> tuple[list[LevelChange], NDArray[np.bool_]]:
    """What the passing of time changes: silence, and delays that are over. It never clears an alarm of readings.

    Args:
        bound: changed in place.
        tick: ``elapsed_ns`` without the system's own outages.
        last_value: float64 [n sensors], for the why of the change.
        held: bool [n sensors], whose silence raises nothing now, because that of their gateway says it all.
        read_off: look how things stand, too.

    Returns:
        the changes, and which sensors were held back so: bool [n sensors].

    """
    changes: list[LevelChange] = []
    withheld = np.zeros(len(held), np.bool_)
    for program in bound.programs:
        if not len(program.sensors):
            continue
        scores: Columns = {}
        for detector in program.detectors:
            score = detector.detector.advance(detector.state, tick)
            if score is not None:
                scores[detector.spec.id] = score
        if read_off:
            scores |= program.standing.read_off(tick)
        for rule in program.rules:
            if not _concerned_by_time(rule, scores):
                continue
            columns = _columns_over_time(program, rule, scores, last_value)
            entered = _entered(rule, columns) if rule.operands <= scores.keys() else None
            if entered is not None and rule.operands & program.silences:
                hushed = _hold_back(program, rule, columns, held[program.sensors], entered)
                withheld[program.sensors[hushed]] = True
            changes.extend(_rule_over_time(bound, program, rule, columns, tick, entered))
    changes += judge_assets_over_time(bound.asset_programs, tick)
    changes.sort(key=lambda change: (change.rule.order, change.about.sensors, change.about.tag))
    return changes, withheld


def _row_facts(
    rule: BoundRule, columns: Mapping[str, NDArray[np.float64]], explain: Explain, some: NDArray[np.intp], at: int
) -> Facts:
    """The scores that the rule names, at a row of those that are graded, and what explains them."""
    scores = known(columns, rule.operands - OF_READINGS, at)
    return Facts(scores, explain(scores.items(), int(some[at])))


def _concerned(
    rule: BoundRule, rows: Known, may_begin: list[bool], slots: NDArray[np.int32]
) -> NDArray[np.intp] | None:
    """Rows that can change anything, of sensors that meet a condition here or did before; None = none, the common case.

    Where no condition of a sensor began and none begins, its grades are off and stay off, whatever its rows say.
    """
    begun = rule.state.begun_count[0] > 0
    if not begun and not any(may_begin):
        return None
    tests = rule.tests_at(slots)
    begins = [test.begins(rows.low, rows.high) for test, may in zip(tests, may_begin, strict=True) if may]
    concerned = rows_begun(rule.state, slots) if begun else np.zeros(len(slots), np.bool_)
    if begins and (any_begins := np.logical_or.reduce(begins)).any():
        if rule.yields is not None:
            any_begins &= ~rule.yields[slots]
        concerned |= np.isin(slots, slots[any_begins])
    some = np.flatnonzero(concerned)
    return some if len(some) else None


def _bounded(rule: BoundRule, rows: Known, slots: NDArray[np.int32], time_ns: NDArray[np.int64]) -> Known:
    """The same, with the scores of detectors that are lower bounds as such."""
    high: Columns = {}
    for name, is_lower_bound in rule.lower_bounds.items():
        at_least = is_lower_bound(slots, time_ns) & ~np.isnan(rows.low[name])
        if at_least.any():
            high[name] = np.where(at_least, np.inf, rows.low[name])
    return replace(rows, high={**rows.high, **high}) if high else rows


def _row_evidence(rule: BoundRule, rows: Known, slots: NDArray[np.int32], late: NDArray[np.bool_]) -> NDArray[np.int8]:
    """int8 [n, g]."""
    evidence = rule.evidence(rows, slots)
    if late.any():
        at_once = (rule.delays.on_of(slots[late]) == 0) & (rule.operands == {"value"})
        evidence[late] = np.where((evidence[late] == ENTERS) & at_once, ENTERED_LATE, SAYS_NOTHING)
    return evidence


def unsaid(evidence: NDArray[np.int8], quality: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Where a sensor is good and yet a grade is left open, because nothing is known of others: a pause like its own.

    Args:
        evidence: int8 [n, g], of a rule that looks at others.
        quality: float64 [n].

    """
    pauses: NDArray[np.bool_] = (quality == GOOD) & (evidence == SAYS_NOTHING).any(axis=1)
    return pauses


def _concerned_by_time(rule: BoundRule, scores: Columns) -> bool:
    """Whether a condition is pending, or is met by what time alone says; rarely so."""
    if rule.state.begun_count[0] > 0:
        return True
    return rule.operands <= scores.keys() and any(test.begins(scores).any() for test in rule.tests_at())


def _columns_over_time(
    program: KindProgram, rule: BoundRule, scores: Columns, last_value: NDArray[np.float64]
) -> Columns:
    nothing = np.full(len(program.sensors), np.nan)
    columns = {"value": last_value[program.sensors], "quality": np.zeros(len(nothing)), "clock_fault": nothing}
    return columns | {name: scores.get(name, nothing) for name in rule.operands - columns.keys()}


def _entered(rule: BoundRule, columns: Columns) -> NDArray[np.int8]:
    """Evidence of scores that time alone gave, int8 [m, g]: it raises, and clears nothing but what stands."""
    good = np.zeros(len(columns["quality"]), np.uint8)
    evidence = np.stack([test.evidence(columns, good) for test in rule.tests_at()], axis=1)
    if not rule.is_standing:
        evidence[evidence == CLEARS] = SAYS_NOTHING
    return evidence


def _hold_back(
    program: KindProgram, rule: BoundRule, columns: Columns, held: NDArray[np.bool_], entered: NDArray[np.int8]
) -> NDArray[np.bool_]:
    """Let the silence of some sensors say nothing, except to grades above that of their gateway's alarm.

    Args:
        program: of the kind.
        rule: a condition of which names silence.
        columns: operand -> float64 [m].
        held: bool [m].
        entered: int8 [m, g], changed in place.

    Returns:
        bool [m], where that holds an alarm back which is not on yet.

    """
    if not held.any():
        return held
    hushed = _entered(rule, columns | {name: np.where(held, np.nan, columns[name]) for name in program.silences})
    hushed[:, [spec.grade > GATEWAY_GRADE for spec in rule.spec.grades]] = ENTERS
    kept_back = (entered == ENTERS) & (hushed != ENTERS)
    entered[kept_back] = SAYS_NOTHING
    withheld: NDArray[np.bool_] = (kept_back & (rule.state.on == 0)).any(axis=1)
    return withheld


def _rule_over_time(
    bound: Bound,
    program: KindProgram,
    rule: BoundRule,
    columns: Columns,
    tick: Tick,
    entered: NDArray[np.int8] | None,
) -> Iterator[LevelChange]:
    """What time changes for one rule; ``entered`` is None where its scores come with rows alone."""
    if entered is not None:
        begun = (rule.state.begun_ns != NEVER).any(axis=1) if rule.is_standing else False
        some = np.flatnonzero((entered == ENTERS).any(axis=1) | begun).astype(np.int32)
        if len(some):
            at_once = rule.delays.on_ns == 0
            delays = Delays(np.where(at_once, 0, _NEVER_BY_ROWS_NS), rule.delays.off_ns, rule.delays.variant)
            now = np.full(len(some), tick.wall_ns, np.int64)
            found = grade_rows(rule.state, delays, some, now, entered[some], tick.elapsed_ns, damping=rule.damping)
            part = {name: column[some] for name, column in columns.items()}
            yield from _told(bound, program, rule, found, part, some)
    patience_ns = round(program.kind.lateness_s * 1e9)
    due = grade_time(rule.state, rule.delays, tick.elapsed_ns, patience_ns, damping=rule.damping)
    if len(due.row):
        slots = np.arange(len(program.sensors), dtype=np.int32)
        yield from _told(bound, program, rule, due, columns, slots)


def _told(
    bound: Bound, program: KindProgram, rule: BoundRule, found: Changes, columns: Columns, slots: NDArray[np.int32]
) -> Iterator[LevelChange]:
    """What a tick changed; a detector that scores rows only explains what it said last."""
    rows = np.full(len(slots), -1)
    facts = partial(_facts_over_time, program, rule, columns, slots)
    return changes_of(rule, partial(bound.about, program), found, columns, slots, rows, facts)


def _facts_over_time(
    program: KindProgram, rule: BoundRule, columns: Columns, slots: NDArray[np.int32], at: int
) -> Facts:
    slot, unit = int(slots[at]), program.kind.unit
    named = (one for one in program.explaining if one.spec.id in rule.operands)
    told = {one.spec.id: explained(one, one.state, slot, float(columns[one.spec.id][at]), unit) for one in named}
    return Facts(known(columns, rule.operands - OF_READINGS, at), told)
