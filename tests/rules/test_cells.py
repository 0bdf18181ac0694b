"""Cells miss no combination: whatever values readings have, some cell says the same of every condition."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from model.condition import AllOf, AnyOf, Comparison, Condition, Not
from rules.cells import Domain, truths
from rules.language import parse

DOMAINS = {"value": Domain(-1.0, 4.0), "quality": Domain(values=(0.0, 1.0, 2.0)), "score": Domain(low=0.0)}
POSSIBLE = {
    "value": [-1.0, -0.5, 0.0, 0.3, 1.0, 2.0, 2.5, 3.0, 4.0],
    "quality": [0.0, 1.0, 2.0],
    "score": [0.0, 0.01, 1.0, 2.0, 7.0, 1e9],
    "free": [-1e9, -3.0, 0.0, 0.5, 1.0, 2.0, 3.0, 1e9],
}

comparison = st.builds(
    Comparison,
    st.sampled_from(sorted(POSSIBLE)),
    st.sampled_from([">", ">=", "<", "<=", "==", "!="]),
    st.sampled_from([-2.0, -1.0, 0.0, 1.0, 2.0, 3.0, 4.0, 5.0]),
)
condition_: st.SearchStrategy[Condition] = st.recursive(
    comparison,
    lambda inner: (
        st.builds(Not, inner) | st.builds(AllOf, st.tuples(inner, inner)) | st.builds(AnyOf, st.tuples(inner, inner))
    ),
    max_leaves=5,
)


@settings(max_examples=300, deadline=None)
@given(
    condition_,
    condition_,
    st.lists(st.tuples(*[st.sampled_from(x) for x in POSSIBLE.values()]), min_size=1, max_size=40),
)
def test_every_reading_falls_into_a_cell(one: Condition, other: Condition, readings: list[tuple[float, ...]]) -> None:
    found = truths([one, other], DOMAINS)
    if found is None:
        return
    cells = {(bool(a), bool(b)) for a, b in zip(*found, strict=True)}
    for reading in readings:
        values = dict(zip(POSSIBLE, reading, strict=True))
        assert (_holds(one, values), _holds(other, values)) in cells


def _holds(condition: Condition, values: dict[str, float]) -> bool:
    match condition:
        case Not(part):
            return not _holds(part, values)
        case AllOf(parts):
            return all(_holds(part, values) for part in parts)
        case AnyOf(parts):
            return any(_holds(part, values) for part in parts)
        case Comparison(operand, operator, limit):
            x = values[operand]
            return {
                ">": x > limit, ">=": x >= limit, "<": x < limit, "<=": x <= limit, "==": x == limit, "!=": x != limit
            }[operator]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "ever", "always"),
    [
        ("value > 4", False, False),
        ("value >= 4", True, False),
        ("value <= 4", True, True),
        ("value < -1 or value > 3.9", True, False),
        ("score >= 0", True, True),
        ("score < 0", False, False),
        ("quality == 1", True, False),
        ("quality == 1 and quality == 2", False, False),
        ("free > 1 or free <= 1", True, True),
        ("free > 1 and not free > 0", False, False),
    ],
)
def test_what_is_proved(text: str, ever: object, always: object) -> None:
    found = truths([parse(text)], DOMAINS)
    assert found is not None
    assert (bool(found[0].any()), bool(found[0].all())) == (ever, always)


def test_too_many_combinations_prove_nothing() -> None:
    many = " and ".join(f"o{i} > 1" for i in range(12))
    assert truths([parse(many)], {}) is None
