"""A release in open air, from all gas sensors of a site and its wind together."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from detectors.declaration import KIND_UNIT, check, declare
from detectors.gas import clean_air, gas_place
from detectors.kernels import Floats, Integers, Records, nanoseconds
from model.detector import AssetView, Columns

_UNSET_NS = np.iinfo(np.int64).min
#: What a sensor measures is told by its unit: these are the wind, all others are gas.
_SPEED, _DIRECTION = "m/s", "deg"
#: A sensor that was away for longer than so many instants has not learned meanwhile.
_GAP_INSTANTS = 3


@dataclass(slots=True)
class GasEvidenceState:
    """What is learned and gathered of one site; ``PlaceState`` says what the last six are.

    Attributes:
        sensors: records [s] of ``EVIDENCE_FIELDS``, by gas sensor.
        site: one record of ``SITE_FIELDS``.
        seen_with: float64 [CANDIDATES].
        expected: float64 [CANDIDATES].
        seen: float64 [1].
        news_s: float64 [1].
        onset_ns: int64 [1].
        geometry: float64 [1].

    """

    sensors: Records
    site: Records
    seen_with: Floats
    expected: Floats
    seen: Floats
    news_s: Floats
    onset_ns: Integers
    geometry: Floats

    def place(self) -> gas_place.PlaceState:
        return gas_place.PlaceState(self.seen_with, self.expected, self.seen, self.news_s, self.onset_ns, self.geometry)


@dataclass(frozen=True, slots=True, kw_only=True)
class GasEvidence:
    """Minutes of evidence for a release that the gas sensors of a site have gathered together, lately.

    A release wanders with the wind: a sensor sees it for minutes, then another one, or none. So evidence is added up
    over sensors and time, and forgotten over minutes; it is not averaged::

        gas      = reading - clean air - what all sensors share, beyond max(floor, spreads * spread)
        weight   = max(calm_weight, min(1, mean wind / wind_full_m_s))
        evidence = sum over sensors and instants of exp(-age / memory_s) * minutes * weight * gas / (gas + half)

    A sensor full of gas for one minute in a good wind counts one minute at most, so that one gust of a hundred times
    the limit does not alarm by itself. Weight stands for physics: in still air the gas of an old or small release
    gathers and stays, so the same reading means less; for the same release it is the product of gas and wind that
    stays the same. What is learned of clean air stands in ``clean_air``. What at least three sensors share (their
    median, at most ``floor``) is taken off: weather, temperature, the night's still air. It abstains until a sensor
    was heard for ``warmup_s``.

    Columns: the score in minutes; ``most`` (a silent sensor may still see what it saw last, so its silence clears
    nothing); ``observed``, ``expected`` and ``excess`` of the sensor that stands highest above its clean air;
    ``contributor``, the place (from 1, among all inputs) of the sensor with most of the evidence, and
    ``contributor_share`` of it; ``since_min``, minutes since the evidence began; and where three sensors and the wind
    have places and a direction: ``lat``, ``lon``, ``position_error_m``, and for places that the site names ``source``
    (number from 1 in the order of names) and ``source_share``, its probability among them. See ``gas_place``.

    Use it: fence lines and yards with gas sensors in the open (ppm), one to some dozens, at 10 s to a few minutes. The
    wind sensors of the asset are told by their units, m/s and deg (where it comes from); without them everything counts
    in full and there is no place.

    Fails: in still air, where one sensor alone weighs too little (a rule on ``rise`` or the value stays on guard);
    where the wind carries everything past all sensors; after a step of a sensor's zero, for ``hold_s``.

    Raises:
        ParameterError: a parameter is out of range.

    Source: Page, Biometrika 41 (1954) 100, with forgetting in place of drift; for clean air and place see the modules.
    """

    every_s: float = field(
        default=60.0, metadata=declare(unit="s", doc="how often the site is judged", low=1, high=3600)
    )
    background_s: float = field(
        default=3600.0, metadata=declare(unit="s", doc="time constant with which clean air is followed", low=60)
    )
    warmup_s: float = field(
        default=3600.0, metadata=declare(unit="s", doc="time a sensor must be known before it counts", low=0)
    )
    floor: float = field(
        default=0.3, metadata=declare(unit=KIND_UNIT, doc="a smaller rise over clean air is never gas", low=1e-6)
    )
    spreads: float = field(
        default=5.0, metadata=declare(unit="", doc="nor is a rise of fewer mean spreads of clean air", low=1, high=100)
    )
    half: float = field(
        default=1.0, metadata=declare(unit=KIND_UNIT, doc="gas beyond that counts half of full evidence", low=1e-6)
    )
    memory_s: float = field(
        default=180.0, metadata=declare(unit="s", doc="time in which evidence fades to a third", low=1)
    )
    wind_s: float = field(default=600.0, metadata=declare(unit="s", doc="time constant of the mean wind", low=1))
    wind_full_m_s: float = field(
        default=3.0, metadata=declare(unit="m/s", doc="mean wind at which gas counts in full", low=0.1, high=100)
    )
    calm_weight: float = field(
        default=0.2, metadata=declare(unit="", doc="what it counts at least, in still air", low=0, high=1)
    )
    hold_s: float = field(
        default=14400.0,
        metadata=declare(unit="s", doc="after so long of nothing but gas it is learned as clean air", low=0),
    )
    width_deg: float = field(
        default=15.0, metadata=declare(unit="deg", doc="half width of a plume seen from its source", low=1, high=90)
    )
    cap: float = field(
        default=20.0, metadata=declare(unit=KIND_UNIT, doc="more gas says no more about the place", low=1e-6)
    )

    state_version = 1

    def __post_init__(self) -> None:
        check("gas_evidence", self)

    def units(self, unit: str) -> dict[str, str]:
        return {
            "": "min",
            "most": "min",
            "observed": unit,
            "expected": unit,
            "excess": unit,
            "contributor": "",
            "contributor_share": "",
            "since_min": "min",
            "lat": "deg",
            "lon": "deg",
            "position_error_m": "m",
            "source": "",
            "source_share": "",
        }

    def explained_by(self) -> dict[str, str]:
        return {"since": "since_min", "share": "contributor_share"}

    def fits(self, asset: AssetView) -> bool:
        return len(_gas_at(asset)) > 0

    def confirms(self, asset: AssetView, kind: str) -> bool:
        """Whether gas sensors of this kind are weighed by the wind here."""
        return _at(asset, _SPEED) >= 0 and any(asset.inputs[at].kind == kind for at in _gas_at(asset).tolist())

    def init(self, asset: AssetView) -> GasEvidenceState:
        sensors = np.zeros(len(_gas_at(asset)), clean_air.EVIDENCE_FIELDS)
        sensors["last_ns"] = _UNSET_NS
        site = np.zeros(1, clean_air.SITE_FIELDS)
        for name in ("last_ns", "wind_ns", "onset_ns"):
            site[name] = _UNSET_NS
        place = gas_place.fresh()
        sums = (place.seen_with, place.expected, place.seen, place.news_s, place.onset_ns, place.geometry)
        return GasEvidenceState(sensors, site, *sums)

    def update(
        self, state: GasEvidenceState, asset: AssetView, time_ns: NDArray[np.int64], value: NDArray[np.float64]
    ) -> Columns:
        """Score instants: float64 [n], minutes, and the further columns."""
        gas_at, speed_at, wind_at = _gas_at(asset), _at(asset, _SPEED), _at(asset, _DIRECTION)
        found = np.empty((len(time_ns), clean_air.COLUMNS))
        gas = np.empty((len(time_ns), len(gas_at)))
        onset_ns = np.empty(len(time_ns), np.int64)
        weighing, learning = self._weighing(), self._learning()
        value = np.ascontiguousarray(value)
        clean_air.evidence_instants(
            time_ns, value, gas_at, speed_at, state.sensors, state.site, weighing, learning, found, gas, onset_ns
        )
        where = np.full((len(time_ns), gas_place.COLUMNS), np.nan)
        if speed_at >= 0 and wind_at >= 0 and (onset_ns != _UNSET_NS).any():
            site = gas_place.geometry(asset, gas_at)
            if site is not None:
                wind, speed = (np.ascontiguousarray(value[:, at]) for at in (wind_at, speed_at))
                shape = (float(self.width_deg), float(self.cap), float(self.every_s))
                where = gas_place.gather(state.place(), site, onset_ns, gas, wind, speed, shape)
        names = list(self.units(""))
        return dict(zip(names, np.ascontiguousarray(np.concatenate([found, where], axis=1).T), strict=True))

    def _weighing(self) -> clean_air.Weighing:
        every_ns = nanoseconds(self.every_s)
        return clean_air.Weighing(
            every_ns,
            _GAP_INSTANTS * every_ns,
            self.memory_s * 1e9,
            float(self.half),
            self.wind_s * 1e9,
            float(self.wind_full_m_s),
            float(self.calm_weight),
        )

    def _learning(self) -> clean_air.Learning:
        return clean_air.Learning(
            nanoseconds(self.warmup_s),
            nanoseconds(self.hold_s),
            self.background_s * 1e9,
            float(self.floor),
            float(self.spreads),
        )


def _gas_at(asset: AssetView) -> NDArray[np.int64]:
    """The inputs that are gas sensors: int64 [s]."""
    return np.array([at for at, one in enumerate(asset.inputs) if one.unit not in (_SPEED, _DIRECTION)], np.int64)


def _at(asset: AssetView, unit: str) -> int:
    """The first input in this unit; -1 = there is none."""
    return next((at for at, one in enumerate(asset.inputs) if one.unit == unit), -1)
