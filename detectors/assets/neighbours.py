"""Sensors that should tell the same: one that drifts away from its neighbours."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from detectors.assets.pairs import (
    APART,
    CONTRIBUTOR,
    DRIFT,
    EXPECTED,
    HELD_S,
    MOST,
    OBSERVED,
    PAIR_FIELDS,
    SCORE,
    WIDTH,
    Comparing,
    compare,
)
from detectors.declaration import KIND_UNIT, ParameterError, check, declare
from detectors.kernels import Records, nanoseconds
from model.detector import AssetView, Columns

#: Sensors of one asset at most: the work of an instant grows with their square.
SIZE_MAX = 64
_SETTLE = 5  # times ``smooth_s``: a shorter warm-up would see too small a spread

_COLUMNS = {
    "": SCORE,
    "most": MOST,
    "apart": APART,
    "drift": DRIFT,
    "contributor": CONTRIBUTOR,
    "observed": OBSERVED,
    "expected": EXPECTED,
    "held_s": HELD_S,
}


@dataclass(slots=True)
class NeighboursState:
    """What is known of every two sensors of the same kind.

    Attributes:
        pairs: records of ``pairs.PAIR_FIELDS``, of inputs i < j, row by row.

    """

    pairs: Records


@dataclass(frozen=True, slots=True, kw_only=True)
class Neighbours:
    """How far the sensor that is furthest off has drifted away from the others of its kind on the asset, in sigma.

    Every two sensors of a kind are compared. Their difference is smoothed, its mean and spread are learned::

        level += max(1 / n, dt / (smooth_s + dt)) * clip(difference - level, clip_sigma * sigma)
        off    = (level - mean) / sigma          sigma = learned spread of the level, never below floor
        score  = largest over the sensors of what more than half of the others say, above or below

    With three sensors both others must say it, so a drifting one does not make the sound ones look wrong. With two the
    score says that they part, and not which one is wrong: there is no ``contributor``. What all sensors see cancels.
    What one sensor sees alone, because it is nearest, moves its level by ``clip_sigma * sigma`` in ``smooth_s`` at
    most: a plume shorter than ``smooth_s * limit / clip_sigma`` does not reach the limit, however high it goes. Two
    shorter ones soon after each other add up.

    Columns: ``apart``, how far off in the unit of the kind, signed; ``drift``, by how much that changes in a day;
    ``contributor``, the place (from 1) of that sensor, ``observed`` and ``expected``, what it says and would say
    without that; ``held_s``, for how long a pair has been beyond ``hold_sigma``. Such instants do not teach; after
    ``hold_s`` of nothing but them a pair is held to be stale and is learned anew, and nothing clears meanwhile
    (``most``). A silent sensor counts as far off as it was last.

    Use it: three or more sensors that watch the same air, liquid or pressure. ``floor`` is what two sound ones may part
    by from day to day: the repeatability of the data sheet. Gas: the defaults. Redundant transmitters of a process, no
    plumes: ``smooth_s`` 1800. It needs no fixed working point.

    Fails: where sensors do not watch the same thing, such as pressures along a line; on a release that lasts longer
    than the above at one sensor alone, which looks the same; on drifts slower than ``hold_sigma * sigma / follow_s``,
    which are followed; where most sensors drift alike.

    Raises:
        ParameterError: a parameter is out of range, or the warm-up is too short.

    Source: Roberts, Technometrics 1 (1959) 239 for the level; Huber, Ann. Math. Statist. 35 (1964) 73 for the clipping.
    """

    floor: float = field(metadata=declare(unit=KIND_UNIT, doc="smallest sigma that is believed", low=1e-9))
    every_s: float = field(
        default=60.0, metadata=declare(unit="s", doc="how often the sensors are compared", low=0.01, high=3600)
    )
    smooth_s: float = field(
        default=21600.0, metadata=declare(unit="s", doc="time constant of the smoothed differences", low=0.01)
    )
    clip_sigma: float = field(
        default=3.0, metadata=declare(unit="sigma", doc="an instant counts as at most so far off", low=0.5, high=1000)
    )
    warmup_s: float = field(
        default=172800.0, metadata=declare(unit="s", doc="time to learn before the first score; at least 8 rows", low=0)
    )
    follow_s: float = field(
        default=2592000.0, metadata=declare(unit="s", doc="time constant with which mean and sigma follow", low=0.001)
    )
    hold_sigma: float = field(
        default=3.0, metadata=declare(unit="sigma", doc="instants beyond this do not teach", low=2)
    )
    hold_s: float = field(
        default=1209600.0, metadata=declare(unit="s", doc="after so long outside, a pair is learned anew", low=0)
    )

    state_version = 1

    def __post_init__(self) -> None:
        check("neighbours", self)
        if self.warmup_s < _SETTLE * self.smooth_s:
            requirement = f"must be at least {_SETTLE} times smooth_s ({self.smooth_s:g} s)"
            raise ParameterError("neighbours", "warmup_s", requirement, self.warmup_s)

    def units(self, unit: str) -> dict[str, str]:
        of_kind = dict.fromkeys(("apart", "drift", "observed", "expected"), unit)
        return dict.fromkeys(_COLUMNS, "") | {"": "sigma", "most": "sigma", "held_s": "s"} | of_kind

    def explained_by(self) -> dict[str, str]:
        return {"since": "held_s"}

    def fits(self, asset: AssetView) -> bool:
        return len(asset.inputs) <= SIZE_MAX and max(Counter(one.kind for one in asset.inputs).values(), default=0) > 1

    def init(self, asset: AssetView) -> NeighboursState:
        alike = Counter(one.kind for one in asset.inputs).values()
        pairs = np.zeros(sum(count * (count - 1) // 2 for count in alike), PAIR_FIELDS)
        pairs["last_ns"] = np.iinfo(np.int64).min
        pairs["kept"] = np.nan
        return NeighboursState(pairs)

    def update(
        self, state: NeighboursState, asset: AssetView, time_ns: NDArray[np.int64], value: NDArray[np.float64]
    ) -> Columns:
        """Score instants: float64 [n] a column."""
        kinds = [one.kind for one in asset.inputs]
        group = np.array([kinds.index(kind) for kind in kinds], np.int64)
        out = np.empty((len(time_ns), WIDTH))
        comparing = Comparing(
            nanoseconds(self.every_s),
            nanoseconds(self.warmup_s),
            nanoseconds(self.hold_s),
            self.smooth_s * 1e9,
            self.follow_s * 1e9,
            float(self.floor),
            float(self.clip_sigma),
            float(self.hold_sigma),
        )
        compare(np.ascontiguousarray(time_ns), np.ascontiguousarray(value), group, state.pairs, comparing, out)
        return {name: np.ascontiguousarray(out[:, at]) for name, at in _COLUMNS.items()}
