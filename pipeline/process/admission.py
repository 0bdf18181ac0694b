"""Which time a row has, and whether it is news: decided once, before any detector sees it.

- A device time that cannot be (before 2000, more than five minutes ahead, or running backwards) is replaced by the
  receive time; the row is then uncertain and its device has a clock fault.
- A row not newer than its sensor's last one is a duplicate (that instant and value are known already) or late. Another
  value at a known instant is late, not a duplicate: devices whose clock shows whole seconds send an alarm like that.
- All other rows are accepted, however old; ``time_ns`` of the accepted rows of a sensor rises strictly.
- An accepted good row before which the sensor gave nothing good for long is marked: nobody saw what was in between.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numba import njit
from numpy.typing import NDArray

from model.batch import BAD, GOOD, NO_TIME, UNCERTAIN, Batch
from model.state import added

ACCEPTED, DUPLICATE, LATE = 0, 1, 2

TIME_NS_MIN = 946_684_800 * 10**9  # 2000-01-01
AHEAD_NS_MAX = 300 * 10**9
#: So many rows in a row that move forward as the wall clock does, but behind the last one, are a clock set back.
BACKWARD_ROWS = 3
#: Instants of a sensor that are remembered to tell a duplicate from a late row.
REMEMBERED = 8


@dataclass(slots=True)
class AdmissionState:
    """Of all ``m`` sensors.

    Attributes:
        last_ns: int64 [m], event time of the newest accepted row; ``NO_TIME`` = none yet.
        seen_ns: int64 [m, REMEMBERED], the newest instants, as a ring.
        seen_value: float64 [m, REMEMBERED], the values that came with them, NaN = not usable.
        seen_at: int64 [m], next place in the ring.
        late_rows: int64 [m], late rows in succession that move forward with the wall clock.
        late_ns, late_received_ns: int64 [m], the last of them.
        heard_ns: int64 [m], receive time of the newest row that is no duplicate; ``NO_TIME`` = none yet. Our own clock,
            so that a device's wrong one does not make it look silent.
        good_ns: int64 [m], event time of the newest accepted good row; ``NO_TIME`` = none yet.

    """

    last_ns: NDArray[np.int64]
    seen_ns: NDArray[np.int64]
    seen_value: NDArray[np.float64]
    seen_at: NDArray[np.int64]
    late_rows: NDArray[np.int64]
    late_ns: NDArray[np.int64]
    late_received_ns: NDArray[np.int64]
    heard_ns: NDArray[np.int64] = field(metadata=added(like="last_ns"))
    good_ns: NDArray[np.int64] = field(metadata=added(like="last_ns"))

    @classmethod
    def fresh(cls, sensors: int) -> AdmissionState:
        return cls(
            np.full(sensors, NO_TIME, np.int64),
            np.full((sensors, REMEMBERED), NO_TIME, np.int64),
            np.full((sensors, REMEMBERED), np.nan),
            np.zeros(sensors, np.int64),
            np.zeros(sensors, np.int64),
            np.zeros(sensors, np.int64),
            np.zeros(sensors, np.int64),
            np.full(sensors, NO_TIME, np.int64),
            np.full(sensors, NO_TIME, np.int64),
        )


@dataclass(frozen=True, slots=True)
class Admitted:
    """Rows with the time and quality that count from here on, all columns [n].

    Attributes:
        batch: time_ns replaced where the device's cannot be; value NaN where the quality is bad.
        verdict: uint8, ``ACCEPTED``, ``DUPLICATE`` or ``LATE``.
        clock_fault: bool.
        paused: bool, True = an accepted good row, and for longer than ``pause_ns`` before it there was none.

    """

    batch: Batch
    verdict: NDArray[np.uint8]
    clock_fault: NDArray[np.bool_]
    paused: NDArray[np.bool_]


def admit(state: AdmissionState, batch: Batch, pause_ns: NDArray[np.int64]) -> Admitted:
    """Judge rows one after the other.

    Args:
        state: changed in place.
        batch: not modified.
        pause_ns: int64 [m], longest time between two good rows that goes unmarked, of all sensors.

    """
    rows = len(batch)
    usable = np.isfinite(batch.value) & (batch.quality < BAD)
    quality = np.where(usable, batch.quality, np.uint8(BAD))
    value = np.where(usable, batch.value, np.nan)
    time_ns = batch.time_ns.copy()
    verdict = np.empty(rows, np.uint8)
    clock_fault, paused = np.zeros(rows, np.bool_), np.zeros(rows, np.bool_)
    _admit(
        state.last_ns,
        state.seen_ns,
        state.seen_value,
        state.seen_at,
        state.late_rows,
        state.late_ns,
        state.late_received_ns,
        state.heard_ns,
        state.good_ns,
        pause_ns,
        batch.sensor,
        batch.received_ns,
        value,
        quality,
        time_ns,
        verdict,
        clock_fault,
        paused,
    )
    quality[clock_fault & (quality < UNCERTAIN)] = UNCERTAIN
    return Admitted(Batch(batch.sensor, time_ns, batch.received_ns, value, quality), verdict, clock_fault, paused)


@njit(cache=True)
def _admit(
    last_ns: NDArray[np.int64],
    seen_ns: NDArray[np.int64],
    seen_value: NDArray[np.float64],
    seen_at: NDArray[np.int64],
    late_rows: NDArray[np.int64],
    late_ns: NDArray[np.int64],
    late_received_ns: NDArray[np.int64],
    heard_ns: NDArray[np.int64],
    good_ns: NDArray[np.int64],
    pause_ns: NDArray[np.int64],
    sensor: NDArray[np.int32],
    received_ns: NDArray[np.int64],
    value: NDArray[np.float64],
    quality: NDArray[np.uint8],
    time_ns: NDArray[np.int64],
    verdict: NDArray[np.uint8],
    clock_fault: NDArray[np.bool_],
    paused: NDArray[np.bool_],
) -> None:
    for i in range(len(sensor)):
        s, t, received = sensor[i], time_ns[i], received_ns[i]
        last = last_ns[s]
        if t == NO_TIME:
            t = _after(received, last)
        elif t < TIME_NS_MIN or t - received > AHEAD_NS_MAX:
            clock_fault[i] = True
            t = _after(received, last)
        elif last != NO_TIME and t <= last:
            if _known(seen_ns[s], seen_value[s], t, value[i]):
                verdict[i] = DUPLICATE
                continue
            forward, passed = t - late_ns[s], received - late_received_ns[s]
            # Rows of one message, or of one second of a clock that shows no more, say nothing about the pace.
            if late_rows[s] == 0 or forward < 0 or (forward > 0 and passed != 0):
                late_rows[s] = late_rows[s] + 1 if late_rows[s] > 0 and 0 < forward <= 2 * passed else 1
                late_ns[s], late_received_ns[s] = t, received
            if late_rows[s] < BACKWARD_ROWS:
                verdict[i] = LATE
                heard_ns[s] = received
                continue
            clock_fault[i] = True
            t = _after(received, last)
        else:
            late_rows[s] = 0
        verdict[i] = ACCEPTED
        time_ns[i] = t
        last_ns[s] = t
        heard_ns[s] = received
        if quality[i] == GOOD and not clock_fault[i]:
            paused[i] = good_ns[s] == NO_TIME or t - good_ns[s] > pause_ns[s]
            good_ns[s] = t
        seen_ns[s, seen_at[s]], seen_value[s, seen_at[s]] = t, value[i]
        seen_at[s] = (seen_at[s] + 1) % REMEMBERED


@njit(cache=True)
def _after(received_ns: int, last_ns: int) -> int:
    """Receive time, moved on where needed so that the sensor's time rises."""
    return received_ns if last_ns == NO_TIME or received_ns > last_ns else last_ns + 1


@njit(cache=True)
def _known(seen_ns: NDArray[np.int64], seen_value: NDArray[np.float64], t: int, value: float) -> bool:
    for j in range(len(seen_ns)):
        alike = seen_value[j] == value or (np.isnan(seen_value[j]) and np.isnan(value))
        if seen_ns[j] == t and alike:
            return True
    return False
