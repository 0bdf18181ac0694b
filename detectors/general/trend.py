"""What comes next by level, slope and season of the value itself; and how far from it the value is."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

import numpy as np
from numba import njit, types
from numpy.typing import NDArray

from detectors.declaration import KIND_UNIT, ParameterError, check, declare
from detectors.general.held import how_learned
from detectors.kernels import (
    AHEAD,
    F64,
    GAP_PERIODS,
    SENSOR,
    TIME,
    VALUE,
    Floats,
    Integers,
    Records,
    Slots,
    columns,
    nanoseconds,
    prefetch,
    records,
    tuple_type,
)
from model.batch import Batch
from model.detector import Columns, SensorGroup
from model.explanation import Explanation
from model.inputs import Tick
from model.scores import Scores

_UNSET_NS = np.iinfo(np.int64).min
_VALUE_MAX = 1e100
_BINS = 24  # of a cycle
_ROWS_MIN = 8
_ANEW = -1  # in place of the time held: the normal was given up, and the new one does not score yet

TREND_FIELDS = np.dtype(
    [
        ("gap_ns", "i8"),  # longest time a row can stand for
        ("last_ns", "i8"),  # event time of the last row
        ("last", "f8"),  # its value, unit of the kind
        ("step", "f8"),  # smallest change ever seen between two rows, unit of the kind; inf = none yet
        ("learned_ns", "i8"),  # time heard since learning began
        ("held_ns", "i8"),  # how long rows have been left out; _ANEW
        ("rows", "i8"),  # in the level since it was begun
        ("level", "f8"),  # at the last row, without the season
        ("earlier", "f8"),  # mean of the first cycle
        ("slope", "f8"),  # unit of the kind a ns
        ("residual", "f8"),  # smoothed, unit of the kind
        ("crossed_ns", "i8"),  # event time of the row with which it last changed its sign
        ("judged", "i8"),  # rows that taught the spread
        ("variance", "f8"),  # of the smoothed residual around 0
        ("expected", "f8"),  # of the last row
        ("season", "f8", _BINS),  # at the middle of each bin, unit of the kind
        ("seen_ns", "f8", _BINS),  # time that taught it
    ]
)


class Components(Protocol):
    """One sensor's record of ``TREND_FIELDS``."""

    gap_ns: int
    last_ns: int
    last: float
    step: float
    learned_ns: int
    held_ns: int
    rows: int
    level: float
    earlier: float
    slope: float
    residual: float
    crossed_ns: int
    judged: int
    variance: float
    expected: float
    season: NDArray[np.float64]
    seen_ns: NDArray[np.float64]


class Settings(NamedTuple):
    """Parameters of ``Trend``, times in ns."""

    smooth_ns: float
    level_ns: float
    slope_ns: float
    damp_ns: float
    cycle_ns: int
    cycles: float
    warmup_ns: int
    sigma_ns: float
    sigma_floor: float
    hold_sigma: float
    hold_ns: int


_F64, _I64 = types.float64, types.int64
_SETTINGS = tuple_type(Settings, _F64, _F64, _F64, _F64, _I64, _F64, _I64, _F64, _F64, _F64, _I64)


@dataclass(slots=True)
class TrendState:
    """What is known of each sensor: records [m] of ``TREND_FIELDS``, which gives the meaning and unit of each field."""

    sensors: Records


@dataclass(frozen=True, slots=True, kw_only=True)
class Trend:
    """Smoothed distance from what level, slope and season foretell, in sigma, signed.

    ::

        slope    *= damp_s / (damp_s + dt)          level += slope dt         expected = level + season(phase)
        residual += dt / (smooth_s + dt) (value - expected - residual)        score = residual / sigma
        level    += a e         slope += b e / (level_s + dt)         season += c (value - level - season)

    e is ``value - expected``; a, b and c are ``dt / (tau + dt)`` of ``level_s``, ``slope_s`` and ``cycles`` visits of
    a 24th of the cycle. This is Holt and Winters' forecast, additive, with a damped slope, for rows at any distance.
    Sigma is that of the smoothed residual itself. The season is a line through 24 places of a cycle of ``cycle_s``.

    Learning goes in steps: with a season, one cycle for the level, one for the slope, one for the season; then
    ``warmup_s``, of which the second half teaches sigma. Rows beyond ``hold_sigma`` teach nothing: the forecast goes
    on by itself, its slope fading with ``damp_s``. After ``hold_s`` of that level, slope and sigma are learned anew;
    the season is kept.

    Use it: for what drifts by itself (a tank that fills, a filter that clogs) or goes in cycles (a batch, a day).
    ``ewma`` takes drift and cycle into its sigma. ``seasonal`` knows days of work and rest, but no drift.

    Fails: on a drift that becomes steeper more slowly than ``slope_s``, which it follows; on jumps that are meant,
    after which it waits ``hold_s``; on cycles of changing length, and with a cycle that holds weekends.

    Raises:
        ParameterError: slope_s is not at least four times level_s (the forecast would swing), level_s not at least
            twice smooth_s, or damp_s shorter than slope_s.

    Source: Holt, ONR Memorandum 52 (1957); Winters, Management Science 6 (1960) 324; Gardner and McKenzie, Management
    Science 31 (1985) 1237 for damping; Wright, Management Science 32 (1986) 499 for uneven rows.
    """

    smooth_s: float = field(
        default=120.0, metadata=declare(unit="s", doc="time constant of the smoothed residual; 0 = each row", low=0)
    )
    level_s: float = field(
        default=1800.0, metadata=declare(unit="s", doc="time constant with which the level follows", low=0.001)
    )
    slope_s: float = field(
        default=7200.0, metadata=declare(unit="s", doc="time constant with which the slope follows", low=0.001)
    )
    damp_s: float = field(
        default=86400.0, metadata=declare(unit="s", doc="time constant with which the slope fades", low=0.001)
    )
    cycle_s: float = field(default=0.0, metadata=declare(unit="s", doc="length of the season; 0 = none", low=0))
    cycles: float = field(
        default=8.0, metadata=declare(unit="", doc="cycles that the season remembers", low=2, high=400)
    )
    warmup_s: float = field(
        default=21600.0,
        metadata=declare(unit="s", doc="time to learn after three cycles, before the first score", low=0),
    )
    sigma_s: float = field(
        default=86400.0, metadata=declare(unit="s", doc="time constant with which sigma follows", low=0.001)
    )
    sigma_floor: float = field(
        default=0.0, metadata=declare(unit=KIND_UNIT, doc="smallest sigma that is believed", low=0)
    )
    hold_sigma: float = field(default=4.0, metadata=declare(unit="sigma", doc="rows beyond this do not teach", low=2.5))
    hold_s: float = field(
        default=14400.0, metadata=declare(unit="s", doc="after so long outside, the normal is learned anew", low=0)
    )

    state_version = 1
    state_outlasts_settings = False

    def __post_init__(self) -> None:
        check("trend", self)
        for larger, times, smaller in (
            ("slope_s", 4.0, "level_s"),
            ("level_s", 2.0, "smooth_s"),
            ("damp_s", 1.0, "slope_s"),
        ):
            given, bound = getattr(self, larger), getattr(self, smaller)
            if given < times * bound:
                requirement = f"must be at least {times:g} times {smaller} ({bound:g} s)"
                raise ParameterError("trend", larger, requirement, given)

    def score_unit(self, unit: str) -> str:  # noqa: ARG002
        return "sigma"

    def init(self, sensors: SensorGroup) -> TrendState:
        made = np.zeros(len(sensors), TREND_FIELDS)
        made["gap_ns"] = np.rint(GAP_PERIODS * 1e9 * sensors.period_s)
        made["last_ns"] = _UNSET_NS
        made["crossed_ns"] = _UNSET_NS
        made["step"] = np.inf
        return TrendState(made)

    def update(self, state: TrendState, batch: Batch) -> Scores:
        """Score rows: float64 [n], sigma.

        Raises:
            IndexError: a row names no slot of the state.

        """
        scores = np.empty(len(batch))
        settings = Settings(
            self.smooth_s * 1e9,
            self.level_s * 1e9,
            self.slope_s * 1e9,
            self.damp_s * 1e9,
            nanoseconds(self.cycle_s),
            float(self.cycles),
            nanoseconds(self.warmup_s),
            self.sigma_s * 1e9,
            float(self.sigma_floor),
            float(self.hold_sigma),
            nanoseconds(self.hold_s),
        )
        _update(*columns(batch), scores, state.sensors, settings)
        return scores

    def advance(self, state: TrendState, tick: Tick) -> Scores | None:  # noqa: ARG002
        return None

    def learned(self, state: TrendState) -> Columns:
        own, warmup_ns = state.sensors, 3 * nanoseconds(self.cycle_s) + nanoseconds(self.warmup_s)
        return how_learned(own, (own["learned_ns"] < warmup_ns) | (own["judged"] < _ROWS_MIN))

    def explain(self, state: TrendState, slot: int, score: float) -> Explanation:
        """What was foretold for the last row, and the smoothed distance from it; rows beyond the ends do not teach.

        ``confidence`` is Chebyshev's bound, which holds for noise of any law: at least so many rows are not so far out.
        """
        own = state.sensors[slot]
        expected, judged, crossed_ns = float(own["expected"]), int(own["judged"]), int(own["crossed_ns"])
        if judged == 0:
            return Explanation()
        least = max(self.sigma_floor, 0.5 * float(own["step"]) if math.isfinite(own["step"]) else 0.0)
        reach = self.hold_sigma * max(math.sqrt(own["variance"] * (judged + 1.0) / judged), least)
        return Explanation(
            observed=expected + float(own["residual"]),
            expected=expected,
            low=expected - reach,
            high=expected + reach,
            since_ns=None if crossed_ns == _UNSET_NS else crossed_ns,
            confidence=1.0 - 1.0 / score**2 if abs(score) > 1.0 else None,
        )


@njit(nogil=True, error_model="numpy")
def _share(dt_ns: int, tau_ns: float) -> float:
    return dt_ns / (tau_ns + dt_ns) if dt_ns > 0 else 0.0


@njit(nogil=True, error_model="numpy")
def _place(now_ns: int, cycle_ns: int) -> tuple[int, int, float]:
    """The two bins whose middles a time lies between, and how far it is towards the second."""
    if cycle_ns == 0:
        return 0, 0, 0.0
    at = (now_ns % cycle_ns) * (_BINS / cycle_ns) - 0.5
    lower = math.floor(at)
    return lower % _BINS, (lower + 1) % _BINS, at - lower


@njit(nogil=True, error_model="numpy")
def _teach_season(own: Components, now_ns: int, apart: float, dt_ns: int, settings: Settings) -> None:
    """Move the two bins that a row lies between; ``apart`` is what is left after level and season."""
    first, second, part = _place(now_ns, settings.cycle_ns)
    most_ns = settings.cycles * settings.cycle_ns / _BINS
    for place, weight in ((first, 1.0 - part), (second, part)):
        span_ns = weight * dt_ns
        if span_ns > 0.0:
            own.season[place] += weight * apart * span_ns / (min(own.seen_ns[place], most_ns) + span_ns)
            own.seen_ns[place] += span_ns


@njit(nogil=True, error_model="numpy")
def _begin(own: Components, now_ns: int, now: float, dt_ns: int, season: float, settings: Settings) -> bool:
    """Learn level, slope and season one after the other, a cycle each; False when that is over."""
    cycle_ns = settings.cycle_ns
    if own.learned_ns >= 3 * cycle_ns:
        return False
    before_ns = own.learned_ns
    own.learned_ns += dt_ns
    if before_ns < 2 * cycle_ns:
        if before_ns < cycle_ns <= own.learned_ns:
            own.earlier = own.level
            own.rows = 0
        own.rows += 1
        own.level += (now - own.level) / own.rows
        if own.learned_ns >= 2 * cycle_ns:
            own.slope = (own.level - own.earlier) / cycle_ns
            own.level += 0.5 * cycle_ns * own.slope
    else:
        own.level += own.slope * dt_ns
        _teach_season(own, now_ns, now - own.level - season, dt_ns, settings)
    return True


@njit(nogil=True, error_model="numpy")
def _judge(own: Components, settings: Settings) -> float:
    """Score the smoothed residual; NaN while sigma is not known."""
    if own.learned_ns < 3 * settings.cycle_ns + settings.warmup_ns or own.judged < _ROWS_MIN:
        return np.nan
    least = max(settings.sigma_floor, 0.5 * own.step if own.step < np.inf else 0.0)
    sigma = max(math.sqrt(own.variance * (own.judged + 1.0) / own.judged), least)
    return own.residual / sigma if sigma > 0.0 else 0.0


@njit(nogil=True, error_model="numpy")
def _hold(own: Components, dt_ns: int, settings: Settings) -> None:
    """Leave a row out; after so long of nothing else forget level, slope and sigma, and keep the season."""
    own.held_ns = max(own.held_ns, 0) + dt_ns
    if own.held_ns > settings.hold_ns:
        own.held_ns, own.rows, own.judged = _ANEW, 0, 0
        own.learned_ns = 3 * settings.cycle_ns
        own.slope, own.residual = 0.0, 0.0


@njit(nogil=True, error_model="numpy")
def _foretell(own: Components, now: float, passed_ns: int, season: float, settings: Settings) -> None:
    """Carry level and slope on to a row; after a gap that the level would have forgotten it begins with the row."""
    left = settings.damp_ns / (settings.damp_ns + passed_ns)
    own.slope *= left
    own.level += own.slope * passed_ns
    if passed_ns > max(settings.level_ns, float(own.gap_ns)) and own.held_ns <= 0:
        own.rows = 0
    if own.rows == 0:
        own.level = now - season


@njit(nogil=True, error_model="numpy")
def _follow(own: Components, now_ns: int, now: float, dt_ns: int, season: float, settings: Settings) -> float:
    """Score a row that was foretold, and learn it."""
    own.expected = own.level + season
    apart = now - own.expected
    was_above = own.residual > 0.0
    own.residual += (1.0 if settings.smooth_ns == 0.0 else _share(dt_ns, settings.smooth_ns)) * (apart - own.residual)
    if was_above != (own.residual > 0.0):
        own.crossed_ns = now_ns
    score = _judge(own, settings)
    if abs(score) > settings.hold_sigma:
        _hold(own, dt_ns, settings)
        return score if own.rows > 0 else np.nan
    if not np.isnan(score):
        own.held_ns = 0
    own.rows += 1
    own.learned_ns += dt_ns
    own.level += max(1.0 / own.rows, _share(dt_ns, settings.level_ns)) * apart
    own.slope += _share(dt_ns, settings.slope_ns) * apart / (settings.level_ns + dt_ns)
    if settings.cycle_ns > 0:
        _teach_season(own, now_ns, now - own.level - season, dt_ns, settings)
    if own.learned_ns >= 3 * settings.cycle_ns + settings.warmup_ns // 2:
        own.judged += 1
        share = max(1.0 / own.judged, _share(dt_ns, settings.sigma_ns))
        own.variance += share * (own.residual * own.residual - own.variance)
    return score


@njit(
    types.void(SENSOR, TIME, VALUE, F64, records(TREND_FIELDS), _SETTINGS),
    cache=True,
    nogil=True,
    error_model="numpy",
)
def _update(
    sensor: Slots, time_ns: Integers, value: Floats, scores: Floats, state: Records, settings: Settings
) -> None:
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
        passed_ns = 0
        if own.last_ns != _UNSET_NS:
            passed_ns = time_ns[row] - own.last_ns
            moved = abs(now - own.last)
            if 0.0 < moved < own.step:
                own.step = moved
        dt_ns = max(0, min(passed_ns, own.gap_ns))
        own.last, own.last_ns = now, time_ns[row]
        first, second, part = _place(time_ns[row], settings.cycle_ns)
        season = (1.0 - part) * own.season[first] + part * own.season[second]
        if not _begin(own, time_ns[row], now, dt_ns, season, settings):
            _foretell(own, now, passed_ns, season, settings)
            scores[row] = _follow(own, time_ns[row], now, dt_ns, season, settings)
