"""A day made from a seed: readings second by second, with disorder, duplicates, impossible times and no values."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from model.alarm import Grade
from model.connector import Deliveries, Readings, Refusal
from model.plan import GradeSpec, Plan, RuleSpec
from tests.pipeline.plans import NAME, SECOND_NS, START_NS, kind, plan
from tests.reloads.oracle import OracleGrade, OraclePlan, OracleRule

SOURCE = "day"
#: Rows of one second as they travel: which tag, device time, value.
ROWS = np.dtype([("tag", "i4"), ("time_ns", "i8"), ("value", "f8")])

LATE, TWICE, FUTURE, NO_VALUE = 0.05, 0.01, 0.0005, 0.0005
LEVELS = (0.5, 11.0, 15.0, 30.0, 60.0)
CHUNK_S = 3600


@dataclass(frozen=True)
class Second:
    """What comes within a second, and is received at its end."""

    number: int
    rows: NDArray[np.void]

    @property
    def received_ns(self) -> int:
        return START_NS + (self.number + 1) * SECOND_NS

    def deliveries(self) -> Deliveries:
        one = np.array([0], np.int64)
        data = self.rows.tobytes()
        end = np.array([len(data)], np.int64)
        received, receipt = np.array([self.received_ns], np.int64), np.array([self.number], np.int64)
        return Deliveries(SOURCE, data, one, one, one, end, received, np.zeros(1, np.bool_), receipt)


class RowsDecoder:
    """Reads what ``Second.deliveries`` makes."""

    def __init__(self, tags: list[str]) -> None:
        self._tags, self._units = tags, [""]

    def decode(self, deliveries: Deliveries) -> tuple[Readings, list[Refusal]]:
        rows = np.frombuffer(deliveries.data, ROWS)
        none = np.zeros(len(rows), np.int32)
        return Readings(
            self._tags,
            rows["tag"].copy(),
            rows["time_ns"].copy(),
            rows["value"].copy(),
            none.astype(np.uint8),
            self._units,
            none,
            none.copy(),
        ), []


def seconds(sensors: int, hours: float, seed: int) -> Iterator[Second]:
    """All of it, an hour made at a time."""
    left = np.empty(0, [("second", "i8"), *ROWS.descr])
    total = round(hours * CHUNK_S)
    for begin in range(0, total, CHUNK_S):
        end = min(total, begin + CHUNK_S)
        made = np.concatenate([left, _hour(sensors, begin, end, np.random.default_rng([seed, begin]))])
        made = made[np.lexsort((made["time_ns"], made["second"]))]
        edges = np.searchsorted(made["second"], np.arange(begin, end + 1))
        for number, first, last in zip(range(begin, end), edges[:-1], edges[1:], strict=True):
            rows = np.empty(last - first, ROWS)
            for name in ROWS.names or ():
                rows[name] = made[name][first:last]
            yield Second(number, rows)
        left = made[edges[-1] :]


def _hour(sensors: int, begin: int, end: int, rng: np.random.Generator) -> NDArray[np.void]:
    count = end - begin
    level = np.full((sensors, count), 5.0)
    for sensor in range(sensors):
        for _ in range(rng.poisson(count / 1800)):
            first = int(rng.integers(0, count))
            level[sensor, first : first + int(rng.integers(5, 400))] = rng.choice(LEVELS)
    rows = np.empty(sensors * count, [("second", "i8"), *ROWS.descr])
    second = np.repeat(np.arange(begin, end), sensors)
    rows["tag"] = np.tile(np.arange(sensors), count)
    rows["time_ns"] = START_NS + second * SECOND_NS + rng.integers(0, SECOND_NS // 10**6, len(rows)) * 10**6
    rows["value"] = np.round(level.T.ravel() + rng.normal(0, 0.4, len(rows)), 2)
    rows["second"] = second + np.where(rng.random(len(rows)) < LATE, rng.integers(1, 30, len(rows)), 0)
    rows["time_ns"][rng.random(len(rows)) < FUTURE] += 3600 * SECOND_NS
    rows["value"][rng.random(len(rows)) < NO_VALUE] = np.nan
    again = rows[rng.random(len(rows)) < TWICE].copy()
    again["second"] += rng.integers(0, 6, len(again))
    return np.concatenate([rows, again])


@dataclass(frozen=True)
class Version:
    """One configuration, for both."""

    plan: Plan
    oracle: OraclePlan


def versions(sensors: int, count: int, seed: int) -> Iterator[Version]:
    """Configurations that follow each other: limits, delays, rules that go and come, sensors that go, come and move."""
    rng = np.random.default_rng([seed, 7])
    tags = [f"site/{number:03d}" for number in range(sensors)]
    rules = {rule.id: rule for rule in _rules()}
    for number in range(count):
        here = [tag for tag in tags if number == 0 or rng.random() > 0.03]
        rng.shuffle(here)
        if number:
            name = str(rng.choice(list(rules)))
            rules[name] = _changed(rules[name], rng)
        left_out = str(rng.choice([*rules, "", ""])) if number else ""
        yield version([rule for rule in rules.values() if rule.id != left_out], here)


def version(rules: list[OracleRule], tags: list[str]) -> Version:
    specs = tuple(
        RuleSpec(rule.id, NAME, ("gauge",), tuple(_spec(one) for one in rule.grades), source=NAME) for rule in rules
    )
    made = plan(*specs, kinds=[kind("gauge", period_s=1.0)], sensors=[(tag, "gauge") for tag in tags])
    return Version(made, OraclePlan(frozenset(tags), tuple(rules)))


def broken(of: Version) -> Plan:
    """A plan with an operand that there is not."""
    first = of.plan.rules[0]
    wrong = replace(first, grades=(replace(first.grades[0], when="valu >= 10"), *first.grades[1:]))
    return replace(of.plan, version="broken", rules=(wrong, *of.plan.rules[1:]))


def _spec(one: OracleGrade) -> GradeSpec:
    when = f"{one.operand} {'<=' if one.low else '>='} {one.limit:g}"
    return GradeSpec(one.grade, when, one.on_ns / SECOND_NS, one.off_ns / SECOND_NS, one.deadband)


def _rules() -> list[OracleRule]:
    s = SECOND_NS
    return [
        OracleRule(
            "level",
            (
                OracleGrade(Grade.BLUE, "value", 10.0, on_ns=3 * s, off_ns=5 * s, deadband=1.0),
                OracleGrade(Grade.YELLOW, "value", 25.0, off_ns=5 * s),
                OracleGrade(Grade.RED, "value", 50.0, deadband=2.0),
            ),
        ),
        OracleRule("low", (OracleGrade(Grade.BLUE, "value", 1.0, low=True, on_ns=10 * s, off_ns=3 * s),)),
        OracleRule("lasting", (OracleGrade(Grade.YELLOW, "value", 12.0, on_ns=120 * s, off_ns=30 * s),)),
        OracleRule("doubtful", (OracleGrade(Grade.BLUE, "quality", 2.0, off_ns=2 * s),)),
    ]


def _changed(rule: OracleRule, rng: np.random.Generator) -> OracleRule:
    at = int(rng.integers(0, len(rule.grades)))
    one = rule.grades[at]
    what = int(rng.integers(0, 3))
    if what == 0 and one.operand == "value":
        one = replace(one, limit=float(one.limit + rng.choice([-0.5, 0.5])))
    elif what == 1:
        one = replace(one, on_ns=int(rng.integers(0, 6)) * SECOND_NS)
    else:
        one = replace(one, off_ns=int(rng.integers(0, 8)) * SECOND_NS)
    return replace(rule, grades=(*rule.grades[:at], one, *rule.grades[at + 1 :]))
