"""Small deviations added up: the quickest test there is for a shift of known size."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from detectors.declaration import KIND_UNIT, ParameterError, check, declare
from detectors.general.baseline import (
    BOTH,
    CUSUM_ADDED,
    CUSUM_FIELDS,
    HIGH,
    LOW,
    Learning,
    Page,
    cusum_rows,
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

_SIDES = {"high": HIGH, "low": LOW, "both": BOTH}
_USUAL_SIGMA = 3.0  # a block within that is told to be usual


@dataclass(slots=True)
class CusumState:
    """What is known of each sensor.

    Attributes:
        sensors: records [m] of ``baseline.CUSUM_FIELDS``, which gives the meaning and unit of each field.

    """

    sensors: Records = field(metadata=added_fields(*CUSUM_ADDED))


@dataclass(frozen=True, slots=True, kw_only=True)
class Cusum:
    """Two-sided cumulative sum over a learned normal, in sigma, never negative.

    ::

        x     = (block mean - mean) / sigma, at most clip_sigma either way
        above = min(cap_sigma, max(0, above + x - drift_sigma))
        below = min(cap_sigma, max(0, below - x - drift_sigma))
        score = above (side high), below (side low) or the larger one (both)

    ``mean`` and ``sigma`` are learned (``baseline.py`` says how, and what cannot be seen). A block is all
    rows up to the one that comes ``every_s`` or more after the end of the block before; with 0 each row is a block.
    Within a block the score stays.

    Use it: for shifts of ``2 * drift_sigma`` that last, such as a small leak. In white noise of known spread a limit of
    5 with drift 0.5 gives one false alarm in 465 blocks (side both) and finds a shift of one sigma in about ten, of
    two in four; 9.5 gives one in 43,000. The cap lets the sum come back, from 20 to 5 in about thirty blocks of normal;
    a rule's limit must be below it. ``clip_sigma`` below 5 + drift means that one wild reading alone cannot reach 5.
    ``head_start_sigma`` (half the limit) halves the delay for what is already wrong when the warm-up ends. Suggested:
    outdoor gas at 1 min: the defaults, side high. Pressure at 50 Hz: every 0.5, warm-up 40, mean 20, sigma 300,
    hold 60. Thermocouples at 5 s: warm-up 40, mean 600, sigma 3600, floor 1 degC, side high.

    Fails: on noise with a memory, which it adds up as if it were a shift: choose ``every_s`` as long as the memory, and
    higher limits. A sigma from few rows is itself uncertain: after eight rows false alarms are several times as
    frequent as after a hundred.

    Raises:
        ParameterError: drift_sigma is not below clip_sigma, or hold_sigma or head_start_sigma not below cap_sigma.

    Source: Page, Biometrika 41 (1954) 100; Lucas and Crosier, Technometrics 24 (1982) 199 for the head start;
    Lucas and Crosier, Comm. Statist. Theory Methods 11 (1982) 2669 for outliers; Siegmund, Sequential Analysis, 1985.
    """

    side: str = field(
        default="both", metadata=declare(unit="", doc="which deviations count", choices=("high", "low", "both"))
    )
    drift_sigma: float = field(
        default=0.5, metadata=declare(unit="sigma", doc="allowed at each block; half the shift to find", low=0, high=10)
    )
    clip_sigma: float = field(
        default=4.0, metadata=declare(unit="sigma", doc="a block counts as at most this much", low=0.1, high=1e6)
    )
    cap_sigma: float = field(
        default=20.0,
        metadata=declare(unit="sigma", doc="the sum stops here, so it can come back", low=1, high=1e6),
    )
    head_start_sigma: float = field(
        default=0.0, metadata=declare(unit="sigma", doc="both sums begin here after the warm-up", low=0)
    )
    every_s: float = field(
        default=0.0, metadata=declare(unit="s", doc="rows of this time are averaged to a block; 0 = each row", low=0)
    )
    warmup_s: float = field(
        default=3600.0, metadata=declare(unit="s", doc="time to learn before the first score; at least 8 blocks", low=0)
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
    hold_sigma: float = field(
        default=4.0, metadata=declare(unit="sigma", doc="blocks with a score beyond this do not teach", low=2)
    )
    hold_s: float = field(
        default=14400.0, metadata=declare(unit="s", doc="after so long outside, the normal is learned anew", low=0)
    )

    state_version = 1
    state_outlasts_settings = False

    def __post_init__(self) -> None:
        check("cusum", self)
        for smaller, larger in (
            ("drift_sigma", "clip_sigma"),
            ("hold_sigma", "cap_sigma"),
            ("head_start_sigma", "cap_sigma"),
        ):
            given, bound = getattr(self, smaller), getattr(self, larger)
            if given >= bound:
                raise ParameterError("cusum", smaller, f"must be below {larger} ({bound:g})", given)

    def score_unit(self, unit: str) -> str:  # noqa: ARG002
        return "sigma"

    def init(self, sensors: SensorGroup) -> CusumState:
        return CusumState(fresh(CUSUM_FIELDS, sensors))

    def update(self, state: CusumState, batch: Batch) -> Scores:
        """Score rows: float64 [n], sigma.

        Raises:
            IndexError: a row names no slot of the state.

        """
        scores = np.empty(len(batch))
        page = Page(
            _SIDES[self.side],
            nanoseconds(self.every_s),
            float(self.drift_sigma),
            float(self.clip_sigma),
            float(self.cap_sigma),
            float(self.head_start_sigma),
        )
        cusum_rows(*columns(batch), scores, state.sensors, page, self._learning())
        return scores

    def advance(self, state: CusumState, tick: Tick) -> Scores | None:  # noqa: ARG002
        return None

    def learned(self, state: CusumState) -> Columns:
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

    def explain(self, state: CusumState, slot: int, score: float) -> Explanation:  # noqa: ARG002
        """The mean of the blocks since the larger sum was last 0, against the learned one and three sigma around it."""
        own = state.sensors[slot]
        side = "below" if self.side == "low" or (self.side == "both" and own["below"] > own["above"]) else "above"
        mean, sigma, blocks = float(own["mean"]), sigma_of(own, self.sigma_floor), int(own[f"{side}_blocks"])
        grows = own[side] > 0.0 and blocks > 0
        return Explanation(
            observed=mean + sigma * float(own[f"{side}_sum"]) / blocks if grows else None,
            expected=mean,
            low=mean - _USUAL_SIGMA * sigma,
            high=mean + _USUAL_SIGMA * sigma,
            since_ns=known_ns(own[f"{side}_ns"]) if grows else None,
        )
