"""How a value moves, not where it stands: the power in each octave of its fluctuation against what is usual."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

import numpy as np
from numba import njit, types
from numpy.typing import NDArray

from detectors.declaration import ParameterError, check, declare
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
_BANDS = 8  # at most
_SLOWEST = 2  # pairs of the slowest band in a block
_ANEW = -1  # in place of the time held: the normal was given up, and the new one does not score yet
_KNOWN = 8  # blocks learned before the first score

HIGH, LOW, BOTH = 1, 2, 3
_SIDES = {"high": HIGH, "low": LOW, "both": BOTH}

SPECTRUM_FIELDS = np.dtype(
    [
        ("gap_ns", "i8"),  # rows further apart do not follow each other
        ("last_ns", "i8"),  # event time of the last row
        ("last", "f8"),  # its value, unit of the kind
        ("moved", "i8"),  # 1 = it was seen to move
        ("rows", "i8"),  # in the open block
        ("began_ns", "i8"),  # event time of its first row
        ("block_ns", "i8"),  # of the first row of the last block
        ("since_ns", "i8"),  # of the first row of the first block that was left out
        ("open_ns", "i8"),  # time of the open block
        ("half", "f8", _BANDS),  # mean of the first half of a pair, by band
        ("energy", "f8", _BANDS),  # of the pairs of the open block, unit of the kind squared
        ("blocks", "f8"),  # learned, as far as they are not forgotten
        ("learned_ns", "i8"),
        ("held_ns", "i8"),  # how long blocks have been left out; _ANEW
        ("mean", "f8", _BANDS + 1),  # of the cube root of the power of all bands together, then of each
        ("variance", "f8", _BANDS + 1),
        ("score", "f8"),  # of the last block, sigma
        ("band", "i8"),  # that gave it: 0 = all together, 1 = the fastest octave; -1 = none
        ("observed", "f8"),  # root mean square of this band in that block, unit of the kind
        ("expected", "f8"),  # the same, as it is usual
    ]
)


class Octaves(Protocol):
    """One sensor's record of ``SPECTRUM_FIELDS``."""

    gap_ns: int
    last_ns: int
    last: float
    moved: int
    rows: int
    began_ns: int
    block_ns: int
    since_ns: int
    open_ns: int
    half: NDArray[np.float64]
    energy: NDArray[np.float64]
    blocks: float
    learned_ns: int
    held_ns: int
    mean: NDArray[np.float64]
    variance: NDArray[np.float64]
    score: float
    band: int
    observed: float
    expected: float


class Settings(NamedTuple):
    """Parameters of ``Spectrum``, times in ns."""

    side: int
    bands: int
    warmup_ns: int
    normal_ns: float
    hold_sigma: float
    hold_ns: int


_SETTINGS = tuple_type(Settings, *(types.int64,) * 3, *(types.float64,) * 2, types.int64)


@dataclass(slots=True)
class SpectrumState:
    """What is known of each sensor.

    Attributes:
        sensors: records [m] of ``SPECTRUM_FIELDS``, which gives the meaning and unit of each field.

    """

    sensors: Records


@dataclass(frozen=True, slots=True, kw_only=True)
class Spectrum:
    """How unusual the power of a sensor's fluctuation is in the octave where it is most so, in sigma, never negative.

    ::

        power(b) = mean over a block of the squares of octave b of its Haar transform, b = 1 the fastest; 0 = all
        together r        = (power(b) ^ (1/3) - mean(b)) / sigma(b) score    = the largest |r| (side both), r (high)
        or -r (low), as deviations of the normal law

    A block is ``2 * 2 ^ bands`` rows that follow each other; octave b lies between the periods 2 ^ b and 2 ^ (b + 1)
    rows. ``mean`` and ``sigma`` are learned over blocks; blocks beyond ``hold_sigma`` are left out. The cube root
    makes powers nearly normal. Octave 0, the sum of the others, is the variance without what is slower than the
    slowest: a value may drift, and nothing is said. The score stays until the next block is full. The state keeps the
    octave, and what its root mean square was and usually is.

    Use it: where the mean says nothing: a tone of a bearing, cavitation or flow noise on a pressure or a vibration at
    50 Hz, at the same effective value; a noise that dies, because an impulse line is blocked or a transmitter smooths
    too much; one that doubles, because a valve hunts. A limit of 5 is one false alarm in 20,000 blocks of noise or
    fewer. One block is enough to raise: give the rule an ``on_delay`` of more than a block against a single wild
    reading.

    Fails: on tones beyond half the scan rate, which it sees folded back or not at all; on a tone in noise as fast as
    itself, since the octaves overlap (the one that is named may be a neighbour); on loads that change the noise,
    until they are learned; on a value that never moved before; on rows at uneven distances, which it takes as even.

    Source: Haar, Math. Ann. 69 (1910) 331; Wilson and Hilferty, PNAS 17 (1931) 684; Wallace, Ann. Math. Statist. 30
    (1959) 1124 for t; Brennen, Cavitation and Bubble Dynamics, 1995, on its broad noise.
    """

    side: str = field(
        default="both", metadata=declare(unit="", doc="which changes count", choices=("high", "low", "both"))
    )
    bands: float = field(
        default=7.0, metadata=declare(unit="", doc="octaves; a block is 2 * 2 ^ bands rows", low=1, high=_BANDS)
    )
    warmup_s: float = field(
        default=3600.0, metadata=declare(unit="s", doc="time to learn before the first score; at least 8 blocks", low=0)
    )
    normal_s: float = field(
        default=604800.0, metadata=declare(unit="s", doc="time constant with which the normal is forgotten", low=0.001)
    )
    hold_sigma: float = field(
        default=4.0, metadata=declare(unit="sigma", doc="blocks beyond this do not teach", low=2.5)
    )
    hold_s: float = field(
        default=86400.0, metadata=declare(unit="s", doc="after so long outside, the normal is learned anew", low=0)
    )

    state_version = 1
    state_outlasts_settings = False

    def __post_init__(self) -> None:
        check("spectrum", self)
        if self.bands != int(self.bands):
            raise ParameterError("spectrum", "bands", "must be a whole number", self.bands)

    def score_unit(self, unit: str) -> str:  # noqa: ARG002
        return "sigma"

    def init(self, sensors: SensorGroup) -> SpectrumState:
        made = np.zeros(len(sensors), SPECTRUM_FIELDS)
        made["gap_ns"] = np.rint(GAP_PERIODS * 1e9 * sensors.period_s)
        made["last_ns"] = _UNSET_NS
        made["score"] = np.nan
        made["band"] = -1
        return SpectrumState(made)

    def update(self, state: SpectrumState, batch: Batch) -> Scores:
        """Score rows: float64 [n], sigma.

        Raises:
            IndexError: a row names no slot of the state.

        """
        scores = np.empty(len(batch))
        settings = Settings(
            _SIDES[self.side],
            int(self.bands),
            nanoseconds(self.warmup_s),
            self.normal_s * 1e9,
            float(self.hold_sigma),
            nanoseconds(self.hold_s),
        )
        _update(*columns(batch), scores, state.sensors, settings)
        return scores

    def advance(self, state: SpectrumState, tick: Tick) -> Scores | None:  # noqa: ARG002
        return None

    def learned(self, state: SpectrumState) -> Columns:
        return how_learned(state.sensors, np.isnan(state.sensors["score"]))

    def explain(self, state: SpectrumState, slot: int, score: float) -> Explanation:
        """Root mean square of the octave that gave the score, against what it usually is; blocks beyond do not teach.

        ``confidence`` is Bonferroni's bound: one less the chance, times all octaves, that a deviation of the normal law
        is as large.
        """
        own = state.sensors[slot]
        band, blocks = int(own["band"]), float(own["blocks"])
        if band < 0 or blocks < _KNOWN or not score > 0.0:
            return Explanation()
        mean, reach = float(own["mean"][band]), self.hold_sigma * math.sqrt(own["variance"][band])
        chance = (self.bands + 1.0) * math.erfc(score / math.sqrt(2.0))
        return Explanation(
            observed=float(own["observed"]),
            expected=float(own["expected"]),
            low=max(0.0, mean - reach) ** 1.5,
            high=(mean + reach) ** 1.5,
            since_ns=int(own["since_ns"] if own["held_ns"] > 0 else own["block_ns"]),
            confidence=1.0 - chance if chance < 1.0 else None,
        )


@njit(nogil=True, error_model="numpy")
def _pair(own: Octaves, now: float, bands: int) -> None:
    """Take a row into the pairs of each octave: the fastest are of rows, the next of the means of those."""
    at = own.rows
    own.rows += 1
    weight = 0.5
    for band in range(bands):
        if at % 2 == 0:
            own.half[band] = now
            return
        apart = now - own.half[band]
        own.energy[band] += weight * apart * apart
        now = own.half[band] + 0.5 * apart
        weight *= 2.0
        at //= 2


@njit(nogil=True, error_model="numpy")
def _unusual(own: Octaves, place: int, root: float) -> float:
    """Deviation of a power, as one of the normal law (Wallace); needs two blocks."""
    taught, apart = own.blocks - 1.0, root - own.mean[place]
    variance = own.variance[place] * (own.blocks + 1.0) / taught
    if variance == 0.0:
        return 0.0
    sure = (8.0 * taught + 1.0) / (8.0 * taught + 3.0)
    far: float = sure * math.sqrt(taught * math.log1p(apart * apart / variance / taught))
    return far if apart > 0.0 else -far


@njit(nogil=True, error_model="numpy")
def _learn(own: Octaves, place: int, root: float, share: float) -> None:
    apart = root - own.mean[place]
    own.mean[place] += share * apart
    own.variance[place] += share * (apart * (root - own.mean[place]) - own.variance[place])


@njit(nogil=True, error_model="numpy")
def _close(own: Octaves, settings: Settings) -> None:
    """Score a block that is full, and learn it unless it is unusual."""
    length, together = float(own.rows), 0.0
    for band in range(settings.bands):
        together += own.energy[band]
    ready = own.learned_ns >= settings.warmup_ns and own.blocks >= _KNOWN
    score, furthest, own.band = 0.0, 0.0, -1
    for place in range(settings.bands + 1):
        power = (together if place == 0 else own.energy[place - 1]) / length
        far = _unusual(own, place, power ** (1.0 / 3.0)) if ready and own.moved == 1 else 0.0
        furthest = max(furthest, abs(far))
        told = far if settings.side == HIGH else -far if settings.side == LOW else abs(far)
        if told > score:
            score, own.band = told, place
            own.observed, own.expected = math.sqrt(power), own.mean[place] ** 1.5
    own.score = score if ready else np.nan
    own.block_ns = own.began_ns
    if own.held_ns <= 0:
        own.since_ns = own.began_ns
    if furthest > settings.hold_sigma:
        own.held_ns = max(own.held_ns, 0) + own.open_ns
    elif ready:
        own.held_ns = 0
    if own.held_ns > settings.hold_ns:
        own.held_ns, own.learned_ns, own.blocks, own.score = _ANEW, 0, 0.0, np.nan
    if own.held_ns <= 0:
        share = max(1.0 / (own.blocks + 1.0), own.open_ns / (settings.normal_ns + own.open_ns))
        own.blocks = 1.0 / share
        own.learned_ns += own.open_ns
        for place in range(settings.bands + 1):
            power = (together if place == 0 else own.energy[place - 1]) / length
            _learn(own, place, power ** (1.0 / 3.0), share)


@njit(nogil=True, error_model="numpy")
def _open(own: Octaves) -> None:
    own.rows = 0
    own.open_ns = 0
    for band in range(_BANDS):
        own.energy[band] = 0.0


@njit(
    types.void(SENSOR, TIME, VALUE, F64, records(SPECTRUM_FIELDS), _SETTINGS),
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
        if own.last_ns != _UNSET_NS:
            dt_ns = time_ns[row] - own.last_ns
            if now != own.last:
                own.moved = 1
            if dt_ns > own.gap_ns:
                _open(own)
            else:
                own.open_ns += dt_ns
        own.last, own.last_ns = now, time_ns[row]
        if own.rows == 0:
            own.began_ns = time_ns[row]
        _pair(own, now, settings.bands)
        if own.rows == _SLOWEST << settings.bands:
            _close(own, settings)
            _open(own)
        scores[row] = own.score
