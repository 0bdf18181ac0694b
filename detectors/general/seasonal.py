"""What is usual at this hour of this kind of day; and how seldom a sensor is so far from it."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from detectors.declaration import ParameterError, check, declare
from detectors.general.calendar_days import days_of, shown
from detectors.general.tail import (
    BOTH,
    HIGH,
    LOW,
    SEASON_FIELDS,
    TAIL_ADDED,
    Calendar,
    Learning,
    fresh,
    how_learned,
    seasonal_rows,
    spread_of,
    tail_of,
)
from detectors.kernels import Integers, Records, columns, nanoseconds
from model.batch import Batch
from model.detector import Columns, SensorGroup
from model.explanation import Explanation
from model.inputs import Tick
from model.scores import Scores
from model.state import added_fields

_SIDES = {"high": HIGH, "low": LOW, "both": BOTH}
_DAY_S = 86400.0


@dataclass(slots=True)
class SeasonalState:
    """What is known of each sensor.

    Attributes:
        sensors: records [m] of ``tail.SEASON_FIELDS``, which gives the meaning and unit of each field.

    """

    sensors: Records = field(metadata=added_fields(*TAIL_ADDED))


@dataclass(frozen=True, slots=True, kw_only=True)
class Seasonal:
    """How rare the deviation from what is usual at this hour is, in powers of ten.

    For each of the 24 hours of days of work and of days of rest the mean is learned, and how much it differs from day
    to day. Days of work are Monday to Friday without ``holidays``, and ``workdays``, on which work is made up::

        usual, spread = of the hourly means of the last ``days`` such days at this hour
        level = smoothed (value - usual) / spread
        score = -log10 of the part of rows that go as far, from 0 to 20, as in ``rarity``

    An hour is judged from its third day on. The spread of an hour is drawn to that of all hours, by the weight of three
    days. Rows that do not teach (``hold``) do not enter the hours either; after ``hold_s`` of nothing else
    they do.

    Use it: beside a limit, for demand, traffic, night flow, consumption: what is high at three in the morning may be
    low at noon. ``zone_h`` is the local time. A machine with shifts may have a ``cycle_s`` of its own.

    Fails: on holidays that nobody entered, which look like the faults they resemble; on days that are neither work nor
    rest, such as New Year's Eve; on a season that moves faster than ``days``.

    Raises:
        ParameterError: what is given as days is none, a day is given as both, or a day has not 24 hours.

    Source: ``tail.py``; the mean by hour and type of day as in minimum night flow analysis.
    """

    side: str = field(
        default="both", metadata=declare(unit="", doc="which tails count", choices=("high", "low", "both"))
    )
    zone_h: float = field(
        default=8.0, metadata=declare(unit="h", doc="how far local time is ahead of UTC", low=-14, high=14)
    )
    cycle_s: float = field(default=86400.0, metadata=declare(unit="s", doc="length of a day", low=1, high=604800))
    days: float = field(default=8.0, metadata=declare(unit="", doc="days that an hour remembers", low=2, high=400))
    holidays: str = field(
        default="",
        metadata=declare(unit="", doc="days of rest beside weekends: dates and ranges, by commas", teaches=False),
    )
    workdays: str = field(
        default="", metadata=declare(unit="", doc="weekend days on which work is made up, likewise", teaches=False)
    )
    smooth_s: float = field(
        default=900.0, metadata=declare(unit="s", doc="time constant of the smoothed deviation; 0 = each row", low=0)
    )
    tail: float = field(
        default=0.1, metadata=declare(unit="", doc="part of the rows that a tail is learned from", low=0.01, high=0.3)
    )
    warmup_s: float = field(
        default=86400.0,
        metadata=declare(unit="s", doc="time to learn, of hours that are known; at least 32 rows", low=0),
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
        check("seasonal", self)
        both = np.intersect1d(self._days("holidays"), self._days("workdays"))
        if len(both):
            raise ParameterError("seasonal", "workdays", "must not be among the holidays", shown(int(both[0])))
        for name in ("holidays", "workdays"):
            if len(self._days(name)) and self.cycle_s != _DAY_S:
                raise ParameterError("seasonal", name, f"must be empty where cycle_s is not {_DAY_S:g} s", self.cycle_s)

    def _days(self, name: str) -> Integers:
        return days_of("seasonal", name, getattr(self, name))

    def score_unit(self, unit: str) -> str:  # noqa: ARG002
        return ""

    def init(self, sensors: SensorGroup) -> SeasonalState:
        return SeasonalState(fresh(SEASON_FIELDS, sensors))

    def update(self, state: SeasonalState, batch: Batch) -> Scores:
        """Score rows: float64 [n], powers of ten.

        Raises:
            IndexError: a row names no slot of the state.

        """
        scores = np.empty(len(batch))
        calendar = Calendar(nanoseconds(3600.0 * self.zone_h), nanoseconds(self.cycle_s), float(self.days))
        days = self._days("holidays"), self._days("workdays")
        seasonal_rows(*columns(batch), scores, state.sensors, self._learning(), calendar, *days)
        return scores

    def advance(self, state: SeasonalState, tick: Tick) -> Scores | None:  # noqa: ARG002
        return None

    def learned(self, state: SeasonalState) -> Columns:
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

    def explain(self, state: SeasonalState, slot: int, score: float) -> Explanation:
        """The value against what is usual at this hour, and where its tails begin.

        ``confidence`` is the part of rows that are not so far from what is usual.
        """
        own = state.sensors[slot]
        usual, spread = float(own["mean"][own["hour"]]), spread_of(own)
        tail = tail_of(own, _SIDES[self.side])
        return Explanation(
            observed=float(own["last"]),
            expected=usual,
            low=usual - spread * float(own["begin"][1]),
            high=usual + spread * float(own["begin"][0]),
            since_ns=None if tail is None else int(own["rare_ns"][tail]),
            confidence=1.0 - 10.0**-score if score > 0.0 else None,
        )
