"""The oldest detector: how far a value is beyond its limit."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from detectors.declaration import KIND_UNIT, ParameterError, check, declare
from detectors.kernels import VALUE_MAX
from model.batch import Batch
from model.detector import SensorGroup
from model.inputs import Tick
from model.scores import Scores


@dataclass(slots=True)
class LimitState:
    """A limit remembers nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """Signed distance to a limit, in the unit of the kind: above 0 = beyond it.

    ``score = max(value - high, low - value)``, with only the limits that are given. Inside the limits the score is
    negative and says how much room is left.

    Use it: where a standard gives the limit (%LEL, gauge pressure, hydrant pressure). It has no warm-up and no memory,
    so it is what still works when everything learned is in doubt.

    Fails: on noise around the limit (give the rule a deadband and delays) and on all that is dangerous below the limit.

    Raises:
        ParameterError: neither limit is given, or low is not below high.

    Source: Shewhart, Economic Control of Quality of Manufactured Product, 1931, for limits on single values.
    """

    high: float | None = field(default=None, metadata=declare(unit=KIND_UNIT, doc="upper limit; none = not judged"))
    low: float | None = field(default=None, metadata=declare(unit=KIND_UNIT, doc="lower limit; none = not judged"))

    state_version = 1
    state_outlasts_settings = True

    def __post_init__(self) -> None:
        check("limit", self)
        if self.high is None and self.low is None:
            raise ParameterError("limit", "high", "must be given where low is not", None)
        if self.high is not None and self.low is not None and self.low >= self.high:
            raise ParameterError("limit", "low", f"must be below high ({self.high:g})", self.low)

    def score_unit(self, unit: str) -> str:
        return unit

    def init(self, sensors: SensorGroup) -> LimitState:  # noqa: ARG002
        return LimitState()

    def update(self, state: LimitState, batch: Batch) -> Scores:  # noqa: ARG002
        """Score rows: float64 [n], unit of the kind."""
        usable = np.abs(batch.value) <= VALUE_MAX
        value = np.where(usable, batch.value, np.nan)
        if self.high is None:
            return np.asarray(self.low, np.float64) - value
        if self.low is None:
            return value - self.high
        return np.maximum(value - self.high, self.low - value)

    def advance(self, state: LimitState, tick: Tick) -> Scores | None:  # noqa: ARG002
        return None
