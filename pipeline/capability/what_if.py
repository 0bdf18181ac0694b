"""The smallest rise or fall that would raise an alarm within a minute, ten, and sixty, from the state as it stands now.

Nothing is worked out from formulae: the state is copied, the sensors that work go on as they are with something added,
and ``step`` judges. So it holds for every detector and rule there is, with their delays, and with what they have
learned: it worsens when a sensor fails, or when a pump makes the readings restless.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from model.alarm import Transition
from model.batch import GOOD, NO_TIME, Batch
from model.heartbeat import HEARTBEAT
from model.inputs import PlanChange
from model.plan import RuleSpec
from model.sensor import Asset, Kind
from pipeline.process import snapshot
from pipeline.process.step import State, step
from store.snapshots import Snapshot

HORIZONS_S = (60.0, 600.0, 3600.0)
#: A sensor works that gave something usable within so many scan periods, but at least so long.
_PERIODS, _SILENT_S_MIN = 3.0, 10.0
#: Sizes go from this share of the physical range up to all of it, and are found to this factor.
_SHARE_MIN, _NARROW = 1e-5, 1.05
#: More sensors of a kind on an asset are not tried one by one.
ONE_BY_ONE_MAX = 8
#: Rows of one run; longer horizons of very fast sensors are left out.
_ROWS_MAX = 400_000
_ROWS = 2000  # a batch
_WAVE_SPEED = "wave_speed_m_s"
_NEWS = (Transition.RAISED, Transition.RERAISED, Transition.UPGRADED)

Where = Literal["one", "all", "none"]


@dataclass(frozen=True, slots=True)
class Capability:
    """Of the sensors of one kind on an asset.

    Attributes:
        asset: id.
        kind: of the sensors.
        unit: of the sizes.
        working: how many give something usable now.
        sensors: how many there are.
        where: ``one``: at any single sensor, wherever it is seen worst; ``all``: at all of them at once (along a line,
            as a wave from its middle); ``none``: sensors are missing and neither a rise nor a fall is seen.
        rises: whether the value rises; else it falls.
        smallest: size seen within each of ``HORIZONS_S``; 0 = an alarm is coming as it is, None = none is seen, or so
            long cannot be tried.

    """

    asset: str
    kind: str
    unit: str
    working: int
    sensors: int
    where: Where
    rises: bool
    smallest: tuple[float | None, ...]


def judged_assets(whole: Snapshot) -> list[str]:
    """Ids of the assets that have sensors, in the order of the plan."""
    plan = snapshot.restore(whole).bound.plan
    having = {one.asset for one in plan.sensors if one.tag != HEARTBEAT}
    return [one.id for one in plan.assets if one.id in having]


def capabilities(whole: Snapshot, assets: Sequence[str]) -> Iterator[Capability]:
    """What would be seen on these assets, one after the other.

    Args:
        whole: state of the pipeline; not modified.
        assets: ids of assets with sensors.

    """
    by_id = {one.id: one for one in snapshot.restore(whole).bound.plan.assets}
    for asset in assets:
        yield from _Trial(whole, by_id[asset]).found()


class _Trial:
    """One asset by itself, ready to be tried again and again."""

    def __init__(self, whole: Snapshot, asset: Asset) -> None:
        state = snapshot.restore(whole)
        heard_until_ns = _heard_until_ns(state)
        plan = state.bound.plan
        own = tuple(one for one in plan.sensors if one.asset == asset.id)
        only = replace(plan, assets=(asset,), sensors=own, version=f"{plan.version}-{asset.id}")
        step(state, state.next_offset, PlanChange(only, state.clock.wall_ns))
        self._asset, self._plan = asset, only
        self._kinds = {kind.id: kind for kind in plan.kinds}
        self._diagnostic = {rule.id for rule in plan.rules if rule.diagnostic}
        periods = [self._kinds[one.kind].period_s if one.period_s is None else one.period_s for one in own]
        self._period_s = np.array(periods, np.float64)
        self._level = _levels(state)
        self._now_ns = _newest_ns(state)
        self._works = np.isfinite(self._level) & _is_fresh(state, heard_until_ns, self._period_s)
        self._before = snapshot.take(state)

    def found(self) -> Iterator[Capability]:
        for name in dict.fromkeys(one.kind for one in self._plan.sensors):
            of_kind = np.array([one.kind == name for one in self._plan.sensors], np.bool_)
            working = np.flatnonzero(of_kind & self._works)
            if not any(name in rule.kinds or self._asset.kind in rule.assets for rule in self._judging()):
                continue
            counts = len(working), int(np.count_nonzero(of_kind))
            about = self._asset.id, name, self._kinds[name].unit, *counts
            told = [one for rises in (True, False) for one in self._seen(about, working, rises)]
            if not told and len(working) < np.count_nonzero(of_kind):
                told = [Capability(*about, "none", rises=True, smallest=_worst(()))]
            yield from told

    def _seen(
        self,
        about: tuple[str, str, str, int, int],
        working: NDArray[np.intp],
        rises: bool,  # noqa: FBT001
    ) -> list[Capability]:
        """Of one direction; empty where nothing is seen."""
        each = [self._smallest(np.array([at]), rises) for at in working[:ONE_BY_ONE_MAX]]
        together = self._smallest(working, rises) if len(working) > 1 else _worst(each)
        if all(size is None for size in (*_worst(each), *together)):
            return []
        return [Capability(*about, "one", rises, _worst(each)), Capability(*about, "all", rises, together)]

    def _judging(self) -> list[RuleSpec]:
        return [rule for rule in self._plan.rules if not rule.diagnostic]

    def _smallest(self, disturbed: NDArray[np.intp], rises: bool) -> tuple[float | None, ...]:  # noqa: FBT001
        """Smallest size for each horizon; a larger one is taken to be seen no later."""
        kind = self._kinds[self._plan.sensors[disturbed[0]].kind]
        largest = _room(kind, self._level[disturbed], rises)
        sign = 1.0 if rises else -1.0
        quiet, is_hit = self._readings(disturbed)

        @functools.cache
        def delay_s(size: float) -> float:
            return self._delay_s(replace(quiet, value=quiet.value + sign * size * is_hit))

        return tuple(_least(delay_s, kind, largest, horizon_s) for horizon_s in HORIZONS_S)

    def _delay_s(self, batch: Batch) -> float:
        """From now to the first alarm; inf = none before the last horizon, or before there are too many rows."""
        state = snapshot.restore(self._before)
        for at in range(0, len(batch), _ROWS):
            for event in step(state, state.next_offset, batch.take(slice(at, at + _ROWS))).events:
                if event.transition in _NEWS and event.rule not in self._diagnostic:
                    return (event.time_ns - self._now_ns) / 1e9
        return np.inf

    def _readings(self, disturbed: NDArray[np.intp]) -> tuple[Batch, NDArray[np.bool_]]:
        """What the working sensors would send as they are, and to which rows something is added."""
        working = np.flatnonzero(self._works)
        fastest = float(np.sum(1.0 / self._period_s[working]))
        longest_s = min(HORIZONS_S[-1], _ROWS_MAX / fastest)
        arrives_s = self._arrivals_s(disturbed)
        parts = []
        for sensor in working:
            since_s = np.arange(1, int(longest_s / self._period_s[sensor]) + 1) * self._period_s[sensor]
            is_hit = (sensor in disturbed) & (since_s > arrives_s[sensor])
            parts.append((np.full(len(since_s), sensor, np.int32), since_s, is_hit))
        sensors, times_s, hits = (np.concatenate(column) for column in zip(*parts, strict=True))
        order = np.argsort(times_s, kind="stable")
        sensors = sensors[order]
        time_ns = self._now_ns + np.round(times_s[order] * 1e9).astype(np.int64)
        quiet = Batch(sensors, time_ns, time_ns, self._level[sensors], np.full(len(order), GOOD, np.uint8))
        return quiet, hits[order]

    def _arrivals_s(self, disturbed: NDArray[np.intp]) -> NDArray[np.float64]:
        """When it reaches each sensor: at once, or along a line as a wave from the middle of those that are hit."""
        along = np.array(
            [np.nan if one.position.along_m is None else one.position.along_m for one in self._plan.sensors]
        )
        speed_m_s = self._asset.attributes.get(_WAVE_SPEED, 0.0)
        if len(disturbed) < 2 or speed_m_s <= 0 or np.isnan(along[disturbed]).any():
            return np.zeros(len(along))
        middle = (along[disturbed].min() + along[disturbed].max()) / 2
        arrivals: NDArray[np.float64] = np.abs(along - middle) / speed_m_s
        return arrivals


def _least(delay_s: Callable[[float], float], kind: Kind, largest: float, horizon_s: float) -> float | None:
    """Smallest size that is seen within a horizon, two digits; 0 = an alarm comes without it, None = there is none."""
    smallest = _SHARE_MIN * (kind.high - kind.low)
    if largest <= smallest or delay_s(largest) > horizon_s:
        return None
    if delay_s(0.0) <= horizon_s:
        return 0.0
    low, high = smallest, largest
    while high > _NARROW * low:
        middle = math.sqrt(low * high)
        low, high = (low, middle) if delay_s(middle) <= horizon_s else (middle, high)
    return float(f"{high:.2g}")


def _levels(state: State) -> NDArray[np.float64]:
    """Median of the last readings of each sensor, NaN = none usable."""
    rings = state.recent.rings
    value = np.where(rings["time_ns"] == NO_TIME, np.nan, rings["value"])
    newest = value[np.arange(len(value)), rings["at"] - 1]
    ordered = np.sort(value, axis=1)  # NaN last
    count = np.count_nonzero(np.isfinite(value), axis=1)
    middle = ordered[np.arange(len(value)), np.maximum(count - 1, 0) // 2]
    level: NDArray[np.float64] = np.where(np.isfinite(newest), middle, np.nan)
    return level


def _newest_ns(state: State) -> int:
    """Event time of the newest reading of all, from which the trial goes on."""
    last_ns = state.admission.sensors["last_ns"]
    return int(last_ns.max()) if len(last_ns) else 0


def _heard_until_ns(state: State) -> int:
    """Now by our own clock: the last tick, or the last thing heard from any sensor of any asset."""
    return max(state.clock.wall_ns, int(state.admission.sensors["heard_ns"].max(initial=NO_TIME)))


def _is_fresh(state: State, now_ns: int, period_s: NDArray[np.float64]) -> NDArray[np.bool_]:
    heard_ns = state.admission.sensors["heard_ns"]
    allowed_ns = np.maximum(_PERIODS * period_s, _SILENT_S_MIN) * 1e9
    fresh: NDArray[np.bool_] = (heard_ns != NO_TIME) & (now_ns - heard_ns <= allowed_ns)
    return fresh


def _room(kind: Kind, level: NDArray[np.float64], rises: bool) -> float:  # noqa: FBT001
    """How far the value can go and still be possible."""
    return float((kind.high - level).min() if rises else (level - kind.low).min())


def _worst(each: Sequence[tuple[float | None, ...]]) -> tuple[float | None, ...]:
    """For each horizon the largest of the sizes; None where one of the sensors sees nothing."""
    if not each:
        return (None,) * len(HORIZONS_S)
    columns = zip(*each, strict=True)
    return tuple(None if None in column else max(one for one in column if one is not None) for column in columns)
