"""The naive loop: the detectors' own source, a reading at a time, not compiled.

    NUMBA_DISABLE_JIT=1 python -m bench.interpreted NAME SENSORS ROWS

prints the nanoseconds a reading takes. It is what the same detector costs when it is written as a plain loop in Python.
"""

from __future__ import annotations

import dataclasses
import os
import subprocess
import sys
import time
from types import SimpleNamespace
from typing import Any

import numba.extending
import numpy as np

from model.batch import Batch


def cost_ns(name: str, sensors: int, rows: int) -> float:
    """Measure in a process of its own, in which nothing is compiled.

    Raises:
        subprocess.CalledProcessError: it did not run to its end.

    """
    command = [sys.executable, "-m", "bench.interpreted", name, str(sensors), str(rows)]
    done = subprocess.run(
        command, env={**os.environ, "NUMBA_DISABLE_JIT": "1"}, capture_output=True, text=True, check=True
    )
    return float(done.stdout)


def _no_hint(*_: object) -> None:
    """Stands for ``prefetch``, which only exists compiled."""


def _objects(array: np.ndarray[Any, Any]) -> list[SimpleNamespace]:
    """One object a sensor, with plain numbers and lists: how a loop in Python would keep them."""
    names = array.dtype.names or ()
    return [SimpleNamespace(**{name: one[name].tolist() for name in names}) for one in array]


def _plain(batch: Batch) -> tuple[list[int], list[int], list[float]]:
    return batch.sensor.tolist(), batch.time_ns.tolist(), batch.value.tolist()


def main() -> None:
    name, sensors, rows = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    numba.extending.intrinsic = lambda _: _no_hint
    from bench.detectors import PARAMETERS, batches  # noqa: PLC0415 - after the line above
    from detectors.parameters import build  # noqa: PLC0415
    from model.detector import SensorGroup  # noqa: PLC0415

    detector = build(name, PARAMETERS.get(name, {}))
    state = detector.init(SensorGroup(tuple(str(slot) for slot in range(sensors)), np.ones(sensors)))
    for one in dataclasses.fields(state):
        array = getattr(state, one.name)
        if array.dtype.names:
            setattr(state, one.name, _objects(array))
    for module in [of for name, of in sys.modules.items() if name.startswith("detectors.")]:
        if hasattr(module, "columns"):
            module.columns = _plain
    first, second = (batches(sensors, "scattered", rows)[at] for at in range(2))
    np.seterr(all="ignore")
    detector.update(state, first)
    begin_ns = time.perf_counter_ns()
    detector.update(state, second)
    print((time.perf_counter_ns() - begin_ns) / rows)


if __name__ == "__main__":
    main()
