"""Several sensors that watch the same thing: what so many of them say together."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from detectors.declaration import ParameterError, check, declare
from detectors.kernels import VALUE_MAX
from model.detector import AssetView, Columns


@dataclass(slots=True)
class VoteState:
    """A vote remembers nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Vote:
    """The value that ``of`` sensors of the asset reach at one instant: the ``of``-th highest, in their unit.

    A rule compares it with its limit: with ``of`` 2, ``two >= 25 %LEL`` says that two sensors are at 25 %LEL or more.
    ``side: low`` takes the ``of``-th lowest instead, for limits that are passed downwards.

    A sensor that says nothing counts neither for nor against: what the others say still raises, and nothing clears
    while the silent one could make the difference (``most``).

    Use it: to confirm (two in one room, two of three on a vessel) before a grade that brings people into motion,
    beside a rule on single sensors with a lower grade. It has no warm-up and no memory.

    Fails: where the sensors do not see the same thing, such as detectors of one room behind a partition.

    Raises:
        ParameterError: a parameter is out of range.

    Source: IEC 61511-1:2016 on voting architectures (MooN); GB/T 50493-2019 on confirmation by a second detector.
    """

    of: float = field(default=2.0, metadata=declare(unit="", doc="how many must agree", low=1, high=100))
    side: str = field(
        default="high", metadata=declare(unit="", doc="which way the limit is passed", choices=("high", "low"))
    )
    every_s: float = field(
        default=1.0, metadata=declare(unit="s", doc="how often the sensors are compared", low=0.01, high=3600)
    )

    state_version = 1

    def __post_init__(self) -> None:
        check("vote", self)
        if self.of != round(self.of):
            raise ParameterError("vote", "of", "must be a whole number", self.of)

    def units(self, unit: str) -> dict[str, str]:
        return {"": unit, "most": unit}

    def explained_by(self) -> dict[str, str]:
        return {"observed": ""}

    def fits(self, asset: AssetView) -> bool:
        return len(asset.inputs) >= self.of

    def init(self, asset: AssetView) -> VoteState:  # noqa: ARG002
        return VoteState()

    def update(
        self,
        state: VoteState,  # noqa: ARG002
        asset: AssetView,  # noqa: ARG002
        time_ns: NDArray[np.int64],  # noqa: ARG002
        value: NDArray[np.float64],
    ) -> Columns:
        """Score instants: float64 [n], unit of the sensors' kind; ``most`` is the furthest that it could be."""
        sign = 1.0 if self.side == "high" else -1.0
        usable = np.abs(value) <= VALUE_MAX
        place = -int(self.of)
        least = np.sort(np.where(usable, sign * value, -np.inf), axis=1)[:, place]
        most = np.sort(np.where(usable, sign * value, np.inf), axis=1)[:, place]
        nothing = ~usable.any(axis=1) | (np.count_nonzero(usable, axis=1) < self.of)
        least, most = np.where(nothing, np.nan, sign * least), np.where(nothing, np.nan, sign * most)
        return {"": least, "most": most}
