"""How high a gas sensor stands above its clean air."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from detectors.declaration import KIND_UNIT, check, declare
from detectors.gas.clean_air import RISE_ADDED, RISE_FIELDS, Learning, rise_rows
from detectors.kernels import GAP_PERIODS, Records, columns, nanoseconds
from model.batch import Batch
from model.detector import Columns, SensorGroup
from model.explanation import Explanation
from model.inputs import Tick
from model.scores import Scores
from model.state import added_fields

_UNSET_NS = np.iinfo(np.int64).min


@dataclass(slots=True)
class RiseState:
    """The clean air of each sensor, and the smoothed distance from it.

    Attributes:
        sensors: records [m] of ``RISE_FIELDS``.

    """

    sensors: Records = field(metadata=added_fields(*RISE_ADDED))


@dataclass(frozen=True, slots=True, kw_only=True)
class Rise:
    """Smoothed rise over the clean air of this sensor, in the unit of the kind; negative below it.

    Clean air is a low quantile of the readings that a release cannot drag along; ``clean_air`` says how it is learned::

        score += (1 - exp(-dt / smooth_s)) (reading - clean air - score)

    It abstains until the sensor was heard for ``warmup_s``. A rise of more than ``floor`` (and ``spreads`` mean
    spreads) does not teach, for ``hold_s`` at most.

    Use it: for a leak that raises a single sensor slowly or for long, and where no site watches (``gas_evidence`` sees
    smaller rises, with all sensors of a site and its wind).

    Fails: on a background that changes by more than ``floor`` within ``background_s``, for ``hold_s``; on rises slower
    than a few spreads in ``background_s``, which are followed (see ``creep``).

    Raises:
        ParameterError: a parameter is out of range.

    Source: Robbins and Monro, Ann. Math. Statist. 22 (1951) 400; see ``clean_air``.
    """

    smooth_s: float = field(
        default=600.0, metadata=declare(unit="s", doc="time constant of the smoothed rise; 0 = each row", low=0)
    )
    background_s: float = field(
        default=3600.0, metadata=declare(unit="s", doc="time constant with which clean air is followed", low=1)
    )
    warmup_s: float = field(
        default=3600.0, metadata=declare(unit="s", doc="time to learn before the first score", low=0)
    )
    floor: float = field(default=0.3, metadata=declare(unit=KIND_UNIT, doc="a smaller rise always teaches", low=1e-6))
    spreads: float = field(
        default=5.0, metadata=declare(unit="", doc="so does a rise of fewer mean spreads", low=1, high=100)
    )
    hold_s: float = field(
        default=14400.0,
        metadata=declare(unit="s", doc="after so long above, it is learned as clean air", low=0),
    )

    state_version = 1
    state_outlasts_settings = False

    def __post_init__(self) -> None:
        check("rise", self)

    def score_unit(self, unit: str) -> str:
        return unit

    def init(self, sensors: SensorGroup) -> RiseState:
        made = np.zeros(len(sensors), RISE_FIELDS)
        made["last_ns"] = made["gas_ns"] = _UNSET_NS
        made["gap_ns"] = np.rint(GAP_PERIODS * 1e9 * sensors.period_s)
        return RiseState(made)

    def update(self, state: RiseState, batch: Batch) -> Scores:
        """Score rows: float64 [n], unit of the kind.

        Raises:
            IndexError: a row names no slot of the state.

        """
        scores = np.empty(len(batch))
        rise_rows(*columns(batch), scores, state.sensors, self.smooth_s * 1e9, self._learning())
        return scores

    def advance(self, state: RiseState, tick: Tick) -> Scores | None:  # noqa: ARG002
        return None

    def learned(self, state: RiseState) -> Columns:
        own, learning = state.sensors, self._learning()
        found = {
            "warming": own["known_ns"] < learning.warmup_ns,
            "held_s": own["held_ns"] / 1e9,
            "stale": own["held_ns"] > learning.hold_ns,
        }
        return {name: np.where(own["last_ns"] == _UNSET_NS, np.nan, column) for name, column in found.items()}

    def _learning(self) -> Learning:
        return Learning(
            nanoseconds(self.warmup_s),
            nanoseconds(self.hold_s),
            self.background_s * 1e9,
            float(self.floor),
            float(self.spreads),
        )

    def explain(self, state: RiseState, slot: int, score: float) -> Explanation:  # noqa: ARG002
        """The smoothed reading against clean air, up to what still teaches."""
        own = state.sensors[slot]
        air = float(own["background"])
        return Explanation(
            observed=air + float(own["level"]),
            expected=air,
            high=air + max(self.floor, self.spreads * float(own["spread"])),
            since_ns=None if own["gas_ns"] == _UNSET_NS else int(own["gas_ns"]),
        )
