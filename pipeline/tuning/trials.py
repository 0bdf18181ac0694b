"""How soon a rule finds a step or a ramp: put on top of quiet readings, at many places and instants, through ``step``.

Every trial is a copy of a sensor (or of an asset, where the rule looks at whole ones) beside the others in one plan.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from model.alarm import AlarmEvent, Transition
from model.batch import Batch, concatenate
from model.plan import Plan, RuleSpec
from model.sensor import Sensor
from pipeline.tuning.candidates import begins, played, with_rules

#: A disturbance begins within this share of a sensor's readings: after the warm-up, with time left to find it.
_BEGIN_LOW, _BEGIN_HIGH = 0.4, 0.7
_HOUR_NS = 3600 * 10**9
#: Median absolute deviation to standard deviation, for a normal distribution.
_MAD_TO_SIGMA = 1.4826

Shape = Literal["step", "ramp"]


@dataclass(frozen=True, slots=True)
class Found:
    """What became of one size.

    Attributes:
        shape: ``step``: the value is larger by ``size`` from an instant on; ``ramp``: it grows by ``size`` an hour.
        size: unit of the kind, or that an hour.
        trials: how many; those in alarm before are left out.
        found: how many were found before the readings ended.
        median_s: from the beginning to the alarm; None where fewer than half were found, as is ``p90_s``.
        p90_s: of 90 %.

    """

    shape: Shape
    size: float
    trials: int
    found: int
    median_s: float | None
    p90_s: float | None


def concerned(plan: Plan, rule: RuleSpec, kind: str = "") -> list[int]:
    """Sensors on which a disturbance is tried: those that the rule looks at, or of the assets that it looks at."""
    kind_of = {asset.id: asset.kind for asset in plan.assets}
    return [
        at
        for at, one in enumerate(plan.sensors)
        if (kind_of[one.asset] in rule.assets if rule.assets else one.kind in rule.kinds) and kind in ("", one.kind)
    ]


def usual_sizes(batch: Batch, sensors: Sequence[int]) -> list[float]:
    """1, 3, 10 and 30 times the median spread of these sensors, two digits each; empty where they stand still."""
    spreads = []
    for sensor in sensors:
        value = batch.value[(batch.sensor == sensor) & np.isfinite(batch.value)]
        if len(value):
            spreads.append(_MAD_TO_SIGMA * float(np.median(np.abs(value - np.median(value)))))
    spread = float(np.median(spreads)) if spreads else 0.0
    return [float(f"{times * spread:.2g}") for times in (1, 3, 10, 30)] if spread > 0 else []


def tried(
    plan: Plan,
    batch: Batch,
    rule: RuleSpec,
    sensors: Sequence[int],
    disturbance: tuple[Shape, float],
    *,
    trials: int,
    seed: int,
) -> Found:
    """Try one disturbance.

    Args:
        plan: of the readings.
        batch: quiet, in the order of their time.
        rule: with the limits to try.
        sensors: to disturb, in turn.
        disturbance: its shape and size.
        trials: how many.
        seed: of the instants.

    """
    shape, size = disturbance
    rng = np.random.default_rng(seed)
    parts: list[Batch] = []
    copies: list[Sensor] = []
    begins_ns, names = [], []
    assets = {asset.id: asset for asset in plan.assets}
    for trial in range(trials):
        sensor = sensors[trial % len(sensors)]
        own = plan.sensors[sensor]
        with_it = [at for at, one in enumerate(plan.sensors) if one.asset == own.asset] if rule.assets else [sensor]
        part = batch.take(np.isin(batch.sensor, with_it))
        times = part.time_ns[part.sensor == sensor]
        if len(times) == 0:
            continue
        begin_ns = int(times[0] + rng.uniform(_BEGIN_LOW, _BEGIN_HIGH) * (times[-1] - times[0]))
        place = np.full(len(plan.sensors), -1, np.int32)
        place[with_it] = np.arange(len(copies), len(copies) + len(with_it))
        copies += [
            replace(plan.sensors[at], tag=f"{plan.sensors[at].tag}~{trial}", asset=f"{own.asset}~{trial}", gateway="")
            for at in with_it
        ]
        value = part.value + np.where(part.sensor == sensor, _disturbance(shape, size, part.time_ns, begin_ns), 0.0)
        parts.append(replace(part, sensor=place[part.sensor], value=value))
        begins_ns.append(begin_ns)
        names.append((f"{own.asset}~{trial}" if rule.assets else f"{own.tag}~{trial}", own.asset, trial))
    together = concatenate(parts)
    together = together.take(np.argsort(together.time_ns, kind="stable"))
    own_plan = replace(
        with_rules(plan, [replace(rule, latching=False)]),
        assets=tuple(replace(assets[asset], id=f"{asset}~{trial}") for _, asset, trial in names),
        sensors=tuple(copies),
    )
    history: dict[str, list[AlarmEvent]] = {}
    for event in played(own_plan, together):
        history.setdefault(event.tag, []).append(event)
    delays = [
        _delay_s(history.get(name, []), begin_ns) for (name, _, _), begin_ns in zip(names, begins_ns, strict=True)
    ]
    return _summed_up(shape, size, [one for one in delays if one is not None])


def _disturbance(shape: Shape, size: float, time_ns: NDArray[np.int64], begin_ns: int) -> NDArray[np.float64]:
    since_ns = time_ns - begin_ns
    whole = size if shape == "step" else size * since_ns / _HOUR_NS
    disturbance: NDArray[np.float64] = np.where(since_ns >= 0, whole, 0.0)
    return disturbance


def _delay_s(history: Sequence[AlarmEvent], begin_ns: int) -> float | None:
    """From the beginning to the first alarm behind it; inf = never, None = one was on already."""
    is_on = False
    for event in history:
        if event.time_ns >= begin_ns and is_on:
            return None
        if event.time_ns >= begin_ns and begins(event):
            return (event.time_ns - begin_ns) / 1e9
        is_on = begins(event) or (is_on and event.transition is not Transition.RETURNED)
    return None if is_on else np.inf


def _summed_up(shape: Shape, size: float, delays_s: list[float]) -> Found:
    found = sum(np.isfinite(delays_s))
    ranked = sorted(delays_s)

    def at_share(share: float) -> float | None:
        place = int(np.ceil(share * len(ranked))) - 1
        return ranked[place] if ranked and np.isfinite(ranked[place]) else None

    return Found(shape, size, len(delays_s), int(found), at_share(0.5), at_share(0.9))
