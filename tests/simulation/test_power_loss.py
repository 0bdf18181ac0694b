"""Whatever a power cut leaves of the disk, the journal comes back by itself, with everything that it handed back.

Every changing call of a writer's life is followed by images of what a power cut at that moment could leave: unsynced
writes gone, torn, out of order; names made or removed or not. Each is recovered by the real code and compared.
"""

from __future__ import annotations

import contextlib
import itertools
import random
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.simulation.disk import SimulatedDisk
from tests.simulation.workload import Life, check

ENDS, CALLS_MAX, LOOKS = 4, 150, 0.4


class Killed(Exception):
    """The process ends within a call."""


class Witness:
    """Sees every changing call of a life: takes images before it, and ends the process at one of them."""

    def __init__(self, seed: int, images_left: int) -> None:
        self.rng = random.Random(seed * 7919 + 1)
        self.images_left = images_left
        self.life: Life | None = None
        self._calls_left = CALLS_MAX

    def __call__(self, _call: int, _name: str) -> int | None:
        if self.life is None:
            return None
        if self.rng.random() < LOOKS:
            self.look()
        self._calls_left -= 1
        if not self._calls_left:
            raise Killed
        return None

    def look(self) -> None:
        if self.life is not None and self.images_left > 0:
            self.images_left -= 1
            check(self.life.disk.image(self.rng), self.life.truth)

    def end(self) -> None:
        """The process is killed, or the power goes."""
        if self.life is not None and self.rng.random() < 0.5:
            self.life.kill()
        elif self.life is not None:
            self.life.lose_power(self.rng)

    def until_killed(self, act: Callable[[], None]) -> None:
        self._calls_left = self.rng.randint(1, CALLS_MAX)
        with contextlib.suppress(Killed):
            act()
        self._calls_left = 0  # nobody ends it before the next time


def images_left(count: int, seed: int, disk: type[SimulatedDisk]) -> int:
    """Live one life and check images of it; returns how many of ``count`` are still to be checked."""
    witness = Witness(seed, count)
    witness.life = life = Life(seed, disk(seed=seed, hook=witness))
    for _ in range(ENDS):
        witness.until_killed(lambda: life.live(steps=200))
        witness.until_killed(witness.end)  # it may be killed while it recovers
        life.kill()
    witness.look()
    return witness.images_left


def prove(count: int, disk: type[SimulatedDisk] = SimulatedDisk) -> None:
    """Check so many images, over as many lives as it takes."""
    for seed in itertools.count(1):
        try:
            count = images_left(count, seed, disk)
        except AssertionError as error:
            error.add_note(f"in the life of seed {seed}")
            raise
        if not count:
            return


def test_two_thousand_images_of_a_power_cut_are_recovered() -> None:
    prove(2_000)


@pytest.mark.prove
def test_twenty_thousand_images_of_a_power_cut_are_recovered() -> None:
    prove(20_000)


def test_without_the_syncs_the_images_show_the_loss() -> None:
    class ForgetfulDisk(SimulatedDisk):
        def sync(self, _file: int) -> None:
            self._change("sync")

    with pytest.raises(AssertionError, match="lost, or made up"):
        prove(2_000, ForgetfulDisk)


def test_without_the_syncs_of_the_folder_the_images_show_the_loss() -> None:
    class ForgetfulDisk(SimulatedDisk):
        def sync_folder(self, _folder: Path) -> None:
            self._change("sync_folder")

    with pytest.raises(AssertionError, match="lost, or made up"):
        prove(2_000, ForgetfulDisk)
