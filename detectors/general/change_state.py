"""What ``change`` keeps of each sensor, and how it is set.

Numba's cache watches only the file of a kernel. The numbers of buckets may stand here all the same: they are part of
the record's type, by which it finds the compiled code.
"""

from __future__ import annotations

from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from detectors.kernels import GAP_PERIODS, Records
from model.detector import SensorGroup

UNSET_NS = np.iinfo(np.int64).min
LEVELS = 8
EACH = 4
TOP = 1 << (LEVELS - 1)

HIGH, LOW, BOTH = 1, 2, 3

CHANGE_FIELDS = np.dtype(
    [
        ("gap_ns", "i8"),  # longest time a row can stand for
        ("block_ns", "i8"),  # time a block stands for, by the scan period
        ("last_ns", "i8"),  # event time of the row that closed the last block
        ("open_ns", "i8"),  # of the first row of the open block
        ("last", "f8"),  # value of the last row, unit of the kind
        ("step", "f8"),  # smallest change ever seen between two rows, unit of the kind; inf = none yet
        ("total", "f8"),  # of the open block
        ("pending", "i8"),  # its rows
        ("learned_ns", "i8"),  # time heard since learning began
        ("held_ns", "i8"),  # how long the score has been beyond hold_sigma; -1 = the normal was given up
        ("score", "f8"),  # of the last block, sigma
        ("since_ns", "i8"),  # onset of the change that lasts; unset = none
        ("onset_ns", "i8"),  # the likeliest onset, however unsure
        ("before", "f8"),  # mean before the likeliest onset, unit of the kind
        ("after", "f8"),  # mean since
        ("centre", "f8"),  # what is normal now: blocks are clipped around it
        ("old", "f8"),  # blocks in the normal that the buckets have left
        ("mean", "f8"),  # of these
        ("oldest", "f8"),  # blocks in the oldest bucket of the largest size
        ("filled", "i8", LEVELS),  # buckets of each size
        ("bucket", "f8", LEVELS * EACH),  # their means, the oldest of a size first
        ("unclipped", "f8", LEVELS * EACH),  # the same of blocks as they were
        ("begin_ns", "i8", LEVELS * EACH),  # event time of their first row
        ("variance", "f8", LEVELS),  # of a bucket of each size around the mean before it
        ("seen", "f8", LEVELS),  # buckets that taught it
        ("usable", "f8", LEVELS),  # what is believed of it; 0 = not known yet
        ("taught", "f8", LEVELS),  # buckets on which that rests
    ]
)


class Buckets(Protocol):
    """One sensor's record of ``CHANGE_FIELDS``."""

    gap_ns: int
    block_ns: int
    last_ns: int
    open_ns: int
    last: float
    step: float
    total: float
    pending: int
    learned_ns: int
    held_ns: int
    score: float
    since_ns: int
    onset_ns: int
    before: float
    after: float
    centre: float
    old: float
    mean: float
    oldest: float
    filled: NDArray[np.int64]
    bucket: NDArray[np.float64]
    unclipped: NDArray[np.float64]
    begin_ns: NDArray[np.int64]
    variance: NDArray[np.float64]
    seen: NDArray[np.float64]
    usable: NDArray[np.float64]
    taught: NDArray[np.float64]


class Settings(NamedTuple):
    """Parameters of ``Change``, times in ns."""

    side: int
    every_ns: int
    clip_sigma: float
    warmup_ns: int
    normal_ns: float
    sigma_floor: float
    hold_sigma: float
    hold_ns: int


def fresh(sensors: SensorGroup, every_s: float) -> Records:
    """Give records of sensors that were never heard."""
    made = np.zeros(len(sensors), CHANGE_FIELDS)
    made["gap_ns"] = np.rint(GAP_PERIODS * 1e9 * sensors.period_s)
    made["block_ns"] = np.rint(1e9 * np.maximum(sensors.period_s, every_s))
    made["last_ns"] = UNSET_NS
    made["since_ns"] = UNSET_NS
    made["onset_ns"] = UNSET_NS
    made["step"] = np.inf
    made["score"] = np.nan
    made["oldest"] = TOP
    return made


def mean_since(own: np.void, onset_ns: int) -> float:
    """Mean of the blocks of one record's buckets from an onset on, as they were: unit of the kind."""
    size = np.repeat(2.0 ** np.arange(LEVELS), EACH)
    size[(LEVELS - 1) * EACH] = own["oldest"]
    is_filled = np.tile(np.arange(EACH), LEVELS) < np.repeat(own["filled"], EACH)
    size *= is_filled & (own["begin_ns"] >= onset_ns)
    return float(np.average(own["unclipped"], weights=size))
