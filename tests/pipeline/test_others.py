"""Operands on other sensors: as their slow twin says, however rows are cut, and what rules make of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from model.alarm import AlarmEvent, Transition
from model.batch import BAD, GOOD, UNCERTAIN, Batch
from model.condition import Comparison
from model.inputs import PlanChange, Tick
from model.plan import Plan, RuleSpec
from model.sensor import Asset, Sensor, Site
from model.sensor import State as KindState
from pipeline.process import snapshot
from pipeline.process.binding import bind
from pipeline.process.step import State, begin, step
from rules.language import call_of
from tests.naive.others import Heard, NaiveOthers
from tests.naive.windows import Says
from tests.pipeline.plans import NAME, START_NS, Row, canonical, grade, kind, ns, plan, rows, rule
from tests.pipeline.runs import same_state

S = 10**9
FAN = replace(
    kind("fan", unit="", period_s=60.0, high=10.0),
    on_change=True,
    states=(KindState(0, "stopped", NAME), KindState(1, "running", NAME)),
)
MODE = replace(
    kind("run_mode", unit="", period_s=60.0, high=10.0),
    on_change=True,
    is_mode=True,
    states=(KindState(0, "normal", NAME), KindState(1, "maintenance", NAME)),
)
PERIODS_S = {"fan": 60, "run_mode": 60}
KINDS = (kind("gas"), FAN, kind("people", unit="", high=500.0), kind("wind", unit="m/s"), MODE)
#: (tag, kind, asset, gateway); rooms a and b stand on one site, c on another.
SENSORS = (
    ("gas-1", "gas", "a", ""),
    ("gas-2", "gas", "a", ""),
    ("gas-3", "gas", "b", ""),
    ("gas-4", "gas", "c", ""),
    ("fan-1", "fan", "a", "gw"),
    ("fan-2", "fan", "b", ""),
    ("fan-3", "fan", "b", ""),
    ("people-1", "people", "a", ""),
    ("wind-1", "wind", "b", ""),
    ("mode-1", "run_mode", "a", ""),
    ("gas-5", "gas", "c", "gw"),
    ("gas-6", "gas", "c", "gw"),
)
INDEX = {tag: at for at, (tag, *_) in enumerate(SENSORS)}
OPERANDS = (
    "asset.fan",
    "asset.people",
    "site.wind",
    "mode",
    "max(asset.gas)",
    "min(site.gas)",
    "mean(site.gas)",
    "count(asset.gas >= 25 %LEL)",
    "count(site.gas >= 25 %LEL, 2 min)",
    "share(site.gas > 10 %LEL, 1 min)",
    "count(asset.fan == 0)",
)


def place(*rules: RuleSpec) -> Plan:
    made = plan(*rules, kinds=KINDS)
    return replace(
        made,
        sites=(Site("s1", NAME, "company", "cell"), Site("s2", NAME, "company", "cell")),
        assets=(Asset("a", NAME, "s1"), Asset("b", NAME, "s1"), Asset("c", NAME, "s2")),
        sensors=tuple(Sensor(tag, of, asset, NAME, gateway=gateway) for tag, of, asset, gateway in SENSORS),
    )


def asking(operands: Sequence[str]) -> Plan:
    """A plan with rules on gas that name operands, and raise nothing."""
    return place(*(rule(f"r{at}", grade("blue", f"{name} == 1 and value > 1e9")) for at, name in enumerate(operands)))


def twin(operand: str, sensor: int) -> NaiveOthers:
    call = call_of(operand)
    base = call.base if call else operand
    test = call.argument if call and isinstance(call.argument, Comparison) else Comparison("", ">", 0.0)
    whose, _, of = ("asset", "", "run_mode") if base == "mode" else base.partition(".")
    scope = {"a": "s1", "b": "s1", "c": "s2"}
    near = [
        at
        for at, (_, kind_, asset, _) in enumerate(SENSORS)
        if kind_ == of
        and (asset == SENSORS[sensor][2] if whose == "asset" else scope[asset] == scope[SENSORS[sensor][2]])
    ]
    lasting = frozenset(at for at, (_, kind_, *_) in enumerate(SENSORS) if kind_ in {"fan", "run_mode"})
    return NaiveOthers(
        call.function if call else "single",
        test.operator,
        test.limit,
        call.span_ns if call else 0,
        tuple(near),
        lasting,
        max(60, 3 * PERIODS_S.get(of, 10)) * S,
    )


@st.composite
def journals(draw: st.DrawFn) -> list[Heard]:
    now, out = 0, []
    for _ in range(draw(st.integers(1, 40))):
        now += draw(st.sampled_from([0, 1, 5, 10, 30, 61, 130])) * S
        sensor = draw(st.integers(0, len(SENSORS) - 1))
        value = draw(st.sampled_from([0.0, 1.0, 12.0, 25.0, 40.0, float("nan")]))
        behind = draw(st.sampled_from([0, 0, 0, 20, 70])) * S
        out.append(Heard(sensor, now - behind, value, draw(st.sampled_from([False, False, False, True]))))
    return out


def batch(part: Sequence[Heard]) -> Batch:
    time_ns = np.array([one.time_ns for one in part], np.int64)
    quality = [BAD if np.isnan(one.value) else UNCERTAIN if one.uncertain else GOOD for one in part]
    values = np.array([one.value for one in part], np.float64)
    return Batch(
        np.array([one.sensor for one in part], np.int32), time_ns, time_ns, values, np.array(quality, np.uint8)
    )


@settings(max_examples=150, deadline=None)
@given(journals(), st.integers(1, 12), st.sampled_from([0, 1]))
def test_others_say_what_all_readings_together_say_however_rows_are_cut(
    journal: list[Heard], size: int, down: int
) -> None:
    bound = bind(asking(OPERANDS))
    silent = np.array([down], np.int8)
    cut_off = frozenset(INDEX[tag] for tag in ("fan-1", "gas-5", "gas-6")) if down else frozenset()
    seen: list[Heard] = []
    for begin_ in range(0, len(journal), size):
        part = journal[begin_ : begin_ + size]
        whole = batch(part)
        found = bound.others.read(whole, np.ones(len(part), np.bool_), bound.program_of, bound.slot_of, silent)
        gas = np.flatnonzero(bound.program_of[whole.sensor] == 0)
        known = bound.others.of_rows(0, found, gas)
        for at, one in enumerate(part):
            seen.append(one)
            if SENSORS[one.sensor][3]:
                cut_off = frozenset()
                silent[:] = 0
            if SENSORS[one.sensor][1] == "gas":
                row = int(np.flatnonzero(gas == at)[0])
                for name in bound.others.names[0]:
                    high = known.high.get(name, known.low[name])
                    doubtful = known.doubtful.get(name, np.zeros(len(gas), np.bool_))
                    got = Says(known.low[name][row], high[row], bool(doubtful[row]))
                    expected = twin(name, one.sensor).at(seen, one.time_ns, cut_off)
                    assert got == pytest.approx(expected, nan_ok=True), (name, one)


def started(made: Plan) -> State:
    return begin(PlanChange(made, START_NS), 0)


class Scene:
    """A plan under way, told of in tags and seconds."""

    def __init__(self, made: Plan) -> None:
        self.state = started(made)

    def hears(self, at_s: float, quality: int = GOOD, **values: float) -> list[tuple[str, str, Transition]]:
        """Readings at one moment; ``gas_1=5`` is of gas-1."""
        batch_ = rows([Row(INDEX[tag.replace("_", "-")], at_s, value, None, quality) for tag, value in values.items()])
        return self._told(step(self.state, self.state.next_offset, batch_).events)

    def ticks(self, at_s: float) -> list[tuple[str, str, Transition]]:
        return self._told(step(self.state, self.state.next_offset, Tick(ns(at_s), round(at_s * S))).events)

    @staticmethod
    def _told(events: list[AlarmEvent]) -> list[tuple[str, str, Transition]]:
        return [(one.rule, one.tag, one.transition) for one in events if one.rule != "system.data_gap"]


RAISED, RETURNED = Transition.RAISED, Transition.RETURNED
COMBINED = place(rule("r", grade("red", "value >= 25 %LEL and asset.fan == stopped and asset.people >= 1")))
ALARM, OVER = [("r", "gas-1", RAISED)], [("r", "gas-1", RETURNED)]


def test_gas_a_stopped_fan_and_people_are_red_whichever_of_them_comes_last() -> None:
    for last in ("gas_1", "fan_1", "people_1"):
        scene = Scene(COMBINED)
        bad = {"gas_1": 30.0, "fan_1": 0.0, "people_1": 2.0}
        scene.hears(0, gas_1=1.0, fan_1=1.0, people_1=0.0)
        assert scene.ticks(1) == []
        first = {tag: value for tag, value in bad.items() if tag != last}
        assert scene.hears(10, **first) == scene.ticks(11) == []
        # A reading of the sensor itself is judged at once, one of another at the next tick.
        told_ = scene.hears(12, **{last: bad[last]}) + scene.ticks(13)
        assert told_ == ALARM, last
        assert scene.ticks(14) == []


def test_the_combination_is_over_when_one_of_them_says_so() -> None:
    for what in ({"gas_1": 1.0}, {"fan_1": 1.0}, {"people_1": 0.0}):
        scene = Scene(COMBINED)
        scene.hears(0, fan_1=0.0, people_1=2.0, gas_1=30.0)
        assert scene.ticks(1) == []
        assert scene.hears(9, **what) + scene.ticks(10) == OVER


def test_a_fan_that_is_doubtful_raises_and_ends_nothing_while_gas_itself_may() -> None:
    scene = Scene(COMBINED)
    scene.hears(0, people_1=2.0)
    scene.hears(0, UNCERTAIN, fan_1=0.0)
    assert scene.hears(1, gas_1=30.0) == ALARM
    scene.hears(9, UNCERTAIN, fan_1=1.0)
    assert scene.ticks(10) == []
    assert scene.hears(11, gas_1=30.0) == []
    assert scene.hears(21, gas_1=1.0) == OVER  # whatever the fan does


def test_what_is_too_old_is_not_known_and_neither_raises_nor_ends_anything() -> None:
    scene = Scene(COMBINED)
    scene.hears(0, fan_1=0.0, people_1=2.0, gas_1=1.0)
    assert scene.hears(61, gas_1=30.0) == []  # nobody knows where the people are now
    assert scene.hears(70, people_1=2.0) + scene.ticks(71) == ALARM
    assert scene.hears(140, gas_1=30.0) == []
    assert scene.hears(150, people_1=0.0) + scene.ticks(151) == OVER


def test_a_sensor_that_reports_changes_only_does_not_age_but_is_unknown_while_its_gateway_is_silent() -> None:
    scene = Scene(COMBINED)
    scene.hears(0, fan_1=0.0, people_1=2.0, gas_1=1.0, gas_5=1.0, gas_6=1.0)
    for second in range(1, 40):
        scene.ticks(float(second))
    assert scene.hears(40, people_1=2.0, gas_1=30.0) == []
    assert scene.hears(41, gas_5=1.0) == [("system.gateway_silent", "gw", RETURNED)]
    assert scene.hears(50, gas_1=30.0) == ALARM


def test_two_fans_count_only_where_both_say_the_same() -> None:
    scene = Scene(place(rule("r", grade("red", "value >= 25 and asset.fan == stopped"))))
    scene.hears(0, fan_2=0.0, fan_3=1.0)
    assert scene.hears(10, gas_3=30.0) == []
    scene.hears(11, fan_3=0.0)
    assert scene.ticks(12) == [("r", "gas-3", RAISED)]
    scene.hears(13, fan_3=1.0)
    assert scene.ticks(14) == []  # one of them still stands
    scene.hears(15, fan_2=1.0)
    assert scene.ticks(16) == [("r", "gas-3", RETURNED)]


def test_three_of_the_neighbours_within_two_minutes() -> None:
    scene = Scene(place(rule("r", grade("orange", "count(site.gas >= 25 %LEL, 2 min) >= 3"), kinds=("wind",))))
    scene.hears(0, gas_1=30.0, gas_2=1.0, gas_3=1.0)
    scene.hears(60, gas_1=1.0, gas_2=30.0, gas_3=1.0)
    assert scene.ticks(61) == []
    scene.hears(110, gas_3=30.0)
    assert scene.ticks(111) == [("r", "wind-1", RAISED)]
    scene.hears(121, gas_1=1.0, gas_2=1.0, gas_3=1.0)
    assert scene.ticks(122) == [("r", "wind-1", RETURNED)]


def test_the_mode_and_the_weather_and_the_hour_are_asked_by_their_names() -> None:
    made = place(
        rule("mode", grade("blue", "value >= 10 and mode != maintenance")),
        rule("calm", grade("yellow", "value >= 10 and site.wind < 3.6 km/h")),
    )
    scene = Scene(made)
    scene.hears(0, mode_1=1.0, wind_1=0.5)
    assert scene.hears(5, gas_1=20.0) == [("calm", "gas-1", RAISED)]
    scene.hears(6, mode_1=0.0, wind_1=5.0)
    assert scene.ticks(7) == [("mode", "gas-1", RAISED), ("calm", "gas-1", RETURNED)]


def test_a_door_that_stays_open_is_told_when_the_night_begins_and_not_ended_by_the_morning() -> None:
    scene = Scene(place(rule("door", grade("blue", "value == running and (hour >= 22 or hour < 6)"), kinds=("fan",))))
    midnight_s = (16 * 3600 - START_NS // S) % 86400  # in Shanghai
    scene.hears(midnight_s - 3 * 3600, fan_2=1.0)
    assert [at for at in range(-180, 1, 5) if scene.ticks(midnight_s + 60.0 * at)] == [-120]
    assert [at for at in range(5, 600, 5) if scene.ticks(midnight_s + 60.0 * at)] == []
    assert scene.hears(midnight_s + 36_000, fan_2=0.0) == [("door", "fan-2", RETURNED)]


NIGHT = place(
    rule("combined", grade("yellow", "value >= 20"), grade("red", "value >= 25 and asset.fan == stopped")),
    rule("near", grade("orange", "count(asset.gas >= 25, 1 min) >= 2", 2.0, 5.0, 0.5)),
    rule("mean", grade("blue", "mean(site.gas) > 15 and mean(value, 30 s) > 10 and not mode == maintenance")),
    rule("wind", grade("blue", "max(site.gas) >= 25 and value < 2 m/s"), kinds=("wind",)),
    rule("people", grade("yellow", "value > 3 and (asset.fan != running or min(asset.gas) > 10)"), kinds=("people",)),
    rule("clock", grade("blue", "value == stopped and hour >= 0.5"), kinds=("fan",)),
)


def happenings(seed: int) -> list[list[Row] | Tick]:
    """Readings of all sensors with faults and silences between them, and ticks."""
    random = np.random.default_rng(seed)
    out: list[list[Row] | Tick] = []
    level = random.choice([0.0, 12.0, 30.0], len(SENSORS))
    for second in range(0, 600, 2):
        some = []
        for sensor in np.flatnonzero(random.random(len(SENSORS)) < 0.15):
            if random.random() < 0.15:
                level[sensor] = random.choice([0.0, 12.0, 30.0])
            code = SENSORS[sensor][1] in {"fan", "run_mode"}
            value = float(random.integers(0, 2)) if code else float(level[sensor] + random.normal())
            value = float("nan") if random.random() < 0.05 else value
            behind = float(random.choice([0.0] * 9 + [3.0, 200.0]))
            some.append(Row(int(sensor), second - behind, value, float(second), int(random.random() < 0.1)))
        out += [some] if some else []
        out.append(Tick(ns(second + 1.0), second * S))
    return out


def played(
    state: State, given_: Sequence[list[Row] | Tick], *, size: int = 10**6, restarts: int = 0, reloads: int = 0
) -> tuple[State, list[AlarmEvent]]:
    events: list[AlarmEvent] = []
    for number, item in enumerate(given_, 1):
        parts = [item] if isinstance(item, Tick) else [rows(item[at : at + size]) for at in range(0, len(item), size)]
        for part in parts:
            events += step(state, state.next_offset, part).events
        if restarts and number % restarts == 0:
            state = snapshot.restore(snapshot.take(state))
        if reloads and number % reloads == 0:
            step(state, state.next_offset, PlanChange(NIGHT, START_NS))
    return state, events


@pytest.mark.parametrize("seed", range(5))
def test_cuts_restarts_and_reloads_change_nothing(seed: int) -> None:
    items = happenings(seed)
    whole, expected = played(started(NIGHT), items)
    single, found = played(started(NIGHT), items, size=1)
    assert canonical(found) == canonical(expected)
    assert same_state(whole, single)
    stopped, found = played(started(NIGHT), items, size=2, restarts=9)
    assert canonical(found) == canonical(expected)
    assert same_state(whole, stopped)
    _, found = played(started(NIGHT), items, reloads=11)
    assert [(one.rule, one.tag, one.transition, one.time_ns) for one in found] == [
        (one.rule, one.tag, one.transition, one.time_ns) for one in expected
    ]
    assert len({one.rule for one in expected}) >= 5


def test_a_rule_that_comes_with_a_reload_knows_the_fan_that_nobody_asked_before() -> None:
    scene = Scene(place())
    scene.hears(0, fan_1=0.0, people_1=2.0)
    step(scene.state, scene.state.next_offset, PlanChange(COMBINED, START_NS))
    assert scene.hears(10, gas_1=30.0) == ALARM
    assert scene.hears(20, gas_1=1.0) == OVER


def test_what_no_sensor_says_is_not_known() -> None:
    """The other half of a condition counts all the same; a rule is for many sites, and not all have everything."""
    made = place(rule("r", grade("red", "value >= 25 and (asset.fan == stopped or value >= 50)")))
    scene = Scene(replace(made, sensors=tuple(one for one in made.sensors if one.kind == "gas")))
    assert scene.hears(0, gas_1=30.0) == scene.ticks(1) == []
    assert scene.hears(10, gas_1=60.0) == ALARM
    assert scene.hears(20, gas_1=1.0) == OVER
