"""Which time a row has, and whether it is news: decided once, before any detector sees it.

- A device time that cannot be (before 2000, more than five minutes ahead, or running backwards) is replaced by the
  receive time; the row is then uncertain and its device has a clock fault.
- A row not newer than its sensor's last one is a duplicate (that instant and value are known already) or late. Another
  value at a known instant is late, not a duplicate: devices whose clock shows whole seconds send an alarm like that.
- All other rows are accepted, however old; ``time_ns`` of the accepted rows of a sensor rises strictly.
- An accepted good row before which the sensor gave nothing good for long is marked: nobody saw what was in between.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numba import njit
from numpy.typing import NDArray

from detectors.kernels import AHEAD, Floats, Integers, Records, Slots, prefetch
from model.batch import BAD, GOOD, NO_TIME, UNCERTAIN, Batch

ACCEPTED, DUPLICATE, LATE = 0, 1, 2

TIME_NS_MIN = 946_684_800 * 10**9  # 2000-01-01
AHEAD_NS_MAX = 300 * 10**9
#: So many rows in a row that move forward as the wall clock does, but behind the last one, are a clock set back.
BACKWARD_ROWS = 3
#: Instants of a sensor that are remembered to tell a duplicate from a late row.
REMEMBERED = 8


#: What is known of one sensor. A row that is in order changes the first cache line and its place in the ring.
FIELDS = np.dtype(
    [
        ("last_ns", "i8"),  # event time of the newest accepted row; NO_TIME = none yet
        ("heard_ns", "i8"),  # receive time of the newest row that is no duplicate: our own clock; NO_TIME = none yet
        ("good_ns", "i8"),  # event time of the newest accepted good row; NO_TIME = none yet
        ("seen_at", "i8"),  # next place in the ring
        ("late_rows", "i8"),  # late rows in succession that move forward with the wall clock
        ("late_ns", "i8"),  # the last of them
        ("late_received_ns", "i8"),
        ("seen_ns", "i8", REMEMBERED),  # the newest instants, as a ring
        ("seen_value", "f8", REMEMBERED),  # the values that came with them, NaN = not usable
    ]
)


class Known(Protocol):
    """One record of ``FIELDS``."""

    last_ns: int
    heard_ns: int
    good_ns: int
    seen_at: int
    late_rows: int
    late_ns: int
    late_received_ns: int
    seen_ns: Integers
    seen_value: Floats


@dataclass(slots=True)
class AdmissionState:
    """Of all ``m`` sensors.

    Attributes:
        sensors: records [m] of ``FIELDS``.

    """

    sensors: Records

    @classmethod
    def fresh(cls, sensors: int) -> AdmissionState:
        known = np.zeros(sensors, FIELDS)
        for name in ("last_ns", "heard_ns", "good_ns", "seen_ns"):
            known[name] = NO_TIME
        known["seen_value"] = np.nan
        return cls(known)


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
    verdicts = verdict, clock_fault, paused
    _admit(state.sensors, pause_ns, batch.sensor, batch.received_ns, value, quality, time_ns, *verdicts)
    quality[clock_fault & (quality < UNCERTAIN)] = UNCERTAIN
    return Admitted(Batch(batch.sensor, time_ns, batch.received_ns, value, quality), verdict, clock_fault, paused)


@njit(cache=True, nogil=True)
def _admit(
    sensors: Records,
    pause_ns: Integers,
    sensor: Slots,
    received_ns: Integers,
    value: Floats,
    quality: NDArray[np.uint8],
    time_ns: Integers,
    verdict: NDArray[np.uint8],
    clock_fault: NDArray[np.bool_],
    paused: NDArray[np.bool_],
) -> None:
    rows = len(sensor)
    for i in range(rows):
        if i + AHEAD < rows:
            prefetch(sensors, sensor[i + AHEAD])
            prefetch(pause_ns, sensor[i + AHEAD])
        own = sensors[sensor[i]]
        t, received = time_ns[i], received_ns[i]
        if t == NO_TIME:
            t = _after(received, own.last_ns)
        elif t < TIME_NS_MIN or t - received > AHEAD_NS_MAX:
            clock_fault[i] = True
            t = _after(received, own.last_ns)
        elif own.last_ns != NO_TIME and t <= own.last_ns:
            verdict[i] = _not_newer(own, t, received, value[i])
            if verdict[i] != ACCEPTED:
                continue
            clock_fault[i] = True
            t = _after(received, own.last_ns)
        else:
            own.late_rows = 0
        verdict[i] = ACCEPTED
        time_ns[i] = t
        own.last_ns = t
        own.heard_ns = received
        if quality[i] == GOOD and not clock_fault[i]:
            paused[i] = own.good_ns == NO_TIME or t - own.good_ns > pause_ns[sensor[i]]
            own.good_ns = t
        own.seen_ns[own.seen_at] = t
        own.seen_value[own.seen_at] = value[i]
        own.seen_at = (own.seen_at + 1) % REMEMBERED


@njit(cache=True, nogil=True)
def _after(received_ns: int, last_ns: int) -> int:
    """Receive time, moved on where needed so that the sensor's time rises."""
    return received_ns if last_ns == NO_TIME or received_ns > last_ns else last_ns + 1


@njit(cache=True, nogil=True)
def _not_newer(own: Known, t: int, received: int, value: float) -> int:
    """A row that is not newer than the last one: duplicate, late, or (``ACCEPTED``) from a clock that was set back."""
    for j in range(REMEMBERED):
        alike = own.seen_value[j] == value or (np.isnan(own.seen_value[j]) and np.isnan(value))
        if own.seen_ns[j] == t and alike:
            return DUPLICATE
    forward, passed = t - own.late_ns, received - own.late_received_ns
    # Rows of one message, or of one second of a clock that shows no more, say nothing about the pace.
    if own.late_rows == 0 or forward < 0 or (forward > 0 and passed != 0):
        own.late_rows = own.late_rows + 1 if own.late_rows > 0 and 0 < forward <= 2 * passed else 1
        own.late_ns = t
        own.late_received_ns = received
    if own.late_rows < BACKWARD_ROWS:
        own.heard_ns = received
        return LATE
    return ACCEPTED
