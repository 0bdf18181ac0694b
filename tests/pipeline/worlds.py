"""Hypothesis strategies for whole worlds: a plan, and what then happens to it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TypeAlias

from hypothesis import strategies as st

from model.alarm import Grade
from model.plan import GradeSpec, Plan, RuleSpec
from tests.naive_step import Condition, NaiveGrade, NaiveRule, NaiveSensor, text
from tests.pipeline.plans import NAME, SECOND_NS, Row, kind, plan

VALUES = (-10.0, 0.0, 5.0, 9.0, 10.0, 15.0, 20.0, 25.0, 30.0, 40.0, math.nan, math.inf, 1e308)
#: Device time against the moment of receipt, s.
DEVICE_S = (0.0, 0.0, 0.0, 0.0, -1.0, -2.0, -3.0, -7.0, -240.0, -3600.0, 120.0, 299.0, 301.0, 3600.0, -2e9, None)


@dataclass(frozen=True)
class Rows:
    rows: tuple[Row, ...]


@dataclass(frozen=True)
class Beat:
    """One tick."""

    wall_s: float
    elapsed_s: float
    boot: str = ""


@dataclass(frozen=True)
class Act:
    act: str
    which: int  # of the open alarms
    at_s: float


Event: TypeAlias = Rows | Beat | Act


@dataclass(frozen=True)
class World:
    plan: Plan
    sensors: list[NaiveSensor]
    rules: list[NaiveRule]
    events: list[Event]


def _comparison() -> st.SearchStrategy[Condition]:
    limit = st.sampled_from([0.0, 10.0, 20.0, 30.0])
    value = st.tuples(st.just("value"), st.sampled_from([">", ">=", "<", "<=", ">=", ">="]), limit)
    quality = st.tuples(st.just("quality"), st.sampled_from([">=", "==", "!="]), st.sampled_from([1.0, 2.0]))
    return st.one_of(value, value, value, quality, st.just(("clock_fault", "==", 1.0)))


def conditions() -> st.SearchStrategy[Condition]:
    return st.recursive(
        _comparison(),
        lambda part: st.one_of(
            st.tuples(st.just("not"), part),
            st.tuples(st.sampled_from(["and", "or"]), part, part),
        ),
        max_leaves=3,
    )


@st.composite
def _rules(draw: st.DrawFn, kinds: list[str], number: int) -> NaiveRule:
    colours = draw(st.lists(st.sampled_from(list(Grade)[1:]), min_size=1, max_size=3, unique=True))
    grades = [
        NaiveGrade(
            grade=colour,
            condition=draw(conditions()),
            on_ns=draw(st.sampled_from([0, 0, 2, 5])) * SECOND_NS,
            off_ns=draw(st.sampled_from([0, 0, 3])) * SECOND_NS,
            deadband=draw(st.sampled_from([0.0, 0.0, 4.0])),
        )
        for colour in sorted(colours)
    ]
    chosen = draw(st.lists(st.sampled_from(kinds), min_size=1, unique=True))
    return NaiveRule(f"rule{number}", tuple(chosen), tuple(grades), draw(st.booleans()))


def to_spec(rule: NaiveRule) -> RuleSpec:
    grades = tuple(
        GradeSpec(g.grade, text(g.condition), g.on_ns / SECOND_NS, g.off_ns / SECOND_NS, g.deadband)
        for g in rule.grades
    )
    return RuleSpec(rule.id, NAME, rule.kinds, grades, NAME, rule.latching)


@st.composite
def happenings(draw: st.DrawFn, sensors: int, size_max: int = 30, *, acts: bool = True) -> list[Event]:
    """Rows, ticks (some after an outage or a start of the machine) and human acts, in order of time."""
    now_s, elapsed_s, boot = 0.0, 1000.0, 0
    out: list[Event] = []
    kinds = ["rows", "rows", "tick", "tick", "act"] if acts else ["rows", "rows", "tick"]
    for what in draw(st.lists(st.sampled_from(kinds), min_size=1, max_size=size_max)):
        pause_s = draw(st.sampled_from([0.0, 0.5, 1.0, 1.0, 1.0, 2.0]))
        now_s, elapsed_s = now_s + pause_s, elapsed_s + pause_s
        if what == "rows":
            batch = []
            for _ in range(draw(st.integers(1, 5))):
                now_s += draw(st.sampled_from([0.0, 0.001, 1.0]))
                apart_s = draw(st.sampled_from(DEVICE_S))
                batch.append(
                    Row(
                        draw(st.integers(0, sensors - 1)),
                        None if apart_s is None else now_s + apart_s,
                        draw(st.sampled_from(VALUES)),
                        now_s,
                        draw(st.sampled_from([0, 0, 0, 0, 1, 2])),
                    )
                )
            out.append(Rows(tuple(batch)))
        elif what == "tick":
            outage_s = draw(st.sampled_from([0.0] * 8 + [9.0, 11.0, 600.0, -30.0]))
            now_s, elapsed_s = now_s + abs(outage_s), elapsed_s + outage_s
            if draw(st.sampled_from([False] * 8 + [True])):  # the machine was started again
                now_s, boot = now_s + draw(st.sampled_from([3.0, 9.0, 60.0, 3600.0, -20.0])), boot + 1
                elapsed_s = draw(st.sampled_from([5.0, elapsed_s, elapsed_s + 1.0]))
            out.append(Beat(now_s, elapsed_s, str(boot)))
        else:
            out.append(
                Act(draw(st.sampled_from(["acknowledge", "acknowledge", "reset"])), draw(st.integers(0, 3)), now_s)
            )
    return out


@st.composite
def worlds(draw: st.DrawFn) -> World:
    kinds = [f"kind{i}" for i in range(draw(st.integers(1, 3)))]
    periods_s = {name: draw(st.sampled_from([1.0, 30.0])) for name in kinds}
    of = draw(st.lists(st.sampled_from(kinds), min_size=1, max_size=4))
    rules = [draw(_rules(kinds, number)) for number in range(draw(st.integers(1, 3)))]
    made = plan(
        *(to_spec(rule) for rule in rules),
        kinds=[kind(name, period_s=period_s) for name, period_s in periods_s.items()],
        sensors=[(f"s{i}", name) for i, name in enumerate(of)],
    )
    sensors = [NaiveSensor(f"s{i}", name, round(periods_s[name] * SECOND_NS)) for i, name in enumerate(of)]
    return World(made, sensors, rules, draw(happenings(len(of))))
