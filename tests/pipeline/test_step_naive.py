"""``step`` against its slow, obvious twin, on worlds that hypothesis makes up."""

from __future__ import annotations

from hypothesis import HealthCheck, given, settings

from model.alarm import AlarmEvent
from model.inputs import HumanAct, PlanChange, Tick
from pipeline.process.step import State, begin, step
from tests.naive_step import Happened, NaiveStep, Reading
from tests.pipeline.plans import START_NS, Row, ns, rows
from tests.pipeline.worlds import Act, Beat, Rows, World, worlds


def happened(event: AlarmEvent) -> Happened:
    return Happened(
        event.offset, event.rule, event.tag, event.transition, event.state, event.grade, event.time_ns, event.offline
    )


def reading(row: Row) -> Reading:
    received_s = row.at_s if row.received_s is None else row.received_s
    return Reading(
        row.sensor, None if row.at_s is None else ns(row.at_s), ns(received_s or 0.0), row.value, row.quality
    )


class Both:
    """The same world for both; every input's events are compared at once."""

    def __init__(self, world: World) -> None:
        self.state: State = begin(PlanChange(world.plan, START_NS), 0)
        self.twin = NaiveStep(world.sensors, world.rules)

    def rows(self, given_rows: Rows) -> None:
        offset = self.state.next_offset
        expected = [e for at, row in enumerate(given_rows.rows, offset) for e in self.twin.row(at, reading(row))]
        outcome = step(self.state, offset, rows(given_rows.rows))
        assert [happened(event) for event in outcome.events] == expected

    def tick(self, beat: Beat) -> None:
        offset, elapsed_ns = self.state.next_offset, round(beat.elapsed_s * 1e9)
        expected = self.twin.tick(offset, ns(beat.wall_s), elapsed_ns, beat.boot)
        outcome = step(self.state, offset, Tick(ns(beat.wall_s), elapsed_ns, beat.boot))
        assert [happened(event) for event in outcome.events] == expected

    def act(self, act: Act) -> None:
        offset, keys = self.state.next_offset, list(self.twin.open_alarms())
        key = keys[act.which % len(keys)] if keys else ("none", "none")
        ids = {(alarm.rule, alarm.tag): alarm.id for alarm in self.state.alarms.open_alarms()}
        assert sorted(ids) == keys
        expected = getattr(self.twin, act.act)(offset, key, ns(act.at_s))
        command = HumanAct(f"command {offset}", act.act, ids.get(key, "no such alarm"), "Wang", "", ns(act.at_s))
        outcome = step(self.state, offset, command)
        assert bool(outcome.refused) == (expected is None), outcome.refused
        assert [happened(event) for event in outcome.events] == (expected or [])


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(worlds())
def test_step_does_what_its_obvious_twin_does(world: World) -> None:
    both = Both(world)
    for event in world.events:
        match event:
            case Rows():
                both.rows(event)
            case Beat():
                both.tick(event)
            case Act():
                both.act(event)
    counts = both.state.counts
    assert {"accepted": counts.accepted, "duplicate": counts.duplicate, "late": counts.late} == both.twin.counts
