"""What alarms mean together: combinations that lift the grade, parents that explain, chains that raise watch points."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pytest

from model.alarm import Grade
from model.incident import IncidentChange, IncidentEvent
from model.incident_plan import At, Chain, ChainStep, Combination, Explains, IncidentPlan, Term
from model.plan import Plan
from model.sensor import Asset, Link, Relation
from model.text import Text
from rules.incidents.look import Look
from tests.pipeline.plans import NAME
from tests.rules.incidents.plans import BASE_NS, SECOND, Desk, district, event

GAS, FAN, PEOPLE = Term(rules=("gas",), grade=Grade.ORANGE), Term(rules=("fan",)), Term(reading="people", at_least=1)
TOGETHER = Combination("people", NAME, NAME, (GAS, FAN, PEOPLE), At.ASSET, 600.0, Grade.RED, Text("撤", "out"))
CHAIN = Chain(
    "explosion",
    NAME,
    NAME,
    ("gas",),
    Grade.ORANGE,
    (
        ChainStep(Text("爆", "blast"), NAME, here=True, relations=(Relation.SAME_ROOM,), near_m=0),
        ChainStep(Text("火", "fire"), NAME, here=False, relations=(), near_m=60.0, confirmed_by=("smoke",)),
    ),
)
POWER = Explains("power", NAME, ("power",), ("pump",), At.LINKED, (Relation.POWERS,))


def looked(desk: Desk, second: float, people: Mapping[str, float] | None = None) -> list[IncidentEvent]:
    """One tick of the second look; ``people`` are read on assets."""
    read = people or {}
    desk.offset += 1
    look = Look.of(desk.made.incidents)
    told = look.again(
        desk.groups,
        desk.offset,
        BASE_NS + round(second * SECOND),
        lambda kind, asset: [read[asset]] if kind == "people" and asset in read else [],
    )
    desk.told += told
    return told


def plant(**more: object) -> Plan:
    return district({"a": "s", "b": "s"}, incidents=IncidentPlan(**more))


def gas(asset: str = "a", grade: Grade = Grade.ORANGE, name: str = "g", at_s: float = 0) -> object:
    return event(name, asset, at_s, rule="gas", grade=grade)


def fan(asset: str = "a", name: str = "f", at_s: float = 1) -> object:
    return event(name, asset, at_s, rule="fan", grade=Grade.BLUE)


def test_all_terms_on_one_asset_lift_the_grade_once_and_say_which_combination() -> None:
    desk = Desk(plant(combinations=(TOGETHER,))).take(gas(), fan())
    (told,) = looked(desk, 2, {"a": 2})
    assert (told.change, told.previous_grade, told.combination) == (IncidentChange.UPGRADED, Grade.ORANGE, "people")
    assert told.tells
    assert (told.incident.grade, [lift.combination for lift in told.incident.lifts]) == (Grade.RED, ["people"])
    assert looked(desk, 3, {"a": 2}) == []


@pytest.mark.parametrize(
    ("alarms", "people"),
    [
        ([gas()], {"a": 2}),
        ([fan()], {"a": 2}),
        ([gas(grade=Grade.YELLOW), fan()], {"a": 2}),
        ([gas(), fan("b")], {"a": 2, "b": 2}),
        ([gas(), fan()], {"b": 2}),
        ([gas(), fan()], {"a": 0}),
        ([gas(), fan()], {}),
    ],
)
def test_where_one_term_lacks_nothing_is_lifted(alarms: list[object], people: Mapping[str, float]) -> None:
    desk = Desk(plant(combinations=(TOGETHER,))).take(*alarms)
    assert looked(desk, 2, people) == []


def test_people_who_come_later_lift_it_when_they_come() -> None:
    desk = Desk(plant(combinations=(TOGETHER,))).take(gas(), fan())
    assert looked(desk, 2) == looked(desk, 3) == []
    assert [told.combination for told in looked(desk, 4, {"a": 1})] == ["people"]


def test_an_alarm_that_is_over_counts_for_a_while() -> None:
    def after(at_s: float) -> list[IncidentEvent]:
        desk = Desk(plant(combinations=(TOGETHER,), window_s=1e6)).take(gas()).over("g", "a", 1)
        return looked(desk.take(fan(at_s=at_s)), at_s, {"a": 1})

    assert after(601.0)
    assert not after(602.0)


def test_terms_may_lie_anywhere_on_the_site_and_the_registry_may_say_what_is_there() -> None:
    occupied = Term(attribute="occupied", at_least=1)
    one = replace(TOGETHER, terms=(GAS, occupied), at=At.SITE)
    made = plant(combinations=(one,))
    assert looked(Desk(made).take(gas()), 1) == []
    assets = (made.assets[0], replace(made.assets[1], attributes={"occupied": 1.0}))
    assert looked(Desk(replace(made, assets=assets)).take(gas()), 1)


def test_children_of_a_parent_are_counted_and_what_is_orange_is_not_one() -> None:
    made = district({"grid": "s", "p1": "s", "p2": "s", "other": "s"}, incidents=IncidentPlan(explains=(POWER,)))
    powers = (Link(Relation.POWERS, "p1"), Link(Relation.POWERS, "p2"))
    made = replace(made, assets=(replace(made.assets[0], links=powers), *made.assets[1:]))
    desk = Desk(made).take(
        event("w", "grid", 0, rule="power"),
        event("1", "p1", 1, rule="pump"),
        event("2", "p2", 1, rule="pump", grade=Grade.ORANGE),
        event("3", "other", 1, rule="pump"),
    )
    looked(desk, 2)
    assert desk.tick(2).told[-1].incident.folded == 1
    assert desk.told[-1].incident.alarms == 4


def test_a_chain_raises_watch_points_around_once_with_distances_and_they_end_with_the_incident() -> None:
    places = {"a": (39.9, 116.4), "b": (39.9, 116.4), "c": (39.9004, 116.4), "d": (39.901, 116.4)}
    made = district(dict.fromkeys("abcd", "s"), asset_places=places, incidents=IncidentPlan(chains=(CHAIN,)))
    made = replace(made, assets=(replace(made.assets[0], links=(Link(Relation.SAME_ROOM, "b"),)), *made.assets[1:]))
    desk = Desk(made).take(gas(grade=Grade.YELLOW))
    assert looked(desk, 1) == []
    desk.take(replace(gas(), transition="upgraded", id="up"))
    (told,) = looked(desk, 2)
    assert [(p.step, p.asset, round(p.distance_m)) for p in told.watch_points] == [
        (0, "a", 0),
        (0, "b", 0),
        (1, "b", 0),
        (1, "c", 44),
    ]
    assert told.tells
    assert looked(desk.take(gas(name="g2")), 3) == []
    closed = desk.over("g", "a", 4).over("g2", "a", 4).tick(4).tick(305).told[-1]
    assert closed.change is IncidentChange.CLOSED
    assert not desk.groups._watched


def test_what_confirms_a_watch_point_belongs_to_the_incident_whenever_it_comes_and_nothing_else_does() -> None:
    places = {"a": (39.9, 116.4), "c": (39.9004, 116.4)}
    made = district(
        {"a": "s", "c": "t"},
        asset_places=places,
        incidents=IncidentPlan(chains=(CHAIN,), near_m=1.0, window_s=1.0),
    )
    desk = Desk(made).take(gas())
    looked(desk, 1)
    desk.take(event("x", "c", 5000, rule="smoke"), event("y", "c", 9000, rule="other", grade=Grade.RED))
    kept = desk.stage.keep()
    assert desk.partition() == {frozenset("gx"), frozenset("y")} or desk.partition() == {frozenset({"g", "x", "y"})}
    desk.__post_init__()
    desk.stage.restore(kept)
    assert desk.groups.of_alarm[desk.take(event("z", "c", 9001, rule="smoke")) and "z"] == desk.groups.of_alarm["g"]


def test_watch_points_are_bounded() -> None:
    many = {f"a{n}": "s" for n in range(200)}
    made = district(many, asset_places=dict.fromkeys(many, (39.9, 116.4)), incidents=IncidentPlan(chains=(CHAIN,)))
    desk = Desk(made).take(*(event(f"g{n}", f"a{n}", 0, rule="gas", grade=Grade.RED) for n in range(50)))
    looked(desk, 1)
    assert [len(one.watch_points) for one in desk.groups.open.values()] == [50]


def test_links_lead_where_they_say_also_from_the_other_end() -> None:
    made = district({"up": "s", "down": "s", "pump": "s"})
    made = replace(
        made,
        assets=(
            made.assets[0],
            replace(made.assets[1], links=(Link(Relation.UPSTREAM, "up", 10.0),)),
            Asset("pump", NAME, "s", links=(Link(Relation.POWERS, "up"),)),
        ),
    )
    reached = Desk(made).groups.geography.reached
    assert reached("up", [Relation.DOWNSTREAM]) == {"down": 10.0}
    assert reached("down", [Relation.DOWNSTREAM]) == {}
    assert reached("pump", [Relation.POWERS]) == {"up": 0.0}
    assert reached("up", [Relation.POWERS]) == {}
