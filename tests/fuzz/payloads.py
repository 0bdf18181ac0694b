"""Payloads of all formats, right ones and ruined ones, without end and from a seed."""

from __future__ import annotations

import random

from tests.fuzz.ruin import SPARKPLUG_WORST, TRICKS, WORST
from tests.fuzz.targets import TARGETS, Message, Target

SHARE_WHOLE = 0.25
SHARE_WORST = 0.0005
CHANGES_MAX = 4


class Payloads:
    """What a seed brings; ``messages`` gives the next ones, more than one where they only make sense together."""

    def __init__(self, seed: int) -> None:
        self._chance = random.Random(seed)
        self._targets = list(TARGETS.values())

    def messages(self) -> list[Message]:
        chance = self._chance
        target = chance.choice(self._targets)
        data = chance.choice(target.seeds)
        if chance.random() > SHARE_WHOLE:
            data = self._ruined(target, data)
        if chance.random() < SHARE_WORST:
            return [(target.topics[0], chance.choice(WORST.get(target.format, SPARKPLUG_WORST)))]
        if chance.random() < 0.01:
            return [("nowhere/\u4e2d", data)]
        return target.messages(data)

    def _ruined(self, target: Target, data: bytes) -> bytes:
        chance = self._chance
        for _ in range(chance.randint(1, CHANGES_MAX)):
            at, length = chance.randrange(len(data) + 1), chance.choice((0, 1, 1, 2, 5, 20))
            put = chance.choice(
                (
                    b"",
                    chance.randbytes(chance.randint(1, 4)),
                    data[at : at + length] * chance.choice((2, 2, 50)),
                    chance.choice(TRICKS),
                    chance.choice(target.seeds)[at : at + 20],
                )
            )
            data = data[:at] + put + data[at + length :]
        return data
