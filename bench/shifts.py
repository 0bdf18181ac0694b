"""How soon `change`, `cusum` and `ewma` find a shift of the mean, at limits that give equally few false alarms.

    python -m bench.shifts

Two hundred sensors of made-up noise, a reading a minute, a hundred hours of normal, then a day of the shift. The limit
of each detector is the one that quiet readings pass once in 40,000 rows. Shift: share found, rows it took.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from detectors.parameters import build
from model.batch import Batch
from model.detector import SensorGroup
from model.plan import Parameter

SENSORS, NORMAL, DAY = 200, 6_000, 1_440
MINUTE_NS = 60_000_000_000
ROWS_A_FALSE_ALARM = 40_000
WATCHED: dict[str, tuple[str, dict[str, Parameter]]] = {
    "change": ("change", {}),
    "cusum": ("cusum", {}),
    "cusum, mean_s 86400": ("cusum", {"mean_s": 86400.0}),
    "ewma": ("ewma", {}),
    "ewma, smooth_s 600, mean_s 86400": ("ewma", {"smooth_s": 600.0, "mean_s": 86400.0}),
}


def noise(rng: np.random.Generator, memory: float) -> NDArray[np.float64]:
    value = rng.normal(size=(NORMAL + DAY, SENSORS))
    for row in range(1, len(value)):
        value[row] = memory * value[row - 1] + np.sqrt(1.0 - memory**2) * value[row]
    return value


def scores(name: str, parameters: dict[str, Parameter], value: NDArray[np.float64]) -> NDArray[np.float64]:
    """What a detector says of a table of readings, without its sign: float64 [rows, sensors]."""
    detector = build(name, parameters)
    tags = tuple(str(slot) for slot in range(SENSORS))
    state = detector.init(SensorGroup(tags, np.full(SENSORS, 60.0)))
    time_ns = np.repeat(np.arange(len(value), dtype=np.int64) * MINUTE_NS, SENSORS)
    sensor = np.tile(np.arange(SENSORS, dtype=np.int32), len(value))
    batch = Batch(sensor, time_ns, time_ns, value.ravel(), np.zeros(len(sensor), np.uint8))
    return np.abs(detector.update(state, batch)).reshape(value.shape)


def main() -> None:
    rng = np.random.default_rng(2)
    for memory in (0.0, 0.9):
        print(f"noise that remembers {memory:g} of the row before")
        quiet, value = noise(rng, memory), noise(rng, memory)
        for label, (name, parameters) in WATCHED.items():
            peaks = np.nanmax(scores(name, parameters, quiet)[1_000:6_000].reshape(-1, 1_000, SENSORS), axis=1)
            limit = float(np.quantile(peaks, 1.0 - 1_000 / ROWS_A_FALSE_ALARM))
            found = []
            for shift in (0.3, 0.5, 0.75, 1.0, 2.0, 4.0):
                moved = value.copy()
                moved[NORMAL:] += shift
                hit = scores(name, parameters, moved)[NORMAL:] > limit
                middle = np.median(np.where(hit.any(axis=0), hit.argmax(axis=0), DAY))
                found.append(f"{shift:g}: {hit.any(axis=0).mean():4.0%} {middle:5.0f}")
            print(f"  {label:34} limit {limit:5.2f}   " + "   ".join(found), flush=True)


if __name__ == "__main__":
    main()
