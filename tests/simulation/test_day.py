"""Whole days of faults from seeds: whatever they do together, nothing is lost, doubled, made up or ended by itself."""

from __future__ import annotations

import pytest

from tests.faults.harness.tell import Tell
from tests.simulation.day.live import lived

QUICK_HOURS, QUICK_SEEDS = 0.7, range(1, 9)
SEEDS_A_TEST = 10


@pytest.mark.parametrize("seed", QUICK_SEEDS)
def test_after_most_of_an_hour_of_faults_all_is_as_if_there_had_been_none(seed: int) -> None:
    assert lived(seed, QUICK_HOURS).rows > 300


def test_a_seed_gives_the_same_hour_each_time() -> None:
    assert lived(0, 0.5) == lived(0, 0.5)


@pytest.mark.prove
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("first", range(1, 201, SEEDS_A_TEST))
def test_after_a_quarter_of_a_day_of_faults_all_is_as_if_there_had_been_none(first: int, tell: Tell) -> None:
    for seed in range(first, first + SEEDS_A_TEST):
        tell(f"seed {seed}: {lived(seed, 6.0)}")


@pytest.mark.prove
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("seed", range(1001, 1021))
def test_after_a_day_of_faults_all_is_as_if_there_had_been_none(seed: int, tell: Tell) -> None:
    tell(f"seed {seed}: {lived(seed, 24.0)}")
