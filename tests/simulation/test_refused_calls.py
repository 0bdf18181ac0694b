"""The disk refuses one call, whichever it is: nothing is handed back that is not durable, and all goes on afterwards.

A failed sync is the end of the process and is never tried again, because what it was to write may be gone although it
can still be read; a full disk is waited for; a short write is written on.
"""

from __future__ import annotations

import errno
import random

import pytest

from model.errors import JournalError, JournalFull
from tests.simulation.disk import SimulatedDisk, failing
from tests.simulation.workload import Life, check

POINTS = 200
QUICK = (1, 2, 3, 4, 5, 6, 8, 9, 17, 33, 64, 127)
IMAGES = 3


def points(*, quick: bool) -> list[object]:
    numbers = QUICK if quick else [number for number in range(1, POINTS + 1) if number not in QUICK]
    marks = () if quick else (pytest.mark.prove,)
    return [pytest.param(number, marks=marks) for number in numbers]


every_point = pytest.mark.parametrize("number", [*points(quick=True), *points(quick=False)])


def life_until(number: int, hook: object) -> tuple[Life, str, Exception | None]:
    """Live until the call of that number is refused; returns what it was, and the error that came out."""
    life = Life(number % 7 + 1, SimulatedDisk(seed=number))
    life.disk.calls.clear()
    life.disk.hook = hook
    try:
        while len(life.disk.calls) < number:
            life.live(1)
    except (JournalError, OSError) as error:
        return life, life.disk.calls[number - 1], error
    return life, life.disk.calls[number - 1], None


def goes_on(life: Life, number: int) -> None:
    """More of a life, and what power cuts would leave of it."""
    life.disk.hook = None
    rng = random.Random(number)
    for _ in range(IMAGES):
        check(life.disk.image(rng), life.truth)
        life.live(10)
    check(life.disk.image(rng), life.truth)


@every_point
def test_after_an_error_the_process_ends_and_the_next_one_recovers_by_itself(number: int) -> None:
    life, call, error = life_until(number, failing(number, errno.EIO))
    assert error is not None or call == "truncate", f"the {call} that failed went unnoticed"
    if life.is_open and isinstance(error, JournalError):
        assert not isinstance(error, JournalFull)
        made = len(life.disk.calls)
        for again in (life.journal.commit, life.journal.begin_commit, life.journal.finish_commit):
            with pytest.raises(JournalError, match="an earlier write failed; restart to recover"):
                again()
        assert life.disk.calls[made:] == [], "something was tried again"
    life.disk.hook = None
    life.kill()
    goes_on(life, number)


@every_point
def test_a_full_disk_is_waited_for_and_the_same_commit_goes_through_later(number: int) -> None:
    life, call, error = life_until(number, failing(number, errno.ENOSPC))
    if call in {"sync", "sync_folder"}:  # no room, found out only there, is a failed sync like any other
        life.disk.hook = None
        life.kill()
    else:
        assert error is None, f"{call}: {error}"
    goes_on(life, number)


@every_point
def test_a_short_write_is_written_on(number: int) -> None:
    def half(call: int, _name: str) -> int | None:
        return 7 if call >= number else None

    life, _, error = life_until(number, half)
    assert error is None
    life.live(10)
    goes_on(life, number)
