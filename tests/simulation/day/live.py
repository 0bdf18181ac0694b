"""A day from its seed to its end, in a folder of its own that is gone afterwards."""

from __future__ import annotations

import contextlib
import logging
import tempfile
from collections.abc import Iterator
from pathlib import Path

import structlog

from tests.simulation.day.checks import Figures, check
from tests.simulation.day.day import Day


@contextlib.contextmanager
def simulated(seed: int, hours: float) -> Iterator[Day]:
    """Live a day to its end; whoever fails is told how to live it again."""
    memory = Path("/dev/shm")
    with tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else None, prefix="fengsui-day-") as folder:
        day = Day(seed, Path(folder))
        structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
        try:
            day.live(hours)
            day.mend()
            yield day
        except Exception as error:
            error.add_note("\n".join(["the last of it:", *day.log[-25:]]))
            error.add_note(f"live it again: python -m tests.simulation.day {seed} --hours {hours:g}")
            raise
        finally:
            structlog.reset_defaults()
            day.close()


def lived(seed: int, hours: float) -> Figures:
    with simulated(seed, hours) as day:
        return check(day)
