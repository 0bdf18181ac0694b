"""What rows say about a condition: three-valued, and careful with everything that is not a good reading."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rules.evidence import CLEARS, ENTERS, HOLDS, SAYS_NOTHING, GradeTest
from rules.language import parse
from tests.naive_step import Condition, holds, text
from tests.pipeline.worlds import conditions

SAYS = {"enters": ENTERS, "holds": HOLDS, "clears": CLEARS, "nothing": SAYS_NOTHING}
VALUES = st.sampled_from([-1.0, 0.0, 4.0, 5.0, 9.0, 10.0, 15.0, 20.0, 25.0, 30.0, math.nan])


def evidence(condition: str, deadband: float, value: list[float], quality: list[int] | None = None) -> list[int]:
    quality = quality or [0] * len(value)
    columns = {"value": np.array(value), "quality": np.array(quality, float), "score": np.full(len(value), np.nan)}
    return GradeTest(parse(condition), deadband).evidence(columns, np.array(quality, np.uint8)).tolist()


def say(*words: str) -> list[int]:
    return [SAYS[word] for word in words]


def test_a_reading_at_the_limit_enters_and_one_inside_the_deadband_holds() -> None:
    assert evidence("value >= 25", 2.0, [25.0, 24.9, 23.0, 22.9]) == say("enters", "holds", "holds", "clears")
    assert evidence("value < 5", 2.0, [4.9, 5.0, 6.9, 7.0]) == say("enters", "holds", "holds", "clears")


def test_the_deadband_of_a_negated_condition_reaches_the_other_way() -> None:
    assert evidence("not value < 25", 2.0, [25.0, 24.0, 22.9]) == say("enters", "holds", "clears")


def test_a_deadband_means_nothing_to_quality_and_clock_fault() -> None:
    assert evidence("quality >= 1 or value > 30", 2.0, [20.0], [0]) == say("clears")
    assert evidence("not quality < 1 or value > 30", 2.0, [20.0], [0]) == say("clears")


def test_a_missing_value_says_nothing_either_way() -> None:
    nan = math.nan
    assert evidence("value > 5", 0.0, [nan]) == say("nothing")
    assert evidence("not value > 5", 0.0, [nan]) == say("nothing")
    assert evidence("value != 5", 0.0, [nan]) == say("nothing")


def test_an_unknown_part_decides_nothing_that_the_known_part_has_not_decided() -> None:
    assert evidence("value > 5 or score > 1", 0.0, [9.0, 1.0]) == say("enters", "nothing")
    assert evidence("value > 5 and score > 1", 0.0, [9.0, 1.0]) == say("nothing", "clears")


@pytest.mark.parametrize("quality", [1, 2])
def test_a_reading_that_is_not_good_may_raise_and_never_clears(quality: int) -> None:
    assert evidence("value > 5", 0.0, [9.0, 1.0], [quality, quality]) == say("enters", "nothing")
    assert evidence("quality == bad", 0.0, [1.0], [0]) == say("clears")


@settings(max_examples=300, deadline=None)
@given(conditions(), st.floats(0, 30), st.lists(st.tuples(VALUES, st.integers(0, 2)), min_size=1, max_size=8))
def test_evidence_is_what_the_obvious_evaluation_says(
    condition: Condition, deadband: float, rows: list[tuple[float, int]]
) -> None:
    columns = {
        "value": np.array([value for value, _ in rows]),
        "quality": np.array([float(quality) for _, quality in rows]),
        "clock_fault": np.zeros(len(rows)),
    }
    test = GradeTest(parse(text(condition)), deadband)
    found = test.evidence(columns, np.array([quality for _, quality in rows], np.uint8))
    for code, begins, (value, quality) in zip(found, test.begins(columns), rows, strict=True):
        known = {"value": value, "quality": float(quality), "clock_fault": 0.0}
        strict, loose = holds(condition, known, 0.0), holds(condition, known, deadband)
        quiet = "nothing" if strict is None or quality else "clears" if loose is False else "holds"
        expected = "enters" if strict else quiet
        assert code == SAYS[expected]
        assert begins == bool(strict)


BOUNDS = st.lists(
    st.tuples(VALUES, st.sampled_from([0.0, 0.0, 1.0, 5.0, math.inf])).map(lambda pair: (pair[0], pair[0] + pair[1])),
    min_size=1,
    max_size=6,
)


@settings(max_examples=200, deadline=None)
@given(conditions(), BOUNDS, st.sampled_from([0.0, 4.0]))
def test_what_is_known_between_two_bounds_is_said_only_if_all_between_says_it(
    condition: Condition, bounds: list[tuple[float, float]], deadband: float
) -> None:
    low, high = np.array([b[0] for b in bounds]), np.array([b[1] for b in bounds])
    zero = np.zeros(len(bounds))
    columns = {"value": low, "quality": zero, "clock_fault": zero}
    quality = np.zeros(len(bounds), np.uint8)
    test = GradeTest(parse(text(condition)), deadband)
    said = test.evidence(columns, quality, {"value": high})
    assert (test.begins(columns, {"value": high}) == (said == ENTERS)).all()
    for between in (low, high, np.where(np.isinf(high), low + 7.0, (low + high) / 2)):
        exact = test.evidence(columns | {"value": between}, quality)
        for row, word in enumerate(said.tolist()):
            assert word != ENTERS or exact[row] == ENTERS
            assert word != CLEARS or exact[row] == CLEARS
            assert word != HOLDS or exact[row] in {HOLDS, CLEARS}


def test_a_count_that_can_only_be_higher_enters_and_does_not_clear() -> None:
    test = GradeTest(parse("value >= 3"), 0.0)
    columns = {"value": np.array([3.0, 2.0, 2.0]), "quality": np.zeros(3)}
    high = {"value": np.array([math.inf, math.inf, 2.0])}
    assert test.evidence(columns, np.zeros(3, np.uint8), high).tolist() == say("enters", "nothing", "clears")
