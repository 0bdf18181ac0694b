"""Randomness that is a function of (seed, sensor, moment), so that any span of the simulation can be worked out alone.

A generator with a running state would give other values for the second hour when the first is left out, or when a
sensor is added. Here each number is a hash of its place (counter-based randomness, as in Salmon et al. 2011,
"Parallel random numbers: as easy as 1, 2, 3"); the hash is the finaliser of SplitMix64 (Steele et al. 2014).
"""

from __future__ import annotations

import zlib

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Counters = NDArray[np.int64]

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_MIX_1 = np.uint64(0xBF58476D1CE4E5B9)
_MIX_2 = np.uint64(0x94D049BB133111EB)


def stream(seed: int, name: str) -> int:
    """Number of the stream that belongs to a name; equal names under equal seeds share it."""
    return zlib.crc32(f"{seed}:{name}".encode())


def _mixed(streams: Counters, counters: Counters, salt: int) -> NDArray[np.uint64]:
    z = streams.astype(np.uint64) << np.uint64(32)
    z = (z ^ counters.astype(np.uint64)) + np.uint64((int(_GOLDEN) * (salt + 1)) % 2**64)
    for _ in range(2):  # one round leaves neighbouring counters visibly alike
        z = (z ^ (z >> np.uint64(30))) * _MIX_1
        z = (z ^ (z >> np.uint64(27))) * _MIX_2
        z = (z ^ (z >> np.uint64(31))) + _GOLDEN
    return z


def uniform(streams: Counters, counters: Counters, *, salt: int = 0) -> Floats:
    """Evenly spread numbers in (0, 1).

    Args:
        streams: int64 [n], from ``stream``.
        counters: int64 [n], which number of the stream.
        salt: another salt gives an independent number at the same place.

    """
    whole = _mixed(streams, counters, salt) >> np.uint64(11)
    numbers: Floats = (whole.astype(np.float64) + 0.5) * 2.0**-53
    return numbers


def normal(streams: Counters, counters: Counters, *, salt: int = 0) -> Floats:
    """Normal numbers of mean 0 and deviation 1 (Box and Muller 1958); arguments as in ``uniform``."""
    radius = np.sqrt(-2.0 * np.log(uniform(streams, counters, salt=2 * salt)))
    turn: Floats = np.cos(2.0 * np.pi * uniform(streams, counters, salt=2 * salt + 1))
    product: Floats = radius * turn
    return product


def wandering(streams: Counters, t_s: Floats, scale_s: Floats, *, salt: int) -> Floats:
    """Smooth noise of deviation 1 that forgets itself within about ``scale_s``.

    Args:
        streams: int64 [n].
        t_s: float64 [n], s.
        scale_s: float64 [n], s, > 0.
        salt: as in ``uniform``.

    """
    place = t_s / scale_s
    knot = np.floor(place)
    share = place - knot
    left = normal(streams, knot.astype(np.int64), salt=salt)
    right = normal(streams, knot.astype(np.int64) + 1, salt=salt)
    angle = 0.5 * np.pi * share  # cos and sin keep the deviation at 1 between the knots
    value: Floats = left * np.cos(angle) + right * np.sin(angle)
    return value
