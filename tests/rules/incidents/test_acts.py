"""Incidents grouped by hand: what a person did is never undone by the machine."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from model.errors import CommandRefused
from model.incident_plan import IncidentPlan
from model.inputs import HumanAct
from rules.incidents.acts import carry_out
from tests.rules.incidents.plans import BASE_NS, Desk, district, event

MADE = district({"a": "s", "b": "s", "c": "s", "far": "t"}, incidents=IncidentPlan(wide_incidents=10**6))


def incident_of(desk: Desk, alarm: str) -> str:
    return desk.groups.of_alarm[alarm]


def act(desk: Desk, what: str, incident: str, *about: str, by: str = "Wang", command: str = "c1") -> None:
    desk.offset += 1
    given = HumanAct(command, what, incident, by, "seen on site", BASE_NS, about=about)
    desk.told += carry_out(desk.groups, given, desk.offset)


def two_apart() -> Desk:
    return Desk(MADE).take(event("1", "a", 0), event("2", "far", 5))


def test_two_incidents_that_a_person_merges_are_one_with_who_and_why() -> None:
    desk = two_apart()
    act(desk, "merge", incident_of(desk, "2"), incident_of(desk, "1"))
    assert desk.partition() == {frozenset("12")}
    told = desk.told[-1]
    assert (told.change.value, told.by, told.note, told.tells) == ("merged", "Wang", "seen on site", True)
    assert told.incident.by_hand
    assert told.incident_id == incident_of(desk, "1")  # the one that began first


def test_alarms_that_a_person_splits_off_stay_apart_and_new_ones_join_only_one() -> None:
    desk = Desk(MADE).take(event("1", "a", 0), event("2", "b", 1), event("3", "c", 2))
    act(desk, "split", incident_of(desk, "1"), "2", "3")
    assert desk.partition() == {frozenset("1"), frozenset("23")}
    desk.take(event("4", "a", 3), event("5", "b", 4)).tick(5)
    assert desk.partition() == {frozenset("145"), frozenset("23")}
    assert [one.joined for one in desk.told if one.change == "split"] == [(), ("2", "3")]


def test_what_was_split_off_ends_by_itself() -> None:
    desk = Desk(MADE).take(event("1", "a", 0), event("2", "b", 1)).over("2", "b", 2)
    act(desk, "split", incident_of(desk, "1"), "2")
    desk.tick(300)
    assert desk.partition() == {frozenset("1")}


@pytest.mark.parametrize(
    ("what", "incident", "about", "said"),
    [
        ("merge", "1", (), "merge needs at least two different incidents"),
        ("merge", "1", ("1",), "merge needs at least two different incidents"),
        ("merge", "1", ("x",), "incident 'x' is not open; `fengsui incidents list` shows the open ones"),
        ("split", "1", (), "split needs the alarms that are to be another incident"),
        ("split", "1", ("2",), "alarm '2' does not belong to incident"),
        ("split", "1", ("1",), "must keep at least one of its alarms"),
    ],
)
def test_what_cannot_be_done_is_refused_and_changes_nothing(
    what: str, incident: str, about: tuple[str, ...], said: str
) -> None:
    desk = two_apart()
    ids = [incident_of(desk, name) if what == "merge" and name in "12" else name for name in about]
    with pytest.raises(CommandRefused, match=said):
        act(desk, what, incident_of(desk, incident), *ids)
    assert desk.partition() == {frozenset("1"), frozenset("2")}


def test_an_act_without_a_name_is_refused() -> None:
    desk = two_apart()
    with pytest.raises(CommandRefused, match="an act needs by"):
        act(desk, "merge", incident_of(desk, "1"), incident_of(desk, "2"), by=" ")


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_alarms_apart_by_hand_never_meet_again_and_those_put_together_never_part(data: st.DataObject) -> None:
    assets = data.draw(st.lists(st.sampled_from("abc"), min_size=2, max_size=6))
    desk = Desk(MADE).take(*(event(f"{n}", asset, n) for n, asset in enumerate(assets)), event("f", "far", 1))
    act(desk, "merge", incident_of(desk, "f"), incident_of(desk, "0"))
    off = data.draw(st.lists(st.integers(1, len(assets) - 1), min_size=1, max_size=3, unique=True))
    act(desk, "split", incident_of(desk, "0"), *(f"{n}" for n in off), command="c2")
    for n, asset in enumerate(data.draw(st.lists(st.sampled_from(["a", "b", "c", "far"]), max_size=8))):
        desk.take(event(f"new{n}", asset, 10 + n)).tick(10 + n)
    together, apart = incident_of(desk, "0"), incident_of(desk, f"{off[0]}")
    assert together != apart
    assert incident_of(desk, "f") == together
    assert {incident_of(desk, f"{n}") for n in off} == {apart}
