"""All sensors of a room together: whether something burns in it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

import numpy as np
from numba import njit, types
from numpy.typing import NDArray

from detectors.declaration import ParameterError, check, declare
from detectors.kernels import Floats, Integers, Records, records, tuple_type
from model.detector import AssetInput, AssetView, Columns
from model.errors import UnitError
from model.unit import factor_and_offset

HEAT, RADIATION, SMOKE, CO, AIR, HUMIDITY = range(6)
FAMILIES = ("heat", "radiation", "smoke", "co", "air")

#: Volume fractions in ppm; the unit table keeps them apart because a unit alone does not say of which gas.
_PPM = {"ppb": 1e-3, "ppm": 1.0, "%VOL": 1e4, "%": 1e4, "1": 1e6}
_PPM_PER_PERCENT = 1e4
#: Steam: a rise of so much relative humidity begins to doubt the smoke, and halves it at the second.
_HUMIDITY_LOW, _HUMIDITY_HIGH = 5.0, 20.0
#: What gives evidence is learned so many times more slowly in heat, and in so long in the others.
_HEAT_SLOWER, _SLOW_S = 10.0, 3600.0
#: A baseline needs so many scans, and what is nearer to it than so many spreads is noise.
_SCANS_MIN, _SPREADS = 3.5, 4.0
#: What one sensor can give at most; and less than this is nothing.
_POINTS, _POINTS_MIN = 3.0, 0.01
_VALUE_MAX = 1e100

SIGN_FIELDS = np.dtype(
    [
        ("family", "i8"),  # place in FAMILIES; HUMIDITY; -1 = of no use here
        ("factor", "f8"),  # to degC, kW/m2, dB/m, ppm, %VOL or %RH; below 0: a fall is the sign
        ("offset", "f8"),
        ("low", "f8"),  # rise above the baseline from which there is evidence
        ("high", "f8"),  # rise that gives all the evidence one sensor can give
        ("learn_s", "f8"),  # time constant of the baseline
        ("slow_s", "f8"),  # time constant while there is evidence
        ("warmup_s", "f8"),  # heard for so long before it is judged
        ("heard_s", "f8"),
        ("silent_s", "f8"),
        ("mean", "f8"),  # baseline
        ("variance", "f8"),
        ("points", "f8"),  # evidence, which fades
    ]
)
ROOM_FIELDS = np.dtype(
    [
        ("last_ns", "i8"),  # instant before this one; 0 = none
        ("gathered", "f8"),  # evidence above that of a nuisance, summed over time
        ("has_co", "i8"),  # 1 = there is a carbon monoxide sensor
    ]
)


class Sign(Protocol):
    """One sensor's record of ``SIGN_FIELDS``."""

    family: int
    factor: float
    offset: float
    low: float
    high: float
    learn_s: float
    slow_s: float
    warmup_s: float
    heard_s: float
    silent_s: float
    mean: float
    variance: float
    points: float


class Limits(NamedTuple):
    """Parameters as the kernel takes them."""

    every_s: float
    hold_s: float
    nuisance: float
    gather_s: float


@dataclass(slots=True)
class CombustionState:
    """What is usual in the room, and the evidence of now.

    Attributes:
        signs: records [inputs] of ``SIGN_FIELDS``, which gives the meaning and unit of each field.
        room: records [1] of ``ROOM_FIELDS``.

    """

    signs: Records
    room: Records


@dataclass(frozen=True, slots=True, kw_only=True)
class Combustion:
    """Evidence in points that something burns: what each sensor shows above its own baseline, by families.

    Each sensor gives up to 3 points, linear between ``low`` and ``high`` of its family above its tracked baseline (and
    above four spreads of its noise)::

        heat       degC    rise over about ``heat_s``, so that weather, heating and cooking are followed
        radiation  kW/m2   of heat flux gauges
        smoke      dB/m
        co         ppm     of ``co_kinds``
        air        %VOL    carbon dioxide made (``co2_kinds``) or oxygen used up (``o2_kinds``)

    A family gives what its two strongest sensors give, up to 3 points; smoke 2.5; heat 3.5, and up to 6 from 35 to
    50 degC. So one sensor, however wild, never has more than 3: above that a second one agrees. Points fade with
    ``hold_s``, so that sensors need not report in the same second; those of a sensor that falls silent stay, because
    fire burns sensors. What exceeds ``nuisance`` is summed up over ``gather_s`` and added, up to 3: smouldering, or
    thick smoke that does not go away.

    Steam: where humidity (``humidity_kinds``) rises by 5 to 20 %RH, smoke counts down to half. Where the room's own
    carbon monoxide sensors are all silent, nothing can speak against smoke and it counts twice.

    ``smouldering`` is the share of smoke and carbon monoxide in the points: near 1 without flames.

    Use it: for rooms with two sensors and more, beside limits on single sensors; 3.3 is one sensor in full and a
    second one that follows, 6 two in full.

    Fails: where the fire begins within the warm-up; in rooms with one sensor; on slow heat without smoke or gas.

    Raises:
        ParameterError: a parameter is out of range.

    Source: families and nuisances after EN 54-29, -30 and -31 (multi-sensor detectors) and NIST TN 1455; 4 K in
    ``heat_s`` 30 is the 8.3 K/min of rate-of-rise heat detectors (UL 521; GB 4716 and EN 54-5 suffix R test from
    10 K/min). The sum is a CUSUM (Page, Biometrika 41 (1954) 100) over points. All figures are engineering defaults.
    """

    co_kinds: str = field(default="", metadata=declare(unit="", doc="kinds of carbon monoxide sensors, by commas"))
    co2_kinds: str = field(default="", metadata=declare(unit="", doc="kinds of carbon dioxide sensors"))
    o2_kinds: str = field(default="", metadata=declare(unit="", doc="kinds of oxygen sensors"))
    humidity_kinds: str = field(default="", metadata=declare(unit="", doc="kinds of relative humidity sensors"))
    heat_low: float = field(default=1.0, metadata=declare(unit="K", doc="no sign of fire", low=0.01, high=100))
    heat_high: float = field(default=4.0, metadata=declare(unit="K", doc="all that heat can show", low=0.01, high=500))
    radiation_low: float = field(default=0.2, metadata=declare(unit="kW/m2", doc="no sign of fire", low=0.001))
    radiation_high: float = field(default=1.0, metadata=declare(unit="kW/m2", doc="all that it can show", low=0.001))
    smoke_low: float = field(default=0.1, metadata=declare(unit="dB/m", doc="no sign of fire", low=0.001))
    smoke_high: float = field(default=0.5, metadata=declare(unit="dB/m", doc="all that smoke can show", low=0.001))
    co_low: float = field(default=10.0, metadata=declare(unit="ppm", doc="no sign of fire", low=0.01))
    co_high: float = field(default=50.0, metadata=declare(unit="ppm", doc="all that it can show", low=0.01))
    air_low: float = field(default=0.1, metadata=declare(unit="%VOL", doc="no sign of fire", low=0.001, high=100))
    air_high: float = field(default=0.5, metadata=declare(unit="%VOL", doc="all that it can show", low=0.001, high=100))
    heat_s: float = field(default=30.0, metadata=declare(unit="s", doc="how fast heat is followed", low=1, high=86400))
    learn_s: float = field(default=600.0, metadata=declare(unit="s", doc="the same of the others", low=1, high=604800))
    warmup_s: float = field(
        default=10.0, metadata=declare(unit="s", doc="heard for so long before it is judged", low=0, high=86400)
    )
    hold_s: float = field(default=15.0, metadata=declare(unit="s", doc="points fade so fast", low=0.01, high=3600))
    nuisance: float = field(default=2.5, metadata=declare(unit="", doc="points that are not summed up", low=0, high=30))
    gather_s: float = field(
        default=300.0, metadata=declare(unit="s", doc="one point above that adds one in so long", low=1, high=86400)
    )
    every_s: float = field(
        default=1.0, metadata=declare(unit="s", doc="how often the room is judged", low=0.01, high=3600)
    )

    state_version = 1

    def __post_init__(self) -> None:
        check("combustion", self)
        for name in ("heat", "radiation", "smoke", "co", "air"):
            if getattr(self, f"{name}_low") >= getattr(self, f"{name}_high"):
                low, high = getattr(self, f"{name}_low"), getattr(self, f"{name}_high")
                raise ParameterError("combustion", f"{name}_high", f"must be above {name}_low {low:g}", high)

    def units(self, unit: str) -> dict[str, str]:  # noqa: ARG002
        return {"": "", **dict.fromkeys(FAMILIES, ""), "smouldering": "1", "sensors": ""}

    def fits(self, asset: AssetView) -> bool:
        return sum(0 <= self._family(one)[0] < HUMIDITY for one in asset.inputs) > 1

    def confirms(self, asset: AssetView, kind: str) -> bool:
        """Whether the room's other sensors can tell this kind's nuisances from a fire.

        Of smoke they can with heat and carbon monoxide beside it: steam and dust have neither, cooking has little. Of
        the other kinds, with any second sensor.
        """
        families = {self._family(one)[0] for one in asset.inputs}
        own = {self._family(one)[0] for one in asset.inputs if one.kind == kind}
        return families >= {HEAT, CO} if SMOKE in own else self.fits(asset)

    def init(self, asset: AssetView) -> CombustionState:
        signs = np.zeros(len(asset.inputs), SIGN_FIELDS)
        low = (self.heat_low, self.radiation_low, self.smoke_low, self.co_low, self.air_low, _HUMIDITY_LOW)
        high = (self.heat_high, self.radiation_high, self.smoke_high, self.co_high, self.air_high, _HUMIDITY_HIGH)
        for sign, one in zip(signs, asset.inputs, strict=True):
            family, factor, offset = self._family(one)
            sign["family"], sign["factor"], sign["offset"] = family, factor, offset
            sign["low"], sign["high"] = low[family], high[family]
            sign["learn_s"] = self.heat_s if family == HEAT else self.learn_s
            sign["slow_s"] = _HEAT_SLOWER * self.heat_s if family == HEAT else max(_SLOW_S, self.learn_s)
            sign["warmup_s"] = max(self.warmup_s, _SCANS_MIN * one.period_s)
        room = np.zeros(1, ROOM_FIELDS)
        room["has_co"] = int((signs["family"] == CO).any())
        return CombustionState(signs, room)

    def update(
        self,
        state: CombustionState,
        asset: AssetView,  # noqa: ARG002
        time_ns: NDArray[np.int64],
        value: NDArray[np.float64],
    ) -> Columns:
        """Score instants: float64 [n] points, ``smouldering`` a share, ``sensors`` how many give evidence."""
        names = list(self.units(""))
        found = np.empty((len(names), len(time_ns)))
        limits = Limits(self.every_s, self.hold_s, self.nuisance, self.gather_s)
        values = np.ascontiguousarray(value, np.float64)
        _update(np.ascontiguousarray(time_ns), values, state.signs, state.room, limits, found)
        return dict(zip(names, found, strict=True))

    def _family(self, one: AssetInput) -> tuple[int, float, float]:
        """Family of a sensor (-1: of no use here), and factor and offset to that family's unit."""
        for kinds, family, to_ppm in (
            (self.co_kinds, CO, 1.0),
            (self.co2_kinds, AIR, 1 / _PPM_PER_PERCENT),
            (self.o2_kinds, AIR, -1 / _PPM_PER_PERCENT),
        ):
            if one.kind in _named(kinds):
                return (family, to_ppm * _PPM[one.unit], 0.0) if one.unit in _PPM else (-1, 1.0, 0.0)
        if one.kind in _named(self.humidity_kinds):
            return HUMIDITY, 1.0, 0.0
        for unit, family in (("degC", HEAT), ("kW/m2", RADIATION), ("dB/m", SMOKE)):
            try:
                return family, *factor_and_offset(one.unit, unit)
            except UnitError:
                continue
        return -1, 1.0, 0.0


def _named(kinds: str) -> frozenset[str]:
    return frozenset(kind.strip() for kind in kinds.split(",") if kind.strip())


@njit(nogil=True, error_model="numpy")
def _learn(own: Sign, now: float, rise: float, low: float, dt_s: float) -> None:
    """Follow the baseline: plainly averaged in the warm-up, less the nearer to ``low``, slowly beyond it."""
    if own.heard_s < own.warmup_s:
        teaches, weight = 1.0, dt_s / (own.heard_s + dt_s)
    else:
        teaches = min(max(2.0 * (1.0 - rise / low), 0.0), 1.0)
        weight = max(teaches * dt_s / (own.learn_s + dt_s), dt_s / (own.slow_s + dt_s))
    step = now - own.mean
    own.mean += weight * step
    own.variance += teaches * dt_s / (min(own.heard_s, 600.0) + dt_s) * (step * (now - own.mean) - own.variance)
    own.heard_s += dt_s


@njit(nogil=True, error_model="numpy")
def _show(own: Sign, now: float, dt_s: float, hold_s: float) -> None:
    """Work out one sensor's points of now, and learn from it."""
    if own.silent_s > _HEAT_SLOWER * own.learn_s:
        own.heard_s = 0.0
    own.silent_s = 0.0
    if own.heard_s == 0.0:
        own.mean, own.variance = now, 0.0
    rise = now - own.mean
    scans = _SCANS_MIN * own.heard_s / own.warmup_s if own.warmup_s > 0.0 else np.inf
    low = max(own.low, _SPREADS * np.sqrt(own.variance) * (1.0 + 3.0 / max(scans, 1.0)))
    high = max(own.high, low + own.high - own.low)
    own.points *= np.exp(-dt_s / hold_s)
    if own.heard_s >= own.warmup_s:
        own.points = max(own.points, min(max((rise - low) / (high - low), 0.0), 1.0) * _POINTS)
    _learn(own, now, rise, low, dt_s)


@njit(nogil=True, error_model="numpy")
def _gather(value: Floats, signs: Records, strongest: Floats, second: Floats) -> tuple[float, float, bool]:
    """The two strongest sensors of each family: their points; how many give any, the hottest, whether CO speaks."""
    sensors, hottest, co_speaks = 0.0, -np.inf, False
    strongest[:], second[:] = 0.0, 0.0
    for at in range(len(signs)):
        own = signs[at]
        speaks = abs(value[at]) <= _VALUE_MAX
        if own.family == CO and speaks:
            co_speaks = True
        if own.family < 0 or own.points < _POINTS_MIN:
            continue
        if own.family == HEAT and speaks:
            hottest = max(hottest, value[at] * own.factor + own.offset)
        if own.family < HUMIDITY:
            sensors += 1.0
        second[own.family] = max(second[own.family], min(own.points, strongest[own.family]))
        strongest[own.family] = max(strongest[own.family], own.points)
    return sensors, hottest, co_speaks


@njit(nogil=True, error_model="numpy")
def _in_all(strongest: Floats, second: Floats, hottest: float, alone: bool, families: Floats) -> float:  # noqa: FBT001
    """Points of each family, and of all together. ``alone``: nothing is left that could speak against smoke."""
    total = 0.0
    for family in range(HUMIDITY):
        points, most = strongest[family] + second[family], _POINTS
        if family == HEAT:
            most = 3.5 + 2.5 * min(max((hottest - 35.0) / 15.0, 0.0), 1.0)
        if family == SMOKE:
            points *= 1.0 - strongest[HUMIDITY] / (2.0 * _POINTS)
            points, most = (2.0 * points, 2.0 * _POINTS) if alone else (points, 2.5)
        families[family] = min(points, most)
        total += families[family]
    return total


@njit(
    types.void(
        types.Array(types.int64, 1, "C"),
        types.Array(types.float64, 2, "C"),
        records(SIGN_FIELDS),
        records(ROOM_FIELDS),
        tuple_type(Limits, types.float64, types.float64, types.float64, types.float64),
        types.Array(types.float64, 2, "C"),
    ),
    cache=True,
    nogil=True,
    error_model="numpy",
)
def _update(time_ns: Integers, value: Floats, signs: Records, room: Records, limits: Limits, found: Floats) -> None:
    strongest, second, families = np.zeros(HUMIDITY + 1), np.zeros(HUMIDITY + 1), np.zeros(HUMIDITY)
    for row in range(len(time_ns)):
        since_s = limits.every_s if room[0].last_ns == 0 else (time_ns[row] - room[0].last_ns) / 1e9
        room[0].last_ns = time_ns[row]
        dt_s = min(since_s, 5.0 * limits.every_s)
        said = proven = False
        for at in range(len(signs)):
            if not abs(value[row, at]) <= _VALUE_MAX:
                signs[at].silent_s += since_s
            elif signs[at].family >= 0:
                _show(signs[at], value[row, at] * signs[at].factor + signs[at].offset, dt_s, limits.hold_s)
                said, proven = True, proven or signs[at].points >= _POINTS_MIN
        sensors, hottest, co_speaks = _gather(value[row], signs, strongest, second)
        total = _in_all(strongest, second, hottest, room[0].has_co == 1 and not co_speaks, families)
        if proven or total < limits.nuisance:
            gained = dt_s / limits.gather_s * (total - limits.nuisance)
            room[0].gathered = min(max(room[0].gathered + gained, 0.0), _POINTS)
        found[:, row] = np.nan
        if said:
            found[0, row] = total + room[0].gathered
            found[1 : 1 + HUMIDITY, row] = families
            found[1 + HUMIDITY, row] = (families[SMOKE] + families[CO]) / total if total > 0.0 else 0.0
            found[2 + HUMIDITY, row] = sensors
