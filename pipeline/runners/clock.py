"""The only place where the pipeline's processes read the time of day; everything behind it gets time as an argument."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Protocol

from model.inputs import Tick

BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
#: So much of it tells the starts of one machine apart, and a tick stays small.
BOOT_DIGITS = 8


class Clock(Protocol):
    """Gives what a tick is made of."""

    def tick(self) -> Tick: ...


class SystemClock:
    """This machine's clocks. ``CLOCK_MONOTONIC`` stands still while the machine is suspended; this one does not."""

    def __init__(self, boot_id: Path = BOOT_ID) -> None:
        self._boot = boot_id.read_text(encoding="ascii")[:BOOT_DIGITS] if boot_id.exists() else ""

    def tick(self) -> Tick:
        return Tick(time.time_ns(), time.clock_gettime_ns(time.CLOCK_BOOTTIME), self._boot)
