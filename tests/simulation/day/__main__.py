"""Lives one day again, ``python -m tests.simulation.day SEED [--hours H]``, and tells what befell it."""

from __future__ import annotations

import argparse
import sys

from tests.simulation.day.checks import check
from tests.simulation.day.live import simulated

parser = argparse.ArgumentParser(prog="python -m tests.simulation.day", description=__doc__)
parser.add_argument("seed", type=int)
parser.add_argument("--hours", type=float, default=24.0)
asked = parser.parse_args()
with simulated(asked.seed, asked.hours) as day:
    figures = check(day)
    sys.stdout.write("\n".join([*day.log, f"{figures}", ""]))
