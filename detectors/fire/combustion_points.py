"""How ``combustion`` works out the points of a room's sensors, families and the room: its records and kernels."""

from __future__ import annotations

from typing import NamedTuple, Protocol

import numpy as np
from numba import njit, types

from detectors.kernels import Floats, Integers, Records, records, tuple_type

HEAT, RADIATION, SMOKE, CO, AIR, HUMIDITY = range(6)
FAMILIES = ("heat", "radiation", "smoke", "co", "air")

#: What gives evidence is learned so many times more slowly in heat, and in so long in the others.
HEAT_SLOWER, SLOW_S = 10.0, 3600.0
#: A baseline needs so many scans, and what is nearer to it than so many spreads is noise.
SCANS_MIN, SPREADS = 3.5, 4.0
#: Rooms are up to 35 degC warm, and 50 degC is the most that heat detectors of class A are made for (EN 54-5).
_HOT_LOW, _HOT_HIGH = 35.0, 50.0
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
        ("usual_s", "f8"),  # time constant of what is usual here, which the baseline is never below
        ("slow_s", "f8"),  # time constant while there is evidence
        ("warmup_s", "f8"),  # heard for so long before it is judged
        ("heard_s", "f8"),
        ("silent_s", "f8"),
        ("mean", "f8"),  # baseline
        ("usual", "f8"),
        ("variance", "f8"),  # of the noise
        ("period_s", "f8"),
        ("last", "f8"),  # what it read at the instant before
        ("scan_s", "f8"),  # since when
        ("shown", "f8"),  # points that this scan shows
        ("before", "f8"),  # points that the scan before it showed
        ("points", "f8"),  # points that are believed, which fade
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
    usual_s: float
    slow_s: float
    warmup_s: float
    heard_s: float
    silent_s: float
    mean: float
    usual: float
    variance: float
    period_s: float
    last: float
    scan_s: float
    shown: float
    before: float
    points: float


class Limits(NamedTuple):
    """Parameters as the kernel takes them."""

    every_s: float
    hold_s: float
    nuisance: float
    gather_s: float


@njit(nogil=True, error_model="numpy")
def _learn(own: Sign, now: float, rises: bool, dt_s: float) -> None:  # noqa: FBT001
    """Follow the baseline: plainly averaged in the warm-up, and slowly while the value rises above it."""
    if own.heard_s < own.warmup_s:
        weight = usually = dt_s / (own.heard_s + dt_s)
    else:
        weight = dt_s / ((own.slow_s if rises else own.learn_s) + dt_s)
        usually = dt_s / ((max(own.usual_s, SLOW_S) if rises else own.usual_s) + dt_s)
    own.mean += weight * (now - own.mean)
    own.usual += usually * (now - own.usual)
    own.heard_s += dt_s


@njit(nogil=True, error_model="numpy")
def _scan(own: Sign, now: float, rises: bool, dt_s: float) -> None:  # noqa: FBT001
    """Take note of a new scan; noise is what changes from one to the next, so that a ramp is none."""
    own.scan_s += dt_s
    if now == own.last and own.scan_s < own.period_s:
        return
    if own.heard_s < own.warmup_s or not rises:
        weight = own.scan_s / (min(own.heard_s, 600.0) + own.scan_s)
        own.variance += weight * (0.5 * (now - own.last) ** 2 - own.variance)
    own.before, own.last, own.scan_s = own.shown, now, 0.0


@njit(nogil=True, error_model="numpy")
def _show(own: Sign, now: float, dt_s: float, hold_s: float) -> None:
    """Work out one sensor's points of now, and learn from it."""
    if own.silent_s > HEAT_SLOWER * own.learn_s:
        own.heard_s = 0.0
    own.silent_s = 0.0
    if own.heard_s == 0.0:
        own.mean, own.usual, own.last, own.variance = now, now, now, 0.0
    rise = now - max(own.mean, own.usual)
    scans = SCANS_MIN * own.heard_s / own.warmup_s if own.warmup_s > 0.0 else np.inf
    low = max(own.low, SPREADS * np.sqrt(own.variance) * (1.0 + 3.0 / max(scans, 1.0)))
    high = max(own.high, low + own.high - own.low)
    _scan(own, now, rise > low, dt_s)
    own.shown = min(max((rise - low) / (high - low), 0.0), 1.0) * _POINTS if own.heard_s >= own.warmup_s else 0.0
    own.points = max(own.points * np.exp(-dt_s / hold_s), min(own.shown, own.before))
    _learn(own, now, rise > low, dt_s)


@njit(nogil=True, error_model="numpy")
def _agree(signs: Records, agreeing: Floats) -> bool:
    """Believe at once what two sensors of a family show; give whether a sensor that speaks shows anything."""
    agreeing[:] = 0.0
    proven = False
    for at in range(len(signs)):
        if signs[at].family >= 0 and signs[at].shown >= _POINTS_MIN:
            agreeing[signs[at].family] += 1.0
    for at in range(len(signs)):
        own = signs[at]
        if own.family >= 0 and agreeing[own.family] > 1.0:
            own.points = max(own.points, own.shown)
        proven = proven or (own.silent_s == 0.0 and own.points >= _POINTS_MIN)
    return proven


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
def _in_all(
    strongest: Floats,
    second: Floats,
    hottest: float,
    sensors: float,
    alone: bool,  # noqa: FBT001
    families: Floats,
) -> float:
    """Points of each family, and of all together. ``alone``: nothing is left that could speak against smoke."""
    total = 0.0
    for family in range(HUMIDITY):
        points, most = strongest[family] + second[family], _POINTS
        if family == HEAT:
            hot = min(max((hottest - _HOT_LOW) / (_HOT_HIGH - _HOT_LOW), 0.0), 1.0) if sensors > 1.0 else 0.0
            points, most = (1.0 + hot) * points, 3.5 + 2.5 * hot
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
def score(time_ns: Integers, value: Floats, signs: Records, room: Records, limits: Limits, found: Floats) -> None:
    strongest, second, families = np.zeros(HUMIDITY + 1), np.zeros(HUMIDITY + 1), np.zeros(HUMIDITY)
    for row in range(len(time_ns)):
        since_s = limits.every_s if room[0].last_ns == 0 else (time_ns[row] - room[0].last_ns) / 1e9
        room[0].last_ns = time_ns[row]
        dt_s = min(since_s, 5.0 * limits.every_s)
        said = False
        for at in range(len(signs)):
            if not abs(value[row, at]) <= _VALUE_MAX:
                signs[at].silent_s += since_s
                signs[at].shown = signs[at].before = 0.0
            elif signs[at].family >= 0:
                _show(signs[at], value[row, at] * signs[at].factor + signs[at].offset, dt_s, limits.hold_s)
                said = True
        proven = _agree(signs, strongest)
        sensors, hottest, co_speaks = _gather(value[row], signs, strongest, second)
        total = _in_all(strongest, second, hottest, sensors, room[0].has_co == 1 and not co_speaks, families)
        if proven or total < limits.nuisance:
            gained = dt_s / limits.gather_s * (total - limits.nuisance)
            room[0].gathered = min(max(room[0].gathered + gained, 0.0), _POINTS)
        found[:, row] = np.nan
        if said:
            found[0, row] = total + room[0].gathered
            found[1 : 1 + HUMIDITY, row] = families
            found[1 + HUMIDITY, row] = (families[SMOKE] + families[CO]) / total if total > 0.0 else 0.0
            found[2 + HUMIDITY, row] = sensors
