"""What a batch cannot meet is told by its extremes alone, and never wrongly."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from model.condition import AllOf, AnyOf, Comparison, Condition, Not
from rules.evidence import GradeTest, limited
from rules.language import comparisons, parse
from rules.possible import Possible

OPERANDS = ("value", "shift")

comparison = st.builds(
    Comparison,
    st.sampled_from(OPERANDS),
    st.sampled_from([">", ">=", "<", "<=", "==", "!="]),
    st.integers(-2, 2).map(float),
)
condition_: st.SearchStrategy[Condition] = st.recursive(
    comparison,
    lambda inner: (
        st.builds(Not, inner)
        | st.builds(AllOf, st.tuples(inner, inner))
        | st.builds(AnyOf, st.tuples(inner, inner, inner))
    ),
    max_leaves=6,
)
column_ = st.lists(st.sampled_from([np.nan, -3.0, -1.0, 0.0, 1.0, 3.0]), min_size=4, max_size=4).map(np.array)


@settings(max_examples=500, deadline=None)
@given(st.lists(condition_, min_size=1, max_size=4), column_, column_)
def test_a_condition_that_a_row_meets_is_possible(
    conditions: list[Condition], value: np.ndarray, shift: np.ndarray
) -> None:
    columns = {"value": value, "shift": shift}
    asked = Possible(conditions, OPERANDS).asked(columns)
    for condition, possible in zip(conditions, asked, strict=True):
        if GradeTest(condition, 0.0).begins(columns).any():
            assert possible


@settings(max_examples=500, deadline=None)
@given(condition_, column_, column_, st.lists(st.tuples(*[st.integers(-2, 2).map(float)] * 4), min_size=6, max_size=6))
def test_limits_by_row_are_possible_where_one_of_them_is(
    condition: Condition, value: np.ndarray, shift: np.ndarray, limits: list[tuple[float, ...]]
) -> None:
    columns = {"value": value, "shift": shift}
    own = [np.array(limits[at]) for at, _ in enumerate(comparisons(condition))]
    spans = [(float(one.min()), float(one.max())) for one in own]
    (possible,) = Possible([condition], OPERANDS, spans).asked(columns)
    if GradeTest(limited(condition, iter(own)), 0.0).begins(columns).any():
        assert possible


@pytest.mark.parametrize(
    ("text", "possible"),
    [
        ("value > 3", False),
        ("value >= 3", True),
        ("value < 1", False),
        ("value <= 1", True),
        ("value == 2", True),
        ("value == 4", False),
        ("value != 2", True),
        ("not value >= 1", False),
        ("not value > 1", True),
        ("value > 3 or shift > 0", False),
        ("value > 2 and not shift > 0", False),
        ("(value > 2 or shift > 0) and value < 2", True),
    ],
)
def test_extremes_from_1_to_3_and_no_shift_say_what_is_possible(text: str, possible: object) -> None:
    columns = {"value": np.array([1.0, np.nan, 3.0]), "shift": np.full(3, np.nan)}
    assert Possible([parse(text)], OPERANDS).asked(columns) == [possible]


def test_no_conditions_are_no_answers() -> None:
    assert Possible([], OPERANDS).asked({"value": np.empty(0), "shift": np.empty(0)}) == []
