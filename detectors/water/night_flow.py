"""What a district draws in the small hours: a leak shows there with its size, and one that grows over weeks, too."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np

from detectors.declaration import ParameterError, check, declare
from detectors.kernels import Floats, Integers, nanoseconds
from detectors.water.night_rows import (
    BEGAN,
    BLOCKS,
    ENDED,
    ENDS,
    LEARNED,
    PLACES,
    RECENT,
    collect,
)
from detectors.water.tank_areas import learned_m2
from model.detector import AssetView, Columns

_FLOW, _LEVEL = "m3/h", "m"
COLUMNS = ("", "leak_m3_h", "night_m3_h", "usual_m3_h", "held_s")
#: Such a part of a night must be there.
_NIGHT_MIN = 0.8
#: A night counts as so many deviations at most when sigma is learned.
_TEACHES_SIGMA = 4.0
#: Deviation of normal values, by the median of their absolute ones.
_NORMAL = 1.4826
#: Variance of a median, in that of a mean.
_MEDIAN = math.pi / 2.0
_SIGMA_MIN = 1e-9


@dataclass(slots=True)
class NightFlowState:
    """What one district remembers: m levels, u usual and r recent nights.

    Attributes:
        last: float64 [m], levels of the last whole row.
        block: float64 [2 + m], of the hour that is filling: rows, sums of inflow (m3/h) and of the rises of levels (m).
        cells: float64 [24, 2 + m], of each hour of the day in the warm-up: hours, sums of inflow and of rises (m/h).
        products: float64 [1 + m, 1 + m], sums of products of these.
        night: float64 [2 + m], as ``block``, of the night that is filling.
        usual: float64 [u, 1 + m], nights to compare with: inflow (m3/h) and rises (m/h); NaN = none.
        recent: float64 [r, 3 + m], the last nights: number of the day, whether it may become usual, and as ``usual``.
        areas: float64 [m], of the tanks (m2); NaN = not known yet.
        clock: int64 [places], see ``night_rows``.
        said: float64 [columns], what was found last.

    """

    last: Floats
    block: Floats
    cells: Floats
    products: Floats
    night: Floats
    usual: Floats
    recent: Floats
    areas: Floats
    clock: Integers
    said: Floats


@dataclass(frozen=True, slots=True, kw_only=True)
class NightFlow:
    """Compares what a district draws in the night with the nights before, and gives the difference in m3/h.

    ::

        night = mean over length_s from begin_s of: inflows - outflows - sum of tank area x rise of its level     m3/h
        usual = median of usual_nights nights, the last gap_nights left out
        sigma = root mean square of night - usual there, each counted 4 robust deviations (MAD) at most
        t     = (mean of the last night, or of slow_nights - usual) / (sigma x how unsure both means are)
        score = t as a normal deviation, by Student with usual nights - 1 degrees of freedom (Wallace); the larger one

    A night is like the one before by the share ``memory``, which widens what a mean is unsure of. Sigma is never below
    ``floor_share`` of the usual night. A night with a score beyond ``hold_sigma`` never becomes usual, and none does
    while the score is; after ``hold_nights`` of that everything is learned anew.

    Flows are told by their unit, m3/h; those of ``out_kinds`` leave the district. Levels (m) are tanks. Their areas are
    attributes of the asset, ``tank_area_m2``, ``tank_area_2_m2`` and so on in the order of its inputs. Where one is
    missing all are learned in the warm-up, from hours of the same time of day: what the pumps bring more than usual
    lifts the levels. That takes pumps that switch; where it does not explain half, there is no score.

    ``leak_m3_h`` is the difference that the score stands for, ``night_m3_h`` the last night, ``usual_m3_h`` the usual
    one, and ``held_s`` how long the score has been beyond ``hold_sigma``.

    Fails: on leaks that are there all through the warm-up; on nights with another use (holidays, watering, a tank that
    is filled outside the district); where areas are learned the size is good to a third.

    Raises:
        ParameterError: a parameter is out of range.

    Source: IWA, Losses in Water Distribution Networks, 2003, on night flow; Wallace, Ann. Math. Statist. 30 (1959)
    1124, on Student's t.
    """

    every_s: float = field(default=900.0, metadata=declare(unit="s", doc="the meters' scan period", low=0.1, high=3600))
    begin_s: float = field(
        default=7200.0, metadata=declare(unit="s", doc="when the night begins, after midnight", low=0, high=604800)
    )
    length_s: float = field(default=7200.0, metadata=declare(unit="s", doc="how long it lasts", low=1, high=604800))
    zone_h: float = field(
        default=8.0, metadata=declare(unit="h", doc="how far local time is ahead of UTC", low=-14, high=14)
    )
    cycle_s: float = field(default=86400.0, metadata=declare(unit="s", doc="length of a day", low=1, high=604800))
    out_kinds: str = field(default="", metadata=declare(unit="", doc="kinds of flows that leave, by commas"))
    warmup_nights: float = field(
        default=7.0, metadata=declare(unit="", doc="nights to learn before the first score", low=3, high=100)
    )
    usual_nights: float = field(
        default=28.0, metadata=declare(unit="", doc="nights to compare with; at least warmup_nights", low=3, high=1000)
    )
    gap_nights: float = field(
        default=7.0, metadata=declare(unit="", doc="nights before one becomes usual", low=0, high=100)
    )
    slow_nights: float = field(
        default=7.0, metadata=declare(unit="", doc="nights of the slow mean; whole weeks", low=1, high=100)
    )
    memory: float = field(
        default=0.4, metadata=declare(unit="", doc="share of a night's deviation that the next has", low=0, high=0.9)
    )
    floor_share: float = field(
        default=0.02, metadata=declare(unit="", doc="smallest sigma, as a share of the usual night", low=0, high=1)
    )
    hold_sigma: float = field(
        default=2.0, metadata=declare(unit="sigma", doc="score beyond which nothing becomes usual", low=0, high=1000)
    )
    hold_nights: float = field(
        default=30.0, metadata=declare(unit="", doc="after so long all is learned anew", low=0, high=1000)
    )

    state_version = 1

    def __post_init__(self) -> None:
        check("night_flow", self)
        if self.begin_s + self.length_s > self.cycle_s:
            raise ParameterError("night_flow", "length_s", "must end within the day", self.length_s)
        if self.usual_nights < self.warmup_nights:
            raise ParameterError("night_flow", "usual_nights", "must be at least warmup_nights", self.usual_nights)

    def units(self, unit: str) -> dict[str, str]:  # noqa: ARG002
        return dict(zip(COLUMNS, ("sigma", _FLOW, _FLOW, _FLOW, "s"), strict=True))

    def explained_by(self) -> dict[str, str]:
        return {"observed": "night_m3_h", "expected": "usual_m3_h", "since": "held_s"}

    def fits(self, asset: AssetView) -> bool:
        """One flow into it and more."""
        return any(one.unit == _FLOW and one.kind not in self._leaving() for one in asset.inputs)

    def init(self, asset: AssetView) -> NightFlowState:
        levels = sum(one.unit == _LEVEL for one in asset.inputs)
        return NightFlowState(
            last=np.full(levels, np.nan),
            block=np.zeros(2 + levels),
            cells=np.zeros((BLOCKS, 2 + levels)),
            products=np.zeros((1 + levels, 1 + levels)),
            night=np.zeros(2 + levels),
            usual=np.full((int(self.usual_nights), 1 + levels), np.nan),
            recent=np.full((1 + max(int(self.slow_nights), int(self.gap_nights)), 3 + levels), np.nan),
            areas=np.full(levels, np.nan),
            clock=np.zeros(PLACES, np.int64),
            said=np.full(len(COLUMNS), np.nan),
        )

    def _leaving(self) -> set[str]:
        return {kind.strip() for kind in self.out_kinds.split(",")}

    def update(self, state: NightFlowState, asset: AssetView, time_ns: Integers, value: Floats) -> Columns:
        """Score instants: float64 [n] a column, new once a night."""
        signs = np.array(
            [
                (-1.0 if one.kind in self._leaving() else 1.0) if one.unit == _FLOW else 0.0
                for one in asset.inputs
            ]
        )  # fmt: skip
        levels = np.array([at for at, one in enumerate(asset.inputs) if one.unit == _LEVEL], np.int64)
        sizes = np.array(
            [nanoseconds(s) for s in (self.every_s, self.cycle_s, self.begin_s, self.length_s, 3600.0 * self.zone_h)]
        )
        found = np.empty((len(time_ns), len(COLUMNS)))
        times, rows = np.ascontiguousarray(time_ns), np.ascontiguousarray(value)
        row = 0
        while row < len(times):
            row = collect(
                times, rows, row, signs, levels, sizes, state.last, state.block, state.cells, state.products,
                state.night, state.clock, state.said, found,
            )  # fmt: skip
            if row < len(times):
                self._close(state, _given_m2(asset, len(levels)))
        return {name: np.ascontiguousarray(found[:, at]) for at, name in enumerate(COLUMNS)}

    def _close(self, state: NightFlowState, given_m2: Floats) -> None:
        """End the night that is filling: learn it, or score it."""
        clock, hour = state.clock, 3600.0
        count, night = state.night[0], state.night[1:].copy()
        ends_ns = int(clock[ENDS])
        clock[ENDS], state.night[:] = 0, 0.0
        state.said[:] = np.nan
        if count * self.every_s < _NIGHT_MIN * self.length_s:
            return
        night[0] /= count
        night[1:] /= count * self.every_s / hour
        clock[ENDED] = ends_ns
        wanted = int(self.warmup_nights)
        if clock[LEARNED] < wanted:
            self._add(state, night)
            if clock[LEARNED] == wanted:
                state.areas[:] = given_m2 if np.isfinite(given_m2).all() else learned_m2(state.cells, state.products)
                if not np.isfinite(state.areas).all():
                    _forget(state)
            return
        day = float(ends_ns // nanoseconds(self.cycle_s))
        row = state.recent[clock[RECENT] % len(state.recent)]
        row[0], row[1], row[2:] = day, 0.0, night
        clock[RECENT] += 1
        self._judge(state, day, row)
        self._teach(state, ends_ns)

    def _add(self, state: NightFlowState, night: Floats) -> None:
        state.usual[state.clock[LEARNED] % len(state.usual)] = night
        state.clock[LEARNED] += 1

    def _judge(self, state: NightFlowState, day: float, newest: Floats) -> None:
        """Score the newest night by itself and with those of the slow mean."""
        usual = _net(state.usual[~np.isnan(state.usual[:, 0])], state.areas)
        middle, sigma = self._learned(usual)
        unsure = _MEDIAN * (1.0 + self.memory) / (1.0 - self.memory) / len(usual)
        slow = int(self.slow_nights)
        recent = state.recent[state.recent[:, 0] > day - slow]

        def scored(nights: Floats) -> tuple[float, float]:
            more = float(_net(nights[:, 2:], state.areas).mean()) - middle
            t = more / (sigma * math.sqrt(self._spread(len(nights)) + unsure))
            return _normal(t, max(len(usual) - 1, 1)), more

        best = alone = scored(newest[None, :])
        newest[1] = float(alone[0] <= self.hold_sigma)
        if 2 * len(recent) >= slow:
            best = max(alone, scored(recent))
        state.said[:4] = *best, float(_net(newest[None, 2:], state.areas)[0]), middle

    def _learned(self, usual: Floats) -> tuple[float, float]:
        """Median and sigma of the usual nights, m3/h."""
        middle = float(np.median(usual))
        off = np.abs(usual - middle)
        most = _TEACHES_SIGMA * _NORMAL * float(np.median(off))
        sigma = math.sqrt(float((np.minimum(off, most) ** 2).sum()) / max(len(usual) - 1, 1))
        return middle, max(sigma, self.floor_share * abs(middle), _SIGMA_MIN)

    def _spread(self, count: int) -> float:
        """Variance of the mean of so many nights in a row, in that of one night."""
        return sum((1.0 - abs(k) / count) * self.memory ** abs(k) for k in range(1 - count, count)) / count

    def _teach(self, state: NightFlowState, ends_ns: int) -> None:
        """Let the night that is old enough become usual; after too long a time beyond hold begin anew."""
        clock = state.clock
        if state.said[0] > self.hold_sigma:
            clock[BEGAN] = clock[BEGAN] or ends_ns
            state.said[4] = (ends_ns - clock[BEGAN]) * 1e-9
            if ends_ns - clock[BEGAN] > int(self.hold_nights) * nanoseconds(self.cycle_s):
                _forget(state)
            return
        clock[BEGAN], state.said[4] = 0, 0.0
        gap = int(self.gap_nights)
        if clock[RECENT] > gap:
            night = state.recent[(clock[RECENT] - 1 - gap) % len(state.recent)]
            if night[1] == 1.0:
                self._add(state, night[2:])


def _forget(state: NightFlowState) -> None:
    state.usual[:], state.recent[:], state.areas[:], state.said[:] = np.nan, np.nan, np.nan, np.nan
    state.cells[:], state.products[:] = 0.0, 0.0
    state.clock[[LEARNED, RECENT, BEGAN]] = 0


def _net(nights: Floats, areas: Floats) -> Floats:
    """What each night drew, m3/h, from inflow and rises of levels."""
    net: Floats = nights[:, 0] - (nights[:, 1:] * areas).sum(axis=1)
    return net


def _normal(t: float, freedom: int) -> float:
    """Student's t as the normal deviation that is as rare."""
    much = math.sqrt(freedom * math.log1p(t * t / freedom)) * (8.0 * freedom + 1.0) / (8.0 * freedom + 3.0)
    return math.copysign(much, t)


def _given_m2(asset: AssetView, levels: int) -> Floats:
    """Areas that the asset gives, in the order of its levels; NaN = not given."""
    names = [f"tank_area{'' if k == 0 else f'_{k + 1}'}_m2" for k in range(levels)]
    return np.array([asset.attributes.get(name, np.nan) for name in names], np.float64)
