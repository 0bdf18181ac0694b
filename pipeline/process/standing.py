"""How things stand with each sensor of a kind, for rules on that: baselines that are learned, calibrations that end."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from model.detector import Learning
from model.inputs import Tick
from model.sensor import Sensor
from model.standing import CALIBRATION_OVERDUE, LEARNED
from pipeline.process.explain import Bound

MINUTE_NS = 60 * 10**9
_DAY_NS = 86_400 * 10**9
_EPOCH_ORDINAL = 719_163  # 1970-01-01


def is_new_minute(before_ns: int, now_ns: int) -> bool:
    """Whether a minute of the wall clock has begun between two ticks: then it is looked how things stand."""
    return before_ns // MINUTE_NS != now_ns // MINUTE_NS


@dataclass(slots=True)
class Standing:
    """What rules of one kind name of this.

    Attributes:
        learning: the detectors of which they do.
        calibrated_until: float64 [m], day since 1970, NaN = not known; None where no rule asks.

    """

    learning: tuple[Bound, ...]
    calibrated_until: NDArray[np.float64] | None

    @classmethod
    def of(cls, named: Iterable[str], detectors: Sequence[Bound], sensors: Sequence[Sensor]) -> Standing:
        """Pick out of the operands that rules name what is read off, for these sensors."""
        asked = frozenset(named)
        learning = tuple(one for one in detectors if any(f"{one.spec.id}.{name}" in asked for name in LEARNED))
        days = [
            np.nan if one.calibrated_until is None else one.calibrated_until.toordinal() - _EPOCH_ORDINAL
            for one in sensors
        ]
        return cls(learning, np.array(days, np.float64) if CALIBRATION_OVERDUE in asked else None)

    def read_off(self, tick: Tick) -> dict[str, NDArray[np.float64]]:
        """Operand -> float64 [m]; NaN = nothing is known."""
        found: dict[str, NDArray[np.float64]] = {}
        for bound in self.learning:
            if isinstance(bound.detector, Learning):
                found |= {f"{bound.spec.id}.{name}": x for name, x in bound.detector.learned(bound.state).items()}
        if self.calibrated_until is not None:
            found[CALIBRATION_OVERDUE] = tick.wall_ns / _DAY_NS - (self.calibrated_until + 1.0)
        return found
