"""Windows over a sensor's own readings: as their slow twin says, however rows are cut, and what rules make of them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from model.alarm import AlarmEvent, Grade, Transition
from model.batch import BAD, GOOD, UNCERTAIN, Batch
from model.condition import Comparison
from model.inputs import PlanChange
from model.plan import DetectorSpec, Plan
from pipeline.process import snapshot
from pipeline.process.step import State, begin, step
from pipeline.process.windows import NO_GAP_NS, Series, ring_of
from rules.operands import Call
from tests.naive.windows import UNKNOWN, NaiveWindow, Reading, Says
from tests.pipeline.plans import START_NS, Row, canonical, grade, kind, plan, rows, rule

S = 10**9
PERIOD_S = 10.0
PAUSE_NS = 30 * S
FUNCTIONS = ("mean", "min", "max", "rate", "change", "count", "share", "held")


@st.composite
def calls(draw: st.DrawFn) -> Call:
    function = draw(st.sampled_from(FUNCTIONS))
    operator = draw(st.sampled_from([">", ">=", "<", "<=", "==", "!="]))
    test = Comparison("value", operator, draw(st.sampled_from([0.0, 10.0, 25.0])))
    argument = test if function in {"count", "share", "held"} else "value"
    return Call(function, argument, 0 if function == "held" else draw(st.sampled_from([20, 60, 200])) * S)


@st.composite
def histories(draw: st.DrawFn) -> list[list[Reading]]:
    """Readings of three sensors."""
    made = []
    for _ in range(3):
        now, own = 0, []
        for _ in range(draw(st.integers(0, 30))):
            now += draw(st.sampled_from([9, 10, 10, 10, 11, 29, 30, 31, 70, 400])) * S
            value = draw(st.sampled_from([0.0, 10.0, 25.0, 25.0, 30.0, -4.0, float("nan")]))
            own.append(Reading(now, value, draw(st.sampled_from([False, False, False, True]))))
        made.append(own)
    return made


def naive(call: Call, pause_ns: int) -> NaiveWindow:
    test = call.argument if isinstance(call.argument, Comparison) else Comparison("", ">", 0.0)
    return NaiveWindow(call.function, call.span_ns, test.operator, test.limit, pause_ns)


def in_order(history: list[list[Reading]]) -> list[tuple[int, Reading]]:
    return sorted(((slot, one) for slot, own in enumerate(history) for one in own), key=lambda pair: pair[1].time_ns)


def batch(part: list[tuple[int, Reading]]) -> Batch:
    time_ns = np.array([one.time_ns for _, one in part], np.int64)
    quality = [BAD if np.isnan(one.value) else UNCERTAIN if one.uncertain else GOOD for _, one in part]
    values = np.array([one.value for _, one in part], np.float64)
    return Batch(np.array([slot for slot, _ in part], np.int32), time_ns, time_ns, values, np.array(quality, np.uint8))


def said(series: Series, part: list[tuple[int, Reading]]) -> dict[str, list[Says]]:
    whole = batch(part)
    known = series.read(whole, whole.value)
    out = {}
    for name in series.operands:
        high = known.high.get(name, known.low[name])
        doubtful = known.doubtful.get(name, np.zeros(len(part), np.bool_))
        out[name] = [Says(*row) for row in zip(known.low[name].tolist(), high.tolist(), doubtful.tolist(), strict=True)]
    return out


@settings(max_examples=200, deadline=None)
@given(
    st.lists(calls(), min_size=1, max_size=4), histories(), st.sampled_from([PAUSE_NS, NO_GAP_NS]), st.integers(1, 20)
)
def test_windows_say_what_the_whole_history_says_however_rows_are_cut(
    wanted: list[Call], history: list[list[Reading]], pause_ns: int, size: int
) -> None:
    order = in_order(history)
    periods, pauses = np.full(3, 1.0), np.full(3, pause_ns)  # rings long enough for all that comes
    series = Series.of("value", wanted, periods, pauses)
    found: dict[str, list[Says]] = {name: [] for name in series.operands}
    for begin_ in range(0, len(order), size):
        for name, more in said(series, order[begin_ : begin_ + size]).items():
            found[name] += more
    for call in wanted:
        window, before = naive(call, pause_ns), [[], [], []]
        for row, (slot, one) in enumerate(order):
            before[slot].append(one)
            expected, got = window.at_end(before[slot]), found[str(call)][row]
            assert got == pytest.approx(expected, nan_ok=True, rel=1e-9, abs=1e-9), (str(call), row)


@settings(max_examples=60, deadline=None)
@given(calls(), histories(), st.integers(0, 40))
def test_a_longer_ring_goes_on_from_a_shorter_one(call: Call, history: list[list[Reading]], at: int) -> None:
    """As after a reload that brings a longer window on the same number."""
    order, pauses = in_order(history), np.full(3, PAUSE_NS)
    one = Series.of("value", [call], np.full(3, 1.0), pauses)
    said(one, order[:at])
    longer = Series.of("value", [call, Call("mean", "value", 900 * S)], np.full(3, 1.0), pauses)
    longer.take_over(one, [0, 1, 2], [0, 1, 2])
    expected, got = said(one, order[at:])[str(call)], said(longer, order[at:])[str(call)]
    assert np.array_equal(got, expected, equal_nan=True)


def test_a_ring_that_is_too_short_leaves_a_count_open_upwards() -> None:
    call = Call("count", Comparison("value", ">=", 1.0), 60 * S)
    series = Series.of("value", [call], np.full(1, PERIOD_S), np.full(1, PAUSE_NS))
    room = ring_of(60 * S, np.full(1, PERIOD_S))
    told = said(series, [(0, Reading(second * S, 1.0)) for second in range(200)])[str(call)]
    assert told[-1] == Says(room, np.inf)
    assert room < 60


def test_a_reading_that_is_not_usable_says_nothing_and_is_not_remembered() -> None:
    call = Call("mean", "value", 20 * S)
    series = Series.of("value", [call], np.full(1, PERIOD_S), np.full(1, PAUSE_NS))
    values = [10.0, 10.0, float("nan"), 30.0]
    told = said(series, [(0, Reading(10 * at * S, value)) for at, value in enumerate(values)])[str(call)]
    assert told[2] == pytest.approx(UNKNOWN, nan_ok=True)
    assert told[3] == Says(30.0, 30.0)


def gas(*grades_: tuple[str, str], detectors: tuple[DetectorSpec, ...] = ()) -> Plan:
    rules = [rule(f"r{at}", grade(colour, when)) for at, (colour, when) in enumerate(grades_)]
    return plan(*rules, kinds=[kind(period_s=PERIOD_S)], detectors=detectors)


def fed(state: State, values: list[tuple[float, float]], quality: int = GOOD) -> list[AlarmEvent]:
    out: list[AlarmEvent] = []
    for at_s, value in values:
        out += step(state, state.next_offset, rows([Row(0, at_s, value, None, quality)])).events
    return out


def started(made: Plan) -> State:
    return begin(PlanChange(made, START_NS), 0)


def every_ten(first: float, *values: float) -> list[tuple[float, float]]:
    return [(first + 10 * at, value) for at, value in enumerate(values)]


def told(events: list[AlarmEvent]) -> list[tuple[Transition, float]]:
    return [(event.transition, (event.time_ns - START_NS) / S) for event in events]


def test_three_readings_above_a_limit_raise_at_the_third_and_end_when_the_window_is_past_them() -> None:
    state = started(gas(("orange", "count(value >= 25 %LEL, 1 min) >= 3")))
    events = fed(state, every_ten(0, 0, 30, 0, 30, 0, 30, *[0] * 12))
    assert told(events) == [(Transition.RAISED, 50), (Transition.RETURNED, 70)]
    assert events[0].why is not None
    assert events[0].why.scores == {"count(value >= 25 %LEL, 1 min)": 3.0}


def test_a_window_with_a_hole_in_it_ends_no_alarm() -> None:
    state = started(gas(("orange", "count(value >= 25 %LEL, 1 min) >= 3")))
    fed(state, every_ten(0, 30, 30, 30))
    assert fed(state, every_ten(20 + 50, 0)) == []  # 50 s of silence: nobody knows what was between
    assert fed(state, every_ten(80, 0, 0, 0, 0)) == []
    assert told(fed(state, every_ten(120, 0, 0))) == [(Transition.RETURNED, 130)]


def test_what_rests_on_an_uncertain_reading_ends_no_alarm() -> None:
    state = started(gas(("red", "mean(value, 30 s) >= 25")))
    fed(state, every_ten(0, 30, 30, 30, 30))
    assert fed(state, every_ten(40, 0, 0), UNCERTAIN) == []
    assert fed(state, every_ten(60, 0, 0)) == []  # good themselves, but the mean still rests on what was not
    assert told(fed(state, every_ten(80, 0))) == [(Transition.RETURNED, 80)]


def test_what_has_held_counts_from_readings_and_a_silence_between_them_is_no_time() -> None:
    state = started(gas(("red", "held(value >= 25 %LEL) >= 1 min")))
    fed(state, every_ten(0, 0, 30, 30))
    assert fed(state, every_ten(300, 30)) == []
    assert told(fed(state, every_ten(310, 30, 30, 30, 30, 30, 30))) == [(Transition.RAISED, 360)]
    assert fed(state, every_ten(600, 30)) == []  # over: no, it may have held all the time
    assert told(fed(state, every_ten(610, 0))) == [(Transition.RETURNED, 610)]


def test_a_window_stands_on_a_detectors_score_too() -> None:
    slope = DetectorSpec("slope", "rate", ("gas",), {"window_s": 60.0})
    state = started(gas(("yellow", "max(slope, 1 min) >= 30 %LEL/min"), detectors=(slope,)))
    events = fed(state, every_ten(0, *[0] * 8, *range(0, 100, 10)))
    assert [event.transition for event in events] == [Transition.RAISED]


def test_late_rows_do_not_enter_a_window() -> None:
    state = started(gas(("orange", "count(value >= 25 %LEL, 5 min) >= 3")))
    fed(state, every_ten(100, 0, 30, 30))
    late = rows([Row(0, 105.0 - 10 * at, 30.0, 125.0) for at in range(2)])
    assert step(state, state.next_offset, late).events == []
    assert [event.grade for event in fed(state, every_ten(130, 30))] == [Grade.ORANGE]


ALL = gas(
    ("blue", "mean(value, 1 min) >= 10 or min(value, 1 min) >= 5"),
    ("yellow", "rate(value, 2 min) >= 3 or change(value, 2 min) <= -20"),
    ("orange", "share(value >= 20, 1 min) >= 50 % and not max(value, 1 min) > 90"),
    ("red", "held(value >= 20) >= 40 s and count(slope > 0, 1 min) >= 2"),
    detectors=(DetectorSpec("slope", "rate", ("gas",), {"window_s": 60.0}),),
)


def noisy(seed: int) -> list[tuple[float, float]]:
    random = np.random.default_rng(seed)
    at_s = np.cumsum(random.choice([10.0, 10.0, 10.0, 35.0, 9.0], 120))
    value = np.repeat(random.permutation([0.0, 0.0, 10.0, 25.0, 40.0, 0.0, 60.0, 95.0, 5.0, 30.0]), 12)
    return [(float(t), float(v)) for t, v in zip(at_s, value, strict=True)]


@pytest.mark.parametrize("seed", range(6))
def test_stopping_and_going_on_from_a_snapshot_or_a_reload_changes_nothing(seed: int) -> None:
    values = noisy(seed)
    whole, stopped, reloaded = started(ALL), started(ALL), started(ALL)
    expected = canonical(fed(whole, values))
    found, again = [], []
    for cut in range(0, len(values), 7):
        found += canonical(fed(stopped, values[cut : cut + 7]))
        stopped = snapshot.restore(snapshot.take(stopped))
        again += [replace(event, offset=0) for event in fed(reloaded, values[cut : cut + 7])]
        step(reloaded, reloaded.next_offset, PlanChange(ALL, START_NS))
    assert found == expected
    assert len(expected) > 4
    assert [(event.rule, event.transition, event.time_ns) for event in again] == [
        (event.rule, event.transition, event.time_ns) for event in fed(started(ALL), values)
    ]
