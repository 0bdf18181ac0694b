"""Overrides and ``where``, against one rule a sensor that says the same; the change of what counts, as time passes."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import hypothesis.strategies as st
import pytest
from hypothesis import HealthCheck, given, settings

from model.alarm import AlarmEvent, Grade, Transition
from model.inputs import PlanChange, Tick
from model.override import GradeChange, LimitChange, Override, Where
from model.plan import DetectorSpec, Plan
from model.sensor import Asset
from pipeline.process.snapshot import restore, take
from pipeline.process.step import State, begin
from rules.selection import Selection
from rules.variants import overridden
from tests.pipeline.plans import NAME, START_NS, Row, canonical, grade, kind, ns, plan, play, rows, rule

TODAY = datetime.fromtimestamp(START_NS / 1e9, UTC).date()
TAGS = ("a", "b", "c", "d")
#: Seconds from the start of the tests to the next midnight (UTC).
MIDNIGHT_S = (datetime(TODAY.year, TODAY.month, TODAY.day, tzinfo=UTC) + timedelta(days=1)).timestamp() - START_NS / 1e9


def gas() -> Plan:
    return plan(
        rule(
            "gas",
            grade("yellow", "value >= 25 and not value > 200 %LEL", on_s=10.0, off_s=20.0, deadband=2.0),
            grade("red", "value >= 50 or quality == bad"),
        ),
        sensors=[(tag, "gas") for tag in TAGS],
    )


def override(
    name: str,
    tags: tuple[str, ...],
    *changes: GradeChange,
    off: bool = False,
    since: date = TODAY,
    until: date | None = None,
) -> Override:
    return Override(name, "gas", Where(tags=tags), "Wang", since, until, NAME, changes, off)


def with_overrides(base: Plan, *overrides: Override) -> Plan:
    return replace(base, overrides=overrides, version=f"{base.version}+{len(overrides)}")


def limit(colour: Grade, to: float) -> GradeChange:
    return GradeChange(colour, (LimitChange("value", to, operator=">="),))


def started(whole: Plan) -> State:
    return begin(PlanChange(whole, START_NS), 0)


def told(events: list[AlarmEvent]) -> list[tuple[str, Transition, Grade, int]]:
    return [(event.tag, event.transition, event.grade, event.time_ns) for event in events]


changes = st.builds(
    GradeChange,
    grade=st.sampled_from([Grade.YELLOW, Grade.RED]),
    limits=st.sampled_from(
        [(), (LimitChange("value", 10.0, operator=">="),), (LimitChange("value", 60.0, "%LEL", ">="),)]
    ),
    on_delay_s=st.sampled_from([None, 0.0, 30.0]),
    off_delay_s=st.sampled_from([None, 0.0, 60.0]),
    deadband=st.sampled_from([None, 0.0, 15.0]),
    off=st.sampled_from([False, False, True]),
)
overrides_of = st.lists(
    st.tuples(st.sets(st.sampled_from(TAGS), min_size=1), changes, st.sampled_from([False, False, False, True])),
    max_size=4,
)
readings_of = st.lists(
    st.tuples(st.integers(0, 3), st.sampled_from([0.0, 9.0, 12.0, 24.0, 26.0, 48.0, 55.0, 70.0]), st.integers(1, 15)),
    max_size=60,
)


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(overrides_of, readings_of, st.integers(1, 20))
def test_each_sensor_is_judged_as_if_it_had_a_rule_of_its_own(chosen, readings, batch) -> None:  # type: ignore[no-untyped-def]
    overrides = [
        override(f"o{at}", tuple(sorted(tags)), change, off=off) for at, (tags, change, off) in enumerate(chosen)
    ]
    base = gas()
    at_s, given_rows = 0.0, []
    for sensor, value, step_s in readings:
        at_s += step_s
        given_rows.append(Row(sensor, at_s, value))
    inputs = [rows(given_rows[i : i + batch]) for i in range(0, len(given_rows), batch)]
    found = told(play(started(with_overrides(base, *overrides)), inputs))

    expected = []
    for tag in TAGS:
        concerned = [one for one in overrides if tag in one.where.tags]
        own = overridden(base.rules[0], concerned)
        kept = tuple(spec for spec, off in zip(own.grades, own.off, strict=True) if not off)
        alone = replace(base, rules=(replace(base.rules[0], grades=kept),) if kept else ())
        expected += [one for one in told(play(started(alone), inputs)) if one[0] == tag]
    assert sorted(found, key=str) == sorted(expected, key=str)


def test_a_rule_looks_only_where_it_is_told_to() -> None:
    base = gas()
    base = replace(base, rules=(replace(base.rules[0], where=Where(tags=("b*",))),))
    assert [one[0] for one in told(play(started(base), [rows([Row(i, 1.0, 80.0) for i in range(4)])]))] == ["b"]


def test_an_override_says_itself_in_the_alarm() -> None:
    whole = with_overrides(gas(), override("welding", ("a",), limit(Grade.RED, 90.0)))
    (event,) = play(started(whole), [rows([Row(0, 1.0, 95.0)])])
    assert event.why is not None
    assert event.why.condition == "value >= 90 or quality == 2"
    assert "override welding (Wang, since" in event.why.rule_source.en


def test_it_ends_at_the_end_of_its_last_day_by_the_ticks() -> None:
    state = started(with_overrides(gas(), override("welding", ("a",), limit(Grade.RED, 90.0), until=TODAY)))
    late = MIDNIGHT_S - 5
    assert not play(state, [Tick(ns(late), 10**9), rows([Row(0, late, 60.0)])])
    after = MIDNIGHT_S + 1
    events = play(state, [Tick(ns(after), 7 * 10**9), rows([Row(0, after, 60.0)])])
    assert (events[0].transition, events[0].grade) == (Transition.RAISED, Grade.RED)


def test_it_begins_on_its_first_day_by_the_ticks() -> None:
    state = started(
        with_overrides(gas(), override("o", ("a",), limit(Grade.RED, 30.0), since=TODAY + timedelta(days=1)))
    )
    assert not play(state, [Tick(ns(1), 10**9), rows([Row(0, 1.0, 40.0)])])
    after = MIDNIGHT_S + 1
    events = play(state, [Tick(ns(after), 2 * 10**9), rows([Row(0, after, 41.0)])])
    assert [event.grade for event in events][:1] == [Grade.RED]


def test_a_clock_set_back_brings_it_back() -> None:
    state = started(with_overrides(gas(), override("welding", ("a",), limit(Grade.RED, 90.0), until=TODAY)))
    play(state, [Tick(ns(MIDNIGHT_S + 1), 10**9), Tick(ns(1), 2 * 10**9)])
    assert not play(state, [rows([Row(0, 2.0, 60.0)])])


@pytest.mark.parametrize("change", [limit(Grade.RED, 90.0), GradeChange(Grade.RED, off=True)])
def test_an_alarm_that_is_on_survives_and_is_over_by_the_new_settings_alone(change: GradeChange) -> None:
    base = gas()
    state = started(base)
    (raised,) = play(state, [rows([Row(0, 1.0, 55.0)])])
    assert raised.grade is Grade.RED
    assert not play(
        state, [PlanChange(with_overrides(base, override("o", ("a",), change)), ns(2.0)), Tick(ns(3), 10**9)]
    )
    assert [alarm.grade for alarm in state.alarms.open_alarms()] == [Grade.RED]
    events = play(state, [rows([Row(0, 4.0, 10.0), Row(0, 5.0, 10.0), Row(0, 30.0, 10.0)])])
    assert events[-1].transition is Transition.RETURNED


def test_a_lowered_limit_does_not_count_what_was_over_by_the_old_one() -> None:
    """Otherwise readings that are too high now would have begun the off-delay that ends the alarm."""
    base = gas()
    raised = with_overrides(base, override("o", ("a",), limit(Grade.YELLOW, 40.0)))
    state = started(raised)
    play(state, [rows([Row(0, 1.0, 45.0), Row(0, 12.0, 45.0)])])
    assert [alarm.grade for alarm in state.alarms.open_alarms()] == [Grade.YELLOW]
    play(state, [rows([Row(0, 13.0, 30.0)]), PlanChange(base, ns(14.0))])
    assert not play(state, [rows([Row(0, 34.0, 5.0)])]), "20 s of good readings have not passed since the change"
    (event,) = play(state, [rows([Row(0, 44.0, 5.0), Row(0, 55.0, 5.0)])])
    assert event.transition is Transition.RETURNED


def test_what_was_pending_does_not_come_on_by_time_once_the_grade_is_off() -> None:
    base = gas()
    state = started(base)
    off = with_overrides(base, override("o", ("a",), GradeChange(Grade.YELLOW, off=True)))
    play(state, [rows([Row(0, 1.0, 30.0)]), PlanChange(off, ns(2.0))])
    assert not play(state, [Tick(ns(second), second * 10**9) for second in range(3, 60)])


def test_a_snapshot_knows_what_counts() -> None:
    overrides = override("o", ("a",), limit(Grade.RED, 90.0), until=TODAY), override("p", ("b",), off=True)
    for tick_s in (5.0, MIDNIGHT_S + 5):
        state = started(with_overrides(gas(), *overrides))
        play(state, [Tick(ns(tick_s), 10**9), rows([Row(0, tick_s, 30.0)])])
        again = restore(take(state))
        inputs = [
            rows([Row(0, tick_s + 1, 60.0), Row(1, tick_s + 1, 99.0)]),
            Tick(ns(tick_s + 2), 2 * 10**9),
            rows([Row(0, tick_s + 15, 60.0), Row(1, tick_s + 16, 99.0)]),
        ]
        assert canonical(play(state, inputs)) == canonical(play(again, inputs))


def test_sensors_are_found_by_what_they_belong_to() -> None:
    base = gas()
    sites = (replace(base.sites[0], labels=(("zone", "north"),)), replace(base.sites[0], id="other"))
    assets = (
        replace(base.assets[0], labels=(("duty", "heat"),)),
        replace(base.assets[0], id="pump", site="other", labels=(("zone", "south"),)),
    )
    sensors = (
        base.sensors[0],
        replace(base.sensors[1], labels=(("duty", "spare"),)),
        replace(base.sensors[2], asset="pump"),
        replace(base.sensors[3], asset="pump", tag="pump/[x]"),
    )
    selection = Selection(replace(base, sites=sites, assets=assets, sensors=sensors))
    for where, expected in [
        (Where(), [0, 1, 2, 3]),
        (Where(tags=("a", "b")), [0, 1]),
        (Where(tags=("?",)), [0, 1, 2]),
        (Where(tags=("pump/[x*",)), [3]),
        (Where(assets=("pump",)), [2, 3]),
        (Where(assets=("pu*",)), [2, 3]),
        (Where(sites=("site",)), [0, 1]),
        (Where(sites=("*",), tags=("b", "c")), [1, 2]),
        (Where(enterprises=("company",), labels=(("duty", ("heat",)),)), [0]),
        (Where(grid_cells=("c*",), labels=(("zone", ("s*",)),)), [2, 3]),
        (Where(labels=(("zone", ("north", "south")),)), [0, 1, 2, 3]),
        (Where(grid_cells=("elsewhere",)), []),
    ]:
        assert selection.sensors(where) == expected, where
    assert selection.assets(Where(labels=(("zone", ("south",)),))) == [1]
    assert selection.assets(Where(sites=("site",))) == [0]


def silence_plan() -> Plan:
    return plan(
        rule("quiet", grade("blue", "silence >= 6 s"), grade("yellow", "silence >= 12 s", on_s=4.0)),
        sensors=[(tag, "gas") for tag in TAGS],
        detectors=[DetectorSpec("silence", "silence", ("gas",), {})],
    )


def of_silence(name: str, tag: str, *changes: GradeChange, off: bool = False) -> Override:
    return replace(override(name, (tag,), *changes, off=off), rule="quiet")


def test_what_time_alone_says_is_judged_by_each_sensors_own_settings() -> None:
    later = GradeChange(Grade.BLUE, (LimitChange("silence", 9.0, "s"),))
    sooner = GradeChange(Grade.YELLOW, (LimitChange("silence", 8.0, "s"),), on_delay_s=0.0)
    overrides = of_silence("o", "a", later), of_silence("p", "b", sooner), of_silence("q", "c", off=True)
    state = started(with_overrides(silence_plan(), *overrides))
    seconds = [Tick(ns(second), second * 10**9) for second in range(1, 30)]
    events = play(state, [rows([Row(i, 0.5, 1.0) for i in range(4)]), *seconds])
    found = {(event.tag, event.grade): (event.at_ns - START_NS) // 10**9 for event in events}
    assert not [key for key in found if key[0] == "c"]
    assert found["a", Grade.BLUE] - found["d", Grade.BLUE] == 3
    assert found["b", Grade.BLUE] == found["d", Grade.BLUE]
    assert found["b", Grade.YELLOW] - found["b", Grade.BLUE] == 2
    assert found["d", Grade.YELLOW] - found["d", Grade.BLUE] == 6 + 4
    assert found["a", Grade.YELLOW] == found["d", Grade.YELLOW]


def test_an_override_of_a_rule_on_assets_is_for_the_assets_that_it_names() -> None:
    vote = DetectorSpec("two", "vote", ("gas",), {"of": 2.0}, ("vessel",))
    whole = replace(rule("two_high", grade("red", "two >= 25 %LEL")), kinds=(), assets=("vessel",))
    base = plan(whole, kinds=(kind(period_s=1.0),), sensors=[(tag, "gas") for tag in TAGS], detectors=(vote,))
    vessels = (Asset("one", NAME, "site", "vessel"), Asset("other", NAME, "site", "vessel"))
    sensors = tuple(replace(sensor, asset="one" if at < 2 else "other") for at, sensor in enumerate(base.sensors))
    base = replace(base, assets=vessels, sensors=sensors)
    own = replace(override("o", (), limit(Grade.RED, 50.0)), rule="two_high", where=Where(assets=("other",)))
    own = replace(own, grades=(GradeChange(Grade.RED, (LimitChange("two", 50.0, "%LEL"),)),))
    readings = [Row(sensor, float(second), 40.0 if second > 1 else 1.0) for second in range(6) for sensor in range(4)]
    assert {one[0] for one in told(play(started(base), [rows(readings)]))} == {"one", "other"}
    assert {one[0] for one in told(play(started(with_overrides(base, own)), [rows(readings)]))} == {"one"}
    left_out = replace(base, rules=(replace(whole, where=Where(assets=("other",))),))
    assert {one[0] for one in told(play(started(left_out), [rows(readings)]))} == {"other"}
