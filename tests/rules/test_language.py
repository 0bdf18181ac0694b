"""The language of conditions: what it reads, what it refuses, and where it says the mistake stands."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from model.condition import AllOf, AnyOf, Comparison, Condition, Not
from model.errors import ConditionError
from rules.language import (
    COMPARISONS_MAX,
    NESTING_MAX,
    TEXT_LENGTH_MAX,
    base_of,
    call_of,
    comparisons,
    operands,
    parse,
    render,
    resolve,
    source_of,
)
from rules.operands import GROUPED, HELD, TALLIES, WINDOWED, Call, is_of_others

WORDS = st.from_regex(r"[A-Za-z_%°][\w%°/.]{0,8}", fullmatch=True).filter(lambda word: word not in {"and", "or", "not"})
NUMBERS = st.floats(allow_nan=False, allow_infinity=False)
SPANS_NS = st.integers(1, 31 * 24 * 3600 * 1000).map(lambda milliseconds: milliseconds * 10**6)
OF_OTHERS = st.sampled_from(["asset.gas", "site.wind_speed", "mode"])
STATES = WORDS.filter(lambda word: word not in {"good", "uncertain", "bad"})


def _compared(operand: st.SearchStrategy[str]) -> st.SearchStrategy[Comparison]:
    limits = st.builds(
        Comparison,
        operand=operand,
        operator=st.sampled_from([">", ">=", "<", "<=", "==", "!="]),
        limit=NUMBERS,
        unit=st.just("") | WORDS,
    )
    states = st.builds(
        Comparison, operand=operand, operator=st.sampled_from(["==", "!="]), limit=st.just(0.0), word=STATES
    )
    return limits | states


OWN = WORDS.filter(lambda word: not is_of_others(word))
CALLS = (
    st.builds(Call, st.sampled_from(sorted(WINDOWED)), OWN, SPANS_NS)
    | st.builds(Call, st.sampled_from(sorted(TALLIES)), _compared(OWN), SPANS_NS)
    | st.builds(Call, st.just(HELD), _compared(OWN))
    | st.builds(Call, st.sampled_from(sorted(GROUPED)), OF_OTHERS)
    | st.builds(Call, st.sampled_from(sorted(TALLIES)), _compared(OF_OTHERS), st.just(0) | SPANS_NS)
)
COMPARISONS = _compared(WORDS | CALLS.map(str))


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
        ("mean(value) > 5", "column 11: expected a comma and a duration such as 10 min, got ')'"),
        ("mean(value, 10) > 5", "column 15: expected a duration such as 10 min, of at most 31 d, got ')'"),
        ("mean(value, 0 s) > 5", "column 16: expected a duration such as 10 min, of at most 31 d, got ')'"),
        ("mean(value, 40 d) > 5", "column 17: expected a duration such as 10 min, of at most 31 d, got ')'"),
        ("mean(value >= 5, 1 h) > 5", "column 12: expected a comma and a duration such as 10 min, got '>='"),
        ("median(value, 1 h) > 5", "column 1: expected one of the functions change, count, held, max, mean, min, rate"),
        ("count(value, 1 h) > 5", "column 12: expected one of > >= < <= == !=, got ','"),
        ("held(value > 5, 1 h) > 5 s", "column 15: expected a closing bracket, got ','"),
        ("rate(asset.gas, 1 h) > 5", "column 15: expected in rate() readings of the sensor itself, not of others"),
        ("max(asset.gas, 1 h) > 5", "column 14: expected a closing bracket, got ','"),
        ("mean(mean(value, 1 h), 1 h) > 5", "column 10: expected a comma and a duration such as 10 min, got '('"),
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


@pytest.mark.parametrize(
    ("text", "call", "base"),
    [
        ("mean( value ,600 s )", Call("mean", "value", 600 * 10**9), "value"),
        (
            "count(value>=25 %LEL,120 s)",
            Call("count", Comparison("value", ">=", 25.0, "%LEL"), 120 * 10**9),
            "value",
        ),
        ("held(slope > 1)", Call("held", Comparison("slope", ">", 1.0)), "slope"),
        ("max(asset.gas)", Call("max", "asset.gas"), "asset.gas"),
    ],
)
def test_an_operand_goes_by_one_text_however_it_was_written(text: str, call: Call, base: str) -> None:
    (operand,) = operands(parse(f"{text} > 1"))
    assert operand == str(call)
    assert call_of(operand) == call
    assert base_of(operand) == base
    assert str(Call("mean", "value", 600 * 10**9)) == "mean(value, 10 min)"


def test_what_an_operand_rests_on_is_a_detector_a_reading_or_another_sensor() -> None:
    texts = {"value": "value", "normal.stale": "normal", "max(slope, 1 h)": "slope", "min(asset.gas)": "asset.gas"}
    assert {text: source_of(text) for text in texts} == texts


UNITS = {"value": "degC", "slope": "degC/min", "door": "", "weekday": ""}
NAMES = {"door": {"shut": 0.0, "open": 1.0}, "weekday": {"monday": 1.0, "sunday": 7.0}}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("mean(value, 1 h) > 330.15 K", "mean(value, 1 h) > 57 degC"),
        ("change(value, 1 h) > 5 K", "change(value, 1 h) > 5 degC"),
        ("rate(value, 1 h) > 60 K/h", "rate(value, 1 h) > 1 degC/min"),
        ("count(value > 330.15 K, 1 h) > 3", "count(value > 57 degC, 1 h) > 3"),
        ("share(slope > 1 K/min, 1 h) > 80 %", "share(slope > 1 degC/min, 1 h) > 0.8 1"),
        ("held(value > 1 degC) >= 2 min", "held(value > 1 degC) >= 120 s"),
        ("held(door == open) >= 2 min", "held(door == 1) >= 120 s"),
        ("door != open and weekday == sunday", "door != 1 and weekday == 7"),
        ("door == 0 and weekday >= 6", "door == 0 and weekday >= 6"),
    ],
)
def test_limits_within_functions_are_turned_too_and_states_become_their_numbers(text: str, expected: str) -> None:
    assert render(resolve(parse(text), UNITS, NAMES)).replace("57.00000000000006", "57") == expected


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("mean(value, 1 h) > 5 kPa", "mean(value, 1 h) is in degC: 'kPa' cannot be turned into 'degC'"),
        ("count(value > 5 kPa, 1 h) > 3", "value is in degC: 'kPa' cannot be turned into 'degC'"),
        ("count(value > 5, 1 h) > 3 degC", "count(value > 5 degC, 1 h) is in plain numbers: "),
        ("rate(value, 1 h) > 5 degC", "rate(value, 1 h) is in degC/min: "),
        ("held(value > 5) > 3 degC", "held(value > 5 degC) is in s: "),
        ("mean(valeu, 1 h) > 5", "operand 'valeu' is not known here; did you mean 'value'?"),
        (
            "mean(door, 1 h) > 0.5",
            "door has states, not numbers, so mean() means nothing for it; count, share and held do",
        ),
        ("value == open", "value is a number, and 'open' is none"),
        ("door == opne", "'opne' is no state of door; did you mean 'open'?"),
        ("door == ajar", "'ajar' is no state of door; known are shut, open"),
        ("door == 2", "door must be one of shut, open, got '2'"),
        ("door == 1 kPa", "door must be one of shut, open, got '1 kPa'"),
        ("door >= 1", "door has states, which have no order: compare it by == or != with shut, open"),
        ("weekday == 3 h", "weekday is in plain numbers, got 'h'"),
    ],
)
def test_a_function_or_state_that_does_not_fit_is_refused(text: str, message: str) -> None:
    with pytest.raises(ConditionError) as refusal:
        resolve(parse(text), UNITS, NAMES)
    assert message in str(refusal.value)
