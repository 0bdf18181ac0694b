"""What the sensors of a machine or a process do together, learned; and instants at which they do something else."""

from __future__ import annotations

from dataclasses import dataclass, field
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from detectors.assets.components import (
    CALIBRATE,
    CONTRIBUTOR,
    EXPECTED,
    HELD_S,
    MOST,
    OBSERVED,
    PROGRESS_FIELDS,
    REFRESH,
    SCORE,
    SHARE,
    T2,
    WATCH,
    WIDTH,
    Learned,
    Model,
    Q,
    Watching,
    watch,
)
from detectors.assets.rotation import rotate
from detectors.declaration import ParameterError, check, declare
from detectors.kernels import Records, nanoseconds
from model.detector import AssetView, Columns

#: Values of one vector at most: the work of an instant grows with its square.
SIZE_MAX = 256
#: Eigenvalues closer than this are one: a component is not leading by rounding alone.
_TIE = 1e-9
#: Limits are not below it: sensors that always agreed to the last bit may differ by a little.
_LIMIT_MIN = 1e-6

_COLUMNS = {
    "": SCORE,
    "most": MOST,
    "t2": T2,
    "q": Q,
    "contributor": CONTRIBUTOR,
    "share": SHARE,
    "observed": OBSERVED,
    "expected": EXPECTED,
    "held_s": HELD_S,
}


@dataclass(slots=True)
class PcaState:
    """What is known of one asset; p = inputs times (lags + 1), values in the units of the sensors.

    Attributes:
        progress: record [1] of ``detectors.assets.components.PROGRESS_FIELDS``.
        level: float64 [inputs], smoothed values.
        vector: float64 [p], smoothed values now and before, newest first; NaN = not heard.
        said: int64 [p], rows learned in which it was heard.
        mean: float64 [p].
        scatter: float64 [p, p], sums of products around the mean.
        center: float64 [p], what the asset is compared with.
        scale: float64 [p], standard deviations; 0 = left out.
        t2_form: float64 [p, p].
        q_form: float64 [p, p].

    """

    progress: Records
    level: NDArray[np.float64]
    vector: NDArray[np.float64]
    said: NDArray[np.int64]
    mean: NDArray[np.float64]
    scatter: NDArray[np.float64]
    center: NDArray[np.float64]
    scale: NDArray[np.float64]
    t2_form: NDArray[np.float64]
    q_form: NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Pca:
    """Distance of all sensors of an asset from what they were seen to do together: 1 = the limit.

    The smoothed values of all sensors, now and at the last ``lags`` instants, are one vector. Its mean, deviations and
    correlations are learned through ``warmup_s``, and parted into the leading components, which hold ``explained`` of
    the variance, and the rest::

        t2 = sum over the leading components (score ** 2 / eigenvalue)              a state that is far out
        q  = sum over the others             (score ** 2 / (eigenvalue + ridge))    sensors that no longer agree
        score = max(t2 / its limit, q / its limit)

    Columns ``t2`` and ``q`` are given as multiples of their limits. The limits are those that ``confidence`` of calm
    instants stay below: the last third of the warm-up is scored with what the first two thirds taught, and a scaled
    chi-square law is fitted to its mean and variance. No normal law is needed of single sensors.

    During the warm-up it says nothing. A sensor that was silent for more than half of it, or never moved, is left out.
    Later a missing sensor is put where the others expect it: the rest is judged as before, and nothing clears
    (``most``). With more than half missing it says nothing. After a pause of more than three instants smoothing begins
    anew, and it says nothing for three ``smooth_s``.

    ``contributor`` is the place (from 1) of the sensor without which the larger statistic would fall most, ``share``
    its part; ``observed`` and ``expected`` are its smoothed value and where the others expect it. ``held_s`` is how
    long the asset has been beyond the limit. Such instants do not teach; after ``hold_s`` of nothing but them the
    normal is held to be stale and learned anew, without a score meanwhile.

    Normal instants teach where that is asked for: with ``adapt_s`` the centre alone, with ``follow_s`` centre,
    deviations, correlations and limits, all forgetting with that time constant. The components are then worked out anew
    16 times in ``follow_s``, though not before as many instants as the vector has values have taught. Limits are by the
    same law from the mean and variance that both statistics had lately, each instant scored before it taught. Instants
    with a missing sensor do not teach. Whatever grows to its limit more slowly than ``follow_s`` is learned: choose it
    longer than the slowest fault that is to be found.

    Use it: for machines and processes that run at one working point, with sensors of any units.
    Slow process, rows every 3 min: the defaults with ``every_s`` 180, ``lags`` 2, ``warmup_s`` 90000. Pump or motor, a
    row a second: ``smooth_s`` 5, ``warmup_s`` 390, without body temperatures, which still warm up then.

    Fails: where the working point is changed on purpose; with sensors that wander by themselves; where the warm-up is
    short (a few rows for each value of the vector are the least). A slow drift of all sensors along their usual
    correlation shows in ``t2`` alone, and late.

    Raises:
        ParameterError: a parameter is out of range.

    Source: Jackson and Mudholkar, Technometrics 21 (1979) 341; Box, Ann. Math. Statist. 25 (1954) 290, and Nomikos and
    MacGregor, Technometrics 37 (1995) 41 for the limits; more in ``components.py``.
    """

    every_s: float = field(
        default=1.0, metadata=declare(unit="s", doc="how often the asset is looked at", low=0.01, high=3600)
    )
    lags: float = field(
        default=0.0, metadata=declare(unit="", doc="instants before that belong to the vector", low=0, high=10)
    )
    smooth_s: float = field(
        default=0.0, metadata=declare(unit="s", doc="time constant of the smoothed values; 0 = as they are", low=0)
    )
    warmup_s: float = field(
        default=86400.0, metadata=declare(unit="s", doc="time to learn before the first score", low=0)
    )
    explained: float = field(
        default=0.5, metadata=declare(unit="", doc="part of the variance in the leading components", low=0, high=1)
    )
    ridge: float = field(
        default=0.02,
        metadata=declare(
            unit="", doc="added to the small eigenvalues; large = plain squared error", low=1e-6, high=1e6
        ),
    )
    confidence: float = field(
        default=0.9995, metadata=declare(unit="", doc="part of calm instants below the limits", low=0.5, high=0.999999)
    )
    adapt_s: float = field(
        default=0.0,
        metadata=declare(unit="s", doc="time constant with which the centre follows; 0 = not at all", low=0),
    )
    hold_s: float = field(
        default=604800.0, metadata=declare(unit="s", doc="after so long outside, the normal is learned anew", low=0)
    )

    follow_s: float = field(
        default=0.0,
        metadata=declare(
            unit="s", doc="time constant with which centre, relations and limits follow; 0 = not at all", low=0
        ),
    )

    state_version = 1

    def __post_init__(self) -> None:
        check("pca", self)
        if 0 < self.follow_s < self.warmup_s:
            requirement = f"must be 0 or at least warmup_s ({self.warmup_s:g} s)"
            raise ParameterError("pca", "follow_s", requirement, self.follow_s)
        if self.follow_s and self.adapt_s:
            raise ParameterError("pca", "adapt_s", "must be 0 where follow_s is given", self.adapt_s)
        if self.lags != round(self.lags):
            raise ParameterError("pca", "lags", "must be a whole number", self.lags)

    def units(self, unit: str) -> dict[str, str]:
        return dict.fromkeys(_COLUMNS, "") | {"observed": unit, "expected": unit, "held_s": "s"}

    def explained_by(self) -> dict[str, str]:
        return {"since": "held_s"}

    def fits(self, asset: AssetView) -> bool:
        return 2 <= len(asset.inputs) <= SIZE_MAX / (self.lags + 1)

    def init(self, asset: AssetView) -> PcaState:
        inputs = len(asset.inputs)
        size = inputs * (int(self.lags) + 1)
        progress = np.zeros(1, PROGRESS_FIELDS)
        progress["last_ns"] = np.iinfo(np.int64).min
        return PcaState(
            progress=progress,
            level=np.full(inputs, np.nan),
            vector=np.full(size, np.nan),
            said=np.zeros(size, np.int64),
            mean=np.zeros(size),
            scatter=np.zeros((size, size)),
            center=np.zeros(size),
            scale=np.zeros(size),
            t2_form=np.zeros((size, size)),
            q_form=np.zeros((size, size)),
        )

    def update(
        self,
        state: PcaState,
        asset: AssetView,  # noqa: ARG002
        time_ns: NDArray[np.int64],
        value: NDArray[np.float64],
    ) -> Columns:
        """Score instants: float64 [n] a column."""
        out = np.empty((len(time_ns), WIDTH))
        learned = Learned(state.level, state.vector, state.said, state.mean, state.scatter)
        model = Model(state.center, state.scale, state.t2_form, state.q_form)
        watching = Watching(
            nanoseconds(self.every_s),
            nanoseconds(self.warmup_s),
            nanoseconds(self.hold_s),
            self.smooth_s * 1e9,
            self.adapt_s * 1e9,
            self.follow_s * 1e9,
        )
        times, values = np.ascontiguousarray(time_ns), np.ascontiguousarray(value)
        begin = 0
        while begin < len(times):
            stage = int(state.progress["stage"][0])
            begin = watch(times, values, begin, out, state.progress, learned, model, watching)
            reached = int(state.progress["stage"][0])
            if stage != reached and reached in {CALIBRATE, WATCH, REFRESH}:
                self._work_out(state)
                self._limit(state.progress[0])
        return {name: np.ascontiguousarray(out[:, at]) for name, at in _COLUMNS.items()}

    def _work_out(self, state: PcaState) -> None:
        """Turn what was learned so far into the forms, and what was calibrated into the limits."""
        own = state.progress[0]
        variance = state.scatter.diagonal() / max(int(own["rows"]) - 1, 1)
        moves = variance > np.square(1e-9 * np.abs(state.mean))
        used = moves & (2 * state.said >= own["rows"])
        state.center[:] = state.mean
        state.scale[:] = np.where(used, np.sqrt(variance), 0.0)
        inverse = np.divide(1.0, state.scale, out=np.zeros_like(state.scale), where=used)
        matrix = np.ascontiguousarray(state.scatter / max(int(own["rows"]) - 1, 1) * inverse[:, None] * inverse)
        vectors = np.empty_like(matrix)
        rotate(matrix, vectors)
        self._part(state, matrix.diagonal().copy(), vectors)

    def _limit(self, own: np.void) -> None:
        """Turn what was calibrated into the limits; where the model follows, its spread goes on from there."""
        if own["stage"] == WATCH:
            for name in ("t2_square", "q_square"):
                own[name] /= max(int(own["calibrated"]) - 1, 1)
        if own["stage"] != CALIBRATE:
            own["t2_limit"] = _limit(own["t2_mean"], own["t2_square"], self.confidence)
            own["q_limit"] = _limit(own["q_mean"], own["q_square"], self.confidence)
        own["calibrated"] = 0
        if own["stage"] == CALIBRATE or self.follow_s == 0:
            for name in ("t2_mean", "t2_square", "q_mean", "q_square"):
                own[name] = 0
        else:
            own["learned_ns"] = 0
            own["stage"] = WATCH

    def _part(self, state: PcaState, eigenvalue: NDArray[np.float64], vectors: NDArray[np.float64]) -> None:
        """Write the two forms; the order of summing is fixed, so that it is the same on every machine."""
        state.t2_form[:] = 0.0
        state.q_form[:] = 0.0
        order = np.argsort(-eigenvalue, kind="stable")
        goal, sum_so_far, last = self.explained * float(np.sum(eigenvalue)), 0.0, np.inf
        for at in order:
            own, vector = max(float(eigenvalue[at]), 0.0), vectors[:, at]
            if sum_so_far < goal - _TIE or own > last - _TIE:
                state.t2_form += vector[:, None] * vector / own if own > _TIE else 0.0
                last = own
            else:
                state.q_form += vector[:, None] * vector / (own + self.ridge)
                last = np.inf
            sum_so_far += own


def _limit(mean: float, variance: float, confidence: float) -> float:
    """Limit of a scaled chi-square law with this mean and variance (Box), by Wilson and Hilferty."""
    if mean < _LIMIT_MIN or variance < (_TIE * mean) ** 2:
        return max(mean, _LIMIT_MIN)
    freedom = 2.0 * mean * mean / variance
    part = 2.0 / (9.0 * freedom)
    return float(max(mean * (1.0 - part + NormalDist().inv_cdf(confidence) * part**0.5) ** 3, _LIMIT_MIN))
