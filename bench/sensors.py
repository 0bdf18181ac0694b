"""The sensors of the benches, by name and by value. Imports nothing: the load generator is to start at once."""

from __future__ import annotations

KIND = "bench_lel"
SITE = "s00"
QUIET, NOISE = 5.0, 0.5  # %LEL
PROBE = 26.0  # %LEL: above the yellow limit of bench.limit


def tag(sensor: int) -> str:
    return f"{SITE}/{sensor:06d}"
