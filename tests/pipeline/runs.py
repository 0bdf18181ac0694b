"""Long runs over every detector, made from a seed, and the ways in which one run can be cut up."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np

from model.alarm import AlarmEvent, Grade, Verdict
from model.batch import concatenate
from model.inputs import HumanAct, Input, PlanChange, Tick
from model.plan import AlarmPolicy, DetectorSpec, Plan
from pipeline.process import snapshot
from pipeline.process.step import State, begin, step
from tests.pipeline.plans import START_NS, Row, grade, kind, ns, plan, rows, rule
from tests.pipeline.worlds import Act, Beat, Event, Rows

BOTH = ("gas", "slow")

#: Settings quick enough to warm up, score and hold within a short run.
DETECTORS = (
    DetectorSpec("beyond", "limit", BOTH, {"high": 20.0}),
    DetectorSpec("slope", "rate", ("gas",), {"window_s": 8.0}),
    DetectorSpec("mean", "ewma", BOTH, {"smooth_s": 1.0, "warmup_s": 6.0, "mean_s": 10.0, "hold_s": 5.0}),
    DetectorSpec("sum", "cusum", BOTH, {"warmup_s": 6.0, "mean_s": 10.0, "hold_s": 5.0}),
    DetectorSpec("stuck", "flatline", BOTH, {"tolerance": 0.5}),
    DetectorSpec("quiet", "silence", BOTH, {}),
)
RULES = (
    rule(
        "level",
        grade("blue", "value >= 10", 2.0, 2.0),
        grade("yellow", "value >= 25", 0.0, 1.0, 2.0),
        grade("red", "value >= 50 %LEL"),
        kinds=BOTH,
        latching=True,
    ),
    rule("over", grade("orange", "beyond > 0 and quality != bad"), kinds=BOTH),
    rule("slope", grade("yellow", "slope > 40 or slope < -40 %LEL/min", 1.0)),
    rule("normal", grade("blue", "mean > 3"), grade("yellow", "mean > 6 or sum > 8", 1.0, 1.0), kinds=BOTH),
    rule("stuck", grade("blue", "stuck >= 6"), kinds=BOTH),
    rule("quiet", grade("blue", "quiet >= 5 s"), grade("yellow", "quiet > 8 s", 1.0), kinds=BOTH),
    rule("device", grade("blue", "quality == bad or clock_fault == 1", 0.0, 2.0), kinds=BOTH),
)
#: What people do, the usual more often.
ACTS = ("acknowledge",) * 4 + ("reset",) * 3 + ("shelve", "unshelve", "comment", "verdict")
SENSORS = (("a", "gas"), ("b", "slow"), ("c", "gas"), ("d", "slow"))


def whole_plan() -> Plan:
    kinds = (kind("gas", period_s=1.0), kind("slow", period_s=1.0, lateness_s=3.0))
    soon = AlarmPolicy(realarm_after_s=tuple((one, 6.0) for one in Grade if one), stale_after_s=12.0)
    return replace(plan(*RULES, kinds=kinds, sensors=SENSORS, detectors=DETECTORS), alarms=soon)


def long_run(seed: int, seconds: int = 90) -> list[Event]:
    """Four sensors with noise, steps, ramps, gaps, faults, late and doubled rows; ticks, outages and people."""
    rng = np.random.default_rng(seed)
    level, drift = rng.choice([0.0, 8.0, 20.0], 4), np.zeros(4)
    silent_until = np.zeros(4)
    events: list[Event] = []
    elapsed_s, known = 50.0, []
    for second in range(seconds):
        batch = []
        for at in np.sort(rng.uniform(second, second + 1, rng.poisson(5))):
            sensor = int(rng.integers(0, 4))
            if rng.random() < 0.03:
                level[sensor], drift[sensor] = rng.choice([0.0, 8.0, 12.0, 30.0, 60.0]), rng.choice([0.0, 0.0, 1.0])
            if rng.random() < 0.01:
                silent_until[sensor] = at + 12
            if at < silent_until[sensor]:
                continue
            if known and rng.random() < 0.06:
                old = known[int(rng.integers(max(0, len(known) - 20), len(known)))]
                batch.append(old._replace(received_s=at))
                continue
            level[sensor] += drift[sensor]
            batch.append(_reading(rng, sensor, float(at), float(level[sensor])))
            known.append(batch[-1])
        if batch:
            events.append(Rows(tuple(batch)))
        pause_s = float(rng.choice([1.0] * 40 + [15.0]))
        elapsed_s += pause_s
        events.append(Beat(second + pause_s, elapsed_s))
        events += [Act(str(rng.choice(ACTS)), int(rng.integers(0, 30)), second + 1.0) for _ in range(rng.poisson(2))]
    return events


def _reading(rng: np.random.Generator, sensor: int, at: float, level: float) -> Row:
    behind = float(rng.choice([0.0] * 20 + [-1.0, -2.5, -4.0, 400.0, 100.0]))
    device_s = None if rng.random() < 0.03 else at + behind
    value = float(rng.choice([np.nan, 200.0])) if rng.random() < 0.03 else level + float(rng.normal(0, 0.3))
    return Row(sensor, device_s, value, at, int(rng.choice([0] * 20 + [1, 2])))


def started(made: Plan) -> State:
    return begin(PlanChange(made, START_NS), 0)


def follow(state: State, events: Iterable[Event | Sequence[Rows]]) -> list[AlarmEvent]:
    """Play events on; an act is on one of the alarms that are open then."""
    out: list[AlarmEvent] = []
    for event in events:
        out += step(state, state.next_offset, to_input(state, event)).events
    return out


def to_input(state: State, event: Event) -> Input:
    match event:
        case Rows(items):
            return concatenate([rows([item]) for item in items])
        case Beat(wall_s, elapsed_s, boot):
            return Tick(ns(wall_s), round(elapsed_s * 1e9), boot)
        case Act(act, which, at_s):
            ids = sorted(alarm.id for alarm in state.alarms.open_alarms())
            chosen = ids[which % len(ids)] if ids else "none"
            return HumanAct(
                f"{state.next_offset}", act, chosen, "Wang", "why", ns(at_s), duration_s=5.0, verdict=Verdict.FALSE
            )


def singly(events: Iterable[Event]) -> list[Event]:
    """Every row a batch of its own."""
    out: list[Event] = []
    for event in events:
        out += [Rows((row,)) for row in event.rows] if isinstance(event, Rows) else [event]
    return out


def merged(events: Iterable[Event], sizes: Iterable[int]) -> list[Event]:
    """Rows that follow each other put together anew, in batches of these sizes."""
    size = iter(sizes)
    out: list[Event] = []
    room = 0
    for event in singly(events):
        last = out[-1] if out else None
        if isinstance(event, Rows) and isinstance(last, Rows) and room > 0:
            out[-1] = Rows(last.rows + event.rows)
            room -= 1
        else:
            out.append(event)
            room = next(size) - 1
    return out


def same_state(one: State, other: State) -> bool:
    """Whether two states would leave the same snapshot, byte for byte."""
    a, b = snapshot.take(one), snapshot.take(other)
    arrays = [{name: array.tobytes() for name, array in part.arrays.items()} for part in (a, b)]
    return (a.offset, a.meta) == (b.offset, b.meta) and arrays[0] == arrays[1]
