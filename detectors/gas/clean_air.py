"""The clean-air background of a gas sensor, and what stands on it.

Both kernels live in this file because they share what is learned, and Numba's cache notices a change only in the file
of the function that it compiled.

**What is learned.** Gas adds to clean air and never takes away, so the background is a low quantile of the readings
(``_QUANTILE``), tracked by small steps whose length does not depend on how high a reading is (Robbins and Monro)::

    background += 4 spread w (p where the reading is above, p - 1 where it is below)         w = max(1 / n, dt / tau)
    spread     += dt / (8 tau) (min(|reading - background|, 3 spread) - spread)

So a release, however large, moves it by at most ``4 p spread`` in ``tau``. A reading far below (four spreads) is clean
air beyond doubt, and is followed four times as fast: a sensor that was switched on inside a plume finds its way down.

**What is left out.** A rise that counts as gas does not teach, so a release is not learned away; after ``hold_s`` of
nothing else it is taken for a new background, which is then walked up to, step by step. One clean reading ends the
count.

**What counts as gas** is what is higher than the background by more than ``floor`` and by more than ``spreads``
spreads.

Source: Robbins and Monro, Ann. Math. Statist. 22 (1951) 400, on stochastic approximation; that a low quantile serves as
background is our choice.
"""

from __future__ import annotations

import math
from typing import NamedTuple, Protocol

import numpy as np
from numba import njit, types

from detectors.kernels import (
    AHEAD,
    F64,
    I64,
    SENSOR,
    TIME,
    VALUE,
    Floats,
    Integers,
    Records,
    Slots,
    prefetch,
    records,
    tuple_type,
)

_UNSET_NS = np.iinfo(np.int64).min
_VALUE_MAX = 1e100
_QUANTILE = 0.35
#: The smallest spread that is believed, as a share of the floor: a sensor of coarse steps must still be followed.
_SPREAD_SHARE_MIN = 0.025
#: Sensors needed to tell what all of them see (weather, temperature) from what some of them see.
_COMMON_MIN = 3
#: Below this score, minutes, nothing is going on: the next evidence is a new beginning.
QUIET_MIN = 0.05

_AIR_FIELDS = [
    ("last_ns", "i8"),  # time of the last usable reading; _UNSET_NS = none yet
    ("rows", "i8"),  # readings that taught
    ("known_ns", "i8"),  # time learned
    ("held_ns", "i8"),  # how long readings have been left out
    ("background", "f8"),  # clean air, unit of the kind
    ("spread", "f8"),  # mean distance of clean readings from it, unit of the kind
]
RISE_FIELDS = np.dtype(
    [
        *_AIR_FIELDS,
        ("level", "f8"),  # smoothed rise, unit of the kind
        ("gap_ns", "i8"),  # longest time a row can stand for
        ("gas_ns", "i8"),  # event time since which the level is beyond what teaches; _UNSET_NS = it is not
    ]
)
#: Fields that older snapshots lack.
RISE_ADDED = ("gas_ns",)
EVIDENCE_FIELDS = np.dtype(
    [
        *_AIR_FIELDS,
        ("residual", "f8"),  # above the background at this instant; NaN = silent
        ("evidence", "f8"),  # minutes
        ("kept", "f8"),  # evidence when it was last heard
    ]
)
#: What the sensors of an asset share.
SITE_FIELDS = np.dtype(
    [
        ("last_ns", "i8"),  # last instant
        ("wind_ns", "i8"),  # last instant with a wind
        ("wind", "f8"),  # smoothed wind speed, m/s
        ("onset_ns", "i8"),  # when the evidence that is not yet forgotten began; _UNSET_NS = there is none
    ]
)


class Air(Protocol):
    """The part of a sensor's record that is learned; ``_AIR_FIELDS`` says what each field holds."""

    last_ns: int
    rows: int
    known_ns: int
    held_ns: int
    background: float
    spread: float


class Learning(NamedTuple):
    """How clean air is learned: parameters of a detector, times in ns."""

    warmup_ns: int
    hold_ns: int
    tau_ns: float
    floor: float
    spreads: float


_LEARNING = tuple_type(Learning, types.int64, types.int64, *(types.float64,) * 3)


class Weighing(NamedTuple):
    """How evidence is weighed and forgotten."""

    every_ns: int
    gap_ns: int
    memory_ns: float
    half: float
    wind_ns: float
    wind_full: float
    calm_weight: float


_WEIGHING = tuple_type(Weighing, types.int64, types.int64, *(types.float64,) * 5)


@njit(nogil=True, error_model="numpy")
def _begin(own: Air, now: float, learning: Learning) -> None:
    """Take the first reading for clean air."""
    own.background = now
    own.spread = max(learning.floor / learning.spreads, 1e-9)
    own.rows = 0
    own.known_ns = 0
    own.held_ns = 0


@njit(nogil=True, error_model="numpy")
def _is_known(own: Air, learning: Learning) -> bool:
    return own.known_ns >= learning.warmup_ns


@njit(nogil=True, error_model="numpy")
def _gas(own: Air, residual: float, learning: Learning) -> float:
    """What of a residual is gas, unit of the kind."""
    return max(0.0, residual - max(learning.floor, learning.spreads * own.spread))


@njit(nogil=True, error_model="numpy")
def _learn(own: Air, residual: float, gas: float, dt_ns: int, learning: Learning) -> None:
    """Let a reading teach, unless it is gas."""
    if gas > 0.0 and _is_known(own, learning):
        own.held_ns += dt_ns
        if own.held_ns <= learning.hold_ns:
            return
    else:
        own.held_ns = 0
    own.rows += 1
    own.known_ns += dt_ns
    share = dt_ns / learning.tau_ns
    step = 4.0 * own.spread * min(1.0, max(share, 1.0 / own.rows))
    if residual > 0.0:
        own.background += step * _QUANTILE
    elif residual < -4.0 * own.spread:
        own.background += residual * min(1.0, 4.0 * share)
    elif residual < 0.0:
        own.background -= step * (1.0 - _QUANTILE)
    own.spread += min(1.0, share / 8.0) * (min(abs(residual), 3.0 * own.spread) - own.spread)
    own.spread = max(own.spread, _SPREAD_SHARE_MIN * learning.floor, 1e-9)


@njit(
    types.void(SENSOR, TIME, VALUE, F64, records(RISE_FIELDS), types.float64, _LEARNING),
    cache=True,
    nogil=True,
    error_model="numpy",
)
def rise_rows(
    sensor: Slots,
    time_ns: Integers,
    value: Floats,
    scores: Floats,
    state: Records,
    smooth_ns: float,
    learning: Learning,
) -> None:
    """Score rows with the smoothed excess of ``Rise``."""
    rows = len(sensor)
    for row in range(rows):
        if row + AHEAD < rows:
            prefetch(state, sensor[row + AHEAD])
        slot, now = sensor[row], value[row]
        scores[row] = np.nan
        if slot < 0 or slot >= len(state):
            raise IndexError("a row names no slot of the detector's state")
        if not abs(now) <= _VALUE_MAX:
            continue
        own = state[slot]
        dt_ns = 0
        if own.last_ns == _UNSET_NS:
            _begin(own, now, learning)
        else:
            dt_ns = max(0, min(time_ns[row] - own.last_ns, own.gap_ns))
        own.last_ns = time_ns[row]
        residual = now - own.background
        if _is_known(own, learning):
            share = 1.0 - math.exp(-dt_ns / smooth_ns) if smooth_ns > 0.0 else 1.0
            own.level += share * (residual - own.level)
            scores[row] = own.level
            since_ns = time_ns[row] if own.gas_ns == _UNSET_NS else own.gas_ns
            own.gas_ns = since_ns if _gas(own, own.level, learning) > 0.0 else _UNSET_NS
        _learn(own, residual, _gas(own, residual, learning), dt_ns, learning)


class Sensor(Protocol):
    """One sensor's record of ``EVIDENCE_FIELDS``."""

    last_ns: int
    rows: int
    known_ns: int
    held_ns: int
    background: float
    spread: float
    residual: float
    evidence: float
    kept: float


class Site(Protocol):
    """An asset's record of ``SITE_FIELDS``."""

    last_ns: int
    wind_ns: int
    wind: float
    onset_ns: int


@njit(nogil=True, error_model="numpy")
def _wind_weight(site: Site, now_ns: int, speed: float, dt_ns: int, weighing: Weighing) -> float:
    """How much of an excess a lasting release explains: in still air gas gathers from little, and stays.

    Without a wind for longer than it is smoothed over, everything counts in full.
    """
    if 0.0 <= speed <= _VALUE_MAX:
        heard = site.wind_ns != _UNSET_NS and now_ns - site.wind_ns <= weighing.wind_ns
        share = 1.0 - math.exp(-dt_ns / weighing.wind_ns) if heard else 1.0
        site.wind += share * (speed - site.wind)
        site.wind_ns = now_ns
    if site.wind_ns == _UNSET_NS or now_ns - site.wind_ns > weighing.wind_ns:
        return 1.0
    return max(weighing.calm_weight, min(1.0, site.wind / weighing.wind_full))


@njit(nogil=True, error_model="numpy")
def _common(value: Floats, gas_at: Integers, sensors: Records, learning: Learning) -> float:
    """Residual of each sensor; returns what all of them share, which is weather and not a plume."""
    seen = np.empty(len(gas_at))
    count = 0
    for j in range(len(gas_at)):
        now, own = value[gas_at[j]], sensors[j]
        own.residual = np.nan
        if abs(now) <= _VALUE_MAX:
            if own.last_ns == _UNSET_NS:
                _begin(own, now, learning)
            own.residual = now - own.background
            seen[count] = own.residual
            count += 1
    if count < _COMMON_MIN:
        return 0.0
    return max(-learning.floor, min(learning.floor, np.median(seen[:count])))


@njit(nogil=True, error_model="numpy")
def _weigh(own: Sensor, now_ns: int, common: float, weight: float, weighing: Weighing, learning: Learning) -> float:
    """Add one instant of one sensor that was heard to its evidence, and let it teach; returns its gas."""
    dt_ns = 0
    if own.last_ns != _UNSET_NS:
        dt_ns = max(0, min(now_ns - own.last_ns, weighing.gap_ns))
    own.last_ns = now_ns
    gas = _gas(own, own.residual - common, learning)
    if gas > 0.0 and _is_known(own, learning):
        own.evidence += weight * gas / (gas + weighing.half) * (weighing.every_ns / 60e9)
    own.kept = own.evidence
    _learn(own, own.residual, gas, dt_ns, learning)
    return gas


#: Columns of what ``evidence_instants`` writes.
SCORE, MOST, OBSERVED, EXPECTED, EXCESS, CONTRIBUTOR, SHARE, SINCE_MIN = range(8)
COLUMNS = 8


@njit(nogil=True, error_model="numpy")
def _say(out: Floats, row: Floats, gas_at: Integers, sensors: Records, gas: Floats, site: Site, now_ns: int) -> None:
    """Write what an instant comes to. A silent sensor may still see what it saw last: that is the most there can be."""
    score, most, best, largest = 0.0, 0.0, -1, -1
    for j in range(len(gas_at)):
        own = sensors[j]
        score += own.evidence
        most += own.kept if np.isnan(own.residual) else own.evidence
        if np.isnan(gas[j]):
            continue
        if best < 0 or own.evidence > sensors[best].evidence:
            best = j
        if largest < 0 or own.residual > sensors[largest].residual:
            largest = j
    out[:] = np.nan
    if best < 0:
        return
    out[SCORE], out[MOST] = score, most
    out[OBSERVED], out[EXPECTED] = row[gas_at[largest]], row[gas_at[largest]] - sensors[largest].residual
    out[EXCESS] = sensors[largest].residual
    if score < QUIET_MIN:
        site.onset_ns = _UNSET_NS
        return
    if site.onset_ns == _UNSET_NS:
        site.onset_ns = now_ns
    out[CONTRIBUTOR], out[SHARE] = gas_at[best] + 1.0, sensors[best].evidence / score
    out[SINCE_MIN] = (now_ns - site.onset_ns) / 60e9


@njit(
    types.void(
        TIME,
        types.Array(types.float64, 2, "C", readonly=True),
        I64,
        types.int64,
        records(EVIDENCE_FIELDS),
        records(SITE_FIELDS),
        _WEIGHING,
        _LEARNING,
        types.Array(types.float64, 2, "C"),
        types.Array(types.float64, 2, "C"),
        I64,
    ),
    cache=True,
    nogil=True,
    error_model="numpy",
)
def evidence_instants(
    time_ns: Integers,
    value: Floats,
    gas_at: Integers,
    speed_at: int,
    sensors: Records,
    sites: Records,
    weighing: Weighing,
    learning: Learning,
    out: Floats,
    gas: Floats,
    onset_ns: Integers,
) -> None:
    """Score instants of one asset with ``GasEvidence``.

    Args:
        time_ns: int64 [n].
        value: float64 [n, inputs].
        gas_at: int64 [s], the inputs that are gas sensors.
        speed_at: the input that is the wind speed; -1 = there is none.
        sensors: records [s] of ``EVIDENCE_FIELDS``.
        sites: one record of ``SITE_FIELDS``.
        weighing: parameters.
        learning: parameters.
        out: float64 [n, COLUMNS], written.
        gas: float64 [n, s], written: gas of each sensor, unit of the kind; NaN = silent or not yet known.
        onset_ns: int64 [n], written: when the evidence began; the smallest number = there is none.

    """
    site = sites[0]
    for i in range(len(time_ns)):
        now_ns = time_ns[i]
        dt_ns = now_ns - site.last_ns if site.last_ns != _UNSET_NS else 0
        speed = value[i, speed_at] if speed_at >= 0 else np.nan
        weight = _wind_weight(site, now_ns, speed, dt_ns, weighing)
        fade = math.exp(-dt_ns / weighing.memory_ns)
        common = _common(value[i], gas_at, sensors, learning)
        for j in range(len(gas_at)):
            own = sensors[j]
            own.evidence *= fade
            gas[i, j] = np.nan
            if not np.isnan(own.residual):
                known = _is_known(own, learning)
                found = _weigh(own, now_ns, common, weight, weighing, learning)
                gas[i, j] = found if known else np.nan
        site.last_ns = now_ns
        _say(out[i], value[i], gas_at, sensors, gas[i], site, now_ns)
        onset_ns[i] = site.onset_ns
