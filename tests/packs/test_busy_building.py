"""A building full of cooking, steam, dust, heating and engines: the fire pack is silent there, and finds its fires."""

from __future__ import annotations

from pathlib import Path

import pytest

from model.alarm import Transition
from simulator.busy_building import PlayedFire
from tests.packs.busy import Told, district, told

RISES = {Transition.RAISED, Transition.RERAISED, Transition.UPGRADED}
#: Smoke sensors of a flat, a kitchen, a bathroom, an office, the store and the garage.
PLACES = {
    "flat": "busy/smoke-01",
    "kitchen": "busy/smoke-03",
    "bathroom": "busy/smoke-06",
    "office": "busy/smoke-09",
    "store": "busy/smoke-13",
    "garage": "busy/smoke-14",
}
#: A fire burns for half an hour, and the next one begins two hours after it did.
EVERY_S, FIRST_S = 7200.0, 4000.0


def rises(events: list[Told]) -> list[Told]:
    return [event for event in events if event.transition in RISES]


def test_given_six_hours_of_a_busy_building_then_nothing_is_told(tmp_path: Path) -> None:
    assert rises(told(district(seed=1, hours=6), tmp_path, hours=6)) == []


@pytest.mark.prove
@pytest.mark.parametrize("seed", [11, 12, 13, 14])
def test_given_a_hundred_hours_of_a_busy_building_then_nothing_is_told(seed: int, tmp_path: Path) -> None:
    assert rises(told(district(seed=seed, hours=100), tmp_path, hours=100)) == []


def delays(*, flaming: bool, tmp_path: Path, places: list[str], seed: int) -> dict[str, dict[str, float]]:
    """For each place, seconds until each grade is first reached; nothing else may be told."""
    fires = tuple(PlayedFire(PLACES[name], FIRST_S + EVERY_S * n, flaming) for n, name in enumerate(places))
    hours = (FIRST_S + EVERY_S * len(places)) / 3600
    made = district(seed=seed, hours=hours, fires=fires)
    asset = {sensor.tag: sensor.asset for sensor in made.sensors}
    found: dict[str, dict[str, float]] = {name: {} for name in places}
    for event in rises(told(made, tmp_path, hours=hours)):
        at = int((event.at_s - FIRST_S) // EVERY_S)
        assert at >= 0, event
        assert asset.get(event.tag, event.tag) == asset[fires[at].place], event
        found[places[at]].setdefault(event.grade, event.at_s - fires[at].at_s)
    return found


def test_given_a_flaming_fire_in_a_kitchen_and_one_in_an_office_then_both_are_red_within_two_minutes(
    tmp_path: Path,
) -> None:
    found = delays(flaming=True, tmp_path=tmp_path, places=["kitchen", "office"], seed=1)
    assert all(delay["red"] <= 120 for delay in found.values()), found


@pytest.mark.prove
def test_given_flaming_fires_then_every_one_is_red_within_two_minutes(tmp_path: Path) -> None:
    found = delays(flaming=True, tmp_path=tmp_path, places=list(PLACES), seed=5)
    assert all(delay.get("red", 1e9) <= 120 for delay in found.values()), found


@pytest.mark.prove
def test_given_smouldering_fires_then_every_one_is_told_within_quarter_of_an_hour(tmp_path: Path) -> None:
    found = delays(flaming=False, tmp_path=tmp_path, places=list(PLACES), seed=5)
    assert all(min(delay.values(), default=1e9) <= 900 for delay in found.values()), found
    assert all(delay.get("orange", 1e9) <= 1200 for delay in found.values()), found
