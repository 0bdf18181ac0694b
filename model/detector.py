"""The contract of a detector; every one also passes ``tests/checks``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol, TypeAlias, TypeVar, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from model.batch import Batch
from model.explanation import Explanation
from model.inputs import Tick
from model.scores import Scores
from model.sensor import Position

#: Name -> float64 [n].
Columns: TypeAlias = dict[str, NDArray[np.float64]]

S = TypeVar("S")
Read = TypeVar("Read", contravariant=True)  # a state that is only read


@dataclass(frozen=True, slots=True)
class SensorGroup:
    """The sensors that one detector watches. Their order gives the slots of its state.

    Attributes:
        tags: names, one a slot.
        period_s: float64 [m], scan period of each sensor.

    """

    tags: tuple[str, ...]
    period_s: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.tags)


class Detector(Protocol[S]):
    """Scores readings of many sensors at once; grades nothing, does no I/O and reads no clock.

    ``S`` is a dataclass whose fields are arrays with axis 0 = slot (or 0-d arrays for what all slots share),
    so that a snapshot can be kept and restored tag by tag. Arrays of ``S`` are changed in place, by
    ``update`` and ``advance`` alone.
    """

    state_version: int  # changes when the meaning of S changes: the detector then begins anew, whatever was kept
    #: S means the same under other settings and scan periods, and goes on over such a change.
    state_outlasts_settings: bool

    def score_unit(self, unit: str) -> str:
        """Unit of the score for a kind measured in ``unit``."""
        ...

    def init(self, sensors: SensorGroup) -> S: ...

    def update(self, state: S, batch: Batch) -> Scores:
        """Score rows, one after the other as they stand.

        Args:
            state: of these sensors.
            batch: ``sensor`` holds slots; ``time_ns`` rises strictly per slot; ``value`` is NaN where the reading
                is bad. Not modified.

        Returns:
            float64 [n], NaN where the detector has nothing to say, always where the value is NaN.

        """
        ...

    def advance(self, state: S, tick: Tick) -> Scores | None:
        """Score the passing of time.

        ``tick.elapsed_ns`` leaves out the time in which the system itself was down.

        Returns:
            float64 [m], one a slot, NaN = nothing to say; None where time alone says nothing.

        """
        ...


@runtime_checkable
class LowerBounding(Protocol[Read]):
    """A detector whose first scores say only "at least so much", because it does not know what was before.

    Such a score raises like any other, and never clears: the true one may be higher.
    """

    def is_lower_bound(self, state: Read, slot: NDArray[np.int32], time_ns: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Say it of rows that ``update`` has scored: bool [n]."""
        ...


@runtime_checkable
class Learning(Protocol[Read]):
    """A detector that learns a normal, and says how it stands with that."""

    def learned(self, state: Read) -> Columns:
        """Say it of every slot.

        Returns:
            float64 [m] for each name of ``model.standing.LEARNED``; NaN = never heard.

        """
        ...


@runtime_checkable
class Explaining(Protocol[Read]):
    """A detector that can say more of a score than its number, on demand, when an event arises."""

    def explain(self, state: Read, slot: int, score: float) -> Explanation:
        """Explain the newest score of a slot from what is known right after the row that gave it.

        Args:
            state: only read.
            slot: one of its slots.
            score: the one to explain; NaN where time alone brought the event about.

        Returns:
            amounts in the unit of the kind, None or NaN where it does not know; ``unit`` and ``contributors`` are left
            out.

        """
        ...


@dataclass(frozen=True, slots=True)
class AssetInput:
    """One sensor of an asset that a detector looks at."""

    tag: str
    kind: str
    unit: str
    position: Position
    period_s: float


@dataclass(frozen=True, slots=True)
class AssetView:
    """An asset as its detector sees it.

    Attributes:
        inputs: in the order of their places along the asset, then of their tags; that of the columns of ``update``.
        attributes: SI.

    """

    id: str
    attributes: Mapping[str, float]
    inputs: tuple[AssetInput, ...]


class AssetDetector(Protocol[S]):
    """Scores whole assets on a grid of event time; grades nothing, does no I/O and reads no clock.

    ``S`` is a dataclass of arrays of fixed shape, changed in place by ``update`` alone.
    """

    state_version: int

    @property
    def every_s(self) -> float:
        """The grid: instants that are whole multiples of it since 1970."""
        ...

    def units(self, unit: str) -> dict[str, str]:
        """Unit of each column that ``update`` gives, for sensors that all measure in ``unit`` (empty: in several).

        The empty name is the score. ``most``, where it is given, is what the score could be at most with the sensors
        that say nothing. All others are further facts, such as a place.
        """
        ...

    def fits(self, asset: AssetView) -> bool:
        """Whether the asset has the sensors and attributes that are needed; one that has not is left alone."""
        ...

    def init(self, asset: AssetView) -> S: ...

    def update(self, state: S, asset: AssetView, time_ns: NDArray[np.int64], value: NDArray[np.float64]) -> Columns:
        """Score instants, one after the other.

        Args:
            state: of this asset.
            asset: as ``init`` saw it.
            time_ns: int64 [n], rising; an instant at which no sensor said anything may be left out.
            value: float64 [n, inputs], the last value of each sensor at or before that instant; NaN where it is bad or
                old. Not modified.

        Returns:
            float64 [n] for each name of ``units``, NaN = nothing to say.

        """
        ...


@runtime_checkable
class Confirming(Protocol):
    """A detector on assets that can tell nuisances of a single sensor from the real thing by what the others say.

    Rules on single sensors may yield to it (``RuleSpec.yields_to``), where it fits the asset.
    """

    def confirms(self, asset: AssetView, kind: str) -> bool:
        """Whether the asset has, beside its sensors of this kind, what that takes."""
        ...


@runtime_checkable
class ExplainedByColumns(Protocol):
    """A detector on assets whose facts are named otherwise than ``EXPLAINS`` says."""

    def explained_by(self) -> Mapping[str, str]:
        """Which column gives what of ``EXPLAINS``."""
        ...


#: Columns that explain the score beside them: amounts, since how long it deviates (s or min), how sure it is, and which
#: sensor moves it most, by how much of it.
EXPLAINS = ("observed", "expected", "low", "high", "since", "confidence", "contributor", "share")

#: Column of a detector that gives the highest score there could be with the sensors that say nothing now.
MOST = "most"

#: Column of a detector that gives the place (from 1) of the sensor that moves its score most; events give its tag.
CONTRIBUTOR = "contributor"


def operand(detector: str, column: str) -> str:
    """How conditions name a column of a detector on assets."""
    return f"{detector}.{column}" if column else detector


def operand_units(detector: str, columns: Mapping[str, str]) -> dict[str, str]:
    """What conditions may name of a detector on assets, with the units."""
    return {operand(detector, column): unit for column, unit in columns.items() if column != MOST}
