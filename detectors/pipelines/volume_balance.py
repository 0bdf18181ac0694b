"""What goes into a line less what comes out and what it packs: a leak too slow for a wave shows here."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field

import numpy as np
from numba import njit, types

from detectors.declaration import ParameterError, check, declare
from detectors.kernels import F64, I64, Floats, Integers
from model.detector import AssetInput, AssetView, Columns

_VALUE_MAX = 1e100
_GRAVITY = 9.80665
#: Pa in one of the units in which pressure is measured.
_PASCAL = {"Pa": 1.0, "kPa": 1e3, "MPa": 1e6, "bar": 1e5, "mH2O": 1e3 * _GRAVITY}
_FLOW = "m3/h"
COLUMNS = ("", "rate", "fast", "slow")
#: What counts at most when bias and sigma are learned.
_TEACHES_SIGMA = 3.0
_SIGMA_MIN = 1e-9
_F64_2D = types.Array(types.float64, 2, "C")
_VALUES = types.Array(types.float64, 2, "C", readonly=True)
_TIMES = types.Array(types.int64, 1, "C", readonly=True)


@dataclass(slots=True)
class VolumeBalanceState:
    """What one line remembers of its imbalance; n instants.

    Attributes:
        ring: float64 [n], flow in less flow out less packing, m3/h, newest instants.
        pack: float64 [1], volume packed at the last instant, m3.
        bias: float64 [2], mean imbalance over the fast and the slow window, m3/h.
        variance: float64 [2], of these, (m3/h)^2.
        clock: int64 [4], instants in a series, instants learned, instants beyond hold, last instant (ns).

    """

    ring: Floats
    pack: Floats
    bias: Floats
    variance: Floats
    clock: Integers


@dataclass(frozen=True, slots=True, kw_only=True)
class VolumeBalance:
    """Compares what the first meter lets in with what the last one lets out, less what the line packs.

    ::

        pack      = sum over pressures of A dx p / (rho a^2)            m3; each pressure stands for the line around it
        imbalance = flow in - flow out - d pack / dt                    m3/h
        score     = (mean over the window - bias) / sigma               the larger one of fast_s and slow_s

    Bias (the meters' difference) and sigma of each window are learned for ``warmup_s`` and then follow with
    ``follow_s``, except while the score is beyond ``hold_sigma``, for ``hold_s`` at most. Sigma is never below
    ``floor_share`` of the flow. ``rate`` is the imbalance beyond the bias, the leak in m3/h; ``fast`` and ``slow`` are
    the two scores.

    The asset needs ``diameter_m`` and ``wave_speed_m_s``; ``density_kg_m3`` is 1000 where it does not say. Flows (m3/h)
    at the first and the last place are the meters; pressures may be in Pa, kPa, MPa, bar or mH2O. One that is missing
    lets the windows begin anew.

    Use it: for leaks that open too slowly for a pressure wave, or were there when nobody listened.

    Fails: on offtakes between the meters that are not metered; on gas and on lines that are not full; where the meters
    wander faster than ``follow_s``.

    Raises:
        ParameterError: a parameter is out of range.

    Source: API RP 1130:2022, compensated volume balance; API TR 1149:2015 on what it can detect.
    """

    every_s: float = field(
        default=5.0, metadata=declare(unit="s", doc="how often the line is balanced", low=0.1, high=3600)
    )
    fast_s: float = field(
        default=300.0, metadata=declare(unit="s", doc="short window, for large leaks", low=1, high=86400)
    )
    slow_s: float = field(
        default=3600.0, metadata=declare(unit="s", doc="long window, for small ones", low=1, high=864000)
    )
    warmup_s: float = field(
        default=14400.0, metadata=declare(unit="s", doc="time to learn before the first score", low=1, high=864000)
    )
    follow_s: float = field(
        default=86400.0,
        metadata=declare(unit="s", doc="time constant with which the meters' bias follows", low=1, high=8640000),
    )
    hold_sigma: float = field(
        default=3.0, metadata=declare(unit="sigma", doc="beyond this nothing is learned", low=1, high=100)
    )
    hold_s: float = field(
        default=86400.0, metadata=declare(unit="s", doc="after so long it is learned all the same", low=0, high=8640000)
    )
    floor_share: float = field(
        default=0.002, metadata=declare(unit="", doc="smallest sigma, as a share of the flow", low=0, high=1)
    )

    state_version = 1

    def __post_init__(self) -> None:
        check("volume_balance", self)
        if self.slow_s < self.fast_s:
            raise ParameterError("volume_balance", "slow_s", "must be at least fast_s", self.slow_s)

    def units(self, unit: str) -> dict[str, str]:  # noqa: ARG002
        return dict(zip(COLUMNS, ("sigma", "m3/h", "sigma", "sigma"), strict=True))

    def explained_by(self) -> dict[str, str]:
        return {"observed": "rate"}

    def fits(self, asset: AssetView) -> bool:
        places = [one.position.along_m for one in asset.inputs]
        if None in places or not {"diameter_m", "wave_speed_m_s"} <= asset.attributes.keys():
            return False
        flows = {one.position.along_m for one in asset.inputs if one.unit == _FLOW}
        return len(flows) > 1 and any(one.unit in _PASCAL for one in asset.inputs)

    def init(self, asset: AssetView) -> VolumeBalanceState:  # noqa: ARG002
        return VolumeBalanceState(
            ring=np.zeros(self._instants(self.slow_s)),
            pack=np.zeros(1),
            bias=np.zeros(2),
            variance=np.zeros(2),
            clock=np.zeros(4, np.int64),
        )

    def _instants(self, seconds: float) -> int:
        return max(1, round(seconds / self.every_s))

    def update(self, state: VolumeBalanceState, asset: AssetView, time_ns: Integers, value: Floats) -> Columns:
        """Score instants: float64 [n] a column."""
        flows = [at for at, one in enumerate(asset.inputs) if one.unit == _FLOW]
        weights = np.zeros((2, len(asset.inputs)))
        weights[0, flows[0]], weights[0, flows[-1]] = 1.0, -1.0
        weights[1] = pack_m3(asset)
        sizes = np.array(
            [self._instants(s) for s in (self.fast_s, self.slow_s, self.warmup_s, self.hold_s)]
            + [round(1e9 * self.every_s)]
        )
        levers = np.array([self.every_s / self.follow_s, self.hold_sigma, self.floor_share, self.every_s])
        found = np.empty((len(time_ns), len(COLUMNS)))
        _balance(
            np.ascontiguousarray(time_ns), np.ascontiguousarray(value), weights, flows[0], sizes, levers, state.ring,
            state.pack, state.bias, state.variance, state.clock, found,
        )  # fmt: skip
        return {name: np.ascontiguousarray(found[:, at]) for at, name in enumerate(COLUMNS)}


def pack_m3(asset: AssetView) -> Floats:
    """Volume that each input stands for: m3 packed a unit of its reading, by ``A dx dp / (rho a^2)``.

    Each pressure stands for the line half-way to its neighbours, the first and the last one to the meters at the ends.
    """
    found = np.zeros(len(asset.inputs))
    pressures = [(at, one) for at, one in enumerate(asset.inputs) if one.unit in _PASCAL]
    ends = [_along(one) for one in asset.inputs if one.unit == _FLOW]
    along = [_along(one) for _, one in pressures]
    bounds = [min(ends), *((a + b) / 2.0 for a, b in itertools.pairwise(along)), max(ends)]
    area = np.pi * asset.attributes["diameter_m"] ** 2 / 4.0
    stiffness = asset.attributes.get("density_kg_m3", 1000.0) * asset.attributes["wave_speed_m_s"] ** 2
    for k, (at, one) in enumerate(pressures):
        found[at] = area * max(0.0, bounds[k + 1] - bounds[k]) * _PASCAL[one.unit] / stiffness
    return found


def _along(one: AssetInput) -> float:
    return one.position.along_m or 0.0


@njit(nogil=True, error_model="numpy")
def _mean(ring: Floats, count: int, size: int) -> float:
    total = 0.0
    for k in range(size):
        total += ring[(count - 1 - k) % len(ring)]
    return total / size


@njit(nogil=True, error_model="numpy")
def _learn(mean: Floats, weight: float, floor: float, teaches_sigma: float, bias: Floats, variance: Floats) -> None:
    for w in range(2):
        most = teaches_sigma * max(np.sqrt(variance[w]), floor)
        d = min(max(mean[w] - bias[w], -most), most)
        bias[w] += weight * d
        variance[w] += weight * ((1.0 - weight) * d * d - variance[w])


@njit(nogil=True, error_model="numpy")
def _summed(value: Floats, weights: Floats) -> float:
    """Weighted sum of what counts; NaN where one of it is missing."""
    total = 0.0
    for i in range(len(value)):
        if weights[i] != 0.0:
            total += weights[i] * value[i] if abs(value[i]) <= _VALUE_MAX else np.nan
    return total


@njit(nogil=True, error_model="numpy")
def _judge(
    mean: Floats, floor: float, sizes: Integers, levers: Floats, bias: Floats, variance: Floats, clock: Integers,
    found: Floats,
) -> None:  # fmt: skip
    """Score the imbalance over both windows, and learn from it."""
    if clock[1] < sizes[2]:
        clock[1] += 1
        _learn(mean, 1.0 / clock[1], floor, np.inf, bias, variance)
        return
    for w in range(2):
        found[2 + w] = (mean[w] - bias[w]) / max(np.sqrt(variance[w]), floor)
    best = 0 if found[2] >= found[3] else 1
    found[0], found[1] = found[2 + best], mean[best] - bias[best]
    beyond = max(abs(found[2]), abs(found[3])) > levers[1]
    clock[2] = clock[2] + 1 if beyond else 0
    if not beyond or clock[2] > sizes[3]:
        _learn(mean, levers[0], floor, _TEACHES_SIGMA, bias, variance)


@njit(
    types.void(_TIMES, _VALUES, _F64_2D, types.int64, I64, F64, F64, F64, F64, F64, I64, _F64_2D),
    cache=True,
    nogil=True,
    error_model="numpy",
)
def _balance(
    time_ns: Integers, value: Floats, weights: Floats, inlet: int, sizes: Integers, levers: Floats, ring: Floats,
    pack: Floats, bias: Floats, variance: Floats, clock: Integers, found: Floats,
) -> None:  # fmt: skip
    """Take instants in.

    ``sizes``: instants of the fast and slow window, warm-up and hold, and ns between two. ``levers``: weight of an
    instant, hold_sigma, floor_share, every_s.
    """
    mean = np.zeros(2)
    for row in range(len(time_ns)):
        found[row, :] = np.nan
        flow, packed = _summed(value[row], weights[0]), _summed(value[row], weights[1])
        if np.isnan(flow + packed) or time_ns[row] - clock[3] > sizes[4] + sizes[4] // 2:
            clock[0] = 0
        clock[3] = time_ns[row]
        if np.isnan(flow + packed):
            continue
        if clock[0] > 0:
            ring[(clock[0] - 1) % len(ring)] = flow - (packed - pack[0]) * 3600.0 / levers[3]
        pack[0] = packed
        clock[0] += 1
        if clock[0] > sizes[1]:
            mean[0], mean[1] = _mean(ring, clock[0] - 1, sizes[0]), _mean(ring, clock[0] - 1, sizes[1])
            floor = max(levers[2] * abs(value[row, inlet]), _SIGMA_MIN)
            _judge(mean, floor, sizes, levers, bias, variance, clock, found[row])
