"""The packs that come with Fengsui: whole, sourced, advised, and true to their own tests."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.jobs.check_packs import CheckReport, check
from config.packs import SHIPPED, check_packs
from connectors.channel_map import load_channel_map
from model.alarm import Grade

#: The first test waits for the tests of all packs.
pytestmark = pytest.mark.timeout(600)

NAMES = ["gas", "pipeline", "fire", "plant", "series", "water"]
PACKS, WARNINGS = check_packs(NAMES, Path())
LIFE_SAFETY = {
    "gas.lel",
    "gas.well",
    "fire.room",
    "fire.smoke",
    "fire.heat",
    "fire.heat_rise",
    "fire.co",
    "fire.hot_spot",
    "fire.panel_fire",
}


@pytest.fixture(scope="module")
def report() -> CheckReport:
    return check(NAMES, Path())


@pytest.mark.prove  # `make check` plays them all
@pytest.mark.parametrize("at", range(len(PACKS.tests)), ids=[f"{test.kind}: {test.name.en}" for test in PACKS.tests])
def test_given_these_readings_then_these_alarms(at: int, report: CheckReport) -> None:
    assert report.results[at].test.place == PACKS.tests[at].place
    assert report.results[at].complaints == ()


def test_nothing_in_the_packs_looks_wrong() -> None:
    assert [str(warning) for warning in WARNINGS] == []


@pytest.mark.parametrize("name", NAMES)
def test_each_pack_stands_alone(name: str) -> None:
    packs, warnings = check_packs([name], Path())
    assert warnings == []
    assert all(rule.id.startswith(f"{name}.") for rule in packs.rules)


@pytest.mark.parametrize("path", sorted(SHIPPED.glob("*/recordings/*.yaml")), ids=lambda path: path.stem)
def test_the_channel_map_of_a_recording_names_kinds_of_its_pack(path: Path) -> None:
    packs, _ = check_packs([path.parents[1].name], Path())
    used = {rule.kind for rule in load_channel_map(path).channels if not rule.skip}
    assert used
    assert used <= {kind.id for kind in packs.kinds}


def test_every_kind_has_an_ordinary_life_that_expects_nothing() -> None:
    quiet = {test.kind for test in PACKS.tests if not test.expect and test.duration_s >= 3600}
    assert quiet >= {kind.id for kind in PACKS.kinds}


def test_every_rule_says_where_its_limits_come_from() -> None:
    for rule in PACKS.rules:
        for language, default, confirm in (
            ("en", "engineering default", ("confirm on site", "set per line")),
            ("zh", "工程缺省值", ("需现场确认", "按管线设定")),
        ):
            source = rule.source.say(language)
            assert default in source or source.startswith("GB"), rule.id
            assert any(word in source for word in confirm) or source.startswith("GB"), rule.id


def test_advice_for_every_grade_is_short_enough_to_read_in_an_alarm() -> None:
    for rule in PACKS.rules:
        assert [advice.grade for advice in rule.advice] == [spec.grade for spec in rule.grades]
        for advice in rule.advice:
            assert len(advice.text.zh) <= 60, (rule.id, advice.text.zh)
            assert len(advice.text.en) <= 200, (rule.id, advice.text.en)


def test_a_red_alarm_for_people_is_never_delayed() -> None:
    reds = {rule.id: spec.on_delay_s for rule in PACKS.rules for spec in rule.grades if spec.grade is Grade.RED}
    assert reds.keys() >= LIFE_SAFETY
    assert set(reds.values()) == {0.0}


def test_every_kind_is_watched_for_silence_bad_readings_and_a_wrong_clock() -> None:
    for kind in PACKS.kinds:
        conditions = " ".join(spec.when for rule in PACKS.rules if kind.id in rule.kinds for spec in rule.grades)
        silence = () if kind.on_change else ("silence >=",)  # these rest on the link of what carries them
        for sign in (*silence, "quality == bad", "clock_fault == 1"):
            assert sign in conditions, (kind.id, sign)


@pytest.mark.parametrize("kind", ["smoke", "co_ppm", "co_fraction", "heat_flux", "tank_level", "ch4_vol"])
def test_what_rests_on_one_value_when_all_is_well_is_not_called_stuck(kind: str) -> None:
    bound = {spec.detector for spec in PACKS.detectors if kind in spec.kinds}
    assert "flatline" not in bound
