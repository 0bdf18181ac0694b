"""What would be seen: by limits, delays and what was learned, with the sensors that work; the state stays as it was."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from model.inputs import PlanChange, Tick
from model.plan import DetectorSpec, Plan, RuleSpec
from model.sensor import Asset
from pipeline.capability.what_if import Capability, capabilities, judged_assets
from pipeline.process import snapshot
from pipeline.process.step import State, begin, step
from tests.pipeline.plans import NAME, START_NS, Row, grade, kind, plan, play, rows, rule

HIGH = rule("gas.high", grade("blue", "value >= 8", on_s=20.0))
LEARNED = DetectorSpec("shift", "ewma", ("gas",), {"smooth_s": 0, "warmup_s": 600, "sigma_floor": 0.01})
SHIFTED = rule("gas.shift", grade("blue", "shift >= 5"))


def limits(*rules: RuleSpec, sensors: int = 2, asset_kind: str = "") -> Plan:
    made = plan(
        *(rules or (HIGH,)),
        kinds=(kind(period_s=1.0),),
        sensors=[(f"v{n}", "gas") for n in range(sensors)],
        detectors=(LEARNED, DetectorSpec("two", "vote", ("gas",), {"of": 2.0}, ("vessel",))),
    )
    return replace(made, assets=(Asset("station", NAME, "site", asset_kind),))


def lived(made: Plan, *levels: float, seconds: int = 30, spread: float = 0.0, silent: tuple[int, ...] = ()) -> State:
    """Every sensor at its level, once a second; the silent ones stop after half of the time."""
    state = begin(PlanChange(made, START_NS), 0)
    noise = np.random.default_rng(1).normal(0.0, 1.0, (seconds, len(levels))) * spread
    play(
        state,
        [
            rows(
                Row(sensor, float(second), level + noise[second, sensor])
                for second in range(seconds)
                for sensor, level in enumerate(levels)
                if sensor not in silent or second < seconds / 2
            )
        ],
    )
    return state


def found(state: State, where: str = "one", *, rises: bool = True) -> Capability | None:
    every = capabilities(snapshot.take(state), ["station"])
    return next((one for one in every if one.where == where and one.rises is rises), None)


def test_a_limit_is_as_far_as_the_level_is_below_it() -> None:
    one = found(lived(limits(), 5.0, 6.5))
    assert one is not None
    assert (one.asset, one.kind, one.unit, one.working, one.sensors) == ("station", "gas", "%LEL", 2, 2)
    assert one.smallest == pytest.approx((3.0, 3.0, 3.0), rel=0.06)


def test_a_delay_longer_than_the_horizon_hides_it() -> None:
    slow = rule("gas.high", grade("blue", "value >= 8", on_s=300.0))
    one = found(lived(limits(slow), 5.0, 5.0))
    assert one is not None
    assert one.smallest[0] is None
    assert one.smallest[1:] == pytest.approx((3.0, 3.0), rel=0.06)


def test_what_nothing_looks_for_is_not_told() -> None:
    assert found(lived(limits(), 5.0, 5.0), rises=False) is None


def test_a_fall_is_looked_for_where_a_rule_does() -> None:
    low = rule("gas.low", grade("blue", "value <= 1"))
    one = found(lived(limits(low), 5.0, 3.0), rises=False)
    assert one is not None
    assert one.smallest == pytest.approx((4.0, 4.0, 4.0), rel=0.06)


def test_restless_readings_hide_more() -> None:
    calm = found(lived(limits(SHIFTED), 5.0, 5.0, seconds=1200, spread=0.05))
    restless = found(lived(limits(SHIFTED), 5.0, 5.0, seconds=1200, spread=0.5))
    assert calm is not None
    assert restless is not None
    assert calm.smallest[0] is not None
    assert restless.smallest[0] is not None
    assert restless.smallest[0] == pytest.approx(10 * calm.smallest[0], rel=0.5)


def vessel(*, sensors: int = 3) -> Plan:
    both = replace(rule("vessel.two", grade("red", "two >= 25 %LEL"), kinds=()), assets=("vessel",))
    return limits(both, sensors=sensors, asset_kind="vessel")


def test_a_vote_sees_two_sensors_and_not_one() -> None:
    state = lived(vessel(), 2.0, 2.0, 2.0)
    one, together = found(state), found(state, "all")
    assert one is not None
    assert together is not None
    assert one.smallest == (None, None, None)
    assert together.smallest == pytest.approx((23.0, 23.0, 23.0), rel=0.06)


def test_it_worsens_when_a_sensor_fails() -> None:
    one = found(lived(vessel(sensors=2), 2.0, 2.0, silent=(1,)), "none")
    assert one is not None, "one working sensor of a vote sees nothing, and that is told"
    assert (one.working, one.sensors, one.smallest) == (1, 2, (None, None, None))
    many = found(lived(vessel(), 2.0, 2.0, 2.0, silent=(1,)), "all")
    assert many is not None
    assert (many.working, many.sensors) == (2, 3)


def test_an_asset_without_a_working_sensor_is_told() -> None:
    state = lived(limits(), 5.0, 5.0, silent=(0, 1))
    step(state, state.next_offset, Tick(START_NS + 30 * 10**9, 30 * 10**9))
    told = list(capabilities(snapshot.take(state), ["station"]))
    assert [(one.where, one.working, one.sensors) for one in told] == [("none", 0, 2)]


def test_an_alarm_that_is_coming_anyway_needs_nothing() -> None:
    one = found(lived(limits(), 9.0, 5.0, seconds=5))
    assert one is not None
    assert one.smallest == (0.0, 0.0, 0.0)


def test_alarms_about_instruments_do_not_count() -> None:
    told = replace(HIGH, diagnostic=True)
    assert found(lived(limits(told), 5.0, 5.0)) is None


def test_the_state_is_left_as_it_was() -> None:
    whole = snapshot.take(lived(limits(HIGH, SHIFTED), 5.0, 5.0, seconds=700, spread=0.1))
    before = {name: array.tobytes() for name, array in whole.arrays.items()}
    assert judged_assets(whole) == ["station"]
    list(capabilities(whole, ["station"]))
    assert {name: array.tobytes() for name, array in whole.arrays.items()} == before
