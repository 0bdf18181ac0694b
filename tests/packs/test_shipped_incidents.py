"""Every combination, chain and parent that the shipped packs declare does what it says, and lacks nothing to do it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from config.packs import check_packs, shipped
from model.incident import IncidentEvent
from model.incident_plan import At, Chain, Combination, Explains, IncidentPlan, Term
from model.plan import Plan
from model.sensor import Asset, Link, Relation
from rules.incidents.look import Look
from tests.pipeline.plans import NAME
from tests.rules.incidents.plans import BASE_NS, SECOND, Desk, district, event

PACKS, _ = check_packs(shipped(), Path())
DECLARED: IncidentPlan = PACKS.incidents
RULES = {rule.id: rule for rule in PACKS.rules}


def plan() -> Plan:
    """Two assets of one site, linked in every way, and one elsewhere."""
    made = district({"here": "s", "there": "s", "far": "t"})
    links = tuple(Link(relation, "there", 10.0) for relation in Relation)
    return replace(
        made, assets=(Asset("here", NAME, "s", links=links), *made.assets[1:]), rules=PACKS.rules, incidents=DECLARED
    )


def looked(desk: Desk, readings: dict[str, float]) -> list[IncidentEvent]:
    look = Look.of(DECLARED)
    return look.again(
        desk.groups, 99, BASE_NS + 9 * SECOND, lambda kind, _: [readings[kind]] if kind in readings else []
    )


def alarms(terms: list[Term], asset_of: dict[int, str] | None = None) -> list[object]:
    """One alarm of the first rule of each term, of exactly the grade that it asks for."""
    return [
        event(f"alarm-{at}", (asset_of or {}).get(at, "here"), at, rule=term.rules[0], grade=term.grade)
        for at, term in enumerate(terms)
        if term.rules
    ]


def readings_of(terms: list[Term]) -> dict[str, float]:
    return {
        term.reading: term.at_least if term.at_least is not None else term.at_most or 0.0
        for term in terms
        if term.reading
    }


def ids(declared: object) -> str:
    return declared.id


def test_there_is_something_to_look_at_in_each_of_four_packs() -> None:
    families = {one.id.partition(".")[0] for one in (*DECLARED.combinations, *DECLARED.chains)}
    assert families == {"gas", "pipeline", "fire", "water"}


@pytest.mark.parametrize("one", DECLARED.combinations, ids=ids)
def test_a_combination_lifts_with_all_of_its_terms_and_with_none_less(one: Combination) -> None:
    terms = list(one.terms)

    def lifts(left: list[Term], asset_of: dict[int, str] | None = None) -> bool:
        told = looked(Desk(plan()).take(*alarms(left, asset_of)), readings_of(left))
        return any(event.combination == one.id for event in told)

    assert lifts(terms)
    for at in range(len(terms)):
        assert not lifts(terms[:at] + terms[at + 1 :])
    if one.at is At.ASSET and sum(bool(term.rules) for term in terms) > 1:
        assert not lifts(terms, {1: "there"})


@pytest.mark.parametrize("one", DECLARED.combinations, ids=ids)
def test_a_rule_can_reach_the_grade_that_a_combination_asks_of_it(one: Combination) -> None:
    for term in one.terms:
        reach = [max(spec.grade for spec in RULES[rule].grades) for rule in term.rules]
        assert all(grade >= term.grade for grade in reach), term


@pytest.mark.parametrize("chain", DECLARED.chains, ids=ids)
def test_a_chain_raises_a_watch_point_of_every_step_and_its_rules_can_begin_it(chain: Chain) -> None:
    for rule in chain.rules:
        assert max(spec.grade for spec in RULES[rule].grades) >= chain.grade
        desk = Desk(_placed(plan())).take(event("1", "here", 0, rule=rule, grade=chain.grade))
        points = [p for told in looked(desk, {}) for p in told.watch_points if p.chain == chain.id]
        assert {point.step for point in points} == set(range(len(chain.steps)))
        assert "far" not in {point.asset for point in points}


@pytest.mark.parametrize("one", DECLARED.explains, ids=ids)
def test_a_parent_explains_its_children_and_not_itself_alone(one: Explains) -> None:
    child = event("child", "here", 1, rule=one.children[0], grade=one.up_to)
    desk = Desk(plan()).take(event("parent", "here", 0, rule=one.rules[0]), child)
    looked(desk, {})
    assert [incident.folded for incident in desk.groups.open.values()] == [1]
    alone = Desk(plan()).take(child)
    looked(alone, {})
    assert [incident.folded for incident in alone.groups.open.values()] == [0]


def _placed(made: Plan) -> Plan:
    spots = {"here": (30.0, 120.0), "there": (30.0001, 120.0), "far": (31.0, 120.0)}
    assets = tuple(
        replace(asset, position=replace(asset.position, lat=spots[asset.id][0], lon=spots[asset.id][1]))
        for asset in made.assets
    )
    return replace(made, assets=assets)
