"""All sensors of a room together: whether something burns in it."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from detectors.declaration import ParameterError, check, declare
from detectors.fire.combustion_points import (
    AIR,
    CO,
    FAMILIES,
    HEAT,
    HEAT_SLOWER,
    HUMIDITY,
    RADIATION,
    ROOM_FIELDS,
    SCANS_MIN,
    SIGN_FIELDS,
    SLOW_S,
    SMOKE,
    Limits,
    score,
)
from detectors.kernels import Records
from model.detector import AssetInput, AssetView, Columns
from model.errors import UnitError
from model.unit import factor_and_offset

#: Volume fractions in ppm; the unit table keeps them apart because a unit alone does not say of which gas.
_PPM = {"ppb": 1e-3, "ppm": 1.0, "%VOL": 1e4, "%": 1e4, "1": 1e6}
_PPM_PER_PERCENT = 1e4
#: A room that was aired warms up again within some half hour: that is what is usual in heat, in times of ``learn_s``.
_USUAL_SLOWER = 3.0
#: Steam: a rise of so much relative humidity begins to doubt the smoke, and halves it at the second.
_HUMIDITY_LOW, _HUMIDITY_HIGH = 5.0, 20.0


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

        heat       degC    rise over about ``heat_s`` (heating and cooking are followed), and above the mean over
                           3 ``learn_s`` (a room may warm up again after a door was open)
        radiation  kW/m2   of heat flux gauges
        smoke      dB/m
        co         ppm     of ``co_kinds``
        air        %VOL    carbon dioxide or monoxide made (``product_kinds``, percent analysers), oxygen used up
                           (``o2_kinds``)

    A family gives what its two strongest sensors give, up to 3 points; smoke 2.5; heat 3.5. From 35 to 50 degC heat
    comes to count twice, up to 6, where any other sensor agrees. So one sensor alone never has more than 3. Two sensors
    of a family are believed at once, one with its second scan, so that one wild reading is nothing. Points fade with
    ``hold_s``, so that sensors need not report in the same second; those of a sensor that falls silent stay, because
    fire burns sensors. What exceeds ``nuisance`` is summed up over ``gather_s`` and added, up to 3: smouldering, or
    thick smoke that does not go away.

    Steam: where humidity (``humidity_kinds``) rises by 5 to 20 %RH, smoke counts down to half. Where the room's own
    carbon monoxide sensors are all silent, nothing can speak against smoke and it counts twice.

    ``smouldering`` is the share of smoke and carbon monoxide in the points: near 1 without flames.

    Use it: for rooms with two sensors and more, beside limits on single sensors; above 3 a second sensor follows the
    first, at 6 two show all they can.

    Fails: where the fire begins within the warm-up; in rooms with one sensor; on slow heat without smoke or gas.

    Raises:
        ParameterError: a parameter is out of range.

    Source: families and nuisances after EN 54-29, -30 and -31 (multi-sensor detectors) and NIST TN 1455; 1 K in
    ``heat_s`` 15 is 4 K/min, half of what rate-of-rise heat detectors must tell (8.3 K/min in UL 521; GB 4716 and
    EN 54-5 test suffix R from 10 K/min). The sum is a CUSUM (Page, Biometrika 41 (1954) 100) over points. All figures
    are engineering defaults.
    """

    co_kinds: str = field(default="", metadata=declare(unit="", doc="kinds of carbon monoxide sensors, by commas"))
    product_kinds: str = field(default="", metadata=declare(unit="", doc="kinds of combustion gases in percents"))
    o2_kinds: str = field(default="", metadata=declare(unit="", doc="kinds of oxygen sensors"))
    humidity_kinds: str = field(default="", metadata=declare(unit="", doc="kinds of relative humidity sensors"))
    heat_low: float = field(default=1.0, metadata=declare(unit="K", doc="no sign of fire", low=0.01, high=100))
    heat_high: float = field(default=4.0, metadata=declare(unit="K", doc="all that heat can show", low=0.01, high=500))
    radiation_low: float = field(default=0.2, metadata=declare(unit="kW/m2", doc="no sign of fire", low=0.001))
    radiation_high: float = field(default=1.0, metadata=declare(unit="kW/m2", doc="all that it can show", low=0.001))
    smoke_low: float = field(default=0.1, metadata=declare(unit="dB/m", doc="no sign of fire", low=0.001))
    smoke_high: float = field(default=0.5, metadata=declare(unit="dB/m", doc="all that smoke can show", low=0.001))
    co_low: float = field(default=15.0, metadata=declare(unit="ppm", doc="no sign of fire", low=0.01))
    co_high: float = field(default=50.0, metadata=declare(unit="ppm", doc="all that it can show", low=0.01))
    air_low: float = field(default=0.1, metadata=declare(unit="%VOL", doc="no sign of fire", low=0.001, high=100))
    air_high: float = field(default=0.5, metadata=declare(unit="%VOL", doc="all that it can show", low=0.001, high=100))
    heat_s: float = field(default=15.0, metadata=declare(unit="s", doc="how fast heat is followed", low=1, high=86400))
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
            sign["usual_s"] = _USUAL_SLOWER * self.learn_s if family == HEAT else self.learn_s
            sign["slow_s"] = HEAT_SLOWER * self.heat_s if family == HEAT else max(SLOW_S, self.learn_s)
            sign["period_s"] = one.period_s
            sign["warmup_s"] = max(self.warmup_s, SCANS_MIN * one.period_s)
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
        score(np.ascontiguousarray(time_ns), values, state.signs, state.room, limits, found)
        return dict(zip(names, found, strict=True))

    def _family(self, one: AssetInput) -> tuple[int, float, float]:
        """Family of a sensor (-1: of no use here), and factor and offset to that family's unit."""
        for kinds, family, to_ppm in (
            (self.co_kinds, CO, 1.0),
            (self.product_kinds, AIR, 1 / _PPM_PER_PERCENT),
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
