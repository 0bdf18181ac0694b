"""Suppression by design: it begins when its condition is known to hold, and any doubt ends it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from model.alarm import AlarmEvent, Transition
from model.batch import GOOD, UNCERTAIN
from model.flag import FlagEnd, FlagEvent
from model.inputs import PlanChange, Tick
from model.plan import Plan, RuleSpec
from pipeline.process import snapshot
from pipeline.process.step import State, begin, step
from tests.pipeline.plans import START_NS, Row, canonical, grade, ns, rows, rule
from tests.pipeline.runs import same_state
from tests.pipeline.test_others import INDEX, happenings, place

S = 10**9
RAISED, RETURNED, HIDDEN, SHOWN = Transition.RAISED, Transition.RETURNED, Transition.HIDDEN, Transition.SHOWN


def suppressed(when: str, *, kinds: tuple[str, ...] = ("gas",), limit: str = "value >= 25") -> RuleSpec:
    return replace(rule("r", grade("orange", limit), kinds=kinds), suppress_when=when)


class Scene:
    """A plan under way; what happens to alarms, and to flags."""

    def __init__(self, made: Plan) -> None:
        self.state = begin(PlanChange(made, START_NS), 0)
        self.flags: list[FlagEvent] = []

    def hears(self, at_s: float, quality: int = GOOD, **values: float) -> list[tuple[Transition, str]]:
        some = [Row(INDEX[tag.replace("_", "-")], at_s, value, None, quality) for tag, value in values.items()]
        return self.does(rows(some))

    def ticks(self, at_s: float) -> list[tuple[Transition, str]]:
        return self.does(Tick(ns(at_s), round(at_s * S)))

    def does(self, item: object) -> list[tuple[Transition, str]]:
        outcome = step(self.state, self.state.next_offset, item)  # type: ignore[arg-type]
        self.flags += outcome.flags
        return [(one.transition, one.hidden) for one in outcome.events if one.rule == "r"]


def test_an_alarm_in_maintenance_is_raised_hidden_and_shown_when_the_mode_is_normal_again() -> None:
    scene = Scene(place(suppressed("mode == maintenance")))
    scene.hears(0, mode_1=1.0, gas_1=1.0)
    assert scene.hears(10, gas_1=30.0) == [(RAISED, "suppressed")]
    assert scene.flags[0].flag.reason == "mode == maintenance"
    scene.hears(12, mode_1=0.0)
    assert scene.ticks(13) == [(SHOWN, "")]
    assert scene.flags[-1].flag.why_ended is FlagEnd.CONDITION_OVER


def test_an_open_alarm_is_hidden_when_the_condition_begins_to_hold_and_its_end_is_told() -> None:
    scene = Scene(place(suppressed("mode == maintenance")))
    assert scene.hears(0, gas_1=30.0) == [(RAISED, "")]
    scene.hears(2, mode_1=1.0)
    assert scene.ticks(3) == [(HIDDEN, "suppressed")]
    assert scene.hears(10, gas_1=1.0) == [(RETURNED, "suppressed")]


def test_only_sensors_for_which_it_holds_are_suppressed() -> None:
    scene = Scene(place(suppressed("mode == maintenance")))
    scene.hears(0, mode_1=1.0)
    assert scene.hears(10, gas_1=30.0, gas_3=30.0) == [(RAISED, "suppressed"), (RAISED, "")]


def test_what_is_in_doubt_begins_no_suppression_but_ends_one() -> None:
    scene = Scene(place(suppressed("mode == maintenance")))
    scene.hears(0, UNCERTAIN, mode_1=1.0)
    scene.hears(1, gas_1=1.0)
    assert scene.ticks(2) == []
    assert scene.flags == []
    scene.hears(3, mode_1=1.0)
    scene.ticks(4)
    assert len(scene.flags) > 0
    scene.hears(5, UNCERTAIN, mode_1=0.0)
    scene.ticks(6)
    assert scene.flags[-1].flag.why_ended is FlagEnd.CONDITION_OVER


def test_what_becomes_unknown_keeps_on_for_five_minutes_and_not_longer() -> None:
    scene = Scene(place(suppressed("site.wind >= 10 m/s")))
    scene.hears(0, wind_1=12.0)
    assert scene.hears(1, gas_1=30.0) == [(RAISED, "suppressed")]
    shown = [second for second in range(2, 600) if scene.ticks(float(second)) == [(SHOWN, "")]]
    assert len(shown) == 1
    assert 300 < shown[0] <= 60 + 300 + 60
    assert scene.flags[-1].flag.why_ended is FlagEnd.UNKNOWN


def test_a_sensors_own_reading_may_suppress_and_an_uncertain_one_may_not() -> None:
    scene = Scene(place(suppressed("value >= 99", limit="value >= 25")))
    assert scene.hears(0, UNCERTAIN, gas_1=100.0) == [(RAISED, "")]
    assert scene.hears(10, gas_1=100.0) == [(HIDDEN, "suppressed")]
    assert scene.hears(20, gas_1=50.0) == [(SHOWN, "")]


def test_a_changed_rule_that_suppresses_no_more_shows_what_it_hid() -> None:
    scene = Scene(place(suppressed("mode == maintenance")))
    scene.hears(0, mode_1=1.0)
    scene.hears(10, gas_1=30.0)
    assert scene.does(PlanChange(place(rule("r", grade("orange", "value >= 25"))), ns(11))) == [(SHOWN, "")]
    assert scene.flags[-1].flag.why_ended is FlagEnd.RULE_GONE


def test_a_reload_and_a_restart_keep_what_is_suppressed() -> None:
    made = place(suppressed("mode == maintenance"))
    scene = Scene(made)
    scene.hears(0, mode_1=1.0)
    scene.hears(10, gas_1=30.0)
    assert scene.does(PlanChange(made, ns(11))) == []
    scene.state = snapshot.restore(snapshot.take(scene.state))
    assert scene.hears(20, gas_1=31.0) == []
    scene.hears(21, mode_1=0.0)
    assert scene.ticks(22) == [(SHOWN, "")]


def test_working_hours_suppress_by_the_clock_alone() -> None:
    scene = Scene(
        place(suppressed("workday == 1 and hour >= 8 and hour < 9", kinds=("fan",), limit="value == running"))
    )
    monday_s = (4 * 86_400 - 8 * 3600 - START_NS // S) % (7 * 86_400)  # 1970-01-05 was a Monday
    scene.hears(monday_s, fan_2=1.0)
    told = [at for at in range(0, 800, 2) if scene.ticks(monday_s + 60.0 * at)]
    assert told == [480, 540]
    assert scene.flags[0].flag.reason.startswith("workday")


NIGHT = place(
    suppressed("mode == maintenance or asset.people >= 12", limit="value >= 12"),
    replace(rule("fan", grade("blue", "value == stopped"), kinds=("fan",)), suppress_when="max(site.gas) < 20"),
)


def played(items: list[list[Row] | Tick], *, size: int = 10**6, restarts: int = 0) -> tuple[State, list[AlarmEvent]]:
    state, events = begin(PlanChange(NIGHT, START_NS), 0), []
    for number, item in enumerate(items, 1):
        parts = [item] if isinstance(item, Tick) else [rows(item[at : at + size]) for at in range(0, len(item), size)]
        for part in parts:
            events += step(state, state.next_offset, part).events
        if restarts and number % restarts == 0:
            state = snapshot.restore(snapshot.take(state))
    return state, events


@pytest.mark.parametrize("seed", range(3))
def test_cuts_and_restarts_change_nothing(seed: int) -> None:
    items = happenings(seed)
    whole, expected = played(items)
    for single, found in (played(items, size=1), played(items, size=2, restarts=7)):
        assert canonical(found) == canonical(expected)
        assert same_state(whole, single)
    assert {one.transition for one in expected} >= {HIDDEN, SHOWN}
    assert np.any([one.hidden == "suppressed" for one in expected])
