"""The only place where the pipeline's processes read the time of day; everything behind it gets time as an argument."""

from __future__ import annotations

import time
from typing import Protocol

from model.inputs import Tick


class Clock(Protocol):
    """Gives the two times that a tick is made of."""

    def tick(self) -> Tick: ...


class SystemClock:
    """This machine's clocks."""

    def tick(self) -> Tick:
        return Tick(time.time_ns(), time.monotonic_ns())
