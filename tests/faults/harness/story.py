"""What the test sensors say: levels that rise through every grade and come back, from a seed."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from dataclasses import dataclass

SENSORS = 12
TAGS = tuple(f"site/g{number:02d}" for number in range(SENSORS))

_LEVELS = (1.0, 1.0, 15.0, 30.0, 60.0, 80.0)
_NOISE = 0.4
_MISSING = 0.01


@dataclass(frozen=True, slots=True)
class Reading:
    """One numbered reading; (tag, time) is its identity all the way into the journal."""

    tag: str
    time_ns: int
    value: float | None

    @property
    def topic(self) -> str:
        return f"district/{self.tag}"

    @property
    def payload(self) -> bytes:
        return json.dumps({"value": self.value, "time": self.time_ns}).encode()


def values(seed: int) -> Iterator[tuple[str, float | None]]:
    """Without end: the sensors in turn, each on its own staircase of levels."""
    chance = random.Random(seed)
    level, left = dict.fromkeys(TAGS, 1.0), dict.fromkeys(TAGS, 30)
    while True:
        for tag in TAGS:
            left[tag] -= 1
            if left[tag] <= 0:
                level[tag], left[tag] = chance.choice(_LEVELS), chance.randint(5, 60)
            missing = chance.random() < _MISSING
            yield tag, None if missing else round(level[tag] + chance.gauss(0, _NOISE), 3)
