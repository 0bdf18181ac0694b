"""How a learned normal stands, said alike by detectors whose records have ``held_ns`` and ``last_ns``."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from detectors.kernels import Records
from model.detector import Columns

_UNSET_NS = np.iinfo(np.int64).min


def how_learned(sensors: Records, warming: NDArray[np.bool_]) -> Columns:
    """Say it of every record; ``held_ns`` is negative from when a normal was given up until the new one scores."""
    found = {
        "warming": warming,
        "held_s": np.maximum(sensors["held_ns"], 0) / 1e9,
        "stale": warming & (sensors["held_ns"] < 0),
    }
    return {name: np.where(sensors["last_ns"] == _UNSET_NS, np.nan, column) for name, column in found.items()}
