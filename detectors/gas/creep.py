"""A floor that rises from day to day: the leak too small for an hour to show."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from numba import njit, types

from detectors.declaration import KIND_UNIT, check, declare
from detectors.kernels import (
    AHEAD,
    F64,
    SENSOR,
    TIME,
    VALUE,
    Floats,
    Integers,
    Records,
    Slots,
    columns,
    nanoseconds,
    prefetch,
    records,
)
from model.batch import Batch
from model.detector import Columns, SensorGroup
from model.explanation import Explanation
from model.inputs import Tick
from model.scores import Scores

_VALUE_MAX = 1e100
#: Blocks a day, so many of which must be there; days that are kept, so many of which make a reference.
_BLOCKS = 24
_BLOCKS_MIN = 18
_DAYS = 14
_DAYS_MIN = 3
#: After so many days in a row that did not teach, the new floor is taken for normal.
_HELD_DAYS = 30
_ANEW = -1  # in place of the days held: the floor was given up, and the new one is not known yet

CREEP_FIELDS = np.dtype(
    [
        ("rows", "i8"),  # of the block that is filling
        ("opened_ns", "i8"),  # when it opened
        ("mean", "f8"),  # of its rows, unit of the kind
        ("blocks", "i8"),  # complete blocks in ``block``
        ("next_block", "i8"),
        ("day_ns", "i8"),  # when the day began that is filling
        ("days", "i8"),  # days in ``day``
        ("next_day", "i8"),
        ("held", "i8"),  # days in a row that were left out; _ANEW
        ("score", "f8"),  # of the last complete block; NaN = none yet
        ("block", "f8", _BLOCKS),  # means of the last blocks, unit of the kind; NaN = without a reading
        ("day", "f8", _DAYS),  # lowest block of each of the last days
    ]
)


class Days(Protocol):
    """One sensor's record of ``CREEP_FIELDS``."""

    rows: int
    opened_ns: int
    mean: float
    blocks: int
    next_block: int
    day_ns: int
    days: int
    next_day: int
    held: int
    score: float
    block: Floats
    day: Floats


@dataclass(slots=True)
class CreepState:
    """The means of the last blocks, and the lowest of each of the last days.

    Attributes:
        sensors: records [m] of ``CREEP_FIELDS``.

    """

    sensors: Records


@dataclass(frozen=True, slots=True, kw_only=True)
class Creep:
    """How far the lowest hour of the last day lies above what it was on the days before, in the unit of the kind.

    The day's lowest hour is what is left when weather, cooking and traffic are taken away; a small lasting leak lifts
    it, and nothing that passes does::

        low   = lowest of the last 24 means of block_s each (18 at least)
        score = low - median(low of up to 14 days before, 3 at least)

    It is worked out when a block is complete, and stands until the next one. A day with a score beyond ``hold`` does
    not teach, for 30 days in a row at most: then the new floor is taken for normal.

    Use it: micro-leaks into rooms and wells, drifting zeros, a slow rise at a fence line. Give the rule a level that
    the zero drift of the technology does not reach in two weeks.

    Fails: on seasons (a warmer week lifts sewer gas too); on a leak that lets go for an hour every day; in the first
    three days.

    Raises:
        ParameterError: a parameter is out of range.

    Source: the night minimum of district meters (IWA, Losses in Water Distribution Networks, 2003), on concentration.
    """

    hold: float = field(
        default=1.0, metadata=declare(unit=KIND_UNIT, doc="a day with a score beyond that does not teach", low=0)
    )
    block_s: float = field(
        default=3600.0, metadata=declare(unit="s", doc="a 24th of a day; other than an hour only in tests", low=0.01)
    )

    state_version = 1
    state_outlasts_settings = False

    def __post_init__(self) -> None:
        check("creep", self)

    def score_unit(self, unit: str) -> str:
        return unit

    def init(self, sensors: SensorGroup) -> CreepState:
        made = np.zeros(len(sensors), CREEP_FIELDS)
        made["score"] = np.nan
        return CreepState(made)

    def update(self, state: CreepState, batch: Batch) -> Scores:
        """Score rows: float64 [n], unit of the kind.

        Raises:
            IndexError: a row names no slot of the state.

        """
        scores = np.empty(len(batch))
        _update(*columns(batch), scores, state.sensors, nanoseconds(self.block_s), float(self.hold))
        return scores

    def advance(self, state: CreepState, tick: Tick) -> Scores | None:  # noqa: ARG002
        return None

    def learned(self, state: CreepState) -> Columns:
        own = state.sensors
        knows = own["days"] >= _DAYS_MIN
        found = {
            "warming": ~knows,
            "held_s": np.maximum(own["held"], 0) * (_BLOCKS * self.block_s),
            "stale": ~knows & (own["held"] == _ANEW),
        }
        return {name: np.where(own["rows"] == 0, np.nan, column) for name, column in found.items()}

    def explain(self, state: CreepState, slot: int, score: float) -> Explanation:  # noqa: ARG002
        """The lowest block of the last day against the median of the days before; since when: the first such day."""
        own = state.sensors[slot]
        if math.isnan(own["score"]):
            return Explanation()
        expected, block_ns = float(np.median(own["day"][: own["days"]])), nanoseconds(self.block_s)
        return Explanation(
            observed=float(np.nanmin(own["block"][: own["blocks"]])),
            expected=expected,
            high=expected + self.hold,
            since_ns=int(own["opened_ns"]) - (int(own["blocks"]) + _BLOCKS * max(int(own["held"]), 0)) * block_ns,
        )


@njit(nogil=True, error_model="numpy")
def _low(own: Days) -> float:
    """The lowest complete block of the last day; NaN where too few are there."""
    low, count = np.inf, 0
    for at in range(own.blocks):
        if not np.isnan(own.block[at]):
            low = min(low, own.block[at])
            count += 1
    return low if count >= _BLOCKS_MIN else np.nan


@njit(nogil=True, error_model="numpy")
def _keep(own: Days, mean: float) -> None:
    own.block[own.next_block] = mean
    own.next_block = (own.next_block + 1) % _BLOCKS
    own.blocks = min(own.blocks + 1, _BLOCKS)


@njit(nogil=True, error_model="numpy")
def _close(own: Days, now_ns: int, block_ns: int, hold: float) -> None:
    """Take the block that is complete, score, and at the end of a day let it teach."""
    _keep(own, own.mean)
    for _ in range(min((now_ns - own.opened_ns) // block_ns - 1, _BLOCKS)):
        _keep(own, np.nan)
    low = _low(own)
    own.score = low - np.median(own.day[: own.days]) if own.days >= _DAYS_MIN else np.nan
    if now_ns - own.day_ns < _BLOCKS * block_ns:
        return
    own.day_ns = now_ns
    if np.isnan(low):
        return
    if own.score > hold and own.held < _HELD_DAYS:
        own.held = max(own.held, 0) + 1
        return
    given_up = own.held >= _HELD_DAYS
    if given_up:
        own.days, own.next_day = 0, 0
    own.held = _ANEW if given_up or (own.held == _ANEW and own.days < _DAYS_MIN) else 0
    own.day[own.next_day] = low
    own.next_day = (own.next_day + 1) % _DAYS
    own.days = min(own.days + 1, _DAYS)


@njit(
    types.void(SENSOR, TIME, VALUE, F64, records(CREEP_FIELDS), types.int64, types.float64),
    cache=True,
    nogil=True,
    error_model="numpy",
)
def _update(
    sensor: Slots, time_ns: Integers, value: Floats, scores: Floats, state: Records, block_ns: int, hold: float
) -> None:
    rows = len(sensor)
    for row in range(rows):
        if row + AHEAD < rows:
            prefetch(state, sensor[row + AHEAD])
        slot, now_ns, now = sensor[row], time_ns[row], value[row]
        scores[row] = np.nan
        if slot < 0 or slot >= len(state):
            raise IndexError("a row names no slot of the detector's state")
        if not abs(now) <= _VALUE_MAX:
            continue
        own = state[slot]
        if own.rows == 0:
            own.opened_ns, own.day_ns = now_ns, now_ns
        elif now_ns - own.opened_ns >= block_ns:
            _close(own, now_ns, block_ns, hold)
            own.rows, own.mean, own.opened_ns = 0, 0.0, now_ns
        own.rows += 1
        own.mean += (now - own.mean) / own.rows
        scores[row] = own.score
