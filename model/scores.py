"""What a detector says about rows or about a moment."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

#: float64 [n]: one score a row (``update``) or a sensor (``advance``); NaN = the detector abstains.
Scores: TypeAlias = NDArray[np.float64]
