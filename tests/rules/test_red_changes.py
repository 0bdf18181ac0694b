"""A change that touches red is named; one that does not is not."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date

import pytest

from model.alarm import Grade
from model.override import GradeChange, LimitChange, Override, Where
from model.plan import DetectorSpec, Plan
from rules.red_changes import red_changes
from tests.pipeline.plans import NAME, grade, kind, plan, rule

WARNING, LIFE = "life.blue", "life.red"


def base() -> Plan:
    return plan(
        rule(WARNING, grade("blue", "value >= 5")),
        rule(LIFE, grade("yellow", "value >= 10"), grade("red", "value >= 50 %LEL and not rise < 3", 5.0, 10.0, 2.0)),
        sensors=[("a", "gas"), ("b", "gas")],
        detectors=[DetectorSpec("rise", "rate", ("gas",), {"window_s": 60.0})],
    )


def with_rule(**fields: object) -> Callable[[Plan], Plan]:
    def change(given: Plan) -> Plan:
        rules = tuple(replace(one, **fields) if one.id == LIFE else one for one in given.rules)  # type: ignore[arg-type]
        return replace(given, rules=rules)

    return change


def with_red(**fields: object) -> Callable[[Plan], Plan]:
    def change(given: Plan) -> Plan:
        yellow, red = given.rules[1].grades
        return with_rule(grades=(yellow, replace(red, **fields)))(given)  # type: ignore[arg-type]

    return change


def overridden(name: str = LIFE, *, off: bool = False, **fields: object) -> Callable[[Plan], Plan]:
    changes = (GradeChange(Grade.RED, **fields),) if fields else ()  # type: ignore[arg-type]
    made = Override("o", name, Where(tags=("a",)), "Wang", date(2026, 1, 1), None, NAME, changes, off)
    return lambda given: replace(given, overrides=(made,))


def limit(operand: str, to: float, unit: str = "") -> dict[str, object]:
    return {"limits": (LimitChange(operand, to, unit),)}


@pytest.mark.parametrize(
    ("change", "place", "words"),
    [
        (lambda p: replace(p, rules=p.rules[:1]), "rules.life.red", "the rule is taken out"),
        (with_rule(grades=base().rules[1].grades[:1]), "rules.life.red.grades.red", "the red grade is taken out"),
        (
            with_red(when="value >= 60 %LEL and not rise < 3"),
            "rules.life.red.grades.red.when",
            "the condition of red: value >= 50 %LEL and not rise < 3 -> value >= 60 %LEL and not rise < 3",
        ),
        (with_red(on_delay_s=6.0), "rules.life.red.grades.red.on_delay", "on_delay of red: 5 s -> 6 s"),
        (with_red(off_delay_s=0.0), "rules.life.red.grades.red.off_delay", "off_delay of red: 10 s -> 0 s"),
        (with_red(deadband=0.0), "rules.life.red.grades.red.deadband", "deadband of red: 2 -> 0"),
        (with_rule(latching=True), "rules.life.red.latching", "latching of the rule changes"),
        (with_rule(where=Where(tags=("b",))), "rules.life.red", "no longer judged: a"),
        (with_rule(kinds=("other",)), "rules.life.red", "no longer judged: a, b"),
        (lambda p: replace(p, sensors=p.sensors[1:]), "rules.life.red", "no longer judged: a"),
        (
            lambda p: replace(p, detectors=(replace(p.detectors[0], parameters={"window_s": 90.0}),)),
            "detectors.rise",
            "a detector that red rests on changes",
        ),
        (
            lambda p: replace(p, kinds=(replace(p.kinds[0], high=90.0),)),
            "kinds.gas",
            "a kind of sensors that red judges changes",
        ),
        (overridden(off=True), "overrides.o", "makes red of life.red looser"),
        (overridden(on_delay_s=9.0), "overrides.o", "makes red of life.red looser"),
        (overridden(**limit("value", 51.0, "%LEL")), "overrides.o", "makes red of life.red looser"),
        (overridden(**limit("rise", 4.0)), "overrides.o", "makes red of life.red looser"),
        (
            overridden(**limit("value", 40.0)),
            "overrides.o",
            "makes red of life.red looser",
        ),  # in which unit is not known here
        (overridden(deadband=1.0), "overrides.o", "makes red of life.red looser"),
        (overridden(off_delay_s=9.0), "overrides.o", "makes red of life.red looser"),
    ],
)
def test_what_touches_red_is_named(change: Callable[[Plan], Plan], place: str, words: str) -> None:
    (found,) = red_changes(base(), change(base()))
    assert (found.place, found.text.en) == (place, words)


@pytest.mark.parametrize(
    "change",
    [
        lambda p: p,
        lambda p: replace(p, rules=(replace(p.rules[0], grades=(grade("blue", "value >= 6"),)), p.rules[1])),
        lambda p: replace(p, rules=p.rules[1:]),
        lambda p: replace(p, rules=(*p.rules, rule("more", grade("red", "value >= 90")))),
        with_rule(owner="Li", name=NAME, source=NAME),
        with_red(when="value>=50 %LEL and not (rise < 3)"),
        with_rule(grades=(grade("yellow", "value >= 12"), base().rules[1].grades[1])),
        overridden(WARNING, off=True),
        overridden(**limit("value", 40.0, "%LEL")),
        overridden(**limit("rise", 2.0)),
        overridden(deadband=3.0, off_delay_s=20.0, on_delay_s=0.0),
    ],
)
def test_what_does_not_touch_red_or_makes_it_stricter_is_not(change: Callable[[Plan], Plan]) -> None:
    assert red_changes(base(), change(base())) == []


def test_an_override_that_made_red_stricter_and_goes_is_named() -> None:
    stricter = overridden(**limit("value", 40.0, "%LEL"))(base())
    (found,) = red_changes(stricter, base())
    assert found.text.en == "red of life.red is no longer stricter"
    assert red_changes(overridden(off=True)(base()), base()) == []


def test_many_lost_sensors_are_counted() -> None:
    many = replace(base(), sensors=tuple(replace(base().sensors[0], tag=f"s{i}") for i in range(8)))
    (found,) = red_changes(many, replace(many, sensors=()))
    assert found.text.zh == "不再判断：s0, s1, s2, s3, s4 (+3)"


def test_a_kind_that_red_asks_beside_its_sensor_is_ground_of_it_too() -> None:
    fan, mode = kind("fan", unit=""), replace(kind("plant_mode", unit=""), is_mode=True)
    asks = rule("r", grade("red", "value >= 25 and asset.fan == 0 and mode == 0"))
    hides = replace(rule("r", grade("red", "value >= 25")), suppress_when="asset.fan == 0 and mode == 0")
    for old in (plan(asks, kinds=[kind(), fan, mode]), plan(hides, kinds=[kind(), fan, mode])):
        for at in (1, 2):
            kinds = [replace(one, unit="1") if number == at else one for number, one in enumerate(old.kinds)]
            (told,) = red_changes(old, replace(old, kinds=tuple(kinds)))
            assert told.place == f"kinds.{old.kinds[at].id}"
        assert red_changes(old, old) == []
