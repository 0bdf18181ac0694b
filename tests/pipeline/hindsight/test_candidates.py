"""Changes that are tried: one thing each, never past the next grade, never a later red."""

from __future__ import annotations

from datetime import date

import pytest

from model.alarm import Grade
from model.override import GradeChange, LimitChange, Override, Where
from model.plan import RuleSpec
from model.text import Text
from pipeline.hindsight.candidates import Candidate, candidates
from pipeline.hindsight.remedies import Means
from rules.language import comparisons, parse
from tests.pipeline.plans import grade, rule

HIGH = rule("r", grade("blue", "value >= 10"), grade("yellow", "value >= 25", on_s=10.0), grade("red", "value >= 50"))
LOW = rule("low", grade("blue", "value <= 100"), grade("yellow", "value <= 40"))


def limits(of: RuleSpec, colour: Grade, *, red: bool = False) -> list[float]:
    return [
        one.remedy.amount
        for one in candidates(of, red=red)
        if one.remedy.means is Means.LIMIT and one.grades == (colour,)
    ]


def differs(of: RuleSpec, one: Candidate) -> set[tuple[Grade, str]]:
    found = set()
    for was, now in zip(of.grades, one.remedy.changed.grades, strict=True):
        for field in ("when", "on_delay_s", "off_delay_s", "deadband"):
            if getattr(was, field) != getattr(now, field):
                found.add((was.grade, field))
    return found


@pytest.mark.parametrize("of", [HIGH, LOW], ids=["high", "low"])
def test_each_changes_one_thing_and_says_which(of: RuleSpec) -> None:
    found = candidates(of)
    assert {one.remedy.means for one in found} == set(Means)
    for one in found:
        fields = {field for _, field in differs(of, one)}
        assert len(fields) == 1, one
        assert {where for where, _ in differs(of, one)} <= set(one.grades)
        assert one.remedy.changed.id == of.id


def test_a_limit_moves_to_the_next_grades_and_never_reaches_it() -> None:
    assert limits(HIGH, Grade.BLUE) == [12.5, 15.0, 17.5, 20.0, 22.5]
    assert limits(HIGH, Grade.YELLOW) == [29.2, 33.3, 37.5, 41.7, 45.8]
    assert limits(LOW, Grade.BLUE) == [90.0, 80.0, 70.0, 60.0, 50.0]
    assert limits(LOW, Grade.YELLOW) == [36.0, 32.0, 26.0, 20.0, 10.0, 0.0], "nothing is below: by itself"


def test_red_is_loosened_where_it_is_asked_for_alone_and_is_never_delayed() -> None:
    assert limits(HIGH, Grade.RED) == []
    assert limits(HIGH, Grade.RED, red=True) == [55.0, 60.0, 67.5, 75.0, 87.5, 100.0]
    assert not any(one.loosens_red for one in candidates(HIGH))
    assert {one.remedy.means for one in candidates(HIGH, red=True) if one.loosens_red} == {Means.LIMIT}
    for one in candidates(HIGH, red=True):
        assert one.remedy.changed.grades[-1].on_delay_s == 0.0


def test_a_ladder_rises_from_what_is_now() -> None:
    ladders: dict[object, list[float]] = {}
    for one in candidates(HIGH):
        ladders.setdefault((one.remedy.means, one.ladder), []).append(abs(one.remedy.amount - one.was))
    assert all(steps == sorted(set(steps)) and steps[0] > 0 for steps in ladders.values())


def test_what_has_no_limit_to_move_is_left_alone() -> None:
    state = rule("q", grade("blue", "quality == bad"))
    assert {one.remedy.means for one in candidates(state)} == {Means.ON_DELAY, Means.OFF_DELAY}
    band = rule("b", grade("blue", "value >= 10 or value >= 12 and rate >= 3"))
    things = {one.thing for one in candidates(band) if one.remedy.means is Means.LIMIT}
    assert things == {"limit of rate >="}, "which of the two is meant cannot be said"
    mixed = rule("m", grade("blue", "value >= 5 cm"), grade("yellow", "value >= 1 m"))
    assert not limits(mixed, Grade.BLUE), "another unit is not compared"


def test_a_deadband_stays_below_the_gap_between_grades() -> None:
    near = rule("n", grade("blue", "value >= 100"), grade("yellow", "value >= 104"))
    assert [one.remedy.amount for one in candidates(near) if one.remedy.means is Means.DEADBAND] == []
    wide = rule("w", grade("blue", "value >= 100"), grade("yellow", "value >= 108"))
    assert [one.remedy.amount for one in candidates(wide) if one.remedy.means is Means.DEADBAND] == [5.0]


def test_what_an_override_settles_is_not_changed_again() -> None:
    def settled(change: GradeChange) -> Override:
        return Override("o", "r", Where(("a",)), "li", date(2026, 1, 1), None, Text("", ""), (change,))

    own = settled(GradeChange(Grade.BLUE, limits=(LimitChange("value", 12.0),)))
    left = candidates(HIGH, [own])
    assert not [one for one in left if one.remedy.means is Means.LIMIT and Grade.BLUE in one.grades]
    assert limits(HIGH, Grade.YELLOW) == [
        one.remedy.amount for one in left if one.remedy.means is Means.LIMIT and one.grades == (Grade.YELLOW,)
    ]
    delayed = candidates(HIGH, [settled(GradeChange(Grade.YELLOW, on_delay_s=20.0))])
    assert {one.grades for one in delayed if one.remedy.means is Means.ON_DELAY} == {(Grade.BLUE,)}
    whole = Override("o", "r", Where(("a",)), "li", date(2026, 1, 1), None, Text("", ""), off=True)
    assert candidates(HIGH, [whole]) == []


def test_a_changed_limit_is_that_of_its_own_comparison() -> None:
    both = rule("both", grade("blue", "rate >= 3 and value >= 10"), grade("yellow", "rate >= 6 and value >= 20"))
    moved = next(one for one in candidates(both) if one.thing == "limit of rate >=")
    found = {one.operand: one.limit for one in comparisons(parse(moved.remedy.changed.grades[0].when))}
    assert found == {"rate": 3.5, "value": 10.0}
