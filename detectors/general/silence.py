"""A sensor that stops is a finding: no data is never good data."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from detectors.declaration import check
from detectors.kernels import VALUE_MAX, Integers
from model.batch import Batch
from model.detector import SensorGroup
from model.inputs import Tick
from model.scores import Scores

#: No tick has been seen yet.
_UNSET = np.iinfo(np.int64).min


@dataclass(slots=True)
class SilenceState:
    """Elapsed time only; event time says nothing about silence.

    Attributes:
        clock_ns: int64 [], elapsed time of the last tick; all slots share it.
        arrived_ns: int64 [m], elapsed time of the tick before the last row, or of the first tick.

    """

    clock_ns: Integers
    arrived_ns: Integers


@dataclass(frozen=True, slots=True, kw_only=True)
class Silence:
    """Seconds since a row arrived, in the elapsed time of the ticks.

    ``score = elapsed(now) - elapsed(last row)``; a row scores 0. A row counts as arrived at the tick before it, so the
    score is up to one tick too long, never too short. A row without a usable value scores NaN, for it is no good
    reading, but it has arrived: a faulty sensor that still speaks is a matter of quality, not of silence. A sensor that
    has never been heard is counted from the first tick, which itself scores NaN: it only sets the clock. Elapsed time
    leaves out our own outages, so these do not count as the sensor's silence.

    Use it: on every sensor, with a limit of a few scan periods.

    Fails: behind a gateway that repeats the last value for a dead sensor (see flatline), and where sensors report only
    changes (set the limit by their heartbeat).

    Source: IEC 62682:2022 on instrument diagnostic alarms; the arithmetic is a watchdog's.
    """

    state_version = 1
    state_outlasts_settings = True

    def __post_init__(self) -> None:
        check("silence", self)

    def score_unit(self, unit: str) -> str:  # noqa: ARG002
        return "s"

    def init(self, sensors: SensorGroup) -> SilenceState:
        return SilenceState(np.array(_UNSET, np.int64), np.full(len(sensors), _UNSET, np.int64))

    def update(self, state: SilenceState, batch: Batch) -> Scores:
        """Mark arrivals; 0 s for a row with a value, NaN for one without.

        Raises:
            IndexError: a row names no slot of the state.

        """
        if len(batch) and batch.sensor.min() < 0:
            raise IndexError(f"slot of a row must be at least 0, got {batch.sensor.min()}")
        state.arrived_ns[batch.sensor] = state.clock_ns
        return np.where(np.abs(batch.value) <= VALUE_MAX, 0.0, np.nan)

    def advance(self, state: SilenceState, tick: Tick) -> Scores:
        """Score silence: float64 [m], s; NaN for a slot whose clock this tick starts."""
        state.clock_ns[...] = tick.elapsed_ns
        waiting = state.arrived_ns == _UNSET
        state.arrived_ns[waiting] = tick.elapsed_ns
        scores: Scores = (tick.elapsed_ns - state.arrived_ns) / 1e9
        scores[waiting] = np.nan
        return scores
