"""What detectors on single sensors know beside the score that changed a level, as of the very row that changed it.

Detectors take a batch whole, so their state has moved on when its events are made. Of a sensor with one row in the
batch, as live readings come, the state after the batch is the state after that row, for no other sensor can touch it.
Of a sensor with several, its records are copied before the batch; should it raise an event, the rows up to that one are
played again on the copy. So an explanation is the same however the rows are cut, and rows without events cost nothing
but the look for doubles.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, Protocol

import numpy as np
from numba import njit, types
from numpy.typing import NDArray

from detectors.kernels import I64, SENSOR, Integers, Slots
from model.batch import Batch
from model.detector import (
    EXPLAINS,
    AssetDetector,
    AssetView,
    Columns,
    Detector,
    ExplainedByColumns,
    Explaining,
    operand,
)
from model.explanation import Contributor, Explanation
from model.plan import DetectorSpec

_AMOUNTS = ("observed", "expected", "low", "high")
_SECONDS = {"s": 1.0, "min": 60.0}
_NOTHING_COPIED = np.empty(0, np.int32)


class Bound(Protocol):
    """A detector with its state, on the sensors of one kind."""

    @property
    def spec(self) -> DetectorSpec: ...
    @property
    def detector(self) -> Detector[Any]: ...
    @property
    def state(self) -> Any: ...


@dataclass(slots=True)
class Doubles:
    """Finds sensors with several rows in a batch. Scratch: what it holds means nothing after the batch."""

    seen: Integers  # int64 [m], number of the last batch with a row of the slot; negative = with several
    batches: int = 0

    @classmethod
    def of(cls, slots: int) -> Doubles:
        return cls(np.zeros(slots, np.int64))

    def among(self, slot: Slots) -> Slots:
        """Each slot that stands there more than once: int32 [k]."""
        self.batches += 1
        found = np.empty(len(slot), np.int32)
        count = _doubles(np.ascontiguousarray(slot), self.seen, self.batches, found)
        return found[:count]


@dataclass(slots=True)
class _Copy:
    """One sensor in one detector, on the way through the batch once more."""

    state: Any
    played: int = 0  # of its rows


class Explainer:
    """Explains the scores of one batch, of one kind.

    Args:
        detectors: those that explain, before they see the batch.
        batch: what they are about to see, ``sensor`` = slot.
        doubles: of this kind.
        unit: of the kind.

    """

    def __init__(self, detectors: Sequence[Bound], batch: Batch, doubles: Doubles, unit: str) -> None:
        self._detectors = detectors
        self._batch = batch
        self._unit = unit
        self._several = doubles.among(batch.sensor) if detectors else _NOTHING_COPIED
        self._before = [slots_of(bound.state, self._several) if len(self._several) else None for bound in detectors]
        self._on_the_way: dict[tuple[str, int], _Copy] = {}

    def explain(self, scores: Iterable[tuple[str, float]], row: int) -> dict[str, Explanation]:
        """Explain scores of a row, by the name of their detector; of those that are NaN there is nothing to say."""
        slot = int(self._batch.sensor[row])
        places = np.flatnonzero(self._several == slot)
        known = dict(scores)
        told = {}
        for bound, before in zip(self._detectors, self._before, strict=True):
            score = known.get(bound.spec.id, np.nan)
            if not np.isnan(score):
                moved = self._state_at(bound, before, int(places[0]), row) if len(places) else bound.state
                told[bound.spec.id] = explained(bound, moved, 0 if len(places) else slot, score, self._unit)
        return told

    def _state_at(self, bound: Bound, before: Any, place: int, row: int) -> Any:
        """The state right after a row of one of the slots that were copied, as slot 0."""
        slot = int(self._several[place])
        key = bound.spec.id, slot
        rows = np.flatnonzero(self._batch.sensor[: row + 1] == slot)
        copy = self._on_the_way.get(key)
        if copy is None or copy.played > len(rows):
            copy = _Copy(slots_of(before, np.array([place], np.int32)))
            self._on_the_way[key] = copy
        missing = rows[copy.played :]
        if len(missing):
            again = self._batch.take(missing)
            bound.detector.update(copy.state, replace(again, sensor=np.zeros(len(missing), np.int32)))
            copy.played = len(rows)
        return copy.state


def explained(bound: Bound, state: Any, slot: int, score: float, unit: str) -> Explanation:
    """What a detector that explains says of a slot, in the unit of the kind; what is no finite number is not known."""
    if not isinstance(bound.detector, Explaining):
        return Explanation()
    told = bound.detector.explain(state, slot, score)
    return Explanation(
        observed=_known(told.observed),
        expected=_known(told.expected),
        low=_known(told.low),
        high=_known(told.high),
        unit=unit,
        since_ns=told.since_ns,
        confidence=_known(told.confidence),
    )


def _known(amount: float | None) -> float | None:
    return float(amount) if amount is not None and math.isfinite(amount) else None


class OfAssets(Protocol):
    """A detector on assets with the units of its columns."""

    @property
    def spec(self) -> DetectorSpec: ...
    @property
    def detector(self) -> AssetDetector[Any]: ...
    @property
    def units(self) -> dict[str, str]: ...


def explained_by_columns(bound: OfAssets, columns: Columns, at: int, asset: AssetView, time_ns: int) -> Explanation:
    """What the columns of a detector on assets say of its score at one instant.

    Args:
        bound: the detector.
        columns: of all detectors, named as conditions name them.
        at: index into them.
        asset: as it was judged.
        time_ns: of the instant.

    """
    named = dict(zip(EXPLAINS, EXPLAINS, strict=True))
    if isinstance(bound.detector, ExplainedByColumns):
        named |= bound.detector.explained_by()
    given = {fact: name for fact, name in named.items() if name in bound.units}
    told = {fact: _known(float(columns[operand(bound.spec.id, name)][at])) for fact, name in given.items()}
    amounts = [bound.units[given[fact]] for fact in _AMOUNTS if told.get(fact) is not None]
    since, place = told.get("since"), told.get("contributor")
    return Explanation(
        observed=told.get("observed"),
        expected=told.get("expected"),
        low=told.get("low"),
        high=told.get("high"),
        unit=amounts[0] if amounts else "",
        since_ns=time_ns - round(since * _SECONDS[bound.units[given["since"]]] * 1e9) if since else None,
        confidence=told.get("confidence"),
        contributors=() if not place else (Contributor(asset.inputs[int(place) - 1].tag, told.get("share")),),
    )


def slots_of(state: Any, slots: Slots) -> Any:
    """A copy of some slots of a state; what all slots share is copied whole."""
    return type(state)(**{item.name: _taken(getattr(state, item.name), slots) for item in fields(state)})


def _taken(array: NDArray[Any], slots: Slots) -> NDArray[Any]:
    """Some rows of an array, as bytes: records are copied several times as fast so."""
    if array.ndim == 0:
        return array.copy()
    whole = array.view(np.uint8).reshape(len(array), -1)
    return whole.take(slots, axis=0).view(array.dtype).reshape(len(slots), *array.shape[1:])


@njit(types.int64(SENSOR, I64, types.int64, types.Array(types.int32, 1, "C")), cache=True, nogil=True)
def _doubles(slot: Slots, seen: Integers, batch: int, found: NDArray[np.int32]) -> int:
    count = 0
    for row in range(len(slot)):
        before = seen[slot[row]]
        if before == batch:
            found[count] = slot[row]
            count += 1
            seen[slot[row]] = -batch
        elif before != -batch:
            seen[slot[row]] = batch
    return count
