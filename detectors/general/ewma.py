"""Small lasting deviations from what is normal for this very sensor."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from detectors.declaration import KIND_UNIT, ParameterError, check, declare
from detectors.general.baseline import (
    EWMA_ADDED,
    EWMA_FIELDS,
    Learning,
    ewma_rows,
    fresh,
    how_learned,
    known_ns,
    sigma_of,
)
from detectors.kernels import Records, columns, nanoseconds
from model.batch import Batch
from model.detector import Columns, SensorGroup
from model.explanation import Explanation
from model.inputs import Tick
from model.scores import Scores
from model.state import added_fields


@dataclass(slots=True)
class EwmaState:
    """What is known of each sensor.

    Attributes:
        sensors: records [m] of ``baseline.EWMA_FIELDS``, which gives the meaning and unit of each field.

    """

    sensors: Records = field(metadata=added_fields(*EWMA_ADDED))


@dataclass(frozen=True, slots=True, kw_only=True)
class Ewma:
    """Deviation of the smoothed value from its learned mean, in sigma, signed.

    ::

        level += max(1 / n, dt / (smooth_s + dt)) * (value - level)
        score  = (level - mean) / sigma

    With n, the rows learned, the level begins as their mean. ``mean`` and ``sigma`` are learned from the level itself
    (``baseline.py`` says how, and what cannot be seen). The classical chart works sigma out from white noise,
    ``sqrt(lambda / (2 - lambda))``; taken from the level it also holds for noise with a memory, which pressures and
    outdoor gas have.

    Use it: for shifts of one to three deviations that last a few ``smooth_s``. An alarm limit of 3 to 5 is usual.
    Suggested: outdoor gas at 1 min: the defaults. Pressure at 50 Hz: smooth 0.5, warm-up 40, mean 20, sigma 300,
    hold 60. Thermocouples at 5 s: smooth 0, warm-up 40, mean 600, sigma 3600, floor 1 degC.

    Fails: on one wild reading, which stays in the level for some ``smooth_s``; where the warm-up never sees
    the normal; on values with two normals (a pump on and off): a switch counts as abnormal for ``hold_s``.

    Raises:
        ParameterError: the warm-up is shorter than five times the smoothing; its spread would come out too small.

    Source: Roberts, Technometrics 1 (1959) 239; Lucas and Saccucci, Technometrics 32 (1990) 1.
    """

    smooth_s: float = field(
        default=120.0,
        metadata=declare(unit="s", doc="time constant of the smoothed value; 0 = each row", low=0),
    )
    warmup_s: float = field(
        default=3600.0, metadata=declare(unit="s", doc="time to learn before the first score; at least 8 rows", low=0)
    )
    mean_s: float = field(
        default=3600.0, metadata=declare(unit="s", doc="time constant with which the mean follows", low=0.001)
    )
    sigma_s: float = field(
        default=86400.0, metadata=declare(unit="s", doc="time constant with which sigma follows", low=0.001)
    )
    sigma_floor: float = field(
        default=0.0, metadata=declare(unit=KIND_UNIT, doc="smallest sigma that is believed", low=0)
    )
    hold_sigma: float = field(default=3.0, metadata=declare(unit="sigma", doc="rows beyond this do not teach", low=2.5))
    hold_s: float = field(
        default=14400.0, metadata=declare(unit="s", doc="after so long outside, the normal is learned anew", low=0)
    )

    state_version = 1
    state_outlasts_settings = False

    def __post_init__(self) -> None:
        check("ewma", self)
        if self.warmup_s < 5 * self.smooth_s:
            requirement = f"must be at least five times smooth_s ({self.smooth_s:g} s)"
            raise ParameterError("ewma", "warmup_s", requirement, self.warmup_s)

    def score_unit(self, unit: str) -> str:  # noqa: ARG002
        return "sigma"

    def init(self, sensors: SensorGroup) -> EwmaState:
        return EwmaState(fresh(EWMA_FIELDS, sensors))

    def update(self, state: EwmaState, batch: Batch) -> Scores:
        """Score rows: float64 [n], sigma.

        Raises:
            IndexError: a row names no slot of the state.

        """
        scores = np.empty(len(batch))
        ewma_rows(*columns(batch), scores, state.sensors, self.smooth_s * 1e9, self._learning())
        return scores

    def advance(self, state: EwmaState, tick: Tick) -> Scores | None:  # noqa: ARG002
        return None

    def learned(self, state: EwmaState) -> Columns:
        return how_learned(state.sensors, self._learning())

    def _learning(self) -> Learning:
        return Learning(
            nanoseconds(self.warmup_s),
            nanoseconds(self.hold_s),
            float(self.hold_sigma),
            self.mean_s * 1e9,
            self.sigma_s * 1e9,
            float(self.sigma_floor),
        )

    def explain(self, state: EwmaState, slot: int, score: float) -> Explanation:
        """The smoothed value against its mean, between the ends of what teaches.

        ``confidence`` is Chebyshev's bound, which holds for noise of any law: at least so many rows are not so far out.
        """
        own = state.sensors[slot]
        mean, reach = float(own["mean"]), self.hold_sigma * sigma_of(own, self.sigma_floor)
        return Explanation(
            observed=float(own["level"]),
            expected=mean,
            low=mean - reach,
            high=mean + reach,
            since_ns=known_ns(own["crossed_ns"]),
            confidence=1.0 - 1.0 / score**2 if abs(score) > 1.0 else None,
        )
