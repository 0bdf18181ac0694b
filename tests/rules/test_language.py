"""The language of conditions: what it reads, what it refuses, and where it says the mistake stands."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from model.condition import AllOf, AnyOf, Comparison, Condition, Not
from model.errors import ConditionError
from rules.language import COMPARISONS_MAX, NESTING_MAX, TEXT_LENGTH_MAX, comparisons, operands, parse, render, resolve

WORDS = st.from_regex(r"[A-Za-z_%°][\w%°/.]{0,8}", fullmatch=True).filter(lambda word: word not in {"and", "or", "not"})
NUMBERS = st.floats(allow_nan=False, allow_infinity=False)
COMPARISONS = st.builds(
    Comparison,
    operand=WORDS,
    operator=st.sampled_from([">", ">=", "<", "<=", "==", "!="]),
    limit=NUMBERS,
    unit=st.just("") | WORDS,
)


def _joined(part: st.SearchStrategy[Condition]) -> st.SearchStrategy[Condition]:
    parts = st.lists(part, min_size=2, max_size=3).map(tuple)
    return st.builds(AllOf, parts) | st.builds(AnyOf, parts) | st.builds(Not, part)


CONDITIONS = st.recursive(COMPARISONS, _joined, max_leaves=6)


def nesting(condition: Condition) -> int:
    match condition:
        case Comparison():
            return 0
        case Not(part):
            return 1 + nesting(part)
        case AllOf(parts) | AnyOf(parts):
            return 1 + max(nesting(part) for part in parts)


@settings(max_examples=300, deadline=None)
@given(CONDITIONS.filter(lambda c: nesting(c) <= NESTING_MAX // 2))
def test_what_is_rendered_reads_back_as_the_same_condition(condition: Condition) -> None:
    text = render(condition)
    if len(text) <= TEXT_LENGTH_MAX:
        assert parse(text) == condition
        assert render(parse(text)) == text


@settings(max_examples=300, deadline=None)
@given(st.text(max_size=60) | st.text("value qand()ornt<>=!0123.%-+e", max_size=60))
def test_any_text_is_a_condition_or_is_refused_with_a_sentence(text: str) -> None:
    try:
        condition = parse(text)
    except ConditionError:
        return
    assert all(math.isfinite(one.limit) for one in comparisons(condition))
    assert parse(render(condition)) == condition


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("value >= 25 %LEL", Comparison("value", ">=", 25.0, "%LEL")),
        ("value>-.5e1", Comparison("value", ">", -5.0)),
        ("quality == bad", Comparison("quality", "==", 2.0)),
        ("rise > 4 K/min", Comparison("rise", ">", 4.0, "K/min")),
        (
            "a > 1 or b > 2 and not c > 3",
            AnyOf((Comparison("a", ">", 1.0), AllOf((Comparison("b", ">", 2.0), Not(Comparison("c", ">", 3.0)))))),
        ),
        (
            "(a > 1 or b > 2) and c > 3",
            AllOf((AnyOf((Comparison("a", ">", 1.0), Comparison("b", ">", 2.0))), Comparison("c", ">", 3.0))),
        ),
    ],
)
def test_a_condition_reads_as_a_person_means_it(text: str, expected: Condition) -> None:
    assert parse(text) == expected


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "column 1: expected an operand such as value, got 'the end'"),
        ("value", "column 6: expected one of > >= < <= == !=, got 'the end'"),
        ("value >", "column 8: expected a finite number, got 'the end'"),
        ("value > 1e999", "column 9: expected a finite number, got '1e999'"),
        ("value > value", "column 9: expected a finite number, got 'value'"),
        ("value > 5 5", "column 11: expected and, or, or the end, got '5'"),
        ("value > 5 and", "column 14: expected an operand such as value, got 'the end'"),
        ("(value > 5", "column 11: expected a closing bracket, got 'the end'"),
        ("value > 5)", "column 10: expected and, or, or the end, got ')'"),
        ("and > 5", "column 1: expected an operand such as value, got 'and'"),
        ("value >   $", "column 11: nothing can begin with '$'"),
        ("value > 5; import os", "column 10: nothing can begin with ';'"),
        ("__import__('os')", "column 12: nothing can begin with"),
    ],
)
def test_a_mistake_is_named_with_its_column(text: str, message: str) -> None:
    with pytest.raises(ConditionError) as refusal:
        parse(text)

    assert str(refusal.value).startswith(message)


def test_length_nesting_and_number_of_comparisons_are_bounded() -> None:
    longest = "value > 1".ljust(TEXT_LENGTH_MAX)
    assert parse(longest) == parse("value > 1")
    with pytest.raises(ConditionError, match=f"may have {TEXT_LENGTH_MAX} characters, got {TEXT_LENGTH_MAX + 1}"):
        parse(longest + " ")
    deepest = "(" * NESTING_MAX + "value > 1" + ")" * NESTING_MAX
    assert parse(deepest) == parse("value > 1")
    for deeper in (f"({deepest})", "not " * (NESTING_MAX + 1) + "value > 1"):
        with pytest.raises(ConditionError, match=f"at most {NESTING_MAX} levels"):
            parse(deeper)
    most = " and ".join(["value > 1"] * COMPARISONS_MAX)
    assert len(list(comparisons(parse(most)))) == COMPARISONS_MAX
    with pytest.raises(ConditionError, match=f"may have {COMPARISONS_MAX} comparisons, got {COMPARISONS_MAX + 1}"):
        parse(f"{most} and value > 1")


def test_limits_are_turned_into_the_operands_unit() -> None:
    units = {"value": "kPa", "rise": "kPa/min", "quality": ""}
    resolved = resolve(parse("value > 1 MPa and not rise <= 2 Pa/s or quality == bad"), units)
    assert [(one.operand, round(one.limit, 9), one.unit) for one in comparisons(resolved)] == [
        ("value", 1000.0, "kPa"),
        ("rise", 0.12, "kPa/min"),
        ("quality", 2.0, ""),
    ]
    assert operands(resolved) == {"value", "rise", "quality"}


def test_temperatures_are_turned_with_their_zero() -> None:
    assert resolve(parse("value > 330.15 K"), {"value": "degC"}) == Comparison(
        "value", ">", pytest.approx(57.0), "degC"
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("valeu > 1", "operand 'valeu' is not known here; did you mean 'value'?"),
        ("xyz > 1", "operand 'xyz' is not known here; known are quality, value"),
        ("value > 1 ppm", "value is in %LEL: 'ppm' cannot be turned into '%LEL'"),
        ("quality > 1 s", "quality is in plain numbers: "),
        ("value > 1 parsec", "unit 'parsec' is not known"),
    ],
)
def test_an_operand_or_unit_that_does_not_fit_is_refused(text: str, message: str) -> None:
    with pytest.raises(ConditionError) as refusal:
        resolve(parse(text), {"value": "%LEL", "quality": ""})
    assert message in str(refusal.value)
