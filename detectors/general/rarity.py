"""How seldom a sensor goes so far: for quantities with limits of their own, whatever their law."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from detectors.declaration import check, declare
from detectors.general.tail import (
    BOTH,
    HIGH,
    LOW,
    RARITY_FIELDS,
    TAIL_ADDED,
    Learning,
    fresh,
    how_learned,
    rarity_rows,
    tail_of,
)
from detectors.kernels import Records, columns, nanoseconds
from model.batch import Batch
from model.detector import Columns, SensorGroup
from model.explanation import Explanation
from model.inputs import Tick
from model.scores import Scores
from model.state import added_fields

_SIDES = {"high": HIGH, "low": LOW, "both": BOTH}


@dataclass(slots=True)
class RarityState:
    """What is known of each sensor.

    Attributes:
        sensors: records [m] of ``tail.RARITY_FIELDS``, which gives the meaning and unit of each field.

    """

    sensors: Records = field(metadata=added_fields(*TAIL_ADDED))


@dataclass(frozen=True, slots=True, kw_only=True)
class Rarity:
    """How rare the smoothed value is, in powers of ten: 3 = one row in a thousand goes so far.

    ::

        level += max(1 / n, dt / (smooth_s + dt)) * (value - level)
        score  = -log10 of the part of rows that go as far, from 0 (in neither tail) to 20

    Both tails are learned by themselves, robustly and in a fixed memory (``tail.py`` says how), so skewed
    quantities such as counts, volumes and response times need no other limit than others do: the limit is an alarm
    budget. At one row in 5 min, 3.5 is one row in eleven days where rows are independent.

    Use it: for a quantity of which nothing is known but its past. Choose ``smooth_s`` about three scans, and
    ``forget_s`` so long that it covers the usual week.

    Fails: where the usual is different at different hours (``seasonal``); on a shift inside the usual range
    (``cusum``); on a rise as slow as ``forget_s``.

    Source: ``tail.py``.
    """

    side: str = field(
        default="both", metadata=declare(unit="", doc="which tails count", choices=("high", "low", "both"))
    )
    smooth_s: float = field(
        default=900.0, metadata=declare(unit="s", doc="time constant of the smoothed value; 0 = each row", low=0)
    )
    tail: float = field(
        default=0.1, metadata=declare(unit="", doc="part of the rows that a tail is learned from", low=0.01, high=0.3)
    )
    warmup_s: float = field(
        default=43200.0, metadata=declare(unit="s", doc="time to learn before the first score; at least 32 rows", low=0)
    )
    forget_s: float = field(
        default=604800.0, metadata=declare(unit="s", doc="time constant with which the tails follow", low=0.001)
    )
    hold: float = field(default=3.0, metadata=declare(unit="", doc="rows with a higher score do not teach", low=1))
    hold_s: float = field(
        default=172800.0, metadata=declare(unit="s", doc="after so long outside, such rows teach, too", low=0)
    )

    state_version = 1
    state_outlasts_settings = False

    def __post_init__(self) -> None:
        check("rarity", self)

    def score_unit(self, unit: str) -> str:  # noqa: ARG002
        return ""

    def init(self, sensors: SensorGroup) -> RarityState:
        return RarityState(fresh(RARITY_FIELDS, sensors))

    def update(self, state: RarityState, batch: Batch) -> Scores:
        """Score rows: float64 [n], powers of ten.

        Raises:
            IndexError: a row names no slot of the state.

        """
        scores = np.empty(len(batch))
        rarity_rows(*columns(batch), scores, state.sensors, self._learning())
        return scores

    def advance(self, state: RarityState, tick: Tick) -> Scores | None:  # noqa: ARG002
        return None

    def learned(self, state: RarityState) -> Columns:
        return how_learned(state.sensors, self._learning())

    def _learning(self) -> Learning:
        return Learning(
            _SIDES[self.side],
            float(self.tail),
            self.smooth_s * 1e9,
            nanoseconds(self.warmup_s),
            self.forget_s * 1e9,
            float(self.hold),
            nanoseconds(self.hold_s),
        )

    def explain(self, state: RarityState, slot: int, score: float) -> Explanation:
        """The smoothed value, and where the tails begin; ``confidence`` is the part of rows that do not go so far."""
        own = state.sensors[slot]
        tail = tail_of(own, _SIDES[self.side])
        return Explanation(
            observed=float(own["level"]),
            low=-float(own["begin"][1]),
            high=float(own["begin"][0]),
            since_ns=None if tail is None else int(own["rare_ns"][tail]),
            confidence=1.0 - 10.0**-score if score > 0.0 else None,
        )
