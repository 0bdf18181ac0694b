"""Silent gateways against an obvious model, and through snapshots, batches of any size and other plans."""

from __future__ import annotations

from dataclasses import replace
from itertools import repeat
from typing import NamedTuple

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from prometheus_client import generate_latest

from app.cli.status import gateways_line
from model.alarm import AlarmState, Grade
from model.inputs import PlanChange
from model.plan import DetectorSpec
from pipeline.delivery.notice import NoticeWriter
from pipeline.metrics import PipelineMetrics
from pipeline.process import snapshot
from pipeline.process.reconcile import Difference, reconcile
from pipeline.process.step import State, step
from pipeline.runners.recovery import gateways_by_state, show_state
from tests.pipeline.plans import START_NS, Row, canonical, grade, kind, ns, plan, rule
from tests.pipeline.runs import follow, merged, same_state, singly, started, to_input
from tests.pipeline.worlds import Beat, Event, Rows

SILENT = "system.gateway_silent"
BEHIND = {"a": "one", "b": "one", "c": "one", "d": "two", "e": "two"}
PLAN = plan(
    rule("quiet", grade("blue", "silence >= 6 s"), grade("yellow", "silence >= 12 s")),
    rule("high", grade("red", "value >= 50")),
    kinds=[kind(period_s=1.0)],
    sensors=[(tag, "gas") for tag in "abcdef"],
    detectors=[DetectorSpec("silence", "silence", ("gas",), {})],
    gateways=BEHIND,
)


class Told(NamedTuple):
    offset: int
    rule: str
    tag: str
    grade: int


class Obvious:
    """Six sensors with a scan period of a second, silent after six: the rules of the design in plain words."""

    def __init__(self) -> None:
        self.live_s, self.last_tick_s = 0.0, None
        self.arrived_s: dict[str, float] = {}
        self.level = dict.fromkeys("abcdef", 0)
        self.silent: dict[str, bool] = {"one": False, "two": False}
        self.back_s: dict[str, float] = {}
        self.withheld = 0

    def members(self, gateway: str) -> list[str]:
        return [tag for tag, own in BEHIND.items() if own == gateway]

    def row(self, offset: int, row: Row) -> list[Told]:
        tag, out = "abcdef"[row.sensor], []
        if self.last_tick_s is not None or tag in BEHIND:
            self.arrived_s[tag] = self.live_s
        gateway = BEHIND.get(tag)
        if gateway and self.silent[gateway]:
            self.silent[gateway], self.back_s[gateway] = False, self.live_s
            out.append(Told(offset, SILENT, gateway, 0))
        if row.quality == 0 and self.level[tag]:
            self.level[tag] = 0
            out.append(Told(offset, "quiet", tag, 0))
        return out

    def tick(self, offset: int, at_s: float) -> list[Told]:
        if self.last_tick_s is not None and at_s - self.last_tick_s <= 10:
            self.live_s += at_s - self.last_tick_s
        self.last_tick_s = at_s
        out, alarms, self.withheld = [], [], 0
        for tag in "abcdef":
            self.arrived_s.setdefault(tag, self.live_s)
        for gateway in self.silent:
            unheard_s = self.live_s - max(self.arrived_s[tag] for tag in self.members(gateway))
            if unheard_s >= 6 and not self.silent[gateway]:
                self.silent[gateway] = True
                out.append(Told(offset, SILENT, gateway, 2))
        for tag in "abcdef":
            silence_s = self.live_s - self.arrived_s[tag]
            wanted = max(self.level[tag], 2 if silence_s >= 12 else 1 if silence_s >= 6 else 0)
            if wanted > self.level[tag] and self.held(BEHIND.get(tag)):
                self.withheld += 1
            elif wanted > self.level[tag]:
                self.level[tag] = wanted
                alarms.append(Told(offset, "quiet", tag, wanted))
        return out + alarms

    def held(self, gateway: str | None) -> bool:
        if gateway is None:
            return False
        unheard_s = self.live_s - max(self.arrived_s[tag] for tag in self.members(gateway))
        in_grace = gateway in self.back_s and self.live_s - self.back_s[gateway] < 3
        return self.silent[gateway] or unheard_s >= 3 or in_grace


@st.composite
def days(draw: st.DrawFn) -> list[Event]:
    """Ticks each second, our own outages, and sensors that speak or not; spells in which a few do."""
    now_s, events = 0, []
    for _ in range(draw(st.integers(1, 8))):
        speak = draw(st.lists(st.integers(0, 5), max_size=6, unique=True))
        bad = draw(st.sampled_from([0, 0, 0, 2]))
        if draw(st.sampled_from([False] * 5 + [True])):
            now_s += draw(st.sampled_from([8, 15, 600]))
        for _ in range(draw(st.integers(1, 15))):
            if draw(st.booleans()):
                events.append(Rows(tuple(Row(sensor, now_s + 0.5, 1.0, now_s + 0.5, bad) for sensor in speak)))
            now_s += 1
            events.append(Beat(float(now_s), float(now_s)))
    return [event for event in events if isinstance(event, Beat) or event.rows]


@settings(max_examples=150, deadline=None)
@given(days())
def test_gateways_and_their_sensors_fall_silent_as_the_obvious_model_says(events: list[Event]) -> None:
    state, obvious = started(PLAN), Obvious()
    for event in events:
        offset = state.next_offset
        found = [
            Told(one.offset, one.rule, one.tag, int(one.grade))
            for one in step(state, offset, to_input(state, event)).events
            if one.rule != "system.data_gap"
        ]
        if isinstance(event, Rows):
            assert found == [told for at, row in enumerate(event.rows, offset) for told in obvious.row(at, row)]
        else:
            assert found == obvious.tick(offset, event.wall_s)
            assert int(state.gateways.withheld.sum()) == obvious.withheld


@settings(max_examples=60, deadline=None)
@given(days(), st.integers(1, 60))
def test_rows_cut_otherwise_and_a_stop_at_any_point_change_nothing(events: list[Event], at: int) -> None:
    whole, parts, stopped = started(PLAN), started(PLAN), started(PLAN)
    expected = canonical(follow(whole, merged(events, repeat(10**6))))
    assert canonical(follow(parts, singly(events))) == expected
    found = canonical(follow(stopped, events[:at]))
    stopped = snapshot.restore(snapshot.take(stopped))
    assert found + canonical(follow(stopped, events[at:])) == expected
    assert same_state(whole, parts)
    assert same_state(whole, stopped)


def seconds(until_s: int, from_s: int = 0) -> list[Event]:
    return [Beat(float(at), float(at)) for at in range(from_s, until_s + 1)]


def silent_for(until_s: int) -> State:
    state = started(PLAN)
    follow(state, seconds(until_s))
    return state


@pytest.mark.parametrize(
    ("lang", "heard", "silent"),
    [
        ("zh", "在线 1", "失联 1（暂缓 4 个传感器的静默报警）"),
        ("en", "heard 1", "silent 1 (silence alarms of 4 sensors held back)"),
    ],
)
def test_status_and_metrics_say_how_many_gateways_are_silent_and_what_that_holds_back(
    lang: str, heard: str, silent: str
) -> None:
    state = silent_for(20)
    assert gateways_by_state(state) == {"heard": 0, "silent": 2, "held_back": 5}
    follow(state, [Rows((Row(3, 20.5, 1.0),)), Beat(21.0, 21.0)])
    assert gateways_by_state(state) == {"heard": 1, "silent": 1, "held_back": 4}
    assert gateways_line(gateways_by_state(state), lang) == f"{heard}, [red]{silent}[/]"
    metrics = PipelineMetrics()
    show_state(metrics, state, {}, 0)
    shown = generate_latest(metrics.registry).decode()
    assert 'fengsui_gateways{state="silent"} 1.0' in shown
    assert "fengsui_silence_held_back 4.0" in shown


def of_gateways(state: State) -> dict[str, Grade]:
    return {alarm.tag: alarm.grade for alarm in state.alarms.open_alarms() if alarm.rule == SILENT}


def test_a_snapshot_of_before_there_were_gateways_is_read_and_they_begin_anew() -> None:
    kept = snapshot.take(silent_for(20))
    older = replace(kept, arrays={name: a for name, a in kept.arrays.items() if not name.startswith("gateways/")})
    state, anew = snapshot.load(older)
    assert anew == ["gateways"]
    assert set(of_gateways(state)) == {"one", "two"}
    events = follow(state, [*seconds(22, 21), Rows((Row(0, 22.5, 1.0),))])
    assert [(event.rule, event.tag, event.state) for event in events] == [(SILENT, "one", AlarmState.RETURNED)]


def test_a_plan_written_before_sensors_had_a_gateway_is_read() -> None:
    older = msgspec.to_builtins(PLAN)
    for sensor in older["sensors"]:
        del sensor["gateway"]
    read = msgspec.convert(older, type(PLAN))
    assert {sensor.gateway for sensor in read.sensors} == {""}
    assert started(read).bound.gateways.ids == ()


def test_a_gateway_that_another_plan_brings_back_is_silent_until_it_is_heard() -> None:
    state = silent_for(20)
    without = replace(PLAN, version="2", sensors=tuple(replace(sensor, gateway="") for sensor in PLAN.sensors))
    for version in (without, PLAN):
        step(state, state.next_offset, PlanChange(version, START_NS))
    assert state.gateways.silent.tolist() == [1, 1]
    follow(state, [*seconds(40, 21), Rows((Row(1, 40.5, 1.0),))])
    assert {alarm.tag: alarm.state for alarm in state.alarms.open_alarms() if alarm.rule == SILENT} == {
        "one": AlarmState.RETURNED,
        "two": AlarmState.UNACKNOWLEDGED,
    }


@pytest.mark.parametrize("known", [True, False])
def test_after_a_recovery_what_was_told_of_a_gateway_counts(known: bool) -> None:  # noqa: FBT001
    told = [(alarm, 1) for alarm in silent_for(20).alarms.open_alarms() if alarm.tag == "one"]
    state = silent_for(20) if known else started(PLAN)
    differences = {(difference, alarm.tag) for difference, alarm in reconcile(state, told) if alarm.rule == SILENT}
    assert differences == ({(Difference.NEVER_TOLD, "two")} if known else {(Difference.FORGOTTEN, "one")})
    assert state.gateways.silent.tolist() == [1, 0]


def test_what_leaves_the_house_names_rule_asset_site_and_advice() -> None:
    state = started(PLAN)
    event = next(event for event in follow(state, seconds(20)) if event.rule == SILENT)
    body = msgspec.json.decode(NoticeWriter(PLAN, lambda: ()).outbox_row(event).body)
    assert body["rule_name"]["en"] == "A gateway is silent: nothing comes from any of its sensors"
    assert (body["event"]["tag"], body["event"]["asset"], body["site"]) == ("one", "station", "site")
    assert "portable meters" in body["advice"]["en"]


def test_a_gateway_of_sensors_of_several_assets_is_the_system_s() -> None:
    apart = tuple(replace(sensor, asset=f"asset-{sensor.tag}") for sensor in PLAN.sensors)
    assert started(replace(PLAN, sensors=apart)).bound.gateways.assets == ("system", "system")


def test_sensors_that_report_changes_only_do_not_count_and_still_prove_that_it_is_there() -> None:
    kinds = kind("gas", period_s=1.0), replace(kind("point", period_s=1.0), on_change=True)
    mixed = replace(
        PLAN,
        kinds=kinds,
        sensors=tuple(replace(sensor, kind="point" if sensor.tag in "bcd" else "gas") for sensor in PLAN.sensors),
    )
    assert started(mixed).bound.gateways.ids == ()
    two = replace(mixed, sensors=tuple(replace(sensor, gateway="one") for sensor in mixed.sensors))
    state = started(two)
    assert state.bound.gateways.sizes == (6,)
    follow(state, seconds(10))
    assert of_gateways(state) == {"one": Grade.YELLOW}
    follow(state, [Rows((Row(1, 10.5, 1.0),))])
    assert of_gateways(state) == {"one": Grade.NONE}


def test_the_time_of_a_return_is_that_of_receipt() -> None:
    state = silent_for(20)
    (event,) = [one for one in follow(state, [Rows((Row(0, 3.0, 1.0, 20.5),))]) if one.rule == SILENT]
    assert (event.time_ns, event.at_ns) == (ns(20.5), ns(20.5))
