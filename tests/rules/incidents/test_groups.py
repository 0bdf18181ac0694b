"""Which alarms become one incident, and when one is over; against a slow twin that compares each with each."""

from __future__ import annotations

from dataclasses import replace

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from model.alarm import Grade, Transition
from model.incident import Certainty, IncidentChange, IncidentKind
from model.incident_plan import IncidentPlan, Nearness
from rules.incidents.correlation import Kept
from tests.naive.incidents import NaiveAlarm, NaiveGraph, groups
from tests.pipeline.plans import grade, rule
from tests.rules.incidents.plans import Desk, district, event

HERE = (39.9, 116.4)


def metres_north(metres: float) -> tuple[float, float]:
    return (HERE[0] + metres / 111_195.08, HERE[1])


def one_site() -> Desk:
    return Desk(district({"a": "s", "b": "s", "far": "t"}))


def test_alarms_of_one_site_within_the_window_are_one_incident_and_others_are_not() -> None:
    desk = one_site().take(event("1", "a", 0), event("2", "b", 599), event("3", "far", 10))
    assert desk.partition() == {frozenset("12"), frozenset("3")}


def test_an_alarm_after_the_window_of_one_that_is_over_begins_another() -> None:
    desk = one_site().take(event("1", "a", 0)).over("1", "a", 100).take(event("2", "a", 701))
    assert desk.partition() == {frozenset("1"), frozenset("2")}
    again = one_site().take(event("1", "a", 0)).over("1", "a", 100).take(event("2", "a", 700))
    assert again.partition() == {frozenset("12")}


def test_while_an_alarm_is_on_others_join_it_but_not_one_about_an_instrument() -> None:
    dead = replace(rule("dead", grade("blue", "value > 1")), diagnostic=True)
    made = district({"a": "s"}, rules=[dead])
    assert Desk(made).take(event("1", "a", 0), event("2", "a", 7200)).partition() == {frozenset("12")}
    of_instrument = event("1", "a", 0, rule="dead")
    assert len(Desk(made).take(of_instrument, event("2", "a", 7200)).partition()) == 2


@pytest.mark.parametrize(("metres", "are_one"), [(119.9, True), (120.1, False)])
def test_in_space_the_limit_of_distance_counts(metres: float, *, are_one: bool) -> None:
    made = district({"a": "s", "b": "t"}, places={"a": HERE, "b": metres_north(metres)})
    assert (len(Desk(made).take(event("1", "a", 0), event("2", "b", 1)).partition()) == 1) is are_one


def test_two_places_of_one_site_that_are_known_to_lie_far_apart_are_two_incidents() -> None:
    made = district({"a": "s", "b": "s"}, places={"a": HERE, "b": metres_north(5000)})
    assert len(Desk(made).take(event("1", "a", 0), event("2", "b", 1)).partition()) == 2


def test_a_kind_may_have_a_window_and_a_distance_of_its_own() -> None:
    made = district(
        {"a": "s", "b": "t"},
        places={"a": HERE, "b": metres_north(400)},
        incidents=IncidentPlan(by_kind=(Nearness("gas", 1800.0, 500.0),)),
    )
    assert len(Desk(made).take(event("1", "a", 0), event("2", "b", 1700)).partition()) == 1


def test_the_asset_graph_counts_up_to_its_length_and_number_of_links() -> None:
    chain = {name: f"site-{name}" for name in "abcdef"}
    links = [(one, other, 300.0) for one, other in zip("abcde", "bcdef", strict=True)]
    desk = Desk(district(chain, links=links)).take(event("1", "a", 0), event("2", "d", 1))
    assert desk.partition() == {frozenset("12")}
    assert Desk(district(chain, links=links)).take(event("1", "a", 0), event("2", "e", 1)).partition() == {
        frozenset("1"),
        frozenset("2"),
    }
    short = Desk(district(chain, links=[(a, b, 10.0) for a, b, _ in links]))
    assert short.take(event("1", "a", 0), event("2", "e", 1)).partition() == {frozenset("1"), frozenset("2")}


def test_an_alarm_between_two_incidents_makes_them_one_and_the_first_one_stays() -> None:
    made = district({"a": "1", "m": "2", "b": "3"}, links=[("a", "m", 900.0), ("m", "b", 900.0)])
    desk = Desk(made).take(event("x", "a", 5), event("y", "b", 0), event("z", "m", 9))
    assert desk.partition() == {frozenset("xyz")}
    (left,) = desk.groups.open.values()
    merged = [one for one in desk.told if one.change is IncidentChange.MERGED]
    assert merged[-1].incident_id == left.id
    assert merged[0].incident.merged_into == left.id
    assert not merged[0].incident.is_open
    assert merged[-1].incident.first_out.alarm_id == "y"


def test_first_out_is_by_event_time_and_a_late_alarm_corrects_it_once_a_second() -> None:
    desk = one_site().take(event("1", "a", 100), event("2", "b", 90, received_s=101), event("3", "b", 95)).tick(102)
    assert desk.changes() == ["opened", "joined", "first_out_changed"]
    assert desk.told[-1].incident.first_out.alarm_id == "2"
    assert desk.told[1].joined == ("2", "3")


def test_late_news_joins_by_its_own_time_and_not_by_that_of_its_arrival() -> None:
    desk = one_site().take(event("1", "a", 0)).over("1", "a", 10)
    desk.take(event("old", "b", -3600, received_s=20)).over("old", "b", -3000)
    desk.take(event("then", "b", -100, received_s=20))
    assert desk.partition() == {frozenset({"1", "then"}), frozenset({"old"})}


def test_an_incident_ends_when_all_its_alarms_have_and_a_quiet_time_has_passed() -> None:
    desk = one_site().take(event("1", "a", 0), event("2", "b", 1)).tick(2)
    desk.over("1", "a", 10).tick(400)
    assert len(desk.partition()) == 1
    desk.over("2", "b", 401).tick(700).tick(701)
    assert desk.changes()[-1] == "closed"
    assert not desk.told[-1].incident.is_open
    assert not desk.groups.of_alarm


def test_an_incident_that_is_over_takes_in_nothing() -> None:
    desk = one_site().take(event("1", "a", 0)).over("1", "a", 1).tick(1).tick(302)
    desk.take(event("2", "a", 5))
    assert desk.partition() == {frozenset("2")}
    assert len({one.incident_id for one in desk.told}) == 2


def test_the_grade_is_the_highest_that_there_was() -> None:
    desk = one_site().take(event("1", "a", 0, grade=Grade.BLUE), event("2", "b", 1, grade=Grade.ORANGE))
    down = event("2", "b", 2, transition=Transition.DOWNGRADED, grade=Grade.BLUE)
    up = event("1", "a", 3, transition=Transition.UPGRADED, grade=Grade.RED)
    desk.take(down, up)
    assert [(e.change.value, e.previous_grade.name) for e in desk.told if e.change == "upgraded"] == [
        ("upgraded", "BLUE"),
        ("upgraded", "ORANGE"),
    ]
    assert next(iter(desk.groups.open.values())).grade is Grade.RED
    assert desk.tick(4).told[-1].incident.by_grade == {"red": 1, "orange": 1}


def test_one_alarm_alone_is_not_told_as_an_incident_and_many_are_told_once_a_second() -> None:
    desk = one_site().take(event("0", "a", 0)).tick(1)
    assert [one.tells for one in desk.told] == [False]
    desk.take(*(event(str(n), "a", 1 + n / 1000) for n in range(1, 900))).tick(2)
    joined = desk.told[-1]
    assert (joined.change.value, len(joined.joined), joined.tells) == ("joined", 899, True)
    assert joined.incident.alarms == 900


def test_so_many_places_at_once_are_one_wide_incident_and_what_follows_is_a_part_of_it() -> None:
    places = {f"p{n}": f"site-{n}" for n in range(60)}
    desk = Desk(district(places)).take(*(event(f"x{n}", f"p{n}", n) for n in range(19)))
    assert len(desk.partition()) == 19
    desk.take(*(event(f"x{n}", f"p{n}", n) for n in range(19, 60)))
    (wide,) = desk.groups.open.values()
    assert (wide.kind, len(wide.members)) == (IncidentKind.WIDE, 60)
    assert desk.changes().count("opened") == 20
    assert [one.change.value for one in desk.tick(61).told[-1:]] == ["joined"]
    desk.take(event("later", "p0", 200), event("elsewhere", "never seen", 200))
    assert len(desk.partition()) == 2


def test_the_source_is_where_detectors_find_it_and_else_where_it_showed_first() -> None:
    desk = Desk(district({"line": "s", "b": "s"}, places={"b": HERE}))
    desk.take(event("1", "b", 0))
    assert desk.told[0].incident.source.certainty is Certainty.ONLY_FIRST
    found = {"w.position_m": 1200.0, "w.position_error_m": 100.0}
    again = {"v.position_m": 1500.0, "v.position_error_m": 50.0}
    desk.take(event("2", "line", 1, scores=found), event("3", "line", 2, scores=again)).tick(3)
    source = desk.told[-1].incident.source
    assert (source.certainty, source.asset) == (Certainty.LOCATED, "line")
    assert source.position.along_m == pytest.approx((1200 / 100**2 + 1500 / 50**2) / (1 / 100**2 + 1 / 50**2))
    assert source.error_m == pytest.approx(source.position.along_m - 1200)  # the estimates lie apart


def test_near_the_first_alarm_the_spread_of_the_others_is_the_error() -> None:
    made = district({"a": "s", "b": "s"}, places={"a": HERE, "b": metres_north(100)})
    source = Desk(made).take(event("1", "a", 0), event("2", "b", 1)).tick(2).told[-1].incident.source
    assert (source.certainty, source.tag) == (Certainty.NEAR_FIRST, "a")
    assert source.error_m == pytest.approx(100, abs=0.5)


ASSETS = {"a": "s1", "b": "s1", "c": "s2", "d": "s2", "e": "s3", "f": "s4"}
LINKS = [("a", "c", 600.0), ("c", "e", 300.0), ("e", "f", 200.0)]
PLACES = {"a": HERE, "c": metres_north(100), "d": metres_north(230), "f": metres_north(350)}
SITE_PLACES = {"s3": metres_north(-90), "s2": metres_north(5000)}
GRAPH = NaiveGraph({frozenset((a, b)): m for a, b, m in LINKS}, 1000.0, 3, 120.0, 600.0)
MADE = district(
    ASSETS, links=LINKS, places=PLACES, site_places=SITE_PLACES, incidents=IncidentPlan(wide_incidents=10**6)
)


def naive(name: str, asset: str, at_s: float) -> NaiveAlarm:
    return NaiveAlarm(name, asset, ASSETS[asset], PLACES.get(asset), SITE_PLACES.get(ASSETS[asset]), at_s)


raised = st.lists(st.tuples(st.sampled_from(sorted(ASSETS)), st.integers(-3000, 3000)), min_size=1, max_size=14)


@settings(max_examples=200, deadline=None)
@given(raised)
def test_incidents_are_what_hangs_together_by_the_slow_twin(raised: list[tuple[str, int]]) -> None:
    alarms = [(f"{n}", asset, float(at_s)) for n, (asset, at_s) in enumerate(raised)]
    desk = Desk(MADE).take(*(event(*one) for one in alarms))
    assert desk.partition() == groups(GRAPH, [naive(*one) for one in alarms])
    assert sorted(name for group in desk.partition() for name in group) == sorted(name for name, *_ in alarms)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.sampled_from(sorted(ASSETS)), min_size=2, max_size=10), st.randoms())
def test_the_order_of_simultaneous_alarms_changes_no_incident_and_no_first_out(
    assets: list[str], chance: object
) -> None:
    alarms = [event(f"{n}", asset, 0.0, offset=7) for n, asset in enumerate(assets)]
    other = list(alarms)
    chance.shuffle(other)
    one, two = Desk(MADE).take(*alarms).tick(1), Desk(MADE).take(*other).tick(1)
    assert one.partition() == two.partition()

    def firsts(desk: Desk) -> set[str]:
        return {tally.first.alarm_id for tally in desk.groups.tallies.values()}

    assert firsts(one) == firsts(two)


@settings(max_examples=60, deadline=None)
@given(raised, st.integers(0, 14))
def test_a_snapshot_at_any_point_changes_nothing(raised: list[tuple[str, int]], at: int) -> None:
    def play(*, stop: int) -> tuple[list[bytes], bytes]:
        desk = Desk(MADE)
        for n, (asset, at_s) in enumerate(raised):
            if n == stop:
                kept = msgspec.json.decode(msgspec.json.encode(desk.stage.keep()), type=Kept)
                desk.__post_init__()
                desk.stage.restore(kept)
            desk.take(event(f"{n}", asset, float(at_s)))
            if n % 3 == 2:
                desk.over(f"{n - 1}", raised[n - 1][0], at_s + 50.0).tick(400.0 * n)
        return [msgspec.json.encode(one) for one in desk.told], msgspec.json.encode(desk.stage.keep())

    assert play(stop=at) == play(stop=-1)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(st.booleans(), st.sampled_from("abc"), st.integers(-900, 900)), min_size=2, max_size=20))
def test_what_is_far_apart_is_never_one_incident(raised: list[tuple[bool, str, int]]) -> None:
    assets = {f"{side}{name}": f"{side}-site" for side in ("east", "west") for name in "abc"}
    places = {name: metres_north(0 if name.startswith("east") else 400) for name in assets}
    made = district(assets, places=places, incidents=IncidentPlan(wide_incidents=10**6))
    sides = {f"{n}": "east" if is_east else "west" for n, (is_east, *_) in enumerate(raised)}
    desk = Desk(made).take(*(event(f"{n}", f"{sides[f'{n}']}{a}", float(t)) for n, (_, a, t) in enumerate(raised)))
    assert all(len({sides[alarm] for alarm in group}) == 1 for group in desk.partition())
